"""The rules of chapters 1 to 4 as plain functions: a second implementation that makes and checks the vectors.

Written from the text for being read, not for speed. Needs Python 3.11; signatures need PyNaCl (Debian: python3-nacl).
"""
import base64
import re
from hashlib import blake2b

from rules_json import Refused, exact_members, parse, string_text, write

ZERO = bytes(32)
COUNT_MAX = 2**53 - 1


# Chapter 1: names

def identifier(text, size=16):
    """The bytes of an identifier (16), or of an actor (24). SP-101, SP-102"""
    if not isinstance(text, str) or not re.fullmatch("[0-9a-f]{%d}" % (2 * size), text):
        raise Refused("wire.shape", "no identifier")
    return bytes.fromhex(text)


def dot(text):
    """(actor, n) of `ACTOR:N`. SP-103"""
    actor, colon, count = text.partition(":")
    identifier(actor, 24)
    if not colon or not re.fullmatch("[1-9][0-9]{0,15}", count, re.ASCII) or int(count) > COUNT_MAX:
        raise Refused("wire.shape", "no dot")
    return actor, int(count)


def b64(data):
    """SP-105"""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text):
    """SP-105: the bytes of the one text that stands for them."""
    if not isinstance(text, str) or not re.fullmatch("[A-Za-z0-9_-]*", text) or len(text) % 4 == 1:
        raise Refused("wire.shape", "no base64url")
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if b64(data) != text:
        raise Refused("wire.shape", "left-over bits")
    return data


def hash32(*parts):
    """SP-105"""
    return blake2b(b"".join(parts), digest_size=32).digest()


def unhash(text):
    data = unb64(text)
    if len(data) != 32:
        raise Refused("wire.shape", "no hash")
    return data


def replica_of(public_key):
    """SP-101"""
    return blake2b(public_key, digest_size=16).hexdigest()


def is_name(text):
    """SP-107"""
    return isinstance(text, str) and re.fullmatch("[a-z][a-z0-9_]{0,63}", text) is not None


def is_table(text):
    return is_name(text) and not text.startswith(("cordee_", "sqlite_"))


# Version vectors, as dicts of actor to count. SP-104

def compare(left, right):
    more = any(n > right.get(a, 0) for a, n in left.items())
    less = any(n > left.get(a, 0) for a, n in right.items())
    return {(False, False): "equal", (True, False): "after", (False, True): "before"}.get((more, less), "concurrent")


def merge(left, right):
    return {a: max(left.get(a, 0), right.get(a, 0)) for a in sorted(left.keys() | right.keys())}


def exceeding(vector, base):
    return {a: n for a, n in sorted(vector.items()) if n > base.get(a, 0)}


# Values of cells, as (kind, content). SP-205, SP-206

def value_of(json):
    if json is None:
        return "null", None
    if isinstance(json, bool) or isinstance(json, list):
        raise Refused("wire.shape", "no value")
    if isinstance(json, int):
        return "integer", json
    if isinstance(json, float):
        return "real", json + 0.0 if json else 0.0
    if isinstance(json, str):
        return "text", json
    if len(json) == 1:
        (name, text), = json.items()
        if name in ("blob", "text") and isinstance(text, str):
            return {"blob": "blob", "text": "malformed_text"}[name], unb64(text)
        if name == "real" and text in ("Infinity", "-Infinity"):
            return "real", float(text)
    raise Refused("wire.shape", "no value")


def json_of(value):
    kind, content = value
    if kind == "blob":
        return {"blob": b64(content)}
    if kind == "malformed_text":
        return {"text": b64(content)}
    if kind == "real" and content in (float("inf"), float("-inf")):
        return {"real": "Infinity" if content > 0 else "-Infinity"}
    return content


def count(json):
    if isinstance(json, bool) or not isinstance(json, int) or not 1 <= json <= COUNT_MAX:
        raise Refused("wire.shape", "no count")
    return json


def vector_of(json):
    """SP-104"""
    if not isinstance(json, dict):
        raise Refused("wire.shape", "no vector")
    for actor in json:
        identifier(actor, 24)
    return {actor: count(n) for actor, n in sorted(json.items())}


# Chapter 3: changes

HEADER_MAX, BODY_MAX, WRITES_MAX, ROW_ID_MAX = 256 * 1024, 512 * 1024, 1_000, 128


def header_bytes(network, space, actor, n, context):
    """SP-301"""
    header = {"network": network, "space": space, "actor": actor, "n": n}
    if context:
        header["context"] = dict(sorted(context.items()))
    return write(header).encode()


def read_header(data):
    """(network, space, actor, n, context). SP-301, SP-302"""
    json = parse(data)
    if not isinstance(json, dict):
        raise Refused("wire.shape")
    identifier(json.get("network"))
    identifier(json.get("actor"), 24)
    if not is_name(json.get("space")):
        raise Refused("wire.shape", "space")
    n = count(json.get("n"))
    context = vector_of(json["context"]) if "context" in json else {}
    if json["actor"] in context:
        raise Refused("wire.shape", "its own author")
    return json["network"], json["space"], json["actor"], n, context


def read_body(data):
    """The body, decoded: SP-303, SP-304."""
    json = parse(data)
    if not isinstance(json, dict) or len(unb64(json.get("key"))) != 16:
        raise Refused("wire.shape", "key")
    if not isinstance(json.get("at"), str) or len(json["at"].encode()) > 40:
        raise Refused("wire.shape", "at")
    if "was" in json:
        if not isinstance(json["was"], str):
            raise Refused("wire.shape", "was")
        dot(json["was"])
    writes = json.get("writes")
    if not isinstance(writes, list) or not writes:
        raise Refused("wire.shape", "writes")
    if len(writes) > WRITES_MAX:
        raise Refused("wire.too_large")
    rows = set()
    for item in writes:
        read_write(item)
        rows.add((item["table"], item["id"]))
    if len(rows) < len(writes):
        raise Refused("wire.shape", "a row twice")
    return json


def read_write(item):
    if not isinstance(item, dict) or not is_table(item.get("table")):
        raise Refused("wire.shape", "table")
    if not isinstance(item.get("id"), str) or not 1 <= len(item["id"].encode()) <= ROW_ID_MAX:
        raise Refused("wire.shape", "id")
    verbs = [v for v in ("insert", "set", "delete", "undelete") if v in item]
    if len(verbs) != 1:
        raise Refused("wire.shape", "verb")
    given = item[verbs[0]]
    if verbs[0] in ("delete", "undelete"):
        if given is not True:
            raise Refused("wire.shape", "verb")
    elif not isinstance(given, dict) or not all(map(is_name, given)):
        raise Refused("wire.shape", "fields")
    else:
        for value in given.values():
            value_of(value)


def read_line(data):
    """(header bytes, body bytes or None, body hash). SP-305"""
    parts = exact_members(data)
    if "header" not in parts or set(parts) - {"header", "body", "body_hash"} or ("body" in parts) == ("body_hash" in parts):
        raise Refused("wire.shape", "a change line")
    body = parts.get("body")
    told = unhash(parse(parts["body_hash"])) if "body_hash" in parts else None
    if len(parts["header"]) > HEADER_MAX or body is not None and len(body) > BODY_MAX:
        raise Refused("wire.too_large")
    read_header(parts["header"])
    return parts["header"], body, told or body_hash(body)


def body_hash(body):
    """SP-306"""
    return hash32(b"cordee.body.1\n", body)


def change_hash(previous, of_body, header):
    """SP-307"""
    return hash32(b"cordee.change.1\n", previous, of_body, header)


# Chapter 4: rows

class Row:
    """SP-401 to SP-407. A cell is a dict of dot (actor, n) to [weight, value as JSON, marked]; None names the liveness."""

    def __init__(self):
        self.cells = {None: {}}

    def apply(self, actor, n, context, verb, fields):
        def seen(other):
            return other[1] < n if other[0] == actor else context.get(other[0], 0) >= other[1]

        weight = min(sum(context.values()) + n, 2**63 - 1)

        def put(field, value):
            kept = {d: s for d, s in self.cells.get(field, {}).items() if not seen(d)}
            self.cells[field] = kept | {(actor, n): [weight, value, False]}

        if verb != "set":
            put(None, 0 if verb == "delete" else 1)
        for field, value in fields.items():
            put(field, value)
        if verb == "delete":
            for field in self.fields():
                for d, sibling in self.cells[field].items():
                    sibling[2] = sibling[2] or seen(d)

    def fields(self):
        return sorted(f for f in self.cells if f is not None and self.cells[f])

    def winner(self, field):
        return max(self.cells[field].items(), key=lambda s: (s[1][0], s[0][0]))[1][1]

    def is_shown(self):
        alive = self.cells[None].values()
        if any(s[1] == 1 for s in alive):
            return True
        return bool(alive) and any(not s[2] for f in self.fields() for s in self.cells[f].values())

    def is_contested(self):
        return self.is_shown() and any(s[1] == 0 for s in self.cells[None].values())

    def contested_fields(self):
        return [f for f in self.fields() if len({write(s[1]) for s in self.cells[f].values()}) > 1]

    def sides(self, field):
        """(dot, value) of each side of a conflict, the one shown first; None names the liveness, whose values are True and False. SP-407"""
        def ordered(siblings):
            return sorted(siblings, key=lambda s: (s[1][0], *s[0]), reverse=True)

        if field is not None:
            return [(d, s[1]) for d, s in ordered(self.cells[field].items())]
        edits = [s for s in self.cells[None].items() if s[1][1] == 1]
        edits += [s for f in self.fields() for s in self.cells[f].items() if not s[1][2]]
        keeps = list(dict.fromkeys((d, True) for d, _ in ordered(edits)))
        return keeps + [(d, False) for d, s in sorted(self.cells[None].items()) if s[1] == 0]

    def content(self, table, row):
        """SP-412: the row's line."""
        def siblings(field):
            return [["%s:%d" % d, s[1]] for d, s in sorted(self.cells[field].items())]

        return write({"table": table, "id": row, "shown": self.is_shown(), "alive": siblings(None),
                      "fields": {f: siblings(f) for f in self.fields()}})
