"""The tables of the group's registry, read from ../registry.md: what an insert has to carry. SP-304, SP-601"""
import re
from dataclasses import dataclass
from pathlib import Path

import rules


@dataclass(frozen=True)
class Table:
    """A table: its space, and its fields in order with their types, `text` or `integer`."""

    space: str
    fields: dict[str, str]

    def value(self, field: str, text: str) -> object:
        """What somebody typed for a field, as JSON; nothing typed is NULL. SP-206"""
        if field not in self.fields:
            raise rules.Refused("field.unknown", field)
        if not text:
            return None
        try:
            return int(text) if self.fields[field] == "integer" else text
        except ValueError:
            raise rules.Refused("value.form", f"{field} is a whole number") from None


def tables() -> dict[str, Table]:
    """Every table by its name."""
    found: dict[str, Table] = {}
    text = (Path(__file__).resolve().parent.parent / "registry.md").read_text(encoding="utf-8")
    for part in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        space = re.search(r"Space `([a-z_]+)`", part)
        if space:
            fields = re.findall(r"^\| `([a-z0-9_]+)` \| (text|integer)", part, re.MULTILINE)
            found[part.split("\n", 1)[0]] = Table(space[1], dict(fields))
    return found
