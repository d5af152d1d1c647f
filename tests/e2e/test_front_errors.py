# SPDX-License-Identifier: ISC
"""Every error answer of the front end's routes, the limits of bodies, and uploads that do not arrive."""
import http.client
import json
import select

import pytest

import fcgi_client
from front_end import (DESCRIPTION, JSON, UNKNOWN, data_url, front, installation, lots, mariadb,  # noqa: F401
                       order)
from harness import api_check
from harness.process import wait_until
from harness.stack import TOP

pytestmark = pytest.mark.front_end

JOBS = "/api/v1/jobs"
LIMIT = 100_000
SCHEMA = 1 + len(list((TOP / "sql" / "migrate").glob("*.sql")))     # its version


@pytest.fixture(scope="module")
def narrow(mariadb):  # noqa: F811
    """An installation that takes orders of 100,000 bytes at most."""
    with installation("front-narrow", mariadb, overrides={"job": {"max_body": LIMIT, "max_lots": 100,
                                                                  "max_items": 300}}) as made:
        yield made


def problem(answer, status, code):
    """The answer is this problem; return its faults."""
    assert answer.status == status, answer
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    document = answer.json()
    assert (document["status"], document["code"], document["type"]) == (status, code, "about:blank")
    assert document["title"] and document["detail"]
    return document.get("errors", [])


@pytest.mark.parametrize("uri", [
    "/", "/api", "/api/v1", "/api/v1/", "/api/v1/jobs/", "/api/v2/jobs", "/api/v1/job", f"{JOBS}/{UNKNOWN}/",
    f"{JOBS}/{UNKNOWN}/start", f"{JOBS}/{UNKNOWN}/status/x", "/healthz/x", "/API/v1/jobs", "/favicon.ico",
    "/a/b/c/d/e/f/g/h/i/j"])
def test_nothing_else_is_served(front, uri):
    problem(front.get(uri), 404, "not_found")


@pytest.mark.parametrize("uri, status", [
    ("", 400), ("x", 400), ("//healthz", 400), ("/./healthz", 400), ("/api/../healthz", 400), ("/health%7A", 400),
    ("/healthz?a=%GG", 400), ("/healthz?a=1&a=2", 400), ("/healthz?=1", 400), ("/healthz?a=%FF", 400),
    ("/healthz/%2e", 400), ("/x" * 3000, 414)])
def test_a_malformed_address_is_refused(front, uri, status):
    problem(front.get(uri), status, "target_too_long" if status == 414 else "bad_request")


READ = "GET, HEAD, OPTIONS"
JOB = "GET, HEAD, DELETE, OPTIONS"


@pytest.mark.parametrize("method, uri, allow", [
    ("PUT", JOBS, "GET, HEAD, POST, OPTIONS"), ("POST", f"{JOBS}/{UNKNOWN}", JOB),
    ("HEAD", f"{JOBS}/{UNKNOWN}/cancel", "POST, OPTIONS"), ("POST", f"{JOBS}/{UNKNOWN}/status", READ),
    ("PATCH", f"{JOBS}/{UNKNOWN}/events", READ),
    ("POST", "/healthz", READ), ("POST", "/readyz", READ), ("get", "/healthz", READ), ("options", "/healthz", READ)])
def test_a_wrong_method_is_told_the_right_ones(front, method, uri, allow):
    answer = front.raw(method, uri)
    assert answer.headers["allow"] == allow
    if method == "HEAD":
        assert (answer.status, answer.body) == (405, b"")
    else:
        problem(answer, 405, "method_not_allowed")


@pytest.mark.parametrize("uri, allow", [
    (JOBS, "GET, HEAD, POST, OPTIONS"), (f"{JOBS}/{UNKNOWN}", JOB), (f"{JOBS}/{UNKNOWN}/status?x=1", READ),
    (f"{JOBS}/{UNKNOWN}/events", READ), ("/healthz", READ), ("/readyz", READ)])
def test_every_address_tells_its_methods(front, uri, allow):
    answer = front.raw("OPTIONS", uri)
    assert (answer.status, answer.headers["allow"], answer.body) == (204, allow, b"")
    assert not {"content-type", "content-length", "vary"} & set(answer.headers)


@pytest.mark.parametrize("uri, status", [
    ("*", 400), ("/", 404), (f"{JOBS}/1", 404), (f"{JOBS}/{UNKNOWN}/x", 404), ("//healthz", 400)])
def test_other_addresses_have_no_methods_to_tell(front, uri, status):
    problem(front.raw("OPTIONS", uri), status, "bad_request" if status == 400 else "not_found")


@pytest.mark.parametrize("path", ["", "/status", "/events"])
@pytest.mark.parametrize("job", [UNKNOWN, "1", "x" * 36, UNKNOWN.replace("-", ""), UNKNOWN + "0"])
def test_an_unknown_job_is_not_found(front, job, path):
    problem(front.get(f"{JOBS}/{job}{path}"), 404, "not_found")


@pytest.mark.parametrize("query, parameter", [
    ("limit=0", "limit"), ("limit=1001", "limit"), ("limit=x", "limit"), ("limit=", "limit"), ("limit=-1", "limit"),
    ("after=-1", "after"), ("after=99999999999", "after"), ("after=x", "after"), ("download=2", "download"),
    ("download=1&limit=5", "download"), ("format=xml", "format"), ("x=1", "x")])
def test_a_query_that_is_not_understood_is_refused(front, query, parameter):
    faults = problem(front.get(f"{JOBS}/{front.take(order())}?{query}"), 400, "bad_request")
    assert [fault["parameter"] for fault in faults] == [parameter]


def test_a_language_that_the_job_lacks_is_refused(front):
    faults = problem(front.get(f"{JOBS}/{front.take(order())}?language=it"), 422, "invalid_request")
    assert [fault["parameter"] for fault in faults] == ["language"]


@pytest.mark.parametrize("document, pointers", [
    ({}, [""]),
    ({"lots": []}, ["/lots"]),
    ({"lots": {}}, ["/lots"]),
    ({"lots": [{}]}, ["/lots/0", "/lots/0"]),
    ({"lots": [{"id": "1"}]}, ["/lots/0"]),
    ({"lots": lots(1) + lots(1)}, ["/lots/1/id"]),
    ({"lots": [{"id": "1", "title": "x", "image": "x"}]}, ["/lots/0/image"]),
    ({"lots": [{"id": "1", "images": ["ftp://x/1.jpg"]}]}, ["/lots/0/images/0"]),
    ({"lots": [{"id": "1", "images": ["data:text/plain;base64,AAAA"]}]}, ["/lots/0/images/0"]),
    ({"lots": [{"id": "1", "description": {"title": "x"}}]}, ["/lots/0/description"]),
    (order(1, ["en"]), ["/languages/0"]),
    (order(1, ["fr", "fr"]), ["/languages/1"]),
    (order(1, ["not a tag"]), ["/languages/0"]),
    (order(1, deadline="PT0.5S"), ["/deadline"]),
    (order(1, deadline="P4D"), ["/deadline"]),
    (order(1, deadline="2020-01-01T00:00:00Z"), ["/deadline"]),
    (order(1, deadline="9999-01-01T00:00:00Z"), ["/deadline"]),
    (order(1, deadline="tomorrow"), ["/deadline"]),
    (order(1, instructions="x" * 5000), ["/instructions"]),
    (order(1, name=7, metadata=[], callback_url="x", more=1), ["/name", "/metadata", "/callback_url", "/more"]),
    (order(101, []), ["/lots"]),
    (order(100, ["fr", "de", "it"]), ["/lots"]),
])
def test_an_order_that_breaks_rules_is_told_all_of_them(narrow, document, pointers):
    before = narrow.sql("SELECT COUNT(*) AS n FROM job")
    faults = problem(narrow.raw("POST", JOBS, document, narrow.key), 422, "invalid_request")
    assert sorted(fault["pointer"] for fault in faults) == sorted(pointers)
    assert all(fault["detail"] for fault in faults)
    assert narrow.sql("SELECT COUNT(*) AS n FROM job") == before


@pytest.mark.parametrize("body", [
    b"", b"x", b"{", b"[]x", b"{'lots': []}", b'{"lots": [NaN]}', b'{"lots": [], "lots": []}', b'{"name": "\xff"}',
    b'{"name": "\\u0000"}', b"[" * 100, b'{"name": 1' + b"0" * 100 + b"}"])
def test_what_is_not_json_as_taken_here_is_a_bad_request(front, body):
    problem(front.raw("POST", JOBS, body, front.key, JSON), 400, "bad_request")


@pytest.mark.parametrize("kind, status", [
    ("application/json", 202), ("Application/JSON; charset=utf-8", 202), ("application/vnd.x+json", 202),
    ("text/plain", 415), ("application/x-www-form-urlencoded", 415), ("application/jsonx", 415),
    ("multipart/form-data; boundary=application/json", 415), ("+json", 415)])
def test_an_order_is_json(front, kind, status):
    answer = front.raw("POST", JOBS, json.dumps(order(1)).encode(), front.key, {"Content-Type": kind})
    assert answer.status == status
    if status == 415:
        problem(answer, 415, "unsupported_media_type")


def test_an_order_without_a_content_type_is_taken_as_json(front):
    assert front.raw("POST", JOBS, json.dumps(order(1)).encode(), front.key).status == 202


def padded(size):
    """An order of exactly `size` bytes."""
    body = json.dumps(order(1)).encode()
    return body + b" " * (size - len(body))


@pytest.mark.parametrize("announce", ["", None])
def test_the_limit_of_a_body_is_exact_with_and_without_its_length(narrow, announce):
    answer = narrow.raw("POST", JOBS, padded(LIMIT), narrow.key, announce=announce)
    assert answer.status == 202
    answer = narrow.raw("POST", JOBS, padded(LIMIT + 1), narrow.key, announce=announce)
    problem(answer, 413, "body_too_large")


def test_a_body_that_is_announced_as_too_large_is_not_waited_for(narrow):
    params = fcgi_client.params_of("POST", JOBS, None, {"Authorization": f"Bearer {narrow.key}", **JSON}, "1000000000")
    problem(fcgi_client.Connection(narrow.socket).begin(params).answer(), 413, "body_too_large")


@pytest.mark.parametrize("announce", ["x", "-1", "1e3", "99999999999999999999999"])
def test_a_length_that_is_no_number_is_refused(narrow, announce):
    problem(narrow.raw("POST", JOBS, padded(500), narrow.key, announce=announce), 400, "bad_request")


@pytest.mark.parametrize("announce", ["499", "501", "0"])
def test_a_body_of_another_length_than_announced_is_refused(narrow, announce):
    before = narrow.sql("SELECT COUNT(*) AS n FROM job")
    problem(narrow.raw("POST", JOBS, padded(500), narrow.key, announce=announce), 400, "body_incomplete")
    assert narrow.sql("SELECT COUNT(*) AS n FROM job") == before


@pytest.mark.parametrize("announce", ["1000", None])
def test_an_upload_that_breaks_off_is_no_order(narrow, announce):
    """The bytes that came are a whole order; only the missing end of the stream tells."""
    before = narrow.sql("SELECT COUNT(*) AS n FROM job")
    params = fcgi_client.params_of("POST", JOBS, None, {"Authorization": f"Bearer {narrow.key}", **JSON}, announce)
    connection = fcgi_client.Connection(narrow.socket).begin(params).send(padded(500), end=False)
    connection.socket.shutdown(1)
    answer = connection.answer()
    assert answer.status in (0, 400)
    assert narrow.sql("SELECT COUNT(*) AS n FROM job") == before


@pytest.mark.parametrize("size, begun, room", [(9 << 20, 3, 1), (2 << 20, 6, 4)])
def test_long_uploads_leave_workers_for_polls(front, size, begun, room):
    """Of 8 workers half may receive more than 1 MiB, and one more than 8 MiB; others are told to come again."""
    body = json.dumps(order(1)).encode().ljust(size)
    params = fcgi_client.params_of("POST", JOBS + "?again=1", body, {"Authorization": f"Bearer {front.key}", **JSON})
    uploads = [fcgi_client.Connection(front.socket).begin(params).send(body[:1000], end=False) for _ in range(begun)]

    def answered():
        ready = select.select([upload.socket for upload in uploads], [], [], 0)[0]
        return ready if len(ready) == begun - room else None

    refused = wait_until(answered, 30, "those without room to be answered")
    for upload in [upload for upload in uploads if upload.socket in refused]:
        uploads.remove(upload)
        answer = upload.answer()
        assert problem(answer, 503, "busy") == [] and int(answer.headers["retry-after"]) > 0
    assert all(front.get("/readyz").status == 200 for _ in range(20))
    front.take(order(1))
    assert [upload.send(body[1000:]).answer().status for upload in uploads] == [202] * room
    assert front.raw("POST", JOBS, body, front.key).status == 202


def chunked(front, parts):  # noqa: F811
    """POST through the web server with Transfer-Encoding: chunked."""
    connection = http.client.HTTPConnection("127.0.0.1", front.stack.lighttpd.port, timeout=30)
    connection.request("POST", JOBS, iter(parts), {"Authorization": f"Bearer {front.key}", **JSON}, encode_chunked=True)
    answer = connection.getresponse()
    found = fcgi_client.Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read(), True)
    api_check.observe("POST", JOBS, b"".join(parts), found.status, found.headers, found.body)
    return found


def test_a_chunked_upload_through_the_web_server_obeys_the_limit(narrow):
    body = padded(LIMIT)
    parts = [body[i:i + 10_000] for i in range(0, LIMIT, 10_000)]
    assert chunked(narrow, parts).status == 202
    problem(chunked(narrow, [*parts, b" "]), 413, "body_too_large")


def test_large_photographs_pass_in_one_order(front):
    images = [data_url(bytes([65 + i]) * 5_000_000) for i in range(2)]
    job = front.row(front.take({"lots": [{"id": "1", "images": images}]}))
    rows = front.sql("SELECT LENGTH(i.bytes) AS n FROM lot_image l JOIN image i ON i.sha256 = l.sha256"
                     " WHERE l.job_id = %s", job["id"])
    assert [row["n"] for row in rows] == [5_000_008] * 2


def test_health_tells_schema_and_lease(front):
    assert front.get("/healthz").json() == {"status": "ok"}
    assert front.get("/readyz").json() == {"status": "ok", "schema": SCHEMA, "lease": {"held": False, "age_seconds": None}}
    front.sql("UPDATE daemon_lease SET renewed_at = UTC_TIMESTAMP(6) - INTERVAL 7 SECOND,"
              " expires_at = UTC_TIMESTAMP(6) + INTERVAL 1 HOUR")
    lease = front.get("/readyz").json()["lease"]
    assert lease["held"] and lease["age_seconds"] >= 7
    front.sql("UPDATE daemon_lease SET expires_at = UTC_TIMESTAMP(6) - INTERVAL 1 SECOND")
    assert front.get("/readyz").json()["lease"]["held"] is False


def test_the_base_path_and_the_public_address_are_in_paths_and_links(front):
    other = front.stack.add_front_end({"http": {"base_path": "/house", "public_url": "https://lots.example.com/"}})
    job = front.take(order(3))
    base = f"https://lots.example.com/house{JOBS}/{job}"
    status = fcgi_client.request(other.socket, "GET", f"/house{JOBS}/{job}/status").json()
    assert status["links"] == {"self": base, "status": f"{base}/status", "events": f"{base}/events"}
    page = fcgi_client.request(other.socket, "GET", f"/house{JOBS}/{job}?limit=1").json()
    assert page["next"] == f"{base}?limit=1&after=0"
    for outside in (f"{JOBS}/{job}/status", f"/housex{JOBS}/{job}/status", "/house"):
        problem(fcgi_client.request(other.socket, "GET", outside), 404, "not_found")


def test_a_long_header_is_not_cut(front):
    public = "https://lots.example.com/" + "x" * 3000
    other = front.stack.add_front_end({"http": {"public_url": public}})
    body = json.dumps(order()).encode()
    answer = fcgi_client.request(other.socket, "POST", JOBS, body, {**JSON, "Authorization": f"Bearer {front.key}"})
    assert answer.headers["location"] == f"{public}{JOBS}/{answer.json()['job_id']}"


def test_given_descriptions_must_fit_the_schema(front):
    document = {"lots": [{"id": "1", "description": {**DESCRIPTION, "more": 1}}]}
    faults = problem(front.raw("POST", JOBS, document, front.key), 422, "invalid_request")
    assert faults[0]["pointer"].startswith("/lots/0/description")
