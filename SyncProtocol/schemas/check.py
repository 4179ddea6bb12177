#!/usr/bin/env python3
"""Checks messages against the schemas beside this file. Reads lines of a schema's name, a tab and one JSON text.

Usage: check.py < messages      Exits 1, with a line for each, when a message does not fit. Needs python3-jsonschema (Debian).
"""
import json
import pathlib
import sys

from jsonschema import Draft202012Validator, RefResolver

FOLDER = pathlib.Path(__file__).parent
SCHEMAS = {path.name: json.loads(path.read_text()) for path in FOLDER.glob("*.json")}


def main():
    for schema in SCHEMAS.values():
        Draft202012Validator.check_schema(schema)
    validators = {
        name: Draft202012Validator(schema, resolver=RefResolver(name, schema, store=SCHEMAS)) for name, schema in SCHEMAS.items()
    }
    wrong, seen = 0, set()
    for line in sys.stdin:
        name, _, text = line.rstrip("\n").partition("\t")
        seen.add(name)
        for error in validators[name + ".json"].iter_errors(json.loads(text)):
            print(f"{name} {'/'.join(map(str, error.absolute_path))}: {error.message}")
            wrong += 1
    print("checked", " ".join(sorted(seen)))
    sys.exit(1 if wrong else 0)


main()
