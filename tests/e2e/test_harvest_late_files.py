# SPDX-License-Identifier: ISC
"""I2, I3, I6: what was paid for is waited for, where the result files are named late, and where they cannot be had for
long; what comes after a batch was closed is read too, and the batch stays closed.
"""
import sys
from collections import Counter
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from jobs import CONTENT, DELETE, KEEP_FILES, first_describe, sales, wait_until  # noqa: E402
from kills import CANCEL  # noqa: E402

LOTS = 4
READS = 6
LATER = 1000000     # reads: until the rule is taken back


@pytest.fixture(scope="module")
def site():
    with sales("harvest-late-files") as made:
        made.batchd()
        yield made


def first(site):
    """The newest job's first batch."""
    return site.sql("SELECT b.* FROM batch b JOIN batch_job x ON x.batch_id = b.id"
                    " WHERE x.job_id = (SELECT MAX(id) FROM job) ORDER BY b.id LIMIT 1")[0]


def age(site, *columns):
    """The newest job's first batch is made eleven minutes older."""
    site.sql(f"UPDATE batch SET {', '.join(f'{c} = {c} - INTERVAL 11 MINUTE' for c in columns)},"
             " next_at = UTC_TIMESTAMP(6), version = version + 1 WHERE id = %s", first(site)["id"])


def name_files(site, row):
    """From now on the provider names all files of this batch."""
    site.force(row["remote_id"], "name_files")


def wait_read_late(site, events=1):
    """The newest job's first batch, once what was named late is read; each time its row stays closed."""
    row = first(site)
    wait_until(lambda: len(site.sql("SELECT 1 FROM event WHERE batch_id = %s AND kind = 'late_harvested'",
                                    row["id"])) == events, 30, "the late files to be read")
    now = first(site)
    assert (now["phase"], now["late_files"], now["closed_at"]) == ("closed", 0, row["closed_at"])
    return now


def settled(site, job):
    """All is closed, adds up, and is paid for as the job says; returns its cost."""
    site.wait_closed()
    site.check()
    assert site.lost() == []
    cost = site.stack.status(job)["cost"]
    assert cost["amount"] == site.billed()
    return cost


def finish(site, job):
    site.wait_full(job)
    site.wait_closed()
    site.check()
    assert site.lost() == []
    assert site.paid_twice() == 0
    assert site.stack.status(job)["cost"] == {**site.stack.status(job)["cost"], "amount": site.billed(), "wasted": "0.0000"}


def cancel_outside(site):
    remote = site.wait_remote("describe", "in_progress", done=2)
    site.standin.call("POST", f"/v1/batches/{remote['id']}/cancel")


@pytest.mark.parametrize("late", [{}, {"file": "output"}], ids=["both", "output"])
@pytest.mark.parametrize("end", ["expired", "cancelled"])
def test_I2_I3_files_that_are_named_some_reads_after_the_end_are_read(site, end, late):
    site.fresh(KEEP_FILES, first_describe("expire" if end == "expired" else "stuck", done=2),
               first_describe("no_file_yet", reads=READS, **late))
    job = site.take(LOTS, ())
    if end == "cancelled":
        cancel_outside(site)
    finish(site, job)
    assert site.kinds() == Counter(answer=LOTS, void=2)
    assert sorted((i["attempts"], i["burned"]) for i in site.items()) == [(1, 1)] * 2 + [(2, 1)] * 2


def test_I2_I3_an_output_that_is_named_after_the_failures_is_read(site):
    """Completed, and only the file of the failure is named at first."""
    site.fresh(KEEP_FILES, first_describe("http_error_lines", n=1, code=500),
               first_describe("no_file_yet", reads=READS, file="output"))
    finish(site, site.take(LOTS, ()))
    assert site.kinds() == Counter(answer=LOTS, failure=1)


def test_I3_a_result_file_that_is_not_found_for_long_is_asked_for_again_and_never_deleted(site):
    """404 for longer than ten minutes: the row is made older than that."""
    site.fresh({"match": {"route": CONTENT}, "do": "status", "code": 404})
    job = site.take(LOTS, ())
    row = site.wait_phase("harvesting")
    wait_until(lambda: site.calls(CONTENT), 20, "a download to be tried")
    last = site.last_call()
    site.sql("UPDATE batch SET phase_at = phase_at - INTERVAL 11 MINUTE, ended_at = ended_at - INTERVAL 11 MINUTE,"
             " next_at = UTC_TIMESTAMP(6), version = version + 1 WHERE id = %s", row["id"])
    wait_until(lambda: site.calls(CONTENT, after=last), 20, "another try")
    last = site.last_call()
    site.sql("UPDATE batch SET next_at = UTC_TIMESTAMP(6), version = version + 1 WHERE id = %s", row["id"])
    wait_until(lambda: site.calls(CONTENT, after=last), 20, "one more")
    output = site.remote()[0]["output_file_id"]
    assert not [c for c in site.calls(DELETE) if output in c["path"]]
    site.rules()
    site.sql("UPDATE batch SET next_at = UTC_TIMESTAMP(6), version = version + 1 WHERE id = %s", row["id"])
    site.wait_full(job)
    site.wait_closed()
    site.check()
    assert site.lost() == []
    assert site.paid_twice() == 0


# ---- After the batch was closed.

def test_I2_I6_an_error_file_that_is_named_after_the_close_is_read(site):
    """The batch is closed after some looks, since counts of failures have been seen to lie."""
    site.fresh(KEEP_FILES, first_describe("http_error_lines", n=1, code=500),
               first_describe("no_file_yet", reads=LATER, file="error"))
    job = site.take(LOTS, ())
    site.wait_full(job)
    site.wait_closed()
    assert site.kinds_of_rows() == Counter(answer=LOTS)
    name_files(site, first(site))
    row = wait_read_late(site)
    assert (row["reason"], row["n_answered"], row["n_failed"]) == ("harvested", LOTS - 1, 1)
    assert site.kinds() == Counter(answer=LOTS, failure=1)
    assert settled(site, job)["wasted"] == "0.0000"
    assert site.paid_twice() == 0


def test_I2_I3_answers_that_are_named_after_the_close_are_stored_and_what_was_asked_again_is_waste(site):
    site.fresh(KEEP_FILES, first_describe("no_file_yet", reads=LATER))
    job = site.take(LOTS, ())
    wait_until(lambda: site.sql("SELECT 1 FROM batch WHERE ended_at IS NOT NULL AND phase = 'running'"), 20, "an end")
    age(site, "ended_at")
    site.wait_full(job)
    site.wait_closed()
    assert (first(site)["n_answered"], first(site)["n_failed"]) == (0, LOTS)
    before = site.stack.status(job)
    name_files(site, first(site))
    row = wait_read_late(site)
    assert (row["reason"], row["n_answered"], row["n_failed"]) == ("harvested", LOTS, 0)
    assert site.kinds() == Counter(answer=2 * LOTS)
    cost = settled(site, job)
    # The first answers stay the items' own.
    assert [i["answer_no"] for i in site.items()] == [2] * LOTS
    assert (float(cost["wasted"]), cost["input_tokens"]) == (
        pytest.approx(float(cost["amount"]) - float(before["cost"]["amount"])), 2 * before["cost"]["input_tokens"])


@pytest.mark.parametrize("restart", [False, True], ids=["", "restart"])
def test_I1_I2_answers_that_are_named_after_the_job_ended_make_it_full(site, restart):
    """The provider is idle: nothing but the closed batch is looked for."""
    site.fresh(KEEP_FILES, first_describe("no_file_yet", reads=LATER), {"match": {"task": "describe", "from": 2},
                                                                       "do": "stuck"})
    job = site.take(LOTS, ())
    wait_until(lambda: site.sql("SELECT 1 FROM batch WHERE ended_at IS NOT NULL AND phase = 'running'"), 20, "an end")
    age(site, "ended_at")
    site.wait_remote("describe", "in_progress", nth=2)
    site.sql("UPDATE job SET deadline_at = UTC_TIMESTAMP(6) WHERE public_id = %s", job)
    assert site.stack.wait_ended(job)["status"] == "failed"
    site.wait_closed()      # the second was cancelled: nobody waits for it
    if restart:
        assert site.stack.batchd.stop() == 0
    name_files(site, first(site))
    if restart:
        site.stack.batchd.start()
    wait_read_late(site)
    status = site.stack.status(job)
    assert (status["status"], status["outcome"], status["progress"]["described"]) == ("completed", "full", LOTS)
    assert status["completed_at"]
    assert site.kinds() == Counter(answer=LOTS, void=LOTS)
    assert settled(site, job)["wasted"] == "0.0000"


def lose(site, done=2):
    """A job whose first batch stood still, vanished, and was closed as lost; then it ended by another."""
    site.fresh(KEEP_FILES, first_describe("stuck", done=done))
    job = site.take(LOTS, ())
    remote = site.wait_remote("describe", "in_progress", done=done)
    site.wait_phase("running")
    site.force(remote["id"], "vanish")
    wait_until(lambda: site.sql("SELECT 1 FROM batch WHERE missing_since IS NOT NULL AND phase = 'running'"), 20, "a 404")
    age(site, "missing_since", "submitted_at")
    site.wait_full(job)
    site.wait_closed()
    assert (first(site)["reason"], first(site)["n_failed"]) == ("lost", LOTS)
    return job, remote["id"]


def test_I2_I3_a_lost_batch_that_is_back_with_its_files_is_read(site):
    job, remote = lose(site)
    site.force(remote, "expired")
    site.force(remote, "appear")
    row = wait_read_late(site)
    assert (row["reason"], row["n_answered"], row["n_failed"]) == ("harvested", 2, LOTS - 2)
    assert site.kinds() == Counter(answer=LOTS + 2, void=LOTS - 2)
    cost = settled(site, job)
    assert cost["wasted"] != "0.0000"
    assert not site.calls(CANCEL)
    events = site.sql("SELECT kind, message FROM event WHERE batch_id = %s ORDER BY id", row["id"])
    assert [e["message"] for e in events if e["kind"] == "late_files"] == [
        "result files are named after it was closed as lost"]


def test_I3_a_lost_batch_that_is_back_and_runs_is_cancelled_and_read(site):
    job, remote = lose(site)
    site.force(remote, "appear")
    row = wait_read_late(site)
    assert [c["path"].split("/")[3] for c in site.calls(CANCEL)] == [remote]
    assert (row["reason"], row["remote_status"]) == ("harvested", "cancelled")
    assert site.kinds() == Counter(answer=LOTS + 2, void=LOTS - 2)
    assert settled(site, job)["wasted"] != "0.0000"


def test_I2_late_files_outlive_a_kill_and_a_download_that_fails(site):
    job, remote = lose(site, done=LOTS - 1)
    site.standin.fault({"match": {"route": CONTENT}, "do": "status", "code": 500})
    last = site.last_call()
    site.force(remote, "expired")
    site.force(remote, "appear")
    wait_until(lambda: site.calls(CONTENT, after=last), 20, "a download to be tried")
    site.stack.batchd.kill()
    site.stack.batchd.start()
    site.rules(KEEP_FILES)
    row = wait_read_late(site)
    assert row["n_answered"] == LOTS - 1
    settled(site, job)
    site.rules()
    site.sql("UPDATE batch SET next_at = UTC_TIMESTAMP(6)")
    site.wait_swept()
    assert site.files_left() == []
