"""changes.json: chapter 3."""
import re

import rules

NETWORK = "000102030405060708090a0b0c0d0e0f"
A = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa0000000000000001"
B = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb00000000000000ff"
KEY = rules.b64(bytes(range(16)))
AT = "2027-01-15T08:00:00Z"


def body_bytes(writes, key=KEY, at=AT, was=None):
    """SP-303, SP-304"""
    body = {"key": key, "at": at}
    if was:
        body["was"] = was
    return rules.write(body | {"writes": writes}).encode()


CHAIN = [
    # context delta, writes
    ({}, [{"table": "club", "id": "club-1", "insert": {"name": "Caf\u00e9 \"Zo\u00eb\"\n", "city": None, "founded": 1952}}]),
    ({B: 3}, [{"table": "club", "id": "club-1", "set": {"city": "Quito"}}, {"table": "club", "id": "\u00e9", "delete": True}]),
    ({}, [{"table": "club", "id": "club-1", "set": {"ratio": 0.5, "big": 1e17, "far": {"real": "-Infinity"},
                                                     "raw": {"blob": "AAEC"}, "bad": {"text": "_w"}}}]),
    ({B: 5, "00" * 24: 1}, [{"table": "club", "id": "club-1", "undelete": True}]),
]


def chain():
    previous, cases, full = rules.ZERO, [], {}
    for n, (context, writes) in enumerate(CHAIN, 1):
        header = rules.header_bytes(NETWORK, "commons", A, n, context)
        was = f"{B}:7" if n == 4 else None
        body = body_bytes(writes, was=was)
        of_body = rules.body_hash(body)
        previous = rules.change_hash(previous, of_body, header)
        full = rules.merge(full, context)
        line = b'{"header":' + header + b',"body":' + body + b"}"
        withheld = b'{"header":' + header + b',"body_hash":"' + rules.b64(of_body).encode() + b'"}'
        cases.append({
            "rules": ["SP-301", "SP-302", "SP-303", "SP-304", "SP-305", "SP-306", "SP-307"], "n": n, "context": context,
            "full_context": full, "was": was, "writes": writes, "header": header.decode(), "body": body.decode(),
            "body_hash": rules.b64(of_body), "hash": rules.b64(previous), "line": line.decode(), "withheld_line": withheld.decode(),
        })
    return cases


def odd_bytes():
    """Bytes no writer of ours makes, but that are what they are: blanks, other orders, members of tomorrow."""
    header = (' { "space":"commons" , "n":1,"tomorrow":[1],"network":"%s","actor":"%s"}' % (NETWORK, A)).encode()
    body = ('{"writes":[{"id":"1","table":"club","set":{"a":1.50},"why":null}],"at":"once","key":"%s","mood":"good"}' % KEY).encode()
    exact = header.strip()
    line = b'{"body":' + body + b' , "header":' + header + b"}"
    return [{"rules": ["SP-208", "SP-209", "SP-305"], "line": line.decode(), "header": exact.decode(), "body": body.decode(),
             "hash": rules.b64(rules.change_hash(rules.ZERO, rules.body_hash(body), exact))}]


H = rules.header_bytes(NETWORK, "commons", A, 1, {}).decode()
D = '{"table":"club","id":"1","delete":true}'


def bodies(writes):
    return '{"key":"%s","at":"%s","writes":%s}' % (KEY, AT, writes)


def refused():
    def header(text, rule="SP-301"):
        return rule, '{"header":%s,"body":%s}' % (text, bodies("[" + D + "]"))

    def body(text, rule="SP-304"):
        return rule, '{"header":%s,"body":%s}' % (H, text)

    cases = [
        header(H.replace("commons", "Commons")), header(H.replace(NETWORK, NETWORK.upper())), header(H.replace('"n":1', '"n":0')),
        header(H.replace('"n":1', '"n":1.0')), header(H.replace('"n":1', '"n":9007199254740992')), header(H.replace(',"n":1', "")),
        header(H.replace('"n":1', '"n":1,"n":1')), header(H.replace(A, A[:-1])), header("[]"), header("null"),
        header(H[:-1] + ',"context":{"%s":1}}' % A, "SP-302"), header(H[:-1] + ',"context":[]}', "SP-302"),
        header(H[:-1] + ',"context":{"%s":0}}' % B, "SP-302"), header(H[:-1] + ',"pad":"' + "x" * 262144 + '"}'),
        body(bodies("[]")), body(bodies("{}")), body(bodies('[{"table":"A","id":"1","delete":true}]')),
        body(bodies('[{"table":"cordee_row","id":"1","delete":true}]'), "SP-107"),
        body(bodies('[{"table":"club","id":"","delete":true}]'), "SP-108"),
        body(bodies('[{"table":"club","id":"%s","delete":true}]' % ("\u00e9" * 65)), "SP-108"),
        body(bodies('[{"table":"club","id":7,"delete":true}]')), body(bodies('[{"table":"club","id":"1"}]')),
        body(bodies('[{"table":"club","id":"1","delete":false}]')), body(bodies('[{"table":"club","id":"1","delete":true,"undelete":true}]')),
        body(bodies('[{"table":"club","id":"1","set":[]}]')), body(bodies('[{"table":"club","id":"1","set":{"A":1}}]')),
        body(bodies('[{"table":"club","id":"1","set":{"a":true}}]')), body(bodies('[{"table":"club","id":"1","set":{"a":1,"a":1}}]')),
        body(bodies("[%s,%s]" % (D, D))), body(bodies("[" + ",".join([D.replace('"1"', f'"{i}"') for i in range(1001)]) + "]")),
        body(bodies("[" + D + "]").replace(KEY, KEY[:-2]), "SP-303"), body(bodies("[" + D + "]").replace(AT, "x" * 41), "SP-303"),
        body(bodies("[" + D + "]").replace('"writes"', '"was":"%s:0","writes"' % B), "SP-303"),
        body(bodies("[" + D + "]").replace('"writes"', '"was":7,"writes"'), "SP-303"),
        body(bodies('[{"table":"club","id":"1","set":{"a":"' + "x" * 524288 + '"}}]'), "SP-303"),
        ("SP-305", '{"header":%s}' % H), ("SP-305", '{"body":%s}' % bodies("[" + D + "]")),
        ("SP-305", '{"header":%s,"body":%s,"body_hash":"%s"}' % (H, bodies("[" + D + "]"), rules.b64(rules.ZERO))),
        ("SP-305", '{"header":%s,"body":%s,"more":1}' % (H, bodies("[" + D + "]"))),
        ("SP-305", '{"header":%s,"body_hash":"%s"}' % (H, "A" * 42)), ("SP-305", '{"header":%s,"body_hash":7}' % H),
        ("SP-305", "[]"), ("SP-305", ""), ("SP-305", '{"header":%s,"body":%s}x' % (H, bodies("[" + D + "]"))),
    ]
    found = []
    for rule, text in cases:
        try:
            _, body_text, _ = rules.read_line(text.encode())
            rules.read_body(body_text)
            raise AssertionError(f"accepted: {text[:200]}")
        except rules.Refused as refusal:
            found.append({"rule": rule, "code": refusal.code} | ({"line": text} if len(text) < 4000 else {"repeat": squeeze(text)}))
    return found


def squeeze(text):
    """A long text as [part, times, part, ...], so that the file stays small."""
    longest = max(re.findall("x+", text) or [""], key=len)
    if len(longest) > 1000:
        before, after = text.split(longest, 1)
        return [before, "x", len(longest), after]
    start, end = text.index("[" + D[:20]), text.rindex("]")
    return [text[:start + 1], D.replace('"1"', '"#"'), 1001, text[end:]]


def changes():
    return {
        "about": "Changes of one author, chained: exact bytes and hashes; then lines that are refused. In `repeat`, [before, unit, times, "
                 "after] stands for a long line: the unit repeated; a unit with # is numbered from 0 and joined by commas.",
        "network": NETWORK, "space": "commons", "actor": A, "key": KEY, "at": AT,
        "chain": chain(), "odd": odd_bytes(), "refused": refused(),
    }
