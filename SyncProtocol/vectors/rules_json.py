"""The rules of chapter 2 on JSON: a reader that takes one form only, and the one form that is written."""
import re
from decimal import Decimal


class Refused(Exception):
    """What a reader must not take; `code` is the stable reason."""

    def __init__(self, code, message=""):
        super().__init__(code, message)
        self.code = code


class Reader:
    """SP-201, SP-202. Objects are dicts in their own order, integers int, reals float."""

    DEPTH, NODES, DIGITS = 32, 200_000, 32

    def __init__(self, data):
        self.data, self.place, self.nodes = data, 0, 0

    def whole(self):
        self.blanks()
        value = self.value(0)
        self.blanks()
        if self.place < len(self.data):
            raise Refused("wire.syntax")
        return value

    def blanks(self):
        while self.data[self.place:self.place + 1] in (b" ", b"\n", b"\r", b"\t") and self.place < len(self.data):
            self.place += 1

    def peek(self):
        if self.place >= len(self.data):
            raise Refused("wire.truncated")
        return self.data[self.place:self.place + 1]

    def value(self, depth):
        self.nodes += 1
        if self.nodes > self.NODES:
            raise Refused("wire.too_many_nodes")
        first = self.peek()
        if first == b"{":
            return {key: value for key, value, _ in self.members(depth)}
        if first == b"[":
            return self.array(depth)
        if first == b'"':
            return self.string()
        if first == b"-" or first.isdigit():
            return self.number()
        for word, value in ((b"true", True), (b"false", False), (b"null", None)):
            if first == word[:1]:
                for letter in word:
                    if self.peek()[0] != letter:
                        raise Refused("wire.syntax")
                    self.place += 1
                return value
        raise Refused("wire.syntax")

    def members(self, depth):
        """(name, value, exact bytes) of each member. SP-209"""
        self.enter(depth)
        found, names = [], set()
        while not self.closes(b"}", not found):
            if self.peek() != b'"':
                raise Refused("wire.syntax")
            name = self.string()
            if name in names:
                raise Refused("wire.duplicate_key")
            names.add(name)
            self.blanks()
            if self.peek() != b":":
                raise Refused("wire.syntax")
            self.place += 1
            self.blanks()
            start = self.place
            value = self.value(depth + 1)
            found.append((name, value, self.data[start:self.place]))
        return found

    def array(self, depth):
        self.enter(depth)
        items = []
        while not self.closes(b"]", not items):
            items.append(self.value(depth + 1))
        return items

    def enter(self, depth):
        if depth >= self.DEPTH:
            raise Refused("wire.too_deep")
        self.place += 1

    def closes(self, bracket, first):
        self.blanks()
        if self.peek() == bracket:
            self.place += 1
            return True
        if not first:
            if self.peek() != b",":
                raise Refused("wire.syntax")
            self.place += 1
            self.blanks()
            if self.peek() == bracket:
                raise Refused("wire.syntax")
        return False

    def digits(self):
        found = re.compile(rb"[0-9]*").match(self.data, self.place)
        if not found[0]:
            raise Refused("wire.number")
        self.place = found.end()
        return found[0]

    def number(self):
        start, is_integer = self.place, True
        if self.peek() == b"-":
            self.place += 1
            self.peek()
        whole = self.digits()
        if whole[:1] == b"0" and len(whole) > 1:
            raise Refused("wire.number")
        if self.data[self.place:self.place + 1] == b".":
            is_integer = False
            self.place += 1
            self.digits()
        if self.data[self.place:self.place + 1] in (b"e", b"E"):
            is_integer = False
            self.place += 1
            if self.data[self.place:self.place + 1] in (b"+", b"-"):
                self.place += 1
            self.digits()
        text = self.data[start:self.place].decode()
        if len(text) > self.DIGITS:
            raise Refused("wire.number")
        if is_integer and -2**63 <= int(text) < 2**63:
            return int(text)
        value = float(text)
        if value in (float("inf"), float("-inf")):
            raise Refused("wire.number")
        return value

    def string(self):
        self.place += 1
        content = bytearray()
        while True:
            byte = self.peek()
            self.place += 1
            if byte == b'"':
                break
            if byte[0] < 0x20:
                raise Refused("wire.syntax")
            content += self.escape() if byte == b"\\" else byte
        try:
            return content.decode("utf-8")
        except UnicodeDecodeError:
            raise Refused("wire.not_utf8") from None

    def escape(self):
        letter = self.peek()
        self.place += 1
        plain = dict(zip(b'"\\/bfnrt', b'"\\/\b\f\n\r\t'))
        if letter[0] in plain:
            return bytes([plain[letter[0]]])
        if letter != b"u":
            raise Refused("wire.syntax")
        unit = self.unit()
        if 0xD800 <= unit < 0xDC00:
            if self.data[self.place:self.place + 2] != b"\\u":
                raise Refused("wire.not_utf8")
            self.place += 2
            low = self.unit()
            if not 0xDC00 <= low < 0xE000:
                raise Refused("wire.not_utf8")
            unit = 0x10000 + ((unit - 0xD800) << 10) + low - 0xDC00
        elif 0xDC00 <= unit < 0xE000:
            raise Refused("wire.not_utf8")
        return chr(unit).encode()

    def unit(self):
        text = b""
        for _ in range(4):
            digit = self.peek()
            if digit not in b"0123456789abcdefABCDEF":
                raise Refused("wire.syntax")
            text += digit
            self.place += 1
        return int(text, 16)


def parse(data):
    return Reader(data).whole()


def exact_members(data):
    """The exact bytes of each member of one object. SP-209"""
    reader = Reader(data)
    reader.blanks()
    if reader.peek() != b"{":
        raise Refused("wire.shape")
    found = reader.members(0)
    reader.blanks()
    if reader.place < len(data):
        raise Refused("wire.syntax")
    return {name: exact for name, _, exact in found}


def real_text(number):
    """SP-203"""
    if number == 0:
        return "-0.0" if str(number)[0] == "-" else "0.0"
    sign, digits, exponent = Decimal(repr(number)).normalize().as_tuple()
    text, point = "".join(map(str, digits)), len(digits) + exponent
    if abs(number) <= 2.0**53 and point >= -3:
        if point <= 0:
            text = "0." + "0" * -point + text
        elif point >= len(text):
            text += "0" * (point - len(text)) + ".0"
        else:
            text = text[:point] + "." + text[point:]
    else:
        power = point - 1
        text = text[0] + ("." + text[1:] if len(text) > 1 else "") + "e%s%02d" % ("-" if power < 0 else "+", abs(power))
    return ("-" if sign else "") + text


def string_text(text):
    """SP-204"""
    short = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
    return '"' + "".join(short.get(c) or ("\\u%04x" % ord(c) if c < " " or c == "\x7f" else c) for c in text) + '"'


def write(value):
    """SP-203, SP-204: the text of a value."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return real_text(value)
    if isinstance(value, str):
        return string_text(value)
    if isinstance(value, dict):
        return "{" + ",".join(string_text(k) + ":" + write(v) for k, v in value.items()) + "}"
    return "[" + ",".join(map(write, value)) + "]"
