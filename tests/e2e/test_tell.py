# SPDX-License-Identifier: ISC
"""What the status of a job says of its batches: of all of them, and only when something changed."""
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from jobs import KEEP_FILES, sales, wait_until  # noqa: E402
from kills import wait_log  # noqa: E402
from once import ticks  # noqa: E402


@pytest.fixture(scope="module")
def site():
    with sales("tell", {"batch": {"max_requests": 2}}) as made:
        yield made


@pytest.fixture
def batchd(site):
    made = site.stack.batchds[0] if site.stack.batchds else site.batchd(start=False)
    made.start()
    yield made
    made.stop()


def warnings(site, job):
    return [w["code"] for w in site.stack.status(job)["warnings"]]


def two_batches(site):
    """A job whose four lots travel in two batches, both at the provider and told; the remote ids, oldest first."""
    site.fresh(KEEP_FILES, {"match": {"task": "describe"}, "do": "stuck", "done": 2})
    job = site.take(4, ())
    ids = [site.wait_remote("describe", "in_progress", done=2, nth=n)["id"] for n in (1, 2)]
    wait_until(lambda: len(site.sql("SELECT id FROM batch WHERE remote_id IN (%s, %s) AND phase = 'running'"
                                    " AND remote_status = 'in_progress' AND remote_done = 2", *ids)) == 2, 20,
               "both to be seen")
    return job, ids


@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["the older", "the younger"])
def test_a_warning_of_one_batch_outlives_the_news_of_another(site, batchd, order):
    job, remote = two_batches(site)
    spoilt, other = (remote[n] for n in order)
    site.force(spoilt, "vanish")
    wait_until(lambda: warnings(site, job) == ["batch_missing"], 20, "the warning")
    version = version_of(site, job)
    site.force(other, "finalizing")
    wait_until(lambda: version_of(site, job) > version or site.sql(
        "SELECT 1 FROM batch WHERE remote_id = %s AND remote_status = 'finalizing'", other), 20, "the other's news")
    ticks(3)
    assert warnings(site, job) == ["batch_missing"]
    site.force(other, "resume")
    wait_until(lambda: site.stack.status(job)["progress"]["described"] == 2, 20, "the other's answers")
    wait_until(lambda: site.sql("SELECT 1 FROM batch WHERE remote_id = %s AND phase = 'closed'", other), 20,
               "the other to be closed")
    ticks(3)
    assert warnings(site, job) == ["batch_missing"]
    site.force(spoilt, "resume")
    wait_until(lambda: "batch_missing" not in warnings(site, job), 20, "the warning to go")
    assert site.wait_full(job)["warnings"] == []
    site.wait_closed()
    site.check()


def test_a_warning_goes_when_its_batch_moves_and_not_before(site, batchd):
    job, remote = two_batches(site)
    for batch in remote:
        site.force(batch, "vanish")
    wait_until(lambda: len(site.sql("SELECT id FROM batch WHERE missing_since IS NOT NULL AND phase = 'running'")) == 2, 20,
               "both to be missed")
    wait_until(lambda: set(warnings(site, job)) == {"batch_missing"}, 20, "the warning")
    site.force(remote[0], "resume")
    wait_until(lambda: site.stack.status(job)["progress"]["described"] == 2, 20, "the first answers")
    ticks(3)
    assert warnings(site, job) == ["batch_missing"]
    site.force(remote[1], "resume")
    assert site.wait_full(job)["warnings"] == []
    site.wait_closed()


def version_of(site, job):
    return site.sql("SELECT version FROM job WHERE public_id = %s", job)[0]["version"]


def restart(site, batchd):
    """And some looks at the batches."""
    reconciled = batchd.log_text().count("reconciled")
    assert batchd.stop() == 0
    batchd.start()
    wait_until(lambda: batchd.log_text().count("reconciled") > reconciled, 20, "a look around", alive=[batchd])
    site.wait_call("GET /v1/batches", "answered", count=4, after=site.last_call())


@pytest.mark.parametrize("spoilt", [False, True], ids=["in order", "with a warning"])
def test_a_restart_of_batchd_without_news_leaves_the_job_as_it_was(site, batchd, spoilt):
    job, remote = two_batches(site)
    if spoilt:
        site.force(remote[0], "vanish")
        wait_until(lambda: warnings(site, job) == ["batch_missing"], 20, "the warning")
    # The first restart may tell of progress that was not a minute old yet.
    restart(site, batchd)
    before = version_of(site, job), site.stack.status(job)
    restart(site, batchd)
    assert (version_of(site, job), site.stack.status(job)) == before
    for batch in remote:
        site.force(batch, "resume")
    site.wait_full(job)
    site.wait_closed()
    wait_log(batchd, "batch closed")
