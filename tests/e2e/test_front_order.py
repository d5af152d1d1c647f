# SPDX-License-Identifier: ISC
"""An order and what a client sees of it, without any batchd: 202, status, ETag, result, events."""
import json
import signal
import threading

import pytest

import fcgi_client
from front_end import (DESCRIPTION, PNG, UNKNOWN, data_url, front, installation, lots, mariadb,  # noqa: F401
                       order)
from harness.process import wait_until
from harness.stack import is_instrumented

pytestmark = pytest.mark.front_end

STATUS_KEYS = ["job_id", "name", "status", "outcome", "progress", "languages", "created_at", "updated_at",
               "deadline_at", "completed_at", "waiting_for", "warnings", "cost", "links"]


def test_an_order_is_accepted_and_polled_and_read(front):
    answer = front.stack.request("POST", "/api/v1/jobs", order(20, name="Sale 1204"), key=front.key)
    assert answer.status == 202
    status = answer.json()
    job = status["job_id"]
    assert list(status) == STATUS_KEYS
    assert answer.headers["location"] == status["links"]["self"] == f"/api/v1/jobs/{job}"
    assert int(answer.headers["retry-after"]) > 0
    assert answer.headers["cache-control"] == "no-store"
    assert (status["status"], status["outcome"], status["name"]) == ("queued", None, "Sale 1204")
    assert status["progress"] == {"percent": 0, "lots": 20, "described": 0, "translations": 40,
                                  "translated": 0, "failed": 0}
    assert status["languages"] == {tag: {"done": 0, "total": 20} for tag in ("en", "fr", "de")}
    polled = front.stack.get(status["links"]["status"])
    assert (polled.status, polled.json()) == (200, status)
    result = front.stack.get(status["links"]["self"])
    assert {key: value for key, value in result.json().items() if key not in ("lots", "next")} == status
    assert result.json()["next"] is None
    assert [lot["id"] for lot in result.json()["lots"]] == [str(n + 1) for n in range(20)]
    assert result.json()["lots"][0] == {"id": "1", "title": "Lot 1", "errors": [],
                                        "descriptions": {"en": None, "fr": None, "de": None}}
    events = front.stack.get(status["links"]["events"]).json()
    assert events["job_id"] == job
    assert [(event["kind"], event["count"]) for event in events["events"]] == [("ordered", 20)]
    assert list(events["events"][0]) == ["at", "kind", "message", "count"]


def test_every_answer_about_a_job_is_private_and_not_indexed(front):
    job = front.take(order())
    for path in ("", "/status", "/events"):
        headers = front.get(f"/api/v1/jobs/{job}{path}").headers
        assert headers["cache-control"] == "private, no-cache"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["x-robots-tag"] == "noindex"
        assert headers["content-type"] == "application/json"


def test_an_entity_tag_is_compared_weakly_and_without_a_compressors_suffix(front):
    uri = f"/api/v1/jobs/{front.take(order())}/status"
    first = front.get(uri)
    tag = first.headers["etag"]
    inner = tag.strip('"')
    suffixed = [f'"{inner}-{suffix}"' for suffix in ("gzip", "br", "deflate", "zstd")]
    for same in (tag, f"W/{tag}", "*", f'"other", {tag}', f'W/"{inner}-gzip"', *suffixed):
        again = front.get(uri, headers={"If-None-Match": same})
        assert (again.status, again.body, again.headers["etag"]) == (304, b"", tag), same
        assert "retry-after" in again.headers and "content-length" not in again.headers
    for other in ('"other"', inner, f'"{inner}x"', f'"{inner}-gzip-gzip"', f'"x{inner}"', '"', "W/", ""):
        assert front.get(uri, headers={"If-None-Match": other}).status == 200, other


def test_an_entity_tag_changes_with_the_job_and_differs_between_jobs(front):
    job, other = front.take(order()), front.take(order())
    uri = f"/api/v1/jobs/{job}/status"
    tag = front.get(uri).headers["etag"]
    assert tag != front.get(f"/api/v1/jobs/{other}/status").headers["etag"]
    front.sql("UPDATE job SET version = version + 1 WHERE public_id = %s", job)
    assert front.get(uri, headers={"If-None-Match": tag}).status == 200


def test_a_poll_is_told_when_to_come_again_and_never_after_the_deadline(front):
    job = front.take(order(deadline="PT72H"))
    uri = f"/api/v1/jobs/{job}/status"
    assert front.get(uri).headers["retry-after"] == "1"
    front.sql("UPDATE job SET updated_at = UTC_TIMESTAMP(6) - INTERVAL 1 DAY WHERE public_id = %s", job)
    assert front.get(uri).headers["retry-after"] == "30"
    front.sql("UPDATE job SET deadline_at = UTC_TIMESTAMP(6) + INTERVAL 10 SECOND WHERE public_id = %s", job)
    assert 1 <= int(front.get(uri).headers["retry-after"]) <= 11


def test_head_answers_as_get_without_the_body(front):
    job = front.take(order())
    for uri in (f"/api/v1/jobs/{job}/status", f"/api/v1/jobs/{job}", f"/api/v1/jobs/{job}/events", "/healthz",
                "/readyz", f"/api/v1/jobs/{UNKNOWN}"):
        get, head = front.get(uri), front.raw("HEAD", uri)
        assert (head.status, head.body, head.headers) == (get.status, b"", get.headers), uri


def test_a_job_id_in_upper_case_is_the_same_job(front):
    job = front.take(order())
    assert front.status(job.upper())["job_id"] == job


def test_rows_of_an_order_are_what_batchd_works_on(front):
    before = front.sql("SELECT n FROM wake")[0]["n"]
    job = front.row(front.take(order(3, ["fr", "pt-br"], instructions="Plain.", metadata={"sale": "7"},
                                     callback_url="https://example.com/done", deadline="PT6H")))
    assert (job["visible"], job["status"], job["lots"], job["instructions"]) == (1, "queued", 3, "Plain.")
    assert json.loads(job["metadata"]) == {"sale": "7"}
    assert job["callback_url"] == "https://example.com/done"
    assert (job["deadline_at"] - job["created_at"]).total_seconds() == 6 * 3600
    items = front.sql("SELECT * FROM item WHERE job_id = %s ORDER BY lot_seq, lang_no", job["id"])
    assert [(i["lot_seq"], i["lang_no"], i["state"]) for i in items] == [
        (seq, no, "blocked" if no else "ready") for seq in range(3) for no in range(3)]
    assert all(i["est_bytes"] > 5000 and i["est_tokens"] > 1000 for i in items if i["lang_no"] == 0)
    assert all((i["attempts"], i["burned"], i["answer_no"]) == (0, 0, None) for i in items)
    languages = front.sql("SELECT * FROM job_language WHERE job_id = %s ORDER BY no", job["id"])
    assert [(row["tag"], row["n_total"], row["n_ready"], row["n_done"]) for row in languages] == [
        ("en", 3, 3, 0), ("fr", 3, 0, 0), ("pt-BR", 3, 0, 0)]
    assert [row["ready_since"] is None for row in languages] == [False, True, True]
    assert front.sql("SELECT n FROM wake")[0]["n"] == before + 1
    front.check()


def test_jobs_of_the_same_configuration_share_their_recipes(front):
    first, second = front.row(front.take(order())), front.row(front.take(order()))
    keys = ("describe_recipe", "translate_recipe")
    assert [first[k] for k in keys] == [second[k] for k in keys]
    recipes = front.sql("SELECT * FROM recipe ORDER BY id")
    assert [(r["task"], r["model"]) for r in recipes] == [("describe", "gpt-5.5"), ("translate", "gpt-5.5")]
    assert [r["id"] for r in recipes] == [first[k] for k in keys]
    assert all(json.loads(r["answer_schema"])["type"] == "object" and r["prompt"] for r in recipes)
    assert all(len(r["hash"]) == 64 and r["max_output_tokens"] == 2000 for r in recipes)


def test_a_lot_with_its_own_description_is_only_translated(front):
    text = json.dumps(DESCRIPTION, indent=1)
    document = order(1)
    body = json.dumps(document)[:-2] + ', {"id": "own", "description": ' + text + "}]}"
    answer = front.raw("POST", "/api/v1/jobs", body.encode(), front.key)
    assert answer.status == 202
    job = answer.json()["job_id"]
    assert answer.json()["progress"]["described"] == 1
    items = front.sql("SELECT i.* FROM item i JOIN job j ON j.id = i.job_id WHERE public_id = %s AND lot_seq = 1"
                      " ORDER BY lang_no", job)
    assert [(i["state"], i["answer_no"], i["est_tokens"] > 0) for i in items] == [
        ("done", 0, False), ("ready", None, True), ("ready", None, True)]
    kept = front.sql("SELECT * FROM answer WHERE item_id = %s", items[0]["id"])
    assert [(a["attempt_no"], a["grade"], a["source"], a["raw"], a["value"]) for a in kept] == [
        (0, "valid", "order", text.encode(), None)]
    body = front.get(f"/api/v1/jobs/{job}").body
    assert b'"en":{"value":' + text.encode() + b',"source":"order","repaired":null}' in body
    front.check()


def test_a_job_with_nothing_to_do_ends_at_once(front):
    status = front.status(front.take({"lots": [{"id": "1", "description": DESCRIPTION}]}))
    assert (status["status"], status["outcome"], status["progress"]["percent"]) == ("completed", "full", 100)
    front.check()


def test_photographs_sent_as_bytes_are_stored_once(front):
    same, other = data_url(b"same"), data_url(b"other")
    jobs = [front.row(front.take({"lots": [{"id": "1", "images": [same, "https://example.com/1.jpg", same]},
                                           {"id": "2", "images": [other]}]})) for _ in range(2)]
    images = front.sql("SELECT * FROM image WHERE bytes IN (%s, %s) ORDER BY bytes", PNG + b"same", PNG + b"other")
    assert [(i["bytes"], i["media_type"]) for i in images] == [(PNG + b"other", "image/png"),
                                                               (PNG + b"same", "image/png")]
    for job in jobs:
        rows = front.sql("SELECT lot_seq, no, url, sha256 FROM lot_image WHERE job_id = %s ORDER BY lot_seq, no",
                         job["id"])
        assert [(r["lot_seq"], r["no"], r["url"], r["sha256"]) for r in rows] == [
            (0, 0, None, images[1]["sha256"]), (0, 1, "https://example.com/1.jpg", None),
            (0, 2, None, images[1]["sha256"]), (1, 0, None, images[0]["sha256"])]


def test_a_large_order_is_written_in_parts_and_read_in_pages(front):
    n = 2345
    document = order(n, ["fr"])
    document["lots"][700]["description"] = DESCRIPTION
    job = front.take(document)
    assert front.status(job)["progress"]["lots"] == n
    row = front.row(job)
    assert front.sql("SELECT COUNT(*) AS n FROM item WHERE job_id = %s", row["id"]) == [{"n": 2 * n}]
    seen, uri = [], f"/api/v1/jobs/{job}"
    pages = 0
    while uri:
        page = front.get(uri).json()
        seen += [lot["id"] for lot in page["lots"]]
        uri, pages = page["next"], pages + 1
    assert (seen, pages) == ([str(i + 1) for i in range(n)], 3)
    download = front.stack.get(f"/api/v1/jobs/{job}?download=1")
    assert download.headers["content-disposition"] == f'attachment; filename="{job}.json"'
    assert [lot["id"] for lot in download.json()["lots"]] == seen
    assert download.json()["lots"][700]["descriptions"]["en"]["source"] == "order"
    assert {key: value for key, value in download.json().items() if key != "lots"} == front.status(job)
    front.check()


def test_a_page_takes_limit_after_and_language(front):
    job = front.take(order(5))
    page = front.result(job, "?limit=2&after=0&language=FR")
    assert [lot["id"] for lot in page["lots"]] == ["2", "3"]
    assert page["lots"][0]["descriptions"] == {"fr": None}
    assert page["next"] == f"/api/v1/jobs/{job}?limit=2&after=2&language=fr"
    assert [lot["id"] for lot in front.get(page["next"]).json()["lots"]] == ["4", "5"]
    assert front.get(page["next"]).json()["next"] is None
    beyond = front.result(job, "?after=77")
    assert (beyond["lots"], beyond["next"]) == ([], None)
    download = front.result(job, "?download=1&language=de")
    assert [list(lot["descriptions"]) for lot in download["lots"]] == [["de"]] * 5


def test_a_page_of_large_answers_ends_early_and_nothing_is_lost(front):
    job = front.take(order(40, []))
    front.sql("INSERT INTO answer (item_id, attempt_no, job_id, grade, raw, source, model, created_at)"
              " SELECT i.id, 1, i.job_id, 'valid', CONCAT('{\"x\":\"', REPEAT('y', 4000000), '\"}'), 'batch', 'm',"
              " UTC_TIMESTAMP(6) FROM item i JOIN job j ON j.id = i.job_id WHERE j.public_id = %s", job)
    front.sql("UPDATE item i JOIN job j ON j.id = i.job_id SET i.state = 'done', i.answer_no = 1"
              " WHERE j.public_id = %s", job)
    seen, uri = [], f"/api/v1/jobs/{job}"
    while uri:
        page = front.get(uri).json()
        assert 1 <= len(page["lots"]) <= 5
        seen += [(lot["id"], len(lot["descriptions"]["en"]["value"]["x"])) for lot in page["lots"]]
        uri = page["next"]
    assert seen == [(str(i + 1), 4000000) for i in range(40)]
    download = front.stack.get(f"/api/v1/jobs/{job}?download=1")
    assert [lot["id"] for lot in download.json()["lots"]] == [lot for lot, _ in seen]
    # A page's 16 MiB, its answer above them and copies while buffers grow; 160 MB of answers would break it.
    assert is_instrumented() or front.stack.front_end.peak_memory() < 120_000_000
    head = front.raw("HEAD", f"/api/v1/jobs/{job}?download=1")
    assert (head.status, head.body, head.complete) == (200, b"", True)
    assert head.headers["content-disposition"] == f'attachment; filename="{job}.json"'


def test_first_orders_at_the_same_moment_share_recipes_and_photographs(mariadb):  # noqa: F811
    with installation("front-first", mariadb) as front:  # noqa: F811
        answers = []
        documents = [order(300 if n % 4 else 1200, ["fr"]) for n in range(16)]
        for document in documents:
            document["lots"][0]["images"] = [data_url(b"shared")]
        clients = [threading.Thread(target=lambda d=d: answers.append(front.raw("POST", "/api/v1/jobs", d, front.key)))
                   for d in documents]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
        assert [answer.status for answer in answers] == [202] * 16
        assert front.sql("SELECT COUNT(*) AS n FROM recipe") == [{"n": 2}]
        assert front.sql("SELECT COUNT(*) AS n FROM image") == [{"n": 1}]
        assert front.sql("SELECT COUNT(*) AS n FROM job WHERE visible = 1") == [{"n": 16}]
        assert front.sql("SELECT n FROM wake") == [{"n": 16}]
        front.check()


def test_an_order_that_is_being_written_is_not_seen_and_a_killed_one_never_will_be(mariadb):  # noqa: F811
    with installation("front-kill", mariadb) as front:  # noqa: F811
        lock = mariadb.connect(front.stack.database)
        lock.begin()
        lock.cursor().execute("SELECT n FROM wake FOR UPDATE")
        answers = []
        client = threading.Thread(target=lambda: answers.append(
            front.raw("POST", "/api/v1/jobs", order(1500, ["fr"]), front.key)))
        other = front.stack.add_front_end()
        client.start()
        wait_until(lambda: front.sql("SELECT COUNT(*) AS n FROM item")[0]["n"] == 3000, 30, "all items")
        front.stack.front_end.signal(signal.SIGSTOP)  # else it would give up waiting for the lock
        row = front.sql("SELECT public_id, visible FROM job")[0]
        assert row["visible"] == 0
        assert fcgi_client.request(other.socket, "GET", f"/api/v1/jobs/{row['public_id']}/status").status == 404
        front.stack.front_end.signal(signal.SIGKILL)
        front.stack.front_end.wait()
        client.join()
        lock.rollback()
        lock.close()
        assert [(a.status, a.complete) for a in answers] == [(0, False)]
        front.stack.front_end.start()
        assert front.get(f"/api/v1/jobs/{row['public_id']}").status == 404
        assert front.sql("SELECT visible FROM job") == [{"visible": 0}]
        assert front.sql("SELECT n FROM wake") == [{"n": 0}]
