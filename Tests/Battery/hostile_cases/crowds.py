"""Crowds of strangers whose bodies come slowly or never end: a member is served meanwhile, and central stays small."""

import os
import resource
import socket
import time

from nacl.signing import SigningKey

from .device import Device
from .signed import HELLO, hello
from .stage import ANSWER_SECONDS_MAX, Refuted, expect, read_answer

CONNECTIONS, ROUNDS = 600, 5
PUSH = "/v1/spaces/commons/changes"


def crowds(stage):
    """Yields (category, name, run)."""
    member = Device(stage)
    expect(member.enrol(), 201)
    forged = lambda: member.signed("POST", PUSH, os.urandom(9), key=SigningKey.generate())
    almost = 1024 * 1024 - 1
    for name, target, headers, length, sent, refusal in [
        ("unsigned pushes of a megabyte that lack their end", PUSH, list, almost + 1, almost, (401, "signature.refused")),
        ("falsely signed pushes of a megabyte that lack their end", PUSH, forged, almost + 1, almost, (401, "signature.refused")),
        ("unsigned pushes that drip", PUSH, list, 1_000_000, 100, (401, "signature.refused")),
        ("falsely signed pushes that drip", PUSH, forged, 1_000_000, 100, (401, "signature.refused")),
        ("enrolments of a megabyte", "/v1/enrolments", list, almost + 1, almost, (413, "http.too-large")),
        ("enrolments that lack their end", "/v1/enrolments", list, 64 * 1024, 64 * 1024 - 1, None),
        ("enrolments that drip", "/v1/enrolments", list, 60_000, 100, None),
        ("posts to a page that drip", "/healthz", list, 60_000, 100, None),
    ]:
        yield "slow", f"{CONNECTIONS} {name}", lambda how=(target, headers, length, sent, refusal): crowd(stage, member, *how)
        if refusal:
            yield "slow", f"one of {name} is answered", lambda how=(target, headers, length, sent, refusal): answered(stage, *how)
    yield "slow", "pushes of one device on more connections than it has", lambda: greedy(stage, member)


def head(stage, target, headers, length):
    lines = [f"POST {target} HTTP/1.1", f"Host: 127.0.0.1:{stage.port}", f"Content-Length: {length}"]
    return "\r\n".join(lines + [f"{name}: {value}" for name, value in headers]).encode() + b"\r\n\r\n"


def served(member):
    """A member's hello on a new connection is answered within its second."""
    expect(member.send("POST", HELLO, hello(member)), 200)


def crowd(stage, member, target, headers, length, sent, _):
    """Connections of many addresses, each with the beginning of one body; then a byte now and then."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 2048)), hard))
    clients, reached = [], 0
    try:
        for number in range(CONNECTIONS):
            client = socket.socket()
            client.settimeout(0.2)
            clients.append(client)
            client.bind((f"127.0.8.{number % 20 + 1}", 0))
            reached += push(client, lambda: client.connect(("127.0.0.1", stage.port)))
            push(client, lambda: client.sendall(head(stage, target, headers(), length) + bytes(sent)))
            if number % 50 == 49:
                served(member)
        enough(reached)
        for _ in range(ROUNDS):
            for client in clients:
                push(client, lambda: client.send(b"x") if sent < 1000 else None)
            served(member)
    finally:
        for client in clients:
            client.close()


def enough(reached):
    """Who measures beside slow connections has to have them; that they are cut off later is as it should be."""
    if reached < CONNECTIONS * 0.95:
        raise Refuted(f"only {reached} of {CONNECTIONS} slow connections came about")


def push(client, step):
    """What a client of the crowd does; that it is refused, cut off or kept waiting is as it should be.

    Returns whether it was done.
    """
    try:
        step()
    except OSError:
        return False
    return True


def answered(stage, target, headers, length, sent, refusal):
    """The refusal comes at once, however slowly the body does, and can be read by who goes on sending."""
    for first in (0, min(sent, 1000)):
        with socket.create_connection(("127.0.0.1", stage.port)) as client:
            start = time.monotonic()
            client.sendall(head(stage, target, headers(), length) + bytes(first))
            answer = expect(read_answer(client, ANSWER_SECONDS_MAX), *refusal)
            if not answer.closed:
                raise Refuted("the connection stayed open")
            stage.hold("a refusal", answer.at - start)


def greedy(stage, member):
    """Four bodies at once and no more; the fifth is told to wait."""
    held = []
    try:
        for number in range(5):
            held.append(socket.create_connection(("127.0.0.1", stage.port), timeout=5))
            start = time.monotonic()
            held[-1].sendall(head(stage, PUSH, member.signed("POST", PUSH, bytes(1000)) + [("Expect", "100-continue")], 1000))
            answer = read_answer(held[-1], ANSWER_SECONDS_MAX / 5)
            if answer.status != (100 if number < 4 else 429):
                raise Refuted(f"connection {number} was answered {answer.status}")
            # What is still asked for leaves the connection open: it is timed to the last byte that came.
            stage.hold("an answer", answer.at - start)
        expect(answer, 429, "http.too-many-connections")
    finally:
        for client in held:
            client.close()
