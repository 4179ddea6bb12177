"""short.json: the short form of pushes and of the log, and the keys of runs. SP-313, SP-1012"""
import cases_changes
import cases_push as push
import rules
import rules_sync

SECRET, OTHER_SECRET = bytes(range(16, 32)), bytes(range(32, 48))


def full(lines, is_log):
    return [line.decode() for line in rules_sync.expand([line.encode() for line in lines], is_log)]


def body(n, secret=SECRET, whole=False):
    """A change's body, with its key or without."""
    text = cases_changes.body_bytes([{"table": "club", "id": f"club-{n}", "insert": {"name": None}}], rules.b64(rules_sync.run_key(secret, n))).decode()
    return text if whole else "{" + text.split('",', 1)[1]


def header(n, context=None):
    return rules.header_bytes(push.NETWORK, push.SPACE, push.ACTOR, n, context or {}).decode()


def run(secret):
    return '{"run":"%s"}' % rules.b64(secret)


def short():
    segment = push.segment_line(1, 4, rules.ZERO, rules.hash32(b"head"))
    signatures = rules.write(push.signatures(b"x"))
    full_entry = '{"seq":9,"change":{"header":%s,"body":%s}}' % (header(4), body(4, whole=True))
    odd_entry = '{"seq":13,"change":{"header":%s,"body":%s}}' % (header(6), '{ ' + body(6, whole=True)[1:])
    push_stream = [
        segment, run(SECRET), '{"header":%s,"body":%s}' % (header(1, {push.OTHER: 2}), body(1)), '{"body":%s}' % body(2),
        '{"body":%s}' % body(3, OTHER_SECRET, whole=True), '{"body":%s}' % body(4), segment,
        '{"header":%s,"body":%s}' % (header(7), body(7, whole=True)),
    ]
    log_stream = [
        '{"seq":4,"header":%s,"body":%s}' % (header(1), body(1, whole=True)), run(SECRET), '{"body":%s}' % body(2),
        '{"seq":7,"signatures":%s,"body":%s}' % (signatures, body(3)), full_entry, run(OTHER_SECRET),
        '{"seq":12,"header":%s,"body":%s}' % (header(5), body(5, OTHER_SECRET)), '{"signatures":%s,"body":%s}' % (signatures, body(6, OTHER_SECRET)),
        odd_entry, '{"seq":14,"header":%s,"body":%s}' % (header(7), body(7, whole=True)),
        '{"checkpoint":{},"signatures":[]}',
    ]
    refused = [
        (False, [segment, '{"body":%s}' % body(1, whole=True)]), (False, [segment, '{"header":%s,"body":%s}' % (header(1), body(1))]),
        (False, [segment, '{"header":%s,"body":{ %s}' % (header(1), body(1, whole=True)[1:])]),
        (True, ['{"seq":4,"header":%s,"body":{ %s}' % (header(1), body(1, whole=True)[1:])]),
        (False, [run(SECRET), segment, '{"header":%s,"body":%s}' % (header(1), body(1))]), (False, ['{"run":"AA"}']),
        (False, ['{"run":7}']), (False, ['{"header":%s}' % header(1)]),
        (True, ['{"header":%s,"body":%s}' % (header(1), body(1, whole=True))]),
        (True, ['{"seq":0,"header":%s,"body":%s}' % (header(1), body(1, whole=True))]),
        (True, [full_entry, '{"body":%s}' % body(5, whole=True)]),
    ]
    found = []
    for is_log, lines in refused:
        try:
            full(lines, is_log)
            raise AssertionError(lines)
        except rules.Refused as refusal:
            found.append({"rule": "SP-1012", "log": is_log, "short": lines, "code": refusal.code})
    return {
        "about": "Keys of runs; streams in short form and the full lines they stand for; streams that leave out what nothing says.",
        "keys": [{"rule": "SP-313", "secret": rules.b64(SECRET), "n": n, "key": rules.b64(rules_sync.run_key(SECRET, n))} for n in (1, 2, 10, rules.COUNT_MAX)],
        "streams": [{"rule": "SP-1012", "log": is_log, "short": lines, "full": full(lines, is_log)}
                    for is_log, lines in ((False, push_stream), (True, log_stream))],
        "refused": found,
    }
