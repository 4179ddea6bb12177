"""Stages of a member's life, and of a newcomer's, whose process is killed."""
import os
import shutil

from part import Failure
from stages import MEMBERS, Command, Stage, contact, killed, lengthen, people, persons, whole
from world import one_line


class Sets(Command):
    name = "a member sets two fields"
    words = ("set", "organisation/ecuador", "note=tel", "website=https://ec.example")

    def again(self, world):
        shown = world.json("ecuador", "get", "organisation/ecuador", codes=(0, 3))
        halves = {shown.get("note") == "tel", shown.get("website") == "https://ec.example"}
        if len(halves) != 1:
            raise Failure("half a command stands")
        if halves == {False}:
            super().again(world)


class Resolves(Command):
    name = "a member settles a conflict"
    words = ("resolve", "organisation/ica", "contact", "--value", "settled")

    def before(self, world):
        for member in MEMBERS:
            world.sql(member, contact("ica", f"by {member}"))
        world.sync(*MEMBERS, MEMBERS[0])
        if len(world.json("ecuador", "conflicts", codes=(3,))) != 1:
            raise Failure("there is no conflict to settle")

    def again(self, world):
        if world.json("ecuador", "conflicts", codes=(0, 3)):
            super().again(world)


class Removes(Command):
    name = "a member deletes a row"
    words = ("remove", "person/ica-first3")

    def again(self, world):
        if world.rows("ecuador", "SELECT 1 FROM person WHERE id = 'ica-first3'"):
            super().again(world)


class Imports(Command):
    name = "a member takes central's log from a bundle"
    words = ("bundle", "import", "log.cordee")

    def before(self, world):
        world.sync("ecuador")
        world.sql("ica", *persons("ica", "bundled", 40), contact("ica", "carried"))
        world.sync("ica")
        world.ask("ica", "bundle", "export", "--log", "log.cordee")

    def over(self, world):
        if people(world, "ica", "bundled") != 40:
            raise Failure("what the bundle brought is missing")


class Pulls(Command):
    name = "a member sends its edits and pulls many rows"
    words = ("sync",)

    def before(self, world):
        world.sql("ica", *persons("ica", "many", 150), "UPDATE organisation SET note = 'round ' || slug")
        world.sync("ica")
        world.sql("ecuador", *persons("ecuador", "own", 20), contact("ecuador", "pushed"),
                  "DELETE FROM person WHERE id = 'ica-first5'")


class Exports(Command):
    name = "a member writes what waits into a bundle"
    words = ("bundle", "export", "mine.cordee")

    def before(self, world):
        world.sql("ecuador", *persons("ecuador", "carried", 5), contact("ecuador", "by stick"))

    def again(self, world):
        path = os.path.join(world.folder, "mine.cordee")
        if os.path.exists(path):
            # A bundle that has its name is whole.
            world.ask("keeper", "bundle", "import", "mine.cordee", "--data", "central")
        else:
            super().again(world)

    def over(self, world):
        world.ask("keeper", "bundle", "import", "mine.cordee", "--data", "central")


class BacksUp(Command):
    name = "a member backs its file up"
    words = ("backup", "kept.sqlite")
    meetings = 1

    def before(self, world):
        world.sql("ecuador", contact("ecuador", "unsent in the backup"))
        world.ask("ecuador", "set", "organisation/ecuador", "note=sealed in the backup")

    def again(self, world):
        kept = os.path.join(world.folder, "kept.sqlite")
        if os.path.exists(kept):
            # A backup that has its name is whole.
            world.ask("ecuador", "verify", codes=(0, 3), extra={"CORDEE_REPLICA": kept})
        else:
            # Which audits what it has written.
            super().again(world)


class Restores(Command):
    name = "a member restores a backup"
    words = ("restore", "kept.sqlite")

    def before(self, world):
        world.sql("ecuador", *persons("ecuador", "after", 4))
        world.sync("ecuador", "ica", "ecuador")
        world.sql("ecuador", contact("ecuador", "never sent"))

    def again(self, world):
        if not os.path.exists(world.replica("ecuador")):
            raise Failure("there is no replica any more")
        super().again(world)


class Renews(Command):
    name = "a restored member begins an epoch"
    words = ("sync",)

    def before(self, world):
        world.sql("ecuador", *persons("ecuador", "anew", 6), contact("ecuador", "written after the restore"))
        world.ask("ecuador", "set", "organisation/ecuador", "note=sealed after the restore")



class Joins(Stage):
    name = "a member joins by a snapshot"
    victim = "newcomer"
    members = ("ecuador", "newcomer")

    def before(self, world):
        lengthen(world)
        self.invite = world.invite("ica")

    def act(self, world, faults=None):
        return killed(world.run("newcomer", "join", self.invite, "--name", "newcomer", faults=faults))

    def again(self, world):
        joined = world.run("newcomer", "status", "--json")
        if joined.returncode in (0, 3):
            return
        if not one_line(joined.stderr):
            raise Failure(f"status ended with {joined.returncode}: {joined.stderr.strip()[-300:]}")
        super().again(world)

    def over(self, world):
        world.sync("newcomer", "newcomer")
        whole(world, "newcomer")


class Fetches(Command):
    name = "a member fetches the history behind its snapshot"
    victim = "newcomer"
    members = ("ecuador", "newcomer")
    words = ("sync",)

    def before(self, world):
        world.sql("newcomer", *persons("newcomer", "first", 6))

    def over(self, world):
        world.sync("newcomer")
        whole(world, "newcomer")


class Adopts(Stage):
    name = "a copy is adopted"
    victim = "copy"
    members = ("ecuador", "newcomer", "copy")

    def before(self, world):
        world.sync("newcomer")
        world.sql("newcomer", *persons("newcomer", "copied", 3))
        world.ask("newcomer", "set", "organisation/ica", "note=sealed before the copy")
        shutil.copyfile(world.replica("newcomer"), world.replica("copy"))
        os.chmod(world.replica("copy"), 0o600)
        world.sql("copy", *persons("copy", "apart", 4))
        self.invite = world.invite("ica")

    def act(self, world, faults=None):
        return killed(world.run("copy", "join", self.invite, "--name", "copy", "--adopt", faults=faults))

    def again(self, world):
        joined = world.run("copy", "sync")
        if joined.returncode in (0, 3):
            return
        if not one_line(joined.stderr):
            raise Failure(f"sync ended with {joined.returncode}: {joined.stderr.strip()[-300:]}")
        super().again(world)


class Meets(Command):
    name = "an adopted copy meets central"
    victim = "copy"
    members = ("ecuador", "newcomer", "copy")
    words = ("sync",)

    def before(self, world):
        world.sql("copy", *persons("copy", "anew", 4), contact("ica", "by the copy"))
