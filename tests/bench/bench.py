#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Speed as ratios within one run, side by side with other ways of doing the same.

`./dev bench` runs it; the figures are printed, ratios first, and written to a file that a later run is compared with.
"""
import argparse
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import List

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(1, str(Path(__file__).resolve().parents[1]))

import bench_harvest  # noqa: E402
import bench_intake  # noqa: E402
import bench_parked  # noqa: E402
import bench_poll  # noqa: E402
import bench_repair  # noqa: E402
import bench_retention  # noqa: E402
import bench_stored  # noqa: E402
import bench_watch  # noqa: E402
import report  # noqa: E402
from harness.process import HarnessError  # noqa: E402

MEASURES = {"poll": bench_poll.run, "parked": bench_parked.run, "harvest": bench_harvest.run,
            "intake": bench_intake.run, "watch": bench_watch.run, "stored": bench_stored.run,
            "repair": bench_repair.run, "retention": bench_retention.run}


@dataclass
class Bench:
    """What every measure is told."""
    build: Path
    work: Path
    quick: bool

    @property
    def rounds(self) -> int:
        return 3 if self.quick else 7

    @property
    def warm_up(self) -> float:
        """Long enough for every id at least once, on a machine as slow as 4,000 first polls a second."""
        return 25.0

    @property
    def seconds(self) -> float:
        return 1.0 if self.quick else 2.0

    @property
    def few(self) -> int:
        """Rounds of what takes many seconds."""
        return 1 if self.quick else 3

    @property
    def jobs(self) -> int:
        return 100000

    @property
    def lots(self) -> int:
        """Of a large order."""
        return 50000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--work", type=Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--compare", type=Path, metavar="FILE", help="figures of an earlier run, beside the new ones")
    parser.add_argument("--quick", action="store_true", help="few, short rounds, and no table of 1,000,000 jobs")
    parser.add_argument("--only", action="append", choices=MEASURES, help="this measure; may be given several times")
    options = parser.parse_args()
    earlier = report.read(options.compare) if options.compare else None
    found = report.Report()
    failed: List[str] = []
    bench = Bench(options.build.resolve(), options.work.resolve(), options.quick)
    for name in options.only or MEASURES:
        print(f"--- {name}", flush=True)
        shutil.rmtree(bench.work / name, ignore_errors=True)
        try:
            MEASURES[name](bench, found)
        except (SystemExit, HarnessError, OSError) as exc:
            failed.append(name)
            found.note(f"{name} was not measured to its end, its folder is kept: {exc}")
        else:
            shutil.rmtree(bench.work / name, ignore_errors=True)
    print(found.text(earlier))
    print(f"written to {found.write(bench.work)}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
