"""Three scripts, each a chain of stages that go on from one another."""
import stages_central as central
import stages_member as member
from stages import MEMBERS, persons


class Script:
    """Stages in their order, and who is there before the first."""

    def __init__(self, name, joined, *stages):
        self.name, self.joined, self.stages = name, joined, stages

    def make(self, world):
        world.make()
        world.serve()
        for member in self.joined:
            world.join(member, "ica" if member == "leaver" else member)
        for member in MEMBERS:
            world.sql(member, *persons(member, "first", 9))
            world.sync(member)
        world.sync(*self.joined)


SCRIPTS = (
    Script("central", (*MEMBERS, "leaver"), central.Receives, central.Revokes, central.GivesSnapshot, central.Imports,
           central.Merges, central.BacksUp, central.Restores, central.TakesBack, central.Accepts,
           central.RestoresSpoilt),
    Script("member", MEMBERS, member.Sets, member.Resolves, member.Removes, member.Imports, member.Pulls, member.Exports,
           member.BacksUp, member.Restores, member.Renews),
    Script("join", MEMBERS, member.Joins, member.Fetches, member.Adopts, member.Meets),
)
