# SPDX-License-Identifier: ISC
"""Without money nothing is sent: one alert, no attempt burnt, work waits in `ready`, one probe in ten minutes reopens."""
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from commands import ask  # noqa: E402
from jobs import CHAT, KEEP_FILES, sales, wait_until  # noqa: E402
from kills import CREATE, UPLOAD, wait_log  # noqa: E402
from once import ticks  # noqa: E402
from stops import (NO_MONEY, described, RESUMED, STOPPED, probe_now, refuse, stop_row, wait_alert, wait_open,  # noqa: E402
                   wait_ready, wait_stopped, wait_told)

LOTS = 3
POSTS = (UPLOAD, CREATE, CHAT)


@pytest.fixture
def site():
    with sales("stop-quota") as made:
        yield made


def posts(site, after=0):
    return [c["route"] for c in site.calls(after=after) if c["route"] in POSTS]


def stopped_site(site, route=CREATE, lots=LOTS):
    """A batchd that has no money, and a job that waits for it."""
    site.rules(KEEP_FILES, *refuse(NO_MONEY, route, CHAT))
    batchd = site.batchd()
    job = site.take(lots, ())
    wait_stopped(site)
    wait_ready(site, lots)
    return batchd, job


@pytest.mark.parametrize("route", [UPLOAD, CREATE])
def test_one_probe_in_ten_minutes_and_the_answered_one_reopens(site, route):
    batchd, job = stopped_site(site, route)
    later = site.take(2, ())
    last = site.last_call()
    ticks()
    assert posts(site, last) == [] and 500 < stop_row(site)["probe_in"] <= 600
    for one in (job, later):
        wait_told(site, one, "provider", "sending_stopped")
    wait_alert(site, "quota")
    assert "insufficient_quota" in site.stack.batchctl("jobs").stdout
    assert [s["code"] for s in site.stack.batchctl_json("explain", job)["stops"]] == ["insufficient_quota"]

    probe_now(site)
    site.wait_call(CHAT, "answered", after=last)
    wait_until(lambda: (stop_row(site)["probe_in"] or 0) > 500, 20, "the next probe to be noted", alive=[batchd])
    wait_ready(site, LOTS + 2)
    ticks()
    assert posts(site, last) == [CHAT]      # one, and it proved nothing

    site.rules(KEEP_FILES)
    probe_now(site)
    wait_open(site)
    for one in (job, later):
        assert site.wait_full(one)["warnings"] == []
    wait_alert(site, None)
    assert site.stack.batchctl_json("explain", job)["stops"] == []
    assert batchd.log_text().count(STOPPED) == batchd.log_text().count(RESUMED) == 1
    assert site.sql("SELECT COUNT(*) AS n FROM answer WHERE source = 'default'")[0]["n"] == 1
    assert site.sql("SELECT MAX(burned) AS n FROM item")[0]["n"] == 1
    site.wait_closed()
    site.prove()
    assert batchd.stop() == 0


def test_where_nothing_waits_nothing_is_probed_until_something_does(site):
    batchd, job = stopped_site(site)
    ask(site, job, "cancel")
    last = site.last_call()
    probe_now(site)
    ticks()
    assert posts(site, last) == [] and stop_row(site)["stop_code"]
    site.rules(KEEP_FILES)
    site.wait_full(site.take(1, ()))
    assert [c["route"] for c in site.calls(after=last) if c["route"] in POSTS] == [CHAT]
    assert batchd.stop() == 0


def test_a_probe_that_meets_trouble_of_another_kind_proves_nothing(site):
    batchd, job = stopped_site(site)
    site.rules(KEEP_FILES, {"match": {"route": CHAT, "nth": 1}, "do": "status", "code": 503})
    last = site.last_call()
    probe_now(site)
    site.wait_call(CHAT, "answered", after=last)
    wait_until(lambda: (stop_row(site)["probe_in"] or 0) > 500, 20, "the next probe to be noted", alive=[batchd])
    ticks()
    assert posts(site, last) == [CHAT] and stop_row(site)["stop_code"] == "insufficient_quota"
    probe_now(site)
    site.wait_full(job)
    assert batchd.stop() == 0


def test_a_probe_takes_an_item_that_can_be_sent(site):
    """The most urgent ones may be at the provider already, in a batch without a row."""
    batchd, job = stopped_site(site)
    translated = described(site)
    site.sql("INSERT INTO orphan (remote_id, batch_key, recipe_hash, remote_status, seen_at) SELECT 'batch_x',"
             " REPEAT('0', 32), hash, 'completed', UTC_TIMESTAMP(6) FROM recipe WHERE task = 'describe'")
    site.rules(KEEP_FILES)
    probe_now(site)
    site.wait_full(translated)
    wait_open(site)
    site.sql("DELETE FROM orphan")
    site.wait_full(job)
    assert batchd.stop() == 0


def test_a_batch_that_fails_for_its_bill_stops_everything_and_burns_nothing(site):
    site.rules(KEEP_FILES, {"match": {"task": "describe"}, "do": "fail", "code": "billing_hard_limit_reached"})
    batchd = site.batchd()
    job = site.take(LOTS, ())
    wait_stopped(site)
    wait_ready(site, LOTS)
    site.rules(KEEP_FILES)
    site.stack.batchctl("resume")
    site.wait_full(job)
    assert batchd.stop() == 0


def test_the_stop_outlives_a_kill_and_a_takeover(site):
    batchd, job = stopped_site(site)
    before = stop_row(site)
    site.bury(batchd)
    last = site.last_call()
    successor = site.batchd()
    wait_log(successor, "reconciled")
    ticks()
    assert posts(site, last) == [] and {**stop_row(site), "probe_in": None} == {**before, "probe_in": None}
    assert STOPPED not in successor.log_text()      # one alert
    site.rules(KEEP_FILES)
    site.stack.batchctl("resume")
    site.wait_full(job)
    assert f"{RESUMED}insufficient_quota: the operator says so" in successor.log_text()
    site.wait_closed()
    site.prove()
    assert successor.stop() == 0


def test_a_batch_whose_upload_a_kill_cut_returns_its_items_too(site):
    site.rules(KEEP_FILES, {"match": {"route": UPLOAD, "nth": 1}, "do": "hang"}, *refuse(NO_MONEY, UPLOAD))
    batchd = site.batchd()
    jobs = [site.take(LOTS, ())]
    site.wait_call(UPLOAD, "received")
    jobs.append(site.take(2, ()))
    wait_stopped(site)
    wait_until(lambda: site.sql("SELECT COUNT(*) AS n FROM item WHERE state = 'ready'")[0]["n"] == 2, 20, "the others")
    site.bury(batchd)
    successor = site.batchd()
    wait_ready(site, LOTS + 2)
    site.rules(KEEP_FILES)
    site.stack.batchctl("resume")
    for job in jobs:
        site.wait_full(job)
    assert site.paid_twice() == 0
    site.wait_closed()
    site.check()
    assert successor.stop() == 0


def test_a_kill_under_the_probe_sends_no_second_one(site):
    batchd, job = stopped_site(site)
    site.rules(KEEP_FILES, {"match": {"route": CHAT, "nth": 1}, "do": "hang"})
    last = site.last_call()
    probe_now(site)
    site.wait_call(CHAT, "received", after=last)
    site.bury(batchd)
    successor = site.batchd()
    wait_log(successor, "reconciled")
    ticks()
    assert posts(site, last) == [CHAT] and stop_row(site)["probe_in"] > 500
    probe_now(site)
    site.wait_full(job)
    assert site.sql("SELECT COUNT(*) AS n FROM attempt WHERE code = 'call_lost'")[0]["n"] == 1
    assert successor.stop() == 0


def test_resume_asked_for_without_a_batchd_is_heeded_by_the_next(site):
    batchd, job = stopped_site(site)
    site.bury(batchd)
    site.stack.batchctl("resume")
    site.rules(KEEP_FILES)
    batchd.start()
    site.wait_full(job)
    assert stop_row(site)["resume_at"] is None and batchd.stop() == 0


def test_I1_only_deadlines_end_what_a_stop_holds(site):
    """20 lots are described, then the money is gone: the job ends with all its descriptions."""
    site.rules(KEEP_FILES, *refuse(NO_MONEY, CREATE, task="translate"), *refuse(NO_MONEY, CHAT))
    batchd = site.batchd()
    job = site.take(20, ("fr",), deadline="PT8S")
    wait_stopped(site)
    status = site.stack.wait_ended(job, 40)
    assert (status["status"], status["outcome"]) == ("completed", "partial")
    result = site.result(job).json()
    assert all(lot["descriptions"]["en"] and [e["code"] for e in lot["errors"]] == ["deadline"] for lot in result["lots"])
    assert site.sql("SELECT MAX(burned) AS n FROM item WHERE lang_no = 1")[0]["n"] == 0
    site.wait_closed()
    site.check()
    assert batchd.stop() == 0


IN_FLIGHT = {"fallback": {"tiers": ["flex", "default"], "concurrency": 2, "estimate": "30s", "flex_timeout": "3s",
                          "reserve": "100ms"}}


def test_calls_in_flight_at_a_stop_are_kept_and_the_ladder_goes_on_where_it_was():
    """One of two calls is refused: the answer to the other is stored, no third is made, and after the stop it is flex again."""
    with sales("stop-calls", IN_FLIGHT) as site:
        site.rules(KEEP_FILES, {"match": {"task": "describe"}, "do": "stuck"},
                   {"match": {"route": CHAT, "nth": 1}, "do": "slow", "seconds": 1},
                   {"match": {"route": CHAT, "nth": 2}, **NO_MONEY})
        batchd = site.batchd()
        job = site.take(6, (), deadline="PT30S")
        wait_stopped(site)
        wait_until(lambda: site.sql("SELECT COUNT(*) AS n FROM item WHERE state = 'done'")[0]["n"] == 1, 20,
                   "the other's answer", alive=[batchd])
        wait_ready(site, 5)
        ticks(35)       # longer than the patience with the first tier
        assert len(site.calls(CHAT)) == 2
        site.stack.batchctl("resume")
        site.wait_full(job)
        assert {lot["descriptions"]["en"]["source"] for lot in site.result(job).json()["lots"]} == {"flex"}
        site.wait_closed()
        assert site.paid_twice() == 0
        site.check()
        assert batchd.stop() == 0
