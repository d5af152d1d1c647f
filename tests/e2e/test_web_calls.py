# SPDX-License-Identifier: ISC
"""Plain calls through each web server: what the client sends reaches the front end, what this answers comes back."""
import pytest

from front_end import UNKNOWN, order
from web import JOBS, content, small, web  # noqa: F401

pytestmark = pytest.mark.web


@pytest.fixture(scope="module")
def job(small):  # noqa: F811
    """A job whose answers are worth compressing."""
    return small.add("lighttpd").take(order(8))


def is_problem(answer, status):
    assert answer.status == status, answer
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status


def test_order_and_status(web):  # noqa: F811
    ordered = web.order(order(3, name=f"Märkte № 5: {web.name}"))
    assert ordered.status == 202
    job = ordered.json()["job_id"]
    assert ordered.headers["location"] == f"{JOBS}/{job}"
    status = web.get(f"{JOBS}/{job}/status")
    assert (status.status, status.json()["name"]) == (200, f"Märkte № 5: {web.name}")
    assert status.headers["content-type"] == "application/json"
    for name in ("cache-control", "retry-after", "x-content-type-options", "referrer-policy", "x-robots-tag"):
        assert name in status.headers


def test_without_a_good_key_there_is_no_order(web):  # noqa: F811
    for key in (None, "lot_wrong", web.key[:-1]):
        answer = web.ask("POST", JOBS, order(1), key)
        is_problem(answer, 401)
        assert answer.headers["www-authenticate"].startswith("Bearer ")
    is_problem(web.ask("POST", JOBS, order(1), web.stack.new_key("demo", "read")), 403)


@pytest.mark.parametrize("coding", [None, "gzip", "gzip, deflate, br"])
def test_an_unchanged_status_is_304_by_the_tag_that_came(web, job, coding):  # noqa: F811
    headers = {"Accept-Encoding": coding} if coding else {}
    target = f"{JOBS}/{job}/status"
    first = web.get(target, **headers)
    assert first.status == 200
    assert first.headers.get("content-encoding") == ("gzip" if coding else None)
    assert content(first) == web.get(target).body
    again = web.get(target, If_None_Match=first.headers["etag"], **headers)
    assert (again.status, again.body) == (304, b"")
    assert web.get(target, If_None_Match='"other"', **headers).status == 200


@pytest.mark.parametrize("coding", ["identity", "gzip"])
@pytest.mark.parametrize("form", ['"{}"', '"{}-gzip"', 'W/"{}"', 'W/"{}-gzip"', '"x", "{}-gzip"', "*"])
def test_a_tag_is_known_in_every_form_that_a_compressor_gives_it(web, job, coding, form):  # noqa: F811
    target = f"{JOBS}/{job}/status"
    tag = web.get(target).headers["etag"].strip('"')
    answer = web.get(target, If_None_Match=form.format(tag), Accept_Encoding=coding)
    assert (answer.status, answer.body) == (304, b"")


def test_a_compressed_answer_says_what_it_depends_on(web, job):  # noqa: F811
    for coding in ("identity", "gzip"):
        answer = web.get(f"{JOBS}/{job}/status", Accept_Encoding=coding)
        if "content-encoding" in answer.headers:
            assert "accept-encoding" in answer.headers["vary"].lower()
        assert answer.json() if coding == "identity" else content(answer)


@pytest.mark.parametrize("target", ["", "/status", "/events"])
def test_head_says_what_get_says_without_a_body(web, job, target):  # noqa: F811
    got, head = (web.ask(method, f"{JOBS}/{job}{target}") for method in ("GET", "HEAD"))
    assert (head.status, head.body) == (200, b"")
    for name in ("content-type", "content-length", "etag"):
        assert head.headers.get(name) == got.headers.get(name)
    assert int(head.headers["content-length"]) == len(got.body)


def test_what_is_not_there_is_404(web):  # noqa: F811
    for target in ("/api/v1", "/api/v1/", "/api/v1/none", JOBS + "/x", f"{JOBS}/{UNKNOWN}", f"{JOBS}/{UNKNOWN}/status",
                   f"{JOBS}/{UNKNOWN}/status/"):
        is_problem(web.get(target), 404)


def test_another_method_is_told_those_that_are_allowed(web, job):  # noqa: F811
    for method, target, allowed in (("PUT", JOBS, {"POST"}), ("PATCH", JOBS, {"POST"}),
                                    ("POST", f"{JOBS}/{job}/status", {"GET", "HEAD"}),
                                    ("DELETE", f"{JOBS}/{job}/status", {"GET", "HEAD"}),
                                    ("POST", "/healthz", {"GET", "HEAD"})):
        answer = web.ask(method, target, {} if method != "DELETE" else None)
        is_problem(answer, 405)
        told = set(answer.headers["allow"].split(", "))
        assert allowed <= told and method not in told


def test_query_strings_arrive_as_they_were_sent(web, job):  # noqa: F811
    page = web.get(f"{JOBS}/{job}?limit=2")
    assert [lot["id"] for lot in page.json()["lots"]] == ["1", "2"]
    after = web.get(page.json()["next"]).json()
    assert [lot["id"] for lot in after["lots"]] == ["3", "4"]
    for language in ("language=de", "language=%64e", "limit=8&language=de"):
        lots = web.get(f"{JOBS}/{job}?{language}").json()["lots"]
        assert [list(lot["descriptions"]) for lot in lots] == [["de"]] * 8
    is_problem(web.get(f"{JOBS}/{job}?limit=x"), 400)
    is_problem(web.get(f"{JOBS}/{job}?limit=%"), 400)


ODD = ["/%2e%2e/{}", "/../jobs/{}", "/./{}", "//{}", "/{}%2Fstatus", "/{}/statu%73", "/{};x/status", "/{}//status",
       "/{}/%00", "/%", "/%zz", "/%ff", "/%C3%28", "/{}/status%20", "/{}/status%0d%0aX:y", "/{}\\status", "/%2e%2e"]


@pytest.mark.parametrize("path", ODD)
def test_odd_paths_lead_nowhere(web, job, path):  # noqa: F811
    answer = web.get(JOBS + path.format(job))
    assert answer.status in (400, 404), answer
    assert b"job_id" not in answer.body
    assert web.get(f"{JOBS}/{job}/status").status == 200


def test_long_addresses_are_refused(web):  # noqa: F811
    is_problem(web.get(f"{JOBS}/{'a' * 5000}"), 414)
    assert web.get(f"{JOBS}/{'a' * 60000}").status in (400, 414, 431)
    assert web.get("/healthz").status == 200


def test_a_part_of_an_answer_is_not_to_be_had(web, job):  # noqa: F811
    answer = web.get(f"{JOBS}/{job}/status", Range="bytes=0-9")
    assert (answer.status, answer.json()["job_id"]) == (200, job)


def test_the_rest_of_the_host_is_left_alone(web):  # noqa: F811
    for target, status in (("/page.txt", 200), ("/api", 404), ("/api/v1x", 404), ("/healthzz", 404), ("/other", 404)):
        answer = web.get(target)
        assert (answer.status, answer.headers["content-type"].split("+")[0]) != (status, "application/problem")
        assert answer.status == status
