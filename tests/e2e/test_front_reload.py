# SPDX-License-Identifier: ISC
"""SIGHUP: lotscribe.fcgi reads its configuration again. What is under way ends as it began, nothing is refused meanwhile, and
a faulty file changes nothing."""
import json
import signal
import threading

import pytest

import fcgi_client
from front_end import UNKNOWN, front, installation, mariadb, order  # noqa: F401
from harness import config as conf
from harness.process import wait_until

pytestmark = pytest.mark.front_end

READ = "configuration read again"
KEPT = "configuration kept"


@pytest.fixture
def site(mariadb):  # noqa: F811
    with installation("front-reload", mariadb, memory=True, overrides={"http": {"rate": 0}}) as made:
        yield made


def hang_up(site, said=READ):
    before = site.stack.front_end.log_text().count(said)
    site.stack.front_end.signal(signal.SIGHUP)
    wait_until(lambda: site.stack.front_end.log_text().count(said) > before, 30, f'"{said}"', alive=site.stack.front_ends)


def configure(site, overrides):
    conf.write(site.stack.front_end.config, conf.merged(site.stack.config("web"), overrides))


def threads(site):
    return int(next(line.split()[1] for line in open(f"/proc/{site.stack.front_end.pid}/status", encoding="ascii")
                    if line.startswith("Threads:")))


def test_what_the_file_says_takes_effect(site):
    job = site.take(order(1))
    before = threads(site)  # of them 8 workers
    assert site.get(f"/api/v1/jobs/{job}/status").status == 200
    configure(site, {"http": {"public_read": False, "workers": 3, "max_waiting": 0}, "job": {"max_lots": 1}})
    hang_up(site)
    assert site.get(f"/api/v1/jobs/{job}/status").status == 401
    assert site.raw("POST", "/api/v1/jobs", order(2), site.key).status == 422
    wait_until(lambda: threads(site) == before - 8 + 3, 30, "the threads of before to end")


def test_another_prompt_is_of_the_orders_to_come(site, tmp_path):
    site.take(order(1))
    prompt = tmp_path / "other.prompt"
    prompt.write_text("Describe it otherwise.\n")
    configure(site, {"describe": {"prompt_file": str(prompt)}})
    hang_up(site)
    site.take(order(1))
    rows = site.sql("SELECT r.prompt FROM job j JOIN recipe r ON r.id = j.describe_recipe ORDER BY j.id")
    assert ["Describe it otherwise." in str(row["prompt"]) for row in rows] == [False, True]


@pytest.mark.parametrize("fault, why", [
    ("http {\n\tworkers = 0\n}\n", ":2: http.workers"), ("http {\n", ":1:"), ("nothing { }\n", ":1:")])
def test_a_faulty_file_changes_nothing(site, fault, why):
    job = site.take(order(1))
    before = site.stack.front_end.config.read_text()
    site.stack.front_end.config.write_text(fault)
    hang_up(site, KEPT)
    assert f"{site.stack.front_end.config}{why}" in site.stack.front_end.log_text()
    assert site.get(f"/api/v1/jobs/{job}/status").status == 200
    site.take(order(2))
    site.stack.front_end.config.write_text(before)
    hang_up(site)


def test_no_request_fails_while_it_reloads(site):
    """Orders and polls of four clients, over twenty reloads."""
    done, failures = threading.Event(), []
    counts = [0] * 4

    def load(n):
        job = site.take(order(1))
        while not done.is_set():
            for method, uri, body in (("GET", f"/api/v1/jobs/{job}/status", None), ("POST", "/api/v1/jobs", order(1))):
                answer = site.raw(method, uri, body, site.key)
                if answer.status not in (200, 202) or not answer.complete:
                    failures.append(answer)
                counts[n] += 1

    clients = [threading.Thread(target=load, args=(n,)) for n in range(4)]
    for client in clients:
        client.start()
    for _ in range(20):
        before = sum(counts)
        hang_up(site)
        wait_until(lambda: sum(counts) >= before + 8, 30, "some more requests", alive=site.stack.front_ends)
    done.set()
    for client in clients:
        client.join(60)
    assert failures == []
    assert sum(counts) >= 160


def test_an_upload_under_way_ends_under_the_old_configuration(site):
    body = json.dumps(order(2)).encode()
    headers = {"Authorization": f"Bearer {site.key}", "Content-Type": "application/json"}
    connection = fcgi_client.Connection(site.socket, timeout=30)
    connection.begin(fcgi_client.params_of("POST", "/api/v1/jobs", body, headers))
    connection.send(body[:20], end=False)
    wait_until(lambda: site.stack.front_end.connections() == 1, 30, "the upload to be taken")
    configure(site, {"job": {"max_lots": 1}})
    hang_up(site)
    assert site.raw("POST", "/api/v1/jobs", order(2), site.key).status == 422
    connection.send(body[20:])
    assert connection.answer().status == 202


def test_a_poll_that_waits_is_answered(site):
    job = site.take(order(1))
    tag = site.get(f"/api/v1/jobs/{job}/status").headers["etag"]
    answers = []
    poll = threading.Thread(target=lambda: answers.append(site.get(
        f"/api/v1/jobs/{job}/status", headers={"Prefer": "wait=25", "If-None-Match": tag}, timeout=40)))
    poll.start()
    wait_until(lambda: site.stack.front_end.connections() == 1, 30, "the poll to wait")
    hang_up(site)
    poll.join(10)
    assert [answer.status for answer in answers] == [304]


def test_the_level_of_the_log_follows(site):
    site.get(f"/api/v1/jobs/{UNKNOWN}/status")
    assert "request method=" not in site.stack.front_end.log_text()
    configure(site, {"log": {"level": "debug"}})
    hang_up(site)
    site.get(f"/api/v1/jobs/{UNKNOWN}/status")
    wait_until(lambda: "request method=GET" in site.stack.front_end.log_text(), 30, "the request in the log")


def test_it_stops_with_what_earlier_reloads_left(site):
    """Bodies that do not come keep the workers of before; the stop waits for them, and takes no new reload."""
    sockets = []
    for _ in range(2):
        connection = fcgi_client.Connection(site.socket, timeout=60)
        connection.begin(fcgi_client.params_of("POST", "/api/v1/jobs", b"x" * 100, {"Authorization": f"Bearer {site.key}"}))
        connection.send(b"x", end=False)
        sockets.append(connection)
        wait_until(lambda: site.stack.front_end.connections() == len(sockets), 30, "the upload to be taken")
        hang_up(site)
    site.stack.front_end.signal(signal.SIGTERM)
    wait_until(lambda: "stopping signal=15" in site.stack.front_end.log_text(), 30, "the stop")
    for connection in sockets:
        connection.close()
    assert site.stack.front_end.wait(40) == 0
