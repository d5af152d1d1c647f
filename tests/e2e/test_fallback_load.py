# SPDX-License-Identifier: ISC
"""When calls begin, and what they serve where not everything fits (DESIGN, "Latest start")."""
import datetime
import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from front_end import DESCRIPTION  # noqa: E402
from jobs import KEEP_FILES, order, sales, wait_until  # noqa: E402
from test_fallback import CHAT, STUCK, calls, ended, is_paid_once, sources  # noqa: E402


def few(**more):
    return {"fallback": {"tiers": ["flex"], "concurrency": 1, "estimate": "1s", "reserve": "100ms", **more}}


def measured(site, seconds):
    """As if enough calls had been measured."""
    site.sql("UPDATE daemon_lease SET call_us = %s", int(seconds * 1000000))


def explained(site, job):
    return json.loads(site.stack.batchctl("explain", job, "-j").stdout)


def before_deadline(site, job, key):
    told = explained(site, job)
    at, end = (datetime.datetime.fromisoformat(told[name].replace("Z", "+00:00")) for name in (key, "deadline_at"))
    return (end - at).total_seconds()


def test_the_latest_start_is_that_of_all_jobs_due_by_then_at_the_measured_pace():
    with sales("load-start", few(estimate="10s", concurrency=2)) as site:
        early = site.take(3, ("fr",), deadline="PT1H")
        late = site.take(2, ("fr", "de"), deadline="PT2H")
        assert abs(before_deadline(site, early, "describe_latest_start") - (2 + 2) * 10 - 0.1) < 0.01
        # 3 + 2 descriptions, 3 + 4 translations, two at a time
        assert abs(before_deadline(site, late, "describe_latest_start") - (3 + 4) * 10 - 0.1) < 0.01
        measured(site, 60)
        assert abs(before_deadline(site, late, "describe_latest_start") - (3 + 4) * 60 - 0.1) < 0.01
        site.check()


def test_what_is_measured_is_kept_for_the_others():
    with sales("load-measured", few(concurrency=4)) as site:
        site.rules(KEEP_FILES, STUCK, {"match": {"route": CHAT}, "do": "slow", "seconds": 0.2})
        site.batchd()
        job = site.take(12, ("fr", "de"), deadline="PT16S")
        assert ended(site, job)["outcome"] == "full" and len(calls(site)) == 24
        wait_until(lambda: site.sql("SELECT call_us FROM daemon_lease")[0]["call_us"], 20, "the pace to be stored")
        assert 200000 <= site.sql("SELECT call_us FROM daemon_lease")[0]["call_us"] < 16000000
        site.check()


def test_where_not_everything_fits_whole_lots_go_first():
    with sales("load-lots", few()) as site:
        site.rules(KEEP_FILES, STUCK, {"match": {"route": CHAT}, "do": "slow", "seconds": 0.3})
        site.batchd()
        job = site.take(12, ("fr", "de", "es"), deadline="PT10S")
        status = ended(site, job)
        assert (status["status"], status["outcome"]) == ("completed", "partial")
        served = [sum(sources(site, job, language)[n] == "flex" for language in ("fr", "de", "es")) for n in range(12)]
        assert served == sorted(served, reverse=True) and served[0] == 3 and served[-1] == 0
        assert sum(0 < n < 3 for n in served) <= 1
        assert {e["code"] for lot in site.stack.result(job)["lots"] for e in lot["errors"]} == {"deadline"}
        assert is_paid_once(site)
        site.check()


def described(lots, **more):
    made = order(lots, ("fr",), **more)
    return {**made, "lots": [{**lot, "description": DESCRIPTION} for lot in made["lots"]]}


@pytest.mark.parametrize("tiers", [["default"], ["flex", "default"]])
def test_what_would_come_too_late_is_not_sent_or_on_a_faster_tier(tiers):
    """Twenty calls of the first tier take 4 seconds each; the job after them has three when its calls begin."""
    with sales("load-late", few(tiers=tiers, concurrency=20, flex_timeout="60s", request_timeout="60s")) as site:
        site.rules(KEEP_FILES, STUCK, {"match": {"route": CHAT, "tier": tiers[0]}, "do": "slow", "seconds": 4})
        site.batchd()
        first = site.stack.order(described(20, deadline="PT20S"))["job_id"]
        assert ended(site, first)["outcome"] == "full" and sources(site, first) == [tiers[0]] * 20
        job = site.stack.order(described(2, deadline="PT6S"))["job_id"]
        status = ended(site, job)
        assert sources(site, job) == ([None] * 2 if len(tiers) == 1 else ["default"] * 2), status
        assert len(site.calls(CHAT)) == (20 if len(tiers) == 1 else 22)
        site.check()


def test_while_nothing_is_measured_calls_are_tried():
    with sales("load-tried", few(estimate="1h")) as site:
        site.rules(KEEP_FILES, STUCK)
        site.batchd()
        job = site.take(2, ("fr",), deadline="PT8S")
        assert ended(site, job)["outcome"] == "full" and sources(site, job) == ["flex"] * 2
        site.check()
