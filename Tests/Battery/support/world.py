"""A central node and members as real processes in one folder, with faults where a part wants them."""
import contextlib
import json
import os
import shutil
import sqlite3
import struct
import subprocess
import tempfile
import time

from part import Failure, Skip, need
from ports import Port

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
PROGRAM = os.path.join(ROOT, os.environ.get("CORDEE_PROGRAM", ".build/release/cordee"))
SEED = os.path.join(ROOT, "Fixtures", "seed-records.json")
HANGS = 60  # seconds; no command takes as long unless it hangs


def shim():
    """The library of faults, compiled for this run."""
    need("cc")
    if not os.access(PROGRAM, os.X_OK):
        raise Skip(f"there is no program at {PROGRAM} (make release)")
    library = os.path.join(tempfile.mkdtemp(prefix="cordee-faults-"), "faults.so")
    source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "faults.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-Wall", "-o", library, source, "-ldl"], check=True)
    return library


class Faults:
    """What the preloaded library does to one process."""

    def __init__(self, library, under, *, at=0, do="kill", on=None, log=None, data=False, malloc=0, normal=False):
        self.log = log
        self.environment = {"LD_PRELOAD": library, "FAULTS_UNDER": under, "FAULTS_AT": str(at), "FAULTS_DO": str(do)}
        for name, value in [("ON", on), ("LOG", log), ("DATA", data and 1), ("MALLOC", malloc), ("NORMAL", normal and 1)]:
            if value:
                self.environment[f"FAULTS_{name}"] = str(value)


class Call:
    """One call of a log of faults; its number is the library's own, by which it can be struck."""

    __slots__ = ("kind", "number", "failed", "allocations", "path", "offset", "length", "data")

    def __init__(self, head, path, offset, length, data):
        self.kind, self.number, self.failed = chr(head & 0xff), head >> 16 & 0xffffff, bool(head & 0x200)
        self.allocations = head >> 40
        self.path, self.offset, self.length, self.data = path, offset, length, data


def calls(log):
    """The calls that a log holds, in order, those that failed among them."""
    with open(log, "rb") as file:
        bytes_ = file.read()
    found, i = [], 0
    while i + 32 <= len(bytes_):
        head, path_length, offset, length = struct.unpack_from("4Q", bytes_, i)
        i += 32
        path = bytes_[i:i + path_length].decode()
        i += path_length
        data = None
        if not head & 0x100:
            data = bytes_[i:i + length]
            i += length
        found.append(Call(head, path, offset, length, data))
    return found


def end_of(log):
    """The last line of a log: its numbers are how many calls and allocations the process had made when it ended."""
    ends = [call for call in calls(log) if call.kind == "a"]
    if len(ends) != 1:
        raise Failure(f"{len(ends)} processes ended, not one")
    return ends[0]


class World:
    """One folder with central and members; paths and inodes stay when a saved state is put back."""

    def __init__(self, folder, library=None, port=None):
        """Central serves on `port`, which the caller holds, or on one that is this world's own."""
        self.folder = os.path.realpath(folder)
        self.library = library
        os.makedirs(self.folder, exist_ok=True)
        self.claim = None if port else Port()
        self.port = port or self.claim.number
        self.server = None
        self.merge_schedule = "on-push"

    # Members

    def replica(self, member):
        return os.path.join(self.folder, f"{member}.sqlite")

    def environment(self, member, faults=None):
        home = os.path.join(self.folder, member)
        environment = {
            "HOME": home, "PATH": "/usr/bin:/bin", "CORDEE_REPLICA": self.replica(member), "TMPDIR": "/tmp",
            "SWIFT_BACKTRACE": "enable=no",
        }
        if faults:
            environment.update(faults.environment)
        return environment

    def run(self, member, *words, faults=None, extra=None, prefix=()):
        """Runs the program as a member and gives how it ended; a process that was killed has a negative code."""
        environment = self.environment(member, faults)
        environment.update(extra or {})
        try:
            return subprocess.run(
                [*prefix, PROGRAM, *words], cwd=self.folder, env=environment, stdin=subprocess.DEVNULL,
                capture_output=True, text=True, errors="replace", timeout=HANGS)
        except subprocess.TimeoutExpired as hung:
            raise Failure(f"cordee {' '.join(words)} hangs: not at its end after {HANGS} s") from hung

    def start(self, member, *words, faults=None):
        """Starts the program as a member; `communicate` gives what it wrote."""
        return subprocess.Popen(
            [PROGRAM, *words], cwd=self.folder, env=self.environment(member, faults), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def ask(self, member, *words, codes=(0,), **options):
        """Runs the program, which must end with one of `codes`, and gives what it wrote."""
        ended = self.run(member, *words, **options)
        if ended.returncode not in codes:
            raise Failure(f"{member}: cordee {' '.join(words)}: exit {ended.returncode}: {ended.stderr.strip()[-300:]}")
        return ended.stdout

    def json(self, member, *words, codes=(0,), **options):
        return json.loads(self.ask(member, *words, "--json", codes=codes, **options))

    def sync(self, *members):
        for member in members:
            self.ask(member, "sync", codes=(0, 3))

    def sql(self, member, *statements):
        """Edits a member's file as other programs do: committed together."""
        with contextlib.closing(sqlite3.connect(self.replica(member), timeout=20)) as db:
            for statement in statements:
                db.execute(statement)
            db.commit()

    def rows(self, member, query, *values):
        with contextlib.closing(sqlite3.connect(self.replica(member), timeout=20)) as db:
            return db.execute(query, values).fetchall()

    def digest(self, member):
        return self.ask(member, "digest").strip()

    # Central

    @property
    def data(self):
        return os.path.join(self.folder, "central")

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def make(self, seed=True):
        words = ["central", "init", "--data", "central", "--name", "Test", "--url", "http://127.0.0.1"]
        self.ask("keeper", *words, *(["--seed", SEED] if seed else []))

    def serve(self, faults=None, merge=None, prefix=(), extra=None):
        """Starts central on the port it had; False when it died before it served."""
        self.merge_schedule = merge or self.merge_schedule
        out = os.path.join(self.folder, "serve.out")
        environment = self.environment("keeper", faults)
        environment.update(extra or {})
        with open(out, "wb") as output, open(os.path.join(self.folder, "serve.err"), "ab") as errors:
            self.server = subprocess.Popen(
                [*prefix, PROGRAM, "central", "serve", "--data", "central", "--listen", f"127.0.0.1:{self.port}",
                 "--merge", self.merge_schedule],
                cwd=self.folder, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=errors)
        end = time.monotonic() + 60
        while time.monotonic() < end:
            with open(out, encoding="utf-8") as file:
                if f"127.0.0.1:{self.port}" in file.read():
                    return True
            if self.server.poll() is not None:
                return False
            time.sleep(0.005)
        self.kill()
        raise Failure("central did not serve within a minute")

    def stop(self):
        """Asks central to stop and gives its exit code; None when it was gone already."""
        if self.server is None:
            return None
        self.server.terminate()
        code = self.server.wait(HANGS)
        self.server = None
        return code

    def is_dying(self):
        """Whether central has ended, or ends now: others see its connections go before the process is gone."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.server.wait(2)
        return self.server.poll() is not None

    def kill(self):
        if self.server is not None:
            self.server.kill()
            self.server.wait()
            self.server = None

    def invite(self, organisation, role="member"):
        said = self.json("keeper", "central", "invite", "--data", "central", "--organisation", organisation, "--role", role)
        return f"{self.url}#{said['invite'].rsplit('#', 1)[1]}"

    def join(self, member, organisation, role="member"):
        self.ask(member, "join", self.invite(organisation, role), "--name", member)

    def merge(self):
        return self.json("keeper", "central", "merge", "--data", "central", codes=(0, 3))

    # Checks

    def check_replica(self, member):
        """The file is sound by its own history."""
        ended = self.run(member, "verify", "--json")
        if ended.returncode not in (0, 3):
            raise Failure(f"verify of {member}: exit {ended.returncode}: {(ended.stdout + ended.stderr).strip()[-400:]}")

    def check_central(self):
        """Central's file is sound: a copy of it is made and audited by the program."""
        copy = os.path.join(self.folder, "copy.sqlite")
        for end in ("", ".part", "-journal"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(copy + end)
        self.ask("keeper", "central", "backup", copy, "--data", "central")
        os.unlink(copy)

    def converge(self, *members):
        """Syncs all until everybody holds the same, and fails when they do not."""
        for _ in range(2):
            self.sync(*members)
            self.merge()
        self.sync(*members)
        self.same(*members)
        for member in members:
            self.rests(member)

    def same(self, *members):
        """All hold the same, byte for byte."""
        digests = {member: self.digest(member) for member in members}
        if len(set(digests.values())) != 1:
            raise Failure(f"they differ after a sync: {digests}")

    def rests(self, member):
        """Nothing of a member's waits."""
        said = self.json(member, "status", codes=(0, 3))
        left = {key: said[key] for key in ("unsent", "received", "quarantined") if said[key]}
        if left:
            raise Failure(f"{member} is left with {left}")

    # States

    def save(self, held=None):
        """All files of the folder as they are now; nothing may be running.

        A folder beside it keeps the files themselves by a second name, so that they come back as the same ones to whoever
        looks at their numbers, be it that others took their names.
        """
        state = {}
        for base, folders, names in os.walk(self.folder):
            for name in folders:
                path = os.path.join(base, name)
                state[os.path.relpath(path, self.folder)] = (None, os.stat(path).st_mode, None)
            for name in names:
                path = os.path.join(base, name)
                if os.path.isfile(path):
                    second = None
                    if held:
                        second = os.path.join(held, f"inode{os.stat(path).st_ino}")
                        if not os.path.exists(second):
                            os.link(path, second)
                    with open(path, "rb") as file:
                        state[os.path.relpath(path, self.folder)] = (file.read(), os.stat(path).st_mode, second)
        return state

    def put_back(self, state):
        """Makes the folder what it was; files that still stand keep their inodes."""
        for base, folders, names in os.walk(self.folder, topdown=False):
            for name in names:
                if os.path.relpath(os.path.join(base, name), self.folder) not in state:
                    os.unlink(os.path.join(base, name))
            for name in folders:
                if os.path.relpath(os.path.join(base, name), self.folder) not in state:
                    shutil.rmtree(os.path.join(base, name))
        for name, (data, mode, second) in state.items():
            path = os.path.join(self.folder, name)
            if data is None:
                os.makedirs(path, exist_ok=True)
            else:
                if second and not (os.path.exists(path) and os.path.samefile(path, second)):
                    if os.path.exists(path):
                        os.unlink(path)
                    os.link(second, path)
                with open(path, "r+b" if os.path.exists(path) else "wb") as file:
                    file.write(data)
                    file.truncate()
            os.chmod(path, mode & 0o7777)

    def close(self):
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


PROGRESS = ("Sending ", "Receiving ", "Checking ")


def one_line(text):
    """Whether an error is one clear line, after lines of progress and without a trace."""
    lines = [line for line in text.strip().splitlines() if line.strip() and not line.startswith(PROGRESS)]
    return len(lines) == 1 and "Fatal error" not in text and "Error Domain" not in text
