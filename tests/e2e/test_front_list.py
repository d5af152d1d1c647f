# SPDX-License-Identifier: ISC
"""GET /api/v1/jobs: whose jobs are listed, in which order, page by page, and that what is overdue is closed."""
import re
import uuid

import pytest

import fcgi_client
from front_end import (DESCRIPTION, UNKNOWN, breakable, front, installation, lots, mariadb, order,  # noqa: F401
                       own)

pytestmark = pytest.mark.front_end

JOBS = "/api/v1/jobs"


@pytest.fixture(scope="module")
def many(front):
    """An account with 25 jobs, of which it knows the order, among those of others."""
    key = front.stack.new_key("many", "submit")
    made = []
    for i in range(25):
        made.append(front.take(order(1, [], name=f"Sale {i}"), key))
        if i % 10 == 0:
            front.take(order(1, []))
    return front.stack.new_key("many", "read"), made[::-1]


def listed(front, key, query="", **how):  # noqa: F811
    answer = front.get(JOBS + query, key=key, **how)
    assert answer.status == 200, answer
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    return answer


def ids(answer):
    return [job["job_id"] for job in answer.json()["jobs"]]


def pages(front, key, query):  # noqa: F811
    """Follow `next`, which the header Link tells too."""
    found, uri = [], JOBS + query
    while uri:
        answer = front.get(uri, key=key)
        assert answer.status == 200, answer
        found.append(ids(answer))
        uri = answer.json()["next"]
        assert answer.headers.get("link") == (f'<{uri}>; rel="next"' if uri else None)
    return found


def test_the_newest_job_comes_first_as_a_poll_shows_it(front, many):
    key, jobs = many
    answer = listed(front, key)
    assert ids(answer) == jobs[:20]
    assert answer.json()["jobs"] == [front.status(job) for job in jobs[:20]]
    assert answer.json()["next"] == f"{JOBS}?after={jobs[19]}"


@pytest.mark.parametrize("query, sizes", [
    ("", [20, 5]), ("?limit=10", [10, 10, 5]), ("?limit=25", [25]), ("?limit=24", [24, 1]), ("?limit=100", [25]),
    ("?limit=12&status=queued", [12, 12, 1]), ("?status=completed", [0])])
def test_pages_give_each_job_once(front, many, query, sizes):
    key, jobs = many
    found = pages(front, key, query)
    assert [len(page) for page in found] == sizes
    assert sum(found, []) == (jobs if sum(sizes) else [])


def test_the_other_parameters_are_kept_in_the_next_address(front, many):
    key, jobs = many
    assert listed(front, key, "?status=queued&limit=3").json()["next"] == \
        f"{JOBS}?after={jobs[2]}&limit=3&status=queued"


def test_the_next_address_bears_the_public_one(front, many):
    key, jobs = many
    other = front.stack.add_front_end({"http": {"base_path": "/house", "public_url": "https://lots.example.com"}})
    answer = fcgi_client.request(other.socket, "GET", f"/house{JOBS}?limit=1",
                                 headers={"Authorization": f"Bearer {key}"})
    base = f"https://lots.example.com/house{JOBS}"
    assert answer.json()["next"] == f"{base}?after={jobs[0]}&limit=1"
    assert answer.headers["link"] == f'<{base}?after={jobs[0]}&limit=1>; rel="next"'
    assert answer.json()["jobs"][0]["links"]["self"] == f"{base}/{jobs[0]}"


def test_jobs_that_come_between_pages_move_nothing(front):
    key = front.stack.new_key("growing", "submit")
    old = [front.take(order(1, []), key) for _ in range(4)][::-1]
    first = listed(front, key, "?limit=2").json()
    assert [job["job_id"] for job in first["jobs"]] == old[:2]
    new = front.take(order(1, []), key)
    assert ids(front.get(first["next"], key=key)) == old[2:]
    assert ids(listed(front, key)) == [new, *old]


def test_the_cursor_may_be_a_job_that_was_removed_meanwhile(front):
    key = front.stack.new_key("removing", "submit")
    jobs = [front.take(order(1, []), key) for _ in range(3)]
    front.sql("UPDATE job SET visible = 0 WHERE public_id = %s", jobs[1])
    assert ids(listed(front, key, f"?after={jobs[1]}")) == [jobs[0]]
    assert ids(listed(front, key)) == [jobs[2], jobs[0]]


def test_an_account_without_jobs_has_an_empty_list(front):
    assert listed(front, front.stack.new_key("empty", "read")).json() == {"jobs": [], "next": None}


def test_an_operator_sees_every_account(front, many):
    key, jobs = many
    admin = front.stack.new_key("operator", "admin")
    newest = front.take(order(1, [], name="another's"))
    assert sum(pages(front, admin, "?limit=7"), []) == \
        [row["id"] for row in front.sql("SELECT CAST(public_id AS CHAR) AS id FROM job WHERE visible = 1"
                                        " ORDER BY job.id DESC")]
    assert ids(listed(front, admin, "?limit=1&status=queued")) == [newest]
    assert ids(listed(front, admin, f"?limit=1&after={jobs[0]}")) == [jobs[1]]
    assert newest not in ids(listed(front, key))


@pytest.mark.parametrize("query, parameter", [
    ("limit=0", "limit"), ("limit=101", "limit"), ("limit=x", "limit"), ("limit=", "limit"), ("limit=1e1", "limit"),
    ("status=", "status"), ("status=Queued", "status"), ("status=done", "status"), ("after=", "after"),
    ("after=1", "after"), (f"after={UNKNOWN}", "after"), ("after=foreign", "after"), ("page=2", "page")])
def test_a_query_that_is_not_understood_is_refused(front, many, query, parameter):
    foreign = front.take(order(1, []))
    answer = front.get(f"{JOBS}?{query.replace('foreign', foreign)}", key=many[0])
    assert (answer.status, answer.json()["code"]) == (400, "bad_request")
    assert [fault["parameter"] for fault in answer.json()["errors"]] == [parameter]


def test_a_foreign_cursor_is_told_from_an_unknown_one_by_nothing(front, many):
    foreign = front.take(order(1, []))
    answers = [front.get(f"{JOBS}?after={job}", key=many[0]) for job in (foreign, str(uuid.uuid4()))]
    assert answers[0].body == answers[1].body


def test_a_list_needs_a_key_and_any_will_do(front, many):
    assert front.get(JOBS).status == 401
    assert front.get(JOBS, key=front.key[:-1]).status == 401
    for role in ("read", "submit", "admin"):
        answer = listed(front, front.stack.new_key("roles", role), "?limit=1")
        assert re.fullmatch(r'"account";r=\d+;t=\d+', answer.headers["ratelimit"])


def test_HEAD_is_GET_without_its_body(front, many):
    head, get = (front.raw(method, JOBS, key=many[0]) for method in ("HEAD", "GET"))
    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-length"] == str(len(get.body))
    assert head.headers["link"] == get.headers["link"]


def overdue(front, key, document):  # noqa: F811
    job = front.take(document, key)
    front.sql("UPDATE job SET created_at = created_at - INTERVAL 2 DAY,"
              " deadline_at = UTC_TIMESTAMP(6) - INTERVAL 1 HOUR WHERE public_id = %s", job)
    return job


DESCRIBED = {"languages": ["fr"], "lots": [{"id": "own", "description": DESCRIPTION}, *lots(1)]}


@pytest.mark.parametrize("role", ["submit", "admin"])
@pytest.mark.parametrize("query, shown", [
    ("", ["completed", "queued", "failed"]), ("?status=queued", ["queued"]), ("?status=completed", ["completed"]),
    ("?status=failed", ["failed"]), ("?status=translating", [])])
def test_I1_what_is_overdue_is_closed_by_the_first_list(front, role, query, shown):
    front.sql("UPDATE job SET visible = 0")
    key = front.stack.new_key(f"late-{uuid.uuid4().hex[:8]}", role)
    jobs = [overdue(front, key, order(1, [])), front.take(order(1, []), key), overdue(front, key, DESCRIBED)]
    answer = listed(front, key, query)
    assert [job["status"] for job in answer.json()["jobs"]] == shown
    assert [front.row(job)["status"] for job in jobs] == ["failed", "queued", "completed"]
    front.check()


def test_I1_a_database_that_refuses_writes_shows_what_is_overdue_as_closed(own):  # noqa: F811
    job = overdue(own, own.key, DESCRIBED)
    own.stack.mariadb.sql("SET GLOBAL read_only = 1")
    for query in ("", "?status=completed"):
        found, = listed(own, own.key, query).json()["jobs"]
        assert (found["job_id"], found["status"], found["outcome"]) == (job, "completed", "partial")
    assert listed(own, own.key, "?status=queued").json()["jobs"] == []
    assert own.row(job)["status"] == "queued"


def test_without_a_database_it_is_503(own):  # noqa: F811
    own.stack.mariadb.stop()
    answer = own.get(JOBS, key=own.key)
    assert (answer.status, answer.json()["code"]) == (503, "database_unavailable")
    assert int(answer.headers["retry-after"]) > 0


def test_a_page_costs_the_same_however_many_jobs_there_are(breakable):  # noqa: F811
    """Rows that the server reads for a page of 5: those, and a few; among 12,000 jobs of two accounts."""
    with installation("front-list-cost", breakable, overrides={"http": {"workers": 1}}) as made:
        for _ in range(6):
            made.take(order(1, []))
        made.sql("INSERT INTO account (name, created_at) VALUES ('crowd', UTC_TIMESTAMP(6))")
        for account, status in (("demo", "failed"), ("crowd", "failed"), ("crowd", "queued"), ("demo", "failed")):
            made.sql("INSERT INTO job (public_id, account_id, visible, status, name, lots, describe_recipe,"
                     " translate_recipe, created_at, opened_at, updated_at, deadline_at, completed_at, status_json)"
                     " SELECT UUID(), (SELECT id FROM account WHERE name = %s), 1, %s, name, lots, describe_recipe,"
                     " translate_recipe, created_at, opened_at, updated_at, deadline_at,"
                     " IF(%s = 'queued', NULL, created_at), status_json"
                     " FROM (SELECT * FROM job LIMIT 1) one JOIN seq_1_to_3000", account, status, status)
        made.sql("ANALYZE TABLE job")
        connection = made.stack.mariadb.connect()

        def rows_read():
            with connection.cursor() as cursor:
                cursor.execute("SHOW GLOBAL STATUS LIKE 'Handler_read%'")
                return sum(int(row["Value"]) for row in cursor.fetchall())

        middle = made.sql("SELECT CAST(public_id AS CHAR) AS id FROM job WHERE status = 'failed' AND account_id ="
                          " (SELECT id FROM account WHERE name = 'demo') ORDER BY job.id LIMIT 2000, 1")[0]["id"]
        for query in ("", "&status=queued", "&status=failed", "&status=cancelled", f"&after={middle}",
                      f"&status=failed&after={middle}"):
            listed(made, made.key, f"?limit=5{query}")
            idle, before = rows_read(), rows_read()
            listed(made, made.key, f"?limit=5{query}")
            assert rows_read() - before - (before - idle) < 60, query
        connection.close()


def test_what_a_list_shows_is_not_older_in_a_poll(mariadb):  # noqa: F811
    """Polls are answered from memory, which learns of a change by and by."""
    with installation("front-list-memory", mariadb, memory=True) as made:
        job = made.take(order(1, []))
        for version in range(2, 22):
            assert made.get(f"{JOBS}/{job}/status").status == 200
            made.sql("UPDATE job SET version = %s WHERE public_id = %s", version, job)
            listed(made, made.key)
            assert made.get(f"{JOBS}/{job}/status").headers["etag"] == f'"{job[:8]}-{version}"'
