"""Hostile devices: signatures that are not, histories that cannot be, contexts that lie."""

import http.client
import json
import os
import socket
import time

import zstandard
from nacl.signing import SigningKey

from .device import Device, b64url, insert
from .stage import Refuted, expect

HELLO = "/v1/hello"


def cases(stage):
    """Yields (category, name, run)."""
    good, other = Device(stage), Device(stage)
    expect(good.enrol(), 201)
    expect(other.enrol(role="observer"), 201)
    yield from requests(stage, good)
    yield from invites(stage, good)
    yield from pushes(good, other)
    yield from bodies(good)
    yield from reading(stage, good)
    yield "authentication", "a revoked device", lambda: revoked(stage)
    yield "authentication", "a device with many connections", lambda: crowded(stage, good, other)


def crowded(stage, greedy, calm):
    """A device holds four connections and no more; nobody else loses one."""
    held = []

    def ask(connection, device):
        body = hello(device)
        fields = device.signed("POST", HELLO, body) + [("Host", f"127.0.0.1:{stage.port}"), ("Content-Length", len(body))]
        head = f"POST {HELLO} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields) + "\r\n"
        start = time.monotonic()
        try:
            connection.sendall(head.encode() + body)
            answer = http.client.HTTPResponse(connection)
            answer.begin()
            answer.read()
            return answer.status
        except (OSError, http.client.HTTPException):
            return None
        finally:
            stage.hold("an answer", time.monotonic() - start)

    try:
        for device in [calm] + [greedy] * 12:
            held.append(socket.create_connection(("127.0.0.1", stage.port), timeout=5))
            if ask(held[-1], device) != 200:
                raise Refuted("a new connection was refused")
        calmed, *others = held
        open_now = [ask(other, greedy) for other in others]
        if open_now != [None] * 8 + [200] * 4:
            raise Refuted(f"its connections: {open_now}")
        if ask(calmed, calm) != 200:
            raise Refuted("another device lost its connection")
    finally:
        for connection in held:
            connection.close()


def hello(device):
    zero = f"{device.instance}.0.{b64url(bytes(32))}"
    return json.dumps({"actor": device.actor, "spaces": {"commons": {"cursor": zero}}}).encode()


def requests(stage, good):
    """One request, signed otherwise than it should be."""
    body = hello(good)
    ask = lambda **how: good.send("POST", HELLO, body, **how)
    refused = "signature.refused"
    now = int(time.time())
    yield "authentication", "an honest hello is answered", lambda: expect(ask(), 200)
    for name, how, code in [
        ("another device's key", {"key": SigningKey.generate()}, refused),
        ("a key nobody enrolled", {"keyid": os.urandom(16).hex()}, refused),
        ("a keyid that is no id", {"keyid": "../../etc/passwd"}, refused),
        ("an empty keyid", {"keyid": ""}, refused),
        ("a day ago", {"created": now - 86_400}, "signature.time"),
        ("in a day", {"created": now + 86_400}, "signature.time"),
        ("in the year 36812", {"created": 2**40}, "signature.time"),
        ("before 1970", {"created": -5}, refused),
        ("for another host", {"authority": "evil.example"}, refused),
        ("without the digest", {"components": ["@method", "@authority", "@request-target"]}, refused),
        ("without the method", {"components": ["@authority", "@request-target", "content-digest"]}, refused),
        ("without the target", {"components": ["@method", "@authority", "content-digest"]}, refused),
        ("a component twice", {"components": ["@method", "@method", "@authority", "@request-target", "content-digest"]}, refused),
        ("by an algorithm that is not Ed25519", {"algorithm": "hmac-sha256"}, refused),
        ("by no algorithm", {"algorithm": "none"}, refused),
        ("with an unknown parameter", {"extra": ";expires=1"}, refused),
        ("with a digest of other content", {"digest": "sha-256=:" + "A" * 43 + "=:"}, "digest.mismatch"),
        ("with a digest by another hash", {"digest": "md5=:AAAA:"}, "digest.mismatch"),
    ]:
        yield "authentication", f"signed {name}", lambda how=how, code=code: expect(
            ask(**how), (400, 401), code)

    def spliced(method, target, content):
        return stage.request(method, target, good.signed("POST", HELLO, body), content)

    yield "authentication", "a signature for another path", lambda: expect(
        spliced("POST", "/v1/spaces/commons/changes", body), 401, refused)
    yield "authentication", "a signature for another method", lambda: expect(
        spliced("GET", HELLO, b""), (401, 405))
    yield "authentication", "a signature for another body", lambda: expect(
        spliced("POST", HELLO, body + b" "), 400, "digest.mismatch")
    yield "authentication", "a signature for another query", lambda: expect(
        stage.request("GET", "/v1/spaces/commons/log?after=x", good.signed("GET", "/v1/spaces/commons/log")), 401, refused)

    def replayed():
        headers = good.signed("POST", HELLO, body)
        expect(stage.request("POST", HELLO, headers, body), 200)
        expect(stage.request("POST", HELLO, headers, body), 401, "signature.replayed")

    yield "authentication", "a request sent again", replayed

    def altered(change):
        headers = [(name, change(name, value)) for name, value in good.signed("POST", HELLO, body)]
        return stage.request("POST", HELLO, headers, body)

    zero = "cordee=:" + "A" * 86 + "==:"
    yield "authentication", "a signature of zeros", lambda: expect(
        altered(lambda name, value: zero if name == "Signature" else value), 401, refused)
    yield "authentication", "a signature cut short", lambda: expect(
        altered(lambda name, value: "cordee=:AAAA:" if name == "Signature" else value), 401, refused)
    yield "authentication", "another label", lambda: expect(
        altered(lambda name, value: value.replace("cordee=", "other=")), 401, refused)
    yield "authentication", "two signatures of one label", lambda: expect(
        altered(lambda name, value: f"{value}, {value}" if name == "Signature" else value), 401, refused)
    yield "authentication", "a signature that is no structured field", lambda: expect(
        altered(lambda name, value: "((((((" if name == "Signature-Input" else value), 401, refused)
    yield "authentication", "no signature", lambda: expect(stage.request("POST", HELLO, body=body), 401, refused)
    yield "authentication", "a large S", lambda: expect(large_s(stage, good, body), 401, refused)


def large_s(stage, good, body):
    """The same signature with S + L, which only a lax verifier takes (RFC 8032 §5.1.7)."""
    import base64
    order = 2**252 + 27742317777372353535851937790883648493
    headers = dict(good.signed("POST", HELLO, body))
    raw = base64.b64decode(headers["Signature"].split(":")[1])
    number = int.from_bytes(raw[32:], "little") + order
    headers["Signature"] = "cordee=:" + base64.b64encode(raw[:32] + number.to_bytes(32, "little")).decode() + ":"
    return stage.request("POST", HELLO, list(headers.items()), body)


def invites(stage, good):
    """Invites that are not, or no longer."""
    used = stage.invite()

    def twice():
        expect(Device(stage).enrol(used), 201)
        expect(Device(stage).enrol(used), 401, "invite.used")

    yield "authentication", "an invite used twice by two keys", twice
    yield "authentication", "an invite nobody wrote", lambda: expect(
        Device(stage).enrol(f"{stage.url}#{b64url(os.urandom(16))}.x"), 401, "invite.unknown")

    def weak(point):
        """A public key of low order, which verifies signatures that nobody made."""
        secret = stage.invite().split("#")[1].split(".")[0]
        body = json.dumps({"secret": secret, "key": b64url(point)}).encode()
        return good.send("POST", "/v1/enrolments", body)

    for name, point in [("zeros", bytes(32)), ("one", b"\1" + bytes(31)), ("no point", b"\x02" + bytes(31)),
                        ("a non-canonical point", b"\xee" + b"\xff" * 30 + b"\x7f")]:
        yield "authentication", f"an enrolment of the key {name}", lambda point=point: expect(weak(point), (400, 401))


def revoked(stage):
    device = Device(stage)
    expect(device.enrol(), 201)
    stage.prepare("central", "revoke", device.id, "--data", stage.central)
    expect(device.send("POST", HELLO, hello(device)), 401, "signature.refused")
    expect(device.push(device.one()[0]), 401, "signature.refused")


def pushes(good, other):
    """Segments and chains that do not hold."""
    def device():
        """The same key under a new epoch, so that each case has a history of its own."""
        copy = Device.__new__(Device)
        copy.__dict__.update(good.__dict__)
        copy.actor = good.id + os.urandom(8).hex()
        return copy

    def flipped():
        me = device()
        lines, _ = me.one()
        expect(me.push([lines[0], lines[1].replace(b"2026-01-01", b"2026-01-02")]), 422, "segment.signature")

    def sent_twice():
        me = device()
        lines, _ = me.one()
        first, second = expect(me.push(lines), 200), expect(me.push(lines), 200)
        # When it was given is a label, in seconds.
        heads = [json.loads(answer.body)["receipt"]["heads"] for answer in (first, second)]
        if heads[0] != heads[1] or not heads[0]:
            raise Refuted("two pushes of the same are received as two")

    def fork():
        me = device()
        expect(me.push(me.one()[0]), 200)
        expect(me.push(me.one()[0]), 409, "segment.fork")

    def gap():
        me = device()
        first, value = me.one()
        second, _ = me.one(2, value)
        expect(me.push(second), 200)
        expect(me.push(first), 200)

    def swapped():
        me = device()
        first, value = me.change(1)
        second, head = me.change(2, previous=value)
        expect(me.push([me.segment(1, 2, bytes(32), head), second, first]), 422)

    def wrong_previous():
        me = device()
        expect(me.push(me.one()[0]), 200)
        expect(me.push(me.one(2, os.urandom(32))[0]), (200, 409, 422))

    def foreign():
        me = device()
        theirs = other.id + os.urandom(8).hex()
        line, value = me.change(1, actor=theirs)
        expect(me.push([me.segment(1, 1, bytes(32), value, actor=theirs, signer=other.id), line]), 403, "segment.foreign")

    def signed_by_another():
        me = device()
        line, value = me.change(1)
        expect(me.push([me.segment(1, 1, bytes(32), value, key=other.key), line]), 422, "segment.signature")

    simple = [
        ("a flipped byte", flipped), ("the same push twice", sent_twice), ("a fork", fork), ("out of order", gap),
        ("two changes swapped", swapped), ("a wrong previous hash", wrong_previous),
        ("another member's actor", foreign), ("another member's signature", signed_by_another),
    ]
    for name, run in simple:
        yield "sync", name, run

    def one(status, code=None, **how):
        def run():
            me = device()
            expect(me.push(me.one(**how)[0], **({"space": how["space"]} if "space" in how else {})), status, code)
        return run

    yield "sync", "a space that is not", one(404, "space.unknown", space="attic")
    yield "sync", "a space this role may not write", one(403, "space.forbidden", space="bureau")
    yield "sync", "another network's change", one(422, "segment.header", network=os.urandom(16).hex())
    yield "sync", "a context that names its author", lambda: context(device(), lambda me: {me.actor: 1}, 400)
    yield "sync", "a context of 2^63 - 1", lambda: context(device(), lambda _: {os.urandom(24).hex(): 2**63 - 1}, 400)
    yield "sync", "a context of zero", lambda: context(device(), lambda _: {os.urandom(24).hex(): 0}, 400)
    yield "sync", "a context that names no actor", lambda: context(device(), lambda _: {"x": 1}, 400)
    yield "sync", "a context of 100,000 actors", lambda: context(
        device(), lambda _: {os.urandom(24).hex(): 1 for _ in range(100_000)}, (400, 413))
    yield "sync", "a context of what nobody has", lambda: unseen(device())
    yield "sync", "a change number of 2^63 - 1", lambda: expect(big(device()), 400)
    yield "sync", "a segment of 2,000 changes announced", lambda: expect(
        long_segment(device()), (400, 413), "wire.too_large")
    yield "sync", "a segment without its changes", lambda: expect(
        (me := device()).push([me.segment(1, 3, bytes(32), bytes(32))]), 400, "wire.truncated")
    yield "sync", "an empty push, signed", lambda: expect(device().push(b""), (200, 400))
    yield "sync", "lines that are no segments", lambda: expect(device().push([b"{}", b"{}"]), 400, "wire.shape")


def context(me, make, status):
    expect(me.push(me.one(context=make(me))[0]), status)


def unseen(me):
    """A context that names what nobody has is kept with its reason, and blocks nobody."""
    expect(me.push(me.one(context={os.urandom(24).hex(): 7})[0]), 200)
    reports = json.loads(me.stage.prepare("central", "reports", "--data", me.stage.central, "--json").stdout)
    if "context.unknown" not in json.dumps(reports):
        raise Refuted("the change is not in quarantine with its reason")


def big(me):
    line, value = me.change(2**63 - 1)
    return me.push([me.segment(2**63 - 1, 2**63 - 1, bytes(32), value), line])


def long_segment(me):
    return me.push([me.segment(1, 2000, bytes(32), bytes(32))])


def bodies(good):
    """Changes whose content no schema or limit allows: refused at once, or kept in quarantine with a reason."""
    def body(status, code=None, **how):
        def run():
            good.actor = good.id + os.urandom(8).hex()
            lines, _ = good.one(**how)
            expect(good.push(lines), status, code)
        return run

    raw = lambda text: {"body": text.encode() if isinstance(text, str) else text}
    start = '{"key":"AAAAAAAAAAAAAAAAAAAAAA","at":"2026-01-01T00:00:00Z","writes":'
    for name, text, status in [
        ("no writes", start + "[]}", 400), ("writes that are no list", start + "{}}", 400),
        ("a row twice", start + '[{"table":"place","id":"a","delete":true},{"table":"place","id":"a","delete":true}]}', 400),
        ("a row without an id", start + '[{"table":"place","delete":true}]}', 400),
        ("an empty id", start + '[{"table":"place","id":"","delete":true}]}', 400),
        ("an id of 200 bytes", start + '[{"table":"place","id":"' + "x" * 200 + '","delete":true}]}', 400),
        ("a table that is no name", start + '[{"table":"sqlite_master; --","id":"a","delete":true}]}', 400),
        ("a verb nobody knows", start + '[{"table":"place","id":"a","drop":true}]}', 400),
        ("a key of one byte", start.replace("A" * 22, "AA") + '[{"table":"place","id":"a","delete":true}]}', 400),
        ("2,000 writes", start + "[" + ",".join('{"table":"place","id":"%d","delete":true}' % n for n in range(2000)) + "]}", (400, 413)),
        ("a member twice", start + '[{"table":"place","id":"a","id":"b","delete":true}]}', 400),
        ("a value that is a list", start + '[{"table":"place","id":"a","set":{"city":[1]}}]}', 400),
        ("bytes that are no UTF-8", start.encode() + b'[{"table":"place","id":"a","set":{"city":"\xff"}}]}', 400),
        ("a depth of 1,000", start + "[" * 1000 + "]" * 1000 + "}", 400),
        ("600 kB", start + '[{"table":"place","id":"a","set":{"city":"' + "x" * 600_000 + '"}}]}', (400, 413)),
        ("a real that is no number", start + '[{"table":"place","id":"a","set":{"city":{"real":"NaN"}}}]}', 400),
    ]:
        yield "sync", f"a body with {name}", body(status, **raw(text))
    for name, writes in [
        ("a country that is not", [insert("hostile-1", country="XX!")]), ("an unknown row set", [{"table": "place", "id": "nobody", "set": {"city": "x"}}]),
        ("a delete of what never was", [{"table": "place", "id": "nobody-2", "delete": True}]),
        ("a device's key", [{"table": "replica", "id": os.urandom(16).hex(), "insert": {"key": "x", "role": "secretariat"}}]),
        ("its own role", [{"table": "replica", "id": good.id, "set": {"role": "secretariat"}}]),
        ("a table of another space", [{"table": "minutes_draft", "id": "x", "insert": {}}]),
        ("a number for a text", [insert("hostile-2", city=5)]),
    ]:
        yield "sync", f"a change that writes {name} is never shown", lambda writes=writes: quarantined(good, writes)
    yield "sizes", "a push that unpacks to 1 GiB", lambda: expect(bomb(good, 1 << 30), 413)
    yield "sizes", "a push that unpacks to one byte too many", lambda: expect(bomb(good, (1 << 20) + 1), 413)
    yield "sizes", "a push in two layers of zstd", lambda: expect(
        packed(good, zstandard.compress(zstandard.compress(b"{}\n"))), 400)
    yield "sizes", "a push that is no zstd", lambda: expect(packed(good, b"not zstd"), 400, "encoding.malformed")
    yield "sizes", "a push cut within zstd", lambda: expect(
        packed(good, zstandard.compress(os.urandom(5000))[:-9]), 400, "encoding.malformed")


def bomb(good, count):
    return packed(good, zstandard.ZstdCompressor().compress(bytes(count)))


def packed(good, data):
    return good.push(data, headers=[("Content-Encoding", "zstd")])


def quarantined(good, writes):
    """Taken, since it is well formed; then kept in quarantine, where nobody else is shown it."""
    good.actor = good.id + os.urandom(8).hex()
    expect(good.push(good.one(writes=writes)[0]), 200)
    reports = json.loads(good.stage.prepare("central", "reports", "--data", good.stage.central, "--json").stdout)
    kept = [found["change"] for report in reports for found in report["quarantined"]]
    if f"{good.actor}:1" not in kept:
        raise Refuted("the change is in no report's quarantine")


def reading(stage, good):
    """Cursors and spaces that lead nowhere."""
    zero = b64url(bytes(32))
    for name, target, status in [
        ("a cursor that is none", "/v1/spaces/commons/log?after=x", 400),
        ("no cursor", "/v1/spaces/commons/log", 400),
        ("a cursor of the future", f"/v1/spaces/commons/log?after={good.instance}.999999.{zero}", 409),
        ("a cursor of another central", f"/v1/spaces/commons/log?after={os.urandom(16).hex()}.0.{zero}", 409),
        ("a negative cursor", f"/v1/spaces/commons/log?after={good.instance}.-1.{zero}", 400),
        ("a space it may not read", f"/v1/spaces/bureau/log?after={good.instance}.0.{zero}", 403),
        ("a space that is not", f"/v1/spaces/attic/log?after={good.instance}.0.{zero}", 404),
        ("a snapshot it may not read", "/v1/spaces/bureau/snapshot", 403),
    ]:
        yield "sync", name, lambda target=target, status=status: expect(good.send("GET", target), status)
    for name, value in [("from its end", "bytes=-5"), ("backwards", "bytes=9-3"), ("beyond the end", "bytes=99999999999-"),
                        ("two ranges", "bytes=0-1,3-4"), ("words", "lines=1-2")]:
        yield "sync", f"a range {name}", lambda value=value: expect(
            good.send("GET", "/v1/spaces/commons/snapshot", headers=[("Range", value)]), (200, 404, 416))
    yield "sync", "a hello of another's actor tells nothing of it", lambda: untold(good)
    yield "sync", "a hello of a thousand spaces", lambda: expect(
        good.send("POST", HELLO, json.dumps({"actor": good.actor, "spaces": {
            f"s{n}": {"cursor": f"{good.instance}.0.{zero}"} for n in range(500)}}).encode()), (200, 400, 404))


def untold(good):
    """Of another device's actor central says only whether it holds what the asker does."""
    stranger = hello(good).replace(good.id.encode(), os.urandom(16).hex().encode())
    answer = expect(good.send("POST", HELLO, stranger), (200, 403))
    if answer.status == 200 and '"hash"' in answer.body.decode():
        raise Refuted("another device's head was told")
