"""json.json and values.json: chapter 2."""
import rules

GOOD = [
    "null", "true", "false", "0", "-0", "-1", "9223372036854775807", "-9223372036854775808", "9223372036854775808",
    "1.0", "0.1", "-2.50", "1e3", "1E-2", "0.0001", "0.00001", "1e16", "1e17", "9007199254740992.0", "9007199254740994.0", "9999999999999998.0",
    "123456.789", "5e-324", "1.7976931348623157e308", "-0.0", "1e-400", '""', '"a\\/b"', '"\\u00e9"', '"\\ud83d\\ude00"',
    '"\\u0000\\u001f\\u007f\\b\\f\\n\\r\\t\\"\\\\"', '"\u2028\ufeff"', '"\U0001f1e8\U0001f1ed"', "[]", "{}",
    " \t\r\n[ 1 , 2 ] \n", '{"b":1,"a":{"b":2}}', '{"\u00e9":1,"e\u0301":2}', '{"":0}', "[" * 32 + "]" * 32,
    '{"a":' * 31 + "[]" + "}" * 31,
]
BAD = [
    "", " ", "nul", "nulL", "True", "NaN", "Infinity", "-Infinity", "'a'", "+1", ".5", "5.", "-", "-x", "01", "-01", "00", "1e", "1e+",
    "1.e1", "0x10", "1_000", "1e999", "-1e999", "1e309", "123456789012345678901234567890123", "[", "{", "[1", "[1,", "[1,]",
    "[,1]", "[1 2]", "[1}", "]", '{"a"}', '{"a":}', '{"a":1,}', '{,"a":1}', "{a:1}", "{1:1}", '{"a":1 "b":2}', '{"a":1', "1 2", "{}{}",
    "// x\n1", "[1]//", "#", "\ufeff[]", "[]\0", "\u00a01", '{"a":1,"a":1}', '{"a":1,"\\u0061":2}', '[{"b":{"a":1,"a":2}}]',
    '"', '"abc', '"\u00e9', '"a\nb"', '"\u00e9\u0001"', '"\\x"', '"\\', '"\\u12', '"\\u12G4"', '"\\ud800"', '"\\udc00"',
    '"\\ud800\\ud800"', '"\\ud800\\u0041"', '"\\ud800x"', "[" * 33 + "]" * 33, '{"a":' * 33 + "0" + "}" * 33,
]
BYTES = ["22ff22", "22c322", "22c0af22", "22eda08022", "22f490808022", "22e0808022", "225c6e8022", "7b22ff223a317d", "fffe3100"]


def code(data):
    try:
        return {"written": rules.write(rules.parse(data))}
    except rules.Refused as refusal:
        return {"code": refusal.code}


def texts():
    read = [{"rule": "SP-203" if t[:1] in "-0123456789" and t[:1] else "SP-204" if t.startswith('"') else "SP-201", "text": t,
             **code(t.encode())} for t in GOOD]
    refused = [{"rule": "SP-202" if code(t.encode()).get("code") == "wire.number" else "SP-201", "text": t, **code(t.encode())}
               for t in BAD]
    exact = ['{"a":1,"b": {"c" : [ 1, 2 ] } ,"d":"x"}', ' { "a" : " x " } ', '{}', '{"\\u0061":0}']
    lines = ["a\nb\n", "a\nb", "\n\na\n\nb\n", "", "\n", "a"]
    deep = {"rule": "SP-201", "repeat": ["", "[", 100_000, ""], **code(b"[" * 100_000)}
    wide = {"rule": "SP-201", "repeat": ["[0", ",0", 200_000, "]"], **code(b"[0" + b",0" * 200_000 + b"]")}
    return {
        "about": "JSON texts: how a strict reader writes them again, or the code it refuses them with; where members stand. "
                 "In `repeat`, [before, unit, times, after] stands for a long text.",
        "read": read, "refused": refused + [deep, wide],
        "refused_bytes": [{"rule": "SP-201", "hex": h, **code(bytes.fromhex(h))} for h in BYTES],
        "members": [{"rule": "SP-209", "text": t, "members": {k: v.decode() for k, v in rules.exact_members(t.encode()).items()}}
                    for t in exact],
        "lines": [{"rule": "SP-207", "text": t, "lines": [line for line in t.split("\n") if line]} for t in lines],
    }


VALUES = [
    ("null", None), ("integer", 0), ("integer", -2**63), ("integer", 2**63 - 1), ("real", 0.0), ("real", 1.0), ("real", 0.1),
    ("real", -1e-7), ("real", 1e300), ("real", float("inf")), ("real", float("-inf")), ("text", ""), ("text", "\u00e9\0\n\x7f"),
    ("text", "e\u0301"), ("blob", b""), ("blob", bytes(range(5))), ("malformed_text", b"\xff"), ("malformed_text", b"a\xc3"),
]
NO_VALUES = ["true", "false", "[]", "{}", '{"blob":""  ,"text":""}', '{"blob":1}', '{"blob":"A"}', '{"blob":"AA=="}', '{"real":"NaN"}',
             '{"real":"infinity"}', '{"real":1}', '{"date":"AA"}']


def values():
    def shape(content):
        return content.hex() if isinstance(content, bytes) else str(content) if isinstance(content, float) else content

    return {
        "about": "Values of cells and the one JSON text a writer gives each; texts that are no value.",
        "values": [{"rule": "SP-206", "kind": k, "content": shape(c), "text": rules.write(rules.json_of((k, c)))} for k, c in VALUES],
        "read": [{"rule": "SP-205", "text": t, "same_as": s} for t, s in
                 [("-0.0", "0.0"), ("1.00", "1.0"), ("1e0", "1.0"), ("9223372036854775808", "9.223372036854776e+18"),
                  ('"\\u00e9"', '"\u00e9"'), ("-0", "0")]],
        "refused": [{"rule": "SP-206", "text": t} for t in NO_VALUES],
    }
