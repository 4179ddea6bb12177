"""file.json: packed numbers of chapter 16, and what guards the line behind a recent stamp."""
import rules


def leb128(number):
    """SP-1604"""
    number &= 2**64 - 1
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def line(stamp, exceptions):
    """SP-1616"""
    told = b"\0" if exceptions is None else b"\1" + exceptions
    return int.from_bytes(rules.hash32(b"cordee line 1\0", *map(leb128, stamp), told)[:4], "big")


def file():
    numbers = [0, 1, 127, 128, 300, 16383, 16384, 2**31, 2**53 - 1, 2**63 - 1, -1, -2, -2**63]
    groups = [[(0, 1, 5, 9)], [(-1, 2, 1, 1), (12, 300, 128, 2**53 - 1)], []]
    lines = [((1, 1, 1, 12), None), ((1, 1, 1, 12), b""), ((3, 300, 70000, 0), bytes.fromhex("0002ac02ac02"))]
    return {
        "about": "Packed integers, lists of exceptions (field, actor number, n, weight), and what guards the line behind a recent stamp.",
        "numbers": [{"rule": "SP-1604", "number": n, "hex": leb128(n).hex()} for n in numbers],
        "exceptions": [{"rule": "SP-1605", "groups": g, "hex": b"".join(leb128(n) for four in g for n in four).hex()} for g in groups],
        "lines": [{"rule": "SP-1616", "stamp": stamp, "exceptions": e if e is None else e.hex(), "line": line(stamp, e)} for stamp, e in lines],
    }
