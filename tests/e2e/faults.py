# SPDX-License-Identifier: ISC
"""The fault matrix: what its rows share. A row is a fault and the jobs that meet it, run to their end with real programs;
then it is counted: jobs ended in time, answers lost, items paid twice beside the bound of I3, and whether `batchctl check`
is clean.

Owns: the ladder's settings (a stuck batch is cancelled, sent again, and what is left goes by calls, within seconds), how
rows are counted, and their file below LOTSCRIBE_TMP, which `./dev faults` prints (tests/harness/fault_table.py).
Does not: decide what goes wrong; the test files do.
"""
import contextlib
import os
import time
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence, Set, Tuple

from jobs import NO_ROOM, Sales, conf, sales
from kills import CANCEL, CHAT, CONTENT, CREATE, DELETE, GET_BATCH, GET_FILE, LIST, UPLOAD
from harness import fault_table
from harness.process import wait_until
from harness.servers import MariaDB
from harness.stack import Batchd

__all__ = ["ALL", "CALLS", "CANCEL", "CHAT", "CONTENT", "CREATE", "DELETE", "GET_BATCH", "GET_FILE", "HOWS", "KINDS", "LADDER",
           "LEFT", "LIST", "LOTS", "NO_ROOM", "Row", "judge", "STUCK", "UPLOAD", "chat", "first", "ladder", "stuck_batch"]

# Everything, and not only what ./dev test has time for: of faults alike one of each kind.
ALL = os.environ.get("LOTSCRIBE_FAULTS") == "all"

LOTS = 4
CALLS = 2       # fallback.concurrency: so many answers may be lost in a crash
LADDER: conf.Config = {
    "fallback": {"tiers": ["flex", "default"], "concurrency": CALLS, "estimate": "500ms", "reserve": "500ms",
                 "flex_timeout": "1s", "request_timeout": "1s"},
    "policy": {"small": {"max_requests": 100, "alert_after": "2s", "stall_after": "600ms", "cancel_after": "1s",
                         "cancel_grace": "1s", "batch_retries": 1, "validating_after": "1s", "finalizing_after": "1s"}},
}
# Sendings (t, in the batch b) whose answers nobody could read: I3 names these cases, and no other.
GONE = ("(t.code = 'call_lost' OR b.reason = 'lost'"
        " OR EXISTS (SELECT 1 FROM batch_line l WHERE l.batch_id = t.batch_id AND l.kind = 'broken'))")
SECONDS = 10    # from order to deadline, where a row says nothing else
# A job is closed in the tick after its deadline; a busy machine may take longer for it.
LATE_SECONDS = 5
LEFT = "items that left after the grace of the cancel"
STUCK = {"match": {"task": "translate"}, "do": "stuck"}

QUOTA = {"code": "insufficient_quota", "type": "insufficient_quota", "message": "You exceeded your current quota"}
# How the provider answers a call, or does not.
HOWS = {
    "hangs, carried out": {"do": "hang_after", "seconds": 1.5},
    "hangs, not carried out": {"do": "hang", "seconds": 1.5},
    "drips": {"do": "drip", "seconds": 0.6},
    "drips for ever": {"do": "drip", "seconds": 120},
    "body cut": {"do": "truncate"},
    "body cut, length told so": {"do": "truncate", "content_length": "cut"},
    "empty body": {"do": "truncate", "bytes": 0, "content_length": "cut"},
    "HTML, 502": {"do": "html_502"},
    "HTML, 200": {"do": "status", "code": 200, "body": "<html>", "headers": {"Content-Type": "text/html"}},
    "429": {"do": "status", "code": 429, "headers": {"retry-after-ms": "300"}},
    "500": {"do": "status", "code": 500},
    "503": {"do": "status", "code": 503},
    "closes without an answer": {"do": "drop_after"},
    "resets before it reads": {"do": "drop_before", "reset": True},
    "quota": {"do": "status", "code": 429, "error": QUOTA},
}
KINDS = [*HOWS] if ALL else ["hangs, carried out", "hangs, not carried out", "drips", "body cut, length told so", "HTML, 200",
                             "429", "500", "closes without an answer", "quota"]


def first(task: str, do: str, **parameters: Any) -> Dict[str, Any]:
    """A rule for the first batch of a task."""
    return {"match": {"task": task, "nth": 1}, "do": do, **parameters}


def chat(do: str, match: Optional[Dict[str, Any]] = None, **parameters: Any) -> Dict[str, Any]:
    """A rule for synchronous calls."""
    return {"match": {"route": CHAT, **(match or {})}, "do": do, **parameters}


def stuck_batch(site: Sales, nth: int = 1, task: str = "translate", done: int = 0) -> Dict[str, Any]:
    """The nth remote batch of a task, once it stands still and batchd has seen so."""
    remote = site.wait_remote(task, "in_progress", done=done, nth=nth)
    wait_until(lambda: site.sql("SELECT 1 FROM batch WHERE phase = 'running' AND remote_id = %s", remote["id"]), 30,
               "batchd to know the batch")
    return remote


class Row:
    """One row: its jobs, and at the end its counts.

    bound: how many items may be paid twice, by a case of I3 that the row names in `why`.
    """

    def __init__(self, site: Sales, family: str, fault: str, bound: int = 0, why: str = "") -> None:
        self.site, self.family, self.fault, self.bound, self.why = site, family, fault, bound, why
        self.jobs: List[str] = []
        self.batchd: Optional[Batchd] = None
        # The database's clock jumps: a job may end later, once it is trusted again.
        self.guarded = False
        self._started = time.monotonic()

    def take(self, lots: int = LOTS, languages: Sequence[str] = ("fr",), seconds: int = SECONDS) -> str:
        job = self.site.take(lots, languages, deadline=f"PT{seconds}S")
        self.jobs.append(job)
        return job

    def start(self, *rules: Dict[str, Any], **order: Any) -> str:
        """The usual beginning: these rules, a batchd, one job."""
        self.site.fresh(*rules)
        self.batchd.start()
        return self.take(**order)

    def resume(self) -> None:
        """Sending stops; an operator says that all is well again."""
        wait_until(lambda: "sending stopped" in self.batchd.log_text(), 20, "sending to stop", alive=[self.batchd])
        self.site.rules(STUCK)
        self.site.stack.batchctl("resume")

    def ended(self, timeout: float = 60) -> List[Dict[str, Any]]:
        """The jobs' statuses, once all have ended. Their rows alone are looked at, until then: a poll would let the
        front end close them."""
        wait_until(lambda: not self._running(), timeout, "the jobs to end")
        return [self.site.stack.status(job) for job in self.jobs]

    def _rows(self) -> List[Dict[str, Any]]:
        marks = ", ".join(["%s"] * len(self.jobs))
        return self.site.sql(f"SELECT * FROM job WHERE public_id IN ({marks})", *self.jobs)

    def _running(self) -> bool:
        return any(row["completed_at"] is None for row in self._rows())

    # -- the end --------------------------------------------------------------------------------------

    def recover(self) -> None:
        """The provider is well again: what stands still moves, and every batch is read to its end."""
        self.site.rules()
        self.site.release()
        for batch in self.site.remote():
            if batch["status"] not in ("completed", "failed", "expired", "cancelled"):
                self.site.force(batch["id"], "resume")
        self.site.sql("UPDATE batch SET next_at = UTC_TIMESTAMP(6) WHERE phase <> 'closed'")    # no back-off is waited for
        wait_until(lambda: not self.site.sql("SELECT 1 FROM batch WHERE phase <> 'closed'")
                   and not self.site.sql("SELECT 1 FROM attempt WHERE outcome IS NULL"), 40,
                   "all batches and calls to be closed", alive=[self.batchd] if self.batchd else [])

    def count(self) -> Dict[str, Any]:
        rows = self._rows()
        twice = set(self.site.standin.call("GET", "/_standin/ledger?summary=1")["items_twice"])
        check = self.site.stack.batchctl("check", check=False)
        return {
            "family": self.family, "fault": self.fault, "jobs": len(rows),
            "in_time": sum(self._in_time(row) for row in rows), "outcomes": [_outcome(row) for row in rows],
            "lost": len(self._lost()), "paid_twice": len(twice), "bound": self.bound, "why": self.why,
            "unbooked": len(twice - self._booked()), "check": "clean" if check.returncode == 0 else check.stdout + check.stderr,
            "seconds": round(time.monotonic() - self._started, 1),
        }

    def _in_time(self, row: Dict[str, Any]) -> bool:
        if row["completed_at"] is None:
            return False
        due_at = row["deadline_at"]
        if self.guarded:
            due_at = max(due_at, self.site.sql("SELECT no_close_before AS t FROM daemon_lease")[0]["t"])
        return (row["completed_at"] - due_at).total_seconds() <= LATE_SECONDS

    def _sendings(self, where: str) -> Set[Tuple[int, int]]:
        return {(r["item"], r["no"]) for r in self.site.sql(
            f"SELECT t.item_id AS item, t.no FROM attempt t LEFT JOIN batch b ON b.id = t.batch_id WHERE {where}")}

    def _lost(self) -> List[str]:
        """What was carried out and is no answer and no line, though it could be read (I2). Where nothing is billed the
        provider may have left the line out."""
        gone, left_out = self._sendings(GONE), self._sendings("t.code = 'no_line'")
        free = {line["custom_id"] for line in self.site.ledger()["executed"] if not line["billed"]}

        def is_excused(custom_id: str) -> bool:
            item, no = (int(part) for part in custom_id.split("-")[:2])
            return (item, no) in gone or ((item, no) in left_out and custom_id in free)
        return [c for c in self.site.lost() if not is_excused(c)]

    def _booked(self) -> set:
        """Items with a sending that I3 allows to be paid beside another: one that had left its batch, a call or a batch
        that was lost, a repeat, a twin, a line that cannot be read."""
        return {str(r["item"]) for r in self.site.sql(
            "SELECT t.item_id AS item FROM attempt t LEFT JOIN batch b ON b.id = t.batch_id"
            f" WHERE t.left_at IS NOT NULL OR t.is_repeat = 1 OR {GONE}"
            " UNION SELECT item_id FROM batch_line WHERE kind = 'duplicate' AND item_id IS NOT NULL"
            " UNION SELECT a.item_id FROM answer a JOIN attempt t ON t.item_id = a.item_id AND t.no = a.attempt_no"
            " WHERE a.unused = 1 AND t.batch_id IS NULL")}


def _outcome(row: Dict[str, Any]) -> str:
    return row["outcome"] or row["status"]


def judge(row: Row) -> None:
    """Count, write it down, and only then insist."""
    counts = row.count()
    fault_table.write(counts)
    assert counts["in_time"] == counts["jobs"] > 0, counts
    assert counts["lost"] == 0, counts
    assert counts["paid_twice"] <= counts["bound"], counts
    assert counts["unbooked"] == 0, counts
    assert counts["check"] == "clean", counts["check"]


@contextlib.contextmanager
def ladder(family: str, overrides: Optional[conf.Config] = None, mariadb: Optional[MariaDB] = None
           ) -> Iterator[Callable[..., "contextlib.AbstractContextManager[Row]"]]:
    """What it yields makes the rows of a family: row(fault, bound, why, configuration of its own batchd). They share an
    installation, but a row after one that failed gets a new one. Within a row its batchd is there and not started; after
    it the row is judged."""
    name = "fault-" + family.replace(" ", "-")
    with contextlib.ExitStack() as installations:
        made: List[Sales] = []

        def new() -> Sales:
            installations.close()
            site = installations.enter_context(sales(name, conf.merged(LADDER, overrides or {}), mariadb))
            site.batchd(start=False)
            made[:] = [site]
            return site

        @contextlib.contextmanager
        def row(fault: str, bound: int = 0, why: str = "", own: Optional[conf.Config] = None) -> Iterator[Row]:
            site = made[0] if made else new()
            made.clear()
            one = Row(site, family, fault, bound, why)
            one.batchd = site.batchd(own, start=False) if own else site.stack.batchd
            try:
                yield one
                one.ended()
                one.recover()
            except BaseException as problem:
                fault_table.write({"family": family, "fault": fault, "broken": str(problem).split("\n")[0][:200]})
                raise
            judge(one)
            for batchd in site.stack.batchds:
                assert batchd.stop() in (0, None, -9)
            made[:] = [site]
        yield row
