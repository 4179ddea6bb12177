"""A process whose memory ends at one allocation."""
import contextlib
import os
import sqlite3

from ended import MEMBERS, NEVER, outcome, synced
from part import Failure
from world import Faults, World, calls, end_of

# Of the runs that are starved, one in so many has its file audited.
AUDITED = 10


class Starved:
    """One `set` of a member, and one push to a central that serves, from the same files each time, without memory once.

    From the same files they make the same allocations. Those before a member's transaction begins, or before central has
    answered for the first time, are the program's beginning, the same in all its commands and of no effect on a file.
    """

    def __init__(self, folder, library):
        self.library = library
        self.world = World(folder, library)
        self.log = os.path.join(folder, "calls")
        self.tried = 0
        world = self.world
        world.make()
        world.serve()
        for member in MEMBERS:
            world.join(member, member)
        world.sync(*MEMBERS)
        world.sql("ecuador", "UPDATE organisation SET contact = 'pushed' WHERE slug = 'ecuador'")
        world.stop()
        [(self.note,)] = world.rows("ecuador", "SELECT note FROM organisation WHERE slug = 'ecuador'")
        self.receipts = world.rows("ecuador", "SELECT actor, n FROM cordee_receipt")
        self.state = world.save()
        self.first, self.total = {}, {}
        for what, begins in (("set", lambda call: call.path.endswith("-journal")), ("push", lambda call: call.kind == "n")):
            # Once unmeasured: what a command leaves for the next is in the files from then on.
            for _ in range(2):
                self.strike(what, NEVER)
            self.first[what] = 1 + next(call.allocations for call in calls(self.log) if begins(call))
            self.total[what] = end_of(self.log).allocations

    def close(self):
        self.world.close()

    def check(self, case):
        what, place = case
        at = self.first[what] + place
        how = self.strike(what, at)
        self.tried += 1
        if how != "died" and end_of(self.log).allocations < at:
            how = "missed"
        if self.tried % AUDITED == 0:
            self.audit(what)
        return (what, "m", 0, at, how)

    def audit(self, what):
        self.world.check_replica("ecuador")
        if what == "push":
            self.world.merge()
            self.world.check_central()
            if self.world.serve():
                self.world.converge(*MEMBERS)
            if self.world.rows("ica", "SELECT contact FROM organisation WHERE slug = 'ecuador'") != [("pushed",)]:
                raise Failure("what was sent reached nobody")

    def strike(self, what, at):
        """One run; afterwards nothing acknowledged is missing, and the same again works."""
        self.world.kill()
        self.world.put_back(self.state)
        if os.path.exists(self.log):
            os.unlink(self.log)
        faults = Faults(self.library, self.world.folder, malloc=at, log=self.log, on="on")
        return self.set(faults) if what == "set" else self.push(faults)

    def set(self, faults):
        world, words = self.world, ("set", "organisation/ecuador", "note=struck")
        how = outcome("set", world.run("ecuador", *words, faults=faults))
        shown = world.json("ecuador", "get", "organisation/ecuador", codes=(0, 3))
        if how == "done" and shown.get("note") != "struck":
            raise Failure("an acknowledged edit is missing")
        if shown.get("note") not in (self.note, "struck") or shown.get("contact") != "pushed":
            raise Failure(f"the row is neither what it was nor what it was set to: {shown}")
        world.ask("ecuador", *words)
        if world.rows("ecuador", "SELECT note, contact FROM organisation WHERE slug = 'ecuador'") != [("struck", "pushed")]:
            raise Failure("the same again sets nothing")
        return how

    def push(self, faults):
        world = self.world
        how = "done" if world.serve(faults) else "refused"
        if how == "done":
            how = synced(world, "ecuador")
        code = world.stop()
        if code != 0 or how is None:
            how = "died" if code < 0 else "refused"
        self.check_receipts()
        if how != "done":
            if not world.serve():
                raise Failure("central does not start again")
            world.sync("ecuador")
            world.stop()
        if self.check_receipts() == self.receipts:
            raise Failure("central gave no receipt in the end")
        return how

    def check_receipts(self):
        """Central has on its disk, merged or waiting, what it gave receipts for."""
        receipts = self.world.rows("ecuador", "SELECT actor, n FROM cordee_receipt")
        with contextlib.closing(sqlite3.connect(os.path.join(self.world.data, "central.sqlite"), timeout=20)) as db:
            for actor, n in receipts:
                if not db.execute(
                    "SELECT 1 FROM cordee_change c JOIN cordee_actor a ON a.id = c.actor WHERE a.actor = ?1 AND c.n = ?2 "
                        "UNION ALL SELECT 1 FROM cordee_inbox WHERE actor = ?1 AND ?2 BETWEEN n_from AND n_to", (actor, n)).fetchall():
                    raise Failure(f"central gave a receipt for change {n} and lacks it")
        return receipts
