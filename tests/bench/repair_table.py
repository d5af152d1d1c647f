#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""What lotscribe-repair, jsonrepair and Python's own readers make of each text of tests/data/repairs.jsonl.

    tests/bench/repair_table.py [BUILD]

It wants node and npm. A text that must not become a document is right where it is refused.
"""
import json
import sys
import warnings
from pathlib import Path
from typing import List

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import mend_peer  # noqa: E402
from harness import npm, repair_table  # noqa: E402
from harness.stack import default_build  # noqa: E402

NAMES = ["lotscribe-repair", "jsonrepair", "json, ast"]


def verdicts(build: Path, rows: List[repair_table.Row]) -> List[List[str]]:
    """Of each row, one for each of NAMES."""
    texts = [row["text"] for row in rows]
    ran = npm.node("bench/mend.mjs", str(npm.install()), text=json.dumps(texts))
    if ran.returncode != 0:
        raise SystemExit(ran.stderr)
    program = build.resolve() / "repair" / "lotscribe-repair"
    made = zip((repair_table.ours(program, row) for row in rows), json.loads(ran.stdout), map(mend_peer.mend, texts))
    return [[repair_table.verdict(row, text) for text in texts] for row, texts in zip(rows, made)]


def main() -> None:
    warnings.simplefilter("ignore")  # of escapes
    rows = repair_table.rows()
    found = verdicts(Path(sys.argv[1]) if len(sys.argv) > 1 else default_build(), rows)
    line = "{:<42} {:<16} {:<16} {}".format
    print(line("", *NAMES))
    for row, three in zip(rows, found):
        print(line(row["class"], *three))
    print()
    for name, column in zip(NAMES, zip(*found)):
        print(f"{name}: {repair_table.counts(list(column))} of {len(rows)}")


if __name__ == "__main__":
    main()
