# SPDX-License-Identifier: ISC
"""A batch of 50,000 lines: what it waits for its upload file, its output of 62 MB harvested beside a Python script that leaves the same rows, and
batchd's memory with an output of 200 MB."""
import datetime
import json
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List

import large
from harness.servers import MariaDB
from harness.stack import Stack, wait_until
from provider import Provider, answer_line

MIB = 1 << 20
SMALL_LINE, LARGE_LINE = 1240, 4000  # bytes: 62 and 200 MB
PEER = Path(__file__).resolve().parent / "harvest_peer.py"
# What both must leave: sums over the rows, and the rows of what there is one of.
LEFT = (
    "SELECT COUNT(*) n, SUM(LENGTH(raw)) bytes, SUM(CRC32(raw)) crc, SUM(CRC32(request_id)) requests,"
    " SUM(CRC32(model)) models, SUM(input_tokens) asked, SUM(output_tokens) made, SUM(cost) cost,"
    " SUM(grade = 'valid') valid, SUM(attempt_no) attempts FROM answer",
    "SELECT state, COUNT(*) n, SUM(burned) burned, SUM(answer_no) answers, SUM(code IS NULL) codes,"
    " SUM(batch_id IS NULL) placed FROM item GROUP BY state",
    "SELECT outcome, COUNT(*) n FROM attempt GROUP BY outcome",
    "SELECT no, n_total, n_ready, n_sent, n_done, n_failed FROM job_language ORDER BY job_id, no",
    "SELECT cost, wasted, input_tokens, output_tokens FROM job ORDER BY id",
    "SELECT phase, reason, n_items, n_answered, n_failed, n_void, harvest_file, harvest_offset FROM batch ORDER BY id",
)

# Phases pass faster than one could look.
PHASES = (
    "CREATE TABLE bench_phase (phase VARCHAR(10), at DATETIME(6))",
    "CREATE TRIGGER bench_begun AFTER INSERT ON batch FOR EACH ROW"
    " INSERT INTO bench_phase VALUES (NEW.phase, UTC_TIMESTAMP(6))",
    "CREATE TRIGGER bench_moved AFTER UPDATE ON batch FOR EACH ROW"
    " INSERT INTO bench_phase SELECT NEW.phase, UTC_TIMESTAMP(6) FROM DUAL WHERE NEW.phase <> OLD.phase",
)


def content_of(line_bytes: int) -> str:
    """An answer of the schema's form whose result line has about this length."""
    value = {"title": "A George III silver teapot by Hester Bateman, London 1785", "description": "",
             "category": "Silver", "period": "1785", "materials": ["silver", "ebonised wood"],
             "condition": "Hallmark worn, small dent to the foot.",
             "keywords": ["teapot", "Hester Bateman", "silver", "Georgian", "London"]}
    words = "Of oval form with bright-cut borders, the domed cover with a pineapple finial; marked on the base. "
    missing = line_bytes - len(answer_line(json.dumps(value))) - 15
    value["description"] = (words * (missing // len(words) + 1))[:max(0, missing)]
    return json.dumps(value)


@dataclass
class Cost:
    seconds: float
    processor: float  # seconds of the program and of MariaDB; hardly moved by what else runs here


class Harvest:
    """One order that waits at the provider, to be harvested again and again."""

    def __init__(self, work: Path, stack: Stack, provider: Provider, lots: int) -> None:
        self.work, self.stack, self.provider, self.lots = work, stack, provider, lots
        self.peak = 0
        answer = stack.request("POST", "/api/v1/jobs", large.order_body(lots, "harvest"),
                               {"Content-Type": "application/json"}, stack.key, timeout=120)
        if answer.status != 202:
            raise SystemExit(f"bench: order: {answer.status} {answer.body[:300]!r}")
        stack.sql("UPDATE recipe SET proven_at = UTC_TIMESTAMP(6)")  # or one item would be tried by a call first
        self.batchd = stack.add_batchd()
        for statement in PHASES:
            stack.sql(statement)
        wait_until(self.runs, 180, "the batch to run", alive=[self.batchd])
        self.batchd.stop()
        if self.row()["n_items"] != lots:
            raise SystemExit(f"bench: the order went into several batches: {self.row()}")
        self.saved = large.Snapshot(stack)

    def row(self) -> Dict[str, Any]:
        return (self.stack.sql("SELECT * FROM batch ORDER BY id LIMIT 1") or [{"phase": None}])[0]

    def runs(self) -> bool:
        return self.row()["phase"] == "running"

    def since(self, phase: str) -> float:
        """When the batch came to it first (UTC)."""
        rows = self.stack.sql("SELECT MIN(at) at FROM bench_phase WHERE phase = %s", (phase,))
        return rows[0]["at"].replace(tzinfo=datetime.timezone.utc).timestamp()

    def left(self) -> List[Any]:
        return [self.stack.sql(query) for query in LEFT]

    def by_batchd(self) -> Cost:
        """Seconds from the move to `harvesting` to the end of the batch, by the rows' own clock."""
        self.saved.restore()
        before = large.cpu_seconds(self.stack.mariadb.pid)
        self.batchd.start()
        wait_until(lambda: self.row()["phase"] == "closed", 300, "the harvest", alive=[self.batchd])
        self.peak = self.batchd.peak_memory()
        used = large.cpu_seconds(self.stack.mariadb.pid) - before + large.cpu_seconds(self.batchd.pid)
        self.batchd.stop()
        rows = self.stack.sql("SELECT kind, at FROM event WHERE batch_id = %s AND kind IN ('ended', 'closed')",
                              (self.row()["id"],))
        at = {row["kind"]: row["at"] for row in rows}
        return Cost((at["closed"] - at["ended"]).total_seconds(), used)

    def by_python(self) -> Cost:
        self.saved.restore()
        before = large.cpu_seconds(self.stack.mariadb.pid)
        options = {"database": large.connect_options(self.stack), "base_url": self.provider.base_url,
                   "batch": self.row()["id"], "folder": str(self.work),
                   "file": self.provider.batches[-1]["output_file_id"]}
        done = subprocess.run([sys.executable, str(PEER)], input=json.dumps(options), check=True, text=True,
                              stdout=subprocess.PIPE)
        seconds, used = map(float, done.stdout.split())
        return Cost(seconds, used + large.cpu_seconds(self.stack.mariadb.pid) - before)


def beside_python(harvest: Harvest, report: Any, rounds: int, size: int) -> None:
    ours, theirs = [], []
    for _ in range(rounds):
        ours.append(harvest.by_batchd())
        left = harvest.left()
        theirs.append(harvest.by_python())
        if harvest.left() != left:
            raise SystemExit(f"bench: the peer leaves other rows:\n{left}\n{harvest.left()}")
    what = f"harvest of {harvest.lots:,} lines, {size / 1e6:.0f} MB"
    report.add(f"{what}: Python's time / ours", [t.seconds / o.seconds for o, t in zip(ours, theirs)], at_least=2)
    report.add(f"{what}: Python's processor time / ours, MariaDB's in both",
               [t.processor / o.processor for o, t in zip(ours, theirs)])
    for name, costs in (("ours", ours), ("Python", theirs)):
        report.add(f"{what}: {name}", [c.seconds for c in costs], "s")
        report.add(f"{what}: {name}, processor time", [c.processor for c in costs], "s")


def upload_file(harvest: Harvest, report: Any) -> None:
    """The file of all requests is written while the batch is filled: a sealed one waits for what joined it last."""
    size = harvest.row()["input_bytes"] / 1e6
    _, seconds, sent = harvest.provider.uploads[-1]
    filling, sealed, built = map(harvest.since, ("filling", "sealed", "uploading"))
    what = f"upload file of {harvest.lots:,} requests, {size:.0f} MB"
    report.add(f"{what}: loopback's time for it / a sealed batch's wait for it", [seconds / (built - sealed)], at_least=1)
    report.add(f"{what}: a sealed batch waits", [built - sealed], "s")
    report.add(f"{what}: taken by loopback", [sent / 1e6 / seconds], "MB/s")
    report.add(f"{what}: batch filled and file written", [sealed - filling], "s")


def run(bench: Any, report: Any) -> None:
    work = bench.work / "harvest"
    with ExitStack() as stop:
        provider = stop.enter_context(Provider(work / "provider"))
        mariadb = stop.enter_context(MariaDB(work / "mariadb", large.ENGINE))
        stack = stop.enter_context(large.stack_with(bench, work / "stack", mariadb, provider))
        started = time.monotonic()
        harvest = Harvest(work, stack, provider, bench.lots)
        print(f"order of {bench.lots} lots at the provider after {time.monotonic() - started:.0f} s", flush=True)
        upload_file(harvest, report)
        batch = provider.batches[-1]
        size = provider.finish(batch, content_of(SMALL_LINE))
        beside_python(harvest, report, bench.few, size)
        size = provider.finish(batch, content_of(LARGE_LINE))
        cost = harvest.by_batchd()
        report.add(f"peak memory of batchd, output of {size / 1e6:.0f} MB", [harvest.peak / MIB], "MiB", at_most=64)
        report.add(f"harvest of {size / 1e6:.0f} MB: ours", [cost.seconds], "s")
