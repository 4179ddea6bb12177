"""The command line. Exit codes: 0 done, 1 refused, 2 usage, 3 something needs a person."""
import argparse
import json
import sqlite3
import sys
from pathlib import Path

import check_file
import rules

from . import bundle, client, evidence
from .state import Replica, key_of
from .wire import Problem


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="reference", description="A second client of the protocol.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, words: str, text: str) -> argparse.ArgumentParser:
        found = commands.add_parser(name, help=text, description=text)
        for word in words.split():
            found.add_argument(word)
        return found

    command("join", "invite file", "redeem an invite and make FILE").add_argument("--name", default="")
    for verb, text in (("insert", "make a record"), ("set", "change fields of a record")):
        command(verb, "file table id", text).add_argument("fields", nargs="*", metavar="FIELD=VALUE")
    command("delete", "file table id", "delete a record")
    command("undelete", "file table id", "bring a deleted record back")
    command("resolve", "file table id field keep", "settle a conflict by the side with that number; FIELD is - for a deletion")
    command("sync", "file", "hello, push, pull")
    command("show", "file table", "print the records of a table")
    command("conflicts", "file", "print what a person has to settle")
    command("digest", "file", "print the digest of a space's merged content").add_argument("--space", default="commons")
    command("verify", "file", "verify a replica file, a bundle beside --with, or evidence").add_argument("--with", dest="beside")
    return parser


def show(replica: Replica, table: str) -> list[dict]:
    """The shown records of a table, fields by name. SP-403, SP-406"""
    found = []
    for space in replica.spaces:
        for (name, row), cells in sorted(replica.rows(space).items()):
            if name == table and cells.is_shown():
                found.append({"id": row} | {field: cells.winner(field) for field in cells.fields()})
    return found


def verify(path: str, beside: str | None) -> tuple[int, object]:
    """A replica's file of either program, or a bundle."""
    with open(path, "rb") as file:
        is_database = file.read(16) == b"SQLite format 3\0"
    if not is_database:
        data = Path(path).read_bytes()
        if data.startswith(b'{"evidence":'):
            return evidence.check(data, Replica(beside).keys.central if beside else None)
        if beside is None:
            raise rules.Refused("usage", "a bundle is verified beside a replica: --with FILE")
        found = bundle.verify(data, Replica(beside))
        return 0, {"kind": found.kind, "entries": found.entries, "segments": found.segments, "receipts": found.receipts}
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
        is_ours = db.execute("SELECT 1 FROM sqlite_schema WHERE name = 'fact'").fetchone()
    db.close()
    if is_ours:
        replica = Replica(path)
        return 0, {"kind": "reference", "entries": sum(len(log.entries) for log in replica.logs.values())}
    findings, missing, counted = check_file.check(path)
    code = 1 if findings else 3 if missing else 0
    return code, {"kind": "replica", "findings": findings, "missing": missing, "counted": counted}


def run(given: argparse.Namespace) -> tuple[int, object]:
    """The exit code, and what is printed."""
    if given.command == "join":
        return 0, client.join(given.invite, given.file, given.name)
    if given.command == "verify":
        return verify(given.file, given.beside)
    replica = Replica(given.file)
    match given.command:
        case "insert" | "set" | "delete" | "undelete":
            typed = dict(field.partition("=")[::2] for field in getattr(given, "fields", []))
            change = client.edit(replica, given.command, given.table, given.id, typed)
        case "resolve":
            field = "" if given.field == "-" else given.field
            change = client.resolve(replica, given.table, given.id, field, int(given.keep))
        case "sync":
            return 0, client.sync(replica, key_of(given.file))
        case "show":
            return 0, show(replica, given.table)
        case "conflicts":
            found = client.conflicts(replica)
            return 3 if found else 0, found
        case _:
            return 0, replica.digest(given.space)
    return 0, {"change": f"{change.actor}:{change.n}"}


def main() -> int:
    given = arguments().parse_args()
    try:
        code, told = run(given)
    except rules.Refused as refusal:
        print(f"refused: {refusal.code}: {refusal.args[1]}", file=sys.stderr)
        return 1
    except Problem as problem:
        print(f"central refused: {problem.code}: {problem.detail}. {problem.hint}", file=sys.stderr)
        return 1
    except (OSError, sqlite3.Error) as problem:
        print(f"cannot: {problem}", file=sys.stderr)
        return 1
    except (LookupError, TypeError, ValueError) as problem:
        print(f"refused: wire.shape: {type(problem).__name__}", file=sys.stderr)
        return 1
    print(told if isinstance(told, str) else json.dumps(told, ensure_ascii=False))
    return code
