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

ANSWER_SECONDS_MAX = 1.0
MEMORY_KB_MAX = 300 * 1024


class Refuted(Exception):
    """An answer that is not the specified one; the text says what came instead."""


class Answer:
    """One HTTP answer as it came over the socket, and whether the connection ended after it."""

    def __init__(self, raw, closed):
        self.raw, self.closed = raw, closed
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

    answer_seconds_max = ANSWER_SECONDS_MAX

    def __init__(self, binary, seed):
        self.binary = os.path.abspath(binary)
        self.folder = tempfile.mkdtemp(prefix="cordee-hostile-")
        self.environment = {
            "HOME": self.folder, "XDG_DATA_HOME": f"{self.folder}/data", "XDG_STATE_HOME": f"{self.folder}/state",
            "PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "SWIFT_BACKTRACE": "enable=no",
        }
        self.central = f"{self.folder}/central"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.run("central", "init", "--data", self.central, "--name", "Stage", "--url", self.url, "--seed", seed, check=True)
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
                if self.get("/healthz").status == 200:
                    return
            except OSError:
                pass
            time.sleep(0.02)
        raise Refuted("central does not answer")

    def run(self, *arguments, check=False, stdin=None, replica=None):
        """Runs one command to its end; central holds none of its pipes."""
        environment = dict(self.environment)
        if replica:
            environment["CORDEE_REPLICA"] = replica
        done = subprocess.run(
            [self.binary, *arguments], env=environment, input=stdin, capture_output=True, timeout=60,
            stdin=None if stdin is not None else subprocess.DEVNULL)
        if check and done.returncode != 0:
            raise Refuted(f"cordee {arguments[0]}: {done.stderr.decode(errors='replace')}")
        return done

    def invite(self, organisation="ecuador", role="member"):
        """A fresh invite's link."""
        done = self.run(
            "central", "invite", "--data", self.central, "--organisation", organisation, "--role", role, "--json",
            check=True)
        return json.loads(done.stdout)["invite"]

    def send(self, data, seconds=10.0, half_close=False):
        """Sends bytes on a new connection and reads to its end, or to the end of one answer."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=seconds) as connection:
            try:
                connection.sendall(data)
                if half_close:
                    connection.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # An early refusal may close first; what it said is still to be read.
            return read_answer(connection, seconds)

    def request(self, method, target, headers=(), body=b"", host=None):
        """One well-framed request with the given content."""
        lines = [f"{method} {target} HTTP/1.1", f"Host: {host or f'127.0.0.1:{self.port}'}"]
        lines += [f"{name}: {value}" for name, value in headers]
        if body or method in ("POST", "PUT"):
            lines.append(f"Content-Length: {len(body)}")
        return self.send("\r\n".join(lines).encode() + b"\r\nConnection: close\r\n\r\n" + body)

    def get(self, target):
        """A plain GET, by the standard library."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", target)
            answer = connection.getresponse()
            answer.content = answer.read()
            return answer
        finally:
            connection.close()

    def memory_kb(self):
        """The server's resident memory."""
        with open(f"/proc/{self.server.pid}/status") as status:
            return int(re.search(r"VmRSS:\s+(\d+)", status.read()).group(1))

    def check_health(self):
        """The server is the same process, answers at once, and is small."""
        if self.server.poll() is not None:
            raise Refuted(f"central ended with {self.server.returncode}")
        start = time.monotonic()
        if self.get("/healthz").status != 200 or time.monotonic() - start > ANSWER_SECONDS_MAX:
            raise Refuted("central does not answer an honest client in time")
        if self.memory_kb() > MEMORY_KB_MAX:
            raise Refuted(f"central holds {self.memory_kb()} kB")


def read_answer(connection, seconds):
    """Reads one whole answer; `closed` says whether the connection ended by itself."""
    connection.settimeout(seconds)
    raw, closed = b"", False
    try:
        while True:
            part = connection.recv(65536)
            if not part:
                closed = True
                break
            raw += part
    except (TimeoutError, ConnectionResetError) as error:
        closed = isinstance(error, ConnectionResetError)
    return Answer(raw, closed)


def free_port():
    """A port of loopback that nobody has now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def expect(answer, status, code=None):
    """Holds an answer to its status (one or several) and, when given, its problem code."""
    statuses = (status,) if isinstance(status, int) else status
    if answer.status not in statuses:
        raise Refuted(f"answered {answer.status} {answer.code or ''}, not {status}: {answer.raw[:120]!r}")
    codes = (code,) if isinstance(code, str) else code
    if codes and answer.code not in codes:
        raise Refuted(f"the problem is {answer.code}, not {code}")
    return answer
