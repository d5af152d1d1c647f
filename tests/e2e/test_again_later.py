# SPDX-License-Identifier: ISC
"""What the provider refuses for now is sent again and burns nothing: a batch for which its queue has no room, when another
of the model ends; one whose file it cannot find yet, under a new upload, after a back-off."""
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from jobs import KEEP_FILES, MODEL, first_describe, order, sales, wait_until  # noqa: E402
from kills import CREATE  # noqa: E402
from once import ticks  # noqa: E402

LOTS = 3
POLL = 200000       # microseconds


@pytest.fixture(scope="module")
def site():
    with sales("again-later", {"batch": {"poll_interval": f"{POLL // 1000}ms"}}) as made:
        made.batchd()
        yield made


def limit(site, tokens):
    site.standin.call("POST", "/_standin/limits", {MODEL: tokens})


def full_queue(site):
    """A batch that fills the provider's queue and stands still, and a second job whose batch found no room in it."""
    site.fresh(KEEP_FILES, first_describe("stuck"))
    limit(site, None)
    first = site.take(LOTS, ())
    running = site.wait_remote("describe", "in_progress")
    limit(site, running["enqueued"])
    second = site.take(LOTS, (), name="second")
    wait_until(lambda: site.sql("SELECT 1 FROM batch WHERE remote_code = 'token_limit_exceeded' AND phase = 'closed' AND id ="
                                " (SELECT MAX(id) FROM batch)"), 20, "the second to be refused")
    return first, second, running


def sendings(site):
    return [(i["attempts"], i["burned"]) for i in site.items()]


def finish(site, *jobs):
    for job in jobs:
        site.wait_full(job)
    site.wait_closed()
    site.check()
    assert site.paid_twice() == 0 and site.lost() == []


def test_a_batch_that_found_no_room_waits_until_one_of_its_model_ends(site):
    first, second, running = full_queue(site)
    refused = site.sql("SELECT * FROM batch ORDER BY id DESC LIMIT 1")[0]
    assert (refused["reason"], refused["n_void"]) == ("failed", LOTS)
    # So that it does not go by itself meanwhile; when the other ends, it goes.
    site.sql("UPDATE job_language SET ready_since = UTC_TIMESTAMP(6) + INTERVAL 1 HOUR WHERE n_ready > 0")
    ticks(8)
    assert len(site.remote()) == 2
    site.force(running["id"], "resume")
    finish(site, first, second)
    assert sendings(site) == [(2, 1)] * LOTS and len(site.remote()) == 3


def test_a_batch_that_found_no_room_goes_again_after_ten_poll_intervals(site):
    first, second, running = full_queue(site)
    wait = site.sql("SELECT TIMESTAMPDIFF(MICROSECOND, b.closed_at, l.ready_since) AS n FROM job_language l, batch b"
                    " WHERE l.n_ready > 0 AND b.id = (SELECT MAX(id) FROM batch)")[0]["n"]
    assert 9 * POLL < wait <= 10 * POLL
    limit(site, None)
    site.wait_full(second)
    assert sendings(site) == [(2, 1)] * LOTS
    assert site.stack.status(first)["status"] == "describing"      # the other has not ended
    site.force(running["id"], "resume")
    finish(site, first)


def test_what_is_ready_beside_it_waits_too():
    """Else a job of several batches would send one after the other into a queue that has just told that it is full."""
    with sales("again-beside") as own:
        own.rules(KEEP_FILES, first_describe("fail", code="token_limit_exceeded"))
        own.stack.order({"lots": order(6)["lots"], "deadline": "PT1H"})
        each = own.sql("SELECT MAX(est_tokens) AS n FROM item")[0]["n"]
        batch = {"poll_interval": "1s", "max_requests": 3}
        batchd = own.batchd({"batch": batch, "model": {MODEL: {"enqueued_tokens": 3 * each + 1}}})
        wait_until(lambda: own.sql("SELECT 1 FROM batch WHERE phase = 'closed'"), 20, "it to be refused", alive=[batchd])
        waits = own.sql("SELECT TIMESTAMPDIFF(MICROSECOND, b.closed_at, l.ready_since) AS n FROM job_language l, batch b"
                        " WHERE l.n_ready = 6")
        assert [9000000 < row["n"] <= 10000000 for row in waits] == [True]


def test_a_file_that_is_not_found_is_uploaded_again_after_a_growing_wait(site):
    """By a batch that fails with it, twice; the third is taken."""
    waits = []

    def waited(no):
        row = site.sql("SELECT TIMESTAMPDIFF(MICROSECOND, b.closed_at, l.ready_since) AS n FROM job_language l, batch b"
                       " WHERE l.job_id = (SELECT MAX(id) FROM job) AND l.n_ready > 0 AND b.phase = 'closed' AND b.id ="
                       " (SELECT MIN(batch_id) + %s FROM batch_job WHERE job_id = l.job_id)", no)
        return row and row[0]["n"]
    site.fresh(KEEP_FILES, *({"match": {"task": "describe", "nth": n}, "do": "cannot_find_file"} for n in (1, 2)))
    limit(site, None)
    job = site.take(LOTS, ())
    for no in (0, 1):
        waits.append(wait_until(lambda no=no: waited(no), 20, f"batch {no} to fail"))
    finish(site, job)
    # 1 and 2 seconds, give or take a quarter.
    assert 600000 < waits[0] <= 1250000 < waits[1] + 150000 <= 2650000, waits
    assert len({b["input_file_id"] for b in site.remote()}) == 3 and sendings(site) == [(3, 1)] * LOTS


def test_a_create_that_does_not_find_its_file_is_made_again_with_a_new_upload(site):
    site.fresh(KEEP_FILES, {"match": {"route": CREATE, "nth": 1}, "do": "status", "code": 404, "error": {
        "code": None, "message": "No such File object: file-x"}})
    limit(site, None)
    finish(site, site.take(LOTS, ()))
    assert len(site.calls("POST /v1/files")) == 2 and len(site.remote()) == 1 and sendings(site) == [(1, 1)] * LOTS
    assert site.sql("SELECT uploads FROM batch ORDER BY id DESC LIMIT 1")[0]["uploads"] == 2
