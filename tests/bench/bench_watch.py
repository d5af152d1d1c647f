# SPDX-License-Identifier: ISC
"""10,000 batches at the provider: the calls of one watching cycle, and the processor time while nothing happens but
that some of them make progress."""
import secrets
import time
from contextlib import ExitStack
from typing import Any, Dict, List

import jobs
import large
from harness.servers import MariaDB
from harness.stack import Stack, wait_until
from provider import Provider

BATCHES = 10000
ITEMS = 100  # of each batch
JOBS = 1000
PROGRESS = 100  # batches that move between two cycles
CYCLES = 4
CYCLE_SECONDS = 15  # the least at which one pass a cycle is easily told from more; the default is 30 s
OVERRIDES: Dict[str, Any] = {"batch": {"poll_interval": f"{CYCLE_SECONDS}s"}, "daemon": {"tick": "1s", "lease": "30s"}}


def add_batches(stack: Stack, provider: Provider) -> None:
    """Jobs whose items are all sent, in batches that run; their rows as batchd would have written them."""
    mark = stack.sql("SELECT mark FROM installation")[0]["mark"]
    template = stack.order({"name": "watched", "deadline": "PT24H", "lots": [{"id": "1", "title": "Teapot"}]})
    jobs.copy_jobs(stack, template["job_id"], JOBS, jobs.POLL_NAME, stack.database)
    stack.sql("UPDATE job SET status = 'describing'")
    stack.sql("INSERT INTO job_language (job_id, no, tag, n_total, n_sent) SELECT id, 0, 'en', %s, %s FROM job"
              " WHERE name = %s", (ITEMS * BATCHES // JOBS, ITEMS * BATCHES // JOBS, jobs.POLL_NAME))
    recipe = stack.sql("SELECT id, hash FROM recipe WHERE task = 'describe'")[0]
    rows = []
    for _ in range(BATCHES):
        key = secrets.token_hex(16)
        batch = provider.add_batch("file-none", {"lotscribe_installation": mark, "lotscribe_batch": key,
                                                 "lotscribe_recipe": recipe["hash"]}, total=ITEMS)
        rows.append((key, recipe["id"], provider.base_url, ITEMS, batch["id"], ITEMS))
    connection = stack.mariadb.connect(stack.database)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM job_language WHERE job_id NOT IN (SELECT id FROM job WHERE name = %s)",
                       (jobs.POLL_NAME,))
        for table in ("item", "lot_image", "lot"):
            cursor.execute(f"DELETE FROM {table}")
        cursor.execute("DELETE FROM job WHERE name <> %s", (jobs.POLL_NAME,))
        cursor.executemany(
            "INSERT INTO batch (batch_key, recipe_id, phase, model, base_url, n_items, remote_id, remote_status,"
            " remote_total, created_at, phase_at, submitted_at, progress_at, next_at) VALUES (%s, %s, 'running',"
            " 'gpt-5.5', %s, %s, %s, 'in_progress', %s, UTC_TIMESTAMP(6), UTC_TIMESTAMP(6), UTC_TIMESTAMP(6),"
            " UTC_TIMESTAMP(6), UTC_TIMESTAMP(6))", rows)
        cursor.execute(f"INSERT INTO batch_job (batch_id, job_id, n_items) SELECT b.id, j.id, {ITEMS} FROM batch b JOIN"
                       " (SELECT id, ROW_NUMBER() OVER (ORDER BY id) n FROM job) j ON j.n = 1 + b.id MOD %s", (JOBS,))
    connection.close()


class Watch:
    """What batchd does in one poll_interval after another, and how often it reads the list in it."""

    def __init__(self, stack: Stack, provider: Provider) -> None:
        self.stack, self.provider = stack, provider
        self.began = stack.sql("SELECT UTC_TIMESTAMP(6) now")[0]["now"]
        self.batchd = stack.add_batchd()

    def warm_up(self) -> None:
        """The first pass reconciles; then every batch is looked at once, so many a tick."""
        wait_until(lambda: not self.stack.sql("SELECT 1 FROM batch WHERE next_at < %s LIMIT 1", (self.began,)),
                   600, "every batch to be scheduled", alive=[self.batchd])

    def cycle(self) -> Dict[str, float]:
        """Calls and processor seconds of one poll_interval in which some batches make progress."""
        for batch in self.provider.batches[:PROGRESS]:
            batch["request_counts"]["completed"] += 1
        before = self.so_far()
        time.sleep(CYCLE_SECONDS)
        return {name: value - before[name] for name, value in self.so_far().items()}

    def so_far(self) -> Dict[str, float]:
        calls = dict(self.provider.calls)
        passes = calls.pop("first page", 0)
        return {"calls": sum(calls.values()), "passes": passes, "batchd": large.cpu_seconds(self.batchd.pid),
                "MariaDB": large.cpu_seconds(self.stack.mariadb.pid)}


def run(bench: Any, report: Any) -> None:
    work = bench.work / "watch"
    with ExitStack() as stop:
        provider = stop.enter_context(Provider(work / "provider"))
        mariadb = stop.enter_context(MariaDB(work / "mariadb", large.ENGINE))
        stack = stop.enter_context(large.stack_with(bench, work / "stack", mariadb, provider, OVERRIDES))
        add_batches(stack, provider)
        watch = Watch(stack, provider)
        watch.warm_up()
        found: List[Dict[str, float]] = [watch.cycle() for _ in range(2 if bench.quick else CYCLES)]
        what = f"watching {BATCHES:,} batches, {PROGRESS} of them moving"
        report.add(f"{what}: provider calls a cycle", [c["calls"] for c in found], "calls", at_most=110)
        for name in ("batchd", "MariaDB"):
            report.add(f"{what}: processor time of {name} a cycle", [c[name] for c in found], "s")
        report.add(f"{what}: readings of the list a cycle", [c["passes"] for c in found], "passes")
        report.add(f"{what}: peak memory of batchd", [watch.batchd.peak_memory() / (1 << 20)], "MiB")
