# SPDX-License-Identifier: ISC
"""I1 without any batchd: the front end closes a job whose deadline passed, or shows it closed."""
import json
import threading

import pytest

from front_end import DESCRIPTION, front, installation, lots, mariadb, order, own, breakable  # noqa: F401
from harness.process import wait_until

pytestmark = pytest.mark.front_end

JOBS = "/api/v1/jobs"
DESCRIBED = {"languages": ["fr"], "lots": [{"id": "own", "description": DESCRIPTION}, *lots(1)]}


def overdue(front, document):  # noqa: F811
    """A job whose deadline passed an hour ago."""
    job = front.take(document)
    front.sql("UPDATE job SET created_at = created_at - INTERVAL 2 DAY,"
              " deadline_at = UTC_TIMESTAMP(6) - INTERVAL 1 HOUR WHERE public_id = %s", job)
    return job


def test_I1_a_job_ends_at_its_deadline_with_no_batchd_at_all(front):
    job = front.take(order(2, deadline="PT1S"))
    status = front.wait_ended(job)
    assert (status["status"], status["outcome"]) == ("failed", None)
    assert status["progress"]["failed"] == 6
    assert status["completed_at"] > status["deadline_at"]
    assert front.row(job)["status"] == "failed"
    front.check()


@pytest.mark.parametrize("path", ["/status", "", "/events", "?download=1"])
def test_I1_whichever_read_comes_first_closes_the_job(front, path):
    job = overdue(front, DESCRIBED)
    assert front.get(f"{JOBS}/{job}{path}").status == 200
    row = front.row(job)
    assert (row["status"], row["outcome"]) == ("completed", "partial")
    front.check()


def test_I1_an_overdue_job_keeps_its_descriptions_and_says_why_the_rest_is_missing(front):
    job = overdue(front, DESCRIBED)
    result = front.result(job)
    assert (result["status"], result["outcome"]) == ("completed", "partial")
    own, other = result["lots"]  # noqa: F811
    assert own["descriptions"]["en"]["value"] == DESCRIPTION
    assert [(e["language"], e["code"]) for e in own["errors"]] == [("fr", "deadline")]
    assert [(e["language"], e["code"]) for e in other["errors"]] == [("en", "deadline"), ("fr", "deadline")]
    assert all(e["message"] for e in other["errors"])
    kinds = [e["kind"] for e in front.get(f"{JOBS}/{job}/events").json()["events"]]
    assert kinds == ["ordered", "completed"]
    states = front.sql("SELECT DISTINCT state FROM item WHERE job_id = %s AND state <> 'done'", front.row(job)["id"])
    assert {row["state"] for row in states} == {"ready", "blocked"}


def test_I1_many_readers_close_a_job_once(front):
    job = overdue(front, order())
    answers = []
    readers = [threading.Thread(target=lambda: answers.append(front.get(f"{JOBS}/{job}/status"))) for _ in range(16)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert {(a.status, a.json()["status"]) for a in answers} == {(200, "failed")}
    assert len({a.body for a in answers}) == 1
    assert [e["kind"] for e in front.get(f"{JOBS}/{job}/events").json()["events"]] == ["ordered", "failed"]


def test_I1_a_closed_job_is_not_polled_again(front):
    job = overdue(front, order())
    answer = front.get(f"{JOBS}/{job}/status")
    assert "retry-after" not in answer.headers
    assert front.get(f"{JOBS}/{job}/status", headers={"If-None-Match": answer.headers["etag"]}).status == 304


def test_a_job_is_left_to_batchd_for_five_ticks(mariadb):  # noqa: F811
    overrides = {"daemon": {"tick": "1m", "lease": "2m"}}
    with installation("front-tick", mariadb, overrides=overrides) as front:  # noqa: F811
        job = front.take(order())
        late = "UPDATE job SET deadline_at = UTC_TIMESTAMP(6) - INTERVAL %s MINUTE WHERE public_id = %s"
        front.sql(late, 3, job)
        answer = front.get(f"{JOBS}/{job}/status")
        assert (answer.json()["status"], answer.headers["retry-after"]) == ("queued", "1")
        front.sql(late, 6, job)
        assert front.status(job)["status"] == "failed"


def test_nothing_is_closed_while_batchd_distrusts_the_clock(front):
    job = overdue(front, order())
    front.sql("UPDATE daemon_lease SET no_close_before = UTC_TIMESTAMP(6) + INTERVAL 1 HOUR")
    try:
        assert front.status(job)["status"] == "queued"
    finally:
        front.sql("UPDATE daemon_lease SET no_close_before = NULL")
    assert front.status(job)["status"] == "failed"


def test_nothing_is_closed_while_the_databases_clock_is_not_ours(own):
    """Sessions of the front end see a clock that is two minutes ahead."""
    job = own.take(order())
    own.sql("UPDATE job SET deadline_at = UTC_TIMESTAMP(6) + INTERVAL 60 SECOND WHERE public_id = %s", job)
    own.stack.mariadb.sql("SET GLOBAL init_connect = 'SET timestamp = UNIX_TIMESTAMP() + 120'")
    own.stack.front_end.restart()
    assert own.status(job)["status"] == "queued"
    assert "clocks differ" in own.stack.front_end.log_text()
    own.stack.mariadb.sql("SET GLOBAL init_connect = ''")
    own.stack.front_end.restart()
    own.sql("UPDATE job SET deadline_at = UTC_TIMESTAMP(6) - INTERVAL 60 SECOND WHERE public_id = %s", job)
    assert own.status(job)["status"] == "failed"


def test_I1_a_database_that_refuses_writes_still_ends_polls(own):
    job = overdue(own, DESCRIBED)
    before = own.row(job)
    own.stack.mariadb.sql("SET GLOBAL read_only = 1")
    answer = own.get(f"{JOBS}/{job}/status")
    assert answer.status == 200
    status = answer.json()
    assert (status["status"], status["outcome"]) == ("completed", "partial")
    assert status["completed_at"] and status["waiting_for"] is None
    assert "retry-after" not in answer.headers
    result = own.result(job)
    assert [(e["language"], e["code"]) for e in result["lots"][0]["errors"]] == [("fr", "deadline")]
    assert own.row(job) == before
    own.stack.mariadb.sql("SET GLOBAL read_only = 0")
    wait_until(lambda: own.status(job) and own.row(job)["status"] == "completed", 30, "the job to be closed for good")
    stored = own.get(f"{JOBS}/{job}/status", headers={"If-None-Match": answer.headers["etag"]})
    assert stored.status == 200
    own.check()


def test_an_order_is_answered_503_where_the_database_refuses_writes(own):
    own.stack.mariadb.sql("SET GLOBAL read_only = 1")
    answer = own.raw("POST", JOBS, order(), own.key)
    assert (answer.status, answer.json()["code"]) == (503, "database_unavailable")
    assert int(answer.headers["retry-after"]) > 0
    assert own.get("/readyz").status == 200
    own.stack.mariadb.sql("SET GLOBAL read_only = 0")
    assert own.raw("POST", JOBS, order(), own.key).status == 202


def test_answers_go_through_byte_for_byte_and_failures_in_words(front):
    """I5 at the edge: rows as batchd leaves them."""
    job = front.take(order(3, ["fr"]))
    no = front.row(job)["id"]
    items = {(i["lot_seq"], i["lang_no"]): i["id"]
             for i in front.sql("SELECT id, lot_seq, lang_no FROM item WHERE job_id = %s", no)}
    raw = b'{ "title" : "\\u00e9\\ud800", "n": 12345678901234567890 }'

    def answer(place, grade, kept, value=None, repaired=None, source="batch"):
        front.sql("INSERT INTO answer (item_id, attempt_no, job_id, grade, raw, value, repaired, source, model,"
                  " created_at) VALUES (%s, 1, %s, %s, %s, %s, %s, %s, 'm', UTC_TIMESTAMP(6))",
                  items[place], no, grade, kept, value, repaired, source)
        front.sql("UPDATE item SET state = %s, code = %s, answer_no = 1 WHERE id = %s",
                  "failed" if grade == "refused" else "done", "refused" if grade == "refused" else None, items[place])

    answer((0, 0), "valid", raw)
    answer((0, 1), "salvaged", b"{'a': 1}", b'{"a":1}', "python_literal", "flex")
    answer((1, 0), "refused", b"I cannot.")
    front.sql("UPDATE item SET state = 'failed', code = 'description_failed' WHERE id = %s", items[1, 1])
    front.sql("UPDATE item SET state = 'failed', code = 'odd_code' WHERE id = %s", items[2, 1])
    body = front.get(f"{JOBS}/{job}").body
    assert b'"en":{"value":' + raw + b',"source":"batch","repaired":null}' in body
    assert b'"fr":{"value":{"a":1},"source":"flex","repaired":"python_literal","salvaged":true}' in body
    found = json.loads(body)["lots"]
    assert found[0]["errors"] == []
    assert found[1]["descriptions"] == {"en": None, "fr": None}
    assert [(e["language"], e["code"]) for e in found[1]["errors"]] == [("en", "refused"), ("fr", "description_failed")]
    assert [(e["language"], e["code"], bool(e["message"])) for e in found[2]["errors"]] == [("fr", "odd_code", True)]
