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
