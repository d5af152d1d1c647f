# SPDX-License-Identifier: ISC
"""Counts of ready items that are wrong (a repair by hand, a restored table) cost one look, not a batch after the other."""
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from jobs import KEEP_FILES, first_describe, sales, wait_until  # noqa: E402
from once import ticks  # noqa: E402


@pytest.fixture(scope="module")
def site():
    with sales("planner-counts") as made:
        made.batchd()
        yield made


def counts(site, no=0):
    return site.sql("SELECT n_ready, n_sent FROM job_language WHERE job_id = (SELECT MAX(id) FROM job) AND no = %s", no)[0]


def batches(site):
    return site.sql("SELECT COUNT(*) AS n, COALESCE(SUM(n_items = 0), 0) AS empty FROM batch")[0]


@pytest.mark.parametrize("excess", [1, 3])
def test_more_ready_items_counted_than_there_are(site, excess):
    site.fresh(KEEP_FILES, first_describe("stuck"))
    job = site.take(3, ())
    remote = site.wait_remote("describe", "in_progress")
    site.wait_phase("running")
    before = batches(site)["n"]
    site.sql("UPDATE job_language SET n_ready = n_ready + %s, n_sent = n_sent - %s, ready_since = UTC_TIMESTAMP(6)"
             " WHERE job_id = (SELECT MAX(id) FROM job) AND no = 0", excess, excess)
    wait_until(lambda: counts(site) == {"n_ready": 0, "n_sent": 3}, 20, "the items to be counted again")
    ticks()
    assert batches(site)["n"] <= before + 1
    site.force(remote["id"], "resume")
    site.wait_full(job)
    site.wait_closed()
    site.check()


def test_wrong_counts_beside_right_ones_hold_nothing_up(site):
    """The job with the wrong counts is the more urgent one."""
    site.fresh(KEEP_FILES, first_describe("stuck"))
    first = site.take(3, (), deadline="PT1H")
    remote = site.wait_remote("describe", "in_progress")
    site.wait_phase("running")
    before = batches(site)["n"]
    site.sql("UPDATE job_language SET n_ready = n_ready + 1, n_sent = n_sent - 1, ready_since = UTC_TIMESTAMP(6)"
             " WHERE job_id = (SELECT MAX(id) FROM job) AND no = 0")
    other = site.take(2, (), name="other", deadline="PT6H")
    site.wait_full(other)
    wait_until(lambda: site.sql("SELECT SUM(n_ready) AS n FROM job_language")[0]["n"] == 0, 20, "the count to be right")
    assert batches(site)["n"] <= before + 2
    site.force(remote["id"], "resume")
    site.wait_full(first)
    site.wait_closed()
    site.check()
