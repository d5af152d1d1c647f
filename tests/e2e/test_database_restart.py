# SPDX-License-Identifier: ISC
"""I1, I2, I3: MariaDB is killed, restarted, stopped for longer than the lease, and its connections are cut, while a job
runs: the job ends full, nothing is lost, nothing paid twice."""
import contextlib
import time

import pymysql
import pytest

from kills import CONTENT, CREATE, GET_FILE, UPLOAD, site, wait_log
from harness.process import wait_until
from harness.servers import MariaDB
from harness.stack import temporary_work

# Short, for a server that stands still for longer.
LEASE = {"daemon": {"lease": "2s"}}
PLACES = [(route, task) for task in ("describe", "translate") for route in (UPLOAD, CREATE, GET_FILE, CONTENT)]


@pytest.fixture(scope="module")
def server():
    made = MariaDB(temporary_work("mariadb-restart")).start()
    yield made
    made.stop(60)


@pytest.fixture(scope="module")
def quick(server):
    with site("database-restart", LEASE, server) as made:
        yield made


@pytest.fixture
def job(quick):
    """Orders, and afterwards waits for the end and proves it; rules are set by the test before it calls it."""
    quick.standin.call("POST", "/_standin/reset")
    batchd = quick.batchd()
    wait_log(batchd, "lease taken")
    jobs = []

    def order():
        jobs.append(quick.take())
        return batchd
    yield order
    quick.wait_full(jobs[0])
    quick.wait_swept()
    quick.prove(2)
    assert batchd.stop() == 0


def held(quick, route, task):
    """The call is executed at the stand-in, and its answer waits for a release."""
    quick.rules({"match": {"route": route, "task": task, "nth": 1}, "do": "slow", "seconds": 600})


@pytest.mark.parametrize("route, task", PLACES)
def test_I3_the_answer_comes_while_the_database_is_killed(quick, server, job, route, task):
    held(quick, route, task)
    batchd = job()
    quick.wait_bitten("slow", False, alive=[batchd])
    server.kill()
    quick.release()
    quick.wait_call(route, "answered", count=len(quick.calls(route)))
    wait_log(batchd, "database away")
    server.start()


@pytest.mark.parametrize("task", ["describe", "translate"])
def test_I3_a_clean_restart_in_the_middle(quick, server, job, task):
    held(quick, CONTENT, task)
    batchd = job()
    quick.wait_bitten("slow", False, alive=[batchd])
    assert server.stop(60) == 0
    server.start()
    quick.release()


@pytest.mark.parametrize("with_standby", [False, True], ids=["alone", "with-standby"])
@pytest.mark.parametrize("route, task", [(CREATE, "describe"), (CONTENT, "translate")])
def test_I3_the_database_stands_still_for_longer_than_the_lease(quick, server, job, route, task, with_standby):
    held(quick, route, task)
    batchd = job()
    standby = quick.batchd() if with_standby else None
    epoch = quick.lease()["epoch"]
    quick.wait_bitten("slow", False, alive=[batchd])
    server.pause()
    paused_at = time.monotonic()
    try:
        quick.release()
        wait_log(batchd, "lease not renewed")
        wait_until(lambda: time.monotonic() > paused_at + 2.5, 30, "the lease to be over")
    finally:
        server.resume()
    wait_until(lambda: quick.lease()["live"], 30, "one of them to hold the lease")
    # Where nobody else had it meanwhile, it goes on under its epoch.
    assert quick.lease()["epoch"] in (epoch, epoch + 1)
    if standby:
        assert standby.stop() == 0


def test_I3_connections_are_cut_again_and_again(quick, server, job):
    job()
    user = f"{quick.stack.database}_daemon"
    cuts = 0

    def cut():
        nonlocal cuts
        for row in server.sql("SELECT id FROM information_schema.processlist WHERE user = %s", (user,)):
            with contextlib.suppress(pymysql.MySQLError):    # it left meanwhile
                server.sql(f"KILL {row['id']}")
                cuts += 1
        return not quick.sql("SELECT 1 FROM job WHERE status IN ('queued', 'describing')")
    wait_until(cut, 60, "the job to be translating", interval=0.2)
    assert cuts > 2


def test_I3_batchd_and_the_database_die_together(quick, server, job):
    held(quick, CREATE, "translate")
    batchd = job()
    quick.wait_bitten("slow", False, alive=[batchd])
    batchd.kill()
    server.kill()
    quick.release()
    server.start()
    batchd.start()
