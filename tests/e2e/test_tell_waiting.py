# SPDX-License-Identifier: ISC
"""What the status of a job says while its items wait to be sent: by a batch, or one by one."""
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from jobs import CHAT, KEEP_FILES, NO_ROOM, sales, wait_until  # noqa: E402
from once import ticks  # noqa: E402

LOTS = 4
STUCK = {"match": {"task": "translate"}, "do": "stuck", "status": "in_progress"}
# One call counts as half a minute: the latest start is half of the span.
CALLS = {"fallback": {"tiers": ["flex"], "concurrency": 2, "estimate": "30s", "flex_timeout": "4s", "reserve": "100ms"}}


def instant(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00")).replace(tzinfo=None)


def waiting(site, job):
    return site.stack.status(job)["waiting_for"]


def wait_for(site, job, what):
    return wait_until(lambda: next((w for w in [waiting(site, job)] if w and w["what"] == what), None), 20,
                      f"the job to wait for {what}")


def test_a_job_that_waits_for_company_says_when_it_is_put_into_a_batch():
    with sales("tell-linger", {"batch": {"linger": "30m"}}) as site:
        site.batchd()
        job = site.take(LOTS)
        shown = wait_until(lambda: next((w for w in [waiting(site, job)] if w["next_action"] == "put into a batch"), None),
                           20, "the next action to be told")
        since = site.sql("SELECT ready_since FROM job_language WHERE no = 0")[0]["ready_since"]
        assert (shown["what"], instant(shown["since"])) == ("planner", since)
        assert instant(shown["next_action_at"]) == since + timedelta(minutes=30)
        # With less time than that, it is not put into one any more.
        other = site.take(LOTS, deadline="PT10M")
        wait_until(lambda: not site.sql("SELECT 1 FROM job WHERE wait_what IS NULL"), 20, "both to be told")
        shown = waiting(site, other)
        assert (shown["next_action"], shown["next_action_at"]) == (
            "end with what is there", site.stack.status(other)["deadline_at"])
        version = site.sql("SELECT version FROM job ORDER BY id")
        assert site.stack.batchd.stop() == 0
        site.stack.batchd.start()
        ticks(10)
        assert site.sql("SELECT version FROM job ORDER BY id") == version
        site.check()


def test_a_job_with_less_time_than_that_goes_by_calls_at_once():
    """Half of ten minutes comes before half an hour."""
    with sales("tell-linger-calls", {**CALLS, "batch": {"linger": "30m"}}) as site:
        site.batchd()
        site.wait_full(site.take(LOTS, (), deadline="PT10M"))
        assert site.remote() == []


@pytest.fixture
def site():
    with sales("tell-calls", CALLS) as made:
        yield made
        for batchd in made.stack.batchds:
            batchd.kill()       # on SIGTERM it would wait for calls that hang


def take(site, seconds, *rules):
    site.rules(KEEP_FILES, STUCK, *rules)
    site.batchd()
    return site.take(LOTS, ("fr",), deadline=f"PT{seconds}S")


def test_a_job_whose_calls_are_under_way_says_when_they_are_given_up(site):
    job = take(site, 20, {"match": {"route": CHAT}, "do": "hang"})
    shown = wait_until(lambda: next((w for w in [waiting(site, job)] if w["next_action"].startswith("ask again")), None),
                       30, "the calls to be told")
    row = site.sql("SELECT calls_from, deadline_at FROM job")[0]
    assert (shown["what"], instant(shown["since"])) == ("calls", row["calls_from"])
    assert row["calls_from"] < instant(shown["next_action_at"]) < row["deadline_at"]


def test_a_job_that_waits_for_room_waits_for_calls_to_its_end(site):
    """Between rounds of calls nothing is in flight, and it says so."""
    job = take(site, 10, {"match": {"route": CHAT}, **NO_ROOM})
    wait_for(site, job, "calls")
    seen = []

    def ended():
        status = site.stack.status(job)
        if not status["completed_at"]:
            seen.append(status["waiting_for"])
        return status["completed_at"]
    wait_until(ended, 30, "the job to end")
    assert {w["what"] for w in seen} == {"calls"}
    assert "send synchronously" in {w["next_action"] for w in seen}
    assert site.sql("SELECT COUNT(*) AS n FROM attempt WHERE way = 'flex' AND outcome = 'void'")[0]["n"] > 2
    site.check()


# ---- What holds it, and what time is left.

def warnings(site, job):
    return [w["code"] for w in site.stack.status(job)["warnings"]]


def test_a_job_that_waits_for_an_operator_says_so():
    """A batch of its recipe that has no row; the job that is in a batch already waits for that."""
    with sales("tell-operator") as site:
        site.rules(KEEP_FILES, {"do": "stuck"})
        site.batchd()
        sent = site.take(LOTS, ())
        site.wait_remote("describe", "in_progress")
        row = site.wait_phase("running")
        restored = site.standin.call("POST", "/v1/batches", {
            "input_file_id": row["input_file_id"], "endpoint": "/v1/chat/completions", "completion_window": "24h",
            "metadata": {**site.remote()[0]["metadata"], "lotscribe_batch": "f" * 32}})["id"]
        wait_until(lambda: site.sql("SELECT 1 FROM orphan"), 20, "batchd to see it")
        held = site.take(LOTS, (), name="held")
        shown = wait_for(site, held, "operator")
        assert warnings(site, held) == ["unknown_batch"]
        assert (shown["next_action"], shown["next_action_at"]) == (
            "end with what is there", site.stack.status(held)["deadline_at"])
        assert warnings(site, sent) == [] and waiting(site, sent)["what"] == "batch"
        site.rules(KEEP_FILES)
        site.stack.batchctl("adopt", restored)
        for batch in site.remote():
            site.force(batch["id"], "resume")
        assert site.wait_full(held)["warnings"] == []


def test_a_job_whose_deadline_is_at_risk_says_so_while_it_is():
    """Three calls of twenty minutes, one after the other: half of that is what must be left."""
    with sales("tell-risk", {"fallback": {"estimate": "20m", "concurrency": 1, "reserve": "1s"}}) as site:
        site.rules(KEEP_FILES, {"match": {"task": "describe", "nth": 1}, "do": "stuck"})
        site.batchd()
        job = site.take(3, (), deadline="PT31M")
        site.wait_phase("running")
        assert warnings(site, job) == []
        site.sql("UPDATE job SET deadline_at = deadline_at - INTERVAL 2 MINUTE")
        wait_until(lambda: warnings(site, job) == ["deadline_at_risk"], 20, "the warning")
        assert waiting(site, job)["what"] == "batch"
        site.sql("UPDATE job SET deadline_at = deadline_at + INTERVAL 2 MINUTE")
        wait_until(lambda: warnings(site, job) == [], 20, "the warning to go")
        site.force(site.remote()[0]["id"], "resume")
        site.wait_full(job)
