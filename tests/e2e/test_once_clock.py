# SPDX-License-Identifier: ISC
"""I1: a jump of the database's clock ends no job for two minutes, by no path; then deadlines hold again."""
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from jobs import sales, wait_until  # noqa: E402
from kills import CREATE, LIST, wait_log  # noqa: E402
from once import STUCK, ShiftedMariaDB, guarded_for, temporary_work, ticks  # noqa: E402

HOUR = 3600
JUMPED = "database clock jumped"


@pytest.fixture(scope="module")
def server():
    with ShiftedMariaDB(temporary_work("once-clock-mariadb")) as made:
        yield made


@pytest.fixture
def site(server):
    server.shift = 0
    with sales("once-clock", mariadb=server) as made:
        yield made
    server.shift = 0


def warnings(site, job):
    return [w["code"] for w in site.stack.status(job)["warnings"]]


def status(site, job):
    return site.sql("SELECT status, outcome FROM job WHERE public_id = %s", job)[0]


def test_the_servers_clock_can_be_shifted(server):
    for shift in (HOUR, -HOUR, 0):
        server.shift = shift
        assert abs(server.sql("SELECT UNIX_TIMESTAMP(UTC_TIMESTAMP()) - UNIX_TIMESTAMP() AS s")[0]["s"]) < 2
        assert abs(float(server.sql("SELECT UNIX_TIMESTAMP(NOW(6)) AS t")[0]["t"]) - time.time() - shift) < 5


def test_I1_a_jump_ends_no_job_for_two_minutes(site, server):
    """Neither at its deadline nor with answers that come meanwhile; afterwards its deadline ends it."""
    site.rules(STUCK, {"match": {"task": "translate"}, "do": "stuck"})
    batchd = site.batchd()
    job = site.take(3, deadline="PT30M")
    remote = site.wait_remote("describe", "in_progress")
    site.wait_phase("running")
    epoch = site.lease()["epoch"]
    server.shift = HOUR
    wait_log(batchd, f"{JUMPED} seconds=")
    wait_until(lambda: site.lease()["live"] and site.lease()["epoch"] > epoch, 20, "a new epoch", alive=[batchd])
    assert 100 < guarded_for(site) <= 120
    ticks()
    assert status(site, job)["status"] == "describing"
    wait_until(lambda: "clock_jump" in warnings(site, job), 20, "it to be told", alive=[batchd])
    # What comes in is stored, and ends nothing.
    site.force(remote["id"], "resume")
    wait_until(lambda: site.sql("SELECT COUNT(*) AS n FROM item WHERE state = 'done'")[0]["n"] == 3, 30,
               "the descriptions", alive=[batchd])
    ticks()
    assert status(site, job)["status"] == "translating"
    # The front end does not close it either: the clocks differ.
    assert site.stack.status(job)["status"] == "translating"
    # Two minutes later, in steps that are no jump.
    for _ in range(3):
        server.shift += 45
        ticks(5)
    wait_until(lambda: status(site, job)["status"] == "completed", 20, "the deadline to be kept", alive=[batchd])
    assert status(site, job)["outcome"] == "partial"
    assert batchd.log_text().count(JUMPED) == 1
    site.check()
    assert batchd.stop() == 0


def test_I1_a_clock_that_is_put_right_again_costs_no_deadline(site, server):
    """Forth and back: the guard of the first jump does not outlive the second by more than its two minutes."""
    site.rules(STUCK)
    batchd = site.batchd()
    job = site.take(1, (), deadline="PT2M")
    site.wait_phase("running")
    server.shift = 2 * HOUR
    wait_log(batchd, JUMPED)
    server.shift = 0
    wait_until(lambda: batchd.log_text().count(JUMPED) == 2, 20, "the second jump to be seen", alive=[batchd])
    wait_until(lambda: site.lease()["live"], 20, "the lease", alive=[batchd])
    assert 0 < guarded_for(site) <= 120
    for _ in range(3):
        server.shift += 45
        ticks(5)
    wait_until(lambda: status(site, job)["status"] == "failed", 20, "the deadline to be kept", alive=[batchd])
    assert batchd.stop() == 0


def test_I1_a_standby_that_takes_over_by_a_jump_closes_nothing(site, server):
    """The jump ends the lease of the active one, which stands still: the standby saw the clock before."""
    site.rules(STUCK)
    active = site.batchd()
    job = site.take(1, (), deadline="PT30M")
    site.wait_phase("running")
    standby = site.batchd()
    wait_log(standby, "started")
    ticks()
    active.pause()
    server.shift = HOUR
    wait_log(standby, "lease taken")
    assert JUMPED in standby.log_text()
    ticks()
    assert status(site, job)["status"] == "describing"
    assert 100 < guarded_for(site) <= 120
    active.kill()
    assert standby.stop() == 0


@pytest.mark.parametrize("step", [50, -50])
def test_I3_a_small_step_of_the_clock_does_not_shorten_settle(site, server, step):
    """The answer to a create is lost, and a minute of settling is not over because the clock says so."""
    site.rules({"match": {"route": CREATE, "nth": 1}, "do": "delay"})
    batchd = site.batchd({"batch": {"settle": "52s"}})
    job = site.take(1, ())
    site.wait_phase("unknown")
    server.shift = step
    wait_log(batchd, "database clock stepped seconds=")
    # A pass that began by the old clock may not count as one after the fence.
    wait_until(lambda: batchd.log_text().count("reconciled batches=") == 2, 20, "a new pass", alive=[batchd])
    seen = len(site.calls(LIST))
    wait_until(lambda: len(site.calls(LIST)) > seen + 30, 60, "some looks", alive=[batchd])
    assert site.sql("SELECT phase FROM batch")[0]["phase"] == "unknown"
    # The create comes after all, late, and is found.
    site.standin.call("POST", "/_standin/release")
    site.wait_full(job)
    assert JUMPED not in batchd.log_text()
    assert site.paid_twice() == 0
    assert batchd.stop() == 0
