# SPDX-License-Identifier: ISC
"""Cancel, finish, retry, added languages and removal: what is answered, and what the job's row says at once."""
import hashlib
import json

import pytest

import fcgi_client
from front_end import (DESCRIPTION, JSON, PNG, UNKNOWN, breakable, data_url, front, installation, lots,  # noqa: F401
                       mariadb, order, own)

pytestmark = pytest.mark.front_end

JOBS = "/api/v1/jobs"
POSTED = ("cancel", "finish", "retry", "languages")
# Every command: method, the end of its address, and a body that it takes.
COMMANDS = [("POST", "/cancel", None), ("POST", "/finish", None), ("POST", "/retry", None),
            ("POST", "/languages", {"languages": ["it"]}), ("DELETE", "", None)]
DESCRIBED = {"languages": ["fr"], "lots": [{"id": "own", "description": DESCRIPTION}, *lots(1)]}


@pytest.fixture(scope="module")
def small(mariadb):  # noqa: F811
    """An installation whose jobs have 10 texts at most, and which remembers answers."""
    overrides = {"job": {"max_lots": 10, "max_items": 10}}
    with installation("front-small", mariadb, memory=True, overrides=overrides) as made:
        yield made


def send(front, job, command, body=None, key=None, method="POST", **how):  # noqa: F811
    return front.raw(method, f"{JOBS}/{job}{command and '/' + command}", body, key or front.key, **how)


def taken(front, job, command, body=None, key=None):  # noqa: F811
    """The status object that a command answers: the one that a poll shows."""
    answer = send(front, job, command, body, key)
    assert answer.status == 202, answer
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["location"] == f"{JOBS}/{job}"
    status = answer.json()
    assert ("retry-after" in answer.headers) == (status["completed_at"] is None)
    assert status == front.status(job)
    return status


def problem(answer, status, code):
    assert answer.status == status, answer
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    assert (document["status"], document["code"]) == (status, code)
    return document.get("errors", [])


def requests(front, job):  # noqa: F811
    return [row["kind"] for row in front.sql("SELECT kind FROM request r JOIN job j ON j.id = r.job_id"
                                             " WHERE j.public_id = %s ORDER BY r.id", job)]


def kinds(front, job):  # noqa: F811
    return [event["kind"] for event in front.get(f"{JOBS}/{job}/events").json()["events"]]


def overdue(front, document):  # noqa: F811
    job = front.take(document)
    front.sql("UPDATE job SET created_at = created_at - INTERVAL 2 DAY, opened_at = created_at,"
              " deadline_at = UTC_TIMESTAMP(6) - INTERVAL 1 HOUR WHERE public_id = %s", job)
    return job


# -- what each does


@pytest.mark.parametrize("body", [None, {}])
def test_cancel_ends_the_job_at_once_and_again_is_no_fault(front, body):
    job = front.take(DESCRIBED)
    status = taken(front, job, "cancel", body)
    assert (status["status"], status["outcome"]) == ("cancelled", "partial")
    assert status["completed_at"] and status["waiting_for"] is None
    version = front.row(job)["version"]
    assert taken(front, job, "cancel", body) == status
    assert front.row(job)["version"] == version and requests(front, job) == ["cancel"]
    assert [(e["language"], e["code"]) for e in front.result(job)["lots"][1]["errors"]] == \
        [("en", "cancelled"), ("fr", "cancelled")]
    assert kinds(front, job) == ["ordered", "cancel", "cancelled"]
    front.check()


@pytest.mark.parametrize("document, end", [(DESCRIBED, ("completed", "partial")), (order(1), ("failed", None))])
def test_finish_ends_the_job_as_its_deadline_would(front, document, end):
    job = front.take(document)
    status = taken(front, job, "finish")
    assert (status["status"], status["outcome"]) == end
    assert {e["code"] for lot in front.result(job)["lots"] for e in lot["errors"]} == {"finished"}
    assert taken(front, job, "finish") == status
    assert requests(front, job) == ["finish"]
    front.check()


def test_retry_opens_an_ended_job_with_a_new_deadline(front):
    job = front.take(order(1, ["fr"]))
    ended = taken(front, job, "finish")
    status = taken(front, job, "retry", {"deadline": "PT2H"})
    assert (status["status"], status["outcome"], status["completed_at"]) == ("describing", None, None)
    row = front.row(job)
    assert (row["deadline_at"] - row["opened_at"]).total_seconds() == pytest.approx(7200, abs=5)
    assert status["deadline_at"] != ended["deadline_at"]
    assert requests(front, job) == ["finish", "retry"]


@pytest.mark.parametrize("body", [None, {}, {"deadline": None}])
def test_retry_without_a_deadline_takes_the_configured_one(front, body):
    job = front.take(order(1, []))
    taken(front, job, "cancel")
    taken(front, job, "retry", body)
    row = front.row(job)
    assert (row["deadline_at"] - row["opened_at"]).total_seconds() == pytest.approx(86400, abs=5)


def test_retry_of_a_running_job_changes_nothing(front):
    job = front.take(order(1, []))
    before = front.row(job)
    taken(front, job, "retry", {"deadline": "PT9H"})
    assert front.row(job) == before and requests(front, job) == []


def test_retry_is_409_where_photographs_are_gone(front):
    picture = b"a photograph that expires"
    job = front.take({"lots": [{"id": "1", "images": [data_url(picture)]}]})
    taken(front, job, "cancel")
    front.sql("DELETE FROM image WHERE sha256 = %s", hashlib.sha256(PNG + picture).digest())
    before = front.row(job)
    problem(send(front, job, "retry"), 409, "images_expired")
    assert front.row(job) == before


def test_added_languages_open_an_ended_job(front):
    job = front.take(DESCRIBED)
    taken(front, job, "finish")
    status = taken(front, job, "languages", {"languages": ["it", "PT-br"], "deadline": "PT3H"})
    assert status["status"] == "translating" and status["completed_at"] is None
    assert [(tag, found["total"]) for tag, found in status["languages"].items()] == \
        [("en", 2), ("fr", 2), ("it", 2), ("pt-BR", 2)]
    row = front.row(job)
    assert (row["deadline_at"] - row["opened_at"]).total_seconds() == pytest.approx(10800, abs=5)


def test_added_languages_of_a_running_job_keep_its_deadline(front):
    job = front.take(order(1, ["fr"]))
    before = front.status(job)
    status = taken(front, job, "languages", {"languages": ["fr", "it"]})
    assert status["deadline_at"] == before["deadline_at"]
    assert list(status["languages"]) == ["en", "fr", "it"]
    later = taken(front, job, "languages", {"languages": ["de"], "deadline": "PT48H"})
    assert later["deadline_at"] > before["deadline_at"]


def test_languages_that_are_there_change_nothing(front):
    job = front.take(order(1, ["fr"]))
    before = front.row(job)
    taken(front, job, "languages", {"languages": ["fr"]})
    assert front.row(job) == before and requests(front, job) == []


def test_delete_hides_an_ended_job_at_once(front):
    job = front.take(order(1, []))
    problem(send(front, job, "", method="DELETE"), 409, "job_running")
    assert front.status(job)["status"] == "queued"
    taken(front, job, "cancel")
    answer = send(front, job, "", method="DELETE")
    assert (answer.status, answer.body) == (204, b"")
    assert not {"content-type", "content-length"} & set(answer.headers)
    for path in ("", "/status", "/events"):
        problem(front.get(f"{JOBS}/{job}{path}"), 404, "not_found")
    for method, end, body in COMMANDS:
        problem(front.raw(method, f"{JOBS}/{job}{end}", body, front.key), 404, "not_found")
    assert job not in [found["job_id"] for found in front.get(f"{JOBS}?limit=100", key=front.key).json()["jobs"]]


def test_memory_shows_what_was_asked_at_once(small):
    """Answers were kept before, and nobody tells of the change but the command itself."""
    for _ in range(10):
        job = small.take(order(1, []))
        assert small.status(job)["status"] == "queued"
        assert taken(small, job, "cancel")["status"] == "cancelled"
        assert small.status(job)["status"] == "cancelled"
        assert send(small, job, "", method="DELETE").status == 204
        problem(small.get(f"{JOBS}/{job}/status"), 404, "not_found")
        problem(small.get(f"{JOBS}/{job}"), 404, "not_found")


# -- who may, and what is told otherwise


@pytest.mark.parametrize("method, end, body", COMMANDS)
def test_each_needs_the_role_submit_and_a_job_of_ones_own(front, method, end, body):
    job = front.take(order(1, []))
    uri = f"{JOBS}/{job}{end}"
    before = front.row(job)
    problem(front.raw(method, uri, body), 401, "unauthorized")
    problem(front.raw(method, uri, body, front.stack.new_key("demo", "read")), 403, "forbidden")
    foreign = front.raw(method, uri, body, front.stack.new_key("other", "submit"))
    unknown = front.raw(method, f"{JOBS}/{UNKNOWN}{end}", body, front.key)
    for answer in (foreign, unknown, front.raw(method, f"{JOBS}/1{end}", body, front.key)):
        problem(answer, 404, "not_found")
        assert answer.body == unknown.body
    assert front.row(job) == before


@pytest.mark.parametrize("method, end, body", COMMANDS)
def test_an_operator_may_act_on_every_account(front, method, end, body):
    job = front.take(order(1, []))
    if method == "DELETE":
        taken(front, job, "cancel")
    answer = front.raw(method, f"{JOBS}/{job}{end}", body, front.stack.new_key("operator", "admin"))
    assert answer.status == (204 if method == "DELETE" else 202)
    if end == "/cancel":
        assert "the operator" in front.get(f"{JOBS}/{job}/events").json()["events"][1]["message"]


@pytest.mark.parametrize("command", POSTED)
def test_other_methods_are_told_the_right_one(front, command):
    uri = f"{JOBS}/{UNKNOWN}/{command}"
    for method in ("GET", "HEAD", "PUT", "DELETE"):
        answer = front.raw(method, uri, key=front.key)
        assert (answer.status, answer.headers["allow"]) == (405, "POST, OPTIONS")
    answer = front.raw("OPTIONS", uri)
    assert (answer.status, answer.headers["allow"]) == (204, "POST, OPTIONS")


@pytest.mark.parametrize("command, body, pointers", [
    ("cancel", {"deadline": "PT1H"}, ["/deadline"]), ("finish", {"x": 1, "y": 2}, ["/x", "/y"]),
    ("", {"x": 1}, ["/x"]), ("retry", {"languages": ["it"]}, ["/languages"]),
    ("retry", {"deadline": "soon"}, ["/deadline"]),
    ("retry", {"deadline": "PT0.5S"}, ["/deadline"]), ("retry", {"deadline": "P4D"}, ["/deadline"]),
    ("retry", {"deadline": "2020-01-01T00:00:00Z"}, ["/deadline"]), ("retry", {"deadline": 5}, ["/deadline"]),
    ("retry", [], [""]), ("retry", "PT1H", [""]), ("languages", {}, [""]), ("languages", None, [""]),
    ("languages", {"deadline": "PT1H"}, [""]), ("languages", {"languages": []}, [""]),
    ("languages", {"languages": "it"}, ["/languages"]), ("languages", {"languages": ["en"]}, ["/languages/0"]),
    ("languages", {"languages": ["it", "it"]}, ["/languages/1"]), ("languages", {"languages": [1]}, ["/languages/0"]),
    ("languages", {"languages": ["it"], "lots": []}, ["/lots"]),
    ("languages", {"languages": ["it"], "deadline": "P9D"}, ["/deadline"])])
def test_a_body_that_breaks_rules_is_told_where(front, command, body, pointers):
    job = front.take(order(1, []))
    before = front.row(job)
    answer = send(front, job, command, body, method="POST" if command else "DELETE")
    faults = problem(answer, 422, "invalid_request")
    assert [fault["pointer"] for fault in faults] == pointers
    assert all(fault["detail"] for fault in faults)
    assert front.row(job) == before


@pytest.mark.parametrize("command", POSTED)
@pytest.mark.parametrize("body", [b"x", b"{", b" ", b'{"deadline": "PT1H", "deadline": "PT1H"}', b"{'deadline': null}",
                                  b'{"languages": ["\xff"]}', b"[" * 100, b"{}{}"])
def test_what_is_not_json_is_a_bad_request(front, command, body):
    problem(send(front, UNKNOWN, command, body, headers=JSON), 400, "bad_request")


@pytest.mark.parametrize("command", POSTED)
def test_another_media_type_is_refused_where_there_is_a_body(front, command):
    job = front.take(order(1, []))
    body = b'{"languages": ["it"]}' if command == "languages" else b"{}"
    for kind in ("text/plain", "application/x-www-form-urlencoded", "application/xml"):
        problem(send(front, job, command, body, headers={"Content-Type": kind}), 415, "unsupported_media_type")
    answer = send(front, job, command, b"", headers={"Content-Type": "text/plain"})
    assert answer.status == (422 if command == "languages" else 202)


@pytest.mark.parametrize("announce", ["", None])
def test_a_long_body_is_refused(front, announce):
    body = b'{"deadline": "PT1H"}'.ljust(16385)
    problem(send(front, UNKNOWN, "retry", body, announce=announce, headers=JSON), 413, "body_too_large")
    problem(send(front, UNKNOWN, "retry", body[:-1], announce=announce, headers=JSON), 404, "not_found")


@pytest.mark.parametrize("method, end, body", COMMANDS)
def test_a_body_that_breaks_off_asks_for_nothing(front, method, end, body):
    """The bytes that came are a whole body; only the missing end tells."""
    job = front.take(order(1, []))
    if end in ("", "/retry"):
        taken(front, job, "cancel")
    before = front.row(job)
    uri, text = f"{JOBS}/{job}{end}", json.dumps(body or {}).encode()
    problem(front.raw(method, uri, text, front.key, JSON, announce="100"), 400, "body_incomplete")
    problem(front.raw(method, uri, text, front.key, JSON, announce="x"), 400, "bad_request")
    params = fcgi_client.params_of(method, uri, None, {"Authorization": f"Bearer {front.key}", **JSON}, "100")
    connection = fcgi_client.Connection(front.socket).begin(params).send(text, end=False)
    connection.socket.shutdown(1)
    assert connection.answer().status in (0, 400)
    assert front.row(job) == before


def test_a_length_is_never_asked_for(front):
    job = front.take(order(1, []))
    for command in ("cancel", "finish", "retry"):
        assert send(front, job, command, None, announce=None).status == 202


def test_a_job_has_fifty_languages_at_most(front):
    tags = [f"x{chr(97 + i // 26)}{chr(97 + i % 26)}" for i in range(51)]
    job = front.take(order(1, tags[:49]))
    faults = problem(send(front, job, "languages", {"languages": tags[49:]}), 422, "invalid_request")
    assert [fault["pointer"] for fault in faults] == ["/languages"]
    assert len(taken(front, job, "languages", {"languages": tags[49:50]})["languages"]) == 51


def test_a_job_has_so_many_texts_at_most(small):
    job = small.take(order(4, ["fr"]))
    faults = problem(send(small, job, "languages", {"languages": ["it"]}), 422, "invalid_request")
    assert [fault["pointer"] for fault in faults] == ["/languages"]
    assert len(taken(small, small.take(order(3, ["fr"])), "languages", {"languages": ["it"]})["languages"]) == 3


# -- what is overdue, and databases that fail


@pytest.mark.parametrize("command, status", [("cancel", "completed"), ("finish", "completed"), ("retry", "describing")])
def test_I1_what_is_overdue_ends_before_it_is_told_what_to_do(front, command, status):
    job = overdue(front, DESCRIBED)
    assert taken(front, job, command)["status"] == status
    assert kinds(front, job)[:2] == ["ordered", "completed"]


def test_I1_what_is_overdue_can_be_deleted(front):
    job = overdue(front, DESCRIBED)
    assert send(front, job, "", method="DELETE").status == 204


@pytest.mark.parametrize("method, end, body", COMMANDS)
def test_a_database_that_refuses_writes_is_503_and_nothing_changed(own, method, end, body):  # noqa: F811
    job = own.take(DESCRIBED)
    if end != "/cancel" and end != "/finish":
        taken(own, job, "finish")
    before = own.row(job)
    own.stack.mariadb.sql("SET GLOBAL read_only = 1")
    answer = own.raw(method, f"{JOBS}/{job}{end}", body, own.key)
    problem(answer, 503, "database_unavailable")
    assert int(answer.headers["retry-after"]) > 0
    assert own.row(job) == before
    own.stack.mariadb.sql("SET GLOBAL read_only = 0")
    assert own.raw(method, f"{JOBS}/{job}{end}", body, own.key).status in (202, 204)


def test_without_a_database_it_is_503(own):  # noqa: F811
    job = own.take(DESCRIBED)
    own.stack.mariadb.stop()
    for method, end, body in COMMANDS:
        problem(own.raw(method, f"{JOBS}/{job}{end}", body, own.key), 503, "database_unavailable")


def test_they_work_through_the_web_server(front):
    job = front.take(DESCRIBED)
    uri = f"{JOBS}/{job}"
    assert front.stack.request("POST", f"{uri}/finish", key=front.key).status == 202
    assert front.stack.request("POST", f"{uri}/retry", {"deadline": "PT1H"}, key=front.key).status == 202
    assert front.stack.request("POST", f"{uri}/cancel", key=front.key).status == 202
    answer = front.stack.request("DELETE", uri, key=front.key)
    assert (answer.status, answer.body) == (204, b"")
