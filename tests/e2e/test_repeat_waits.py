# SPDX-License-Identifier: ISC
"""While a repeat is all that is left of a job: what the job says, what stops and holds make of it, and what is asked for
meanwhile."""
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from commands import BAD_REQUEST, ask, call, carried_out  # noqa: E402
from jobs import CHAT, KEEP_FILES, NO_ROOM, first_describe, sales, wait_until  # noqa: E402
from kills import CANCEL  # noqa: E402
from stops import NO_MODEL, NO_MONEY, probe_now, wait_open, wait_stopped  # noqa: E402

CUT = first_describe("cut_lines", n=1)
ONCE = {"match": {"route": CHAT, "times": 1}}
# One call counts as half a minute: the latest start is half of the span.
CALLS = {"fallback": {"tiers": ["flex"], "concurrency": 2, "estimate": "30s", "reserve": "100ms"}}


@pytest.fixture(scope="module")
def site():
    with sales("repeat-waits", CALLS) as made:
        made.batchd()
        yield made


def order(site, *rules, deadline="PT10M", languages=()):
    site.fresh(KEEP_FILES, CUT, *rules)
    return site.take(1, languages, deadline=deadline)


def ended(site, job):
    wait_until(lambda: site.stack.status(job)["completed_at"], 40, "the job to end")
    assert site.stack.status(job)["outcome"] == "full"
    site.wait_closed()
    site.check()


def is_better(site, job):
    return "salvaged" not in site.stack.result(job)["lots"][0]["descriptions"]["en"]


def counts(site, name):
    return site.sql(f"SELECT SUM({name}) AS n FROM job_language")[0]["n"]


def test_the_job_says_that_it_waits_for_a_call(site):
    job = order(site, {"match": {"route": CHAT}, **NO_ROOM})
    wait_until(lambda: site.stack.status(job)["waiting_for"] and counts(site, "n_to_repeat"), 20, "the call to be refused")
    wait_until(lambda: site.stack.status(job)["waiting_for"]["what"] == "calls", 20, "the job to wait for calls")
    wait_until(lambda: site.stack.batchctl_json("explain", job)["ready"] == 1, 10, "the item to be shown as ready")
    site.rules(KEEP_FILES)
    ended(site, job)
    assert is_better(site, job)


def test_it_is_the_call_that_tries_a_doubted_recipe(site):
    job = order(site, {**ONCE, "do": "status", "code": 404, "error": NO_MODEL})
    ended(site, job)
    assert is_better(site, job) and len(site.calls(CHAT)) == 2


def test_it_is_the_call_that_tries_whether_a_stop_is_over(site):
    job = order(site, {**ONCE, **NO_MONEY})
    wait_stopped(site)
    wait_until(lambda: site.stack.status(job)["waiting_for"]["what"] == "provider", 20, "the job to wait for the provider")
    probe_now(site)
    wait_open(site)
    ended(site, job)
    assert is_better(site, job) and len(site.calls(CHAT)) == 2


def test_I3_a_retry_waits_for_the_call_that_is_under_way(site):
    job = order(site, {**ONCE, "do": "slow", "seconds": 600})
    wait_until(lambda: site.calls(CHAT), 20, "the call")
    ask(site, job, "finish")
    wait_until(lambda: not counts(site, "n_repeating"), 10, "its repeat to be dropped")
    ask(site, job, "retry", "--deadline", "PT10M")
    carried_out(site)
    assert not site.stack.status(job)["completed_at"]
    site.check()
    site.standin.call("POST", "/_standin/release")
    ended(site, job)
    assert is_better(site, job) and len(site.calls(CHAT)) == 1


def test_a_language_that_is_added_waits_for_it(site):
    job = order(site, {**ONCE, "do": "slow", "seconds": 600}, languages=("fr",))
    wait_until(lambda: site.calls(CHAT), 20, "the call")
    call(site, job, "languages", {"languages": ["it"]})
    carried_out(site)
    assert [site.items(no)[0]["state"] for no in (1, 2)] == ["blocked"] * 2
    site.standin.call("POST", "/_standin/release")
    ended(site, job)
    assert [site.attempts(site.items(no)[0]["id"])[0]["made_from"] for no in (1, 2)] == [2, 2]


def test_what_a_retry_translates_waits_for_it(site):
    job = order(site, {**ONCE, "do": "cut_lines"}, {**BAD_REQUEST, "match": {"task": "translate", "nth": 1}}, languages=("fr",))
    wait_until(lambda: site.stack.status(job)["completed_at"], 40, "the job to end")
    assert site.items(1)[0]["state"] == "failed" and not is_better(site, job)
    ask(site, job, "retry", "--deadline", "PT10M")
    carried_out(site)
    ended(site, job)
    assert is_better(site, job) and site.attempts(site.items(1)[0]["id"])[-1]["made_from"] == 3


def test_I3_what_a_left_batch_brings_cut_is_bettered_by_the_call_that_is_under_way():
    """Nothing is called beside it."""
    clocks = {"max_requests": 100, "alert_after": "10m", "stall_after": "10m", "cancel_after": "300ms", "cancel_grace": "400ms",
              "validating_after": "10m", "finalizing_after": "10m"}
    with sales("repeat-late", {**CALLS, "policy": {"small": clocks}}) as own:
        own.rules(KEEP_FILES, first_describe("stuck"), CUT, {"match": {"route": CANCEL}, "do": "status", "code": 500},
                  {**ONCE, "do": "slow", "seconds": 600})
        own.batchd()
        job = own.take(1, (), deadline="PT10M")
        wait_until(lambda: own.calls(CHAT), 20, "the item to be called")
        own.force(own.remote()[0]["id"], "resume")
        wait_until(lambda: own.items()[0]["state"] == "done", 20, "the cut answer")
        assert (own.items()[0]["repeating"], own.items()[0]["by_call"]) == (1, 0)
        own.check()
        own.standin.call("POST", "/_standin/release")
        ended(own, job)
        assert is_better(own, job) and len(own.calls(CHAT)) == 1
