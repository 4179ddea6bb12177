"""Bundles, verified line by line as they would be from the wire. Chapter 15"""
from dataclasses import dataclass, field

import rules
import rules_sync

from .client import signed_receipt
from .log import Author, Log, chained, lines_of, object_of
from .state import Replica
from .wire import unpacked

DECODED_MAX = 256 << 20


@dataclass
class Found:
    """What a bundle holds, once all of it was verified."""

    kind: str
    entries: int = 0
    segments: int = 0
    receipts: int = 0
    instance: str = ""
    logs: dict[str, Log] = field(default_factory=dict)


def verify(data: bytes, replica: Replica) -> Found:
    """Verifies a whole bundle beside a replica that knows the network; anything wrong raises `rules.Refused`. SP-1501 ff."""
    if data[:4] == b"\x28\xb5\x2f\xfd":
        data = unpacked(data, DECODED_MAX)
    lines = lines_of(data)
    head = rules_sync.read_bundle(lines[0] if lines else b"{}")
    if head.get("network") != replica.network:
        raise rules.Refused("bundle.network", "made for another network")
    if head.get("for", replica.actor[:32]) != replica.actor[:32]:
        raise rules.Refused("bundle.reader", "made for another device")
    if rules_sync.read_bundle_line(lines[-1]) != ("end", len(lines) - 2):
        raise rules.Refused("bundle.damaged", "its end is missing")
    found = Found(head["kind"], instance=replica.instance)
    starts = {section["space"]: section["from"] for section in head["sections"]}
    space, part = "", []
    for line in lines[1:-1] + [b'{"space":"end"}']:
        kind, name = rules_sync.read_bundle_line(line)
        if kind == "space":
            read_part(found, replica, space, starts.get(space), part)
            space, part = name, []
        elif kind == "lives":
            read_lives(found, replica, line)
        elif kind == "receipt":
            told = signed_receipt(replica, space, line)
            if told["instance"] != found.instance:
                continue
            if any(h["actor"] == replica.actor and replica.own_hash(space, h["n"]) != h["hash"] for h in told["heads"]):
                raise rules.Refused("receipt.broken", space)
            found.receipts += 1
        else:
            part.append(line)
    return found


def read_lives(found: Found, replica: Replica, line: bytes) -> None:
    """Central's list of lives: whether the bundle is of a later one than the replica knows. SP-1509"""
    told, message, signatures = rules_sync.read_lives(line)
    if told["network"] != replica.network or not rules_sync.is_signed(signatures, replica.keys.central, message):
        raise rules.Refused("bundle.lives", "not signed by this network's central")
    lives = [life["instance"] for life in told["instances"]]
    if replica.instance in lives:
        found.instance = lives[-1]


def read_part(found: Found, replica: Replica, space: str, start: object, lines: list[bytes]) -> None:
    """The lines of one space."""
    if not lines:
        return
    if space not in replica.spaces:
        raise rules.Refused("bundle.shape", f"space {space}")
    if found.kind == "log":
        read_log(found, replica, space, start, lines)
    else:
        read_changes(found, replica, space, lines)


def read_log(found: Found, replica: Replica, space: str, start: object, lines: list[bytes]) -> None:
    """Entries from a cursor on, compared with those held at the same places. SP-1506"""
    instance, seq, log_hash = rules_sync.cursor_of(start)
    log = replica.ahead(space, upto=seq)
    if instance != found.instance:
        raise rules.Refused("sync.new_instance", "from another life of central")
    if (log.seq, log.hash) != (seq, log_hash):
        raise rules.Refused("bundle.history", f"{space}: begins after what is held, or on another history")
    before = len(log.entries)
    for line in lines:
        log.read(line, instance)
    if log.covered != log.seq:
        raise rules.Refused("log.incomplete", f"{space}: no checkpoint at its end")
    held = {entry.seq: entry.hash for entry in replica.logs[space].entries}
    mine = [entry.change for entry in log.entries if entry.change.actor == replica.actor]
    if any(replica.own_hash(space, change.n) != rules.b64(change.hash) for change in mine):
        raise rules.Refused("sync.forked", f"{space}: a copy of this file wrote under its name")
    # In a later life central may well have another history above the common place.
    if instance == replica.instance and any(held.get(entry.seq, entry.hash) != entry.hash for entry in log.entries):
        raise rules.Refused("checkpoint.split", f"{space}: central signed two histories")
    found.entries += len(log.entries) - before
    found.logs[space] = log


def read_changes(found: Found, replica: Replica, space: str, lines: list[bytes]) -> None:
    """Members' segments: chain, head, signature, places. SP-705 to SP-708, SP-1505"""
    place = 0
    while place < len(lines):
        parts = rules.exact_members(lines[place])
        segment = object_of(parts.get("segment", b"null"))
        actor, first, last = segment["actor"], rules.count(segment["from"]), rules.count(segment["to"])
        if not 0 <= last - first < rules_sync.SEGMENT_MAX or place + 1 + last - first >= len(lines):
            raise rules.Refused("wire.shape", "a segment's length")
        author = Author(first - 1, rules.unhash(segment["previous"]))
        for n in range(first, last + 1):
            change = chained(lines[place + 1 + n - first], author, replica.network, space)
            if change.actor != actor:
                raise rules.Refused("segment.header", f"{actor}:{n}")
            if n > first and b'"context"' in change.header:
                raise rules.Refused("segment.context", f"{actor}:{n}")
            if change.body is None:
                raise rules.Refused("segment.body", f"{actor}:{n}")
        message = rules_sync.segment_message(replica.network, space, actor, last, author.hash)
        signatures = rules_sync.signatures_of(rules.parse(parts.get("signatures", b"[]")))
        if author.hash != rules.unhash(segment["head"]) or not rules_sync.is_signed(
                signatures, replica.keys.of(actor[:32]), message):
            raise rules.Refused("segment.signature", f"{actor}:{last}")
        found.segments += 1
        place += 2 + last - first
