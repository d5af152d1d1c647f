# SPDX-License-Identifier: ISC
"""batchctl's verbs that show, and those on accounts and keys: what they say, in words and JSON, and exit codes."""
import hashlib
import json
import re
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS), str(Path(__file__).resolve().parent)]

from ctl_database import (FULL, LATE, RUNNING, ctl_server, ctl_world, empty, migrated,  # noqa: E402,F401
                          run_sql, world)

RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


def columns(text):
    """A printed table as dictionaries, cut where its titles begin; fails where a cell crosses a column."""
    lines = text.splitlines()
    starts = [m.start() for m in re.finditer(r"(?<=\s\s)\S|^\S", lines[0])]
    rows = []
    for line in lines:
        cells = [line[a:b] for a, b in zip(starts, starts[1:] + [None])]
        rows.append([cell.strip() for cell in cells])
    return rows


# ---- Jobs.

def test_jobs_newest_first(world):
    jobs = world.batchctl_json("jobs")
    assert [job["job_id"] for job in jobs] == [LATE, RUNNING, FULL]
    wanted = {"account": "house", "status": "completed", "outcome": "full", "done": 4, "failed": 0, "items": 4,
              "cost": "0.0004", "name": "Sale 1204"}
    assert {key: jobs[2][key] for key in wanted} == wanted
    assert jobs[1]["outcome"] is None and jobs[1]["completed_at"] is None
    assert all(RFC3339.fullmatch(job[key]) for job in jobs for key in ("created_at", "deadline_at"))


def test_jobs_can_be_chosen(world):
    assert [job["job_id"] for job in world.batchctl_json("jobs", "--status", "completed")] == [LATE, FULL]
    assert [job["job_id"] for job in world.batchctl_json("jobs", "--status", "completed", "--limit", "1")] == [LATE]
    assert [job["job_id"] for job in world.batchctl_json("jobs", "--limit", "2")] == [LATE, RUNNING]
    assert world.batchctl_json("jobs", "--status", "cancelled") == []


def test_a_job_that_is_being_written_is_not_listed(world):
    run_sql(world, "UPDATE job SET visible = 0 WHERE id = 2")
    assert [job["job_id"] for job in world.batchctl_json("jobs")] == [LATE, FULL]
    assert world.batchctl_json("job", RUNNING)["visible"] is False


def test_a_table_of_jobs_is_aligned(world):
    run_sql(world, "UPDATE job SET cost = 123456789 WHERE id = 1")
    rows = columns(world.batchctl("jobs").stdout)
    assert rows[0][:4] == ["job", "account", "status", "outcome"]
    assert [row[0] for row in rows[1:]] == [LATE, RUNNING, FULL]
    assert [row[2] for row in rows[1:]] == ["completed", "describing", "completed"]
    assert [row[-1] for row in rows] == ["name", "Late", "Vente à Genève", "Sale 1204"]
    lines = world.batchctl("jobs").stdout.splitlines()
    cost = lines[0].index("USD") + 3
    assert [line[:cost].split()[-1] for line in lines[1:]] == ["0.0001", "0.0001", "123.456789"]
    assert "in 4h 59m" in lines[2] or "in 5h" in lines[2]
    assert "3h ago" in lines[3]


def test_what_steers_a_terminal_is_not_printed(world):
    run_sql(world, "UPDATE job SET name = CONCAT('a', CHAR(27), '[31mb', CHAR(10), 'c',"
            " CHAR(0xc2, 0x9b USING utf8mb4), 'd') WHERE id = 2")
    text = world.batchctl("jobs").stdout
    assert "\x1b" not in text and "\x9b" not in text
    assert "a?[31mb c?d" in text
    assert world.batchctl_json("jobs")[1]["name"] == "a\x1b[31mb\nc\x9bd"


@pytest.mark.parametrize("form", [RUNNING, f"job:{RUNNING}", RUNNING.upper()])
def test_a_job(world, form):
    job = world.batchctl_json("job", form)
    assert (job["job_id"], job["status"], job["lots"], job["cost"]) == (RUNNING, "describing", 2, "0.0001")
    keys = ("language", "total", "blocked", "ready", "sent", "done", "failed", "repeating", "ready_since")
    assert job["languages"] == [dict(zip(keys, ("en", 2, 0, 0, 1, 1, 0, None, None))),
                                dict(zip(keys, ("fr", 2, 1, 0, 1, 0, 0, None, None)))]
    assert [(b["batch"], b["phase"], b["items"], b["answered"], b["void"], b["open"]) for b in job["batches"]] == [
        (2, "running", 2, 0, 0, 2), (3, "closed", 1, 0, 1, 0), (5, "closed", 1, 1, 0, 0)]
    assert (job["failures"], job["warnings"]) == ([], [])


def test_a_job_says_what_it_waits_for(world):
    run_sql(world, """UPDATE job SET wait_what = 'batch', wait_since = UTC_TIMESTAMP(6) - INTERVAL 90 MINUTE,
        wait_action = 'cancel and retry', wait_action_at = UTC_TIMESTAMP(6) + INTERVAL 1 DAY,
        warnings = '{"code":"batch_stalled","message":"no progress"}' WHERE id = 2""")
    job = world.batchctl_json("job", RUNNING)
    assert (job["wait_what"], job["wait_action"]) == ("batch", "cancel and retry")
    assert job["warnings"] == [{"code": "batch_stalled", "message": "no progress"}]
    text = world.batchctl("job", RUNNING).stdout
    assert re.search(r"^waits for +batch$", text, re.MULTILINE)
    assert re.search(r"^waits since +\S+Z \(1h 30m ago\)$", text, re.MULTILINE)
    assert re.search(r"^next action +cancel and retry$", text, re.MULTILINE)
    assert "batch_stalled" in text


def test_a_job_says_why_items_failed(world):
    assert world.batchctl_json("job", LATE)["failures"] == [
        {"language": "en", "code": "bad_image", "items": 1},
        {"language": "fr", "code": "description_failed", "items": 1}]
    assert re.search(r"Failed items\n.*\n +en +bad_image +1\n +fr +description_failed +1\n",
                     world.batchctl("job", LATE).stdout)


# ---- Batches and events.

def test_batches(world):
    batches = world.batchctl_json("batches")
    assert [b["batch"] for b in batches] == [5, 4, 3, 2, 1]
    assert [b["batch"] for b in world.batchctl_json("batches", "--open")] == [2]
    assert [b["batch"] for b in world.batchctl_json("batches", "--limit", "2")] == [5, 4]
    two = batches[3]
    assert (two["phase"], two["reason"], two["remote_status"], two["items"], two["last_error"]) == (
        "running", None, "in_progress", 2, "503 from the provider")
    assert "503 from the provider" in world.batchctl("batches").stdout


@pytest.mark.parametrize("form", ["batch:4", "4"])
def test_a_batch(world, form):
    batch = world.batchctl_json("batch", form)
    assert (batch["batch"], batch["phase"], batch["reason"], batch["task"]) == (4, "closed", "harvested", "describe")
    assert (batch["items"], batch["answered"], batch["failed"], batch["void"]) == (2, 1, 1, 0)
    assert [(j["job_id"], j["items"], j["answered"], j["failed"]) for j in batch["jobs"]] == [(LATE, 2, 1, 1)]
    assert batch["lines"] == [{"file": 1, "kind": "failure", "code": "bad_image", "lines": 1, "bytes": 120}]
    text = world.batchctl("batch", form).stdout
    assert re.search(r"^reason +harvested$", text, re.MULTILINE)
    assert re.search(r"failure +bad_image +1 +120$", text, re.MULTILINE)


def test_events(world):
    assert [(e["kind"], e["n"], e["batch"]) for e in world.batchctl_json("events", FULL)] == [
        ("ordered", 2, None), ("answered", 4, 1)]
    assert [(e["kind"], e["n"], e["job_id"]) for e in world.batchctl_json("events", "batch:2")] == [
        ("submitted", 2, None)]
    assert [e["job_id"] for e in world.batchctl_json("events", "batch:1")] == [FULL]
    assert world.batchctl("events", RUNNING).stdout == "No events.\n"
    assert "4 answered from batch 1" in world.batchctl("events", f"job:{FULL}").stdout


NOT_THERE = "99999999-9999-4999-8999-999999999999"


@pytest.mark.parametrize("words", [("job", NOT_THERE), ("batch", "99"), ("batch", "batch:99"), ("events", NOT_THERE),
                                   ("events", "batch:99"), ("key", "revoke", "nosuchkey")], ids=" ".join)
def test_a_row_that_is_not_there(world, words):
    done = world.batchctl(*words, check=False)
    assert (done.returncode, done.stdout) == (66, "")
    assert words[-1].split(":")[-1] in done.stderr


# ---- Accounts and keys.

def test_an_account_is_made_once(migrated):
    first = migrated.batchctl_json("account", "house-1")
    assert (first["name"], first["keys"], first["jobs"]) == ("house-1", 0, 0)
    assert migrated.batchctl_json("account", "house-1") == first
    assert len(migrated.sql("SELECT * FROM account")) == 1


def test_an_account_has_budgets_of_its_own(migrated):
    def budgets(*options):
        shown = migrated.batchctl_json("account", "house-1", *options)
        return shown["budget_job"], shown["budget_day"]
    assert budgets() == ("50.0000", "200.0000")
    assert budgets("--day", "12.5") == ("50.0000", "12.5000")
    assert budgets("--job", "0.000001") == ("0.000001", "12.5000")
    assert budgets("--job", "default", "--day", "0") == ("50.0000", "0.0000")
    assert migrated.batchctl_json("account", "house-1")["spent_today"] == "0.0000"
    for wrong in ("-1", "x", "1.0000001", ""):
        assert migrated.batchctl("account", "house-1", "--day", wrong, check=False).returncode == 64
    assert migrated.batchctl("jobs", "--day", "1", check=False).returncode == 64
    assert budgets() == ("50.0000", "0.0000")


@pytest.mark.parametrize("role", ["submit", "read", "admin"])
def test_a_key_is_shown_once_and_stored_as_its_hash(migrated, role):
    said = migrated.batchctl("key", "add", "demo", "--role", role).stdout.splitlines()
    key = said[-1]
    assert re.fullmatch(r"lot_[a-z0-9]{12}_[0-9A-Za-z]{49}", key)
    assert not any(key in line for line in said[:-1])
    _, key_id, secret = key.split("_")
    row, = migrated.sql("SELECT k.*, a.name FROM api_key k JOIN account a ON a.id = k.account_id")
    assert (row["id"], row["role"], row["name"], row["revoked_at"]) == (key_id, role, "demo", None)
    assert row["secret_hash"] == hashlib.sha256(secret[:43].encode()).digest()
    assert secret[:43] not in json.dumps(migrated.batchctl_json("key", "list"))
    assert secret[:43] not in migrated.batchctl("key", "list").stdout


def test_a_key_in_json(migrated):
    made = migrated.batchctl_json("key", "add", "demo")
    assert (made["account"], made["role"]) == ("demo", "submit")
    assert made["key"].startswith(f"lot_{made['id']}_")


def test_keys_differ_and_share_an_account(migrated):
    keys = {migrated.new_key("demo") for _ in range(3)}
    assert len(keys) == 3
    assert len(migrated.sql("SELECT * FROM account")) == 1
    assert migrated.batchctl_json("account", "demo")["keys"] == 3


def test_a_key_is_revoked_once(migrated):
    key_id = migrated.new_key("demo").split("_")[1]
    other = migrated.new_key("demo").split("_")[1]
    migrated.batchctl("key", "revoke", key_id)
    first, = migrated.sql("SELECT revoked_at FROM api_key WHERE id = %s", (key_id,))
    assert first["revoked_at"] is not None
    assert migrated.batchctl_json("key", "revoke", key_id) == {"id": key_id, "revoked": True}
    assert migrated.sql("SELECT revoked_at FROM api_key WHERE id = %s", (key_id,)) == [first]
    assert migrated.sql("SELECT revoked_at FROM api_key WHERE id = %s", (other,)) == [{"revoked_at": None}]
    assert migrated.batchctl_json("account", "demo")["keys"] == 1


# ---- The command line.

@pytest.mark.parametrize("words", [
    [], ["nothing"], ["key"], ["key", "mint"], ["key", "add"], ["key", "add", "a", "b"], ["job"], ["jobs", "x"],
    ["job", "7"], ["job", "batch:1"], ["job", "job:7"], ["batch", RUNNING], ["batch", "batch:x"], ["batch", "-1"],
    ["batch", ""], ["events", "1"], ["events", "item:1"], ["jobs", "--status", "sleeping"], ["jobs", "--limit", "0"],
    ["jobs", "--limit", "1x"], ["jobs", "--open"], ["batches", "--status", "queued"], ["check", "--limit", "3"],
    ["key", "add", "demo", "--role", "root"], ["key", "add", "de mo"], ["key", "add", ""], ["account", "a" * 65],
    ["migrate", "front"], ["migrate", "--grants"], ["migrate", "--grants", "front"], ["jobs", "--nonsense"], ["-x"],
], ids=lambda words: " ".join(words) or "nothing")
def test_wrong_usage(world, words):
    done = world.batchctl(*words, check=False)
    assert (done.returncode, done.stdout) == (64, "")
    assert done.stderr


def test_options_may_follow_the_verb(world):
    assert json.loads(world.batchctl("jobs", "-j").stdout) == world.batchctl_json("jobs")


def test_help_and_version(world):
    text = world.batchctl("-h").stdout
    for verb in ("migrate", "account NAME", "key add", "key list", "key revoke", "jobs", "job ID", "batches",
                 "batch ID", "events ID", "check", "-c FILE"):
        assert verb in text
    assert re.fullmatch(r"batchctl \S+\n", world.batchctl("-V").stdout)


@pytest.mark.parametrize("options, code", [
    (["-c", "/nonexistent/lotscribe.conf"], 78),
    (["--socket", "/nonexistent/mariadb.sock"], 69),
    (["--user", "nobody_at_all"], 78),
    (["--password-file", "/nonexistent/password"], 78),
], ids=["configuration", "database away", "account", "password"])
def test_what_is_missing_is_told_by_the_exit_code(world, options, code):
    done = world.batchctl(*options, "jobs", check=False)
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith("batchctl: ")


def test_a_database_that_does_not_exist(world, tmp_path):
    text = (world.work / "conf" / "admin.conf").read_text()
    other = tmp_path / "other.conf"
    other.touch(mode=0o600)
    other.write_text(text.replace(f'"{world.database}"', '"no_such_database"'))
    done = world.batchctl("-c", str(other), "migrate", check=False)
    assert done.returncode == 78
    assert "no_such_database" in done.stderr
