#!/usr/bin/env python3
"""Checks a replica file by chapter 16, with nothing but the rules: hashes, chains, signatures, checkpoint, and every row.

Of central's own file, which does not hold its key, only what guards its rows is checked.

Usage: check_file.py FILE     Prints what was counted; exits 1 with a line for each thing that is not as it should be, 3 where
words of central's are missing that a file should keep. Sound but incomplete files (history behind a snapshot still missing)
have their rows left out. Needs python3-nacl (Debian).
"""
import sqlite3
import sys

import rules
import rules_sync
from cases_file import line


def leb128(data):
    """SP-1604"""
    numbers, value, shift = [], 0, 0
    for byte in data or b"":
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            numbers.append(value - 2**64 if value >= 2**63 else value)
            value, shift = 0, 0
    return numbers


class File:
    def __init__(self, path):
        self.db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        self.db.text_factory = bytes
        self.meta = {key.decode(): value for key, value in self.db.execute("SELECT key, value FROM cordee_meta")}
        self.names = {number: name.decode() for number, name in self.db.execute("SELECT id, name FROM cordee_name")}
        self.numbers = {name: number for number, name in self.names.items()}
        self.actors = {number: actor.hex() for number, actor in self.db.execute("SELECT id, actor FROM cordee_actor")}
        self.network = self.meta["network"].hex()
        # Central's own file does not name its key.
        self.central = self.meta.get("central_key")
        self.keys = {rules.replica_of(self.central): self.central} if self.central else {}
        self.signatures, self.found = 0, []
        # SP-1615
        has_recent = int(self.meta["layout"]) >= 4
        self.recent = {row[:2]: row[2:] for row in self.all(
            "SELECT tbl, id, line, actor, n, weight, width, exceptions FROM cordee_row_recent")} if has_recent else {}

    def all(self, sql, *values):
        return self.db.execute(sql, values).fetchall()

    def vector(self, data):
        """SP-1605"""
        numbers = leb128(data)
        return {self.actors[a]: n for a, n in zip(numbers[::2], numbers[1::2])}

    def is_signed(self, signatures, signer, message):
        holds = rules_sync.is_signed(rules_sync.signatures_of(signatures), self.keys.get(signer), message)
        self.signatures += holds
        return holds


# Table: the columns that order its rows, then the others. SP-1614
GUARDED = {
    "evidence": ("id", "at, space, kind, code, message, statements, settled_at"),
    "settlement": ("id", "evidence, at, author, note"),
    "refusal": ("id", "entry, at, author, note"), "parcel": ("id", "refused"),
    "adrift": ("space, actor, n, hash", "seq, header, body, body_hash, signatures, refused"),
    "invite": ("hash", "organisation, role, expires, used_by"), "outbox": ("id", "space, body"),
    "member": ("replica", "key, organisation, role, name, enrolled_at, revoked_at"),
    "instance": ("number", "instance, at, cause, places"), "tip": ("space, hash", "seq, at, offered_by"),
    "lost": ("space, actor", "n, at"), "fork": ("space, actor, n, hash", "second"), "report": ("number", "report"),
    "aside": ("id", "space, actor, n_from, n_to, reason, lines"),
}


def cells(file, columns, rest):
    """The rows of a query, each column as its type and its bytes."""
    parts = ", ".join(f"typeof({c}), CAST({c} AS BLOB)" for c in columns.split(", "))
    for row in file.db.execute(f"SELECT {parts} {rest}"):
        yield [(kind, data or b"") for kind, data in zip(row[::2], row[1::2])]


def facts_hash(file):
    """SP-1613"""
    whole = [b"cordee facts 1\0"]
    for (_, key), (kind, data) in cells(file, "key, value", "FROM cordee_meta WHERE key <> 'guard' ORDER BY key"):
        whole += [b"%d " % len(part) + part for part in (key, kind, data)]
    return rules.hash32(*whole)


def rows_hash(file, name):
    """SP-1614"""
    (keys, others), last = GUARDED[name], bytes(32)
    some = "WHERE refused IS NOT NULL" if name == "parcel" else ""
    for row in cells(file, f"{keys}, {others}", f"FROM cordee_{name} {some} ORDER BY {keys}"):
        last = rules.hash32(b"cordee rows 1\0", last, *(b"%s %d " % (kind, len(data)) + data for kind, data in row))
    return last


def altered(file):
    """What is not as it was written where no signature and no history could show it. SP-1613, SP-1614"""
    if file.meta.get("guard") != facts_hash(file):
        yield "the facts in cordee_meta are not those that were written"
    tables = {name.decode() for name, in file.db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    for name in GUARDED:
        told = file.meta.get(f"guard.{name}")
        if told is not None and (f"cordee_{name}" not in tables or rows_hash(file, name) != told):
            yield f"rows of cordee_{name} are not those that were written"


def recent(file):
    """Stamps that stand before no line of a settled row, or before an altered one. SP-1615, SP-1616"""
    if len(file.recent) != file.meta.get("recent_stamps", 0):
        yield "there are not as many recent stamps as cordee_meta says"
    for (table, row), (told, *_, width, _) in file.recent.items():
        lines = file.all("SELECT actor, n, weight, width, exceptions FROM cordee_row WHERE tbl = ? AND id = ?", table, row.decode())
        if width < 0 or not lines or lines[0][3] < 0:
            yield f"a recent stamp stands before no settled row: {file.names.get(table)}/{row.decode()}"
        elif line(lines[0][:4], lines[0][4]) != told:
            yield f"the line behind a recent stamp was altered: {file.names.get(table)}/{row.decode()}"


def kept_ordinals(newest):
    """The ordinals of the checkpoints that are kept when one is the newest. SP-1617"""
    kept, ordinal, step = set(), newest, 1
    while ordinal > 1:
        distance = newest - ordinal
        step = 1 if distance < 32 else 1 << distance.bit_length() - 5
        if ordinal % step == 0:
            kept.add(ordinal)
        ordinal = (ordinal - 1) // step * step
    return kept | {1}


def kept(file, space):
    """(what is damaged, what is missing) of central's words that a file keeps: checkpoints and receipts. SP-1617, SP-1618"""
    damaged, missing = [], []
    tables = {name.decode() for name, in file.all("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    signer = rules.replica_of(file.central)

    def words(table, columns, member):
        """The rows of a table, each with what central signed in its line."""
        for *row, line in file.all(f"SELECT {columns}, line FROM {table} WHERE space = ? ORDER BY 1", space) if table in tables else ():
            parts = rules.exact_members(line)
            preimage = b"cordee.%s.1\n" % member.encode() + parts[member]
            if not file.is_signed(rules.parse(parts["signatures"]), signer, preimage):
                damaged.append(f"{space}: a {member} that is kept is not central's")
            yield row, rules.parse(parts[member])

    places = []
    for (ordinal, seq, instance, log_hash), told in words("cordee_checkpoint", "ordinal, seq, instance, hash", "checkpoint"):
        places.append((ordinal, (seq, instance.hex(), rules.b64(log_hash))))
        if (told["space"], told["seq"], told["instance"], told["hash"]) != (space, *places[-1][1]):
            damaged.append(f"{space}: a checkpoint is kept under another place than its own")
    line = file.meta.get(f"checkpoint.{space}")
    if line is not None:
        told = rules.parse(rules.exact_members(line)["checkpoint"])
        if not places:
            missing.append(f"{space}: no checkpoint is kept")
        elif places[-1][1] != (told["seq"], told["instance"], told["hash"]):
            damaged.append(f"{space}: the newest checkpoint that is kept is not checkpoint.{space}")
        if places and not kept_ordinals(places[-1][0]) <= {ordinal for ordinal, _ in places}:
            damaged.append(f"{space}: checkpoints that were kept are missing")
    promised = {}
    for (actor, n, change_hash), told in words("cordee_receipt", "actor, n, hash", "receipt"):
        promised[actor.hex()] = n
        if {"actor": actor.hex(), "n": n, "hash": rules.b64(change_hash)} not in told["heads"]:
            damaged.append(f"{space}: a receipt is kept under another change than its own")
    actor, _, n = file.meta.get(f"received.{space}", b" 0").decode().partition(" ")
    if actor == file.meta["actor"].hex():
        waiting = [m for number, m in file.all("SELECT actor, n FROM cordee_change WHERE space = ? AND state = 0", file.numbers.get(space, -1))
                   if file.actors[number] == actor and promised.get(actor, 0) < m <= int(n)]
        if waiting:
            missing.append(f"{space}: no receipt is here of {len(waiting)} own changes that count as received")
    return damaged, missing


class Space:
    """One space's log, replayed: SP-1610, SP-1611."""

    def __init__(self, file, name):
        self.file, self.name, self.number = file, name, file.numbers.get(name, -1)
        self.say = file.found.append
        self.heads, self.contexts, self.rows, self.unsigned = {}, {}, {}, {}
        gap = file.meta.get(f"gap.{name}")
        self.has_gap = gap is not None
        if self.has_gap:
            return
        self.replay()
        self.checkpoint()
        self.waiting()
        self.compare()
        self.compare_heads()

    def change(self, actor, n, header, body, body_hash, stored):
        """Whether a change is what its hashes say, at its place."""
        before, previous = self.heads.get(actor, (0, rules.ZERO))
        told = rules.body_hash(body) if body is not None else body_hash
        right = rules.change_hash(previous, told, header)
        network, space, author, count, context = rules.read_header(header)
        if (network, space, author, count) != (self.file.network, self.name, actor, n) or n != before + 1:
            self.say(f"{self.name}: {actor}:{n} stands at another place than its own")
        if told != body_hash or right != stored:
            self.say(f"{self.name}: {actor}:{n} is not what was hashed")
        self.heads[actor] = (n, stored)
        self.contexts[actor] = rules.merge(self.contexts.get(actor, {}), context)
        return self.contexts[actor]

    def replay(self):
        place = rules.ZERO
        self.end = (0, place)
        for seq, number, n, reason, log_hash, signatures, header, body, body_hash, stored in self.file.all(
                "SELECT l.seq, l.actor, l.n, l.reason, l.hash, l.signatures, c.header, c.body, c.body_hash, c.hash FROM cordee_log l "
                "JOIN cordee_change c ON c.space = l.space AND c.actor = l.actor AND c.n = l.n WHERE l.space = ? ORDER BY l.seq",
                self.number):
            actor = self.file.actors[number]
            context = self.change(actor, n, header, body, body_hash, stored)
            place = rules_sync.log_hash(place, seq, actor, n, reason and reason.decode(), stored)
            if place != log_hash:
                self.say(f"{self.name}: entry {seq} does not follow the one before it")
                place = log_hash
            if reason is None and body is not None:
                self.apply(self.rows, actor, n, context, rules.read_body(body))
            self.unsigned[actor] = n
            if signatures is not None:
                message = rules_sync.segment_message(self.file.network, self.name, actor, n, stored)
                if self.file.is_signed(rules.parse(signatures), actor[:32], message):
                    del self.unsigned[actor]
            self.end = (seq, place)
        for actor, n in self.unsigned.items():
            self.say(f"{self.name}: {actor}:{n} is not signed by its author")

    def apply(self, rows, actor, n, context, body):
        for item in body["writes"]:
            verb = next(v for v in ("insert", "set", "delete", "undelete") if v in item)
            fields = item[verb] if verb in ("insert", "set") else {}
            key = item["table"], item["id"]
            rows.setdefault(key, rules.Row()).apply(actor, n, context, verb, fields)
            if item["table"] == "replica" and "key" in fields and actor[:32] == rules.replica_of(self.file.central):
                public = rules.unb64(fields["key"])
                if rules.replica_of(public) == item["id"]:
                    self.file.keys[item["id"]] = public

    def checkpoint(self):
        line = self.file.meta.get(f"checkpoint.{self.name}")
        if line is None:
            return self.say(f"{self.name}: there is no checkpoint") if self.end[0] else None
        parts = rules.exact_members(line)
        told = rules.parse(parts["checkpoint"])
        signer = rules.replica_of(self.file.central)
        if not self.file.is_signed(rules.parse(parts["signatures"]), signer, b"cordee.checkpoint.1\n" + parts["checkpoint"]):
            self.say(f"{self.name}: the checkpoint is not central's")
        if (told["network"], told["space"], told["seq"], rules.unhash(told["hash"])) != (self.file.network, self.name, *self.end):
            self.say(f"{self.name}: the checkpoint is not at the end of the log")
        cursor = self.file.meta.get(f"cursor.{self.name}")
        if cursor is not None and cursor.decode() != f"{told['instance']}.{told['seq']}.{told['hash']}":
            self.say(f"{self.name}: the cursor is not at the checkpoint")

    def waiting(self):
        """Own changes without a verdict chain on; their rows are compared on top of the bases."""
        self.own = []
        for number, n, header, body, body_hash, stored in self.file.all(
                "SELECT actor, n, header, body, body_hash, hash FROM cordee_change WHERE space = ? AND state = 0 ORDER BY actor, n", self.number):
            actor = self.file.actors[number]
            context = self.change(actor, n, header, body, body_hash, stored)
            self.own.append((actor, n, context, rules.read_body(body)))

    def compare(self):
        for actor, n, context, body in self.own:
            self.apply(self.rows, actor, n, context, body)
        tables = {table for table, _ in self.rows}
        for table in sorted(tables):
            number = self.file.numbers.get(table, -1)
            columns = [c[1].decode() for c in self.file.all(f'PRAGMA table_info("{table}")')][1:]
            shown = {row[0].decode(): row[1:] for row in self.file.all(f'SELECT * FROM "{table}"')} if columns else {}
            touched = {row[0].decode() for row in self.file.all("SELECT DISTINCT id FROM cordee_touched WHERE tbl = ?", table)}
            stored = {}
            for row, a, n, weight, width, exceptions in self.file.all(
                    "SELECT id, actor, n, weight, width, exceptions FROM cordee_row WHERE tbl = ?", number):
                if (number, row) in self.file.recent:
                    _, a, n, weight, width, exceptions = self.file.recent[number, row]
                row = row.decode()
                stored[row] = self.stored(number, row, columns, shown.get(row), a, n, weight, width, exceptions)
            for (name, row), state in self.rows.items():
                if name != table or row in touched:
                    continue
                if stored.get(row) != plain(state):
                    self.say(f"{self.name}: {table}/{row} is not what its changes make of it")
                if columns and (row in shown) != state.is_shown():
                    self.say(f"{self.name}: {table}/{row} is shown and should not be, or the other way round")
            for row in set(shown) | {row for row, cells in stored.items() if cells}:
                if (table, row) not in self.rows and row not in touched:
                    self.say(f"{self.name}: no change wrote {table}/{row}")

    def stored(self, table, row, columns, values, a, n, weight, width, exceptions):
        """SP-1606"""
        if width < 0:
            cells = {}
            for field, actor, m, w, seen, value in self.file.all(
                    "SELECT field, actor, n, weight, seen, value FROM cordee_sibling WHERE tbl = ? AND id = ?", table, row.encode().decode()):
                name = self.file.names[field]
                dot = self.file.actors[actor], m
                cells.setdefault(None if name == "$alive" else name, {})[dot] = [w, text_of(value), seen == 1]
            return cells
        mark = ((self.file.actors[a], n), weight)
        places = {place: mark for place in range(-1, width)}
        numbers = leb128(exceptions)
        for i in range(0, len(numbers), 4):
            field, actor, m, w = numbers[i:i + 4]
            places[field] = ((self.file.actors[actor], m), w)
        cells = {}
        for place, (dot, w) in places.items():
            value = rules.write(1) if place < 0 else text_of(values[place]) if values else None
            cells[None if place < 0 else columns[place]] = {dot: [w, value, False]}
        return cells

    def compare_heads(self):
        known = {self.file.actors[a]: (n, h, self.file.vector(c)) for a, n, h, c in
                 self.file.all("SELECT actor, n, hash, context FROM cordee_known WHERE space = ?", self.number)}
        right = {actor: (n, h, self.contexts[actor]) for actor, (n, h) in self.heads.items()}
        if known != right:
            self.say(f"{self.name}: what is known of authors is not where their chains end")


def text_of(value):
    """A stored value as its one text. SP-206"""
    if isinstance(value, bytes):
        try:
            return rules.string_text(value.decode("utf-8"))
        except UnicodeDecodeError:
            return rules.write({"text": rules.b64(value)})
    if isinstance(value, memoryview):
        return rules.write({"blob": rules.b64(bytes(value))})
    return rules.write(rules.json_of(("real", value)) if isinstance(value, float) else value)


def plain(row):
    return {field: {d: [s[0], rules.write(s[1]), s[2]] for d, s in cell.items()} for field, cell in row.cells.items() if cell}


def check(path):
    """(what is not as it should be, what should be there and is not, what was counted) of a replica file."""
    try:
        file = File(path)
        file.found += [line.decode() for line, in file.all("PRAGMA integrity_check") if line != b"ok"]
        file.found += [*altered(file), *recent(file)]
        if file.central is None and "instance" in file.meta:
            return file.found, [], "central's own file: facts and guarded rows alone"
        names = file.meta["spaces"].decode().split()
        spaces, missing = [Space(file, name) for name in names], []
        for name in names:
            damaged, absent = kept(file, name)
            file.found += damaged
            missing += absent
    except (sqlite3.Error, rules.Refused, ArithmeticError, LookupError, TypeError, ValueError) as problem:
        return [f"this file cannot be read as chapter 16 says ({type(problem).__name__})"], [], ""
    whole = [s for s in spaces if not s.has_gap]
    return file.found, missing, (
        f"{sum(n for s in whole for n, _ in s.heads.values())} changes, {file.signatures} signatures, "
        f"{sum(len(s.rows) for s in whole)} rows, {len(spaces) - len(whole)} spaces without their history")


if __name__ == "__main__":
    findings, missing, counted = check(sys.argv[1])
    print(*findings, *missing, counted, sep="\n")
    sys.exit(1 if findings else 3 if missing else 0)
