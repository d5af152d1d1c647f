# SPDX-License-Identifier: ISC
"""Commands on a job: cancel, finish, retry, added languages, delete; at once in its row, the rest by batchd, once."""
import base64
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from commands import BAD_REQUEST, ask, carried_out, codes, idle_sales, lines_sent, row, seen_finalizing  # noqa: E402
from jobs import KEEP_FILES, lots, sales, wait_until  # noqa: E402
from kills import CANCEL, LIST, UPLOAD  # noqa: E402

LOTS = 3
FINALIZING = {"match": {"task": "translate"}, "do": "stuck", "status": "finalizing"}


@pytest.fixture
def idle():
    """An installation without a batchd."""
    with idle_sales("commands", {"fallback": {"max_attempts": 1}}) as made:
        yield made


@pytest.fixture
def site(idle):
    idle.batchd()
    return idle


# ---- Cancel.

def test_a_job_that_is_cancelled_ends_at_once_and_keeps_what_was_paid_for(site):
    site.rules(KEEP_FILES, {"do": "stuck", "done": 1})
    job = site.take(LOTS)
    site.wait_remote("describe", "in_progress", done=1)
    site.wait_phase("running")
    status = ask(site, job, "cancel")
    assert (status["status"], status["outcome"], status["waiting_for"]) == ("cancelled", "partial", None)
    assert status["progress"]["failed"] == 2 * LOTS and status["progress"]["percent"] == 100
    site.wait_closed()
    site.check()
    assert [b["status"] for b in site.remote()] == ["cancelled"]
    assert "every job of its items was cancelled" in site.stack.batchd.log_text()
    after = site.stack.status(job)
    assert (after["status"], after["outcome"]) == ("cancelled", "partial")
    assert after["completed_at"] == status["completed_at"]
    assert after["progress"] == {**status["progress"], "described": 1, "failed": 2 * LOTS - 1}
    assert after["cost"]["amount"] == site.billed() != "0.0000"
    assert codes(site, job) == {"en": {"cancelled"}, "fr": {"cancelled", "description_failed"}}
    assert site.kinds() == {"answer": 1, "void": LOTS - 1}


def test_I6_late_answers_make_a_cancelled_job_full_and_it_stays_cancelled(site):
    site.rules(KEEP_FILES, FINALIZING)
    job = site.take(LOTS)
    remote = seen_finalizing(site, "translate")
    before = ask(site, job, "cancel")
    assert (before["status"], before["outcome"]) == ("cancelled", "partial")
    assert carried_out(site)[0]["kind"] == "cancel"
    site.force(remote["id"], "resume")
    site.wait_closed()
    site.check()
    after = site.stack.status(job)
    assert (after["status"], after["outcome"]) == ("cancelled", "full")
    assert after["completed_at"] == before["completed_at"] and after["updated_at"] > before["updated_at"]
    assert after["cost"]["amount"] == site.billed()
    assert not site.calls(CANCEL)       # its results exist: a cancel could only lose them


def test_a_batch_that_a_cancelled_job_shares_runs_on(idle):
    site = idle
    site.rules(KEEP_FILES, {"match": {"task": "describe"}, "do": "stuck", "done": 1})
    first, second = site.take(LOTS), site.take(LOTS)
    site.batchd()
    remote = site.wait_remote("describe", "in_progress", done=1)
    assert len(site.remote()) == 1
    ask(site, first, "cancel")
    carried_out(site)
    site.wait_call(LIST, "ended", count=5, after=site.last_call())      # batchd has had its chances
    assert not site.calls(CANCEL)
    site.rules(KEEP_FILES)
    site.force(remote["id"], "resume")
    site.wait_full(second)
    site.wait_closed()
    site.check()
    # What it shared is stored, and nothing more is sent for it.
    after = site.stack.status(first)
    assert (after["status"], after["outcome"]) == ("cancelled", "partial")
    assert after["progress"]["described"] == LOTS and after["progress"]["translated"] == 0
    assert lines_sent(site, "translate") == [LOTS]
    assert site.sql("SELECT SUM(cost) AS c FROM job")[0]["c"] == site.sql("SELECT SUM(cost) AS c FROM answer")[0]["c"]


def test_a_job_is_cancelled_without_a_batchd_and_never_sent(idle):
    site = idle
    job = site.take(LOTS)
    status = ask(site, job, "cancel")
    assert (status["status"], status["outcome"]) == ("cancelled", "partial")
    assert ask(site, job, "cancel") == status       # it is so already
    assert codes(site, job) == {"en": {"cancelled"}, "fr": {"cancelled"}}
    site.check()
    other = site.take(1)
    site.batchd()
    carried_out(site)
    site.wait_full(other)
    site.check()
    assert lines_sent(site, "describe") == [1]
    assert site.stack.status(job) == status


def test_a_batch_whose_jobs_were_cancelled_is_not_created(site):
    site.rules({"match": {"route": UPLOAD}, "do": "status", "code": 500})
    job = site.take(LOTS)
    wait_until(lambda: site.calls(UPLOAD), 20, "an upload to fail")
    site.sql("UPDATE batch SET next_at = UTC_TIMESTAMP(6) + INTERVAL 1 HOUR")     # it is not waited for
    ask(site, job, "cancel")
    assert [(b["reason"], b["n_void"]) for b in site.wait_closed()] == [("never_created", LOTS)]
    assert {(i["state"], i["code"]) for i in site.items()} == {("failed", "cancelled")}
    site.check()
    assert site.remote() == []


# ---- Finish.

def test_a_job_that_is_finished_ends_as_at_its_deadline(site):
    site.rules(KEEP_FILES, {"match": {"task": "translate"}, "do": "stuck", "done": 1})
    job = site.take(LOTS)
    site.wait_remote("translate", "in_progress", done=1)
    site.wait_phase("running")
    status = ask(site, job, "finish")
    assert (status["status"], status["outcome"]) == ("completed", "partial")
    assert codes(site, job) == {"fr": {"finished"}}
    site.wait_closed()
    site.check()
    after = site.stack.status(job)
    assert after["progress"]["translated"] == 1 and after["completed_at"] == status["completed_at"]
    assert after["cost"]["amount"] == site.billed()
    assert codes(site, job) == {"fr": {"finished"}}
    assert [b["status"] for b in site.remote()] == ["completed", "cancelled"]


def test_I6_late_answers_make_a_finished_job_full(site):
    site.rules(KEEP_FILES, FINALIZING)
    job = site.take(LOTS)
    remote = seen_finalizing(site, "translate")
    ask(site, job, "finish")
    site.force(remote["id"], "resume")
    site.wait_closed()
    site.check()
    after = site.stack.status(job)
    assert (after["status"], after["outcome"]) == ("completed", "full")
    assert codes(site, job) == {}


def test_a_job_without_any_description_fails_when_it_is_finished(idle):
    site = idle
    job = site.take(LOTS)
    status = ask(site, job, "finish")
    assert (status["status"], status["outcome"]) == ("failed", None)
    assert codes(site, job) == {"en": {"finished"}, "fr": {"finished"}}
    site.check()


# ---- Retry.

def test_a_retry_sends_what_is_unanswered_and_nothing_else(site):
    site.rules(KEEP_FILES, {**BAD_REQUEST, "match": {"task": "translate"}, "n": 1})
    job = site.take(LOTS)
    before = site.stack.wait_ended(job)
    assert (before["status"], before["outcome"]) == ("completed", "partial")
    site.rules(KEEP_FILES)
    status = ask(site, job, "retry", "--deadline", "PT2H")
    assert status["status"] == "translating" and status["completed_at"] is None
    assert status["created_at"] == before["created_at"] and status["deadline_at"] < before["deadline_at"]
    after = site.wait_full(job)
    site.wait_closed()
    site.check()
    assert lines_sent(site, "describe") == [LOTS] and lines_sent(site, "translate") == [LOTS, 1]
    assert after["completed_at"] > before["completed_at"]
    kinds = [e["kind"] for e in site.stack.get(f"/api/v1/jobs/{job}/events").json()["events"]]
    assert kinds[kinds.index("retry"):][:2] == ["retry", "translating"]


def test_a_retry_grants_an_allowance_anew():
    """Two attempts each: an item that failed twice has two more after a retry."""
    failing = {"do": "http_error_lines", "code": 500, "match": {"task": "describe"}, "n": 1}
    with sales("commands-allowance", {"fallback": {"max_attempts": 2}}) as site:
        site.rules(KEEP_FILES, failing)
        site.batchd()
        job = site.take(LOTS)
        for sent in ([LOTS, 1], [LOTS, 1, 1, 1]):
            status = site.stack.wait_ended(job)
            assert (status["status"], status["progress"]["described"]) == ("completed", LOTS - 1)
            assert lines_sent(site, "describe") == sent
            if len(sent) == 4:
                site.rules(KEEP_FILES)
            ask(site, job, "retry")
        site.wait_full(job)
        site.wait_closed()
        site.check()
        assert lines_sent(site, "describe") == [LOTS, 1, 1, 1, 1]
        assert sorted(len(site.attempts(i["id"])) for i in site.items()) == [1, 1, 5]


def test_a_failed_job_is_retried_with_its_translations(site):
    site.rules(KEEP_FILES, {**BAD_REQUEST, "match": {"task": "describe"}, "all": True})
    job = site.take(LOTS)
    assert site.stack.wait_ended(job)["status"] == "failed"
    assert codes(site, job)["fr"] == {"description_failed"}
    site.rules(KEEP_FILES)
    assert ask(site, job, "retry")["status"] == "describing"
    site.wait_full(job)
    site.wait_closed()
    site.check()
    assert lines_sent(site, "describe") == [LOTS, LOTS] and lines_sent(site, "translate") == [LOTS]


def test_a_retry_translates_descriptions_that_came_after_the_end(site):
    """Nothing is unblocked for an ended job; its retry does it."""
    site.rules(KEEP_FILES, {"match": {"task": "describe"}, "do": "stuck", "status": "finalizing"})
    job = site.take(LOTS)
    remote = seen_finalizing(site, "describe")
    assert ask(site, job, "finish")["status"] == "failed"
    site.force(remote["id"], "resume")
    site.wait_closed()
    assert (row(site, job)["status"], row(site, job)["outcome"]) == ("completed", "partial")
    site.check()
    assert {i["state"] for i in site.items(1)} == {"blocked"}
    site.rules(KEEP_FILES)
    ask(site, job, "retry")
    site.wait_full(job)
    site.wait_closed()
    site.check()
    assert lines_sent(site, "describe") == [LOTS]
    assert all(i["est_bytes"] > 0 for i in site.items(1))


def test_items_that_still_travel_are_not_sent_again_by_a_retry(site):
    site.rules(KEEP_FILES, {"match": {"task": "describe", "nth": 1}, "do": "stuck", "done": 1,
                            "status": ["in_progress", "cancelling"]})
    job = site.take(LOTS)
    remote = site.wait_remote("describe", "in_progress", done=1)
    site.wait_phase("running")
    ask(site, job, "finish")
    site.wait_remote("describe", "cancelling")
    status = ask(site, job, "retry")
    assert status["status"] == "describing"
    carried_out(site)
    assert {i["state"] for i in site.items()} == {"sent"}
    site.force(remote["id"], "cancelled")
    site.wait_full(job)
    site.wait_closed()
    site.check()
    assert lines_sent(site, "describe") == [LOTS, LOTS - 1]
    assert site.paid_twice() == 0


def test_a_retry_of_a_running_or_a_full_job_changes_nothing(site):
    site.rules(KEEP_FILES, {"match": {"task": "translate"}, "do": "stuck"})
    job = site.take(LOTS)
    remote = site.wait_remote("translate", "in_progress")
    deadline = row(site, job)["deadline_at"]
    ask(site, job, "retry", "--deadline", "PT1H")
    assert row(site, job)["deadline_at"] == deadline
    site.force(remote["id"], "resume")
    site.wait_full(job)
    version = row(site, job)["version"]
    ask(site, job, "retry")
    assert row(site, job)["version"] == version and not site.sql("SELECT 1 FROM request")
    site.check()


def test_what_was_asked_before_a_cancel_sends_nothing_after_it(idle):
    """Asked while no batchd is there: a retry, then a cancel of what it opened."""
    site = idle
    job = site.take(LOTS)
    ask(site, job, "finish")
    assert ask(site, job, "retry")["status"] == "describing"
    assert ask(site, job, "cancel")["status"] == "cancelled"
    site.check()
    site.batchd()
    assert [r["kind"] for r in carried_out(site)] == ["finish", "retry", "cancel"]
    site.wait_full(site.take(1, languages=()))      # the planner has had its turn
    site.wait_closed()
    site.check()
    assert lines_sent(site, "describe") == [1]
    assert (row(site, job)["status"], row(site, job)["reopening"]) == ("cancelled", 0)
    assert codes(site, job) == {"en": {"cancelled"}, "fr": {"cancelled"}}


def image(no):
    """A photograph as a data URL: the smallest PNG, and a byte of its own behind it."""
    png = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB0C8AAAAASUVORK5CYII=")
    return "data:image/png;base64," + base64.b64encode(png + bytes([no])).decode()


def with_images(*images):
    return {"lots": [{**lot, "images": [image(no) for no in images]} for lot in lots(LOTS)]}


def test_a_retry_that_lacks_its_photographs_is_refused(site):
    site.rules(KEEP_FILES, {**BAD_REQUEST, "match": {"task": "describe"}, "n": 1})
    job = site.stack.order(with_images(1))["job_id"]
    site.stack.wait_ended(job)
    before = row(site, job)
    site.sql("DELETE FROM image")
    refused = site.stack.batchctl("retry", job, check=False)
    assert refused.returncode == 69 and "photographs" in refused.stderr
    assert row(site, job) == before and not site.sql("SELECT 1 FROM request")
