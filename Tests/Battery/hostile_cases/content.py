"""Well-framed requests whose content is hostile: JSON, encodings, queries, header values."""

from .stage import Refuted, expect, untimed

DEEP = 100_000
ENROLMENTS = "/v1/enrolments"

# name, body, problem code; all are refused with 400 before anything is made of them.
JSON = [
    ("an empty body", b"", "wire.truncated"),
    ("blanks alone", b"  \n ", "wire.truncated"),
    ("a list", b"[]", ("enrolment.shape", "wire.shape")),
    ("a string", b'"x"', ("enrolment.shape", "wire.shape")),
    ("null", b"null", ("enrolment.shape", "wire.shape")),
    ("a depth of 33", b"[" * 33 + b"]" * 33, "wire.too_deep"),
    ("a depth of 32", b"[" * 32 + b"]" * 32, ("enrolment.shape", "wire.shape")),
    ("a depth of 30,000", b"[" * 30_000 + b"]" * 30_000, "wire.too_deep"),
    ("30,000 brackets without an end", b"[" * 30_000, "wire.too_deep"),
    ("30,000 braces without an end", b'{"a":' * 10_000, "wire.too_deep"),
    ("a member named twice", b'{"secret":"a","secret":"b"}', "wire.duplicate_key"),
    ("a member named twice, once by an escape", b'{"secret":"a","s\\u0065cret":"b"}', "wire.duplicate_key"),
    ("a member named twice in another normal form", '{"é":1,"e\u0301":2}'.encode(), ("enrolment.shape", "wire.shape")),
    ("a trailing comma", b'{"a":1,}', "wire.syntax"),
    ("a trailing comma in a list", b"[1,]", "wire.syntax"),
    ("something behind", b"{} {}", "wire.syntax"),
    ("a comment", b"{/* */}", "wire.syntax"),
    ("single quotes", b"{'a':1}", "wire.syntax"),
    ("a name without quotes", b"{a:1}", "wire.syntax"),
    ("a byte order mark", b"\xef\xbb\xbf{}", "wire.syntax"),
    ("UTF-16", '{"a":1}'.encode("utf-16"), ("wire.syntax", "wire.not_utf8")),
    ("NaN", b'{"a":NaN}', "wire.syntax"),
    ("Infinity", b'{"a":-Infinity}', ("wire.syntax", "wire.number")),
    ("a number beyond a double", b'{"a":1e999}', "wire.number"),
    ("a number of 33 characters", b'{"a":' + b"1" * 33 + b"}", "wire.number"),
    ("a number with a leading zero", b'{"a":01}', ("wire.syntax", "wire.number")),
    ("a number with a leading plus", b'{"a":+1}', ("wire.syntax", "wire.number")),
    ("a number that ends at its point", b'{"a":1.}', ("wire.syntax", "wire.number")),
    ("2^64", b'{"a":18446744073709551616}', ("wire.number", "enrolment.shape", "wire.shape")),
    ("a lone high surrogate", b'{"a":"\\ud800"}', ("wire.syntax", "wire.not_utf8")),
    ("a lone low surrogate", b'{"a":"\\udc00x"}', ("wire.syntax", "wire.not_utf8")),
    ("an overlong slash", b'{"a":"\xc0\xaf"}', "wire.not_utf8"),
    ("a surrogate as UTF-8", b'{"a":"\xed\xa0\x80"}', "wire.not_utf8"),
    ("a byte that is no UTF-8", b'{"a":"\xff"}', "wire.not_utf8"),
    ("a character cut short", b'{"a":"\xe2\x82"}', "wire.not_utf8"),
    ("a code point beyond Unicode", b'{"a":"\xf4\x90\x80\x80"}', "wire.not_utf8"),
    ("a raw line feed in a string", b'{"a":"b\nc"}', "wire.syntax"),
    ("a raw NUL in a string", b'{"a":"b\0c"}', "wire.syntax"),
    ("an unknown escape", b'{"a":"\\x41"}', "wire.syntax"),
    ("a string without an end", b'{"a":"b', "wire.truncated"),
    ("an object without an end", b'{"a":1', "wire.truncated"),
    ("an unknown word", b'{"a":True}', "wire.syntax"),
    ("30,000 members", b"{" + b",".join(b'"%d":1' % n for n in range(7000)) + b"}", ("wire.too_many_nodes", "enrolment.shape", "wire.shape")),
    ("a secret that is no base64url", b'{"secret":"!!","key":"AAAA"}', ("enrolment.shape", "wire.shape")),
    ("a secret that is a number", b'{"secret":1,"key":2}', ("enrolment.shape", "wire.shape")),
    ("a key of three bytes", b'{"secret":"AAAAAAAAAAAAAAAAAAAAAA","key":"AAAA"}', ("enrolment.shape", "wire.shape")),
]

STRINGS = [
    ("right-to-left override", "a\u202eb"), ("zero width space", "a\u200bb"), ("zero width joiner", "\u200d" * 100),
    ("combining marks", "e" + "\u0301" * 5000), ("a NUL by escape", "a\u0000b"), ("a bell", "a\u0007b"),
    ("an escape sequence", "\u001b[31mred\u001b]0;title\u0007"), ("Cyrillic that looks Latin", "раураl"),
    ("a noncharacter", "\uffff"), ("a private character", "\ue000"), ("a language tag", "\U000e0041" * 50),
    ("a 60 kB name", "n" * 60_000), ("line separators", "a\u2028b\u2029c"), ("a C1 control", "a\u0085b"),
    ("emoji of many parts", "👩‍👩‍👧‍👦" * 500), ("an isolate without its end", "\u2067abc"),
]

ENCODINGS = [
    ("gzip", "gzip", 415), ("deflate", "deflate", 415), ("br", "br", 415), ("an unknown encoding", "x-none", 415),
    ("zstd twice", "zstd, zstd", 415), ("gzip in zstd", "gzip, zstd", 415), ("an empty encoding", "", (401, 415)),
]

SQL = [
    "' OR '1'='1", "1; DROP TABLE organisation; --", '" OR ""="', "' UNION SELECT key FROM cordee_member --",
    "%", "_", "*", "[a-z]", "'||(SELECT hex(randomblob(9)))||'", "); ATTACH '/etc/passwd' AS x; --",
    "\\' OR 1=1 --", "0x27204f52", "char(39)", "2014-09-17' --", "load_extension('x')", "\"; PRAGMA writable_schema=1; --",
    "sqlite_master", "cordee_meta", "id", "rowid",
]


def cases(stage):
    """Yields (category, name, run)."""
    for name, body, code in JSON:
        yield "json", name, lambda body=body, code=code: expect(
            stage.request("POST", ENROLMENTS, body=body), 400, code)
    for name, text in STRINGS:
        yield "strings", name, lambda text=text: string(stage, text)
    for name, encoding, status in ENCODINGS:
        yield "sizes", f"a push in {name}, unsigned", lambda encoding=encoding, status=status: expect(
            stage.request("POST", "/v1/spaces/commons/changes", [("Content-Encoding", encoding)], b"x" * 100),
            (status if isinstance(status, tuple) else (401, status)))
    for text in SQL:
        yield "sql", text, lambda text=text: query(stage, text)
    yield from headers(stage)


def string(stage, text):
    """A name in a body comes to nothing without an invite, and is never given back."""
    import json
    body = json.dumps({"secret": "A" * 22, "key": "A" * 43, "name": text}).encode()
    answer = expect(stage.request("POST", ENROLMENTS, body=body), (400, 401, 413))
    if len(text) > 2 and text.encode()[:40] in answer.raw:
        raise Refuted("the text came back")


def query(stage, text):
    """A query is a value: the page says it is no day, and nothing else happens."""
    from urllib.parse import quote
    escaped = quote(text, safe="")
    answer = stage.send(
        f"GET /official-list.json?on={escaped} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
    expect(answer, 400)
    if b"sqlite" in answer.body.lower() or b"syntax" in answer.body.lower():
        raise Refuted("an SQL message came back")
    expect(stage.send(
        f"GET /v1/spaces/{escaped.replace('%2F', '')}/log HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode()),
        (400, 401, 404))


def headers(stage):
    """Values that try to reach headers of an answer, or lines of the log."""
    for name, value in [
        ("a line end in a query", "%0d%0aX-Injected:%201"), ("a line feed in a query", "%0aX-Injected:%201"),
        ("a carriage return in a query", "%0dX-Injected:%201"), ("two line ends in a query", "%0d%0a%0d%0a<html>"),
        ("a Unicode line end in a query", "%e5%98%8a%e5%98%8dX-Injected:%201"),
        ("an escape sequence in a query", "%1b[2J"), ("a backspace in a query", "%08%08%08"),
        ("a forged log line in a query", "%0a2026-01-01T00:00:00Z%20Merge%201"),
    ]:
        def run(value=value):
            for target in (f"/official-list.csv?on={value}", f"/official-list.html?on={value}"):
                answer = expect(stage.send(
                    f"GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode()), 400)
                head = answer.raw.split(b"\r\n\r\n", 1)[0]
                if b"X-Injected" in head or b"\x1b" in answer.raw:
                    raise Refuted("the value reached the answer raw")
        yield "headers", name, run
    for name, header in [
        ("an escape sequence in User-Agent", b"User-Agent: \x1b[31mred"), ("a forged forwarding", b"X-Forwarded-For: ::1"),
        ("another host", b"X-Forwarded-Host: evil.example"), ("a rewritten address", b"X-Original-URL: /v1/admin"),
        ("another method", b"X-HTTP-Method-Override: DELETE"), ("a cookie", b"Cookie: a=b; c=\x7f"),
        ("an upgrade", b"Upgrade: h2c\r\nConnection: Upgrade"), ("an expectation", b"Expect: 200-ok"),
    ]:
        def run(header=header):
            answer = stage.send(b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" + header + b"\r\n\r\n")
            expect(answer, (200, 400, 417))
            if b"evil.example" in answer.raw or b"\x1b" in answer.raw:
                raise Refuted("the header reached the answer")
        yield "headers", name, run
    # Nothing is asked: it looks at what others left.
    yield "headers", "nothing raw reached the log", untimed(lambda: log_is_clean(stage))


def log_is_clean(stage):
    """Central's own lines hold no control character and nothing that a client wrote."""
    with open(f"{stage.folder}/serve.log", "rb") as log:
        text = log.read()
    if b"\x1b" in text or b"X-Injected" in text or any(byte < 32 and byte != 10 for byte in text):
        raise Refuted("a client's bytes stand in the log")
