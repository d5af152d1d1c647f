# SPDX-License-Identifier: ISC
"""The grace of a cancel counts from the decision: where the provider never takes it, and where another client's
cancel never ends, the items leave all the same (DESIGN, Cancel)."""
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from jobs import KEEP_FILES, first_describe, sales, wait_until  # noqa: E402
from kills import CANCEL  # noqa: E402

LOTS = 3
FAR = "10m"


def policy(**clocks):
    return {"policy": {"small": {"max_requests": 100, "alert_after": FAR, "stall_after": FAR, "cancel_after": FAR,
                                 "cancel_grace": FAR, "validating_after": FAR, "finalizing_after": FAR, **clocks}}}


@pytest.fixture(scope="module")
def site():
    with sales("policy-cancel") as made:
        yield made


@pytest.fixture
def begin(site):
    """Start batchd with these clocks and order a job under these rules."""
    started = []

    def begun(clocks, *rules):
        site.fresh(KEEP_FILES, *rules)
        # One state directory: an installation's second one would be a stranger's.
        state = site.stack.work / "state" / "cancel"
        state.mkdir(exist_ok=True)
        started.append(site.batchd({"daemon": {"state_dir": str(state)}, **policy(**clocks)}))
        return site.take(LOTS, ())
    yield begun
    for batchd in started:
        batchd.stop()


def first_row(site):
    return site.sql("SELECT b.* FROM batch b JOIN batch_job x ON x.batch_id = b.id WHERE x.job_id ="
                    " (SELECT MAX(id) FROM job) ORDER BY b.id LIMIT 1")[0]


def finish(site, job):
    """The job is full by a second batch while the first is still there; then the first ends too."""
    site.wait_full(job)
    row = first_row(site)
    assert row["phase"] == "running" and row["left_at"]
    assert [(i["attempts"], i["burned"]) for i in site.items()] == [(2, 1)] * LOTS
    assert site.paid_twice() == 0
    site.check()
    site.rules(KEEP_FILES)
    site.force(row["remote_id"], "cancelled")
    site.wait_closed()
    site.check()


@pytest.mark.parametrize("refusal", [{"do": "status", "code": 500}, {"do": "drop_before"}, {"do": "status", "code": 404}],
                         ids=["500", "lost", "404"])
def test_items_leave_though_the_cancel_is_never_taken(site, begin, refusal):
    job = begin({"cancel_after": "300ms", "cancel_grace": "800ms"}, first_describe("stuck"),
                {"match": {"route": CANCEL}, **refusal})
    finish(site, job)
    assert site.calls(CANCEL)


def test_items_leave_a_batch_that_another_client_cancelled_and_that_never_ends(site, begin):
    job = begin({"cancel_grace": "400ms"}, first_describe("stuck", status=["in_progress", "cancelling"]))
    remote = site.wait_remote("describe", "in_progress")
    site.wait_phase("running")
    site.standin.call("POST", f"/v1/batches/{remote['id']}/cancel")
    finish(site, job)
    assert len(site.calls(CANCEL)) == 1     # by the other client


def test_the_status_says_when_items_leave_a_batch_that_another_client_cancelled(site, begin):
    job = begin({"cancel_grace": "5m"}, first_describe("stuck", status=["in_progress", "cancelling"]))
    remote = site.wait_remote("describe", "in_progress")
    site.wait_phase("running")
    site.standin.call("POST", f"/v1/batches/{remote['id']}/cancel")
    wait_until(lambda: site.stack.status(job)["waiting_for"]["next_action"] == "send again elsewhere", 20,
               "the next action to be told")
    site.force(remote["id"], "cancelled")
    site.wait_full(job)
