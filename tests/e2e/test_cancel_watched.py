# SPDX-License-Identifier: ISC
"""A cancelled batch that nothing waits for is looked for ever more rarely, to two days past its expiry; then it is lost, and
an operator is told (DESIGN, Cancel)."""
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from jobs import KEEP_FILES, first_describe, sales, wait_until  # noqa: E402
from kills import LIST  # noqa: E402
from once import ticks  # noqa: E402

LOTS = 3


@pytest.fixture
def site():
    with sales("cancel-watched") as made:
        yield made


def left(site):
    """A job that is full by a second batch; the first, whose cancel never ends, was left, an hour ago by its row."""
    site.rules(KEEP_FILES, first_describe("stuck", done=1, status=["in_progress", "cancelling"]))
    site.batchd()
    job = site.take(LOTS, ())
    site.wait_remote("describe", "in_progress", done=1)
    site.wait_phase("running")
    site.stack.batchctl("retry", "batch:1")
    site.wait_full(job)
    wait_until(lambda: len(site.sql("SELECT 1 FROM batch WHERE phase = 'closed'")) == 1, 20, "the second to be closed")
    site.sql("UPDATE batch SET cancel_at = cancel_at - INTERVAL 1 HOUR, version = version + 1 WHERE phase = 'running'")
    return job


def test_I2_a_batch_that_was_left_is_looked_for_ever_more_rarely_and_harvested(site):
    left(site)
    # A tenth of the hour: what was due by the younger row comes, and then nothing.
    site.wait_call(LIST, "ended", after=site.last_call())
    ticks(5)
    last = site.last_call()
    ticks(15)
    assert not site.calls(LIST, after=last)
    site.force(site.remote()[0]["id"], "cancelled")
    site.bury(site.stack.batchd)
    site.stack.batchd.start()       # on start it looks at all
    rows = site.wait_closed()
    assert (rows[0]["reason"], rows[0]["n_answered"]) == ("harvested", 1)
    site.check()
    assert site.lost() == []


def test_a_cancelled_batch_whose_end_is_never_seen_is_lost_and_told(site):
    left(site)
    site.sql("UPDATE batch SET expires_at = UTC_TIMESTAMP(6) - INTERVAL 49 HOUR, next_at = UTC_TIMESTAMP(6),"
             " version = version + 1 WHERE phase = 'running'")
    rows = site.wait_closed()
    assert (rows[0]["reason"], rows[0]["n_failed"]) == ("lost", LOTS)
    wait_until(lambda: site.sql("SELECT 1 FROM alert WHERE kind = 'batch_lost' AND subject = 'batch:1'"), 20, "the alert")
    site.check()
