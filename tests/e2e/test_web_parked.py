# SPDX-License-Identifier: ISC
"""Polls that wait (Prefer: wait=N) behind each web server: they are held, hold no others up, and end when they should.
Behind mod_fcgid, which gives a process one request at a time, none is held."""
import concurrent.futures
import secrets
import socket
import time

import pytest

from front_end import order
from harness.process import wait_until
from web import JOBS, house

pytestmark = pytest.mark.web

WORKERS = 2
POLLS = 48
JOB_POLLS = 12
HOLDING = pytest.mark.parametrize("name", ["lighttpd", "nginx", "apache-proxy-fcgi"])


@pytest.fixture(scope="module")
def served():
    with house("web-parked", {"http": {"workers": WORKERS}}, standin=False) as made:
        yield made


@pytest.fixture
def pool():
    with concurrent.futures.ThreadPoolExecutor(POLLS) as made:
        yield made


def new_job(web):
    """A job and the tag of its status."""
    job = web.take(order(2, name=secrets.token_hex(8)))
    return job, web.get(f"{JOBS}/{job}/status").headers["etag"]


def poll(web, job, tag, wait=25, coding="identity"):
    return web.get(f"{JOBS}/{job}/status", Prefer=f"wait={wait}", If_None_Match=tag, Accept_Encoding=coding)


def move(web, job):
    web.stack.sql("UPDATE job SET version = version + 1 WHERE public_id = %s", (job,))


def wait_taken(served, n):
    """So many polls are with the front end, whichever way they came."""
    wait_until(lambda: served.front_end.connections() == n, 30, "the polls to be taken", alive=[served.front_end])


def are_held(web, polls):
    """More requests are answered than there are workers, and none of the polls."""
    for _ in range(8 * WORKERS):
        assert web.get("/readyz").status == 200
    return not any(one.done() for one in polls)


@HOLDING
@pytest.mark.parametrize("coding", ["identity", "gzip"])
def test_a_poll_is_held_until_the_job_changes(served, pool, name, coding):
    web = served.add(name).wait_ready()
    job, _ = new_job(web)
    tag = web.get(f"{JOBS}/{job}/status", Accept_Encoding=coding).headers["etag"]
    held = pool.submit(poll, web, job, tag, coding=coding)
    wait_taken(served, 1)
    assert are_held(web, [held])
    move(web, job)
    answer = held.result(30)
    assert answer.status == 200 and answer.headers["etag"] != tag
    assert answer.headers["preference-applied"] == "wait=25"
    assert poll(web, job, answer.headers["etag"], 0, coding).status == 304


@HOLDING
def test_when_its_time_is_up_nothing_is_new(served, name):
    web = served.add(name).wait_ready()
    job, tag = new_job(web)
    begun = time.monotonic()
    answer = poll(web, job, tag, 1)
    assert (answer.status, answer.body) == (304, b"")
    assert time.monotonic() - begun > 0.9


@HOLDING
def test_many_polls_are_held_and_hold_nobody_up(served, pool, name):
    web = served.add(name).wait_ready()
    jobs = [new_job(web) for _ in range(POLLS // JOB_POLLS)]
    held = [pool.submit(poll, web, job, tag) for job, tag in jobs for _ in range(JOB_POLLS)]
    wait_taken(served, POLLS)
    assert are_held(web, held)
    other, _ = new_job(web)
    assert web.get(f"{JOBS}/{other}").status == 200
    assert not any(one.done() for one in held)
    for job, _ in jobs:
        move(web, job)
    assert {one.result(30).status for one in held} == {200}


@HOLDING
def test_a_poll_that_was_left_harms_nobody(served, pool, name):
    web = served.add(name).wait_ready()
    job, tag = new_job(web)
    head = f"GET {JOBS}/{job}/status HTTP/1.1\r\nHost: localhost\r\nPrefer: wait=25\r\nIf-None-Match: {tag}\r\n\r\n"
    left = [socket.create_connection(("127.0.0.1", web.server.port)) for _ in range(4)]
    for one in left:
        one.sendall(head.encode())
    held = pool.submit(poll, web, job, tag)
    wait_taken(served, len(left) + 1)
    assert are_held(web, [held])
    for one in left:
        one.close()
    assert are_held(web, [held])
    move(web, job)
    assert held.result(30).status == 200
    assert web.get(f"{JOBS}/{job}/status").status == 200


@HOLDING
def test_held_polls_are_answered_when_the_front_end_restarts(served, pool, name):
    web = served.add(name).wait_ready()
    job, tag = new_job(web)
    held = [pool.submit(poll, web, job, tag) for _ in range(JOB_POLLS)]
    wait_taken(served, JOB_POLLS)
    assert are_held(web, held)
    assert served.front_end.stop() == 0
    served.front_end.start()
    assert {one.result(30).status for one in held} == {304}
    assert web.get(f"{JOBS}/{job}/status").status == 200


def test_behind_mod_fcgid_no_poll_is_held(served, pool):
    web = served.add("apache-fcgid").wait_ready()
    job, tag = new_job(web)
    for held in [pool.submit(poll, web, job, tag) for _ in range(4)]:
        answer = held.result(20)    # less than they asked for
        assert answer.status == 304 and "preference-applied" not in answer.headers
