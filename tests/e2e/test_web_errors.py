# SPDX-License-Identifier: ISC
"""What each web server says by itself, and what it writes down: errors have the API's form, and no log has a job's id."""
import re

import pytest

from front_end import UNKNOWN, order
from harness.process import wait_until
from harness.web_servers import PAGE, WEB_SERVERS
from web import JOBS, Web, house, small, web  # noqa: F401

pytestmark = pytest.mark.web

POLICY = "default-src 'none'; frame-ancestors 'none'"


def is_problem(answer, status):
    assert answer.status == status, answer
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers.get("x-content-type-options") == "nosniff" or "lighttpd" in answer.headers["server"]
    assert answer.json()["status"] in (status, 503) and answer.json()["code"] and answer.json()["detail"]


@pytest.fixture(params=list(WEB_SERVERS))
def alone(request, small, tmp_path):  # noqa: F811
    """Each web server without a lotscribe.fcgi behind it: nobody listens, and the program does not start."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "lotscribe.fcgi").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "bin" / "lotscribe.fcgi").chmod(0o755)
    server = WEB_SERVERS[request.param](small.stack.work / f"{request.param}-alone", small.stack.logs / f"{request.param}-alone.log",
                                        str(tmp_path / "nobody.sock"), tmp_path / "bin" / "lotscribe.fcgi", small.fcgid_config)
    made = Web(server.start(), None)
    yield made
    server.stop()


def test_without_a_backend_the_error_has_the_api_s_form(alone):
    answer = alone.get(f"{JOBS}/{UNKNOWN}/status")
    is_problem(answer, answer.status)
    assert answer.status in (500, 503)
    assert answer.json()["code"] == "away"
    if alone.name != "lighttpd":
        assert answer.headers["retry-after"] == "5"
    assert alone.get("/page.txt").body.decode() == PAGE


def test_a_body_beyond_all_limits_is_refused_in_the_api_s_form(web):  # noqa: F811
    answer = web.ask("POST", JOBS, b"x" * (68 << 20), web.key, {"Content-Type": "application/json"})
    assert answer.status in (413, 500)
    if web.name != "apache-fcgid":
        assert answer.status == 413
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] in ("body_too_large", "away")


def test_answers_load_nothing_and_are_framed_by_none(web):  # noqa: F811
    for target in ("/healthz", f"{JOBS}/{UNKNOWN}/status", JOBS, "/api/v1/openapi.json"):
        answer = web.get(target)
        assert answer.headers["content-security-policy"] == POLICY
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["x-content-type-options"] == "nosniff"
    page = web.get("/page.txt")
    assert page.body.decode() == PAGE
    assert not {"content-security-policy", "referrer-policy", "retry-after"} & set(page.headers)


def look_at_logs(web):  # noqa: F811
    job = web.take(order(2))
    referer = f"https://example.com{web.base}{JOBS}/{job}"
    targets = [f"{JOBS}/{job}/status", f"{JOBS}/{job}", f"{JOBS}/{job}?download=1", f"{JOBS}/{job.upper()}/events"]
    for target in targets:
        web.ask("GET", target, key=web.key, headers={"Referer": referer})
    log = web.server.access_log
    wait_until(lambda: len(re.findall(r'"GET [^"]*/jobs/', log.read_text())) >= len(targets), 30, "the requests in the log")
    # mod_fcgid has what lotscribe.fcgi logs in Apache's error log.
    for text in (log.read_text(), web.server.log_text() if web.name != "apache-fcgid" else ""):
        assert not re.search(job, text, re.IGNORECASE)
        assert web.key not in text
    mark = "" if web.name == "lighttpd" else f"{job[:8]}-"
    assert f'"GET {web.base}{JOBS}/{mark}.../status HTTP/1.1" 200 ' in log.read_text()


def test_logs_have_neither_ids_nor_keys(web):  # noqa: F811
    look_at_logs(web)
    web.base = ""
    web.get("/page.txt", User_Agent="one", Referer="https://example.com/a")
    as_ever = r'"GET /page.txt HTTP/1.1" 200 \d+ "https://example.com/a" "one"$'  # the host's own
    wait_until(lambda: re.search(as_ever, web.server.access_log.read_text(), re.MULTILINE), 30, "the request in the log")


def test_logs_have_no_ids_below_a_path_either():
    with house("web-log", {"http": {"base_path": "/lotscribe"}}, standin=False) as made:
        for web in made.all():  # noqa: F811
            look_at_logs(web)
