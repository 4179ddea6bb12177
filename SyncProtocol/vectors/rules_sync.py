"""The rules of chapters 5 to 10 as plain functions, beside rules.py: what is signed, hashed and planned on the way.

Written from the text; the vectors are made with it, and the small client in ../reference speaks by it.
"""
import base64
from hashlib import blake2b, sha256

from nacl.bindings import crypto_core_ed25519_is_valid_point
from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey

import rules

SIGNATURES_MAX, SEGMENT_MAX = 16, 1_000
COMPONENTS = ("@method", "@authority", "@request-target", "content-digest")


# Chapter 1: keys

def public_key(text: object) -> bytes:
    """The 32 bytes of a key that may be used. SP-106"""
    key = rules.unb64(text)
    if len(key) != 32 or not crypto_core_ed25519_is_valid_point(key):
        raise rules.Refused("wire.shape", "no public key")
    return key


def signatures_of(json: object) -> list[dict]:
    """A list of signatures, read. SP-106"""
    if not isinstance(json, list) or len(json) > SIGNATURES_MAX:
        raise rules.Refused("wire.shape", "signatures")
    for item in json:
        if not isinstance(item, dict) or len(rules.unb64(item.get("value"))) != 64:
            raise rules.Refused("wire.shape", "a signature")
        rules.identifier(item.get("key"))
    return json


def is_signed(signatures: list[dict], public: bytes | None, message: bytes) -> bool:
    """Whether a list holds for the owner of a key. SP-106"""
    if public is None:
        return False
    for item in signatures:
        if item["key"] == rules.replica_of(public):
            try:
                VerifyKey(public).verify(message, rules.unb64(item["value"]))
                return True
            except BadSignatureError:
                pass
    return False


# Chapter 5: signed requests

def digest(body: bytes) -> str:
    """SP-506"""
    return "sha-256=:" + base64.b64encode(sha256(body).digest()).decode() + ":"


def authority(host: str) -> str:
    """SP-505"""
    host = host.lower()
    return host.rsplit(":", 1)[0] if host.endswith((":443", ":80")) else host


def signature_base(method: str, host: str, target: str, body: bytes, parameters: str, components=COMPONENTS) -> tuple[str, str]:
    """The text that is signed, and what `Signature-Input` says of it after the label. SP-505"""
    values = {"@method": method, "@authority": authority(host), "@request-target": target, "content-digest": digest(body)}
    of = "(" + " ".join(f'"{name}"' for name in components) + ")" + parameters
    return "".join(f'"{name}": {values[name]}\n' for name in components) + f'"@signature-params": {of}', of


# Chapters 7 and 8: what is signed and hashed

def segment_message(network: str, space: str, actor: str, n: int, head: bytes) -> bytes:
    """SP-706"""
    return f"cordee.segment.1\n{network}\n{space}\n{actor}\n{n}\n{rules.b64(head)}\n".encode()


def verdict_text(reason: str | None) -> str:
    """SP-807"""
    return "applied" if reason is None else "quarantined " + reason


def log_hash(previous: bytes, seq: int, actor: str, n: int, reason: str | None, change: bytes) -> bytes:
    """SP-807"""
    return rules.hash32(b"cordee.log.1\n", previous, f"{seq} {actor} {n} {verdict_text(reason)}\n".encode(), change)


def cursor_of(text: object) -> tuple[str, int, bytes]:
    """(instance, seq, log hash). SP-1003"""
    parts = text.split(".") if isinstance(text, str) else []
    if len(parts) != 3 or not (parts[1] == "0" or parts[1][:1] in "123456789" and parts[1].isdecimal() and parts[1].isascii()):
        raise rules.Refused("cursor.shape")
    rules.identifier(parts[0])
    return parts[0], int(parts[1]), rules.unhash(parts[2])


def plan(said: dict, answer: dict, own_hash) -> list[dict]:
    """The steps after hello; `own_hash` gives the text of an own change's hash by space and count. SP-703"""
    pushes, pulls = [], []
    for name, here in said["spaces"].items():
        there = answer["spaces"].get(name)
        if there is None:
            continue
        instance, seq, _ = cursor_of(here["cursor"])
        if answer["instance"] != instance:
            return [{"stop": "sync.new_instance"}]
        if there.get("rewound") is True:
            return [{"stop": "sync.rewound"}]
        own, held = here.get("n", 0), there.get("n", 0)
        if held > own or held and own_hash(name, held) != there["hash"]:
            return [{"stop": "sync.forked"}]
        if held < own:
            pushes.append({"push": name, "received": held})
        elif held:
            pushes.append({"received": name, "to": held})
        if there["seq"] > seq or any("push" in step for step in pushes):
            pulls += [{"snapshot": name}] if there.get("snapshot") is True else []
            pulls.append({"pull": name, "after": seq})
    return pushes + pulls


# Chapters 3 and 10: runs and the short form

def run_key(secret: bytes, n: int) -> bytes:
    """SP-313"""
    return blake2b(b"cordee.key.1\n" + secret + f"{n}\n".encode(), digest_size=16).digest()


def expand(lines: list[bytes], is_log: bool) -> list[bytes]:
    """The full lines that short ones stand for. SP-1012"""
    seq, header, secret, full = 0, None, None, []
    for line in lines:
        parts = rules.exact_members(line)
        if set(parts) - {"seq", "signatures", "header", "body", "run"}:
            seq, header, secret = 0, None, None
            full.append(line)
            continue
        if "run" in parts:
            secret = rules.unb64(rules.parse(parts["run"]))
            if len(secret) != 16:
                raise rules.Refused("wire.shape", "a run")
            continue
        if "body" not in parts:
            raise rules.Refused("wire.shape", "a line without body")
        if "header" in parts:
            header = parts["header"]
            network, space, actor, n, _ = rules.read_header(header)
        elif header is None:
            raise rules.Refused("wire.shape", "no header before it")
        else:
            n += 1
            header = rules.header_bytes(network, space, actor, n, {})
        body = parts["body"]
        if not body.startswith(b'{"key":"'):
            if secret is None:
                raise rules.Refused("wire.shape", "no run before it")
            body = b'{"key":"' + rules.b64(run_key(secret, n)).encode() + b'",' + body[1:]
        text = b'{"header":' + header + b',"body":' + body + b"}"
        if is_log:
            if "seq" not in parts and not seq:
                raise rules.Refused("wire.shape", "no place before it")
            seq = rules.count(rules.parse(parts["seq"])) if "seq" in parts else seq + 1
            signed = b',"signatures":' + parts["signatures"] if "signatures" in parts else b""
            text = b'{"seq":%d' % seq + signed + b',"change":' + text + b"}"
        full.append(text)
    return full


# Chapter 13: changes sealed again

def seal_again(changes: list[tuple[bytes, bytes]], point: int, actor: str, keys) -> list[bytes]:
    """The lines of an actor's changes 1 to n, given as header and body, that stand above a point, under a new actor.

    `keys` gives the 16 bytes of a body's key by count. SP-1304
    """
    full, before, lines = {}, {}, []
    for header, body in changes:
        network, space, old, n, context = rules.read_header(header)
        full = rules.merge(full, context)
        if n <= point:
            continue
        seen = rules.merge(full, {old: point} if point else {})
        told = rules.header_bytes(network, space, actor, n - point, rules.exceeding(seen, before))
        before = seen
        json = rules.read_body(body)
        again = {"key": rules.b64(keys(n - point)), "at": json["at"], "was": json.get("was", f"{old}:{n}"), "writes": json["writes"]}
        if len(rules.write(again).encode()) > rules.BODY_MAX:
            del again["was"]
        lines.append(b'{"header":' + told + b',"body":' + rules.write(again).encode() + b"}")
    return lines


# Chapters 12 and 15: messages that heal, and the lines of bundles

MARKS_MAX, HELD_MAX = 64, 2_000


def member_of(json: object, name: str, kind: type) -> object:
    """A member that must be there, of one kind."""
    if not isinstance(json, dict) or not isinstance(json.get(name), kind) or isinstance(json[name], bool) != (kind is bool):
        raise rules.Refused("wire.shape", name)
    return json[name]


def place_of(json: object) -> tuple[int, bytes]:
    """`[seq, "hash"]`. SP-1201"""
    if not isinstance(json, list) or len(json) != 2 or json[0] != 0:
        rules.count(json[0] if isinstance(json, list) and len(json) == 2 else None)
    return json[0], rules.unhash(json[1])


def read_tail(line: bytes) -> dict:
    """SP-1203"""
    tail = member_of(rules.parse(line), "tail", dict)
    marks = member_of(tail, "marks", list)
    if len(marks) > MARKS_MAX:
        raise rules.Refused("wire.shape", "marks")
    for mark in marks + ([tail["after"]] if "after" in tail else []):
        place_of(mark)
    for actor, head in member_of(tail, "heads", dict).items() if "heads" in tail else []:
        rules.identifier(actor, 24)
        rules.unhash(head)
    return tail


def read_tail_answer(line: bytes) -> dict:
    """SP-1204"""
    json = rules.parse(line)
    rules.identifier(member_of(json, "instance", str))
    place_of(json.get("common"))
    for dot in member_of(json, "wants", list):
        rules.dot(dot)
    return json


def read_held(line: bytes) -> dict[str, int]:
    """SP-1207"""
    held = member_of(rules.parse(line), "held", dict)
    if len(held) > HELD_MAX:
        raise rules.Refused("wire.shape", "held")
    for actor, n in held.items():
        rules.identifier(actor, 24)
        if n != 0 or isinstance(n, (bool, float)):
            rules.count(n)
    return held


def read_bundle(line: bytes) -> dict:
    """A bundle's first line. SP-1501"""
    json = rules.parse(line)
    if member_of(json, "bundle", int) != 1 or member_of(json, "kind", str) not in ("changes", "log"):
        raise rules.Refused("wire.shape", "bundle")
    for name in ("network", "maker"):
        rules.identifier(member_of(json, name, str))
    member_of(json, "at", str)
    for section in member_of(json, "sections", list):
        if not rules.is_name(member_of(section, "space", str)):
            raise rules.Refused("wire.shape", "space")
        member_of(section, "from", str)
        member_of(section, "to", str)
    return json


def read_lives(line: bytes) -> tuple[dict, bytes, list]:
    """A signed list of lives: what it says, what central signed, and the signatures. SP-1509"""
    parts = rules.exact_members(line)
    exact = parts.get("lives", b"null")
    lives = rules.parse(exact)
    rules.identifier(member_of(lives, "network", str))
    for life in member_of(lives, "instances", list):
        rules.identifier(member_of(life, "instance", str))
        for place in member_of(life, "places", dict).values():
            place_of(place)
    return lives, b"cordee.lives.1\n" + exact, signatures_of(rules.parse(parts.get("signatures", b"null")))


def read_bundle_line(line: bytes) -> tuple[str, object]:
    """What a line after the first is: `space`, `receipt`, `lives`, `end` or `wire`, and what `space` and `end` say. SP-1502"""
    json = rules.parse(line)
    first = next(iter(json), None) if isinstance(json, dict) else None
    if first is None:
        raise rules.Refused("wire.shape", "an empty line")
    if first == "space":
        if not rules.is_name(json[first]):
            raise rules.Refused("wire.shape", "space")
        return first, json[first]
    if first == "end":
        if json[first] != 0 or isinstance(json[first], (bool, float)):
            rules.count(json[first])
        return first, json[first]
    return (first if first in ("receipt", "lives") else "wire"), None
