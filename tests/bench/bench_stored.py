# SPDX-License-Identifier: ISC
"""100,000 results of an earlier system, stored as Python's repr: their import, and their repair while a job runs."""
import ast
import json
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any, List

import large
from harness.servers import MariaDB
from harness.stack import TOP, Stack

LOTS = 20
# As an earlier version left them: refused, and looked at by nobody.
SPOIL = ("UPDATE answer SET value = NULL, repaired = NULL, report = NULL, was = NULL, grade = 'refused', code = 'invalid_json'"
         " WHERE source = 'import'",
         "UPDATE item i JOIN answer a ON a.item_id = i.id SET i.state = 'failed', i.code = 'invalid_json' WHERE a.source = 'import'",
         "UPDATE job_language l JOIN (SELECT DISTINCT job_id FROM answer WHERE source = 'import') x ON x.job_id = l.job_id"
         " SET l.n_done = 0, l.n_failed = l.n_total",
         "UPDATE job j JOIN (SELECT DISTINCT job_id FROM answer WHERE source = 'import') x ON x.job_id = j.id"
         " SET j.status = 'failed', j.outcome = NULL")
LEFT = "SELECT COUNT(*) AS n FROM answer WHERE grade = 'refused'"


def write_results(path: Path, rows: int) -> None:
    records = [json.loads(line) for line in (TOP / "tests/data/lots.jsonl").read_text(encoding="utf-8").splitlines()]
    with path.open("w", encoding="utf-8") as file:
        for n in range(rows):
            record = records[n % len(records)]
            value = {"title": record["title"], "description": f"{record['artist']}. {record['medium']}. {record['dimensions']}.",
                     "category": "Fine art", "period": record["date"], "materials": [record["medium"]], "condition": None,
                     "keywords": record["subjects"]}
            file.write(json.dumps({"job_id": f"00000000-0000-4000-8000-{n // LOTS:012x}", "lot": n % LOTS + 1, "language": "en",
                                   "result": repr(value)}) + "\n")


def wait_none_left(stack: Stack) -> None:
    end = time.monotonic() + 900
    while stack.sql(LEFT)[0]["n"]:
        if time.monotonic() > end:
            raise SystemExit("bench: stored results were not repaired in 15 minutes")
        time.sleep(0.2)


def run_job(stack: Stack) -> float:
    """Seconds from the order of 20 lots in three languages to its end."""
    sale = json.loads((TOP / "tests/data/sale-20.json").read_text(encoding="utf-8"))
    started = time.monotonic()
    stack.wait_ended(stack.order({**sale, "name": str(started)})["job_id"])
    return time.monotonic() - started


def check_one(stack: Stack) -> None:
    """The last one says what its text says, to Python."""
    row = stack.sql("SELECT raw, value FROM answer WHERE source = 'import' ORDER BY item_id DESC LIMIT 1")[0]
    if json.loads(row["value"]) != ast.literal_eval(row["raw"].decode()):
        raise SystemExit(f"bench: repaired to another value: {row}")


def run(bench: Any, report: Any) -> None:
    work = bench.work / "stored"
    rows = 20000 if bench.quick else 100000
    with ExitStack() as stop:
        mariadb = stop.enter_context(MariaDB(work / "mariadb", large.ENGINE))
        (work / "stack").mkdir(parents=True, exist_ok=True)
        stack = stop.enter_context(Stack(bench.build, work / "stack", mariadb))
        write_results(work / "results.jsonl", rows)
        stack.batchctl("account", "earlier")
        started = time.monotonic()
        stack.batchctl("import", str(work / "results.jsonl"), "--account", "earlier", timeout=600)
        written = time.monotonic()
        batchd = stack.add_batchd()
        wait_none_left(stack)
        report.add(f"import of {rows:,} results: written", [written - started], "s")
        report.add(f"import of {rows:,} results: repaired and shown", [time.monotonic() - written], "s")
        check_one(stack)
        alone = [run_job(stack) for _ in range(5)]
        batchd.stop()
        for sql in SPOIL:
            stack.sql(sql)
        started = time.monotonic()
        batchd = stack.add_batchd()
        beside: List[float] = []
        while stack.sql(LEFT)[0]["n"]:
            beside.append(run_job(stack))
        took = time.monotonic() - started
        check_one(stack)
        report.add(f"repair of {rows:,} stored rows by the pass, while jobs run", [took], "s")
        report.add("a job of 20 lots in three languages: beside the pass / alone",
                   [x / sorted(alone)[len(alone) // 2] for x in beside])
        report.add("such a job alone", alone, "s")
        report.add("such a job beside the pass", beside, "s")
        report.add("peak memory of batchd", [batchd.peak_memory() / (1 << 20)], "MiB")
