"""What every part has in common: its argument, its progress, its last line."""
import json
import shutil
import sys
import time


class Skip(Exception):
    """What the part needs and does not have; said, and never called passed."""


class Failure(Exception):
    """A promise that did not hold, in one line."""


def need(*programs):
    """Skips the part when a program is missing."""
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        raise Skip(f"{' and '.join(missing)} not installed (scripts/setup installs it)")


def say(*words):
    print(*words, file=sys.stderr, flush=True)


def main(name, run, slice, full):
    """Runs a part as the runner asks it to.

    `run(count)` gives its counts, and raises Skip or Failure; `slice` and `full` are the counts those words stand for.
    """
    word = sys.argv[1] if len(sys.argv) == 2 else "--slice"
    count = {"--slice": slice, "--full": full}.get(word)
    if count is None:
        if not word.isdigit() or int(word) == 0:
            say(f"usage: {sys.argv[0]} --slice|--full|COUNT")
            sys.exit(2)
        count = int(word)
    start = time.monotonic()
    said = {"part": name, "result": "passed", "why": "", "counts": {}}
    try:
        said["counts"] = run(count)
    except Skip as why:
        said.update(result="skipped", why=str(why))
    except Failure as why:
        said.update(result="failed", why=str(why), counts=getattr(why, "counts", {}))
    said["seconds"] = round(time.monotonic() - start, 1)
    print(json.dumps(said), flush=True)
    sys.exit(1 if said["result"] == "failed" else 0)
