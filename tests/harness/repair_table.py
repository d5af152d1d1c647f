# SPDX-License-Identifier: ISC
"""Texts of every kind that repairs meet (tests/data/repairs.jsonl), and what is made of them: right, refused, or wrong
without a word.

A line's `want` is the document, `refuse` says why there must be none; `salvaged` that content is missing, which the
report must say; `object` that only an object will do; `or` is what is right, too, for who cannot be told that.
"""
import json
import subprocess
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any, Dict, List, Optional

from harness.stack import TOP

FILE = TOP / "tests" / "data" / "repairs.jsonl"
RIGHT, REFUSED, WRONG = "right", "refused", "wrong"
Row = Dict[str, Any]


def _number(text: str) -> Any:
    return ("number", Decimal(text))


def _object(pairs: List[Any]) -> Any:
    return ("object", sorted(pairs, key=lambda pair: pair[0]))


def exact(text: str) -> Any:
    """A document so that two can be compared: digits count and keys that are there twice, their order does not."""
    return json.loads(text, parse_int=_number, parse_float=_number, parse_constant=_no_json, object_pairs_hook=_object)


def _no_json(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def rows() -> List[Row]:
    return [dict(exact(line)[1]) for line in FILE.read_text(encoding="utf-8").splitlines()]


def verdict(row: Row, made: Optional[str]) -> str:
    if made is None:
        return RIGHT if "refuse" in row else REFUSED
    try:
        value = exact(made)
    except ValueError:
        return WRONG
    return RIGHT if "want" in row and value in [row["want"], *row.get("or", [])] else WRONG


def ours(program: Path, row: Row) -> Optional[str]:
    """The document, or None; and an end that tells of what is missing, where something is."""
    options = ["--object"] if row.get("object") else []
    done = subprocess.run([program, *options], input=row["text"].encode(), capture_output=True, timeout=60, check=False)
    if done.returncode != 1:
        assert done.returncode == (3 if row.get("salvaged") else 0), (row, done)
    return None if done.returncode == 1 else done.stdout.decode()


def counts(verdicts: List[str]) -> str:
    found = Counter(verdicts)
    return ", ".join(f"{found[name]} {name}" for name in (RIGHT, REFUSED, WRONG))
