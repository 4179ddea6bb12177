"""segments.json and hello.json: chapter 7."""
from nacl.signing import SigningKey

import cases_changes
import rules
import rules_sync

KEY = SigningKey(bytes([7]) * 32)
PUBLIC = KEY.verify_key.encode()
ACTOR = rules.replica_of(PUBLIC) + "00000000000000ff"
NETWORK, SPACE = cases_changes.NETWORK, "commons"
OTHER = cases_changes.B


def change_lines(first, count, previous, context=None):
    """Change lines of ACTOR and the hash of the last. SP-305, SP-307"""
    lines = []
    for n in range(first, first + count):
        header = rules.header_bytes(NETWORK, SPACE, ACTOR, n, context if n == first else {})
        body = cases_changes.body_bytes([{"table": "club", "id": f"club-{n}", "insert": {"name": f"Club {n}"}}])
        previous = rules.change_hash(previous, rules.body_hash(body), header)
        lines.append(b'{"header":' + header + b',"body":' + body + b"}")
    return lines, previous


def segment_message(n, head):
    return rules_sync.segment_message(NETWORK, SPACE, ACTOR, n, head)


def signatures(message):
    """SP-106"""
    return [{"key": ACTOR[:32], "value": rules.b64(KEY.sign(message).signature)}]


def segment_line(first, last, previous, head):
    """SP-705"""
    segment = {"actor": ACTOR, "from": first, "to": last, "previous": rules.b64(previous), "head": rules.b64(head)}
    return rules.write({"segment": segment, "signatures": signatures(segment_message(last, head))})


def segments():
    cases, previous = [], rules.ZERO
    for first, count, context in ((1, 1, {}), (2, 3, {OTHER: 2}), (5, 2, {OTHER: 9})):
        lines, head = change_lines(first, count, previous, context)
        line = segment_line(first, first + count - 1, previous, head)
        cases.append({
            "rules": ["SP-705", "SP-706", "SP-707"], "from": first, "to": first + count - 1, "previous": rules.b64(previous),
            "head": rules.b64(head), "message": segment_message(first + count - 1, head).decode(), "line": line,
            "changes": [text.decode() for text in lines],
        })
        previous = head
    good = cases[0]["line"]
    bad = [good.replace('"from":1', '"from":0'), good.replace('"to":1', '"to":1001'), good.replace('"from":1', '"from":2'),
           good.replace(ACTOR, ACTOR[:-1]), good.replace('"head"', '"had"'), good.replace(',"signatures"', ',"signature"'),
           '{"segment":{}}', "{}", "[]", good[:-1], good.replace('"value":"', '"value":"A')]
    note = rules.write({
        "network": NETWORK, "instance": "1" * 32, "space": SPACE, "at": cases_changes.AT,
        "heads": [{"actor": ACTOR, "n": 4, "hash": cases[1]["head"]}]}).encode()
    receipt = b'{"receipt":' + note + b',"signatures":' + rules.write(signatures(b"cordee.receipt.1\n" + note)).encode() + b"}"
    return {
        "about": "Segments of one chain, cut before every context; lines that are none; a receipt signed by the same key, as if it were central's.",
        "seed": "07" * 32, "key": rules.b64(PUBLIC), "actor": ACTOR, "network": NETWORK, "space": SPACE, "segments": cases,
        "refused": [{"rule": "SP-705", "line": text} for text in bad],
        "receipts": [{"rule": "SP-709", "line": receipt.decode(), "signed": note.decode(), "n": 4}],
    }


# SP-703

HASHES = {n: rules.b64(rules.hash32(b"%d" % n)) for n in range(1, 9)}
INSTANCE = "2" * 32


def cursor(seq, instance=INSTANCE):
    """SP-1003"""
    return f"{instance}.{seq}." + rules.b64(rules.hash32(b"log %d" % seq) if seq else rules.ZERO)


def hello(**spaces):
    """SP-701: each space as (own count, cursor's seq)."""
    found = {}
    for name, (n, seq) in spaces.items():
        found[name] = {"cursor": cursor(seq)} | ({"n": n, "hash": HASHES[n]} if n else {})
    return {"actor": ACTOR, "spaces": found}


def hellos():
    def answer(instance=INSTANCE, **spaces):
        return {"instance": instance, "spaces": spaces}

    def held(n, seq, **more):
        return {"seq": seq} | ({"n": n, "hash": HASHES[n]} if n else {}) | more

    cases = [
        ("SP-704", "nothing to do", hello(commons=(0, 5)), answer(commons=held(0, 5))),
        ("SP-704", "all is received", hello(commons=(3, 5)), answer(commons=held(3, 5))),
        ("SP-703", "own changes to push", hello(commons=(3, 5)), answer(commons=held(1, 5))),
        ("SP-703", "nothing was pushed yet", hello(commons=(3, 0)), answer(commons=held(0, 0))),
        ("SP-703", "news to pull", hello(commons=(0, 5)), answer(commons=held(0, 9))),
        ("SP-703", "pushes come before pulls, over spaces", hello(commons=(2, 5), bureau=(1, 7)),
         answer(commons=held(1, 5), bureau=held(0, 9))),
        ("SP-703", "a push in the second space alone", hello(commons=(0, 5), bureau=(1, 7)),
         answer(commons=held(0, 5), bureau=held(0, 7))),
        ("SP-703", "a space central does not answer for", hello(commons=(1, 5), bureau=(1, 7)), answer(commons=held(1, 5))),
        ("SP-703", "a snapshot is offered", hello(commons=(0, 0)), answer(commons=held(0, 9, snapshot=True))),
        ("SP-703", "another life of central", hello(commons=(2, 5)), answer("3" * 32, commons=held(1, 5))),
        ("SP-703", "a rewound log", hello(commons=(2, 5)), answer(commons=held(1, 3, rewound=True))),
        ("SP-703", "central has more of this actor", hello(commons=(2, 5)), answer(commons=held(3, 5, holds_head=False))),
        ("SP-703", "central has another change at the same count", hello(commons=(3, 5)),
         answer(commons={"seq": 5, "n": 2, "hash": HASHES[5], "holds_head": False})),
    ]
    bad = ['{"spaces":{}}', '{"actor":"%s"}' % ACTOR, '{"actor":"%s","spaces":{"commons":{}}}' % ACTOR,
           '{"actor":"%s","spaces":{"commons":{"cursor":"x"}}}' % ACTOR,
           '{"actor":"%s","spaces":{"commons":{"cursor":"%s","n":1}}}' % (ACTOR, cursor(1)),
           '{"actor":"%s","spaces":{"commons":{"cursor":"%s","n":0,"hash":"%s"}}}' % (ACTOR, cursor(1), HASHES[1])]
    cursors = [cursor(0), cursor(41), cursor(41).replace(".41.", ".041."), cursor(41).replace(".41.", ".-1."), cursor(41)[:-1],
               cursor(41) + ".1", "", cursor(41).replace(".41.", ".+41."), cursor(41).upper()]

    def verdict(text):
        try:
            rules_sync.cursor_of(text)
            return "accepted"
        except rules.Refused:
            return "refused"

    return {
        "about": "What both sides say, and the steps that follow. `own` has the hashes of own changes by count.",
        "own": HASHES,
        "plans": [{"rule": rule, "name": name, "hello": rules.write(said), "answer": rules.write(told), "steps": rules_sync.plan(said, told, lambda _, n: HASHES.get(n))}
                  for rule, name, said, told in cases],
        "refused": [{"rule": "SP-701", "hello": text} for text in bad],
        "cursors": [{"rule": "SP-1003", "text": text, "verdict": verdict(text)} for text in cursors],
    }
