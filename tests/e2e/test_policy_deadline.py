# SPDX-License-Identifier: ISC
"""I1, I6: a job ends at its deadline, with what is there, wherever its batch is stuck; and gains what comes later."""
import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from jobs import CONTENT, CREATE, KEEP_FILES, sales, wait_until  # noqa: E402

LOTS = 3

# Where the batch of a task hangs for ever: a call of it, or its status.
STUCK = {
    "upload": {"match": {"route": "POST /v1/files"}, "do": "hang"},
    "create": {"match": {"route": CREATE}, "do": "hang"},
    "create refused": {"match": {"route": CREATE}, "do": "status", "code": 503},
    "validating": {"do": "stuck", "status": "validating"},
    "in_progress": {"do": "stuck", "status": "in_progress"},
    "finalizing": {"do": "stuck", "status": "finalizing"},
    "file object": {"match": {"route": "GET /v1/files/{id}"}, "do": "hang"},
    "download": {"match": {"route": CONTENT}, "do": "hang"},
}


def hang(site, where, task):
    """Order a job, and wait until the batch of a task hangs there."""
    rule = STUCK[where]
    site.rules(KEEP_FILES, {**rule, "match": {**rule.get("match", {}), "task": task}})
    job = site.take(LOTS, ("fr",))
    if rule["do"] == "stuck":
        site.wait_remote(task, rule["status"])
        wait_until(lambda: site.sql("SELECT 1 FROM batch WHERE phase = 'running' AND remote_status = %s", rule["status"]),
                   20, "batchd to see it")
    else:
        wait_until(lambda: any(c["fault"] == rule["do"] for c in site.calls()), 20, f"the rule {rule['do']} to bite")
    return job


@pytest.fixture
def site():
    with sales("policy-deadline") as made:
        batchd = made.batchd()
        yield made
        batchd.kill()       # on SIGTERM it would wait for calls that hang


def pass_deadline(site):
    """The deadline of every running job is now; returns the row of the newest one once batchd has closed it. The row
    alone is looked at: a poll would let the front end do it."""
    site.sql("UPDATE job SET deadline_at = UTC_TIMESTAMP(6), version = version + 1 WHERE completed_at IS NULL")
    wait_until(lambda: not site.sql("SELECT 1 FROM job WHERE completed_at IS NULL"), 30, "the job to end",
               alive=site.stack.batchds)
    row = site.sql("SELECT * FROM job ORDER BY id DESC LIMIT 1")[0]
    assert row["completed_at"] >= row["deadline_at"]
    return row


@pytest.mark.parametrize("where", STUCK)
def test_I1_a_job_whose_translations_hang_ends_with_its_descriptions(site, where):
    job = hang(site, where, "translate")
    row = pass_deadline(site)
    assert (row["status"], row["outcome"]) == ("completed", "partial")
    status = site.stack.status(job)
    assert status["progress"] == {"percent": 100, "lots": LOTS, "described": LOTS, "translations": LOTS, "translated": 0,
                                  "failed": LOTS}
    assert status["waiting_for"] is None
    for lot in site.stack.result(job)["lots"]:
        assert lot["descriptions"]["en"]["value"] and lot["descriptions"]["fr"] is None
        assert [(e["language"], e["code"]) for e in lot["errors"]] == [("fr", "deadline")]
    site.check()


@pytest.mark.parametrize("where", ["upload", "create", "validating", "in_progress", "finalizing"])
def test_I1_a_job_whose_descriptions_hang_fails_at_its_deadline(site, where):
    job = hang(site, where, "describe")
    row = pass_deadline(site)
    assert (row["status"], row["outcome"]) == ("failed", None)
    status = site.stack.status(job)
    assert status["progress"]["failed"] == 2 * LOTS and status["progress"]["percent"] == 100
    site.check()


def test_I1_a_job_ends_while_its_batch_is_cancelling(site):
    """A cancel from outside that never ends."""
    site.rules({"match": {"task": "translate"}, "do": "stuck", "status": ["in_progress", "cancelling"]})
    job = site.take(LOTS, ("fr",))
    remote = site.wait_remote("translate", "in_progress")
    site.standin.call("POST", f"/v1/batches/{remote['id']}/cancel")
    wait_until(lambda: site.sql("SELECT 1 FROM batch WHERE remote_status = 'cancelling'"), 20, "batchd to see it")
    row = pass_deadline(site)
    assert (row["status"], row["outcome"]) == ("completed", "partial")
    assert site.stack.status(job)["progress"]["described"] == LOTS
    site.check()


def test_I1_a_job_ends_while_every_call_to_the_provider_fails(site):
    site.rules({"do": "status", "code": 500})
    site.take(LOTS, ("fr",))
    wait_until(lambda: [c for c in site.calls() if c["fault"]], 20, "a call to fail")
    assert pass_deadline(site)["status"] == "failed"
    site.rules()
    site.wait_closed()
    site.check()


def test_I1_I6_what_the_batch_of_an_ended_job_had_done_is_kept_and_the_rest_is_not_paid_for(site):
    site.rules(KEEP_FILES, {"match": {"task": "translate"}, "do": "stuck", "done": 1})
    job = site.take(LOTS, ("fr",))
    site.wait_remote("translate", "in_progress", done=1)
    site.wait_phase("running")
    row = pass_deadline(site)
    site.wait_remote("translate", "cancelled")
    site.wait_closed()
    site.check()
    status = site.stack.status(job)
    assert status["progress"]["translated"] == 1
    assert (status["status"], status["outcome"]) == ("completed", "partial")
    assert site.sql("SELECT completed_at FROM job")[0]["completed_at"] == row["completed_at"]
    assert len(site.remote()) == 2
    assert status["cost"]["amount"] == site.billed()
    assert site.kinds() == {"answer": LOTS + 1, "void": LOTS - 1}


# ---- I6: late answers.

def late(site, task):
    """A job that ended while its batch was finalizing; then the results come. Statuses before and after."""
    job = hang(site, "finalizing", task)
    pass_deadline(site)
    before = site.stack.get(f"/api/v1/jobs/{job}/status")
    site.force(site.wait_remote(task, "finalizing")["id"], "resume")
    site.wait_closed()
    site.check()
    after = site.stack.get(f"/api/v1/jobs/{job}/status")
    assert after.headers["etag"] != before.headers["etag"]
    return job, before.json(), after.json()


def test_I6_late_translations_make_a_partial_job_full(site):
    job, before, after = late(site, "translate")
    assert (before["status"], before["outcome"]) == ("completed", "partial")
    assert (after["status"], after["outcome"]) == ("completed", "full")
    assert after["completed_at"] == before["completed_at"] and after["updated_at"] > before["updated_at"]
    assert after["progress"]["failed"] == 0 and after["progress"]["translated"] == LOTS
    assert after["cost"]["amount"] == site.billed() and after["cost"]["wasted"] == "0.0000"
    assert all(lot["descriptions"]["fr"] and lot["errors"] == [] for lot in site.stack.result(job)["lots"])


def test_I6_late_descriptions_complete_a_failed_job_and_nothing_more_is_sent(site):
    job, before, after = late(site, "describe")
    assert (before["status"], before["outcome"]) == ("failed", None)
    assert (after["status"], after["outcome"]) == ("completed", "partial")
    assert after["completed_at"] == before["completed_at"]
    assert after["progress"] == {**before["progress"], "described": LOTS, "failed": LOTS}
    assert len(site.remote()) == 1
    kinds = [e["kind"] for e in json.loads(site.stack.get(f"/api/v1/jobs/{job}/events").body)["events"]]
    assert kinds[kinds.index("failed"):] == ["failed", "ended", "answered", "completed", "closed"]


def test_I6_spoilt_late_lines_change_nothing(site):
    site.rules(KEEP_FILES, {"match": {"task": "translate"}, "do": "stuck", "status": "finalizing"},
               {"match": {"task": "translate"}, "do": "refusal_lines", "n": 1},
               {"match": {"task": "translate"}, "do": "void_lines", "skip": 1, "n": 1},
               {"match": {"task": "translate"}, "do": "http_error_lines", "skip": 2, "n": 1})
    job = site.take(LOTS, ("fr",))
    remote = site.wait_remote("translate", "finalizing")
    pass_deadline(site)
    site.force(remote["id"], "resume")
    site.wait_closed()
    site.check()
    after = site.stack.status(job)
    assert (after["status"], after["outcome"]) == ("completed", "partial")
    assert after["progress"]["failed"] == LOTS
    assert site.kinds() == {"answer": LOTS + 1, "void": 1, "failure": 1}
    assert len(site.remote()) == 2
