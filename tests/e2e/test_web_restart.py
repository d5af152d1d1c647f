# SPDX-License-Identifier: ISC
"""The front end restarts under load: what the clients of each web server see of it.

Where the socket is held for the front end, as by systemd, they see nothing. mod_fcgid's front ends end and begin with
their requests; what it makes of one that is ended from outside is told, and bounded.
"""
import contextlib
import os
import secrets
import signal
import threading
from collections import Counter
from pathlib import Path

import pytest

from front_end import order
from harness.process import wait_until
from web import JOBS, house

pytestmark = pytest.mark.web

CLIENTS = 6
RESTARTS = 3


class Client(threading.Thread):
    """Polls, and orders now and then, until it is told to stop."""

    def __init__(self, web, job):
        super().__init__()
        self.web, self.job = web, job
        self.stopped = threading.Event()
        self.seen = Counter()

    def run(self):
        tag = ""
        for turn in range(1000000):
            if self.stopped.is_set():
                return
            try:
                if turn % 10 == 9:
                    answer = self.web.order(order(1, name=secrets.token_hex(8)))
                else:
                    answer = self.web.get(f"{JOBS}/{self.job}/status", If_None_Match=tag if turn % 2 else "")
                    tag = answer.headers.get("etag", tag)
                self.seen[answer.status] += 1
            except OSError as exc:
                self.seen[type(exc).__name__] += 1

    def stop(self):
        self.stopped.set()
        self.join(120)
        assert not self.is_alive()
        return self.seen


class Load:
    """Several clients at once; what they saw in all."""

    def __init__(self, web):
        job = web.take(order(3, name=secrets.token_hex(8)))
        self.clients = [Client(web, job) for _ in range(CLIENTS)]

    def __enter__(self):
        for client in self.clients:
            client.start()
        self.wait_served()
        return self

    def wait_served(self):
        """Until the clients had some more good answers."""
        before = self.good()
        wait_until(lambda: self.good() > before + 30 * CLIENTS, 60, "clients to be served")

    def good(self):
        return sum(client.seen[200] for client in self.clients)

    def __exit__(self, *_exc):
        self.seen = sum((client.stop() for client in self.clients), Counter())

    def failures(self):
        return {what: n for what, n in self.seen.items() if what not in (200, 202, 304)}

    def told(self, what):
        """The figures, for `pytest -rP`; how many requests failed."""
        print(f"{self.clients[0].web.name}: {sum(self.seen.values())} requests, {what}, failures {self.failures()}")
        return sum(self.failures().values())


@pytest.fixture(scope="module")
def served():
    with house("web-restart", standin=False) as made:
        made.all()
        yield made


SHARED = pytest.mark.parametrize("name", ["lighttpd", "nginx", "apache-proxy-fcgi"])


@SHARED
def test_no_request_is_lost_while_the_front_end_restarts(served, name):
    with Load(served.add(name)) as load:
        for _ in range(RESTARTS):
            assert served.front_end.stop() == 0
            served.front_end.start()
            load.wait_served()
    assert load.told(f"{RESTARTS} restarts") == 0


@SHARED
def test_a_killed_front_end_costs_the_requests_that_it_had(served, name):
    with Load(served.add(name)) as load:
        for _ in range(RESTARTS):
            served.front_end.kill()
            served.front_end.start()
            load.wait_served()
    assert load.told(f"{RESTARTS} kills") <= RESTARTS * CLIENTS
    assert set(load.failures()) <= {500, 502, 503}


def children(server):
    """The front ends below a server that live."""
    parents, found = {}, []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            head, _, rest = stat.read_text().rpartition(")")
            number, _, name = head.partition(" (")
            state, parent = rest.split()[:2]
            parents[int(number)] = int(parent)
            if name == "lotscribe.fcgi" and state != "Z":
                found.append(int(number))
    return {pid for pid in found if server.pid in (parents[pid], parents.get(parents[pid]))}


def test_mod_fcgid_starts_others_for_those_that_end(served):
    web = served.add("apache-fcgid")
    with Load(web) as load:
        old = children(web.server)
        for pid in old:
            os.kill(pid, signal.SIGTERM)
        wait_until(lambda: not old & children(web.server), 30, "the old ones to end", alive=[web.server])
        load.wait_served()
    assert old and children(web.server)
    assert load.told(f"{len(old)} stopped") <= len(old) * CLIENTS
    assert set(load.failures()) <= {500, 503}
