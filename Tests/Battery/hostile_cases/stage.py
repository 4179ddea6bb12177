"""The stage of the hostile inputs: a real central on loopback, raw sockets, and what every answer is held to."""

import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time

from ports import Port

ANSWER_SECONDS_MAX = 1.0
MEMORY_KB_MAX = 300 * 1024
# How long is waited for an answer that comes too late, to tell how late.
PATIENCE_SECONDS = 10.0


class Refuted(Exception):
    """An answer that is not the specified one; the text says what came instead."""


def untimed(case):
    """A case that holds nothing to its second, for the reason that stands where it is called."""
    case.is_untimed = True
    return case


class Answer:
    """One HTTP answer as it came over the socket, whether the connection ended after it, and when the last of it came."""

    def __init__(self, raw, closed, at):
        self.raw, self.closed, self.at = raw, closed, at
        head, _, self.body = raw.partition(b"\r\n\r\n")
        line = head.split(b"\r\n", 1)[0].split(b" ")
        self.status = int(line[1]) if len(line) > 1 and line[1].isdigit() else None

    @property
    def code(self):
        """The problem's code, or None when the body is no problem."""
        try:
            return json.loads(self.body)["type"].removeprefix("urn:cordee:problem:")
        except (ValueError, KeyError, TypeError):
            return None


class Stage:
    """A central with the founding records, served by the real program; everything in a folder of its own."""

    def __init__(self, binary, seed):
        self.binary = os.path.abspath(binary)
        # How many answers and commands were timed, and the slowest of them.
        self.timed, self.slowest = 0, 0.0
        self.peak_kb = 0
        self.folder = tempfile.mkdtemp(prefix="cordee-hostile-")
        self.environment = {
            "HOME": self.folder, "XDG_DATA_HOME": f"{self.folder}/data", "XDG_STATE_HOME": f"{self.folder}/state",
            "PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "SWIFT_BACKTRACE": "enable=no",
        }
        self.central = f"{self.folder}/central"
        self.claim = Port()
        self.port = self.claim.number
        self.url = f"http://127.0.0.1:{self.port}"
        self.prepare("central", "init", "--data", self.central, "--name", "Stage", "--url", self.url, "--seed", seed)
        self.log = open(f"{self.folder}/serve.log", "wb")
        self.server = subprocess.Popen(
            [self.binary, "central", "serve", "--data", self.central, "--listen", f"127.0.0.1:{self.port}",
             "--merge", "on-push"],
            stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL, env=self.environment)
        self.wait()

    def close(self):
        """Ends the server and takes the folder away."""
        self.server.terminate()
        try:
            self.server.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.server.kill()
            self.server.wait()
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def wait(self):
        """Returns once the server answers; it has half a minute."""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                if self.fetch("/healthz").status == 200:
                    return
            except OSError:
                pass
            time.sleep(0.02)
        raise Refuted("central does not answer")

    def hold(self, what, seconds):
        """Counts how long one answer or one command took, and refutes it when that was too long."""
        self.timed += 1
        self.slowest = max(self.slowest, seconds)
        if seconds >= ANSWER_SECONDS_MAX:
            raise Refuted(f"{what} took {seconds:.2f} s")

    def run(self, *arguments):
        """Runs one command to its end, within its second; central holds none of its pipes."""
        start = time.monotonic()
        done = self.command(*arguments)
        self.hold(f"cordee {arguments[0]}", time.monotonic() - start)
        return done

    def prepare(self, *arguments):
        """Runs a command that sets the stage or looks at what came of a case: it must succeed, and is not timed."""
        done = self.command(*arguments)
        if done.returncode != 0:
            raise Refuted(f"cordee {arguments[0]}: {done.stderr.decode(errors='replace')}")
        return done

    def command(self, *arguments):
        return subprocess.run(
            [self.binary, *arguments], env=self.environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=60)

    def invite(self, organisation="ecuador", role="member"):
        """A fresh invite's link."""
        done = self.prepare(
            "central", "invite", "--data", self.central, "--organisation", organisation, "--role", role, "--json")
        return json.loads(done.stdout)["invite"]

    def send(self, data, half_close=False):
        """Sends bytes on a new connection and reads to its end, which comes within the answer's second."""
        start = time.monotonic()
        with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_SECONDS) as connection:
            try:
                connection.sendall(data)
                if half_close:
                    connection.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # An early refusal may close first; what it said is still to be read.
            answer = read_answer(connection, PATIENCE_SECONDS)
        if not answer.closed:
            raise Refuted(f"the connection stayed open after {answer.raw[:120]!r}")
        self.hold("an answer", answer.at - start)
        return answer

    def request(self, method, target, headers=(), body=b"", host=None):
        """One well-framed request with the given content."""
        lines = [f"{method} {target} HTTP/1.1", f"Host: {host or f'127.0.0.1:{self.port}'}"]
        lines += [f"{name}: {value}" for name, value in headers]
        if body or method in ("POST", "PUT"):
            lines.append(f"Content-Length: {len(body)}")
        return self.send("\r\n".join(lines).encode() + b"\r\nConnection: close\r\n\r\n" + body)

    def get(self, target):
        """A plain GET, answered within its second."""
        start = time.monotonic()
        answer = self.fetch(target)
        self.hold(f"GET {target}", time.monotonic() - start)
        return answer

    def fetch(self, target):
        """A plain GET, by the standard library, however long it takes."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", target)
            answer = connection.getresponse()
            answer.content = answer.read()
            return answer
        finally:
            connection.close()

    def memory_kb(self, field):
        """The server's resident memory: `VmRSS` as it is now, `VmHWM` the most it ever was."""
        with open(f"/proc/{self.server.pid}/status") as status:
            return int(re.search(rf"{field}:\s+(\d+)", status.read()).group(1))

    def check_health(self):
        """The server is the same process, answers at once, and is small."""
        if self.server.poll() is not None:
            raise Refuted(f"central ended with {self.server.returncode}")
        start = time.monotonic()
        if self.fetch("/healthz").status != 200 or time.monotonic() - start >= ANSWER_SECONDS_MAX:
            raise Refuted("central does not answer an honest client in time")
        self.peak_kb = self.memory_kb("VmHWM")
        if self.peak_kb >= MEMORY_KB_MAX:
            raise Refuted(f"central held {self.peak_kb} kB")


def read_answer(connection, seconds):
    """Reads one whole answer; `closed` says whether the connection ended by itself."""
    connection.settimeout(seconds)
    raw, closed, at = b"", False, None
    try:
        while not closed:
            part = connection.recv(65536)
            raw, closed, at = raw + part, not part, time.monotonic()
    except ConnectionResetError:
        closed, at = True, time.monotonic()
    except TimeoutError:
        pass
    return Answer(raw, closed, at or time.monotonic())


def expect(answer, status, code=None):
    """Holds an answer to its status (one or several) and, when given, its problem code."""
    statuses = (status,) if isinstance(status, int) else status
    if answer.status not in statuses:
        raise Refuted(f"answered {answer.status} {answer.code or ''}, not {status}: {answer.raw[:120]!r}")
    codes = (code,) if isinstance(code, str) else code
    if codes and answer.code not in codes:
        raise Refuted(f"the problem is {answer.code}, not {code}")
    return answer
