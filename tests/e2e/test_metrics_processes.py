# SPDX-License-Identifier: ISC
"""Several front ends behind one socket that count in one file: each tells the same, a kill -9 takes back no count, and leaves no
gauge behind."""
import contextlib
import http.client
import os
import signal
import threading

import pytest

import fcgi_client
import metrics
from front_end import UNKNOWN, installation, mariadb, order  # noqa: F401
from harness.process import wait_until
from harness.stack import ActivatedFrontEnd, find_program

pytestmark = pytest.mark.front_end

JOBS = "/api/v1/jobs"
STATUS = JOBS + "/{id}/status"


class Pair:
    """Two processes, `a` and `b`, that take requests from one socket; one alone takes them while the other stands still."""

    def __init__(self, front, overrides=None):
        self.front = front
        self.file = front.stack.work / "metrics"
        http_keys = {"metrics_file": str(self.file), "metrics_public": True, **(overrides or {})}
        self.a = front.stack.add_front_end({"http": http_keys}, kind=ActivatedFrontEnd)
        self.socket = self.a.socket
        self.b = ActivatedFrontEnd(find_program(front.stack.build, "lotscribe.fcgi"), self.a.config, self.socket,
                                   front.stack.logs / "second.log")
        self.b.stdin = self.a.stdin
        front.stack.front_ends.append(self.b)
        self.b.start()
        self.wait_processes(2)

    @contextlib.contextmanager
    def alone(self, one):
        other = self.b if one is self.a else self.a
        other.pause()
        try:
            yield
        finally:
            other.resume()

    def scrape(self):
        return metrics.scrape(self.socket)

    def get(self, uri, **headers):
        return fcgi_client.request(self.socket, "GET", uri, None, headers)

    def wait_processes(self, n):
        wait_until(lambda: self.scrape()["lotscribe_front_end_processes"] == n, 30, f"{n} processes")


@pytest.fixture
def pair(mariadb):  # noqa: F811
    with installation("metrics-pair", mariadb, memory=True) as made:
        yield Pair(made)


def without_scrapes(found):
    return {sample: n for sample, n in found.items() if 'route="/metrics"' not in sample and "body_bytes" not in sample}


def test_the_sum_of_two_processes_is_right_and_each_tells_it(pair):
    job = pair.front.take(order(1))
    before = metrics.requests(pair.scrape(), route=STATUS)
    for one, n in ((pair.a, 30), (pair.b, 50)):
        with pair.alone(one):
            for _ in range(n):
                assert pair.get(f"{JOBS}/{job}/status").status == 200
            assert pair.get(f"{JOBS}/{UNKNOWN}/status").status == 404
    told = []
    for one in (pair.a, pair.b):
        with pair.alone(one):
            told.append(pair.scrape())
    assert metrics.requests(told[0], route=STATUS) - before == 82
    assert metrics.requests(told[0], route=STATUS, code="404") == 2
    counted = [{s: n for s, n in without_scrapes(t).items() if s in dict(metrics.counters(t))} for t in told]
    assert counted[0] == counted[1]
    for found in told:
        assert (found["lotscribe_front_end_processes"], found["lotscribe_workers"]) == (2, 16)
        assert found["lotscribe_polls_parked_limit"] == 2 * 1024


def test_the_file_is_the_owners_alone_and_of_this_program(pair):
    files = list(pair.file.parent.glob("metrics.*"))
    assert len(files) == 1 and files[0].stat().st_mode & 0o777 == 0o600


class Load:
    """Threads that ask until the end; what breaks off with a killed process is no matter."""

    def __init__(self, pair, job):
        self.pair, self.job, self.answered = pair, job, 0
        self._stop, self._lock = threading.Event(), threading.Lock()
        self._threads = [threading.Thread(target=self._ask) for _ in range(6)]

    def _ask(self):
        while not self._stop.is_set():
            with contextlib.suppress(OSError, ValueError, IndexError, AttributeError, http.client.HTTPException, AssertionError):
                answer = self.pair.get(f"{JOBS}/{self.job}/status")
                if answer.complete and answer.status == 200:
                    with self._lock:
                        self.answered += 1

    def wait_more(self, n):
        wanted = self.answered + n
        wait_until(lambda: self.answered >= wanted, 60, "more answers")

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_exc):
        self._stop.set()
        for thread in self._threads:
            thread.join()


def kill(process):
    os.kill(process.pid, signal.SIGKILL)
    wait_until(lambda: not process.running, 30, "the end of a killed process")


def test_a_kill_under_load_takes_back_no_count_and_leaves_no_gauge(pair):
    job = pair.front.take(order(1))
    first = metrics.requests(pair.scrape(), route=STATUS, code="200")
    seen = pair.scrape()

    def look():
        """No counter is lower than it was."""
        nonlocal seen
        found = pair.scrape()
        fallen = {s: (n, found.get(s, 0)) for s, n in metrics.counters(seen) if found.get(s, 0) < n}
        assert fallen == {}
        seen = found
    with Load(pair, job) as load:
        for victim in (pair.b, pair.a, pair.b):
            load.wait_more(200)
            look()
            kill(victim)
            look()
            load.wait_more(100)
            look()
            assert seen["lotscribe_front_end_processes"] == 1
            victim.start()
            pair.wait_processes(2)
    look()
    # every answer was counted before it was whole; what was counted and not received died on its way
    counted = metrics.requests(seen, route=STATUS, code="200") - first
    assert load.answered <= counted <= load.answered + 3 * 8
    assert (seen["lotscribe_workers"], seen["lotscribe_workers_busy"]) == (16, 1)


def test_polls_of_a_killed_process_are_parked_no_more(pair):
    job = pair.front.take(order(1))
    polls = []
    with pair.alone(pair.b):
        for _ in range(5):
            params = fcgi_client.params_of("GET", f"{JOBS}/{job}/status", None, {"Prefer": "wait=25"})
            polls.append(fcgi_client.Connection(pair.socket).begin(params).send(b""))
        wait_until(lambda: pair.scrape()["lotscribe_polls_parked"] == 5, 20, "five to be parked")
    with pair.alone(pair.a):
        assert pair.scrape()["lotscribe_polls_parked"] == 5     # of the other
    kill(pair.b)
    found = pair.scrape()
    assert (found["lotscribe_polls_parked"], found["lotscribe_front_end_processes"], found["lotscribe_workers"]) == (0, 1, 8)
    for poll in polls:
        poll.close()


def test_counts_outlive_a_restart_of_all(pair):
    job = pair.front.take(order(1))
    for _ in range(10):
        pair.get(f"{JOBS}/{job}/status")
    before = pair.scrape()
    for process in (pair.a, pair.b):
        process.stop()
    for process in (pair.a, pair.b):
        process.start()
    pair.wait_processes(2)
    after = pair.scrape()
    for sample, n in metrics.counters(before):
        assert after[sample] >= n
    assert metrics.requests(after, route=STATUS) == metrics.requests(before, route=STATUS)
    assert after["lotscribe_counting_start_time_seconds"] == before["lotscribe_counting_start_time_seconds"]
    assert after["lotscribe_front_end_start_time_seconds"] > before["lotscribe_front_end_start_time_seconds"]


def test_a_file_that_cannot_be_used_costs_no_more_than_that(mariadb):  # noqa: F811
    with installation("metrics-file", mariadb) as made:
        other = made.stack.add_front_end({"http": {"metrics_file": "/nowhere/metrics", "metrics_public": True}})
        assert metrics.scrape(other.socket)["lotscribe_front_end_processes"] == 1
        assert "metrics not shared" in other.log_tail()
