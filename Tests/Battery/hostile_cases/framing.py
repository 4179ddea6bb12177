"""Requests whose framing, target or size two readers could read differently: refused once, connection closed."""

from .stage import Refuted, expect

SMUGGLED = b"GET /healthz HTTP/1.1\r\nHost: a\r\nX-Smuggled: 1\r\n\r\n"
POST = b"POST /v1/hello HTTP/1.1\r\nHost: a\r\n"
ENROL = b"POST /v1/enrolments HTTP/1.1\r\nHost: a\r\n"
GET = b"GET /healthz HTTP/1.1\r\nHost: a\r\n"

# name, bytes, status; after each the same connection carries another request, which must not be answered.
REFUSED = [
    ("two lengths that differ", POST + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc", 400),
    ("two equal lengths", POST + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400),
    ("length and chunked", POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    ("chunked and length", POST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400),
    ("a coding that is nearly chunked", POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400),
    ("a coding before chunked", POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400),
    ("a coding after chunked", POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", 400),
    ("chunked twice", POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    ("chunked with a tab before it", POST + b"Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n", 400),
    ("a length with a plus", POST + b"Content-Length: +3\r\n\r\nabc", 400),
    ("a negative length", POST + b"Content-Length: -3\r\n\r\nabc", 400),
    ("a hexadecimal length", POST + b"Content-Length: 0x3\r\n\r\nabc", 400),
    ("a list of lengths", POST + b"Content-Length: 3, 3\r\n\r\nabc", 400),
    ("an empty length", POST + b"Content-Length: \r\n\r\nabc", 400),
    ("a length with a decimal point", POST + b"Content-Length: 3.0\r\n\r\nabc", 400),
    ("a length beyond 64 bits", POST + b"Content-Length: 99999999999999999999\r\n\r\nabc", 413),
    ("a length beyond the body's limit", ENROL + b"Content-Length: 999999999\r\n\r\nabc", 413),
    ("an unsigned length beyond the body's limit", POST + b"Content-Length: 999999999\r\n\r\nabc", 401),
    ("a GET with a body", GET + b"Content-Length: 3\r\n\r\nabc", 400),
    ("a GET with a chunked body", GET + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    ("a HEAD with a body", b"HEAD /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", 400),
    ("a DELETE with a body", b"DELETE /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", 400),
    ("a blank before the colon", POST + b"Content-Length : 3\r\n\r\nabc", 400),
    ("two hosts", GET + b"Host: b\r\n\r\n", 400),
    ("no host", b"GET /healthz HTTP/1.1\r\n\r\n", 400),
    ("an empty host", b"GET /healthz HTTP/1.1\r\nHost:\r\n\r\n", 400),
    ("a host with a path", b"GET /healthz HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
    ("a host with a user", b"GET /healthz HTTP/1.1\r\nHost: u@a\r\n\r\n", 400),
    ("a host with a bad port", b"GET /healthz HTTP/1.1\r\nHost: a:99999\r\n\r\n", 400),
    ("HTTP/1.0", b"GET /healthz HTTP/1.0\r\nHost: a\r\n\r\n", 400),
    ("HTTP/1.2", b"GET /healthz HTTP/1.2\r\nHost: a\r\n\r\n", 400),
    ("HTTP/2 in words", b"GET /healthz HTTP/2.0\r\nHost: a\r\n\r\n", (400, 505)),
    ("HTTP/0.9", b"GET /healthz\r\n\r\n", (400, None)),
    ("the HTTP/2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", (400, 405, 505)),
    ("line feeds alone", b"GET /healthz HTTP/1.1\nHost: a\n\n", 400),
    ("one line feed alone", GET + b"X: y\n\r\n", 400),
    ("a folded header", GET + b"X: y\r\n z\r\n\r\n", 400),
    ("a NUL in a value", GET + b"X: y\0z\r\n\r\n", 400),
    ("a NUL in a name", GET + b"X\0: y\r\n\r\n", 400),
    ("a NUL in the method", b"GET\0 /healthz HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("a NUL in the target", b"GET /heal\0thz HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("a blank in a name", GET + b"X y: z\r\n\r\n", 400),
    ("a header without a name", GET + b": z\r\n\r\n", 400),
    ("a header without a colon", GET + b"nothing\r\n\r\n", (400, 200)),
    ("two blanks after the method", b"GET  /healthz HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("a tab after the method", b"GET\t/healthz HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("nothing but line ends", b"\r\n\r\n\r\n\r\n\r\n\r\n\x00", (400, None)),
    ("bytes that are no text", bytes(range(128, 256)) * 4 + b"\r\n\r\n", (400, 405, None)),
    ("a TLS greeting", bytes.fromhex("16030100c8010000c40303") + b"\0" * 190, (400, None)),
]

TARGETS = [
    "/%00", "/v1%2fhello", "/v1%5chello", "/v1\\hello", "/../v1", "/v1/..", "/./v1", "/%2e%2E/v1", "/.%2e/v1",
    "/official-list.csv/%2e%2e/%2e%2e/central.key", "/%252e%252e/central.key", "/%", "/%zz",
    "http://127.0.0.1/v1", "//127.0.0.1/v1/..", "*", "v1", "/v1#x", "/CON", "/central.sqlite", "/central.key",
    "/v1/spaces/../../central.key/log",
]

METHODS = ["OPTIONS", "TRACE", "CONNECT", "PATCH", "get", "PROPFIND"]


def cases(stage):
    """Yields (category, name, run)."""
    for name, data, status in REFUSED:
        yield "framing", name, lambda data=data, status=status: refused(stage, data, status)
    for target in TARGETS:
        yield "paths", target, lambda target=target: path(stage, target)
    for method in METHODS:
        yield "framing", f"method {method}", lambda method=method: expect(
            stage.send(f"{method} /v1/hello HTTP/1.1\r\nHost: a\r\n\r\n".encode()), 405)
    yield from sizes(stage)


def refused(stage, data, status):
    """One refusal, then the end: what follows on the connection is not read."""
    answer = stage.send(data + SMUGGLED, half_close=True)
    statuses = status if isinstance(status, tuple) else (status,)
    if answer.status not in statuses:
        raise Refuted(f"answered {answer.status}, not {status}")
    if b"HTTP/1.1 200 " in answer.raw and 200 not in statuses:
        raise Refuted("a second request was answered on the same connection")


def path(stage, target):
    """No target reaches a file, or is answered as another than itself."""
    answer = stage.send(f"GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
    expect(answer, (400, 404))
    if b"SQLite" in answer.body or b"root:" in answer.body:
        raise Refuted("a file came back")


def sizes(stage):
    """Lengths at, and one beyond, each limit."""
    def get(target, headers=b""):
        return stage.send(b"GET " + target + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" + headers + b"\r\n")

    long = b"x" * 2048
    yield "sizes", "a target at its limit", lambda: expect(get(b"/" + long[1:]), 404)
    yield "sizes", "a target one byte too long", lambda: expect(get(b"/" + long), 414)
    yield "sizes", "a target of a megabyte", lambda: expect(get(b"/" + b"x" * 1_000_000), (414, 431))
    yield "sizes", "headers at half the limit", lambda: expect(
        get(b"/healthz", b"X: " + long * 8 + b"\r\n"), 200)
    yield "sizes", "headers beyond the limit", lambda: expect(
        get(b"/healthz", (b"X: " + long + b"\r\n") * 17), 431)
    yield "sizes", "ten thousand headers", lambda: expect(get(b"/healthz", b"A: b\r\n" * 10_000), 431)
    yield "sizes", "a header of a megabyte", lambda: expect(
        get(b"/healthz", b"X: " + b"y" * 1_000_000 + b"\r\n"), 431)
    for length in (64 * 1024 + 1, 10_000_000):
        body = b"{" + b" " * (length - 2) + b"}"
        yield "sizes", f"an enrolment of {length} bytes", lambda body=body: expect(
            stage.request("POST", "/v1/enrolments", body=body), 413, "http.too-large")
        yield "sizes", f"an unsigned hello of {length} bytes", lambda body=body: expect(
            stage.request("POST", "/v1/hello", body=body), 401, "signature.refused")
    yield "sizes", "a hello at its limit, unsigned", lambda: expect(
        stage.request("POST", "/v1/hello", body=b" " * 64 * 1024), 401)
    yield "sizes", "an empty push", lambda: expect(stage.request("POST", "/v1/spaces/commons/changes"), 401)
    yield "sizes", "a push one byte beyond its limit", lambda: expect(
        stage.request("POST", "/v1/spaces/commons/changes", body=b"x" * (1024 * 1024 + 1)), 401, "signature.refused")
    yield "sizes", "a chunked body beyond the limit", lambda: expect(
        stage.send(b"POST /v1/enrolments HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                   + (b"10000\r\n" + b"x" * 65536 + b"\r\n") * 3 + b"0\r\n\r\n"), 413)
    yield "sizes", "a chunk size beyond 64 bits", lambda: expect(
        stage.send(b"POST /v1/enrolments HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                   b"fffffffffffffffff\r\nx\r\n0\r\n\r\n", half_close=True), (400, 413))
    yield "sizes", "a chunk size that is no number", lambda: expect(
        stage.send(b"POST /v1/enrolments HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                   b"zz\r\nx\r\n0\r\n\r\n", half_close=True), 400)
