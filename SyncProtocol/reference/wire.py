"""Signed requests to one central, and what it answers. Chapter 5"""
import base64
import http.client
import json
import os
import random
import time
from urllib.parse import urlsplit

import zstandard
from nacl.signing import SigningKey

import rules
import rules_sync

from .log import object_of

PIECE_MAX = 16 << 20  # SP-514: what a client takes of the log at once
TRIES = 4
PASSING = {429, 502, 503, 504}  # SP-511


class Problem(Exception):
    """A refusal, as central gave it. SP-510"""

    def __init__(self, code: str, status: int, detail: str, hint: str):
        super().__init__(code, detail)
        self.code, self.status, self.detail, self.hint = code, status, detail, hint


class Central:
    """One conversation with a central node, over one connection that is opened again when it breaks."""

    def __init__(self, origin: str, key: SigningKey):
        parts = urlsplit(origin)
        is_near = parts.hostname in ("127.0.0.1", "::1", "localhost")
        if parts.scheme not in ("https", "http") or parts.scheme == "http" and not is_near or parts.path or not parts.hostname:
            raise rules.Refused("origin", "https://HOST[:PORT], or http to this very machine")
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self.connection = kind(parts.hostname, parts.port, timeout=60)
        self.host, self.key, self.ahead = parts.netloc, key, 0

    def headers(self, method: str, target: str, body: bytes) -> dict[str, str]:
        """What signs a request. SP-504, SP-508"""
        name = rules.replica_of(self.key.verify_key.encode())
        nonce = rules.b64(os.urandom(16))
        parameters = f';created={int(time.time()) + self.ahead};nonce="{nonce}";keyid="{name}"'
        base, of = rules_sync.signature_base(method, self.host, target, body, parameters)
        value = base64.b64encode(self.key.sign(base.encode()).signature).decode()
        return {"Content-Digest": rules_sync.digest(body), "Signature-Input": "cordee=" + of, "Signature": f"cordee=:{value}:"}

    def once(self, method: str, target: str, body: bytes, more: dict[str, str], signs: bool) -> tuple[int, bytes]:
        """One request and its answer, decoded. SP-512, SP-513"""
        headers = {"Host": self.host, "Accept-Encoding": "zstd"} | more | (self.headers(method, target, body) if signs else {})
        self.connection.request(method, target, body or None, headers)
        answer = self.connection.getresponse()
        data = answer.read(PIECE_MAX + 1)
        if answer.length:
            self.connection.close()
            raise rules.Refused("wire.too_large", target)
        if answer.headers.get("Content-Encoding") == "zstd":
            data = unpacked(data, PIECE_MAX)
        if len(data) > PIECE_MAX:
            raise rules.Refused("wire.too_large", target)
        return answer.status, data

    def ask(self, method: str, target: str, body: bytes = b"", more: dict[str, str] | None = None, signs: bool = True) -> bytes:
        """The body of a good answer; repeats what may pass by itself. SP-509, SP-511"""
        pause, has_moved = 0.5, False
        for left in reversed(range(TRIES)):
            try:
                status, data = self.once(method, target, body, more or {}, signs)
            except (OSError, http.client.HTTPException):
                self.connection.close()
                if not left:
                    raise
            else:
                if status < 300:
                    return data
                problem = problem_of(status, data)
                if problem.code == "signature.time" and not has_moved:
                    has_moved, self.ahead = True, int(problem.detail.rsplit(" ", 1)[1]) - int(time.time())
                    continue
                if status not in PASSING or not left:
                    raise problem
            time.sleep(pause * random.uniform(0.5, 1.5))
            pause = min(30.0, 2 * pause)
        raise AssertionError("the last try returns or raises")

    def say(self, target: str, message: dict) -> dict:
        """Posts a message, and reads one."""
        return object_of(self.ask("POST", target, rules.write(message).encode(), {"Content-Type": "application/json"}))

    def post(self, target: str, lines: list[bytes]) -> bytes:
        """Posts lines, compressed. SP-207, SP-512"""
        body = zstandard.ZstdCompressor().compress(b"".join(line + b"\n" for line in lines))
        return self.ask("POST", target, body, {"Content-Type": "application/x-ndjson", "Content-Encoding": "zstd"})


def unpacked(data: bytes, limit: int) -> bytes:
    """What one whole frame of zstd holds, counted while it comes. SP-512, SP-513"""
    reader, plain = zstandard.ZstdDecompressor(max_window_size=8 << 20).decompressobj(), bytearray()
    try:
        for place in range(0, len(data), 1024):
            plain += reader.decompress(data[place:place + 1024])
            if len(plain) > limit:
                raise rules.Refused("wire.too_large", "decoded bytes")
            if reader.eof and (reader.unused_data or place + 1024 < len(data)):
                raise rules.Refused("encoding.malformed", "bytes after the frame")
    except zstandard.ZstdError:
        raise rules.Refused("encoding.malformed", "a damaged frame") from None
    if not reader.eof:
        raise rules.Refused("encoding.malformed", "a frame that is cut")
    return bytes(plain)


def problem_of(status: int, data: bytes) -> Problem:
    """SP-510"""
    try:
        told = json.loads(data)
        code = str(told["type"]).removeprefix("urn:cordee:problem:")
        return Problem(code, status, str(told["detail"]), str(told.get("hint", "")))
    except (ValueError, LookupError, TypeError):
        return Problem("http", status, f"status {status}", "")
