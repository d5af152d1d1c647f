# SPDX-License-Identifier: ISC
"""One order, one job: Idempotency-Key, and the same body within ten minutes (DESIGN section 5)."""
import concurrent.futures
import json

import pytest

from front_end import front, installation, lots, mariadb  # noqa: F401
from harness.process import wait_until

pytestmark = pytest.mark.front_end

JOBS = "/api/v1/jobs"


def order(n, languages=("fr", "de"), **more):
    """The same for the same arguments."""
    return {"languages": list(languages), "lots": lots(n), **more}


def send(front, document, idem=None, query="", key=None, **how):  # noqa: F811
    return front.raw("POST", JOBS + query, document, key or front.key,
                     headers={"Idempotency-Key": idem} if idem else None, **how)


def jobs(front):  # noqa: F811
    return front.sql("SELECT COUNT(*) AS n FROM job")[0]["n"]


def claims(front):  # noqa: F811
    return front.sql("SELECT CAST(name AS CHAR) AS name, public_id FROM idempotency ORDER BY created_at")


def test_the_same_key_and_body_are_the_same_job(front):  # noqa: F811
    first = send(front, order(2, name="a"), "key-1")
    before = jobs(front)
    again = send(front, order(2, name="a"), "key-1")
    assert (first.status, again.status) == (202, 202)
    assert again.json() == first.json()
    assert again.headers["location"] == first.headers["location"]
    assert jobs(front) == before


def test_a_quoted_key_is_the_same_key(front):  # noqa: F811
    first = send(front, order(2, name="quoted"), "key-2")
    assert send(front, order(2, name="quoted"), '"key-2"').json()["job_id"] == first.json()["job_id"]


def test_the_same_key_with_another_body_is_422(front):  # noqa: F811
    send(front, order(2, name="b"), "key-3")
    before = jobs(front)
    answer = send(front, order(2, name="c"), "key-3")
    assert answer.status == 422 and answer.json()["code"] == "idempotency_key_reused"
    assert jobs(front) == before


def test_another_key_with_the_same_body_is_another_job(front):  # noqa: F811
    one, two = send(front, order(2, name="d"), "key-4"), send(front, order(2, name="d"), "key-5")
    assert one.json()["job_id"] != two.json()["job_id"]


def test_keys_belong_to_their_account(front):  # noqa: F811
    other = front.stack.new_key("another-house")
    mine, theirs = send(front, order(2, name="e"), "key-6"), send(front, order(2, name="e"), "key-6", key=other)
    assert mine.status == theirs.status == 202
    assert mine.json()["job_id"] != theirs.json()["job_id"]


@pytest.mark.parametrize("idem", ["x" * 256, "with space", "caf\u00e9", '""', "tab\there"])
def test_a_key_that_is_none_is_400(front, idem):  # noqa: F811
    before = jobs(front)
    answer = front.raw("POST", JOBS, order(1), front.key, headers={"Idempotency-Key": idem})
    assert answer.status == 400 and "Idempotency-Key" in answer.json()["detail"]
    assert jobs(front) == before


def test_an_order_that_is_refused_takes_no_key(front):  # noqa: F811
    assert send(front, {"lots": []}, "key-7").status == 422
    assert send(front, order(1, name="f"), "key-7").status == 202


def test_a_known_order_is_known_still_when_its_deadline_has_passed(front):  # noqa: F811
    """An absolute deadline that lies in the past by now is no fault of an order that was taken."""
    first = send(front, order(1, name="g"), "key-8").json()["job_id"]
    front.sql("UPDATE idempotency SET body_sha256 = UNHEX(SHA2(%s, 256)) WHERE public_id = %s",
              json.dumps(order(1, name="g", deadline="2020-01-01T00:00:00Z")), first)
    again = send(front, order(1, name="g", deadline="2020-01-01T00:00:00Z"), "key-8")
    assert again.status == 202 and again.json()["job_id"] == first


def test_the_same_body_without_a_key_is_the_first_job_and_a_warning(front):  # noqa: F811
    first = send(front, order(2, name="h"))
    before = jobs(front)
    again = send(front, order(2, name="h"))
    assert (first.status, again.status) == (202, 200)
    assert again.json()["job_id"] == first.json()["job_id"]
    assert [w["code"] for w in again.json()["warnings"]] == ["duplicate_order"]
    assert {k: v for k, v in again.json().items() if k != "warnings"} == \
        {k: v for k, v in first.json().items() if k != "warnings"}
    assert jobs(front) == before


@pytest.mark.parametrize("idem", [None, "key-ended"])
def test_a_known_order_is_polled_again_only_while_its_job_runs(front, idem):  # noqa: F811
    document = order(1, name=f"ended {idem}")
    job = send(front, document, idem).json()["job_id"]
    assert "retry-after" in send(front, document, idem).headers
    assert front.raw("POST", f"{JOBS}/{job}/cancel", None, front.key).json()["completed_at"]
    again = send(front, document, idem)
    assert again.json()["job_id"] == job and "retry-after" not in again.headers


def test_a_warning_more_stands_before_those_of_the_job(front):  # noqa: F811
    job = send(front, order(1, name='"warnings":[')).json()["job_id"]
    front.sql("UPDATE job SET version = version + 1, status_json = REPLACE(status_json, ',\"warnings\":[]',"
              " ',\"warnings\":[{\"code\":\"x\",\"message\":\"y\",\"since\":\"2026-01-01T00:00:00Z\"}]') WHERE public_id = %s", job)
    again = send(front, order(1, name='"warnings":['))
    assert [w["code"] for w in again.json()["warnings"]] == ["duplicate_order", "x"]
    assert again.json()["name"] == '"warnings":['


def test_again_forces_another_job(front):  # noqa: F811
    first = send(front, order(2, name="i"))
    forced = send(front, order(2, name="i"), query="?again=1")
    assert forced.status == 202 and forced.json()["job_id"] != first.json()["job_id"]
    assert send(front, order(2, name="i"), query="?again=0").status == 200


@pytest.mark.parametrize("query,name", [("?again=yes", "again"), ("?agian=1", "agian")])
def test_a_query_that_is_not_known_is_400(front, query, name):  # noqa: F811
    answer = send(front, order(2), query=query)
    assert answer.status == 400 and answer.json()["errors"][0]["parameter"] == name


def test_after_ten_minutes_the_same_body_is_another_job(front):  # noqa: F811
    first = send(front, order(2, name="j")).json()["job_id"]
    front.sql("UPDATE idempotency SET created_at = created_at - INTERVAL 10 MINUTE WHERE public_id = %s", first)
    second = send(front, order(2, name="j"))
    assert second.status == 202 and second.json()["job_id"] != first
    assert send(front, order(2, name="j")).json()["job_id"] == second.json()["job_id"]


def test_a_key_holds_as_long_as_its_job(front):  # noqa: F811
    first = send(front, order(2, name="k"), "key-9").json()["job_id"]
    front.sql("UPDATE idempotency SET created_at = created_at - INTERVAL 30 DAY WHERE public_id = %s", first)
    assert send(front, order(2, name="k"), "key-9").json()["job_id"] == first


@pytest.mark.parametrize("n", [1, 1200])
def test_orders_at_the_same_time_are_one_job(front, n):  # noqa: F811
    """With one transaction and with many: one makes the job, the others are told it, or to come again."""
    document = order(n, name=f"together {n}")
    before = jobs(front)
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: send(front, document, f"together-{n}"), range(6)))
    made = {a.json()["job_id"] for a in answers if a.status == 202}
    assert {a.status for a in answers} <= {202, 409, 503} and len(made) == 1
    for answer in answers:
        if answer.status == 409:
            assert answer.json()["code"] == "order_in_progress" and int(answer.headers["retry-after"]) > 0
    again = wait_until(lambda: send(front, document, f"together-{n}"), 10, "an answer")
    assert again.status == 202 and again.json()["job_id"] in made
    assert front.sql("SELECT COUNT(*) AS n FROM job WHERE visible = 1")[0]["n"] >= before
    assert front.sql("SELECT COUNT(*) AS n FROM job WHERE name = %s AND visible = 1", f"together {n}")[0]["n"] == 1


def unfinished(front, idem, document, age_s):  # noqa: F811
    """What a front end that died while it wrote a large order leaves behind."""
    job = send(front, document, idem).json()["job_id"]
    front.sql("UPDATE job SET visible = 0, version = version + 1 WHERE public_id = %s", job)
    front.sql("UPDATE idempotency SET progress_at = progress_at - INTERVAL %s SECOND WHERE public_id = %s", age_s, job)
    return job


def test_an_order_that_is_being_written_is_409(front):  # noqa: F811
    unfinished(front, "key-10", order(2, name="l"), 0)
    answer = send(front, order(2, name="l"), "key-10")
    assert answer.status == 409 and answer.json()["code"] == "order_in_progress"
    assert int(answer.headers["retry-after"]) > 0


def test_an_order_without_progress_for_a_minute_is_taken_over(front):  # noqa: F811
    dead = unfinished(front, "key-11", order(2, name="m"), 61)
    answer = send(front, order(2, name="m"), "key-11")
    assert answer.status == 202 and answer.json()["job_id"] != dead
    assert send(front, order(2, name="m"), "key-11").json()["job_id"] == answer.json()["job_id"]


def test_who_goes_on_while_it_is_being_taken_over_keeps_its_order(front):  # noqa: F811
    """It stood still for a minute, and shows its job between the other's look and its take."""
    document = order(2, name="n")
    slow = unfinished(front, "key-12", document, 61)
    connection = front.stack.mariadb.connect(front.stack.database)
    with concurrent.futures.ThreadPoolExecutor(1) as pool, connection.cursor() as cursor:
        cursor.execute("START TRANSACTION")
        cursor.execute("UPDATE idempotency SET progress_at = UTC_TIMESTAMP(6) WHERE public_id = %s", slow)
        cursor.execute("UPDATE job SET visible = 1, version = version + 1 WHERE public_id = %s", slow)
        other = pool.submit(send, front, document, "key-12")
        wait_until(lambda: front.sql("SELECT 1 FROM information_schema.innodb_lock_waits"), 10, "the other to wait")
        cursor.execute("COMMIT")
        assert other.result().status == 202 and other.result().json()["job_id"] == slow
    connection.close()


def test_a_deleted_job_stays_known_by_its_key(mariadb):  # noqa: F811
    with installation("front-claims-deleted", mariadb) as front:  # noqa: F811
        document = order(1, [], deadline="PT1S")
        job = send(front, document, "key").json()["job_id"]
        front.wait_ended(job)
        front.sql("UPDATE job SET visible = 0, version = version + 1 WHERE public_id = %s", job)
        answer = send(front, document, "key")
        assert answer.status == 409 and answer.json()["code"] == "job_deleted"
        other = send(front, document)
        assert other.status == 202 and other.json()["job_id"] != job


def test_the_claim_is_gone_with_an_order_that_was_not_stored(mariadb):  # noqa: F811
    """They are one transaction: a database that refuses the job keeps no claim."""
    with installation("front-claims-refused", mariadb) as front:  # noqa: F811
        front.sql("ALTER TABLE lot ADD CONSTRAINT refuse CHECK (ref <> '13')")
        document = {"lots": [{"id": "13", "title": "unlucky"}]}
        assert send(front, document, "key").status in (500, 503)
        assert not claims(front)
        front.sql("ALTER TABLE lot DROP CONSTRAINT refuse")
        assert send(front, document, "key").status == 202
