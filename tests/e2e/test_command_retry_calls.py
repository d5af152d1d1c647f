# SPDX-License-Identifier: ISC
"""A retry by the client grants a new allowance: also one more call where the answer to one is lost."""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from commands import ask, codes  # noqa: E402
from jobs import CHAT, KEEP_FILES, sales, wait_until  # noqa: E402

STUCK = {"match": {"task": "translate"}, "do": "stuck", "status": "in_progress"}
# One call counts as half a minute: the latest start is half of the span.
CALLS = {"fallback": {"tiers": ["flex"], "concurrency": 2, "estimate": "30s", "reserve": "100ms"}}


def ended(site, job):
    wait_until(lambda: site.stack.status(job)["completed_at"], 40, "the job to end")
    return site.stack.status(job)["outcome"]


def test_I3_a_call_that_is_lost_after_a_retry_is_asked_for_once_more():
    with sales("command-retry-calls", CALLS) as site:
        site.rules(KEEP_FILES, STUCK, {"match": {"route": CHAT}, "do": "drop_after"})
        site.batchd()
        job = site.take(1, deadline="PT6S")
        assert ended(site, job) == "partial"
        assert len(site.calls(CHAT)) == 2 and codes(site, job) == {"fr": {"call_lost"}}
        # The next one is lost too, and the one after it, when the back-off of three is over, is answered.
        site.rules(KEEP_FILES, STUCK, {"match": {"route": CHAT, "nth": 1}, "do": "drop_after"})
        ask(site, job, "retry", "--deadline", "PT16S")
        assert ended(site, job) == "full" and len(site.calls(CHAT)) == 4
        site.check()
