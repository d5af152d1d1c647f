# SPDX-License-Identifier: ISC
"""/metrics: who may see it, that what it counts is what was done, and that it says what the database has."""
import re
import signal
import threading
import time

import pytest

import fcgi_client
import metrics
from front_end import UNKNOWN, breakable, installation, mariadb, order, own  # noqa: F401
from harness import config as conf
from harness.process import wait_until
from metrics import MEDIA_TYPE, METRICS

pytestmark = pytest.mark.front_end

JOBS = "/api/v1/jobs"
PROMISED_S = 2.0


@pytest.fixture(scope="module")
def front(mariadb):  # noqa: F811
    with installation("metrics", mariadb, memory=True) as made:
        made.admin = made.stack.new_key("housekeeper", "admin")
        yield made


def scrape(front, socket=None):
    return metrics.scrape(socket or front.socket, front.admin)


def added(front, do, socket=None):
    """What do() added to each sample; the scrapes' own traces are left out."""
    before = scrape(front, socket)
    do()
    after = scrape(front, socket)
    return {sample: after[sample] - before.get(sample, 0) for sample in after
            if after[sample] != before.get(sample, 0) and 'route="/metrics"' not in sample}


# ---- who and how


def test_the_operators_key_is_needed(front):
    for key, status in ((None, 401), ("lot_x", 401), (front.key, 403), (front.stack.new_key("demo", "read"), 403),
                        (front.admin, 200)):
        assert metrics.ask(front.socket, key).status == status
        assert metrics.ask(front.socket, key, "HEAD").status == status


def test_it_can_be_for_everyone(front):
    everyone = front.stack.add_front_end({"http": {"metrics_public": True, "base_path": "/house"}})
    found = metrics.scrape(everyone.socket, uri="/house/metrics")
    assert found["lotscribe_database_up"] == 1
    assert metrics.ask(everyone.socket).status == 404
    assert metrics.ask(everyone.socket, method="POST", uri="/house/metrics").status == 405


def test_it_goes_through_the_web_server(front):
    answer = front.stack.get(METRICS, key=front.admin)
    assert (answer.status, answer.headers["content-type"]) == (200, MEDIA_TYPE)
    assert metrics.parse(answer.body.decode())["lotscribe_database_up"] == 1


def test_promtool_finds_no_fault(front):
    job = front.take(order(2))
    for method, uri in (("GET", f"{JOBS}/{job}"), ("PUT", JOBS), ("OPTIONS", JOBS), ("GET", "/x"), ("GET", JOBS)):
        front.raw(method, uri)
    answer = metrics.ask(front.socket, front.admin)
    assert metrics.promtool("check", "metrics", text=answer.body) == ""
    assert "POST" in answer.body.decode()


def test_promtool_finds_faults():
    assert "_total" in metrics.promtool("check", "metrics", text=b"# HELP a b\n# TYPE a counter\na 1\n")


def test_nothing_tells_a_job_an_account_or_a_key(front):
    job = front.take(order(1, name="Sale of a teapot"))
    front.raw("GET", f"{JOBS}/{job}/status")
    front.raw("POST", f"{JOBS}/{job}/cancel", None, front.key)
    front.raw("GET", f"/{job}/teapot")
    front.raw("TEAPOT", f"{JOBS}/{job}")
    text = metrics.ask(front.socket, front.admin).body.decode()
    assert not re.search(r"[0-9a-f]{8}-[0-9a-f]{4}|teapot|demo|housekeeper|lot_", text, re.I)
    assert not any(part in text for part in (job[:8], job[-12:], front.key[4:], front.admin[4:]))


# ---- what the front end counts


def test_each_request_counts_once_by_route_method_and_code(front):
    job = front.take(order(1))
    tag = front.get(f"{JOBS}/{job}/status").headers["etag"]

    def do():
        for _ in range(3):
            front.get(f"{JOBS}/{job}/status")
        front.get(f"{JOBS}/{job.upper()}/status")
        front.get(f"{JOBS}/{job}/status", headers={"If-None-Match": tag})
        front.raw("HEAD", f"{JOBS}/{job}")
        front.get(f"{JOBS}/{UNKNOWN}/status")
        front.raw("PUT", f"{JOBS}/{job}")
        front.get("/elsewhere")
        front.get("/?x=%")
        front.raw("POST", JOBS, {}, front.key)
    found = added(front, do)
    counted = {sample: n for sample, n in found.items() if sample.startswith("lotscribe_http_requests_total")}
    assert counted == {f'lotscribe_http_requests_total{{route="{route}",method="{method}",code="{code}"}}': n
                       for route, method, code, n in [
                           (JOBS + "/{id}/status", "GET", 200, 4), (JOBS + "/{id}/status", "GET", 304, 1),
                           (JOBS + "/{id}/status", "GET", 404, 1), (JOBS + "/{id}", "HEAD", 200, 1),
                           (JOBS + "/{id}", "other", 405, 1), ("none", "GET", 404, 1), ("none", "GET", 400, 1),
                           (JOBS, "POST", 422, 1)]}
    status = f'route="{JOBS}/{{id}}/status",method="GET"'
    assert found[f"lotscribe_http_request_duration_seconds_count{{{status}}}"] == 6
    assert found[f'lotscribe_http_request_duration_seconds_bucket{{{status},le="+Inf"}}'] == 6
    problems = {sample: n for sample, n in found.items() if sample.startswith("lotscribe_http_problems_total")}
    assert problems == {f'lotscribe_http_problems_total{{code="{code}"}}': n for code, n in [
        ("not_found", 2), ("method_not_allowed", 1), ("bad_request", 1), ("invalid_request", 1)]}


def test_bytes_of_bodies_are_counted(front):
    sent = []
    other = front.stack.add_front_end({"http": {"metrics_public": True}}).socket
    own_scrape = len(metrics.ask(other).body)

    def do():
        job = front.take(order(3))
        body = fcgi_client.request(other, "POST", JOBS + "?again=1", b" " * 1000 + b"{", {"Authorization": f"Bearer {front.key}"})
        sent.append(len(body.body))
        sent.append(len(fcgi_client.request(other, "GET", f"{JOBS}/{job}?format=csv").body))
        fcgi_client.request(other, "HEAD", f"{JOBS}/{job}")
    found = added(front, do, other)
    assert found["lotscribe_http_request_body_bytes_total"] == 1001
    # the first scrape's own answer is in the second; it was hardly longer than the one before it
    assert abs(found["lotscribe_http_response_body_bytes_total"] - sum(sent) - own_scrape) < 8000
    assert found["lotscribe_http_response_body_bytes_total"] > sum(sent) + own_scrape // 2


def test_answers_from_memory_are_told_from_those_of_the_database(front):
    job = front.take(order(1))
    front.get(f"{JOBS}/{job}/status")
    found = added(front, lambda: [front.get(f"{JOBS}/{job}/status") for _ in range(20)])
    hits, misses = (found.get(f"lotscribe_cache_{what}_total", 0) for what in ("hits", "misses"))
    assert hits + misses == 20 and hits > 0
    found = added(front, lambda: [front.get(f"{JOBS}/{UNKNOWN}/status") for _ in range(4)])
    assert found["lotscribe_cache_misses_total"] == 4


def test_parked_polls_and_busy_threads_are_told(front):
    job = front.take(order(1))
    answers = []

    def poll():
        answers.append(front.get(f"{JOBS}/{job}/status", headers={"Prefer": "wait=20"}))
    before = scrape(front)
    assert (before["lotscribe_polls_parked"], before["lotscribe_workers_busy"]) == (0, 1)
    assert (before["lotscribe_workers"], before["lotscribe_polls_parked_limit"]) == (8, 1024)
    polls = [threading.Thread(target=poll) for _ in range(3)]
    for thread in polls:
        thread.start()
    wait_until(lambda: scrape(front)["lotscribe_polls_parked"] == 3, 20, "three to be parked")
    assert scrape(front)["lotscribe_workers_busy"] == 1
    front.raw("POST", f"{JOBS}/{job}/cancel", None, front.key)
    for thread in polls:
        thread.join()
    after = scrape(front)
    assert after["lotscribe_polls_parked"] == 0 and [a.status for a in answers] == [200] * 3
    route = f'route="{JOBS}/{{id}}/status",method="GET",code="200"'
    assert metrics.requests(after, route=f"{JOBS}/{{id}}/status") - metrics.requests(before, route=f"{JOBS}/{{id}}/status") == 3, route


def test_a_refused_account_is_counted(front):
    limited = front.stack.add_front_end({"http": {"rate": 2, "metrics_public": True}}).socket
    statuses = [fcgi_client.request(limited, "GET", JOBS, None, {"Authorization": f"Bearer {front.key}"}).status for _ in range(4)]
    found = metrics.scrape(limited)
    assert found['lotscribe_http_problems_total{code="too_many_requests"}'] == statuses.count(429) > 0


def test_it_says_when_it_began(front):
    now = time.time()
    found = scrape(front)
    assert now - 600 < found["lotscribe_front_end_start_time_seconds"] == found["lotscribe_counting_start_time_seconds"] < now
    assert found["lotscribe_front_end_processes"] == 1
    assert [n for sample, n in found.items() if sample.startswith("lotscribe_build_info")] == [1]


def test_a_reload_takes_back_no_count(mariadb, tmp_path):  # noqa: F811
    """Also where it begins to count in a file, or counts in one already: there it goes on."""
    with installation("metrics-reload", mariadb, memory=True, overrides={"http": {"metrics_public": True}}) as made:
        front_end = made.stack.front_end

        def reload(**http):
            conf.write(front_end.config, conf.merged(made.stack.config("web"), {"http": http}))
            front_end.signal(signal.SIGHUP)
            wait_until(lambda: metrics.scrape(made.socket)["lotscribe_workers"] == http["workers"], 30, "the reload",
                       alive=[front_end])
        route = {"route": JOBS + "/{id}/status"}
        for n, http in enumerate([{"workers": 3}, {"workers": 5}]):
            made.get(f"{JOBS}/{UNKNOWN}/status")
            reload(**http)
            found = metrics.scrape(made.socket)
            assert metrics.requests(found, **route) == n + 1
            assert (found["lotscribe_front_end_processes"], found["lotscribe_polls_parked_limit"]) == (1, 1024)
        for n, workers in enumerate((4, 6)):
            reload(workers=workers, max_waiting=7, metrics_file=str(tmp_path / "metrics"))
            wait_until(lambda: metrics.scrape(made.socket)["lotscribe_polls_parked_limit"] == 7, 30, "the threads of before to end")
            assert metrics.requests(metrics.scrape(made.socket), **route) == n
            made.get(f"{JOBS}/{UNKNOWN}/status")
        assert metrics.requests(metrics.scrape(made.socket), **route) == 2


# ---- without a database


def down(answer):
    assert answer.status == 200
    text = answer.body.decode()
    found = metrics.parse(text)
    assert found["lotscribe_database_up"] == 0
    assert "lotscribe_workers" in found and "lotscribe_jobs" not in text and "lotscribe_lease" not in text
    return found


def in_time(ask):
    began = time.monotonic()
    answer = ask()
    assert time.monotonic() - began < PROMISED_S
    return answer


@pytest.mark.parametrize("stop, start", [("kill", "start"), ("pause", "resume")])
def test_without_a_database_the_front_end_still_tells_what_it_counts(own, stop, start):
    """To everyone, where that is allowed; else to the key with which it was asked before."""
    everyone = own.stack.add_front_end({"http": {"metrics_public": True}}).socket
    admin, other = (own.stack.new_key("housekeeper", "admin") for _ in range(2))
    assert metrics.scrape(own.socket, other)["lotscribe_database_up"] == 1
    assert metrics.scrape(own.socket, admin)["lotscribe_database_up"] == 1
    getattr(own.stack.mariadb, stop)()
    try:
        for _ in range(3):
            down(in_time(lambda: metrics.ask(everyone)))
            found = down(in_time(lambda: metrics.ask(own.socket, admin)))
            assert in_time(lambda: metrics.ask(own.socket, other)).status == 503
            assert in_time(lambda: metrics.ask(own.socket, own.key)).status == 503
            assert in_time(lambda: metrics.ask(own.socket)).status == 401
        assert sum(n for sample, n in found.items() if sample.startswith("lotscribe_database_errors_total")) > 0
        assert found['lotscribe_http_problems_total{code="database_unavailable"}'] > 0
    finally:
        getattr(own.stack.mariadb, start)()
    wait_until(lambda: metrics.scrape(own.socket, admin)["lotscribe_database_up"] == 1, 30, "the database to be seen")


def test_a_reload_keeps_the_key_in_mind(own):
    admin = own.stack.new_key("housekeeper", "admin")
    assert metrics.ask(own.socket, admin).status == 200
    own.stack.mariadb.kill()
    own.stack.front_end.signal(signal.SIGHUP)
    wait_until(lambda: "configuration read again" in own.stack.front_end.log_text(), 30, "the reload")
    for _ in range(10):
        down(metrics.ask(own.socket, admin))


def test_a_revoked_key_is_not_remembered(own):
    admin = own.stack.new_key("housekeeper", "admin")
    assert metrics.ask(own.socket, admin).status == 200
    own.sql("UPDATE api_key SET revoked_at = UTC_TIMESTAMP(6) WHERE role = 'admin'")
    assert metrics.ask(own.socket, admin).status == 401
    own.stack.mariadb.stop()
    assert metrics.ask(own.socket, admin).status == 503


def test_without_the_grants_for_it_all_else_goes_on(own):
    """As after an upgrade, before the grants were given anew."""
    admin = own.stack.new_key("housekeeper", "admin")
    own.sql(f"REVOKE SELECT (kind, is_open, settled) ON alert FROM '{own.stack._user('web')}'@'localhost'")
    other = own.stack.add_front_end().socket
    for _ in range(10):
        down(metrics.ask(other, admin))
        assert fcgi_client.request(other, "GET", "/readyz").status == 200
