# SPDX-License-Identifier: ISC
"""The fault matrix, the database: MariaDB is killed and started again, and batchd's connection is cut before, during and
after the COMMIT of a sending by calls and of an answer. I1, I2, I3 hold in each."""
import time

import pytest

from db_proxy import DatabaseProxy
from faults import ALL, CALLS, CANCEL, CHAT, CONTENT, CREATE, STUCK, chat, first, ladder
from harness.process import socket_path, wait_until
from harness.servers import MariaDB
from harness.stack import temporary_work
from kills import wait_log

SLOW = {"do": "slow", "seconds": 600}
# Commits from the first call on: of sendings and of answers, by turns, and of whatever batchd stores between.
COMMITS = range(12) if ALL else range(3)


@pytest.fixture(scope="module")
def server():
    with MariaDB(temporary_work("fault-database-mariadb")).start() as made:
        yield made


@pytest.fixture(scope="module")
def row(server):
    # No call is cut while the server is away.
    with ladder("database", {"fallback": {"flex_timeout": "30s", "request_timeout": "30s"}}, server) as made:
        yield made


# What is under way when the server dies: rules, and the call whose answer waits.
MOMENTS = {
    "a synchronous call": ([STUCK, chat(match={"nth": 1}, **SLOW)], CHAT),
    "the create of the second batch": ([STUCK, {"match": {"route": CREATE, "task": "translate", "nth": 2}, **SLOW}], CREATE),
    "the cancel": ([STUCK, {"match": {"route": CANCEL, "nth": 1}, **SLOW}], CANCEL),
    "the partial result": ([first("translate", "stuck", done=1),
                            {"match": {"route": CONTENT, "task": "translate", "nth": 1}, **SLOW}], CONTENT),
}


def held(one, moment):
    """The job, and its call that waits for a release."""
    rules, route = MOMENTS[moment]
    one.start(*rules, seconds=16)
    one.site.wait_bitten("slow", False, alive=[one.batchd])
    return route


@pytest.mark.parametrize("moment", MOMENTS)
def test_I1_I2_I3_the_server_is_killed_and_the_answer_comes_meanwhile(row, server, moment):
    with row(f"MariaDB killed during {moment}, back after its answer") as one:
        route = held(one, moment)
        server.kill()
        one.site.release()
        one.site.wait_call(route, "answered", count=len(one.site.calls(route)))
        wait_log(one.batchd, "database away")
        server.start()


@pytest.mark.parametrize("moment", MOMENTS)
def test_I1_I2_I3_a_clean_restart(row, server, moment):
    with row(f"MariaDB restarted during {moment}") as one:
        held(one, moment)
        assert server.stop(60) == 0
        server.start()
        one.site.release()


def test_I1_I2_I3_both_die_together(row, server):
    with row("MariaDB and batchd killed during a synchronous call", CALLS, "calls in flight at the kill") as one:
        held(one, "a synchronous call")
        one.batchd.kill()
        server.kill()
        one.site.release()
        server.start()
        one.site.end_lease()
        one.batchd.start()


def test_I1_I2_I3_the_server_is_away_for_longer_than_the_lease(row, server):
    with row("MariaDB away for longer than the lease, calls in flight", CALLS, "calls in flight when the lease was over",
             {"daemon": {"lease": "2s"}}) as one:
        held(one, "a synchronous call")
        server.pause()
        paused_at = time.monotonic()
        try:
            one.site.release()
            wait_until(lambda: time.monotonic() > paused_at + 2.5, 30, "the lease to be over")
        finally:
            server.resume()


# ---- Connections cut around COMMIT.

@pytest.mark.parametrize("nth", COMMITS)
@pytest.mark.parametrize("what", ["request", "both", "answer"], ids=["before", "during", "after"])
def test_I2_I3_the_connection_is_cut_at_a_commit(row, what, nth):
    names = {"request": "before", "both": "during", "answer": "after"}
    with row(f"cut {names[what]} COMMIT no. {nth + 1} of calls and answers") as one:
        site = one.site
        path = socket_path(site.stack.work / "run", f"proxy-{what}-{nth}.sock")
        proxy = DatabaseProxy(site.stack.mariadb.socket, path)
        try:
            one.batchd = site.batchd({"database": {"socket": path}}, start=False)
            one.start(STUCK, chat("slow", seconds=0.1), seconds=12)
            wait_until(lambda: site.sql("SELECT 1 FROM batch WHERE cancel_at IS NOT NULL"), 30, "the batch to be cancelled")
            site.wait_call(CHAT, "begun") if nth % 2 else None
            proxy.lose(what, skip=nth // 2)
            wait_until(lambda: proxy.lost, 30, "a COMMIT to be lost", alive=[one.batchd])
            one.ended()
            one.recover()
            assert one.batchd.stop() == 0
        finally:
            one.batchd.kill()
            proxy.stop()
            one.batchd = None
