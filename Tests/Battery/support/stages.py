"""What is done while a process is killed: stages that go on from one another.

A stage begins from files as the stage before left them. One process acts, and is killed or is not; then whoever it was
does what a person would do: the same again, unless it shows that it is done.
"""
from part import Failure
from world import one_line

MEMBERS = ("ecuador", "ica")


class Stage:
    """One thing that is done; `name` tells it in words."""

    name = ""
    # Whose files are checked when it is over; "central" for the node's own.
    victim = "ecuador"
    # Who holds the same in the end.
    members = MEMBERS
    # Whether the node runs meanwhile; else the stage starts it, or works on its folder.
    serves = True
    # How often all have to meet central until everybody has everything.
    meetings = 2

    @property
    def is_unchecked(self):
        """Whether central's file is to be audited once it is over."""
        return self.victim == "central"

    def before(self, world):
        """What leads here; central serves."""

    def act(self, world, faults=None):
        """Does it; True when the process was killed."""
        raise NotImplementedError

    def again(self, world):
        """After a kill: looks at what stands, and does what is left to do."""
        if self.act(world):
            raise Failure("a process that nothing struck was killed")

    def over(self, world):
        """What has to be true once it is done, beyond that all hold the same."""


def killed(ended):
    """Whether the fault killed a process; anything else but success is a failure of its own."""
    if ended.returncode == -9:
        return True
    if ended.returncode in (0, 3):
        return False
    if not one_line(ended.stderr):
        raise Failure(f"it ended with {ended.returncode}, not in one line: {ended.stderr.strip()[-300:]}")
    raise Failure(f"it ended with {ended.returncode}: {ended.stderr.strip()[-300:]}")


class Command(Stage):
    """A command of a member, or of the keeper."""

    words = ()

    def act(self, world, faults=None):
        return killed(world.run(self.victim if self.victim != "central" else "keeper", *self.words, faults=faults))


def persons(member, mark, count):
    return [f"INSERT INTO person(id, slug, name) VALUES('{member}-{mark}{n}', '{member}-{mark}{n}', hex(zeroblob(60)))"
            for n in range(count)]


def contact(of, text):
    return f"UPDATE organisation SET contact = '{text}' WHERE slug = '{of}'"


def people(world, member, mark):
    return world.rows(member, "SELECT count(*) FROM person WHERE id GLOB ?", f"{member}-{mark}*")[0][0]


def lengthen(world):
    """A history longer than what it leads to, so that who joins is given a snapshot."""
    for n in range(6):
        for mark in "ab":
            world.sql("ecuador", f"UPDATE organisation SET note = '{n}{mark}' || slug")
            world.ask("ecuador", "get", "organisation/ecuador")
        world.sync("ecuador")
    world.sync("ica")


def whole(world, member):
    """The file is sound, with all of its history."""
    verified = world.run(member, "verify", "--json")
    if verified.returncode != 0:
        raise Failure(f"verify: exit {verified.returncode}: {verified.stdout[-400:]}{verified.stderr[-200:]}")
