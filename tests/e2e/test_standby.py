# SPDX-License-Identifier: ISC
"""One active batchd: a standby takes over from one that was killed or stands still, and what that one does when it
wakes up changes nothing and pays nothing (DESIGN, "One active batchd")."""
import contextlib
import os
import select
import socket
import threading
from pathlib import Path

import pytest

from kills import CONTENT, CREATE, UPLOAD, site, wait_log
from harness import config as conf
from harness.process import socket_path, wait_until

# A batchd that wakes up learns within a third of it that it is over. Where a test does not wait for its end, it ends
# it by hand, and the one that stood still believes that it has it.
LEASE = {"daemon": {"lease": "4s"}}


@pytest.fixture(scope="module")
def quick():
    with site("standby", LEASE) as made:
        yield made


class Pair:
    """A job in work, its active batchd held at a call, and a standby."""

    def __init__(self, quick, *rules, lots=3, overrides=None, both=None):
        for batchd in quick.stack.batchds:
            assert batchd.stop() in (0, -9, None)
        quick.standin.call("POST", "/_standin/reset")
        quick.rules(*rules)
        self.quick = quick
        self.first = quick.batchd(conf.merged(both or {}, overrides or {}))
        wait_log(self.first, "lease taken")
        self.second = quick.batchd(both)
        self.epoch = quick.lease()["epoch"]
        self.job = quick.take(lots)

    def taken_over(self, by_itself=False):
        if not by_itself:
            self.quick.end_lease()
        wait_log(self.second, "lease taken")
        assert self.quick.active() is self.second
        assert self.quick.lease()["epoch"] == self.epoch + 1

    def wake(self):
        """The first goes on after a stop, once the job has ended: it gives up, and no row has moved."""
        before, call = self.quick.rows(), self.quick.last_call()
        self.first.resume()
        wait_log(self.first, "lease lost")
        assert self.quick.rows() == before
        assert self.quick.calls(CREATE, after=call) == []
        assert self.quick.lease()["epoch"] == self.epoch + 1

    def prove(self, batches=2):
        self.quick.wait_full(self.job)
        self.quick.wait_swept()
        self.quick.prove(batches)


def slow(route, task, nth=1):
    return {"match": {"route": route, "task": task, "nth": nth}, "do": "slow", "seconds": 600}


def test_two_batchd_one_active(quick):
    pair = Pair(quick)
    pair.prove()
    assert "lease taken" not in pair.second.log_text()
    assert pair.first.stop() == 0            # gives the lease back: the other need not wait for its end
    pair.taken_over(by_itself=True)


def test_I3_a_standby_takes_over_after_kill_9(quick):
    pair = Pair(quick, slow(CONTENT, "translate"))
    quick.wait_call(CONTENT, "received", count=2)
    pair.first.kill()
    pair.taken_over(by_itself=True)
    pair.prove()


@pytest.mark.parametrize("route", [UPLOAD, CONTENT])
def test_I6_a_batchd_that_stood_still_changes_nothing_with_the_answer_it_finds(quick, route):
    pair = Pair(quick, slow(route, "translate"))
    quick.wait_call(route, "received", count=2)
    pair.first.pause()
    quick.release()                          # the answer lies in its socket
    pair.taken_over()
    pair.prove()
    pair.wake()
    pair.prove()
    pair.second.kill()                       # it is a standby now
    wait_until(lambda: quick.active() is pair.first, 30, "the first to take over again")


def test_I6_a_batchd_that_stood_still_cannot_move_a_row_that_waits_for_the_same_answer(quick):
    pair = Pair(quick, {"match": {"route": UPLOAD, "task": "translate", "times": 2}, "do": "slow", "seconds": 600})
    quick.wait_call(UPLOAD, "received", count=2)
    pair.first.pause()
    quick.release()
    pair.taken_over()
    quick.wait_call(UPLOAD, "received", count=3)     # the other uploads too, and waits
    before = quick.rows()
    assert quick.wait_phase("uploading")["input_file_id"] is None
    pair.first.resume()
    wait_log(pair.first, "the lease was taken by another batchd")
    wait_log(pair.first, "lease lost")
    assert quick.rows() == before
    quick.release()
    pair.prove()


def test_I3_a_create_that_arrives_while_its_batchd_stands_still_is_adopted(quick):
    pair = Pair(quick, slow(CREATE, "translate"))
    quick.wait_call(CREATE, "received", count=2)
    pair.first.pause()
    quick.release()
    pair.taken_over()
    pair.prove()
    assert len(quick.calls(CREATE)) == 2
    pair.wake()
    pair.prove()


def test_I3_a_create_that_arrives_after_the_standbys_fence_fails(quick):
    pair = Pair(quick, slow(CREATE, "translate"))
    quick.wait_call(CREATE, "received", count=2)
    pair.first.pause()
    pair.taken_over()
    quick.wait_full(pair.job)
    quick.wait_swept()
    quick.release()
    quick.wait_call(CREATE, "executed", count=3)
    assert sorted(call["status"] // 100 for call in quick.calls(CREATE)) == [2, 2, 4]
    pair.wake()
    pair.prove()


# ---- Stopped before the create is sent: between the commit of the intent and the call.

class Holding:
    """A socket before MariaDB that holds back the answers from when `when` is true after one, until let go."""

    def __init__(self, server, path, when):
        self.held = threading.Event()
        self._server, self._when = server, when
        self._go = threading.Event()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(path)
        self._listener.listen(16)
        threading.Thread(target=self._accept, daemon=True).start()

    def let_go(self):
        self._go.set()

    def stop(self):
        self._go.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.socket(socket.AF_UNIX)
                server.connect(self._server)
                threading.Thread(target=self._copy, args=(client, server, False), daemon=True).start()
                threading.Thread(target=self._copy, args=(server, client, True), daemon=True).start()

    def _copy(self, source, sink, is_answer):
        with contextlib.suppress(OSError):
            while part := source.recv(65536):
                if is_answer and not self.held.is_set() and self._when():
                    self.held.set()
                    self._go.wait()
                sink.sendall(part)
        for sock in (source, sink):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)


def test_I3_a_create_decided_before_a_stop_is_not_sent_after_the_lease(quick):
    path = socket_path(quick.stack.work / "run", "holding.sock")
    proxy = Holding(quick.stack.mariadb.socket, path, lambda: bool(quick.sql("SELECT 1 FROM batch WHERE phase = 'creating'")))
    try:
        # Refused once, so that the create is begun in a tick, after the lease was looked at.
        pair = Pair(quick, {"match": {"route": CREATE, "nth": 1}, "do": "status", "code": 429},
                    overrides={"database": {"socket": path}, "daemon": {"lease": "3s"}})
        wait_until(proxy.held.is_set, 30, "the intent to create to be committed")
        pair.first.pause()
        proxy.let_go()                       # the commit's answer lies in its socket
        pair.taken_over(by_itself=True)
        pair.prove()
        pair.wake()
        pair.prove()
    finally:
        pair.first.stop()
        proxy.stop()


class Door:
    """A TCP port before the stand-in that can be blocked: who then connects waits, as for a provider out of reach."""

    def __init__(self, port):
        self._to = port
        self._blocked, self._idle, self._open = threading.Event(), threading.Event(), threading.Event()
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(0)
        self.port = self._listener.getsockname()[1]
        self._crowd = []
        threading.Thread(target=self._accept, daemon=True).start()

    def block(self):
        self._blocked.set()
        self._idle.wait()
        for _ in range(8):                   # fill the queue of those that wait to be accepted
            waiting = socket.socket()
            waiting.setblocking(False)
            waiting.connect_ex(("127.0.0.1", self.port))
            self._crowd.append(waiting)

    def open(self):
        for waiting in self._crowd:
            waiting.close()
        self._blocked.clear()
        self._open.set()

    def stop(self):
        self.open()
        self._listener.close()

    def _accept(self):
        with contextlib.suppress(OSError, ValueError):
            while True:
                if self._blocked.is_set():
                    self._idle.set()
                    self._open.wait()
                elif select.select([self._listener], [], [], 0.02)[0]:
                    self._pass(self._listener.accept()[0])

    def _pass(self, client):
        server = socket.create_connection(("127.0.0.1", self._to))
        for source, sink in ((client, server), (server, client)):
            threading.Thread(target=self._copy, args=(source, sink), daemon=True).start()

    @staticmethod
    def _copy(source, sink):
        with contextlib.suppress(OSError):
            while part := source.recv(65536):
                sink.sendall(part)
        for sock in (source, sink):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)


def connecting(batchd, port):
    """Whether the batchd has a connection to this port that is not established (SYN_SENT)."""
    tables = (Path(f"/proc/{batchd.pid}/net/tcp")).read_text().splitlines()[1:]
    inodes = {os.readlink(f"/proc/{batchd.pid}/fd/{fd}") for fd in os.listdir(f"/proc/{batchd.pid}/fd")}
    return {row.split()[3] for row in tables if row.split()[2].endswith(f":{port:04X}")
            and f"socket:[{row.split()[9]}]" in inodes}


def test_I3_a_create_that_could_not_connect_before_a_stop_is_not_sent_after_it(quick):
    door = Door(quick.standin.port)
    try:
        pair = Pair(quick, slow(UPLOAD, "describe"), overrides={"daemon": {"lease": "3s"}}, both={
            "openai": {"base_url": f"http://127.0.0.1:{door.port}/v1"}})
        quick.wait_call(UPLOAD, "received")
        door.block()
        quick.release()
        quick.wait_phase("creating")
        wait_until(lambda: "02" in connecting(pair.first, door.port), 30, "the create to be connecting")
        pair.first.pause()
        door.open()
        pair.taken_over(by_itself=True)
        pair.prove()
        # The kernel connects by itself; all that is missing is batchd's request.
        wait_until(lambda: "02" not in connecting(pair.first, door.port), 30, "the connection to stand")
        pair.wake()
        pair.prove()
        assert len(quick.calls(CREATE)) == 2
    finally:
        pair.first.stop()
        door.stop()
