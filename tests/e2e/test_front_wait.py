# SPDX-License-Identifier: ISC
"""Prefer: wait=N: a poll is held until the job changes, and holds no worker."""
import concurrent.futures
import contextlib
import signal

import pytest

import fcgi_client
from front_end import breakable, installation, mariadb, order  # noqa: F401
from harness.process import wait_until
from harness.stack import FrontEnd

pytestmark = pytest.mark.front_end

JOBS = "/api/v1/jobs"
LONG = {"timeout": 40}


@pytest.fixture(scope="module")
def front(mariadb):  # noqa: F811
    with installation("front-wait", mariadb, memory=True, overrides={"http": {"workers": 2}}) as made:
        yield made


@pytest.fixture
def pool():
    with concurrent.futures.ThreadPoolExecutor(400) as made:
        yield made


def poll(front, job, wait=20, tag=None, **more):
    headers = {"Prefer": f"wait={wait}", **({"If-None-Match": tag} if tag else {}), **more}
    return front.get(f"{JOBS}/{job}/status", headers=headers, **LONG)


def plain(front, job, **headers):
    return front.get(f"{JOBS}/{job}/status", headers=headers)


def move(front, job):
    front.sql("UPDATE job SET status_json = REPLACE(status_json, '\"name\":\"\"', '\"name\":\"moved\"'),"
              " version = version + 1 WHERE public_id = %s", job)


def all_parked(front, polls):
    """The front end has taken them all, answers none of them, and still answers others: then they wait there."""
    wait_until(lambda: front.stack.front_end.connections() == len(polls), 30, "the polls to be taken")
    job = front.take(order(1, []))
    for _ in range(4):
        assert plain(front, job).status == 200
    return not any(one.done() for one in polls)


@contextlib.contextmanager
def beside_another(front, pool):
    """A poll that waits for less than the others, of a job to which nothing happens: it is not their time that ends."""
    job = front.take(order(1, []))
    other = pool.submit(poll, front, job, 20)
    assert all_parked(front, [other])
    yield other
    assert not other.done()
    move(front, job)
    assert other.result(30).status == 200


def test_a_poll_is_held_until_the_job_changes(front, pool):
    job = front.take(order(2))
    tag = plain(front, job).headers["etag"]
    with beside_another(front, pool) as other:
        held = pool.submit(poll, front, job, 25, tag)
        assert all_parked(front, [held, other])
        move(front, job)
        answer = held.result(30)
    assert answer.status == 200 and answer.json()["name"] == "moved"
    assert answer.headers["preference-applied"] == "wait=25"
    assert answer.headers["etag"] != tag


def test_without_a_tag_it_is_held_from_now_on(front, pool):
    job = front.take(order(2))
    with beside_another(front, pool) as other:
        held = pool.submit(poll, front, job, 25)
        assert all_parked(front, [held, other])
        move(front, job)
        assert held.result(30).json()["name"] == "moved"


def test_when_its_time_is_up_nothing_is_new(front):
    job = front.take(order(2))
    tag = plain(front, job).headers["etag"]
    answer = poll(front, job, 1, tag)
    assert answer.status == 304 and answer.body == b""
    assert answer.headers["preference-applied"] == "wait=1"
    assert answer.headers["retry-after"] == "1"


def test_what_the_client_does_not_know_is_told_at_once(front):
    job = front.take(order(2))
    old = plain(front, job).headers["etag"]
    move(front, job)
    wait_until(lambda: plain(front, job).headers["etag"] != old, 10, "the change")
    answer = poll(front, job, 25, old)
    assert answer.status == 200 and "preference-applied" not in answer.headers


@pytest.mark.parametrize("prefer", ["wait=0", "wait", "wait=soon", "respond-async", "", "wait=-5", "waiting=9"])
def test_no_wish_to_wait_is_no_wait(front, prefer):
    job = front.take(order(1, []))
    tag = plain(front, job).headers["etag"]
    answer = front.get(f"{JOBS}/{job}/status", headers={"Prefer": prefer, "If-None-Match": tag})
    assert answer.status == 304 and "preference-applied" not in answer.headers


@pytest.mark.parametrize("prefer", ["respond-async, wait=1", "wait=1; foo=bar", 'wait="1"', "WAIT=1", "wait = 1"])
def test_the_wish_is_found_among_others(front, prefer):
    job = front.take(order(1, []))
    tag = plain(front, job).headers["etag"]
    answer = front.get(f"{JOBS}/{job}/status", headers={"Prefer": prefer, "If-None-Match": tag}, **LONG)
    assert answer.status == 304 and answer.headers["preference-applied"] == "wait=1"


def test_an_ended_job_is_not_waited_for(mariadb):  # noqa: F811
    with installation("front-wait-ended", mariadb, memory=True) as front:
        job = front.take(order(1, [], deadline="PT1S"))
        front.wait_ended(job)
        answer = poll(front, job, 25, plain(front, job).headers["etag"])
        assert answer.status == 304 and "preference-applied" not in answer.headers


def test_a_held_poll_sees_the_job_end_at_its_deadline_without_batchd(mariadb, pool):  # noqa: F811
    """I1: the first read after the deadline ends it; a poll that is held is one, and is held no longer than that."""
    with installation("front-wait-deadline", mariadb, memory=True) as front:
        with beside_another(front, pool):
            job = front.take(order(1, [], deadline="PT2S"))
            answer = poll(front, job, 25, plain(front, job).headers["etag"])
            assert answer.status == 200 and answer.json()["status"] == "failed"


def test_three_hundred_polls_wait_and_hold_no_worker(front, pool):
    jobs = [front.take(order(1, [])) for _ in range(20)]
    tags = {job: plain(front, job).headers["etag"] for job in jobs}
    with beside_another(front, pool) as other:
        held = [pool.submit(poll, front, job, 25, tags[job]) for job in jobs for _ in range(15)]
        assert all_parked(front, [*held, other])
        for job in jobs:
            move(front, job)
        assert {one.result(40).json()["name"] for one in held} == {"moved"}


def test_of_one_job_sixteen_wait(front, pool):
    job = front.take(order(1, []))
    tag = plain(front, job).headers["etag"]
    held = [pool.submit(poll, front, job, 25, tag) for _ in range(17)]
    at_once = next(concurrent.futures.as_completed(held))
    assert at_once.result().status == 304 and "preference-applied" not in at_once.result().headers
    move(front, job)
    assert sorted(one.result(40).status for one in held) == [200] * 16 + [304]


def test_beyond_max_waiting_polls_are_answered_at_once(mariadb):  # noqa: F811
    with installation("front-wait-few", mariadb, memory=True, overrides={"http": {"max_waiting": 0}}) as front:
        job = front.take(order(1, []))
        answer = poll(front, job, 25, plain(front, job).headers["etag"])
        assert answer.status == 304 and "preference-applied" not in answer.headers


def test_wait_max_bounds_the_wait(mariadb):  # noqa: F811
    with installation("front-wait-max", mariadb, memory=True, overrides={"http": {"wait_max": "1s"}}) as front:
        job = front.take(order(1, []))
        answer = poll(front, job, 25, plain(front, job).headers["etag"])
        assert answer.status == 304 and answer.headers["preference-applied"] == "wait=1"


def test_a_stop_answers_those_that_wait(mariadb, pool):  # noqa: F811
    with installation("front-wait-stop", mariadb, memory=True) as front:
        job = front.take(order(1, []))
        tag = plain(front, job).headers["etag"]
        held = [pool.submit(poll, front, job, 25, tag) for _ in range(5)]
        assert all_parked(front, held)
        front.stack.front_ends[0].signal(signal.SIGTERM)
        assert [one.result(20).status for one in held] == [304] * 5
        front.stack.front_ends[0].stop()


def test_a_poll_waits_through_an_outage_of_the_database(breakable, pool):  # noqa: F811
    with installation("front-wait-away", breakable, memory=True) as front:
        job = front.take(order(1, []))
        tag = plain(front, job).headers["etag"]
        with beside_another(front, pool) as other:
            held = pool.submit(poll, front, job, 25, tag)
            assert all_parked(front, [held, other])
            breakable.stop()
            breakable.start()
            wait_until(lambda: front.get("/readyz").status == 200, 30, "the database to be found again")
            move(front, job)
            assert held.result(40).json()["name"] == "moved"


class Limited(FrontEnd):
    """A front end with few descriptors: 64 for the rest, 4 for each of its 2 workers, and 5 places."""

    def __init__(self, *args, **how):
        super().__init__(*args, **how)
        self.argv = ["prlimit", "--nofile=77:77", *self.argv]


def test_descriptors_bound_the_polls_that_wait(front, pool):
    few = front.stack.add_front_end({"http": {"workers": 2}}, kind=Limited)
    job = front.take(order(1, []))
    ask = {"Prefer": "wait=25", "If-None-Match": plain(front, job).headers["etag"]}
    held = [pool.submit(fcgi_client.request, few.socket, "GET", f"{JOBS}/{job}/status", None, ask, timeout=40)
            for _ in range(6)]
    at_once = next(concurrent.futures.as_completed(held)).result()
    assert at_once.status == 304 and "preference-applied" not in at_once.headers
    move(front, job)
    assert sorted(one.result(40).status for one in held) == [200] * 5 + [304]
    assert few.running
