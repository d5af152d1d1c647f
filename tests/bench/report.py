# SPDX-License-Identifier: ISC
"""What a bench found: ratios with their aims, and the plain figures behind them.

Owns: the table, the file, and the comparison with an earlier file. A ratio is kept round by round, as both its
parts were measured within seconds of each other; its median is what counts, its spread says how much.
"""
import json
import os
import platform
import statistics
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Optional


@dataclass
class Figure:
    """One line of the table. `rounds` are the single measurements, `aim` the bound where there is one."""
    name: str
    rounds: List[float]
    unit: str = ""  # "" is a ratio
    aim: Optional[float] = None
    at_least: bool = True

    @property
    def median(self) -> float:
        return statistics.median(self.rounds)

    @property
    def verdict(self) -> str:
        if self.aim is None:
            return ""
        good = self.median >= self.aim if self.at_least else self.median <= self.aim
        return "met" if good else "MISSED"

    def as_json(self) -> Dict[str, Any]:
        return {**asdict(self), "median": self.median, "verdict": self.verdict}


@dataclass
class Report:
    figures: List[Figure] = field(default_factory=list)
    notes: List[str] = field(default_factory=list)

    def add(self, name: str, rounds: List[float], unit: str = "", at_least: Optional[float] = None,
            at_most: Optional[float] = None) -> None:
        aim = at_least if at_least is not None else at_most
        self.figures.append(Figure(name, rounds, unit, aim, at_most is None))

    def note(self, text: str) -> None:
        self.notes.append(text)
        print(f"note: {text}", flush=True)

    def aims(self) -> List[Figure]:
        """What is judged, then other ratios, then plain figures."""
        return sorted(self.figures, key=lambda f: (f.aim is None, f.unit != ""))

    def text(self, earlier: Optional["Report"] = None) -> str:
        before = {f.name: f for f in earlier.figures} if earlier else {}
        lines = [_line("median", "spread", "aim", "", "earlier" if before else "", "")]
        for f in self.aims():
            old = before.get(f.name)
            aim = "" if f.aim is None else f"{'>=' if f.at_least else '<='} {_number(f.aim)}"
            spread = f"{_number(min(f.rounds))}-{_number(max(f.rounds))}" if len(f.rounds) > 1 else ""
            lines.append(_line(_number(f.median), spread, aim, f.verdict,
                               f"{_number(old.median)} {_change(f, old)}" if old else "",
                               f.name + (f" [{f.unit}]" if f.unit else "")))
        return "\n".join(lines + [f"note: {n}" for n in self.notes])

    def write(self, folder: Path) -> Path:
        path = folder / time.strftime("%Y%m%dT%H%M%SZ.json", time.gmtime())
        machine = {"processors": os.cpu_count(), "kernel": platform.release(), "load": os.getloadavg()[0]}
        path.write_text(json.dumps({"machine": machine, "figures": [f.as_json() for f in self.aims()],
                                    "notes": self.notes}, indent=1) + "\n", encoding="utf-8")
        return path


def read(path: Path) -> Report:
    """The report of an earlier run."""
    document = json.loads(path.read_text(encoding="utf-8"))
    return Report([Figure(f["name"], f["rounds"], f["unit"], f["aim"], f["at_least"]) for f in document["figures"]],
                  document["notes"])


def _number(value: float) -> str:
    return f"{value:.2f}" if abs(value) < 100 else f"{value:,.0f}"


def _change(new: Figure, old: Figure) -> str:
    return f"({(new.median / old.median - 1) * 100:+.0f} %)" if old.median else ""


def _line(*cells: str) -> str:
    return "{:>10} {:>15} {:>9} {:<6} {:>18}  {}".format(*cells).rstrip()
