# SPDX-License-Identifier: ISC
"""What batchd does about a batch that does not move: warnings, cancel, leave, send again; and what the job's status
says meanwhile. The clocks of the configuration are set to parts of a second."""
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from jobs import KEEP_FILES, first_describe, sales, wait_until  # noqa: E402
from kills import CANCEL, UPLOAD  # noqa: E402

LOTS = 4
FAR = "10m"


def policy(**clocks):
    return {"policy": {"small": {"max_requests": 100, "alert_after": FAR, "stall_after": FAR, "cancel_after": FAR,
                                 "cancel_grace": FAR, "validating_after": FAR, "finalizing_after": FAR, **clocks}}}


@pytest.fixture
def site():
    with sales("policy-clocks") as made:
        yield made


@pytest.fixture
def begin(site):
    """Start batchd with these clocks and order a job under these rules."""
    def begun(clocks, *rules, languages=()):
        site.rules(KEEP_FILES, *rules)
        site.batchd(policy(**clocks))
        return site.take(LOTS, languages)
    return begun


def finish(site, job, end=("completed", "full")):
    status = site.stack.wait_ended(job, 30)
    assert (status["status"], status["outcome"]) == end, status
    site.wait_closed()
    site.check()
    return status


def wait_warning(site, job, code):
    def warned():
        status = site.stack.status(job)
        return status if code in [w["code"] for w in status["warnings"]] else None
    return wait_until(warned, 20, f"the warning {code}", alive=site.stack.front_ends)


def instant(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def sendings(site):
    return [(i["attempts"], i["burned"]) for i in site.items()]


# ---- Warnings, and what is waited for.

@pytest.mark.parametrize("clock, code, status", [
    ("alert_after", "batch_old", "in_progress"), ("stall_after", "batch_stalled", "in_progress"),
    ("stall_after", "batch_stalled", "validating"), ("finalizing_after", "batch_finalizing", "finalizing")])
def test_a_warning_reaches_the_status_and_goes_with_its_batch(site, begin, clock, code, status):
    job = begin({clock: "300ms"}, first_describe("stuck", status=status))
    shown = wait_warning(site, job, code)
    row = site.sql("SELECT created_at, progress_at FROM batch WHERE phase = 'running'")[0]
    since = instant(shown["warnings"][0]["since"]).replace(tzinfo=None)
    assert since == row["created_at" if clock == "alert_after" else "progress_at"] + timedelta(milliseconds=300)
    assert len(shown["warnings"]) == 1 and shown["warnings"][0]["message"]
    site.force(site.remote()[0]["id"], "resume")
    assert finish(site, job)["warnings"] == []


def test_the_status_says_what_it_waits_for_and_what_comes_next(site, begin):
    job = begin({}, first_describe("stuck", done=2))
    site.wait_remote("describe", "in_progress", done=2)
    shown = wait_until(lambda: next((s for s in [site.stack.status(job)] if s["waiting_for"]["last_progress_at"]), None), 20,
                       "progress to be shown")
    row = site.sql("SELECT created_at, progress_at FROM batch WHERE phase = 'running'")[0]
    waiting = shown["waiting_for"]
    assert (waiting["what"], waiting["next_action"]) == ("batch", "cancel and retry")
    assert instant(waiting["since"]).replace(tzinfo=None) == row["created_at"]
    # Mere progress is told once a minute.
    assert row["created_at"] < instant(waiting["last_progress_at"]).replace(tzinfo=None) <= row["progress_at"]
    assert instant(waiting["next_action_at"]) == instant(waiting["last_progress_at"]) + timedelta(minutes=10)
    site.force(site.remote()[0]["id"], "resume")
    finish(site, job)


def test_what_comes_after_the_deadline_is_not_promised(site, begin):
    first = begin({}, {"match": {"task": "describe"}, "do": "stuck"})
    job = site.take(LOTS, (), name="short", deadline="PT8M")
    # Before that it is put into a batch, which is uploaded and created.
    shown = wait_until(lambda: next((s for s in [site.stack.status(job)]
                                     if s["waiting_for"]["next_action_at"] == s["deadline_at"]), None), 20,
                       "the deadline to come next")
    assert shown["waiting_for"]["next_action"] == "end with what is there"
    assert shown["waiting_for"]["next_action_at"] == shown["deadline_at"]
    site.rules(KEEP_FILES)
    for batch in site.remote():
        site.force(batch["id"], "resume")
    finish(site, job)
    finish(site, first)


# ---- Cancel and send again.

@pytest.mark.parametrize("clock, status, done", [("cancel_after", "in_progress", 0), ("cancel_after", "in_progress", 2),
                                                 ("validating_after", "validating", 0)])
def test_a_stalled_batch_is_cancelled_and_the_rest_is_sent_again(site, begin, clock, status, done):
    job = begin({clock: "400ms"}, first_describe("stuck", status=status, done=done))
    finish(site, job)
    assert sendings(site) == [(1, 1)] * done + [(2, 1)] * (LOTS - done)
    assert len(site.calls(CANCEL)) == 1
    assert site.paid_twice() == 0
    kinds = [e["kind"] for e in site.sql("SELECT kind FROM event WHERE batch_id = (SELECT MIN(batch_id) FROM batch_job"
                                         " WHERE job_id = (SELECT MAX(id) FROM job)) ORDER BY id")]
    assert kinds.index("submitted") < kinds.index("cancel") < kinds.index("ended") < kinds.index("closed")


def test_a_batch_that_moves_is_left_alone(site, begin):
    """Its age does not count: every line is progress."""
    site.standin.call("POST", "/_standin/step", {"seconds": 1.6})
    finish(site, begin({"cancel_after": "1s"}))
    assert site.calls(CANCEL) == []


def test_a_finalizing_batch_is_not_cancelled(site, begin):
    job = begin({"cancel_after": "1s", "validating_after": "1s", "finalizing_after": "1100ms"},
                first_describe("stuck", status="finalizing"))
    shown = wait_warning(site, job, "batch_finalizing")
    assert shown["waiting_for"]["next_action"] != "cancel and retry"
    assert site.calls(CANCEL) == []
    site.force(site.remote()[0]["id"], "resume")
    finish(site, job)


def test_a_cancel_that_fails_is_tried_again(site, begin):
    job = begin({"cancel_after": "300ms"}, first_describe("stuck"),
                {"match": {"route": CANCEL, "nth": 1}, "do": "html_502"})
    finish(site, job)
    assert len(site.calls(CANCEL)) == 2


def test_a_cancel_whose_answer_is_lost_is_noticed(site, begin):
    job = begin({"cancel_after": "300ms"}, first_describe("stuck"),
                {"match": {"route": CANCEL, "nth": 1}, "do": "drop_after"})
    finish(site, job)
    assert site.paid_twice() == 0


# ---- A cancel that takes too long.

def test_I3_items_leave_after_the_grace_and_what_was_paid_twice_is_booked_as_wasted(site, begin):
    job = begin({"cancel_after": "300ms", "cancel_grace": "300ms"}, first_describe("stuck", done=2),
                first_describe("cancel_slow", seconds=3600))
    status = site.stack.wait_ended(job, 30)
    assert (status["status"], status["outcome"]) == ("completed", "full")
    assert sendings(site) == [(2, 1)] * LOTS
    open_batch = site.sql("SELECT id, left_at FROM batch WHERE phase = 'running'")
    assert len(open_batch) == 1 and open_batch[0]["left_at"]
    site.check()
    # An hour later it has ended: what it did is stored, and was paid for in vain.
    site.standin.call("POST", "/_standin/clock", {"advance": 3700})
    site.wait_closed()
    site.check()
    after = site.stack.status(job)
    assert site.paid_twice() == 2
    assert after["cost"]["amount"] == site.billed()
    wasted = site.sql("SELECT SUM(cost) AS n FROM answer a JOIN attempt t ON t.item_id = a.item_id AND t.no = a.attempt_no"
                      " WHERE t.batch_id = %s", open_batch[0]["id"])[0]["n"]
    assert float(after["cost"]["wasted"]) == pytest.approx(float(wasted) / 1e6) and wasted > 0
    assert after["status"] == "completed" and after["completed_at"] == status["completed_at"]


@pytest.mark.parametrize("done", [2, LOTS])
def test_I3_an_answer_that_comes_while_its_item_waits_again_is_taken_and_not_asked_for(site, begin, done):
    """The items have left; before they are sent again their old batch ends with some of them, or all."""
    job = begin({"cancel_after": "300ms", "cancel_grace": "300ms"}, first_describe("stuck", done=done),
                first_describe("cancel_slow", seconds=3600),
                {"match": {"route": UPLOAD, "from": 2}, "do": "status", "code": 503})
    wait_until(lambda: site.sql("SELECT 1 FROM batch WHERE phase = 'sealed' AND tries > 0"), 20, "a second upload to fail")
    site.standin.call("POST", "/_standin/clock", {"advance": 3700})
    wait_until(lambda: [i["state"] for i in site.items()].count("done") == done, 20, "the late answers")
    site.check()
    site.rules(KEEP_FILES)
    status = finish(site, job)
    assert status["cost"]["wasted"] == "0.0000"
    assert site.paid_twice() == 0
    assert [(b["reason"], b["n_answered"], b["n_void"]) for b in site.sql("SELECT * FROM batch ORDER BY id DESC LIMIT 2")
            ] == [("never_created" if done == LOTS else "harvested", LOTS - done, done), ("harvested", done, LOTS - done)]


def test_I3_an_answer_that_comes_while_its_item_is_sent_again_makes_it_done_at_once(site, begin):
    job = begin({"cancel_after": "300ms", "cancel_grace": "300ms"}, first_describe("stuck", done=LOTS),
                first_describe("cancel_slow", seconds=3600),
                {"match": {"task": "describe", "nth": 2}, "do": "stuck", "status": "finalizing"})
    site.wait_remote("describe", "finalizing", done=LOTS, nth=2)
    site.standin.call("POST", "/_standin/clock", {"advance": 3700})
    status = site.stack.wait_ended(job, 30)
    assert (status["status"], status["outcome"]) == ("completed", "full")
    site.check()
    site.force(site.remote()[1]["id"], "resume")
    status = finish(site, job)
    assert site.paid_twice() == LOTS
    after = site.stack.status(job)
    assert after["cost"]["amount"] == site.billed()
    assert float(after["cost"]["wasted"]) == pytest.approx(float(after["cost"]["amount"]) / 2)
