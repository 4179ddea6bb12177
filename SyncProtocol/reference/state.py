"""A replica as this client keeps it: one small SQLite file of lines, and the rows that follow from them. Chapters 3, 4

The file holds facts, the log's lines as they came, own changes that have no verdict yet, and receipts. Nothing else is
kept: whoever opens it reads and verifies every line again, and so cannot be misled by an altered file. SP-1005
"""
import os
import sqlite3
from pathlib import Path

from nacl.signing import SigningKey

import rules
import rules_sync

from .log import Author, Change, Keys, Log, chained

TABLES = """
CREATE TABLE fact(name TEXT PRIMARY KEY NOT NULL, value TEXT NOT NULL) STRICT;
CREATE TABLE line(space TEXT NOT NULL, place INTEGER NOT NULL, line BLOB NOT NULL, PRIMARY KEY(space, place)) STRICT;
CREATE TABLE own(space TEXT NOT NULL, n INTEGER NOT NULL, line BLOB NOT NULL, PRIMARY KEY(space, n)) STRICT;
CREATE TABLE receipt(space TEXT NOT NULL, line BLOB NOT NULL) STRICT;
"""

# The checkpoint stands behind every place of the log.
END = 2**53
Rows = dict[tuple[str, str], rules.Row]


def key_of(path: str) -> SigningKey:
    """The device's key, in a file of its own beside the replica; drawn when there is none. SP-604"""
    file = Path(path + ".key")
    if not file.exists():
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            out.write(SigningKey.generate().encode())
            out.flush()
            os.fsync(out.fileno())
    return SigningKey(file.read_bytes())


def create(path: str, facts: dict[str, str]) -> None:
    """A new file for a device that was enrolled. SP-606"""
    if Path(path).exists():
        raise rules.Refused("file.exists", path)
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    with sqlite3.connect(path) as db:
        db.executescript(TABLES)
        db.executemany("INSERT INTO fact VALUES(?, ?)", facts.items())
    db.close()


class Replica:
    """An open file, verified from its first line to its last."""

    def __init__(self, path: str):
        self.path = path
        self.db = sqlite3.connect(f"file:{path}?mode=rw", uri=True)
        facts = dict(self.db.execute("SELECT name, value FROM fact"))
        self.facts: dict[str, str] = facts
        self.network, self.instance, self.actor = facts["network"], facts["instance"], facts["actor"]
        self.spaces = facts["spaces"].split()
        self.keys = Keys(rules_sync.public_key(facts["central_key"]))
        self.logs = {space: self.read_log(space, self.keys) for space in self.spaces}
        self.own = {space: self.read_own(space) for space in self.spaces}

    def read_log(self, space: str, keys: Keys, upto: int = END) -> Log:
        """A space's log as the file has it, or its beginning up to a place, verified anew."""
        log = Log(self.network, space, keys)
        for line, in self.db.execute("SELECT line FROM line WHERE space = ? AND place <= ? ORDER BY place", (space, upto)):
            log.read(line, self.instance)
        return log

    def read_own(self, space: str) -> list[Change]:
        """Own changes that wait for a verdict; they chain on where the log ends."""
        known = self.logs[space].authors.get(self.actor, Author())
        end = Author(known.n, known.hash, known.context)
        rows = self.db.execute("SELECT line FROM own WHERE space = ? ORDER BY n", (space,))
        return [chained(line, end, self.network, space) for line, in rows]

    # What is known

    def head(self, space: str) -> Author:
        """The newest own change: count, hash, full context."""
        if self.own[space]:
            last = self.own[space][-1]
            return Author(last.n, last.hash, last.context)
        return self.logs[space].authors.get(self.actor, Author())

    def own_hash(self, space: str, n: int) -> str | None:
        """The text of an own change's hash. SP-703"""
        own = [entry.change for entry in self.logs[space].entries if entry.change.actor == self.actor] + self.own[space]
        return next((rules.b64(change.hash) for change in own if change.n == n), None)

    def rows(self, space: str, merged_alone: bool = False) -> Rows:
        """Every row that was ever written: the log's changes in its order, then own ones that wait. SP-411"""
        found: Rows = {}
        applied = [entry.change for entry in self.logs[space].entries if entry.reason is None]
        for change in applied + ([] if merged_alone else self.own[space]):
            for item in rules.read_body(change.body)["writes"] if change.body is not None else []:
                verb = next(v for v in ("insert", "set", "delete", "undelete") if v in item)
                fields = item[verb] if verb in ("insert", "set") else {}
                row = found.setdefault((item["table"], item["id"]), rules.Row())
                row.apply(change.actor, change.n, change.context, verb, fields)
        return found

    def digest(self, space: str) -> str:
        """SP-412"""
        rows = self.rows(space, merged_alone=True)
        lines = [row.content(*name) for name, row in sorted(rows.items(), key=lambda r: tuple(t.encode() for t in r[0]))]
        return rules.b64(rules.hash32("".join(line + "\n" for line in lines).encode()))

    # What changes

    def seal(self, space: str, writes: list[dict], at: str) -> Change:
        """Makes one change of what one command edited. SP-302, SP-303, SP-309, SP-310"""
        head = self.head(space)
        seen = {actor: author.n for actor, author in self.logs[space].authors.items() if actor != self.actor}
        header = rules.header_bytes(self.network, space, self.actor, head.n + 1, rules.exceeding(seen, head.context))
        body = rules.write({"key": rules.b64(os.urandom(16)), "at": at, "writes": writes}).encode()
        change = chained(b'{"header":' + header + b',"body":' + body + b"}", head, self.network, space)
        rules.read_body(body)
        with self.db:
            self.db.execute("INSERT INTO own VALUES(?, ?, ?)", (space, change.n, change.line))
        self.own[space].append(change)
        return change

    def keep_receipt(self, space: str, line: bytes) -> None:
        with self.db:
            self.db.execute("INSERT INTO receipt VALUES(?, ?)", (space, line))

    def ahead(self, space: str, upto: int = END) -> Log:
        """The log of a space to be read on from; what it learns counts once it is taken. SP-1009"""
        return self.read_log(space, Keys(self.keys.central, dict(self.keys.members)), upto)

    def take(self, space: str, log: Log) -> int:
        """Takes what was read ahead up to a checkpoint, all or nothing; tells how many entries were new. SP-1005, SP-1010"""
        if log.covered != log.seq:
            raise rules.Refused("log.incomplete", f"{space}: no checkpoint at its end")
        new = log.entries[len(self.logs[space].entries):]
        mine = {entry.change.n: entry.change.hash for entry in new if entry.change.actor == self.actor}
        if not mine.items() <= {change.n: change.hash for change in self.own[space]}.items():
            raise rules.Refused("sync.forked", space)
        with self.db:
            self.db.execute("DELETE FROM line WHERE space = ? AND place = ?", (space, END))
            self.db.executemany("INSERT INTO line VALUES(?, ?, ?)", [(space, entry.seq, entry.line) for entry in new])
            self.db.execute("INSERT INTO line VALUES(?, ?, ?)", (space, END, log.checkpoint))
            self.db.execute("DELETE FROM own WHERE space = ? AND n <= ?", (space, log.authors.get(self.actor, Author()).n))
        self.logs[space], self.keys = log, log.keys
        self.own[space] = self.read_own(space)
        return len(new)
