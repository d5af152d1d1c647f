# SPDX-License-Identifier: ISC
"""The rows of the fault matrix, as the tests leave them below LOTSCRIBE_TMP, and the table made of them.

Run as a program it prints the table of a run: fault_table.py FOLDER.
"""
import json
import os
import sys
from pathlib import Path
from typing import Any, Dict, List

FOLDER = "faults"


def write(row: Dict[str, Any]) -> None:
    """Add a row: what tests/e2e/faults.py counted, or `broken` where it did not come so far."""
    top = os.environ.get("LOTSCRIBE_TMP")
    if top:
        folder = Path(top) / FOLDER
        folder.mkdir(exist_ok=True)
        with (folder / f"{os.getpid()}.jsonl").open("a") as out:
            out.write(json.dumps(row) + "\n")


def read(top: Path) -> List[Dict[str, Any]]:
    """The rows of a run, family by family, each in the order of its tests."""
    rows = [json.loads(line) for path in sorted((top / FOLDER).glob("*.jsonl")) for line in path.read_text().splitlines()]
    return sorted(rows, key=lambda row: row["family"])


def is_good(row: Dict[str, Any]) -> bool:
    return ("broken" not in row and row["in_time"] == row["jobs"] and row["lost"] == 0 and row["unbooked"] == 0
            and row["paid_twice"] <= row["bound"] and row["check"] == "clean")


def render(rows: List[Dict[str, Any]]) -> List[str]:
    """The table, and the sums below it."""
    width = max([len(row["fault"]) for row in rows] + [len("fault")])
    head = (f"{'fault':<{width}} {'in time':>7} {'lost':>4} {'twice':>5} {'bound':>5} {'check':<5} {'s':>5}  ended; "
            "what the bound is")
    lines, family = [head, "-" * len(head)], None
    for row in rows:
        if row["family"] != family:
            family = row["family"]
            lines.append(f"[{family}]")
        if "broken" in row:
            lines.append(f"{row['fault']:<{width}} BROKEN: {row['broken']}")
            continue
        outcomes = " ".join(sorted(set(row["outcomes"])))
        lines.append(f"{row['fault']:<{width}} {row['in_time']:>3}/{row['jobs']:<3} {row['lost']:>4} {row['paid_twice']:>5} "
                     f"{row['bound']:>5} {'clean' if row['check'] == 'clean' else 'FAULT':<5} {row['seconds']:>5.1f}  "
                     f"{outcomes}{'; ' + row['why'] if row['why'] else ''}{'' if is_good(row) else '  <- NOT SO'}")
    whole = [row for row in rows if "broken" not in row]
    lines.append("-" * len(head))
    lines.append(f"{len(rows)} faults, {sum(row['jobs'] for row in whole)} jobs: {sum(row['in_time'] for row in whole)} ended "
                 f"in time, {sum(row['lost'] for row in whole)} answers lost, {sum(row['paid_twice'] for row in whole)} items "
                 f"paid twice (bound {sum(row['bound'] for row in whole)}), {sum(not is_good(row) for row in rows)} not as "
                 "they should be")
    return lines


def main() -> int:
    rows = read(Path(sys.argv[1]))
    print("\n".join(render(rows)))
    return 0 if rows and all(is_good(row) for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
