"""The log of one space, read and verified line by line before anything takes effect. Chapters 8 and 10."""
from dataclasses import dataclass, field

import rules
import rules_sync


@dataclass(frozen=True)
class Change:
    """A change at its place in its author's chain. Chapter 3"""

    actor: str
    n: int
    context: dict[str, int]
    header: bytes
    body: bytes | None
    body_hash: bytes
    hash: bytes

    @property
    def line(self) -> bytes:
        """SP-305"""
        if self.body is None:
            return b'{"header":' + self.header + b',"body_hash":"' + rules.b64(self.body_hash).encode() + b'"}'
        return b'{"header":' + self.header + b',"body":' + self.body + b"}"


@dataclass(frozen=True)
class Entry:
    """A change with its place and its verdict, and the line it came in. SP-1001"""

    seq: int
    change: Change
    reason: str | None
    hash: bytes
    line: bytes


@dataclass
class Author:
    """How far one author's chain is known: count, hash and full context there. SP-302, SP-307"""

    n: int = 0
    hash: bytes = rules.ZERO
    context: dict[str, int] = field(default_factory=dict)


@dataclass
class Keys:
    """Central's pinned key, and those it enrolled in the log of the first space. SP-604, SP-605"""

    central: bytes
    members: dict[str, bytes] = field(default_factory=dict)

    def of(self, replica: str) -> bytes | None:
        if replica == rules.replica_of(self.central):
            return self.central
        return self.members.get(replica)

    def learn(self, change: Change) -> None:
        """Takes the keys that a change of central enrols."""
        if change.body is None or change.actor[:32] != rules.replica_of(self.central):
            return
        for item in rules.read_body(change.body)["writes"]:
            text = item.get("insert", item.get("set", {})).get("key") if item["table"] == "replica" else None
            if isinstance(text, str):
                key = rules_sync.public_key(text)
                if rules.replica_of(key) == item["id"]:
                    self.members[item["id"]] = key


def object_of(data: bytes) -> dict:
    """One JSON object; anything else is refused."""
    told = rules.parse(data)
    if not isinstance(told, dict):
        raise rules.Refused("wire.shape", "no object")
    return told


def lines_of(data: bytes) -> list[bytes]:
    """SP-207"""
    return [line for line in data.split(b"\n") if line]


def chained(line: bytes, author: Author, network: str, space: str) -> Change:
    """A change line that follows its author's change before it, which moves on. SP-302, SP-307"""
    header, body, body_hash = rules.read_line(line)
    told_network, told_space, actor, n, context = rules.read_header(header)
    if (told_network, told_space, n) != (network, space, author.n + 1):
        raise rules.Refused("segment.header", f"{actor}:{n} stands at another place than its own")
    change_hash = rules.change_hash(author.hash, body_hash, header)
    author.n, author.hash, author.context = n, change_hash, rules.merge(author.context, context)
    return Change(actor, n, author.context, header, body, body_hash, change_hash)


class Log:
    """What is verified of one space's log, and what came since the checkpoint that covers it.

    Everything that fails raises `rules.Refused`; what was read until then must be thrown away. SP-1009
    """

    def __init__(self, network: str, space: str, keys: Keys):
        self.network, self.space, self.keys = network, space, keys
        self.entries: list[Entry] = []
        self.authors: dict[str, Author] = {}
        self.checkpoint: bytes | None = None
        self.covered = 0
        self.unsigned: set[str] = set()

    @property
    def seq(self) -> int:
        return self.entries[-1].seq if self.entries else 0

    @property
    def hash(self) -> bytes:
        return self.entries[-1].hash if self.entries else rules.ZERO

    def cursor(self, instance: str) -> str:
        """SP-1003"""
        return f"{instance}.{self.seq}.{rules.b64(self.hash)}"

    def read(self, line: bytes, instance: str) -> bool:
        """Takes a line in full form, and tells whether it was the checkpoint at the log's end."""
        parts = rules.exact_members(line)
        if "checkpoint" in parts:
            self.read_checkpoint(parts, instance)
            self.checkpoint, self.covered = line, self.seq
            return True
        self.read_entry(parts, line)
        return False

    def read_entry(self, parts: dict[str, bytes], line: bytes) -> None:
        """SP-1006, SP-1007"""
        if "seq" not in parts or "change" not in parts:
            raise rules.Refused("wire.shape", "no entry of a log")
        seq = rules.count(rules.parse(parts["seq"]))
        reason = None
        if "verdict" in parts:
            reason = rules.parse(parts.get("reason", b"null"))
            if rules.parse(parts["verdict"]) != "quarantined" or not isinstance(reason, str):
                raise rules.Refused("wire.shape", "verdict")
        if seq <= self.seq:
            raise rules.Refused("log.order", f"{self.space} {seq}")
        actor = rules.read_header(rules.read_line(parts["change"])[0])[2]
        change = chained(parts["change"], self.authors.setdefault(actor, Author()), self.network, self.space)
        self.unsigned.add(actor)
        if "signatures" in parts:
            message = rules_sync.segment_message(self.network, self.space, actor, change.n, change.hash)
            signatures = rules_sync.signatures_of(rules.parse(parts["signatures"]))
            if self.keys.of(actor[:32]) is None:
                raise rules.Refused("log.key", f"{self.space} {seq}: {actor[:32]} is in no log read so far")
            if not rules_sync.is_signed(signatures, self.keys.of(actor[:32]), message):
                raise rules.Refused("log.signature", f"{self.space} {seq}")
            self.unsigned.discard(actor)
        if reason is None and change.body is not None:
            rules.read_body(change.body)
            self.keys.learn(change)
        told = rules_sync.log_hash(self.hash, seq, actor, change.n, reason, change.hash)
        self.entries.append(Entry(seq, change, reason, told, line))

    def read_checkpoint(self, parts: dict[str, bytes], instance: str) -> None:
        """SP-1007, SP-1008"""
        exact = parts["checkpoint"]
        signatures = rules_sync.signatures_of(rules.parse(parts.get("signatures", b"[]")))
        if not rules_sync.is_signed(signatures, self.keys.central, b"cordee.checkpoint.1\n" + exact):
            raise rules.Refused("log.checkpoint", self.space)
        told = object_of(exact)
        here = (self.network, instance, self.space, self.seq, rules.b64(self.hash))
        if tuple(told.get(name) for name in ("network", "instance", "space", "seq", "hash")) != here:
            raise rules.Refused("log.checkpoint", f"{self.space} {self.seq}")
        if self.unsigned:
            raise rules.Refused("log.incomplete", self.space)
