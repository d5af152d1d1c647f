# SPDX-License-Identifier: ISC
"""batchctl explain: the verdict that batchd comes to, of a batch and of a job."""
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from commands import ask, call, row  # noqa: E402
from jobs import KEEP_FILES, sales, wait_until  # noqa: E402
from kills import UPLOAD  # noqa: E402

LOTS = 3


@pytest.fixture
def site():
    with sales("ctl-explain", {"fallback": {"reserve": "1m"}}) as made:
        made.rules(KEEP_FILES)
        made.batchd()
        yield made
        made.stack.batchd.kill()


def explain(site, what):
    return site.stack.batchctl_json("explain", what)


def running(site, **stuck):
    """A job whose descriptions hang, as batchd has seen it."""
    site.rules(KEEP_FILES, {"match": {"task": "describe"}, "do": "stuck", **stuck})
    job = site.take(LOTS)
    site.wait_remote("describe", "in_progress")
    wait_until(lambda: site.sql("SELECT 1 FROM batch WHERE remote_status = 'in_progress'"), 20, "batchd to see it")
    return job


def test_a_running_batch_is_explained_by_what_comes_next(site):
    running(site)
    told = explain(site, "batch:1")
    assert (told["phase"], told["remote_status"], told["action"]) in [
        ("running", "in_progress", action) for action in ("wait", "ask for progress")]
    assert told["why"] == "it is running" and told["open"] == LOTS and told["warnings"] is None
    text = site.stack.batchctl("explain", "batch:1").stdout
    assert "verdict" in text and "it is running" in text


def test_a_batch_that_stalls_is_explained_with_its_warning_and_its_cancel(site):
    running(site)
    site.bury(site.stack.batchd)
    site.sql("UPDATE batch SET progress_at = progress_at - INTERVAL 90 MINUTE,"
             " next_at = UTC_TIMESTAMP(6) + INTERVAL 10 SECOND")
    told = explain(site, "batch:1")
    assert (told["action"], told["then"], told["warnings"]) == ("wait", "cancel and retry", "batch_stalled")
    assert told["then_at"] > told["at"]
    site.sql("UPDATE batch SET progress_at = progress_at - INTERVAL 90 MINUTE, next_at = UTC_TIMESTAMP(6)")
    told = explain(site, "batch:1")
    assert (told["action"], told["why"]) == ("cancel and retry", "it made no progress for too long")


def test_the_verdict_is_that_of_batchd(site):
    job = running(site)
    site.bury(site.stack.batchd)
    ask(site, job, "cancel")
    told = explain(site, "batch:1")
    assert (told["action"], told["why"]) in (("cancel", "every job of its items was cancelled"),
                                             ("wait", "every job of its items was cancelled"))
    site.stack.batchd.start()
    site.wait_closed()
    log = site.stack.batchd.log_text()
    assert 'action=cancel why="every job of its items was cancelled"' in log
    told = explain(site, "batch:1")
    assert (told["phase"], told["action"], told["at"]) == ("closed", "nothing", None)


def test_a_running_job_is_explained_with_its_latest_starts_and_batches(site):
    job = running(site, done=1)
    told = explain(site, job)
    assert (told["status"], told["verdict"]) == ("describing", "goes on")
    assert told["why"] == f"{2 * LOTS} of {2 * LOTS} items are open"
    assert told["opened_at"] < told["describe_latest_start"] <= told["translate_latest_start"] < told["deadline_at"]
    assert [(b["batch"], b["open"], b["why"]) for b in told["batches"]] == [(1, LOTS, "it is running")]
    assert told["requests"] == []
    text = site.stack.batchctl("explain", f"job:{job}").stdout
    assert "goes on" in text and "Its open batches" in text


def test_the_latest_start_of_a_job_that_was_opened_again_counts_from_then(site):
    """Ordered ten days ago, an hour is left: half of that hour is the least that batches get."""
    job = site.take(LOTS, ())
    site.wait_full(job)
    site.bury(site.stack.batchd)
    site.sql("UPDATE job SET created_at = created_at - INTERVAL 10 DAY, opened_at = opened_at - INTERVAL 10 DAY")
    call(site, job, "languages", {"languages": ["fr"], "deadline": "PT2S"})
    site.sql("UPDATE job_language SET n_total = 100000 WHERE no = 1")       # more than the fallback can do
    told = explain(site, job)
    now = row(site, job)
    half = now["opened_at"] + (now["deadline_at"] - now["opened_at"]) / 2
    assert told["translate_latest_start"][:22] == half.isoformat()[:22]
    assert (told["verdict"], told["why"]) == ("goes on", "what was asked of it is not carried out yet")
    assert [(r["kind"], r["tags"]) for r in told["requests"]] == [("languages", "fr")]


def test_a_job_that_waits_for_a_batch_says_from_when(site):
    site.bury(site.stack.batchd)
    job = site.take(LOTS)
    told = explain(site, job)
    assert (told["status"], told["ready"], told["batches"]) == ("queued", LOTS, [])
    assert told["ready_at"] > told["opened_at"]


def test_an_ended_job_says_why_it_ended(site):
    job = running(site)
    site.rules(KEEP_FILES, {"match": {"route": UPLOAD}, "do": "status", "code": 500})
    ask(site, job, "finish")
    told = explain(site, job)
    assert (told["verdict"], told["why"]) == ("has ended: failed", f"it was finished; {2 * LOTS} of {2 * LOTS} items are open")
    other = site.take(1)
    site.bury(site.stack.batchd)
    site.sql("UPDATE job SET deadline_at = UTC_TIMESTAMP(6) WHERE public_id = %s", other)
    told = explain(site, other)
    assert (told["verdict"], told["why"]) == ("ends now: failed", "its deadline passed; 2 of 2 items are open")


def test_what_is_not_there_is_told(site):
    assert site.stack.batchctl("explain", "batch:99", check=False).returncode == 66
    assert site.stack.batchctl("explain", "11111111-1111-4111-8111-111111111111", check=False).returncode == 66
    assert site.stack.batchctl("explain", "17", check=False).returncode == 64
