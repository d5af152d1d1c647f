# SPDX-License-Identifier: ISC
"""Lots side by side: one column for each language, as wide as the terminal allows."""
import unicodedata
from typing import Any, Dict, List, Sequence

COLUMN_MIN = 26
GAP = "  "


def width_of(text: str) -> int:
    """Columns that the text takes on a terminal."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def wrap(text: str, columns: int) -> List[str]:
    """The text in lines of at most `columns`, broken at spaces, or anywhere where there are none."""
    lines: List[str] = []
    for paragraph in text.split("\n"):
        line = ""
        for word in paragraph.split():
            if line and width_of(line) + 1 + width_of(word) <= columns:
                line += " " + word
                continue
            if line:
                lines.append(line)
            line = ""
            for char in word:
                if width_of(line + char) > columns:
                    lines.append(line)
                    line = ""
                line += char
        lines.append(line)
    return lines


def beside(cells: Sequence[List[str]], columns: int) -> List[str]:
    """Columns of lines beside each other."""
    rows = []
    for row in range(max(len(cell) for cell in cells)):
        line = [cell[row] if row < len(cell) else "" for cell in cells]
        rows.append(GAP.join(text + " " * (columns - width_of(text)) for text in line).rstrip())
    return rows


def _entry(lot: Dict[str, Any], language: str) -> List[str]:
    """One lot in one language, as lines of text that are not yet wrapped; the reason where it is missing."""
    description = (lot.get("descriptions") or {}).get(language)
    if not description:
        reasons = [e.get("message") or e.get("code") or "" for e in lot.get("errors") or []
                   if e.get("language") == language]
        return [f"(no answer: {'; '.join(reasons) or 'none'})"]
    value = description["value"]
    facts = [value.get("category"), value.get("period"), ", ".join(value.get("materials") or []),
             value.get("condition")]
    parts = [str(value.get("title") or ""), str(value.get("description") or ""),
             "\n".join(str(fact) for fact in facts if fact)]
    return "\n\n".join(part for part in parts if part).split("\n")


def lot_lines(lot: Dict[str, Any], languages: Sequence[str], terminal: int) -> List[str]:
    """One lot in all languages; languages that do not fit beside the others come below them."""
    per_row = max(1, min(len(languages), (terminal + len(GAP)) // (COLUMN_MIN + len(GAP))))
    columns = max(COLUMN_MIN // 2, (terminal + len(GAP)) // per_row - len(GAP))
    lines = [f"-- lot {lot['id']} ".ljust(terminal, "-")]
    for start in range(0, len(languages), per_row):
        row = languages[start:start + per_row]
        cells = [[tag] + [piece for line in _entry(lot, tag) for piece in wrap(line, columns)] for tag in row]
        lines += beside(cells, columns)
        if start + per_row < len(languages):
            lines.append("")
    return lines
