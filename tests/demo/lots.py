# SPDX-License-Identifier: ISC
"""Orders from sample data.

Reads an order document (DESIGN: `POST /api/v1/jobs`) or JSON lines, each a museum record as in
tests/data/lots.jsonl, and returns an order document.
"""
import json
from pathlib import Path
from typing import Any, Dict, List, Optional

INSTRUCTIONS = "House style: British spelling, dimensions in millimetres as given, no superlatives."


class LotsError(Exception):
    """The file holds no order and no lots; the message says where."""


def notes_of(record: Dict[str, Any]) -> str:
    """The notes a cataloguer would write down: one `Name: value` line for each fact that is recorded."""
    lines = []
    for label, key in (("Artist", "artist"), ("Date", "date"), ("Medium", "medium"),
                       ("Dimensions", "dimensions"), ("Inscription", "inscription")):
        value = record.get(key)
        if value:
            lines.append(f"{label}: {'; '.join(part.strip() for part in value.splitlines() if part.strip())}")
    return "\n".join(lines)


def lot_of(record: Dict[str, Any]) -> Dict[str, Any]:
    """One lot of an order from a museum record."""
    lot: Dict[str, Any] = {"id": record["id"], "title": record["title"], "notes": notes_of(record)}
    if record.get("image"):
        lot["images"] = [record["image"].replace("http://", "https://", 1)]
    return lot


def order_of(records: List[Dict[str, Any]], name: str, languages: List[str]) -> Dict[str, Any]:
    """An order document for these records."""
    return {"name": name, "languages": languages, "deadline": "PT6H", "instructions": INSTRUCTIONS,
            "lots": [lot_of(record) for record in records]}


def load(path: Path, languages: Optional[List[str]] = None) -> Dict[str, Any]:
    """Read an order document or JSON lines; `languages` replaces those of the file (fr and de for lines)."""
    text = path.read_text(encoding="utf-8")
    try:
        order = json.loads(text)
    except ValueError:
        order = None
    if not (isinstance(order, dict) and isinstance(order.get("lots"), list)):
        order = order_of(_records(path, text), path.stem, languages or ["fr", "de"])
    if languages is not None:
        order["languages"] = languages
    return order


def _records(path: Path, text: str) -> List[Dict[str, Any]]:
    records = []
    # Not splitlines(): it also cuts at U+2028 and its like, which JSON strings may hold.
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except ValueError as exc:
            raise LotsError(f"{path}:{number}: {exc}") from exc
        if not isinstance(record, dict) or "id" not in record or "title" not in record:
            raise LotsError(f"{path}:{number}: a lot needs `id` and `title`")
        records.append(record)
    if not records:
        raise LotsError(f"{path}: no lots")
    return records
