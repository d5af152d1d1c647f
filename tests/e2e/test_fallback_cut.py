# SPDX-License-Identifier: ISC
"""I3: when a synchronous call in flight is cut, and when it is not (DESIGN, "Calls in flight")."""
import signal
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from jobs import KEEP_FILES, conf, sales, wait_until  # noqa: E402
from kills import wait_log  # noqa: E402
from test_fallback import CHAT, FALLBACK, STUCK, calls, ended, is_paid_once, sources  # noqa: E402


def one_call(site, do, seconds=16, match=None):
    """A job of one translation, and its call at the provider."""
    site.rules(KEEP_FILES, STUCK, {"match": {"route": CHAT, **(match or {"nth": 1})}, "do": do, "seconds": 600})
    batchd = site.batchd()
    job = site.take(1, ("fr",), deadline=f"PT{seconds}S")
    site.wait_call(CHAT, "received")
    return batchd, job


def lost(site):
    return site.sql("SELECT * FROM attempt WHERE code = 'call_lost' AND outcome = 'failed'")


def patient(**daemon):
    return conf.merged(FALLBACK, {"fallback": {"flex_timeout": "60s", "request_timeout": "60s"}, "daemon": daemon})


@pytest.mark.parametrize("tier", ["flex", "default"])
def test_I6_a_call_in_flight_outlives_the_deadline_and_its_answer_completes_the_job(tier):
    with sales("cut-deadline", conf.merged(patient(), {"fallback": {"tiers": [tier]}})) as site:
        _, job = one_call(site, "slow", seconds=5)
        before = ended(site, job)
        assert (before["status"], before["outcome"]) == ("completed", "partial")
        site.release()
        wait_until(lambda: site.stack.status(job)["outcome"] == "full", 20, "the answer to complete it")
        assert site.stack.status(job)["completed_at"] == before["completed_at"]
        assert sources(site, job) == [tier] and len(site.calls(CHAT)) == 1 and not lost(site)
        site.check()


@pytest.mark.parametrize("how", ["a second SIGTERM", "the end of stop_grace"])
def test_I3_a_call_that_a_stop_cuts_is_booked_as_possibly_paid(how):
    with sales("cut-stop", patient(stop_grace="20s" if how == "a second SIGTERM" else "1s")) as site:
        batchd, job = one_call(site, "hang_after")
        batchd.signal(signal.SIGTERM)
        wait_log(batchd, "stopping")
        if how == "a second SIGTERM":
            assert batchd.running and not lost(site)
            batchd.signal(signal.SIGTERM)
        assert batchd.wait(20) == 0
        assert len(lost(site)) == 1                     # at once, and not first by the next one
        site.batchd()
        assert ended(site, job)["outcome"] == "full" and len(calls(site)) == 2 and is_paid_once(site, 1)
        site.check()


def test_I3_a_tier_that_hangs_gives_way_to_the_next_when_its_call_is_cut():
    """On the same tier it would hang again, and then be lost for good."""
    with sales("cut-tier", conf.merged(FALLBACK, {"fallback": {"flex_timeout": "4s"}})) as site:
        _, job = one_call(site, "hang", seconds=20, match={"tier": "flex"})
        assert ended(site, job)["outcome"] == "full" and sources(site, job) == ["default"]
        assert len(lost(site)) == 1 and len(site.calls(CHAT)) == 2 and is_paid_once(site)
        site.check()
