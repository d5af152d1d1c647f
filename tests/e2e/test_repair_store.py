# SPDX-License-Identifier: ISC
"""Stored answers that are no JSON are repaired by batchd itself, shown and undone by batchctl, and pollers see it."""
import json
import sys
import uuid
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from jobs import CHAT, KEEP_FILES, sales, wait_until  # noqa: E402

VALUE = {"title": "Bowl", "description": "Glazed, and \"old\".", "category": "Ceramics", "period": None, "materials": ["clay"],
         "condition": None, "keywords": ["bowl", "glaze"]}


@pytest.fixture
def site():
    with sales("repair-store") as made:
        yield made


def spoil(site, lot, text, grade="refused", language=0, state="failed"):
    """The answer of a lot becomes what an earlier version stored: not looked at, and refused."""
    item = site.sql("SELECT id FROM item WHERE job_id = (SELECT MAX(id) FROM job) AND lot_seq = %s AND lang_no = %s", lot,
                    language)[0]["id"]
    site.sql("UPDATE answer SET raw = %s, value = NULL, grade = %s, code = %s, report = NULL WHERE item_id = %s", text, grade,
             "invalid_json" if grade == "refused" else None, item)
    site.sql("UPDATE item SET state = %s, code = %s WHERE id = %s", state, "invalid_json" if state == "failed" else None, item)
    return item


def recount(site):
    """Of the newest job: its counts follow what was spoilt, as they would have then."""
    site.sql("UPDATE job_language l JOIN (SELECT job_id, lang_no, SUM(state = 'done') d, SUM(state = 'failed') f FROM item"
             " GROUP BY job_id, lang_no) c ON c.job_id = l.job_id AND c.lang_no = l.no SET l.n_done = c.d, l.n_failed = c.f")
    site.sql("UPDATE job SET outcome = 'partial', status_json = JSON_SET(CONCAT(CONVERT(status_json USING utf8mb4), '}'),"
             " '$.outcome', 'partial') ORDER BY id DESC LIMIT 1")
    site.sql("UPDATE job SET status_json = LEFT(status_json, CHAR_LENGTH(CONVERT(status_json USING utf8mb4)) - 1)"
             " ORDER BY id DESC LIMIT 1")


def job_with(site, lots=3, languages=()):
    batchd = site.batchd()
    job = site.take(lots, languages)
    site.stack.wait_ended(job, 40)
    site.wait_closed()
    batchd.stop()
    return job


def wait_full(site, job):
    wait_until(lambda: site.stack.status(job)["outcome"] == "full", 20, "its answers to be repaired")
    site.check()


def row(site, item):
    found = site.sql("SELECT raw, value, grade, code, repaired, report, was FROM answer WHERE item_id = %s", item)[0]
    return {key: value.decode() if isinstance(value, bytes) else value for key, value in found.items()}


def test_I5_on_its_start_batchd_repairs_what_is_stored(site):
    job = job_with(site)
    good = spoil(site, 0, repr(VALUE))
    cut = spoil(site, 1, repr(VALUE)[:90])
    bad = spoil(site, 2, "I am sorry.")
    recount(site)
    etag = site.stack.request("GET", f"/api/v1/jobs/{job}/status").headers["etag"]
    site.batchd()
    wait_until(lambda: row(site, bad)["report"], 20, "the pass")
    status = site.stack.status(job)
    assert (status["status"], status["outcome"], status["progress"]["failed"]) == ("completed", "partial", 1)
    assert site.stack.request("GET", f"/api/v1/jobs/{job}/status").headers["etag"] != etag
    lots = site.stack.result(job)["lots"]
    shown = site.stack.batchctl_json("job", job)["repairs"]
    assert [(r["language"], r["repaired"], r["salvaged"], r["items"]) for r in shown] == [
        ("en", "python_literal", False, 1), ("en", "python_literal,cut", True, 1)]
    english = lots[0]["descriptions"]["en"]
    assert english["value"] == VALUE and english["repaired"] == "python_literal" and "salvaged" not in english
    assert lots[1]["descriptions"]["en"]["salvaged"] and lots[1]["descriptions"]["en"]["repaired"] == "python_literal,cut"
    assert lots[2]["descriptions"]["en"] is None and [e["code"] for e in lots[2]["errors"]] == ["invalid_json"]
    assert (row(site, good)["raw"], row(site, good)["was"]) == (repr(VALUE), "refused")
    assert row(site, cut)["grade"] == "salvaged" and json.loads(row(site, bad)["report"])["error"]
    assert "repaired" in [e["kind"] for e in site.stack.request("GET", f"/api/v1/jobs/{job}/events").json()["events"]]
    site.check()


def test_what_is_valid_is_left_alone(site):
    job = job_with(site)
    answers = site.sql("SELECT * FROM answer ORDER BY item_id")
    batchd = site.batchd()
    other = site.take(1)
    site.stack.wait_ended(other, 40)
    spoil(site, 0, repr(VALUE))          # of the other job: a pass goes by
    batchd.stop()
    recount(site)
    before = site.sql("SELECT version FROM job WHERE public_id = %s", job)
    site.batchd()
    wait_full(site, other)
    assert site.sql("SELECT version FROM job WHERE public_id = %s", job) == before
    assert site.sql("SELECT * FROM answer ORDER BY item_id")[:len(answers)] == answers


def test_a_description_in_a_running_job_unblocks_its_translations(site):
    site.rules(KEEP_FILES, {"match": {"task": "describe"}, "do": "stuck", "status": "in_progress"})
    batchd = site.batchd()
    job = site.take(2, ("fr",), deadline="PT10M")
    wait_until(lambda: site.sql("SELECT 1 FROM batch WHERE phase = 'running'"), 20, "the descriptions to be sent")
    batchd.stop()
    item = site.items()[0]["id"]
    held = site.sql("SELECT held FROM attempt WHERE item_id = %s", item)[0]["held"]
    site.sql("UPDATE attempt SET outcome = 'answered', held = 0 WHERE item_id = %s", item)
    site.sql("UPDATE batch SET n_answered = 1")
    site.sql("UPDATE item SET state = 'failed', code = 'invalid_json', batch_id = NULL, answer_no = 1, burned = 1, repeats = 1"
             " WHERE id = %s", item)
    site.sql("UPDATE item SET state = 'failed', code = 'description_failed' WHERE lang_no = 1 AND lot_seq = 0")
    site.sql("INSERT INTO answer (item_id, attempt_no, job_id, grade, code, raw, source, model, created_at) SELECT id, 1, job_id,"
             " 'refused', 'invalid_json', %s, 'batch', '', UTC_TIMESTAMP(6) FROM item WHERE id = %s", repr(VALUE), item)
    site.sql("UPDATE job_language SET n_sent = 1, n_failed = 1 WHERE no = 0")
    site.sql("UPDATE job_language SET n_failed = 1 WHERE no = 1")
    site.sql("UPDATE job SET reserved = reserved - %s", held)
    site.sql("UPDATE spending SET reserved = reserved - %s", held)
    site.rules(KEEP_FILES)
    site.batchd()
    wait_until(lambda: site.stack.status(job)["languages"]["fr"]["done"] == 1, 20, "the translation")
    site.check()
    assert "Bowl" in site.stack.result(job)["lots"][0]["descriptions"]["fr"]["value"]["title"]


def test_I6_an_operator_looks_repairs_and_undoes(site):
    job = job_with(site)
    item = spoil(site, 0, repr(VALUE))
    recount(site)
    dry = site.stack.batchctl("repair", "--dry-run")
    assert "python_literal" in dry.stdout and "Nothing was changed." in dry.stdout
    rows = site.stack.batchctl_json("repair", "--dry-run", "--job", job)
    assert [(r["item"], r["was"], r["becomes"], r["before"]) for r in rows] == [(item, "refused", "valid", repr(VALUE))]
    assert json.loads(rows[0]["after"]) == VALUE and rows[0]["report"]["verdict"] == "mended"
    assert row(site, item)["value"] is None
    site.batchd()
    wait_full(site, job)
    assert "Every stored answer is JSON" in site.stack.batchctl("repair").stdout
    # Undone: the job is what it was, and stays so.
    site.stack.batchctl("repair", "--undo", job)
    wait_until(lambda: site.stack.status(job)["outcome"] == "partial", 20, "the undo")
    site.check()
    assert (row(site, item)["grade"], row(site, item)["value"], row(site, item)["raw"]) == ("refused", None, repr(VALUE))
    lot = site.stack.result(job)["lots"][0]
    assert lot["descriptions"]["en"] is None and [e["code"] for e in lot["errors"]] == ["undone"]
    assert "No answer of it was repaired" in site.stack.batchctl("repair", "--undo", f"item:{item}").stdout
    # Asked for again, it is repaired again; undone by the item alone.
    assert "batchd repairs them" in site.stack.batchctl("repair", "--job", job).stdout
    wait_full(site, job)
    site.stack.batchctl("repair", "--undo", f"item:{item}")
    wait_until(lambda: site.stack.status(job)["outcome"] == "partial", 20, "the undo")
    site.check()


def test_what_was_undone_is_not_repaired_by_the_next_pass(site):
    job = job_with(site)
    item = spoil(site, 0, repr(VALUE))
    recount(site)
    batchd = site.batchd()
    wait_full(site, job)
    site.stack.batchctl("repair", "--undo", job)
    wait_until(lambda: site.stack.status(job)["outcome"] == "partial", 20, "the undo")
    batchd.stop()
    site.batchd()
    other = site.take(1)
    site.stack.wait_ended(other, 40)
    assert row(site, item)["grade"] == "refused" and site.stack.status(job)["outcome"] == "partial"


def test_a_running_job_is_not_undone(site):
    site.rules({"match": {"task": "translate"}, "do": "stuck", "status": "in_progress"}, {"match": {"route": CHAT}, "do": "hang"})
    site.batchd()
    job = site.take(1, ("fr",), deadline="PT10M")
    wait_until(lambda: site.stack.status(job)["progress"]["described"] == 1, 20, "the description")
    done = site.stack.batchctl("repair", "--undo", job, check=False)
    assert done.returncode == 69 and "end it first" in done.stderr


@pytest.mark.parametrize("options, code", [(("--undo", "item:99"), 66), (("--undo", "batch:1"), 64), (("--job", str(uuid.uuid4())), 66),
                                           (("--undo", str(uuid.uuid4()), "--dry-run"), 64)])
def test_what_cannot_be_asked(site, options, code):
    assert site.stack.batchctl("repair", *options, check=False).returncode == code
