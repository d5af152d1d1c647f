# SPDX-License-Identifier: ISC
"""I2, I3: synchronous calls go on where the lease is lost, and their answers are stored without it (DESIGN, "Calls in
flight")."""
import signal
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from jobs import KEEP_FILES, conf, sales, wait_until  # noqa: E402
from kills import wait_log  # noqa: E402
from test_fallback import CHAT, FALLBACK, STUCK, calls, ended, is_paid_once, sources  # noqa: E402

@pytest.fixture
def site():
    # With one tier no deadline cuts a call.
    with sales("fallback-lease", conf.merged(FALLBACK, {"fallback": {"tiers": ["flex"], "flex_timeout": "60s"}})) as made:
        yield made


def call_in_flight(site, do="slow", seconds=20):
    """A job of one translation whose call the provider holds."""
    site.rules(KEEP_FILES, STUCK, {"match": {"route": CHAT, "nth": 1}, "do": do, "seconds": 600})
    first = site.batchd()
    job = site.take(1, ("fr",), deadline=f"PT{seconds}S")
    site.wait_call(CHAT, "received")
    return first, job


def lose_lease(site, batchd):
    """Another host has it, and does nothing."""
    site.sql("UPDATE daemon_lease SET owner = 'another', epoch = epoch + 1,"
             " expires_at = UTC_TIMESTAMP(6) + INTERVAL 1 HOUR")
    wait_log(batchd, "lease lost")


def kept(site):
    return site.sql("SELECT * FROM call_answer")


def lost(site):
    return site.sql("SELECT * FROM attempt WHERE code = 'call_lost'")


@pytest.mark.parametrize("by", ["itself", "another"])
def test_I3_an_answer_that_came_without_the_lease_is_applied_and_not_bought_again(site, by):
    first, job = call_in_flight(site)
    lose_lease(site, first)
    site.release()
    wait_until(lambda: kept(site), 20, "the answer to be kept")
    assert not site.sql("SELECT * FROM answer WHERE source = 'flex'")       # it may store that, and move nothing
    if by == "another":
        first.kill()
        site.batchd()
    site.end_lease()
    status = ended(site, job)
    assert (status["status"], status["outcome"]) == ("completed", "full")
    assert sources(site, job) == ["flex"]
    assert len(site.calls(CHAT)) == len(calls(site)) == 1 and not lost(site) and not kept(site)
    assert status["cost"]["amount"] == site.billed() and status["cost"]["wasted"] == "0.0000"
    site.check()


def test_I3_a_call_in_flight_goes_on_where_the_lease_comes_back(site):
    first, job = call_in_flight(site)
    lose_lease(site, first)
    site.end_lease()
    wait_until(lambda: site.active() is first, 20, "the first to have the lease again")
    last = site.sql("SELECT epoch FROM daemon_lease")[0]["epoch"]
    assert last >= 3 and len(site.calls(CHAT)) == 1
    site.release()
    status = ended(site, job)
    assert status["outcome"] == "full" and sources(site, job) == ["flex"]
    assert len(site.calls(CHAT)) == 1 and not lost(site)
    site.check()


def test_I3_an_answer_that_comes_after_its_item_was_sent_again_is_kept_too(site):
    """The other batchd cannot know that the first one lives: its call counts as lost."""
    first, job = call_in_flight(site)
    second = site.batchd()
    first.pause()
    site.end_lease()
    wait_until(lambda: site.active() is second, 20, "the second to take over")
    status = ended(site, job)
    assert status["outcome"] == "full" and len(lost(site)) == 1
    first.resume()
    wait_log(first, "lease lost")
    site.release()
    wait_log(first, "answer kept")
    wait_until(lambda: not kept(site) and not lost(site), 20, "it to be applied")
    assert len(site.sql("SELECT * FROM answer WHERE source = 'flex'")) == 2
    assert len(site.sql("SELECT * FROM answer WHERE unused = 1")) == 1 and is_paid_once(site, 1)
    assert site.stack.status(job)["cost"]["amount"] == site.billed()
    site.check()


def test_a_refusal_that_came_without_the_lease_is_none_that_was_paid(site):
    first, job = call_in_flight(site, "hang")
    lose_lease(site, first)
    first.kill()
    site.sql("INSERT INTO call_answer (item_id, attempt_no, mark, how, http_status, request_id, body, created_at)"
             " SELECT a.item_id, a.no, LEFT(REPLACE(CAST(j.public_id AS CHAR), '-', ''), 16), 'refused', 429, '',"
             " %s, UTC_TIMESTAMP(6) FROM attempt a JOIN item i ON i.id = a.item_id JOIN job j ON j.id = i.job_id"
             " WHERE a.way = 'flex'", '{"error": {"code": "resource_unavailable"}}')
    site.batchd()
    site.end_lease()
    assert ended(site, job)["outcome"] == "full" and not lost(site)
    assert [(a["outcome"], a["code"]) for a in site.sql("SELECT * FROM attempt WHERE way = 'flex' ORDER BY no")] == [
        ("void", "no_capacity"), ("answered", None)]
    site.check()


def test_I3_a_stop_without_the_lease_waits_for_the_calls_in_flight(site):
    first, job = call_in_flight(site)
    lose_lease(site, first)
    first.signal(signal.SIGTERM)
    wait_log(first, "stopping")
    site.release()
    assert first.wait(20) == 0
    assert [row["how"] for row in kept(site)] == ["answered"]
    site.batchd()
    site.end_lease()
    assert ended(site, job)["outcome"] == "full" and len(site.calls(CHAT)) == 1
    site.check()
