"""Clients that take their time: cut off at a deadline, while an honest one is served in under a second."""

import resource
import socket
import threading
import time

from .crowds import CONNECTIONS, crowds, enough
from .stage import Refuted, untimed

HEADER_SECONDS, BODY_SECONDS, RESPONSE_SECONDS, IDLE_SECONDS, SLACK = 10, 30, 60, 15, 6


def cases(stage):
    """All slow clients run at once; each case reads what came of its own."""
    deadlines = [
        ("a header that drips", b"GET /healthz HTTP/1.1\r\nHost: a\r\nX: ", b"y", HEADER_SECONDS),
        ("a request line that drips", b"GET /he", b"a", HEADER_SECONDS),
        ("silence", b"", b"", HEADER_SECONDS),
        ("a body that drips", b"POST /v1/enrolments HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n", b"x", BODY_SECONDS),
        ("a chunk that never ends", b"POST /v1/enrolments HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\n",
         b"x", BODY_SECONDS),
        ("small chunks without end", b"POST /v1/enrolments HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
         b"1\r\nx\r\n", BODY_SECONDS),
        ("half a request, then half a close", b"GET /healthz HTTP/1.1\r\nHost: a\r\n", None, HEADER_SECONDS),
        # Where the close comes in one piece with the body, libmicrohttpd sees no end and waits for more.
        ("half a body, then half a close", b"POST /v1/enrolments HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc", None,
         IDLE_SECONDS),
        ("a kept connection, then silence", b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n", b"", HEADER_SECONDS + IDLE_SECONDS),
    ]
    outcomes = {}

    def drip(number, first, more, limit):
        start = time.monotonic()
        try:
            # Each from an address of its own, so that no limit but the deadline ends it.
            with socket.create_connection(("127.0.0.1", stage.port), source_address=(f"127.0.9.{number + 1}", 0)) as client:
                client.sendall(first)
                if more is None:
                    client.shutdown(socket.SHUT_WR)
                client.settimeout(0.5)
                while time.monotonic() - start < limit + SLACK + 10:
                    if more:
                        client.sendall(more)
                    try:
                        if not client.recv(4096):
                            break
                    except TimeoutError:
                        pass
        except OSError:
            pass
        outcomes[number] = time.monotonic() - start

    threads = [threading.Thread(target=drip, args=(number, first, more, limit), daemon=True)
               for number, (_, first, more, limit) in enumerate(deadlines)]
    for thread in threads:
        thread.start()

    def cut(number, limit):
        threads[number].join(limit + SLACK + 15)
        took = outcomes.get(number)
        if took is None or took > limit + SLACK:
            raise Refuted(f"held for {took} s, the limit is {limit}")

    for number, (name, _, _, limit) in enumerate(deadlines):
        # Nobody is answered: a client that takes its time is cut off at its deadline, which is tens of seconds.
        yield "slow", name, untimed(lambda number=number, limit=limit: cut(number, limit))
    yield "slow", f"{CONNECTIONS} slow connections beside an honest client", lambda: flood(stage)
    yield "slow", "an answer that nobody reads", lambda: unread(stage)
    yield from crowds(stage)


def flood(stage):
    """Slow connections of many addresses; whoever is honest is served meanwhile, and after."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 2048)), hard))
    clients, reached = [], 0
    try:
        for number in range(CONNECTIONS):
            client = socket.socket()
            client.settimeout(2)
            client.bind((f"127.0.7.{number % 20 + 1}", 0))
            try:
                client.connect(("127.0.0.1", stage.port))
                reached += 1
                client.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\nX: ")
            except OSError:
                pass
            clients.append(client)
            if number % 20 == 19:
                honest(stage)
        enough(reached)
        end = time.monotonic() + HEADER_SECONDS + SLACK
        while time.monotonic() < end:
            for client in clients:
                try:
                    client.sendall(b"y")
                except OSError:
                    pass
            honest(stage)
    finally:
        for client in clients:
            client.close()


def honest(stage):
    if stage.get("/healthz").status != 200:
        raise Refuted("an honest client was refused")


def unread(stage):
    """A client that asks again and again and never reads does not fill central's memory."""
    before = stage.memory_kb("VmRSS")
    with socket.create_connection(("127.0.0.1", stage.port)) as client:
        client.settimeout(1)
        try:
            for _ in range(20_000):
                client.sendall(b"GET /official-list.json?on=2014-09-17 HTTP/1.1\r\nHost: a\r\n\r\n")
        except OSError:
            pass
        honest(stage)
        # As long as the connection stands, central holds what it has of it.
        grown = stage.memory_kb("VmRSS") - before
    if grown > 50_000:
        raise Refuted(f"memory grew by {grown} kB")
