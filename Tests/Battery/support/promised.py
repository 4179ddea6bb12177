"""What has to be true of files that are found after the power was cut, by what was acknowledged before."""
import contextlib
import glob
import hashlib
import os
import sqlite3
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", "SyncProtocol", "vectors"))
import rules
from part import Failure


def database(path):
    return contextlib.closing(sqlite3.connect(path, timeout=20))


def hashes(db, actor, n):
    """What central holds as the change `n` of an actor, by content: in its logs, and in its inbox, computed from the lines there."""
    found = {row[0] for row in db.execute(
        "SELECT c.hash FROM cordee_change c JOIN cordee_actor a ON a.id = c.actor WHERE a.actor = ? AND c.n = ?", (actor, n))}
    for previous, start, lines in db.execute(
            "SELECT previous, n_from, lines FROM cordee_inbox WHERE actor = ? AND n_from <= ? AND n_to >= ?", (actor, n, n)):
        for line in lines.split(b"\n")[:n - start + 1]:
            header, _, of_body = rules.read_line(line)
            previous = rules.change_hash(previous, of_body, header)
        found.add(previous)
    return found


def check_central(world, promises, dice):
    path = os.path.join(world.data, "central.sqlite")
    made = any(kind in ("made", "receipt", "place") for kind, *_ in promises)
    if not made and not os.path.exists(path):
        return
    if made:
        world.check_central()
    with database(path) as db:
        if db.execute("PRAGMA integrity_check").fetchall() != [("ok",)]:
            raise Failure("central's file is not sound")
        if not db.execute("SELECT 1 FROM sqlite_schema WHERE name = 'cordee_inbox'").fetchall():
            if made:
                raise Failure("central's file is empty")
            return
        for kind, *promise in promises:
            if kind == "receipt":
                actor, n, text = promise
                held = hashes(db, bytes.fromhex(actor), n)
                if not held:
                    raise Failure(f"change {n} of {actor[:8]} has a receipt and is gone")
                if rules.unhash(text) not in held:
                    raise Failure(f"change {n} of {actor[:8]} has a receipt and is another change")
            elif kind == "place":
                seq, digest = promise
                if [row[0].hex() for row in db.execute("SELECT hash FROM cordee_log WHERE seq = ?", (seq,))] != [digest]:
                    raise Failure(f"entry {seq} of the log was given to a member and is gone")
            elif kind == "made":
                (count,) = db.execute("SELECT count(*) FROM organisation").fetchone()
                if count != promise[0]:
                    raise Failure(f"central was made with {count} organisations, not {promise[0]}")


def check_member(world, promises, dice):
    path = world.replica("ecuador")
    joined = bool(promises)
    if not os.path.exists(path):
        if joined:
            raise Failure("the replica is gone")
        return
    world.check_replica("ecuador")
    with database(path) as db:
        (actor,) = db.execute("SELECT value FROM cordee_meta WHERE key = 'actor'").fetchone()
        held = {row[0].hex() for row in db.execute("SELECT hash FROM cordee_change")}
        notes = db.execute("SELECT note FROM organisation WHERE slug = 'ecuador'").fetchall()
    for kind, *said in promises:
        if kind == "changes" and set(said) - held:
            raise Failure(f"{len(set(said) - held)} acknowledged changes are gone")
        if kind == "note" and notes != [tuple(said)]:
            raise Failure(f"the note is {notes}, not {said[0]}")
    # A copy has no key of its own before it is adopted.
    if ["copied", actor.hex()] in [list(promise) for promise in promises]:
        if ("joined",) in promises:
            raise Failure("the copy was adopted and is none the wiser")
        return
    key = os.path.join(world.folder, "ecuador", ".local/share/cordee/keys", f"{actor[:16].hex()}.key")
    if not os.path.exists(key) or os.path.getsize(key) != 32:
        raise Failure("the key is gone")
    if joined and dice.random() < 0.1:
        world.ask("ecuador", "set", "organisation/ecuador", "note=after")
        world.check_replica("ecuador")


def check_restored(world, promises, dice):
    """Either the old life is there with all it had, or the backup stands in its place and says that it is restoring."""
    if not promises:
        return
    (_, life, late) = promises[0]
    path = os.path.join(world.data, "central.sqlite")
    if not os.path.exists(path):
        raise Failure("there is no central any more")
    said = world.json("keeper", "central", "status", "--data", "central", codes=(0, 3))
    with database(path) as db:
        if db.execute("PRAGMA integrity_check").fetchall() != [("ok",)]:
            raise Failure("central's file is not sound")
        (instance,) = db.execute("SELECT hex(value) FROM cordee_meta WHERE key = 'instance'").fetchone()
        (held,) = db.execute("SELECT count(*) FROM person WHERE id GLOB 'late-*'").fetchone()
    restoring = bool((said.get("restore") or {}).get("restoring"))
    if not restoring and (instance != life or held != late):
        raise Failure(f"central serves {held} of {late} rows as if nothing had happened")
    if restoring and instance == life:
        raise Failure("central is restoring in its old life")
    if not restoring and len(promises) > 1:
        raise Failure("the restore had ended, and central is not restoring")


def digest(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def holds(world, path, promises):
    """Whether a replica's file, sound, has all the changes that were acknowledged."""
    verified = world.run("ecuador", "verify", "--json", extra={"CORDEE_REPLICA": path})
    if verified.returncode not in (0, 3):
        raise Failure(f"verify of {os.path.basename(path)}: exit {verified.returncode}: {verified.stdout.strip()[-300:]}")
    with database(path) as db:
        held = {row[0].hex() for row in db.execute("SELECT hash FROM cordee_change")}
    return all(set(hashes) <= held for kind, *hashes in promises if kind == "changes")


def check_copies(world, promises, dice):
    """What has its name is whole, and has it once it is promised; in the replica's place is the old file or the new one."""
    for kind, *said in promises:
        if kind not in ("whole", "there"):
            continue
        name, right = said
        path = os.path.join(world.folder, name)
        if kind == "there" and not os.path.exists(path):
            raise Failure(f"{name} was made and is gone")
        if os.path.exists(path) and digest(path) != right:
            raise Failure(f"{name} is not what was written")
    path = world.replica("ecuador")
    if not os.path.exists(path):
        raise Failure("there is no replica any more")
    is_new = digest(path) == next(right for kind, *_, right in promises if kind == "restored file")
    is_old = holds(world, path, promises)
    if ("restored",) in promises and not is_new:
        raise Failure("the replica was restored and is not")
    if not is_new and not is_old:
        raise Failure("in the replica's place is neither the old file nor the new one")
    kept = glob.glob(glob.escape(path) + ".replaced-*Z")
    if is_new and not any(holds(world, name, promises) for name in kept):
        raise Failure("the restored file is in its place, and what was there is gone")


CHECKS = {"central": check_central, "member": check_member, "restored": check_restored, "copies": check_copies}
