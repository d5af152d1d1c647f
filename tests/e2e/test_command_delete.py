# SPDX-License-Identifier: ISC
"""A job that is deleted: gone at once for its client; its content goes with its last open attempt, its ledger stays."""
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from commands import ask, carried_out, confidential, ledger, row, seen_finalizing, texts_left  # noqa: E402
from jobs import KEEP_FILES, sales, wait_until  # noqa: E402

LOTS = 3


@pytest.fixture
def site():
    with sales("delete") as made:
        made.rules(KEEP_FILES)
        made.batchd()
        yield made
        made.stack.batchd.kill()


def delete(site, job):
    return site.stack.request("DELETE", f"/api/v1/jobs/{job}", key=site.stack.key).status


def test_a_deleted_job_leaves_its_ledger_and_no_content(site):
    job = confidential(site, 1)
    site.wait_full(job)
    site.wait_closed()
    before, paid = row(site, job), ledger(site)
    assert texts_left(site) == {"job", "lot", "answer"}
    assert delete(site, job) == 204
    assert site.stack.get(f"/api/v1/jobs/{job}/status").status == 404
    assert site.stack.get(f"/api/v1/jobs/{job}").status == 404
    carried_out(site)
    assert texts_left(site) == set()
    for table in ("lot", "lot_image", "image"):
        assert site.sql(f"SELECT * FROM {table}") == []
    assert ledger(site) == paid and {a["raw"] for a in site.sql("SELECT raw FROM answer")} == {b""}
    after = row(site, job)
    for column in ("cost", "input_tokens", "output_tokens", "status", "outcome", "lots", "created_at", "completed_at"):
        assert after[column] == before[column]
    assert len(site.sql("SELECT 1 FROM item")) == len(site.sql("SELECT 1 FROM attempt")) == 2 * LOTS
    site.check()
    assert delete(site, job) == 404


def test_a_running_job_is_not_deleted(site):
    site.rules(KEEP_FILES, {"do": "stuck"})
    job = site.take(LOTS)
    site.wait_remote("describe", "in_progress")
    assert delete(site, job) == 409
    assert site.stack.status(job)["status"] == "describing"
    assert not site.sql("SELECT 1 FROM request")


def test_photographs_that_another_job_names_stay(site):
    first, second = confidential(site, 1, 2), confidential(site, 2, 3)
    site.wait_full(first)
    site.wait_full(second)
    site.wait_closed()
    assert delete(site, first) == 204
    carried_out(site)
    assert len(site.sql("SELECT 1 FROM image")) == 2
    site.check()
    assert delete(site, second) == 204
    carried_out(site)
    assert site.sql("SELECT 1 FROM image") == []
    site.check()


def test_a_deleted_job_is_removed_when_its_last_attempt_is_closed(site):
    """What comes meanwhile was paid for and is of no use to anyone: it is booked as wasted."""
    site.rules(KEEP_FILES, {"match": {"task": "translate"}, "do": "stuck", "status": "finalizing"})
    job = confidential(site)
    remote = seen_finalizing(site, "translate")
    ask(site, job, "cancel")
    wait_until(lambda: site.sql("SELECT 1 FROM request WHERE kind = 'cancel' AND done_at IS NOT NULL"), 20,
               "the cancel to be carried out")
    assert delete(site, job) == 204
    assert site.stack.get(f"/api/v1/jobs/{job}/status").status == 404
    site.check()
    other = site.take(1, languages=())
    site.wait_full(other)       # requests that come later are not held up
    assert site.sql("SELECT done_at FROM request WHERE kind = 'delete'")[0]["done_at"] is None
    assert "lot" in texts_left(site)
    site.force(remote["id"], "resume")
    site.wait_closed()
    carried_out(site)
    assert texts_left(site) == set()
    assert site.sql("SELECT 1 FROM lot WHERE job_id = 1") == []
    after = row(site, job)
    late = site.sql("SELECT SUM(a.cost) AS c FROM answer a JOIN item i ON i.id = a.item_id WHERE i.lang_no = 1")[0]["c"]
    assert after["wasted"] == late > 0 and after["outcome"] == "full"
    assert "BOOKED  answers of jobs that had been deleted" in site.stack.batchctl("check").stdout


def test_what_comes_when_the_content_is_gone_is_counted_and_not_kept(site):
    """Result files that are named after their batch was closed, and its job deleted."""
    site.rules(KEEP_FILES, {"match": {"task": "describe"}, "do": "no_file_yet", "reads": 1000000},
               {"match": {"task": "describe"}, "do": "refusal_lines", "n": 1})
    job = confidential(site)
    wait_until(lambda: site.sql("SELECT 1 FROM batch WHERE remote_status = 'completed'"), 20, "batchd to see its end")
    ask(site, job, "finish")
    site.sql("UPDATE batch SET ended_at = ended_at - INTERVAL 11 MINUTE, next_at = UTC_TIMESTAMP(6), version = version + 1")
    batch = site.wait_closed()[0]
    assert delete(site, job) == 204
    carried_out(site)
    assert texts_left(site) == set() and ledger(site) == []
    site.force(batch["remote_id"], "name_files")
    wait_until(lambda: site.sql("SELECT 1 FROM event WHERE kind = 'late_harvested'"), 20, "the late files to be read")
    assert {a["raw"] for a in site.sql("SELECT raw FROM answer")} == {b""}
    assert texts_left(site) == set()
    after = row(site, job)
    assert after["wasted"] == after["cost"] == sum(a["cost"] for a in ledger(site)) > 0
    site.check()


def test_a_large_job_is_deleted_in_slices_and_its_deletion_survives_a_kill(site):
    """A lock on a row holds up the slice in the middle; batchd dies there."""
    job = site.take(300, languages=())
    site.wait_full(job)
    site.wait_closed()
    holder = site.stack.mariadb.connect(site.stack.database)
    holder.begin()
    try:
        with holder.cursor() as cursor:
            cursor.execute("SELECT * FROM lot WHERE job_id = 1 AND seq = 250 FOR UPDATE")
            assert delete(site, job) == 204
            wait_until(lambda: site.sql("SELECT 1 FROM request WHERE place = 240"), 20, "the slices before")
            site.bury(site.stack.batchd)
    finally:
        holder.close()
    assert site.sql("SELECT MIN(seq) AS first, COUNT(*) AS n FROM lot") == [{"first": 240, "n": 60}]
    site.check()
    site.stack.batchd.start()
    carried_out(site)
    assert site.sql("SELECT 1 FROM lot") == [] and texts_left(site) == set()
    site.check()


def test_keys_of_deleted_jobs_are_kept_for_a_day(site):
    job, gone = site.take(1, languages=()), site.take(1, languages=())
    for one in (job, gone):
        site.wait_full(one)
    assert delete(site, gone) == 204
    carried_out(site)
    for name, public_id, hours in (("k:old", job, 25), ("k:gone", gone, 25), ("k:new", gone, 23), ("b:body", job, 25),
                                   ("k:never", "11111111-1111-4111-8111-111111111111", 25)):
        site.sql("INSERT INTO idempotency (account_id, name, body_sha256, public_id, progress_at, created_at) VALUES"
                 " (1, %s, REPEAT('x', 32), %s, UTC_TIMESTAMP(6), UTC_TIMESTAMP(6) - INTERVAL %s HOUR)", name, public_id,
                 hours)
    site.bury(site.stack.batchd)        # it looks on start, then every hour
    site.stack.batchd.start()
    wait_until(lambda: len(site.sql("SELECT 1 FROM idempotency")) == 2, 20, "the keys to go")
    assert {k["name"] for k in site.sql("SELECT name FROM idempotency")} == {b"k:old", b"k:new"}
