"""names.json and vectors.json: chapter 1."""
import random

import rules

A, B, C = ("%032x%016x" % (r, e) for r, e in ((1, 9), (1, 10), (255, 0)))
HEX = "00112233445566778899aabbccddeeff"
SEEDS = [bytes([n]) * 32 for n in (1, 2, 3)]


def verdict(read, text):
    try:
        read(text)
        return "accepted"
    except rules.Refused:
        return "refused"


def names():
    from nacl.signing import SigningKey
    identifiers = [HEX, "0" * 32, "f" * 32, HEX[:-1], HEX + "0", HEX.upper(), "g" + HEX[1:], "", " " + HEX[1:], "٣" * 32]
    actors = [A, C, HEX, A + "0", A.replace("0", "O")]
    dots = [A + ":1", A + ":9007199254740991", A + ":9007199254740992", A + ":0", A + ":01", A + ":+1", A + ":-1", A, A + ":",
            A + ":1:2", HEX + ":1", A + ": 1", A + ":1e3"]
    data = [b"", b"\x00", b"\xff", b"\xfb\xff", bytes(range(16)), bytes(32)]
    texts = ["A", "AB", "AAB", "AA==", "A+", "A/", "A A", "é", "AAAAA"]
    words = ["a", "club", "a_b9", "z" * 64, "", "A", "9a", "_a", "a-b", "a b", "é", "a" * 65]
    tables = ["club", "cordee", "cordee_row", "sqlite_x", "cordeex"]
    keys = [SigningKey(seed).verify_key.encode() for seed in SEEDS]
    low = [bytes(32), bytes([1]) + bytes(31), b"\xff" * 32, bytes.fromhex("ec" + "ff" * 30 + "7f"),
           bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05")]
    return {
        "about": "Names, and what is no name. Rules SP-101 to SP-103, SP-105 to SP-107.",
        "identifiers": [{"rule": "SP-101", "text": t, "verdict": verdict(rules.identifier, t)} for t in identifiers],
        "actors": [{"rule": "SP-102", "text": t, "verdict": verdict(lambda x: rules.identifier(x, 24), t)} for t in actors],
        "dots": [{"rule": "SP-103", "text": t, "verdict": verdict(rules.dot, t)} for t in dots],
        "bytes": [{"rule": "SP-105", "hex": d.hex(), "text": rules.b64(d)} for d in data],
        "no_bytes": [{"rule": "SP-105", "text": t} for t in texts],
        "hashes": [{"rule": "SP-105", "hex": d.hex(), "hash": rules.b64(rules.hash32(d))} for d in data],
        "keys": [{"rule": "SP-106", "seed": s.hex(), "key": rules.b64(k), "replica": rules.replica_of(k)}
                 for s, k in zip(SEEDS, keys)],
        "no_keys": [{"rule": "SP-106", "hex": k.hex()} for k in low],
        "names": [{"rule": "SP-107", "text": t, "verdict": "accepted" if rules.is_name(t) else "refused"} for t in words],
        "tables": [{"rule": "SP-107", "text": t, "verdict": "accepted" if rules.is_table(t) else "refused"} for t in tables],
    }


def vectors():
    chance = random.Random(1)
    pairs = [({}, {}), ({A: 1}, {}), ({}, {A: 1}), ({A: 1}, {A: 1}), ({A: 2}, {A: 1}), ({A: 1}, {B: 1}),
             ({A: 2, B: 1}, {A: 1, B: 2}), ({A: 2, B: 2}, {A: 1, B: 2}), ({A: 1, B: 1, C: 1}, {B: 1}),
             ({A: rules.COUNT_MAX}, {A: rules.COUNT_MAX - 1})]
    for _ in range(40):
        pairs.append(tuple({a: chance.randint(1, 3) for a in (A, B, C) if chance.random() < 0.6} for _ in range(2)))
    texts = ["{}", '{"%s":1}' % A, '{"%s":0}' % A, '{"%s":-1}' % A, '{"%s":1.0}' % A, '{"%s":1.5}' % A, '{"%s":"1"}' % A,
             '{"%s":9007199254740992}' % A, '{"%s":1}' % HEX, '{"%s":1,"%s":2}' % (B, A), "[]", "null", '{"%s":null}' % A]

    def read(text):
        return rules.vector_of(rules.parse(text.encode()))

    return {
        "about": "Two version vectors: how they stand, what both know, what the left one has more, its sum. Rule SP-104.",
        "pairs": [{"rule": "SP-104", "left": l, "right": r, "order": rules.compare(l, r), "merged": rules.merge(l, r),
                   "exceeding": rules.exceeding(l, r), "sum": sum(l.values())} for l, r in pairs],
        "read": [{"rule": "SP-104", "text": t, "verdict": verdict(read, t)} for t in texts],
        "sees": [{"rule": "SP-401", "author": "%s:%d" % a, "context": c, "other": "%s:%d" % o,
                  "seen": o[1] < a[1] if o[0] == a[0] else c.get(o[0], 0) >= o[1]}
                 for a in ((A, 5),) for c in ({}, {B: 3}, {B: 3, C: 1})
                 for o in ((A, 4), (A, 5), (A, 6), (B, 3), (B, 4), (C, 1))],
    }
