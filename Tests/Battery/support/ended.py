"""What came of a command, or of a sync with a central, that met a failing call."""
import subprocess
import time

from part import Failure
from world import HANGS, end_of, one_line

MEMBERS = ("ecuador", "ica")
NEVER = 10**9
# How a point ended, the worst last: nothing came to the n-th call, it was passed over, a command was refused, a process died.
OUTCOMES = ("missed", "done", "refused", "died")


def worst(*outcomes):
    return max(outcomes, key=OUTCOMES.index)


def outcome(what, ended, on="m"):
    """What a command came to: one clear line, or, without memory, an end."""
    if ended.returncode in (0, 3):
        return "done"
    if on == "m" and ended.returncode < 0:
        return "died"
    if ended.returncode != 1 or not one_line(ended.stderr):
        raise Failure(f"{what} ended with {ended.returncode}: {ended.stderr.strip()[-300:]}")
    return "refused"


def synced(world, member):
    """A member's sync with a central that may die: None when it did, since nobody waits for one that is gone."""
    child = world.start(member, "sync", "--no-history", "--json")
    end = time.monotonic() + HANGS
    while child.poll() is None and world.server.poll() is None and time.monotonic() < end:
        time.sleep(0.002)
    hangs = child.poll() is None and world.server.poll() is None
    if child.poll() is None:
        child.kill()
    said = child.communicate()[1]
    if hangs:
        raise Failure(f"sync of {member} hangs: not at its end after {HANGS} s")
    if world.server.poll() is not None:
        return None
    return outcome(f"sync of {member}", subprocess.CompletedProcess(child.args, child.returncode, stderr=said), on="")


def made(log, on):
    """How many calls of a kind the process of a log had made when it ended."""
    return end_of(log).allocations if on == "m" else end_of(log).number
