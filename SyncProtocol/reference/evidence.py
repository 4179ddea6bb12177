"""What `cordee evidence FILE` wrote down, checked by whoever holds nothing but the file and knows central's key. SP-1013"""
from dataclasses import dataclass

import rules
import rules_sync

from .log import lines_of, object_of

# What each kind of statement is signed as. SP-709, SP-808
SIGNED_AS = {"checkpoint": b"cordee.checkpoint.1\n", "receipt": b"cordee.receipt.1\n"}


@dataclass(frozen=True)
class Word:
    """One statement that central signed."""

    kind: str
    told: dict

    @property
    def place(self) -> tuple:
        return tuple(self.told.get(name) for name in ("network", "instance", "space", "seq"))


def signed_word(line: bytes, central: bytes) -> Word | None:
    """The statement of a line, if central signed it; answers, entries and what others wrote give nothing."""
    try:
        parts = rules.exact_members(line)
        kind = next(name for name in SIGNED_AS if name in parts)
        signatures = rules_sync.signatures_of(rules.parse(parts.get("signatures", b"[]")))
        is_signed = rules_sync.is_signed(signatures, central, SIGNED_AS[kind] + parts[kind])
        return Word(kind, object_of(parts[kind])) if is_signed else None
    except (rules.Refused, StopIteration):
        return None


def contradiction(words: list[Word]) -> dict | None:
    """Two hashes that central signed for one place of one log."""
    found: dict[tuple, str] = {}
    for word in words:
        if word.kind == "checkpoint":
            other = found.setdefault(word.place, word.told["hash"])
            if other != word.told["hash"]:
                return {"space": word.told["space"], "seq": word.told["seq"], "hashes": sorted([other, word.told["hash"]])}
    return None


def check(data: bytes, pinned: bytes | None) -> tuple[int, dict]:
    """Every piece with what it shows by itself.

    Gives exit 0 when each proof contradicts itself; 3 when one takes a member's log to be seen; 1 when a proof names nothing
    that central signed. `pinned` is central's key as somebody knows it; without it the file's own claim is taken, and printed.
    """
    lines = lines_of(data)
    head = object_of(lines[0]) if lines else {}
    if head.get("evidence") != 1:
        raise rules.Refused("evidence.shape", "no evidence of version 1")
    central = rules_sync.public_key(head["central_key"])
    if pinned is not None and pinned != central:
        raise rules.Refused("evidence.key", "written down against another central")
    pieces, place = [], 1
    while place < len(lines):
        piece = object_of(lines[place])
        count = piece["statements"]
        statements = lines[place + 1:place + 1 + count]
        if len(statements) != count:
            raise rules.Refused("evidence.shape", "its end is missing")
        words = [word for line in statements if (word := signed_word(line, central))]
        pieces.append({
            "id": piece["id"], "code": piece["code"], "kind": piece["kind"], "statements": count,
            "signed": len(words), "contradiction": contradiction(words)})
        place += 1 + count
    if len(pieces) != head["pieces"]:
        raise rules.Refused("evidence.shape", "its end is missing")
    proofs = [piece for piece in pieces if piece["kind"] == "proof"]
    code = 1 if any(not proof["signed"] for proof in proofs) else 3 if any(not proof["contradiction"] for proof in proofs) else 0
    return code, {"kind": "evidence", "central_key": head["central_key"], "pieces": pieces}
