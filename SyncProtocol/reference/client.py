"""What a member does: join, edit, settle, sync. Chapters 6 and 7"""
import os
import time
from urllib.parse import urldefrag

import rules
import rules_sync

from . import registry, state
from .log import Change, lines_of, object_of
from .state import Replica
from .wire import Central

PUSH_MAX = 1 << 20  # SP-514


def now() -> str:
    """SP-109"""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def join(invite: str, path: str, name: str) -> dict:
    """Redeems an invite; the fingerprint is checked before the invite is spent, and again after. SP-602 to SP-606"""
    origin, fragment = urldefrag(invite)
    secret, _, pin = fragment.partition(".")
    if len(rules.unb64(secret)) != 16:
        raise rules.Refused("invite.shape", "ORIGIN#SECRET.PIN")
    rules.identifier(pin)
    key = state.key_of(path)
    central = Central(origin, key)
    about = object_of(central.ask("GET", "/v1", signs=False))
    if 1 not in about["protocol"] or rules.replica_of(rules_sync.public_key(about["key"])) != pin:
        raise rules.Refused("central.key", "this is not the central that the invite names")
    public = key.verify_key.encode()
    called = {"name": name} if name else {}  # SP-609
    told = central.say("/v1/enrolments", {"secret": secret, "key": rules.b64(public)} | called)
    if rules.replica_of(rules_sync.public_key(told["key"])) != pin:
        raise rules.Refused("central.key", "this is not the central that the invite names")
    facts = {
        "origin": origin, "network": told["network"], "instance": told["instance"], "central_key": told["key"],
        "spaces": " ".join(told["spaces"]), "role": told["role"],
        "actor": rules.replica_of(public) + os.urandom(8).hex(),
    }
    state.create(path, facts)
    return told


def edit(replica: Replica, verb: str, table: str, row: str, typed: dict[str, str]) -> Change:
    """One edit, sealed at once. SP-304, SP-309, SP-408"""
    known = registry.tables()
    if table not in known:
        raise rules.Refused("table.unknown", table)
    space = known[table].space
    if space not in replica.spaces:
        raise rules.Refused("space.forbidden", space)
    there = replica.rows(space).get((table, row))
    if (verb == "insert") == (there is not None and there.is_shown()) and verb != "undelete":
        raise rules.Refused("row", f"{table}/{row} " + ("stands already" if verb == "insert" else "does not stand"))
    given: object = True
    if verb in ("insert", "set"):
        values = {field: known[table].value(field, text) for field, text in typed.items()}
        given = {field: values.get(field) for field in known[table].fields} if verb == "insert" else values
    return replica.seal(space, [{"table": table, "id": row, verb: given}], now())


def conflicts(replica: Replica) -> list[dict]:
    """What a person has to settle, in the order and the words of schemas/conflicts.json. SP-407"""
    found = []
    for space in replica.spaces:
        rows = replica.rows(space)
        for (table, row), cells in sorted(rows.items(), key=lambda item: tuple(t.encode() for t in item[0])):
            contested = [None] if cells.is_contested() else []
            for field in contested + (cells.contested_fields() if cells.is_shown() else []):
                sides = cells.sides(field)
                values = [{"keep": place, "value": value, "actor": dot[0], "n": dot[1]} | author(replica, space, dot)
                          for place, (dot, value) in enumerate(sides, 1)]
                found.append({"kind": "field" if field else "deleted", "record": f"{table}/{row}", "id": row, "field": field,
                              "shown": sides[0][1], "values": values})
    return found


def author(replica: Replica, space: str, dot: tuple[str, int]) -> dict:
    """Who wrote a change, by the name central enrolled, and the label of its time."""
    changes = [entry.change for entry in replica.logs[space].entries] + replica.own[space]
    change = next(c for c in changes if (c.actor, c.n) == dot)
    device = replica.rows(replica.spaces[0]).get(("replica", dot[0][:32]))

    def shown(field: str) -> str:
        return str(device.winner(field) or "") if device and device.cells.get(field) else ""

    at = rules.read_body(change.body)["at"] if change.body is not None else None
    return {"by": shown("name"), "organisation": shown("organisation_id"), "at": at}


def resolve(replica: Replica, table: str, row: str, field: str, keep: int) -> Change:
    """Writes the side somebody chose over all sides. SP-408"""
    space = registry.tables()[table].space
    for item in conflicts(replica):
        if item["record"] == f"{table}/{row}" and item["field"] == (field or None):
            for side in item["values"]:
                if side["keep"] == keep:
                    write = {"set": {field: side["value"]}} if field else {"undelete": True} if side["value"] else {"delete": True}
                    return replica.seal(space, [{"table": table, "id": row} | write], now())
    raise rules.Refused("conflict.unknown", f"{table}/{row} {field}")


# Sync

def segments(changes: list[Change]) -> list[list[Change]]:
    """Runs of changes that one signature covers: cut before every context, and small enough for one push. SP-705, SP-707"""
    found: list[list[Change]] = []
    size = 0
    for change in changes:
        size += len(change.line) + 1
        has_context = "context" in rules.parse(change.header)
        if not found or has_context or len(found[-1]) == rules_sync.SEGMENT_MAX or size > PUSH_MAX - 4096:
            found.append([])
            size = len(change.line) + 1
        found[-1].append(change)
    return found


def signed(replica: Replica, central: Central, space: str, run: list[Change], previous: bytes) -> list[bytes]:
    """A segment's line and its changes' lines. SP-705, SP-706"""
    first, last = run[0], run[-1]
    message = rules_sync.segment_message(replica.network, space, replica.actor, last.n, last.hash)
    value = rules.b64(central.key.sign(message).signature)
    head = {
        "segment": {"actor": replica.actor, "from": first.n, "to": last.n, "previous": rules.b64(previous),
                    "head": rules.b64(last.hash)},
        "signatures": [{"key": replica.actor[:32], "value": value}],
    }
    return [rules.write(head).encode()] + [change.line for change in run]


def push(replica: Replica, central: Central, space: str, received: int) -> int:
    """Sends own changes above what central holds, a push for each segment, and keeps the receipts. SP-709"""
    waiting = [change for change in replica.own[space] if change.n > received]
    held = replica.own_hash(space, received)
    previous = rules.unhash(held) if held else rules.ZERO
    for run in segments(waiting):
        line = central.post(f"/v1/spaces/{space}/changes", signed(replica, central, space, run, previous))
        previous = run[-1].hash
        head = {"actor": replica.actor, "n": run[-1].n, "hash": rules.b64(previous)}
        if head not in receipt(replica, space, line)["heads"]:
            raise rules.Refused("receipt.missing", space)
        replica.keep_receipt(space, line)
    return len(waiting)


def signed_receipt(replica: Replica, space: str, line: bytes) -> dict:
    """What central signed for, in whatever life of it. SP-709"""
    parts = rules.exact_members(line)
    exact = parts.get("receipt", b"{}")
    signatures = rules_sync.signatures_of(rules.parse(parts.get("signatures", b"[]")))
    told = object_of(exact)
    if not rules_sync.is_signed(signatures, replica.keys.central, b"cordee.receipt.1\n" + exact):
        raise rules.Refused("receipt.missing", space)
    if (told["network"], told["space"]) != (replica.network, space):
        raise rules.Refused("receipt.missing", space)
    return told


def receipt(replica: Replica, space: str, line: bytes) -> dict:
    """What central signed for in the life that the replica knows. SP-709"""
    told = signed_receipt(replica, space, line)
    if told["instance"] != replica.instance:
        raise rules.Refused("receipt.missing", space)
    return told


def pull(replica: Replica, central: Central, space: str) -> int:
    """Reads the log from the cursor to a checkpoint, and takes it whole. SP-1004, SP-1012"""
    log = replica.ahead(space)
    while True:
        cursor = log.cursor(replica.instance)
        piece = central.ask("GET", f"/v1/spaces/{space}/log?after={cursor}&form=short")
        if not piece:
            return 0
        read = [log.read(line, replica.instance) for line in rules_sync.expand(lines_of(piece), is_log=True)]
        if read[-1]:
            return replica.take(space, log)


def sync(replica: Replica, key) -> dict:
    """Hello, pushes, pulls. SP-701 to SP-704"""
    central = Central(replica.facts["origin"], key)
    spaces = {}
    for space in replica.spaces:
        head = replica.head(space)
        spaces[space] = {"cursor": replica.logs[space].cursor(replica.instance)}
        if head.n:
            spaces[space] |= {"n": head.n, "hash": rules.b64(head.hash)}
    hello = {"actor": replica.actor, "spaces": spaces}
    answer = central.say("/v1/hello", hello)
    done = {"pushed": 0, "received": 0, "pulled": 0}
    for step in rules_sync.plan(hello, answer, replica.own_hash):
        if "stop" in step:
            raise rules.Refused(step["stop"], "chapters 12 and 13 say how it goes on; this client does not")
        if "push" in step:
            done["pushed"] += push(replica, central, step["push"], step["received"])
        if "pull" in step:
            try:
                done["pulled"] += pull(replica, central, step["pull"])
            except rules.Refused as refusal:
                # A device that was enrolled between both pulls: this space waits for the next conversation. SP-1007
                if refusal.code != "log.key" or step["pull"] == replica.spaces[0]:
                    raise
    return done
