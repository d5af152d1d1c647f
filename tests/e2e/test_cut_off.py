# SPDX-License-Identifier: ISC
"""An answer cut before anything in it is whole is asked for once more with the larger cap, and not again, by whichever way
it goes. Of what is whole in one test_repeat tells."""
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from jobs import CHAT, KEEP_FILES, sales, wait_until  # noqa: E402

STUCK = {"match": {"task": "translate"}, "do": "stuck", "status": "in_progress"}
CAP, LARGER = 2000, 4000        # harness.stack.FAST
# One call counts as half a minute: the latest start is half of the span.
CALLS = {"fallback": {"tiers": ["flex"], "concurrency": 2, "estimate": "30s", "reserve": "100ms"}}


@pytest.fixture
def site():
    with sales("cut-off", CALLS) as made:
        yield made


def ended(site, job):
    wait_until(lambda: site.stack.status(job)["completed_at"], 40, "the job to end")
    status = site.stack.status(job)
    site.check()
    return status


def asked(site):
    """The caps that the translation was asked for with by calls, as the provider saw them."""
    return [line["max_tokens"] for line in site.executed() if line["where"] == "sync"]


@pytest.mark.parametrize("times, outcome", [(1, "full"), (9, "partial")])
def test_by_calls(site, times, outcome):
    site.rules(KEEP_FILES, STUCK, {"match": {"route": CHAT, "times": times}, "do": "cut_lines", "keep": 0.02})
    site.batchd()
    job = site.take(1, deadline="PT6S")
    assert ended(site, job)["outcome"] == outcome
    assert len(site.calls(CHAT)) == 2 and asked(site) == [CAP, LARGER]
    item = site.items(1)[0]
    assert (item["repeats"], item["code"]) == (1, None if outcome == "full" else "cut_off")


def test_cut_in_a_batch_and_asked_for_by_a_call(site):
    """Its repeat is in a second batch, which stands still, and goes by a call then; that is cut too: the last."""
    site.rules(KEEP_FILES, {"match": {"task": "translate", "nth": 1}, "do": "cut_lines", "keep": 0.02},
               {"match": {"task": "translate", "nth": 2}, "do": "stuck"}, {"match": {"route": CHAT}, "do": "cut_lines", "keep": 0.02})
    site.batchd()
    job = site.take(1, deadline="PT8S")
    assert ended(site, job)["outcome"] == "partial"
    assert len(site.calls(CHAT)) == 1 and asked(site) == [LARGER]
    assert (site.items(1)[0]["repeats"], site.items(1)[0]["code"]) == (1, "cut_off")
