"""Hostile files and arguments given to commands: one line, the right exit code, and the file as it was."""

import hashlib
import os
import shutil
import sqlite3

from .stage import Refuted, untimed


def cases(stage):
    """Yields (category, name, run)."""
    replica = f"{stage.folder}/files.sqlite"
    stage.prepare("join", stage.invite(), "--replica", replica)
    with open(replica, "rb") as file:
        whole = file.read()
    for name, content in files(stage, whole):
        yield "files", name, lambda name=name, content=content: refused(stage, name, content)
    yield "files", "a folder", lambda: failed(stage, 1, "status", "--replica", stage.folder)
    yield "files", "a device", lambda: failed(stage, 1, "status", "--replica", "/dev/null")
    yield "files", "a path with a NUL's neighbour", lambda: failed(stage, 1, "status", "--replica", "a\x01b")
    yield "files", "a path of 5,000 characters", lambda: failed(stage, 1, "status", "--replica", "x" * 5000)
    yield "files", "a foreign trigger is not run by a sync", lambda: foreign_trigger(stage, replica)
    yield "files", "a view in the place of a table", lambda: view(stage, replica)
    yield "files", "the journal of another database", lambda: strange_journal(stage, replica)
    # Nothing is asked: it looks at the files that others left.
    yield "files", "a key file for everybody", untimed(lambda: modes(stage))
    yield "files", "a seed that is no JSON", lambda: seed(stage, b"\0\1\2")
    yield "files", "a seed of 100,000 brackets", lambda: seed(stage, b"[" * 100_000)
    yield "files", "an invite to nowhere", lambda: failed(
        stage, 1, "join", f"http://127.0.0.1:1#{'A' * 22}.{'0' * 32}", "--replica", f"{stage.folder}/nowhere.sqlite")
    for argument in ["", "#", "http://", "javascript:alert(1)#a.b", "http://127.0.0.1:1#a", "file:///etc/passwd#a.b",
                     "http://127.0.0.1:99999#a.b", "http://u:p@127.0.0.1#a.b"]:
        yield "files", f"the invite {argument!r}", lambda argument=argument: failed(
            stage, (1, 2), "join", argument, "--replica", f"{stage.folder}/none.sqlite")
    for words in [("get", "organisation/' OR 1=1 --"), ("get", "sqlite_master/x"), ("get", "cordee_meta/network"),
                  ("set", "organisation/ecuador", "nofield=1"), ("set", "organisation/ecuador", "country=XXX"),
                  ("list", "organisation", "--where", "name_en=' OR '1'='1"), ("list", "organisation", "--sort", "1; DROP TABLE place"),
                  ("add", "organisation", "kind=pirate"), ("add", "cordee_meta", "key=x"), ("set", "organisation/ecuador", "id=x")]:
        yield "sql", "cordee " + " ".join(words), lambda words=words: harmless(stage, replica, words)


def files(stage, whole):
    """Files that are no replica, or no longer."""
    page = 4096
    yield "an empty file", b""
    yield "one byte", b"S"
    yield "a text", b"This is no database.\n" * 100
    yield "the first page alone", whole[:page]
    yield "half of it", whole[: len(whole) // 2]
    yield "the last byte missing", whole[:-1]
    yield "a header of another kind", b"SQLite format 4\0" + whole[16:]
    yield "a page size of nothing", whole[:16] + b"\0\0" + whole[18:]
    yield "a page count of four thousand million", whole[:28] + b"\xff\xff\xff\xfe" + whole[32:]
    yield "noise behind the header", whole[:100] + os.urandom(len(whole) - 100)
    yield "a page of zeros in the schema", whole[:100] + bytes(page - 100) + whole[page:]
    yield "pages in another order", whole[:page] + whole[2 * page:3 * page] + whole[page:2 * page] + whole[3 * page:]
    yield "an encrypted file", os.urandom(len(whole))
    yield "a newer format", whole[:18] + b"\x09\x09" + whole[20:]
    other = f"{stage.folder}/other.sqlite"
    database = sqlite3.connect(other)
    database.executescript("CREATE TABLE t(x); INSERT INTO t VALUES(1); CREATE TABLE organisation(id);")
    database.close()
    with open(other, "rb") as file:
        yield "a database of another program", file.read()


def digest(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def failed(stage, codes, *words):
    """The command fails with one of the codes, in words, without a crash."""
    done = stage.run(*words)
    codes = (codes,) if isinstance(codes, int) else codes
    error = done.stderr.decode(errors="replace")
    if done.returncode not in codes:
        raise Refuted(f"exit code {done.returncode}: {error[:200]}")
    if not error.strip() or "Fatal error" in error or len(error.splitlines()) > 4:
        raise Refuted(f"not one clear line: {error[:200]!r}")
    return done


def refused(stage, name, content):
    """Reading, editing and syncing fail in words; the file is as it was."""
    path = f"{stage.folder}/hostile.sqlite"
    for command in (["status"], ["set", "organisation/ecuador", "contact=x"], ["sync"], ["verify"], ["list", "organisation"]):
        with open(path, "wb") as file:
            file.write(content)
        before = digest(path)
        done = stage.run(*command, "--replica", path)
        error = done.stderr.decode(errors="replace") + done.stdout.decode(errors="replace")
        if "Fatal error" in error or done.returncode < 0:
            raise Refuted(f"cordee {command[0]} crashed: {error[:200]}")
        # A page that no query reads may go unnoticed by other commands, never by verify.
        # The last page may hold nothing: then what is missing is no loss.
        if done.returncode == 0 and command[0] == "verify" and name != "the last byte missing":
            raise Refuted(f"cordee {command[0]} says 0")
        # Other commands may note that the file is a copy, whose past is in doubt.
        if digest(path) != before and command[0] == "verify":
            raise Refuted(f"cordee {command[0]} changed the file")
        for ending in ("-journal", "-wal", "-shm"):
            if os.path.exists(path + ending):
                os.remove(path + ending)


def copy(stage, replica):
    path = f"{stage.folder}/copy.sqlite"
    shutil.copy(replica, path)
    return path


def foreign_trigger(stage, replica):
    """A trigger somebody put in does not change what comes from central."""
    path = copy(stage, replica)
    database = sqlite3.connect(path)
    database.execute("CREATE TRIGGER hostile AFTER UPDATE ON organisation BEGIN DELETE FROM place; END")
    database.commit()
    database.close()
    done = stage.run("verify", "--replica", path)
    if done.returncode not in (1, 3) or b"hostile" not in done.stdout + done.stderr:
        raise Refuted(f"verify says {done.returncode} and does not name the trigger")


def view(stage, replica):
    path = copy(stage, replica)
    database = sqlite3.connect(path)
    database.executescript("DROP TABLE place; CREATE VIEW place AS SELECT 'x' AS id;")
    database.close()
    done = stage.run("verify", "--replica", path)
    if done.returncode != 1:
        raise Refuted(f"verify says {done.returncode}")


def strange_journal(stage, replica):
    """A journal that belongs to another file is not rolled into this one."""
    path = copy(stage, replica)
    with open(path + "-journal", "wb") as file:
        file.write(os.urandom(8192))
    done = stage.run("list", "organisation", "--replica", path)
    if done.returncode != 0:
        raise Refuted(done.stderr.decode())


def modes(stage):
    """Keys are readable by their owner alone, wherever they lie."""
    found = 0
    for folder, _, names in os.walk(stage.folder):
        for name in names:
            if name.endswith(".key"):
                found += 1
                if os.stat(f"{folder}/{name}").st_mode & 0o077:
                    raise Refuted(f"{name} is readable by others")
    if found < 2:
        raise Refuted("no keys were found to look at")


def seed(stage, content):
    path, data = f"{stage.folder}/seed.json", f"{stage.folder}/seeded"
    with open(path, "wb") as file:
        file.write(content)
    failed(stage, (1, 2), "central", "init", "--data", data, "--name", "x", "--url", "http://127.0.0.1:1", "--seed", path)
    if os.path.exists(f"{data}/central.sqlite"):
        raise Refuted("a central node was made of it")


def harmless(stage, replica, words):
    """Refused or answered with nothing; the tables stand."""
    done = stage.run(*words, "--replica", replica)
    if done.returncode not in (0, 1, 2) or b"Fatal error" in done.stderr:
        raise Refuted(f"exit code {done.returncode}")
    if done.returncode == 0 and words[0] != "list":
        raise Refuted("it was taken")
    database = sqlite3.connect(replica)
    count = database.execute("SELECT count(*) FROM place").fetchone()[0]
    database.close()
    if count == 0:
        raise Refuted("a table was emptied")
