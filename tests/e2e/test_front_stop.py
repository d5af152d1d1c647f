# SPDX-License-Identifier: ISC
"""Stopping: what was accepted is answered, and what was answered 202 is in the database."""
import json
import os
import signal
import socket
import threading

import pytest

import fcgi_client
from front_end import front, installation, mariadb, order, own, breakable  # noqa: F401
from harness.process import run, wait_until

pytestmark = pytest.mark.front_end

JOBS = "/api/v1/jobs"


class Load(threading.Thread):
    """A client that orders and polls until nobody listens any more. Every connection made must be answered."""

    def __init__(self, front, started):  # noqa: F811
        super().__init__()
        self.front, self.started = front, started
        self.accepted, self.broken = [], []

    def run(self):
        body = json.dumps(order(3)).encode()
        headers = {"Authorization": f"Bearer {self.front.key}", "Content-Type": "application/json"}
        job = None
        while True:
            for method in ("POST", "GET"):
                sent = body if method == "POST" else None
                uri = JOBS if sent else f"{JOBS}/{job}/status"
                try:
                    connection = fcgi_client.Connection(self.front.socket)
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


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1])
def test_a_stop_under_load_answers_all_that_was_accepted(mariadb, number):  # noqa: F811
    with installation("front-stop", mariadb) as front:  # noqa: F811
        clients = [Load(front, threading.Event()) for _ in range(16)]
        for client in clients:
            client.start()
        for client in clients:
            assert client.started.wait(60)
        front.stack.front_end.signal(number)
        assert front.stack.front_end.wait(60) == 0
        for client in clients:
            client.join(60)
        assert [what for client in clients for what in client.broken] == []
        told = sorted(job for client in clients for job in client.accepted)
        kept = sorted(row["public_id"] for row in front.sql("SELECT public_id FROM job WHERE visible = 1"))
        assert told == kept and len(kept) >= 16
        assert not os.path.exists(front.stack.front_end.socket)
        front.stack.front_end.start()
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


def test_a_connection_that_wants_to_stay_is_closed_after_its_answer(own):
    """A kept one would hold a worker in read(), and the stop up. answer() reads on to the connection's end."""
    for _ in range(2 * 8):
        connection = fcgi_client.Connection(own.socket, timeout=20)
        connection.begin(fcgi_client.params_of("GET", "/healthz"), keep=True).send(b"")
        assert connection.answer().status == 200
    own.stack.front_end.signal(signal.SIGTERM)
    assert own.stack.front_end.wait(20) == 0


def test_a_hangup_does_not_end_the_program(own):
    own.stack.front_end.signal(signal.SIGHUP)
    wait_until(lambda: "reload ignored" in own.stack.front_end.log_text(), 30, "the signal to be seen")
    assert own.get("/healthz").status == 200


def test_a_second_process_on_the_same_socket_is_refused(own):
    done = run(own.stack.front_end.argv, check=False)
    assert done.returncode == 71 and "another process" in done.stderr
    assert own.get("/healthz").status == 200
