"""Stages of central's life: its process is killed while it serves, or its keeper's command."""
import collections
import contextlib
import os
import shutil
import sqlite3
import tempfile
import time

from part import Failure
from stages import MEMBERS, Command, Stage, contact, lengthen, people, persons, whole
from world import one_line


class Serves(Stage):
    """The node's process, from its start to its end."""

    victim = "central"
    serves = False

    def act(self, world, faults=None):
        dead = not world.serve(faults)
        if dead and not world.serve():
            raise Failure("central does not start again")
        for work in self.works(world):
            dead = self.carry(world, work, dead)
        if not dead:
            code = world.stop()
            dead = code == -9
            if not dead and code != 0:
                raise Failure(f"central ended with {code}")
            if not world.serve():
                raise Failure("central does not start again")
        return dead

    def works(self, world):
        """Commands of others, in order: (who, words, codes it may end with)."""
        return [(member, ("sync",), (0, 3)) for member in (*MEMBERS, MEMBERS[0])]

    def carry(self, world, work, dead):
        """Lets one command run; central is started again at once when it dies meanwhile.

        Whoever waits for an answer goes on by itself, or is told in one line and asks again.
        """
        member, words, codes = work
        for _ in range(3):
            child = world.start(member, *words)
            died = False
            while child.poll() is None:
                if not dead and world.server.poll() is not None:
                    dead = died = True
                    if not world.serve():
                        raise Failure("central does not start again")
                time.sleep(0.002)
            said = child.communicate()[1]
            if child.returncode in codes:
                return dead
            died = died or (not dead and world.is_dying())
            if not died or not one_line(said):
                break
            if not dead:
                dead = True
                if not world.serve():
                    raise Failure("central does not start again")
            if self.settled(world, work):
                return dead
        raise Failure(f"{' '.join(words)} of {member} ended with {child.returncode}: {said.strip()[-300:]}")

    def settled(self, world, work):
        """Whether a command whose answer was lost has taken effect."""
        return False

    def again(self, world):
        """All was done by the others' own commands."""

    def over(self, world):
        # A receipt given before the end holds: what a member believes received, central holds.
        for member in self.members:
            said = world.json(member, "status", codes=(0, 3))
            if said["unsent"]:
                raise Failure(f"{member} was acknowledged and has {said['unsent']} unsent")
            held = world.run(member, "sync", "--dry-run", "--json")
            if held.returncode != 0 or '"changes_to_send":0' not in held.stdout:
                raise Failure(f"central lost what it had acknowledged to {member}: {held.stdout}{held.stderr}")


class Receives(Serves):
    name = "central receives, merges and serves"

    def before(self, world):
        for member in MEMBERS:
            world.sql(member, *persons(member, "sent", 12), contact(member, "received"),
                      f"DELETE FROM person WHERE id = '{member}-first2'")


class Revokes(Serves):
    name = "central invites one device and shuts another out"

    def before(self, world):
        world.sql("leaver", *persons("leaver", "late", 3))
        world.sql("ica", contact("ica", "beside a revocation"))

    def works(self, world):
        data = ("--data", "central")
        return [
            ("ica", ("sync",), (0, 3)),
            ("keeper", ("central", "invite", "--organisation", "ica", "--role", "member", *data), (0,)),
            ("keeper", ("central", "revoke", self.leaver(world)[0], *data), (0,)),
            ("leaver", ("sync",), (1,)), ("ecuador", ("sync",), (0, 3)),
        ]

    @staticmethod
    def leaver(world):
        return world.rows("ica", "SELECT id, revoked_at FROM replica WHERE name = 'leaver'")[0]

    def is_out(self, world):
        """Whether a member reads of it; the next merge tells it to all."""
        world.merge()
        world.sync("ica")
        return self.leaver(world)[1] is not None

    def settled(self, world, work):
        if work[1][1] != "revoke":
            return False
        return self.is_out(world)

    def over(self, world):
        super().over(world)
        if not self.is_out(world):
            raise Failure("the device is not shut out")
        if people(world, "ica", "late"):
            raise Failure("a device that was shut out was heard")


class GivesSnapshot(Serves):
    name = "central makes a snapshot for a newcomer"

    def before(self, world):
        lengthen(world)
        self.invite = world.invite("ica")

    def works(self, world):
        return [("newcomer", ("join", self.invite, "--name", "newcomer"), (0, 3)), ("newcomer", ("sync",), (0, 3))]

    def settled(self, world, work):
        return work[1][0] == "join" and world.run("newcomer", "status").returncode in (0, 3)

    def over(self, world):
        super().over(world)
        world.sync("newcomer", "newcomer")
        whole(world, "newcomer")


CentralFile = collections.namedtuple("CentralFile", "life restoring content")


def central_file(world):
    """What central's file says, to whoever opens it now: its life, whether that waits to be accepted, all its rows.

    None where it cannot be opened, or is empty. A copy of it is read, with what SQLite would find beside it: the files
    themselves stay as they are.
    """
    with tempfile.TemporaryDirectory(prefix="cordee-looked-at-") as folder:
        copy = os.path.join(folder, "copy.sqlite")
        for end in ("", "-wal", "-journal"):
            if os.path.exists(path := os.path.join(world.data, "central.sqlite" + end)):
                shutil.copyfile(path, copy + end)
        if not os.path.exists(copy):
            raise Failure("there is no central.sqlite")
        with contextlib.closing(sqlite3.connect(copy)) as db, contextlib.suppress(sqlite3.DatabaseError):
            lives = db.execute("SELECT places IS NULL FROM cordee_instance ORDER BY number DESC LIMIT 1").fetchall()
            [(life,)] = db.execute("SELECT value FROM cordee_meta WHERE key = 'instance'").fetchall()
            return CentralFile(life, bool(lives and lives[0][0]), tuple(db.iterdump()))
    return None


class Keeps(Command):
    """A command of the keeper while no node runs."""

    victim = "central"
    serves = False


class Imports(Keeps):
    name = "central takes a member's changes from a bundle"
    words = ("bundle", "import", "mine.cordee", "--data", "central")

    def before(self, world):
        world.sql("ecuador", *persons("ecuador", "carried", 15), contact("ecuador", "by stick"))
        world.ask("ecuador", "bundle", "export", "mine.cordee")


class Merges(Keeps):
    name = "central merges what waits"
    words = ("central", "merge", "--data", "central")

    def before(self, world):
        world.stop()
        world.serve(merge="daily 00:00")
        for member in MEMBERS:
            world.sql(member, *persons(member, "waited", 15), contact("ica", f"both, {member}"))
            world.sync(member)
        world.stop()
        world.serve(merge="on-push")

    def over(self, world):
        world.sync("ica")
        if len(world.json("ica", "conflicts", codes=(0, 3))) != 1:
            raise Failure("the conflict is not told")


class BacksUp(Keeps):
    name = "central is backed up"
    words = ("central", "backup", "central-kept.sqlite", "--data", "central")
    # It audits what it has written.
    is_unchecked = False
    meetings = 1

    def again(self, world):
        if os.path.exists(os.path.join(world.folder, "central-kept.sqlite")):
            os.unlink(os.path.join(world.folder, "central-kept.sqlite"))
        super().again(world)


class Restores(Keeps):
    name = "central is restored from a backup"
    words = ("central", "restore", "--data", "central", "--from", "central-kept.sqlite")
    mark = "forgotten"

    def before(self, world):
        for member in MEMBERS:
            world.sql(member, *persons(member, self.mark, 8), contact(member, f"after the backup: {self.mark}"))
        world.sync(*MEMBERS, MEMBERS[0])

    def act(self, world, faults=None):
        old = central_file(world)
        dead = super().act(world, faults)
        now = central_file(world)
        if now == old or (now is None and dead and old is None):
            return dead or self.failed("it is restored and is what it was")
        if now is None or not now.restoring or (old and now.life == old.life):
            self.failed("what stands there is neither the old life nor a new one that is restoring")
        left = [name for name in os.listdir(world.data) if name.startswith("central.sqlite.restoring")]
        if left and not dead:
            self.failed(f"it left {left}")
        return dead

    @staticmethod
    def failed(why):
        raise Failure(why)

    def over(self, world):
        world.sync(*MEMBERS)
        world.ask("keeper", "central", "restore", "--data", "central", "--accept")


class RestoresSpoilt(Restores):
    name = "central, whose file is spoilt beside its log of writes, is restored from a backup"
    mark = "spoilt"

    def before(self, world):
        super().before(world)
        world.kill()
        path = os.path.join(world.data, "central.sqlite")
        if os.path.getsize(path + "-wal") < 4096:
            raise Failure("central left no log of writes")
        with open(path, "r+b") as file:
            file.truncate(0)
            file.write(b"spoilt")


class TakesBack(Serves):
    name = "a restored central is given back what it forgot"

    def before(self, world):
        world.sql("ica", *persons("ica", "meanwhile", 3))

    def over(self, world):
        world.ask("keeper", "central", "restore", "--data", "central", "--accept")
        super().over(world)


class Accepts(Keeps):
    name = "a restored central is accepted"
    words = ("central", "restore", "--data", "central", "--accept")

    def again(self, world):
        said = world.json("keeper", "central", "status", "--data", "central", codes=(0, 3))
        if (said.get("restore") or {}).get("restoring"):
            super().again(world)
