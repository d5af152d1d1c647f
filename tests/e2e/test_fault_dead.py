# SPDX-License-Identifier: ISC
"""The fault matrix, batchd dead for good while clients poll: the front end ends the jobs, with what is there. A batchd that
comes at last finds and stores what was paid for. I1, I2, I3."""
import pytest

from faults import CALLS, STUCK, chat, ladder, stuck_batch
from harness.process import wait_until

SECONDS = 5
SLOW = {"do": "slow", "seconds": 600}


@pytest.fixture(scope="module")
def row():
    with ladder("batchd dead") as made:
        yield made


def dies_describing(one):
    one.start({"match": {"task": "describe"}, "do": "stuck"}, seconds=SECONDS)
    stuck_batch(one.site, task="describe")


def dies_translating(one):
    one.start(STUCK, seconds=SECONDS)
    stuck_batch(one.site)


def dies_in_calls(one):
    one.start(STUCK, chat(match={"nth": 1}, **SLOW), seconds=SECONDS)
    one.site.wait_bitten("slow", False, alive=[one.batchd])


MOMENTS = {"while descriptions are made": (dies_describing, 1, 0), "while translations are made": (dies_translating, 3, 0),
           "while calls are in flight": (dies_in_calls, 3, CALLS)}


@pytest.mark.parametrize("moment", MOMENTS)
def test_I1_I2_clients_poll_and_batchd_is_dead(row, moment):
    until_death, exit_code, bound = MOMENTS[moment]
    with row(f"dead for good {moment}, two clients poll", bound, "calls in flight at the death" if bound else "") as one:
        until_death(one)
        one.batchd.kill()
        clients = [one.site.begin_client(one.jobs[0], "--interval", "0.2", "--timeout", "1") for _ in range(2)]
        for client in clients:
            out, _ = client.communicate(timeout=60)
            assert client.returncode == exit_code, out
        one.ended()
        one.site.end_lease()
        one.batchd.start()


def test_I1_jobs_that_nobody_ever_took_up(row):
    """Ordered when there was no batchd at all."""
    with row("dead before the order") as one:
        one.site.fresh()
        jobs = [one.take(seconds=3) for _ in range(3)]
        wait_until(lambda: all(one.site.stack.status(job)["completed_at"] for job in jobs), 30, "polls to end the jobs")
        one.batchd.start()
