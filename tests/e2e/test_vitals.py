# SPDX-License-Identifier: ISC
"""What systemd is told of batchd and of the front end: readiness, that they live, and a line that says what they are
about."""
import os
import signal
import socket
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

import fcgi_client  # noqa: E402
from front_end import installation, mariadb, order  # noqa: E402, F401
from jobs import sales, wait_until  # noqa: E402
from kills import changed_front_end  # noqa: E402


@pytest.fixture
def manager(tmp_path):
    """A socket as systemd's; takes what is sent to it."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        path = str(tmp_path / "notify.sock")
        server.bind(path)
        server.setblocking(False)
        heard = []

        def take():
            while True:
                try:
                    heard.append(server.recv(4096).decode())
                except BlockingIOError:
                    return heard
        yield path, take
    os.unlink(path)


def last_status(heard):
    return ([text for text in heard if text.startswith("STATUS=")] or [""])[-1]


def test_batchd_says_what_it_is_about(manager):
    path, take = manager
    with sales("vitals") as site:
        site.rules({"match": {"task": "describe"}, "do": "stuck", "status": "in_progress"})
        batchd = site.stack.add_batchd(env={"NOTIFY_SOCKET": path})
        site.take(2)
        wait_until(lambda: last_status(take()) == "STATUS=active: 1 jobs run, 1 batches are open, 0 requests are in flight", 30,
                   "the line")
        assert take()[0] == "READY=1" and "WATCHDOG=1" in take()
        site.rules({"match": {"route": "POST /v1/files"}, "do": "status", "code": 429,
                    "error": {"code": "insufficient_quota", "type": "insufficient_quota", "message": "no money"}})
        site.take(1)
        wait_until(lambda: last_status(take()).endswith("; nothing is sent: insufficient_quota"), 30, "the stop")
        batchd.stop()
        assert "STOPPING=1" in take()


def test_a_standby_says_so(manager):
    path, take = manager
    with sales("vitals-standby") as site:
        site.batchd()
        wait_until(lambda: site.lease()["epoch"], 20, "the first to be active")
        site.stack.add_batchd(env={"NOTIFY_SOCKET": path})
        wait_until(lambda: last_status(take()) == "STATUS=standby: waits for the lease", 30, "the line")
        active = take().count("WATCHDOG=1")
        wait_until(lambda: take().count("WATCHDOG=1") > active, 30, "the watchdog to be fed on")


def begin_upload(site):
    """An order whose body does not come: a worker waits for it."""
    connection = fcgi_client.Connection(site.socket, timeout=60)
    connection.begin(fcgi_client.params_of("POST", "/api/v1/jobs", b"x" * 100, {"Authorization": f"Bearer {site.key}"}))
    return connection


def test_the_front_end_says_how_it_is(manager, mariadb):  # noqa: F811
    path, take = manager
    with installation("vitals-front", mariadb, memory=True) as site:
        front_end = site.stack.front_end
        front_end.stop()
        front_end.env = {**(front_end.env or {}), "NOTIFY_SOCKET": path}
        front_end.start()
        wait_until(lambda: last_status(take()) == "STATUS=serving: 0 of 8 workers are busy, 0 polls wait", 30, "the line")
        assert take()[0] == "READY=1" and "WATCHDOG=1" in take()
        connection = begin_upload(site)
        wait_until(lambda: last_status(take()).startswith("STATUS=serving: 1 of 8"), 30, "the line to say so")
        connection.close()
        front_end.signal(signal.SIGHUP)
        wait_until(lambda: "RELOADING=1" in take() and take().index("RELOADING=1") < len(take()) - 1 -
                   take()[::-1].index("READY=1"), 30, "the reload")
        front_end.stop()
        assert "STOPPING=1" in take()


def test_a_hanging_thread_of_the_front_end_ends_the_feeding(manager, mariadb):  # noqa: F811
    """With a limit of a second, a worker that waits for a body is one that hangs."""
    path, take = manager
    program = changed_front_end("vitals-hang", {"fcgi_app/pulse.c": [("now - at > PULSE_LOST_US", "now - at > 1000000")]})
    with installation("vitals-hang", mariadb, memory=True) as site:
        front_end = site.stack.front_end
        front_end.stop()
        front_end.argv[0] = str(program)
        front_end.env = {**(front_end.env or {}), "NOTIFY_SOCKET": path}
        front_end.start()
        wait_until(lambda: "WATCHDOG=1" in take(), 30, "the watchdog to be fed")
        connection = begin_upload(site)
        wait_until(lambda: "a thread hangs" in front_end.log_text(), 30, "the hanging one to be seen")
        fed = take().count("WATCHDOG=1")
        statuses = len([text for text in take() if text.startswith("STATUS=")])
        wait_until(lambda: len([text for text in take() if text.startswith("STATUS=")]) > statuses, 30, "the main thread to turn")
        assert take().count("WATCHDOG=1") == fed
        connection.close()
        wait_until(lambda: take().count("WATCHDOG=1") > fed, 30, "the watchdog to be fed again")
