#!/usr/bin/env python3
"""Makes the test vectors by the functions in rules.py, which were written from the text alone.

Usage: make.py [--check]     --check compares the files with what would be made, and exits 1 when they differ.
"""
import json
import pathlib
import sys

import cases_bytes
import cases_carried
import cases_changes
import cases_epochs
import cases_file
import cases_log
import cases_names
import cases_push
import cases_requests
import cases_rows
import cases_short

FOLDER = pathlib.Path(__file__).parent
FILES = {
    "names": cases_names.names, "vectors": cases_names.vectors, "json": cases_bytes.texts, "values": cases_bytes.values,
    "changes": cases_changes.changes, "rows": cases_rows.rows,
    "segments": cases_push.segments, "hello": cases_push.hellos, "log": cases_log.log, "requests": cases_requests.requests,
    "file": cases_file.file, "short": cases_short.short,
    "epochs": cases_epochs.epochs, "healing": cases_carried.healing, "bundles": cases_carried.bundles,
}


def text(content):
    """One case a line: easy to read in a diff."""
    groups = []
    for name, value in content.items():
        if isinstance(value, list):
            lines = ",\n".join("  " + json.dumps(item, ensure_ascii=True) for item in value)
            groups.append(f" {json.dumps(name)}: [\n{lines}\n ]")
        else:
            groups.append(f" {json.dumps(name)}: {json.dumps(value)}")
    return "{\n" + ",\n".join(groups) + "\n}\n"


def main():
    differs = False
    for name, make in FILES.items():
        path = FOLDER / f"{name}.json"
        made = text(make())
        if "--check" not in sys.argv:
            path.write_text(made)
        elif not path.exists() or path.read_text() != made:
            print(f"{name}.json is not what the rules make")
            differs = True
    sys.exit(1 if differs else 0)


main()
