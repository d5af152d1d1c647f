# SPDX-License-Identifier: ISC
"""What is older than the configuration keeps is removed: jobs as by their client's DELETE, photographs when no job that is
kept for them names them; a row of every batch and the ledger stay."""
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from commands import (BAD_REQUEST, SECRET, ask, call, carried_out, codes, confidential, image, ledger, row,  # noqa: E402
                      seen_finalizing, texts_left)
from jobs import KEEP_FILES, sales, wait_until  # noqa: E402
from harness.process import run  # noqa: E402

LOTS = 3
OLD = 91    # days; job.retention is 90 of them
SEEN = 8    # job.image_retention is 7


@pytest.fixture
def site():
    with sales("retention") as made:
        made.rules(KEEP_FILES)
        made.batchd()
        yield made
        made.stack.batchd.kill()


def age(site, job, days):
    """The job, and all that came with it, is so much older."""
    no = row(site, job)["id"]
    site.sql("UPDATE job SET completed_at = completed_at - INTERVAL %s DAY WHERE id = %s", days, no)
    site.sql("UPDATE batch b JOIN batch_job x ON x.batch_id = b.id SET b.closed_at = b.closed_at - INTERVAL %s DAY"
             " WHERE x.job_id = %s", days, no)
    site.sql("UPDATE image m JOIN lot_image x ON x.sha256 = m.sha256 SET m.created_at = m.created_at - INTERVAL %s DAY"
             " WHERE x.job_id = %s", days, no)


def done(site, job):
    site.wait_full(job)
    site.wait_closed()
    return job


def retention(site, *options):
    """How much there is of each, as batchctl says."""
    return {r["what"]: r["count"] for r in site.stack.batchctl_json("retention", *options)}


def http_status(site, job):
    return site.stack.get(f"/api/v1/jobs/{job}/status").status


def with_lots(site, job):
    """How many rows of each table a job still has."""
    no = row(site, job)["id"]
    return [len(site.sql(f"SELECT 1 FROM {table} WHERE job_id = %s", no)) for table in ("lot", "lot_image", "event")]


def test_an_old_job_is_gone_and_its_ledger_stays(site):
    old, young = done(site, confidential(site, 1)), done(site, site.take(LOTS))
    site.rules(KEEP_FILES, {"do": "stuck"})
    running = site.take(1)
    site.wait_remote("describe", "in_progress", nth=3)
    age(site, old, OLD)
    age(site, young, OLD - 2)
    before, paid, batches = row(site, old), ledger(site), site.sql("SELECT id, batch_key, remote_id FROM batch ORDER BY id")
    dry = site.stack.batchctl("retention", "--dry-run")
    assert "Nothing was changed." in dry.stdout
    assert retention(site, "--dry-run") == {"jobs": 1, "photographs": 1, "batches": 2}
    assert http_status(site, old) == 200 and not site.sql("SELECT 1 FROM request")

    asked = site.stack.batchctl_json("retention")
    assert [(r["what"], r["count"], r["bytes"] > 0) for r in asked[:2]] == [("jobs", 1, True), ("photographs", 1, True)]
    assert http_status(site, old) == 404        # at once
    carried_out(site)
    assert with_lots(site, old) == [0, 0, 0] and site.sql("SELECT 1 FROM image") == []
    assert SECRET not in str(site.sql("SELECT name, instructions, metadata, callback_url, status_json FROM job"))
    assert texts_left(site) == set()
    assert ledger(site) == paid
    after = row(site, old)
    for column in ("cost", "input_tokens", "output_tokens", "status", "outcome", "lots", "created_at", "completed_at"):
        assert after[column] == before[column]
    assert site.sql("SELECT id, batch_key, remote_id FROM batch ORDER BY id") == batches
    assert http_status(site, young) == http_status(site, running) == 200
    assert with_lots(site, young)[0] == LOTS and with_lots(site, running)[0] == 1
    site.check()
    assert retention(site) == {"jobs": 0, "photographs": 0, "batches": 0}


def test_of_old_batches_a_row_stays_so_that_they_are_not_taken_for_unknown(site):
    site.rules(KEEP_FILES, {"match": {"task": "describe", "nth": 1}, "do": "broken_lines", "n": 1})
    old = done(site, site.take(LOTS, ()))       # what could not be read was sent again
    young = done(site, site.take(LOTS, ()))
    age(site, old, OLD)
    assert site.sql("SELECT 1 FROM event WHERE batch_id = 1") and site.sql("SELECT 1 FROM batch_line WHERE head <> ''")
    retention(site)
    carried_out(site)
    assert site.sql("SELECT id, emptied_at IS NOT NULL AS emptied FROM batch ORDER BY id") == [
        {"id": 1, "emptied": 1}, {"id": 2, "emptied": 1}, {"id": 3, "emptied": 0}]
    assert site.sql("SELECT 1 FROM event WHERE batch_id = 1") == [] and site.sql("SELECT 1 FROM event WHERE batch_id = 3")
    assert {line["head"] for line in site.sql("SELECT head FROM batch_line WHERE batch_id = 1")} == {b""}
    last = site.last_call()
    site.bury(site.stack.batchd)        # it reconciles anew, with the provider's whole list, before it sends
    site.stack.batchd.start()
    done(site, site.take(1, ()))
    assert site.calls("GET /v1/batches", after=last) and len(site.remote()) == 4
    assert http_status(site, young) == 200 and "unknown batch" not in site.stack.batchd.log_text()
    assert site.sql("SELECT 1 FROM orphan") == []
    site.check()


def test_a_job_with_an_open_attempt_is_hidden_and_removed_when_that_is_closed(site):
    site.rules(KEEP_FILES, {"match": {"task": "translate"}, "do": "stuck", "status": "finalizing"})
    job = confidential(site)
    remote = seen_finalizing(site, "translate")
    ask(site, job, "cancel")
    wait_until(lambda: site.sql("SELECT 1 FROM request WHERE kind = 'cancel' AND done_at IS NOT NULL"), 20,
               "the cancel to be carried out")
    age(site, job, OLD)
    assert retention(site)["jobs"] == 1 and http_status(site, job) == 404
    other = site.take(1, languages=())
    site.wait_full(other)
    assert with_lots(site, job)[0] == LOTS
    site.force(remote["id"], "resume")
    site.wait_closed()
    carried_out(site)
    assert with_lots(site, job) == [0, 0, 0] and texts_left(site) == set()
    late = site.sql("SELECT SUM(a.cost) AS c FROM answer a JOIN item i ON i.id = a.item_id WHERE i.lang_no = 1")[0]["c"]
    assert row(site, job)["wasted"] == late > 0
    assert "BOOKED  answers of jobs that had been deleted" in site.stack.batchctl("check").stdout


def test_photographs_go_before_their_jobs_unless_another_needs_them(site):
    site.rules(KEEP_FILES, {**BAD_REQUEST, "match": {"task": "describe"}, "all": True})
    old, young = confidential(site, 1, 2), confidential(site, 2, 3)
    for job in (old, young):
        assert site.stack.wait_ended(job)["status"] == "failed"
    site.wait_closed()
    age(site, old, SEEN)        # the photograph that both have, too
    site.sql("INSERT INTO image (sha256, media_type, bytes, created_at) VALUES (REPEAT('a', 32), 'image/png', 'x',"
             " UTC_TIMESTAMP(6) - INTERVAL 8 DAY), (REPEAT('b', 32), 'image/png', 'x', UTC_TIMESTAMP(6))")   # orders cut off
    assert retention(site, "--dry-run") == {"jobs": 0, "photographs": 2, "batches": 0}
    retention(site)
    carried_out(site)
    assert len(site.sql("SELECT 1 FROM image")) == 3
    site.sql("DELETE FROM image WHERE bytes = 'x'")
    answer = site.stack.request("POST", f"/api/v1/jobs/{old}/retry", key=site.stack.key)
    assert (answer.status, answer.json()["code"]) == (409, "images_expired")
    assert site.stack.batchctl("retry", old, check=False).returncode == 69
    assert http_status(site, old) == 200 and set(codes(site, old)) == {"en", "fr"}
    site.rules(KEEP_FILES)
    assert call(site, young, "retry")["status"] == "describing"
    done(site, young)
    site.check()
    # A job that runs needs them, whatever its age; one that was ordered with the same photograph brings it anew.
    age(site, young, SEEN)
    again = confidential(site, 1, 3)
    assert retention(site)["photographs"] == 1
    carried_out(site)
    assert len(site.sql("SELECT 1 FROM image")) == 2
    done(site, again)
    site.check()


def test_a_retry_that_came_first_keeps_its_photographs(site):
    """Between batchd's look and its removal a job is opened again."""
    site.rules(KEEP_FILES, {**BAD_REQUEST, "match": {"task": "describe"}, "all": True})
    job = confidential(site, 1)
    assert site.stack.wait_ended(job)["status"] == "failed"
    site.wait_closed()
    age(site, job, SEEN)
    site.rules(KEEP_FILES, {"match": {"route": "POST /v1/files"}, "do": "status", "code": 503})
    holder = site.stack.mariadb.connect(site.stack.database)
    holder.begin()
    try:
        with holder.cursor() as cursor:
            cursor.execute("SELECT sha256 FROM image FOR UPDATE")
            assert retention(site)["photographs"] == 1
            wait_until(lambda: site.sql("SELECT 1 FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'"), 20,
                       "batchd to wait for the lock")
            assert call(site, job, "retry")["status"] == "describing"
            holder.rollback()
    finally:
        holder.close()
    carried_out(site)
    assert len(site.sql("SELECT 1 FROM image")) == 1
    site.rules(KEEP_FILES)
    done(site, job)
    site.check()


def test_removal_survives_a_kill_and_is_done_once(site):
    """A lock on a row holds up the second page of photographs; batchd dies there. It was asked for twice."""
    site.rules(KEEP_FILES, {**BAD_REQUEST, "match": {"task": "describe"}, "all": True})
    job = site.stack.order({"lots": [{"id": "1", "images": [image(no) for no in range(45)]}]})["job_id"]
    assert site.stack.wait_ended(job)["status"] == "failed"
    site.wait_closed()
    age(site, job, SEEN)
    keys = [r["sha256"] for r in site.sql("SELECT sha256 FROM image ORDER BY sha256")]
    holder = site.stack.mariadb.connect(site.stack.database)
    holder.begin()
    try:
        with holder.cursor() as cursor:
            cursor.execute("SELECT sha256 FROM image WHERE sha256 = %s FOR UPDATE", (keys[30],))
            retention(site)
            retention(site)
            wait_until(lambda: len(site.sql("SELECT 1 FROM image")) == 25, 30, "the first page")
            site.bury(site.stack.batchd)
    finally:
        holder.close()
    assert len(site.sql("SELECT 1 FROM image")) == 25
    site.check()
    site.stack.batchd.start()
    assert {r["kind"] for r in carried_out(site)} == {"images"}
    assert site.sql("SELECT 1 FROM image") == []
    assert site.stack.batchd.log_text().count("retention done kind=images") == 1
    site.check()


def test_a_kill_between_the_slices_of_a_job(site):
    job = done(site, site.take(300, languages=()))
    age(site, job, OLD)
    holder = site.stack.mariadb.connect(site.stack.database)
    holder.begin()
    try:
        with holder.cursor() as cursor:
            cursor.execute("SELECT * FROM lot WHERE job_id = 1 AND seq = 250 FOR UPDATE")
            retention(site)
            wait_until(lambda: site.sql("SELECT 1 FROM request WHERE place = 240"), 30, "the slices before")
            site.bury(site.stack.batchd)
    finally:
        holder.close()
    retention(site)
    site.stack.batchd.start()
    assert sorted(r["kind"] for r in carried_out(site)) == ["batches", "batches", "delete"]
    assert with_lots(site, job) == [0, 0, 0] and texts_left(site) == set()
    site.check()


OLD_JOBS = """INSERT INTO job (public_id, account_id, visible, status, outcome, name, lots, describe_recipe, translate_recipe,
    created_at, opened_at, updated_at, deadline_at, completed_at)
    SELECT UUID(), account_id, 1, 'completed', 'full', 'old', 1, describe_recipe, translate_recipe, created_at, created_at,
    created_at, deadline_at, UTC_TIMESTAMP(6) - INTERVAL 100 DAY FROM job, seq_1_to_3000 ORDER BY id LIMIT 3000"""


def test_what_clients_ask_for_is_not_held_up_by_much_that_is_removed(site):
    site.rules(KEEP_FILES, {"do": "stuck"})
    job = site.take(1)
    site.wait_remote("describe", "in_progress")
    site.sql(OLD_JOBS)
    assert retention(site)["jobs"] == 3000
    assert ask(site, job, "cancel")["status"] == "cancelled"
    wait_until(lambda: site.sql("SELECT 1 FROM request WHERE kind = 'cancel' AND done_at IS NOT NULL"), 20,
               "the cancel to be carried out")
    kinds = {r["done"]: r["n"] for r in site.sql(
        "SELECT done_at IS NOT NULL AS done, COUNT(*) AS n FROM request WHERE kind = 'delete' GROUP BY 1")}
    assert kinds[0] > 1000, kinds


def test_one_pass_removes_all_that_is_asked_for(site):
    jobs = [done(site, site.take(60, ())) for _ in range(3)]
    site.bury(site.stack.batchd)
    for job in jobs:
        age(site, job, OLD)
    assert retention(site)["jobs"] == 3
    assert site.stack.batchd.once().returncode == 0
    assert site.sql("SELECT 1 FROM request WHERE done_at IS NULL") == [] and site.sql("SELECT 1 FROM lot") == []
    site.check()


def test_requests_that_were_done_long_ago_are_forgotten(site):
    """But for those of jobs that were deleted: what comes late is booked by them."""
    gone, there = done(site, site.take(1, ())), done(site, site.take(1, ()))
    call(site, there, "languages", {"languages": ["it"]})
    done(site, there)
    assert site.stack.request("DELETE", f"/api/v1/jobs/{gone}", key=site.stack.key).status == 204
    assert [r["kind"] for r in carried_out(site)] == ["languages", "delete"]
    site.sql("UPDATE request SET done_at = done_at - INTERVAL 31 DAY")
    site.bury(site.stack.batchd)        # it looks on start, then every hour
    site.stack.batchd.start()
    wait_until(lambda: len(site.sql("SELECT 1 FROM request")) == 1, 20, "the request to go")
    assert [r["kind"] for r in site.sql("SELECT kind FROM request")] == ["delete"]
    site.check()


def test_alerts_of_a_job_go_with_it(site):
    site.rules(KEEP_FILES, {**BAD_REQUEST, "match": {"task": "describe"}, "all": True})
    job = site.take(1, ())
    assert site.stack.wait_ended(job)["status"] == "failed"
    site.wait_closed()
    wait_until(lambda: site.sql("SELECT 1 FROM alert WHERE subject = %s", f"job:{job}"), 20, "the alert")
    site.sql("UPDATE alert SET is_open = NULL, cleared_at = UTC_TIMESTAMP(6), settled = 1")
    age(site, job, OLD)
    retention(site)
    carried_out(site)
    assert site.sql("SELECT 1 FROM alert WHERE subject = %s", f"job:{job}") == []
    assert site.sql("SELECT 1 FROM alert_told t LEFT JOIN alert a ON a.id = t.alert_id WHERE a.id IS NULL") == []
    site.check()


def test_batchds_own_account_may_ask_and_retention_is_refused_operands(site):
    """The timer's unit runs as batchd's user."""
    job = done(site, site.take(1, ()))
    age(site, job, OLD)
    program = site.stack.batchctl("-V").args[0]
    said = run([program, "-c", site.stack.batchd.config, "retention"], 60)
    assert "Asked for" in said.stdout and http_status(site, job) == 404
    carried_out(site)
    assert site.stack.batchctl("retention", job, check=False).returncode == 64
