# SPDX-License-Identifier: ISC
"""batchctl check: every query of sql/invariants.sql holds on a sound database and sees its own fault."""
import json
import re
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS), str(Path(__file__).resolve().parent)]

from ctl_database import (FULL, NOW, RUNNING, ctl_server, ctl_world, empty, migrated,  # noqa: E402,F401
                          run_sql, status_json, world)
from harness import config as conf  # noqa: E402

INVARIANTS = TESTS.parent / "sql" / "invariants.sql"

# By query, what a person does to the world by hand that it must see; several cases where it has several halves.
def _request(job, kind, done_at):
    return (f"INSERT INTO request (job_id, kind, created_at, done_at) VALUES ({job}, '{kind}',"
            f" {NOW} - INTERVAL 61 SECOND, {done_at})")


def _alert(state):
    return ("INSERT INTO alert (kind, subject, severity, message, first_at, last_at, is_open, cleared_at, settled)"
            f" VALUES ('quota', '', 'critical', 'x', {NOW} - INTERVAL 61 SECOND, {NOW}, {state})")


BREAKS = {
    "I1 no job has outlived its deadline": [
        f"UPDATE job SET deadline_at = {NOW} - INTERVAL 1 HOUR WHERE id = 2",
    ],
    "I1 a running job has open items": [
        "UPDATE job SET status = 'translating', outcome = NULL, completed_at = NULL WHERE id = 1",
    ],
    "an ended job has the time of its end, a running one has none": [
        "UPDATE job SET completed_at = NULL WHERE id = 1",
        f"UPDATE job SET completed_at = {NOW} WHERE id = 2",
    ],
    "a job is cancelled by a command alone, and only an ended one was ended by a command": [
        "UPDATE job SET status = 'cancelled' WHERE id = 3",
        "UPDATE job SET end_code = 'cancelled' WHERE id = 3",
        "UPDATE job SET end_code = 'finished' WHERE id = 2",
    ],
    "a job that is reopening has a request that waits": [
        f"UPDATE job SET reopening = 1 WHERE id = 2;\n{_request(2, 'cancel', 'NULL')};\n{_request(2, 'retry', NOW)}",
    ],
    "an outcome stands where the status has one, and is full exactly where every item is done": [
        "UPDATE job SET outcome = NULL WHERE id = 1",
        "UPDATE job SET outcome = 'partial' WHERE id = 1",
        "UPDATE job SET outcome = 'full' WHERE id = 3",
        "UPDATE job SET outcome = 'partial' WHERE id = 2",
    ],
    "a completed job has a description, a failed one has none": [
        "UPDATE job SET status = 'failed', outcome = NULL WHERE id = 1",
        "UPDATE job_language SET n_done = 0 WHERE job_id = 3 AND no = 0",
    ],
    "I4 a job has one item for each lot and language": [
        "DELETE FROM item WHERE id = 8",
        "UPDATE job SET lots = 3 WHERE id = 1",
        "UPDATE job_language SET n_total = 5 WHERE job_id = 1",
    ],
    "I4 a job has its lots": [
        "DELETE FROM lot WHERE job_id = 2 AND seq = 1",
    ],
    "I4 every item is of a language of its job": [
        "DELETE FROM job_language WHERE job_id = 1 AND no = 1",
    ],
    "I4 the counts of a job's languages are those of its items": [
        *(f"UPDATE job_language SET {column} = {column} + 1 WHERE job_id = 2 AND no = 1"
          for column in ("n_ready", "n_sent", "n_done", "n_failed")),
        "UPDATE item SET state = 'ready' WHERE id = 8",
        "UPDATE job_language SET n_ready = 1, n_by_call = 1 WHERE job_id = 2 AND no = 1",
    ],
    "I4 a poll shows the job's row": [
        *(f"UPDATE job SET status_json = '{status_json(*shown, 2, 2, 2, 0)}' WHERE id = 1"
          for shown in (("failed", "full"), ("completed", None))),
        "UPDATE job SET status_json = '' WHERE id = 1",
    ],
    "I4 a poll shows the counts of the job's items": [
        *(f"UPDATE job SET status_json = '{status_json('completed', 'partial', 2, *counts)}' WHERE id = 3"
          for counts in ((2, 0, 3), (1, 1, 3), (1, 0, 2))),
    ],
    "I4 in a closed batch every item is answered, failed or void": [
        *(f"UPDATE batch SET {column} = {column} + 1 WHERE id = 4"
          for column in ("n_items", "n_answered", "n_failed", "n_void")),
    ],
    "I4 the counts of a batch are those of its attempts": [
        *(f"UPDATE batch SET {column} = {column} + 1 WHERE id = 2"
          for column in ("n_items", "n_answered", "n_failed", "n_void")),
        "DELETE FROM attempt WHERE item_id = 11",
    ],
    "I4 no attempt is open in a closed batch": [
        "UPDATE attempt SET outcome = NULL WHERE item_id = 11",
    ],
    "I4 the jobs of a batch share its items": [
        "UPDATE batch_job SET n_items = 3 WHERE batch_id = 2",
    ],
    "an attempt in a batch goes by batch, any other goes alone": [
        "UPDATE attempt SET batch_id = NULL WHERE item_id = 11",
        "UPDATE attempt SET way = 'flex' WHERE item_id = 11",
        "UPDATE attempt SET batch_id = 99 WHERE item_id = 11",
    ],
    "a sent item has one open attempt, its newest, in the batch that it names or by a call": [
        "UPDATE item SET batch_id = NULL WHERE id = 6",
        "UPDATE attempt SET batch_id = NULL, way = 'flex' WHERE item_id = 6",
        "UPDATE item SET batch_id = 1 WHERE id = 6",
        "UPDATE item SET attempts = 1 WHERE id = 7",
        "UPDATE attempt SET outcome = 'failed' WHERE item_id = 6",
        f"UPDATE attempt SET left_at = {NOW} WHERE item_id = 6",
        "DELETE FROM attempt WHERE item_id = 6",
    ],
    "an item that names a batch is sent": [
        "UPDATE item SET state = 'ready' WHERE id = 6",
    ],
    "an open attempt that did not leave is of a sent item, or of one that an earlier sending answered": [
        "UPDATE item SET state = 'ready', batch_id = NULL WHERE id = 6",
        "DELETE FROM item WHERE id = 6",
    ],
    "an item counts to its newest attempt": [
        "UPDATE item SET attempts = 2 WHERE id = 1",
        "DELETE FROM attempt WHERE item_id = 7 AND no = 2",
    ],
    "a repeat that was sent is the open, newest attempt of an item that is done": [
        "UPDATE item SET repeating = 1 WHERE id = 5",
        "UPDATE item SET repeating = 1 WHERE id = 6",
    ],
    "a failed item says why": [
        "UPDATE item SET code = NULL WHERE id = 11",
    ],
    "only a translation waits for a description": [
        "UPDATE item SET state = 'blocked' WHERE id = 9",
    ],
    "no translation goes before its description is done": [
        *(f"UPDATE item SET state = '{state}' WHERE id = 8"
          for state in ("ready", "sent", "done")),
    ],
    "I2 a done item has the answer that it names, of use": [
        "DELETE FROM answer WHERE item_id = 1",
        "UPDATE answer SET grade = 'refused' WHERE item_id = 1",
        "UPDATE item SET answer_no = NULL WHERE id = 1",
    ],
    "I2 an item with an answer of use is done, once its attempt is closed": [
        "UPDATE item SET state = 'failed', code = 'deadline' WHERE id = 9",
    ],
    "I5 what was made of an answer has its report": [
        "UPDATE answer SET value = '{}' WHERE item_id = 2",
        "UPDATE answer SET repaired = 'fence' WHERE item_id = 2",
    ],
    "I2 an answered attempt has its answer": [
        "DELETE FROM answer WHERE item_id = 2",
    ],
    "of an item's answers the best is its own": [
        """INSERT INTO answer (item_id, attempt_no, job_id, grade, raw, source, model, created_at)
           SELECT item_id, 0, job_id, 'valid', raw, source, model, created_at FROM answer WHERE item_id = 2;
           UPDATE answer SET grade = 'salvaged' WHERE item_id = 2 AND attempt_no = 1""",
    ],
    "I4 a job's cost, waste and tokens are those of its answers and lines": [
        *(f"UPDATE job SET {column} = {column} + 1 WHERE id = 2"
          for column in ("cost", "wasted", "input_tokens", "output_tokens")),
        "UPDATE answer SET unused = 1 WHERE item_id = 5",
        "UPDATE batch_line SET cost = 7",
    ],
    "no job has wasted more than it cost": [
        "UPDATE job SET wasted = cost + 1 WHERE id = 1",
    ],
    "I3 what is held against a job's budget is held by its attempts": [
        "UPDATE job SET reserved = 7 WHERE id = 2",
        "UPDATE job SET presumed = 7 WHERE id = 2",
        "UPDATE attempt SET held = 7 WHERE item_id = 6",
        "UPDATE attempt SET held = 7 WHERE item_id = 11",
    ],
    "I3 an account's day adds up from what was sent on it": [
        *(f"INSERT INTO spending (account_id, day, {column}) VALUES (1, '2026-11-25', 7)"
          for column in ("cost", "reserved", "presumed")),
        "UPDATE attempt SET sent_on = '2026-11-25' WHERE item_id = 5",
        *(f"""UPDATE attempt SET held = 7, sent_on = '2026-11-25' WHERE item_id = {item};
           UPDATE job SET {column} = 7 WHERE id = {job}"""
          for item, job, column in ((6, 2, "reserved"), (11, 3, "presumed"))),
        """UPDATE attempt SET sent_on = '2026-11-25' WHERE item_id = 11;
           UPDATE batch_line SET cost = 7;
           UPDATE job SET cost = cost + 7, wasted = 7 WHERE id = 3""",
    ],
    "an attempt that was answered or never ran holds no money": [
        "UPDATE attempt SET held = 7 WHERE item_id = 1",
        "UPDATE attempt SET held = 7 WHERE item_id = 7 AND no = 1",
    ],
    "a closed batch has a reason and a time, an open one has neither": [
        "UPDATE batch SET reason = NULL WHERE id = 1",
        f"UPDATE batch SET closed_at = {NOW} WHERE id = 2",
    ],
    "a batch that runs or is harvested has its remote id, one that may be created has its input file": [
        "UPDATE batch SET remote_id = NULL WHERE id = 2",
        "UPDATE batch SET phase = 'creating', input_file_id = NULL WHERE id = 2",
        "UPDATE batch SET phase = 'sealed' WHERE id = 2",
    ],
    "a harvest cursor stands at the start before the harvest and past both files after it": [
        "UPDATE batch SET harvest_offset = 10 WHERE id = 2",
        "UPDATE batch SET harvest_file = 1 WHERE id = 1",
        "UPDATE batch SET harvest_file = 3 WHERE id = 1",
    ],
    "remote files are deleted only after the harvest": [
        f"UPDATE batch SET swept_at = {NOW} WHERE id = 2",
    ],
    "installation, wake and lease have their one row": [
        "DELETE FROM wake",
        "DELETE FROM installation",
    ],
    "an alert is open or has the time of its end, and only what is over is settled": [
        _alert("1, NULL, 1"), _alert("NULL, NULL, 0"), _alert(f"1, {NOW}, 0"),
    ],
    "warning: no alert has waited for a minute to be told in the journal": [
        _alert("1, NULL, 0"),
    ],
    "warning: a batchd is active": [
        f"UPDATE daemon_lease SET expires_at = {NOW} - INTERVAL 1 SECOND",
    ],
    "warning: no batch waits for a look that was due a minute ago": [
        f"UPDATE batch SET next_at = {NOW} - INTERVAL 2 MINUTE WHERE id = 2",
    ],
    "warning: no request has waited for a minute": [
        _request(2, "cancel", "NULL"),
        f"INSERT INTO request (batch_id, kind, created_at) VALUES (1, 'retry', {NOW} - INTERVAL 61 SECOND)",
    ],
    "warning: no answer to a call has waited for a minute": [
        """INSERT INTO call_answer (item_id, attempt_no, mark, how, http_status, request_id, body, created_at)
           VALUES (6, 1, REPEAT('0', 16), 'lost', 0, '', '', UTC_TIMESTAMP(6) - INTERVAL 2 MINUTE)""",
    ],
    "warning: no remote batch of ours is without a row": [
        f"""INSERT INTO orphan (remote_id, batch_key, recipe_hash, remote_status, seen_at)
           VALUES ('batch_x', MD5('x'), REPEAT('a', 64), 'in_progress', {NOW})""",
    ],
    "booked: items answered by a batch that they had left, and by another sending": [
        f"""UPDATE attempt SET outcome = 'answered', left_at = {NOW}, batch_id = 5 WHERE item_id = 7 AND no = 1;
           INSERT INTO answer (item_id, attempt_no, job_id, grade, raw, source, model, created_at)
           SELECT 7, 1, 2, 'refused', raw, source, model, created_at FROM answer WHERE item_id = 1""",
    ],
    "booked: calls whose answer was lost": [
        "UPDATE attempt SET batch_id = NULL, way = 'flex', outcome = 'failed', code = 'call_lost' WHERE item_id = 2",
    ],
    "booked: answers to calls whose item another sending answered": [
        """UPDATE attempt SET batch_id = NULL, way = 'flex' WHERE item_id = 2;
           UPDATE answer SET unused = 1 WHERE item_id = 2""",
    ],
    "booked: answers bought to better another (repeats)": [
        "UPDATE attempt SET is_repeat = 1 WHERE item_id = 2",
    ],
    "booked: batches that were created twice with one key": [
        "UPDATE batch SET twin_of = 4 WHERE id = 5",
    ],
    "booked: batches that vanished": [
        "UPDATE batch SET reason = 'lost' WHERE id = 1",
    ],
    "booked: lines that are a second answer, or none that could be kept": [
        *(f"UPDATE batch_line SET kind = '{kind}'"
          for kind in ("duplicate", "stranger", "broken", "unstorable", "too_large")),
    ],
    "booked: answers of jobs that had been deleted": [
        f"{_request(1, 'delete', NOW)};\nUPDATE answer SET unused = 1 WHERE job_id = 1",
    ],
}

FSYNC = "warning: a commit is on disk before it is answered (innodb_flush_log_at_trx_commit = 1)"


def names():
    return re.findall(r"^-- name: (.+)$", INVARIANTS.read_text(), re.MULTILINE)


def full_name(check):
    return check["name"] if check["kind"] == "rule" else f"{check['kind']}: {check['name']}"


def told(stack, *options):
    """What queries returned, by name; those that returned nothing are left out."""
    done = stack.batchctl(*options, "-j", "check", check=False)
    report = json.loads(done.stdout)
    found = {full_name(c): c["rows"] for c in report["checks"] if not c["holds"]}
    fails = [c for c in report["checks"] if c["kind"] == "rule" and not c["holds"]]
    assert done.returncode == (1 if fails else 0)
    assert report["ok"] == (not fails)
    return found


def test_every_query_has_a_case_that_breaks_it():
    assert sorted(set(names())) == sorted(names())
    assert set(names()) == set(BREAKS) | {FSYNC}


def test_every_query_runs(migrated):
    report = migrated.batchctl_json("check")
    assert [full_name(check) for check in report["checks"]] == names()


def test_a_new_database_holds(migrated):
    assert set(told(migrated)) == {"warning: a batchd is active"}


def test_a_sound_database_holds(world):
    assert told(world) == {}


@pytest.mark.parametrize("name, sql", [
    pytest.param(name, sql, id=f"{name} {no}") for name, cases in BREAKS.items() for no, sql in enumerate(cases)])
def test_a_broken_database_is_told(world, name, sql):
    run_sql(world, *sql.split(";\n"))
    found = told(world)
    assert name in found, found
    assert found[name]


def test_commits_that_may_be_lost_are_told(world):
    world.mariadb.sql("SET GLOBAL innodb_flush_log_at_trx_commit = 2")
    try:
        found = told(world)
    finally:
        world.mariadb.sql("SET GLOBAL innodb_flush_log_at_trx_commit = 1")
    assert found == {FSYNC: [{"variable": "innodb_flush_log_at_trx_commit", "value": "2"}]}


@pytest.mark.parametrize("sql", [
    # Between a jump of the clock and its end nothing is closed.
    f"""UPDATE daemon_lease SET no_close_before = {NOW} + INTERVAL 2 MINUTE;
        UPDATE job SET deadline_at = {NOW} - INTERVAL 1 HOUR WHERE id = 2""",
    # A large order that is still being written.
    f"""INSERT INTO job (public_id, account_id, status, name, lots, describe_recipe, translate_recipe, created_at,
        opened_at, updated_at, deadline_at)
        VALUES (UUID(), 1, 'queued', 'x', 9, 1, 2, {NOW}, {NOW}, {NOW}, {NOW} - INTERVAL 1 HOUR)""",
    # A job that was deleted, whose batch is still open; one that was ended by a command.
    _request(3, "delete", "NULL"),
    "UPDATE job SET end_code = 'finished' WHERE id = 3",
    # A job that was opened again, before batchd has seen to it.
    f"""UPDATE job SET status = 'translating', outcome = NULL, completed_at = NULL, reopening = 1,
            deadline_at = {NOW} + INTERVAL 1 HOUR,
            status_json = '{status_json("translating", None, 2, 2, 2, 0)}' WHERE id = 1;
        UPDATE job_language SET n_total = 4 WHERE job_id = 1 AND no = 1;
        INSERT INTO request (job_id, kind, created_at) VALUES (1, 'languages', {NOW})""",
    # An item left the batch and waits to be sent again; the late answer may still come.
    f"""UPDATE attempt SET left_at = {NOW} WHERE item_id = 6;
        UPDATE item SET state = 'ready', batch_id = NULL WHERE id = 6;
        UPDATE job_language SET n_ready = 1, n_sent = 0 WHERE job_id = 2 AND no = 1""",
    # A repeat for a better answer travels beside its done item.
    """INSERT INTO attempt (item_id, no, batch_id, way, is_repeat) VALUES (5, 2, 2, 'batch', 1);
        UPDATE item SET attempts = 2, repeats = 1 WHERE id = 5;
        UPDATE batch SET n_items = 3 WHERE id = 2;
        UPDATE batch_job SET n_items = 3 WHERE batch_id = 2""",
    # A repeat is wanted, and one is sent, beside done items.
    """UPDATE item SET repeating = 1, by_call = 1 WHERE id = 1;
        UPDATE job_language SET n_repeating = 1, n_to_repeat = 1 WHERE job_id = 1 AND no = 0;
        INSERT INTO attempt (item_id, no, batch_id, way, is_repeat) VALUES (5, 2, NULL, 'flex', 1);
        UPDATE item SET attempts = 2, repeats = 1, repeating = 1 WHERE id = 5;
        UPDATE job_language SET n_repeating = 1 WHERE job_id = 2 AND no = 0;
        UPDATE answer SET value = '{}', repaired = 'fence', report = '{}' WHERE item_id = 5""",
    # An item is sent by a call: no batch holds it.
    """UPDATE item SET batch_id = NULL WHERE id = 6;
        UPDATE attempt SET batch_id = NULL, way = 'flex' WHERE item_id = 6;
        UPDATE batch SET n_items = n_items - 1 WHERE id = 2;
        UPDATE batch_job SET n_items = n_items - 1 WHERE batch_id = 2""",
    # A better description that comes after it was translated replaces nothing.
    f"""UPDATE answer SET grade = 'salvaged' WHERE item_id = 5;
        INSERT INTO attempt (item_id, no, batch_id, way, outcome, is_repeat) VALUES (5, 2, 2, 'batch', 'answered', 0);
        UPDATE item SET attempts = 2 WHERE id = 5;
        UPDATE batch SET n_items = 3, n_answered = 1 WHERE id = 2;
        UPDATE batch_job SET n_items = 3 WHERE batch_id = 2;
        INSERT INTO answer (item_id, attempt_no, job_id, grade, raw, source, model, created_at)
        VALUES (5, 2, 2, 'valid', '{{}}', 'batch', 'm', {NOW})""",
    # A description that came with the order has an answer and no attempt.
    f"""DELETE FROM answer WHERE item_id = 5;
        DELETE FROM attempt WHERE item_id = 5;
        UPDATE batch SET n_items = 0, n_answered = 0 WHERE id = 5;
        DELETE FROM batch_job WHERE batch_id = 5;
        UPDATE item SET attempts = 0, answer_no = 0 WHERE id = 5;
        UPDATE job SET cost = 0, input_tokens = 0, output_tokens = 0 WHERE id = 2;
        INSERT INTO answer (item_id, attempt_no, job_id, grade, raw, source, model, created_at)
        VALUES (5, 0, 2, 'valid', '{{}}', 'order', '', {NOW})""",
    # An answer that came when one was there.
    """INSERT INTO attempt (item_id, no, batch_id, way, outcome) VALUES (2, 2, 1, 'batch', 'answered');
        INSERT INTO answer (item_id, attempt_no, job_id, grade, raw, source, model, input_tokens, output_tokens, cost,
            unused, created_at) SELECT 2, 2, 1, grade, raw, source, model, 10, 20, 100, 1, created_at FROM answer
            WHERE item_id = 2;
        UPDATE item SET attempts = 2 WHERE id = 2;
        UPDATE batch SET n_items = 5, n_answered = 5 WHERE id = 1;
        UPDATE batch_job SET n_items = 5 WHERE batch_id = 1;
        UPDATE job SET cost = 500, wasted = 100, input_tokens = 50, output_tokens = 100 WHERE id = 1""",
    # Money: what open attempts hold, what one may have cost whose batch was lost, a day of its own for each.
    """UPDATE attempt SET held = 7, sent_on = '2026-11-25' WHERE item_id = 6;
        UPDATE attempt SET held = 8, sent_on = '2026-11-26' WHERE item_id = 11;
        UPDATE attempt SET sent_on = '2026-11-26' WHERE item_id = 5;
        UPDATE job SET reserved = 7 WHERE id = 2;
        UPDATE job SET presumed = 8 WHERE id = 3;
        INSERT INTO spending (account_id, day, cost, reserved, presumed)
        VALUES (1, '2026-11-25', 0, 7, 0), (1, '2026-11-26', 100, 0, 8)""",
    # An adopted batch: its attempts are made from the provider's lines, after a gap.
    f"""INSERT INTO batch (id, batch_key, recipe_id, adopted, phase, reason, model, n_items, n_answered, remote_id,
            created_at, phase_at, closed_at, next_at, harvest_file)
        VALUES (6, MD5('6'), 1, 1, 'closed', 'harvested', 'm', 1, 1, 'batch_six', {NOW}, {NOW}, {NOW}, {NOW}, 2);
        INSERT INTO attempt (item_id, no, batch_id, way, outcome) VALUES (1, 3, 6, 'batch', 'answered');
        INSERT INTO answer (item_id, attempt_no, job_id, grade, raw, source, model, created_at)
        VALUES (1, 3, 1, 'valid', '{{}}', 'batch', 'm', {NOW});
        UPDATE item SET attempts = 3 WHERE id = 1""",
], ids=["clock-jump", "invisible", "deleted", "finished", "reopening", "left", "repeat", "repeats", "call", "late-description", "given",
        "wasted", "money", "adopted"])
def test_what_is_no_fault_is_not_told(world, sql):
    run_sql(world, *sql.split(";\n"))
    assert told(world) == {}


def test_waste_is_booked_and_no_fault(world):
    run_sql(world, """INSERT INTO batch_line (batch_id, file_no, offset_bytes, kind, item_id, attempt_no, size_bytes, head,
            input_tokens, output_tokens, cost) VALUES (1, 0, 0, 'duplicate', 1, 1, 9, 'x', 10, 20, 100)""",
            "UPDATE job SET cost = 500, wasted = 100, input_tokens = 50, output_tokens = 100 WHERE id = 1")
    rows, = told(world).values()
    assert [(row["kind"], row["micro_usd"]) for row in rows] == [("duplicate", "100")]


def test_a_person_reads_what_failed(world):
    run_sql(world, "UPDATE job SET cost = 7 WHERE id = 1", "UPDATE batch SET reason = 'lost' WHERE id = 1")
    done = world.batchctl("check", check=False)
    lines = done.stdout.splitlines()
    assert done.returncode == 1
    at = lines.index("FAIL    I4 a job's cost, waste and tokens are those of its answers and lines")
    assert lines[at + 1].split()[:3] == ["job", "cost", "answers_cost"]
    assert lines[at + 2].split()[:3] == [FULL, "7", "400"]
    assert "BOOKED  batches that vanished" in lines
    assert "ok      I1 no job has outlived its deadline" in lines
    assert lines[-1].endswith("1 failed; 0 warnings; 1 kinds of booked waste")


def test_a_tick_of_grace_after_the_deadline(world, tmp_path):
    """I1: one tick after the deadline the job has ended; until then it may be open."""
    slow = conf.write(tmp_path / "slow.conf", conf.merged(
        world.config("admin"), {"daemon": {"lease": "2m", "tick": "1m"}}))
    run_sql(world, f"UPDATE job SET deadline_at = {NOW} - INTERVAL 30 SECOND WHERE id = 2")
    assert told(world, "-c", slow) == {}
    run_sql(world, f"UPDATE job SET deadline_at = {NOW} - INTERVAL 61 SECOND WHERE id = 2")
    found = told(world, "-c", slow)
    assert [row["job"] for row in found["I1 no job has outlived its deadline"]] == [RUNNING]


def test_without_a_database_nothing_is_said_to_hold(world):
    done = world.batchctl("--socket", "/nonexistent/mariadb.sock", "check", check=False)
    assert (done.returncode, done.stdout) == (69, "")
