"""file.json: packed numbers of chapter 16."""


def leb128(number):
    """SP-1604"""
    number &= 2**64 - 1
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def file():
    numbers = [0, 1, 127, 128, 300, 16383, 16384, 2**31, 2**53 - 1, 2**63 - 1, -1, -2, -2**63]
    groups = [[(0, 1, 5, 9)], [(-1, 2, 1, 1), (12, 300, 128, 2**53 - 1)], []]
    return {
        "about": "Packed integers, and lists of exceptions: field, actor number, n, weight.",
        "numbers": [{"rule": "SP-1604", "number": n, "hex": leb128(n).hex()} for n in numbers],
        "exceptions": [{"rule": "SP-1605", "groups": g, "hex": b"".join(leb128(n) for four in g for n in four).hex()} for g in groups],
    }
