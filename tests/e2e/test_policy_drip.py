# SPDX-License-Identifier: ISC
"""I1: a transfer that takes for ever keeps no item from its synchronous call, nor does work that is put aside."""
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from jobs import CHAT, CONTENT, KEEP_FILES, sales, wait_until  # noqa: E402
from kills import UPLOAD  # noqa: E402

LOTS = 3
# One call counts as half a minute: the latest start is half of the span.
CALLS = {"fallback": {"tiers": ["flex"], "concurrency": 3, "estimate": "30s", "flex_timeout": "5s", "reserve": "100ms"}}
DRIP = {"do": "drip", "seconds": 1200}
HANG = {"do": "hang"}


@pytest.fixture
def site():
    with sales("policy-drip", CALLS) as made:
        yield made
        for batchd in made.stack.batchds:
            batchd.kill()       # on SIGTERM it would wait for calls that hang


@pytest.mark.parametrize("route, rule", [(CONTENT, DRIP), (CONTENT, HANG), (UPLOAD, HANG)],
                         ids=["a download drips", "a download hangs", "an upload hangs"])
def test_items_leave_a_transfer_that_does_not_end_in_time(site, route, rule):
    site.rules(KEEP_FILES, {"match": {"route": route}, **rule})
    batchd = site.batchd()
    job = site.take(LOTS, (), deadline="PT24S")
    status = site.wait_full(job)
    assert status["completed_at"] < status["deadline_at"]
    assert len(site.calls(CHAT)) == LOTS
    # I3: what could not be read is paid for again, and nothing else.
    assert site.paid_twice() == (LOTS if route == CONTENT else 0)
    site.rules()
    wait_until(lambda: not site.sql("SELECT 1 FROM batch WHERE phase <> 'closed'"), 60, "the batch to be closed",
               alive=[batchd])
    site.check()


def test_a_transfer_that_ends_before_that_is_waited_for(site):
    site.rules(KEEP_FILES, {"match": {"route": CONTENT}, "do": "drip", "seconds": 4})
    site.batchd()
    job = site.take(LOTS, (), deadline="PT24S")
    site.wait_full(job)
    assert site.calls(CHAT) == [] and site.paid_twice() == 0
    site.check()
