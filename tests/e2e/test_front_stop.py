# SPDX-License-Identifier: ISC
"""Stopping: what was accepted is answered, and what was answered 202 is in the database."""
import contextlib
import json
import os
import signal
import socket
import struct
import threading

import pytest

import fcgi_client
from front_end import front, installation, mariadb, order, own, breakable  # noqa: F401
from harness.process import free_port, run, wait_until
from harness.stack import FrontEnd

pytestmark = pytest.mark.front_end

JOBS = "/api/v1/jobs"


class Load(threading.Thread):
    """A client that orders and polls until nobody listens any more. Every connection made must be answered."""

    def __init__(self, front, where, started):  # noqa: F811
        super().__init__()
        self.front, self.where, self.started = front, where, started
        self.accepted, self.broken = [], []

    def run(self):
        body = json.dumps(order(3)).encode()
        headers = {"Authorization": f"Bearer {self.front.key}", "Content-Type": "application/json"}
        job = None
        while True:
            for method in ("POST", "GET"):
                sent = body if method == "POST" else None
                uri = JOBS + "?again=1" if sent else f"{JOBS}/{job}/status"
                try:
                    connection = fcgi_client.Connection(self.where)
                except OSError:
                    return
                try:
                    connection.begin(fcgi_client.params_of(method, uri, sent, headers)).send(sent or b"")
                    answer = connection.answer()
                except OSError as exc:
                    self.broken.append(exc)
                    continue
                if not answer.complete or answer.status != (202 if sent else 200):
                    self.broken.append(answer)
                elif sent:
                    job = answer.json()["job_id"]
                    self.accepted.append(job)
                    self.started.set()


def at_a_port(front):  # noqa: F811
    """Another front end of the same installation, at a TCP port."""
    there = front.stack.front_end
    port = FrontEnd(there.argv[0], there.config, f"127.0.0.1:{free_port()}", there.log.with_suffix(".port.log"))
    front.stack.front_ends.append(port)
    return port.start()


@pytest.mark.parametrize("number, port", [(signal.SIGTERM, False), (signal.SIGINT, False), (signal.SIGUSR1, False),
                                          (signal.SIGTERM, True)])
def test_a_stop_under_load_answers_all_that_was_accepted(mariadb, number, port):  # noqa: F811
    """At a port those who come later are not let in, but try until it is gone."""
    with installation("front-stop", mariadb) as front:  # noqa: F811
        process = at_a_port(front) if port else front.stack.front_end
        clients = [Load(front, process.socket, threading.Event()) for _ in range(16)]
        for client in clients:
            client.start()
        for client in clients:
            assert client.started.wait(60)
        process.signal(number)
        assert process.wait(60) == 0
        for client in clients:
            client.join(60)
        assert [what for client in clients for what in client.broken] == []
        told = sorted(job for client in clients for job in client.accepted)
        kept = sorted(row["public_id"] for row in front.sql("SELECT public_id FROM job WHERE visible = 1"))
        assert told == kept and len(kept) >= 16
        assert not os.path.exists(process.socket)
        process.start()
        assert front.status(told[0])["job_id"] == told[0]


def test_an_upload_in_the_middle_of_a_stop_is_completed(own):
    body = json.dumps(order(3)).encode()
    headers = {"Authorization": f"Bearer {own.key}", "Content-Type": "application/json"}
    connection = fcgi_client.Connection(own.socket)
    connection.begin(fcgi_client.params_of("POST", JOBS, body, headers)).send(body[:10], end=False)
    # The poll comes after it and is answered: the upload is in a worker's hands.
    own.get("/healthz")
    own.stack.front_end.signal(signal.SIGTERM)
    wait_until(lambda: "stopping" in own.stack.front_end.log_text(), 30, "the stop to begin")
    assert own.stack.front_end.running
    answer = connection.send(body[10:]).answer()
    assert answer.status == 202
    assert own.stack.front_end.wait(60) == 0
    assert own.row(answer.json()["job_id"])["visible"] == 1


def test_a_silent_client_does_not_hold_the_stop_up(own):
    silent = [fcgi_client.Connection(own.socket) for _ in range(3)]
    own.get("/healthz")
    own.stack.front_end.signal(signal.SIGTERM)
    assert own.stack.front_end.wait(20) == 0
    for connection in silent:
        connection.close()


@pytest.mark.parametrize("said", [b"", b"\x01"])
def test_peers_that_do_not_finish_their_heads_hold_nobody_up(own, said):
    """As many as there are workers, and more: a health check that only connects, a web server stopped in mid-header."""
    silent = [socket.socket(socket.AF_UNIX) for _ in range(2 * 8)]
    for peer in silent:
        peer.connect(own.socket)
        peer.sendall(said)
    assert own.get("/healthz").status == 200
    own.stack.front_end.signal(signal.SIGTERM)
    assert own.stack.front_end.wait(30) == 0
    for peer in silent:
        peer.close()


class Drip(threading.Thread):
    """A peer whose head comes byte by byte and would take hours: until its connection ends."""

    def __init__(self, where):
        super().__init__(daemon=True)
        self.connection = fcgi_client.Connection(where)
        head = fcgi_client.record(fcgi_client.BEGIN, b"\0\1" + bytes(6))
        self.connection.socket.sendall(head + struct.pack(">BBHHBB", 1, fcgi_client.PARAMS, 1, 65535, 0, 0))
        self.connection.socket.settimeout(0.2)

    def run(self):
        with contextlib.suppress(OSError):
            while True:
                self.connection.socket.send(b"\0")
                with contextlib.suppress(socket.timeout):
                    if not self.connection.socket.recv(1):
                        return


def test_a_peer_whose_head_drips_loses_its_connection(front):
    other = front.stack.add_front_end({"http": {"workers": 1}})
    for _ in range(2):
        drip = Drip(other.socket)
        drip.start()
        assert fcgi_client.request(other.socket, "GET", "/healthz").status == 200
        drip.join(30)
        assert not drip.is_alive()
    drip = Drip(other.socket)
    drip.start()
    other.signal(signal.SIGTERM)
    assert other.wait(20) == 0
    drip.join(30)
    assert not drip.is_alive()


def test_a_connection_that_wants_to_stay_is_closed_after_its_answer(own):
    """A kept one would hold a worker in read(), and the stop up. answer() reads on to the connection's end."""
    for _ in range(2 * 8):
        connection = fcgi_client.Connection(own.socket, timeout=20)
        connection.begin(fcgi_client.params_of("GET", "/healthz"), keep=True).send(b"")
        assert connection.answer().status == 200
    own.stack.front_end.signal(signal.SIGTERM)
    assert own.stack.front_end.wait(20) == 0


def test_a_second_process_on_the_same_socket_is_refused(own):
    done = run(own.stack.front_end.argv, check=False)
    assert done.returncode == 71 and "another process" in done.stderr
    assert own.get("/healthz").status == 200
