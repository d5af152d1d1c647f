# SPDX-License-Identifier: ISC
"""What systemd is told of batchd: readiness, that its loop turns, and a line that says what it is about."""
import os
import socket
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from jobs import sales, wait_until  # noqa: E402


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
