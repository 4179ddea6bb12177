"""Shares a list of cases among processes, one folder each; the first failures end it."""
import multiprocessing
import os
import queue
import shutil
import signal
import sys
import tempfile
import traceback

from part import Failure, say


def _work(make, cases, results, label, number, folder):
    worker = None
    # Asked to stop, it ends what it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        worker = make(os.path.join(folder, str(number)))
        while True:
            case = cases.get()
            if case is None:
                break
            try:
                results.put((case, worker.check(case), None))
            except Failure as why:
                results.put((case, None, str(why)))
    except BaseException:
        results.put((None, None, f"{label}: {traceback.format_exc(limit=4)}"))
    finally:
        if worker is not None:
            worker.close()
        results.put((None, None, None))


def _next(results, running, label):
    """The next result; a worker that was killed hard, which gives none, is a failure."""
    while True:
        try:
            return results.get(timeout=1)
        except queue.Empty:
            dead = [process.exitcode for process in running if process.exitcode not in (None, 0)]
            if dead:
                raise Failure(f"{label}: a worker ended with {dead[0]}, and its cases with it") from None


def share(label, make, cases, *, most=5, workers=None):
    """Runs `make(folder).check(case)` for every case and gives what they returned.

    `most` failures end the run; the rest is not tried then. Raises Failure with the first of them.
    """
    count = workers or int(os.environ.get("BATTERY_WORKERS", 0)) or min(2, os.cpu_count() or 1)
    context = multiprocessing.get_context("fork")
    todo, results = context.Queue(), context.Queue()
    cases = list(cases)
    for case in cases + [None] * count:
        todo.put(case)
    folder = tempfile.mkdtemp(prefix="cordee-battery-")
    running = [
        context.Process(target=_work, args=(make, todo, results, label, number, folder)) for number in range(count)]
    for process in running:
        process.start()
    done, failures, ended = [], [], 0
    try:
        while ended < count:
            case, value, why = _next(results, running, label)
            if why is not None:
                failures.append(f"{label} {case}: {why}")
                say(f"{label}: FAILED at {case}: {why}")
                if len(failures) >= most:
                    break
            elif case is None:
                ended += 1
            else:
                done.append(value)
                if len(done) % 100 == 0:
                    say(f"{label}: {len(done)} of {len(cases)}")
    finally:
        for process in running:
            if ended < count:
                process.terminate()
            process.join(timeout=30)
            if process.is_alive():
                process.kill()
        shutil.rmtree(folder, ignore_errors=True)
    if failures:
        raise Failure(f"{len(failures)} of {len(done) + len(failures)} failed; first: {failures[0]}")
    if len(done) != len(cases):
        raise Failure(f"{label}: {len(cases) - len(done)} cases were never run")
    return done
