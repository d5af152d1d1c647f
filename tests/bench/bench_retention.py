# SPDX-License-Identifier: ISC
"""100,000 jobs that ended long ago are removed while jobs run: what that does to these, and how fast it goes."""
import time
from contextlib import ExitStack
from typing import Any

import large
from bench_stored import run_job
from harness.servers import MariaDB
from harness.stack import Stack

CHUNK = 20000
DONE = "SELECT COUNT(*) AS n FROM request WHERE done_at IS NOT NULL"
# What a real job of one lot left, once more for each number, a hundred days older.
COPIES = (
    """INSERT INTO job (id, public_id, account_id, visible, status, outcome, version, name, lots, describe_recipe, translate_recipe,
       created_at, opened_at, updated_at, deadline_at, completed_at, cost, input_tokens, output_tokens, status_json, changed_at)
       SELECT seq, UUID(), account_id, 1, status, outcome, version, name, lots, describe_recipe, translate_recipe, created_at,
       opened_at, updated_at, deadline_at, completed_at - INTERVAL 100 DAY, cost, input_tokens, output_tokens, status_json,
       changed_at - INTERVAL 1 HOUR FROM job JOIN {numbers} WHERE id = 1""",
    "INSERT INTO job_language (job_id, no, tag, n_total, n_done) SELECT seq, no, tag, n_total, n_done FROM job_language"
    " JOIN {numbers} WHERE job_id = 1",
    "INSERT INTO lot (job_id, seq, ref, title, notes) SELECT s.seq, l.seq, ref, title, notes FROM lot l JOIN {numbers} s"
    " WHERE job_id = 1",
    "INSERT INTO lot_image (job_id, lot_seq, no, url) SELECT seq, lot_seq, no, url FROM lot_image JOIN {numbers}"
    " WHERE job_id = 1",
    "INSERT INTO item (id, job_id, lot_seq, lang_no, state, attempts, burned, answer_no, est_bytes, est_tokens)"
    " SELECT seq, seq, lot_seq, lang_no, state, attempts, burned, answer_no, est_bytes, est_tokens FROM item JOIN {numbers}"
    " WHERE job_id = 1",
    "INSERT INTO attempt (item_id, no, batch_id, way, outcome) SELECT seq, no, batch_id, way, outcome FROM attempt"
    " JOIN {numbers} WHERE item_id = 1",
    "INSERT INTO answer (item_id, attempt_no, job_id, grade, raw, source, model, input_tokens, output_tokens, cost, created_at)"
    " SELECT seq, attempt_no, seq, grade, raw, source, model, input_tokens, output_tokens, cost, created_at FROM answer"
    " JOIN {numbers} WHERE item_id = 1",
    "INSERT INTO batch_job (batch_id, job_id, n_items) SELECT batch_id, seq, n_items FROM batch_job JOIN {numbers} WHERE job_id = 1",
    "INSERT INTO event (job_id, at, kind, message, n) SELECT seq, at, kind, message, n FROM event JOIN {numbers} WHERE job_id = 1",
)


def copy_first_job(stack: Stack, count: int) -> None:
    for first in range(2, count + 2, CHUNK):
        for sql in COPIES:
            stack.sql(sql.format(numbers=f"seq_{first}_to_{min(first + CHUNK, count + 2) - 1}"))


def run(bench: Any, report: Any) -> None:
    work = bench.work / "retention"
    count = 100000
    with ExitStack() as stop:
        mariadb = stop.enter_context(MariaDB(work / "mariadb", large.ENGINE))
        (work / "stack").mkdir(parents=True, exist_ok=True)
        stack = stop.enter_context(Stack(bench.build, work / "stack", mariadb))
        batchd = stack.add_batchd()
        stack.wait_ended(stack.order({"lots": [{"id": "1", "title": "Teapot", "notes": "hallmark worn",
                                                "images": ["https://example.com/1.jpg"]}]})["job_id"])
        copy_first_job(stack, count)
        alone = [run_job(stack) for _ in range(5)]
        started = time.monotonic()
        asked = stack.batchctl("retention", timeout=600)
        report.add(f"retention asked for {count:,} jobs, each gone for its client", [time.monotonic() - started], "s")
        if f"{count}" not in asked.stdout:
            raise SystemExit(f"bench: {asked.stdout}")
        # A part of it: a tenth of batchd's time is all that it takes.
        before, started = stack.sql(DONE)[0]["n"], time.monotonic()
        beside = [run_job(stack) for _ in range(5 if bench.quick else 15)]
        removed = stack.sql(DONE)[0]["n"] - before
        if not 0 < removed < count - before:
            raise SystemExit(f"bench: {removed} jobs were removed beside those that ran")
        report.add("jobs of one lot removed a second, while jobs run", [removed / (time.monotonic() - started)])
        report.add("a job of 20 lots in three languages: beside the removal / alone",
                   [x / sorted(alone)[len(alone) // 2] for x in beside])
        report.add("such a job alone", alone, "s")
        report.add("such a job beside the removal", beside, "s")
        report.add("peak memory of batchd", [batchd.peak_memory() / (1 << 20)], "MiB")
