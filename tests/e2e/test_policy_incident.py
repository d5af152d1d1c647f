# SPDX-License-Identifier: ISC
"""The provider as a whole stands still: one warning and one alert, no new batch, what leaves goes by calls; and a slow
way back (DESIGN, The policy; core/incident.h)."""
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from jobs import KEEP_FILES, sales, wait_until  # noqa: E402
from kills import LIST, wait_log  # noqa: E402

FAR = "1h"
STALL = 30      # seconds
STUCK = {"match": {"task": "describe"}, "do": "stuck"}
SETTINGS = {
    "batch": {"max_requests": 2},
    "fallback": {"tiers": ["flex"], "flex_timeout": "5m"},
    "policy": {"small": {"max_requests": 100, "alert_after": FAR, "stall_after": f"{STALL}s", "cancel_after": FAR,
                         "cancel_grace": FAR, "validating_after": FAR, "finalizing_after": FAR, "batch_retries": 9}}}


@pytest.fixture
def site():
    with sales("policy-incident", SETTINGS) as made:
        made.rules(KEEP_FILES, STUCK)
        made.batchd()
        yield made


def running(site, n):
    return wait_until(lambda: len(site.sql("SELECT id FROM batch WHERE remote_status = 'in_progress' AND phase = 'running'")
                                  ) == n, 20, f"{n} batches to run")


def pass_time(site):
    """All that run stall."""
    site.sql("UPDATE batch SET progress_at = progress_at - INTERVAL %s SECOND WHERE phase = 'running'", STALL + 1)


def wait_looks(site, n=10):
    site.wait_call(LIST, "answered", count=n, after=site.last_call())


def warnings(site, job):
    return [w["code"] for w in site.stack.status(job)["warnings"]]


def open_alerts(site):
    return [a["kind"] for a in site.sql("SELECT kind FROM alert WHERE is_open = 1 ORDER BY kind")]


def incident(site, n=4):
    """A job in n batches, all of which stall."""
    job = site.take(2 * n, (), deadline="PT12H")
    running(site, n)
    pass_time(site)
    wait_until(lambda: open_alerts(site) == ["incident"], 20, "one alert")
    wait_until(lambda: warnings(site, job) == ["provider_incident"], 20, "one warning")
    return job


def test_many_that_stall_together_are_one_incident_and_end_slowly(site):
    first = incident(site)
    told = site.stack.batchctl_json("explain", "batch:1")
    assert told["warnings"] == "provider_incident"
    # No batch is begun, also not after a death.
    second = site.take(2, (), name="second", deadline="PT12H")
    wait_looks(site)
    site.bury(site.stack.batchd)
    site.stack.batchd.start()
    wait_until(site.active, 20, "its next life")
    wait_looks(site)
    assert len(site.remote()) == 4
    wait_until(lambda: warnings(site, second) == ["provider_incident"], 20, "what waits to be told")
    # One moves again: one batch is begun as a trial, and no other beside it.
    site.force(site.remote()[0]["id"], "resume")
    trial = site.wait_remote("describe", "in_progress", nth=5)
    third = site.take(2, (), name="third", deadline="PT12H")
    wait_looks(site)
    assert len(site.remote()) == 5 and open_alerts(site) == ["incident"]
    # It moves too: all are begun.
    site.rules(KEEP_FILES)
    site.force(trial["id"], "resume")
    site.wait_full(second)
    site.wait_full(third)
    assert "incident" not in open_alerts(site)
    for batch in site.remote():
        site.force(batch["id"], "resume")
    site.wait_full(first)
    assert site.paid_twice() == 0
    assert site.sql("SELECT DISTINCT way FROM attempt") == [{"way": "batch"}]
    site.check()


def test_what_leaves_meanwhile_goes_by_calls(site):
    job = incident(site, 3)
    site.force(site.remote()[0]["id"], "cancelled")
    wait_until(lambda: [i["state"] for i in site.items()].count("done") == 2, 20, "two calls")
    assert site.sql("SELECT COUNT(*) AS n FROM attempt WHERE way = 'flex'") == [{"n": 2}]
    assert len(site.remote()) == 3
    for batch in site.remote():
        site.force(batch["id"], "resume")
    site.wait_full(job)
    site.check()


def test_a_trial_that_stalls_too_holds_everything_again(site):
    incident(site)
    site.take(2, (), name="second", deadline="PT12H")
    site.force(site.remote()[0]["id"], "resume")
    site.wait_remote("describe", "in_progress", nth=5)
    running(site, 4)
    site.take(2, (), name="third", deadline="PT12H")
    pass_time(site)
    wait_log(site.stack.batchd, "the trial failed")
    wait_looks(site)
    assert len(site.remote()) == 5 and "incident" in open_alerts(site)
    site.check()


def test_fewer_than_three_are_no_incident(site):
    job = site.take(4, (), deadline="PT12H")
    running(site, 2)
    pass_time(site)
    wait_until(lambda: open_alerts(site) == ["batch_stalled"] * 2, 20, "an alert of each")
    wait_looks(site)
    assert open_alerts(site) == ["batch_stalled"] * 2 and warnings(site, job) == ["batch_stalled"]
