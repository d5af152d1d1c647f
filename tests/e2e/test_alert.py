# SPDX-License-Identifier: ISC
"""Alerts: what raises them and clears them, in the database, in the journal and by batchctl."""
import sys
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[1])]

from harness.servers import MariaDB  # noqa: E402
from jobs import KEEP_FILES, first_describe, sales, wait_until  # noqa: E402

FAR = "10m"
LOTS = 3


def policy(**clocks):
    return {"policy": {"small": {"max_requests": 100, "alert_after": FAR, "stall_after": FAR, "cancel_after": FAR,
                                 "cancel_grace": FAR, "validating_after": FAR, "finalizing_after": FAR, **clocks}}}


@pytest.fixture
def site():
    with sales("alert") as made:
        yield made


def alerts(site, *options):
    """As an operator sees them: (kind, subject), and the row."""
    return {(a["kind"], a["subject"]): a for a in site.stack.batchctl_json("alerts", *options)}


def wait_open(site, kind, subject):
    return wait_until(lambda: alerts(site).get((kind, subject)), 20, f"the alert {kind} of {subject}")


def wait_over(site, kind, subject):
    wait_until(lambda: (kind, subject) not in alerts(site), 20, f"the alert {kind} of {subject} to be over")
    return alerts(site, "--all")[kind, subject]


def told(batchd, what, kind, subject):
    """How often the journal was told so."""
    return batchd.log_text().count(f"alert {what} kind={kind} subject={subject}")


def finish(site, job):
    for batch in site.remote():
        site.force(batch["id"], "resume")
    site.wait_full(job)
    site.wait_closed()
    site.check()


# ---- Batches.

@pytest.mark.parametrize("clock, kind, status", [
    ("alert_after", "batch_old", "in_progress"), ("stall_after", "batch_stalled", "in_progress"),
    ("finalizing_after", "batch_finalizing", "finalizing")])
def test_a_warning_of_a_batch_is_an_alert_until_it_moves(site, clock, kind, status):
    site.rules(KEEP_FILES, first_describe("stuck", status=status))
    batchd = site.batchd(policy(**{clock: "300ms"}))
    job = site.take(LOTS, ())
    alert = wait_open(site, kind, "batch:1")
    assert alert["severity"] == "warning" and f"of {LOTS} requests done, " in alert["message"]
    # Its age counts before the provider was seen to begin with it, too.
    assert kind == "batch_old" or status in alert["message"]
    assert (alert["times"], alert["cleared_at"]) == (1, None)
    finish(site, job)
    over = wait_over(site, kind, "batch:1")
    assert over["cleared_at"] and (over["told"], over["repeated"]) == ("journal", 0)
    assert (told(batchd, "raised", kind, "batch:1"), told(batchd, "over", kind, "batch:1")) == (1, 1)
    wait_until(lambda: site.sql("SELECT settled FROM alert") == [{"settled": 1}], 20, "it to be settled")


def test_an_alert_is_told_once_whoever_dies_and_again_after_its_time(site):
    site.rules(KEEP_FILES, first_describe("stuck"))
    batchd = site.batchd(policy(stall_after="300ms"))
    job = site.take(LOTS, ())
    wait_open(site, "batch_stalled", "batch:1")
    wait_until(lambda: site.sql("SELECT 1 FROM alert_told"), 20, "it to be told")
    for life in range(2, 4):
        site.bury(batchd)
        batchd.start()
        wait_until(lambda: alerts(site)["batch_stalled", "batch:1"]["times"] == life, 20, "it to be found so again")
    assert (told(batchd, "raised", "batch_stalled", "batch:1"), told(batchd, "goes on", "batch_stalled", "batch:1")) == (1, 0)
    assert len(site.sql("SELECT id FROM alert")) == 1
    site.sql("UPDATE alert_told SET told_at = told_at - INTERVAL 6 HOUR")
    site.bury(batchd)
    batchd.start()
    wait_until(lambda: told(batchd, "goes on", "batch_stalled", "batch:1"), 20, "it to be told again")
    wait_until(lambda: alerts(site)["batch_stalled", "batch:1"]["repeated"] == 1, 20, "that to be a row")
    # What is over when nobody looks is told by the next one.
    site.bury(batchd)
    for batch in site.remote():
        site.force(batch["id"], "resume")
    site.standin.call("GET", "/_standin/wait?timeout=25&status=completed&task=describe")
    batchd.start()
    site.wait_full(job)
    wait_over(site, "batch_stalled", "batch:1")
    wait_until(lambda: told(batchd, "over", "batch_stalled", "batch:1"), 20, "its end to be told")


def test_a_standby_that_takes_over_tells_nothing_twice(site):
    site.rules(KEEP_FILES, first_describe("stuck"))
    first, second = (site.batchd(policy(stall_after="300ms")) for _ in range(2))
    job = site.take(LOTS, ())
    wait_open(site, "batch_stalled", "batch:1")
    wait_until(lambda: site.sql("SELECT 1 FROM alert_told"), 20, "it to be told")
    active = wait_until(site.active, 20, "one to be active")
    site.bury(active)
    other = second if active is first else first
    wait_until(lambda: site.active() is other, 20, "the other to be active")
    wait_until(lambda: alerts(site)["batch_stalled", "batch:1"]["times"] == 2, 20, "it to be found so again")
    finish(site, job)
    wait_over(site, "batch_stalled", "batch:1")
    wait_until(lambda: told(other, "over", "batch_stalled", "batch:1"), 20, "its end to be told")
    assert told(first, "raised", "batch_stalled", "batch:1") + told(second, "raised", "batch_stalled", "batch:1") == 1


def test_what_is_found_while_the_database_is_away_is_made_good(tmp_path):
    with MariaDB(tmp_path / "mariadb") as server, sales("alert-database", {"daemon": {"lease": "2s"}}, server) as site:
        site.rules(KEEP_FILES, first_describe("stuck"))
        batchd = site.batchd(policy(stall_after="3s"))
        job = site.take(LOTS, ())
        site.wait_remote("describe", "in_progress")
        site.wait_phase("running")
        server.kill()
        wait_until(lambda: "database away" in batchd.log_text(), 20, "batchd to notice", alive=[batchd])
        server.start()
        wait_open(site, "batch_stalled", "batch:1")
        finish(site, job)
        wait_over(site, "batch_stalled", "batch:1")


def test_what_is_over_before_it_was_told_is_not_told(site):
    batchd = site.batchd()
    site.sql("INSERT INTO alert (kind, subject, severity, message, first_at, last_at, cleared_at, is_open)"
             " VALUES ('quota', '', 'critical', 'x', UTC_TIMESTAMP(6), UTC_TIMESTAMP(6), UTC_TIMESTAMP(6), NULL)")
    site.bury(batchd)
    batchd.start()
    wait_until(lambda: site.sql("SELECT settled FROM alert") == [{"settled": 1}], 20, "it to be settled")
    assert told(batchd, "over", "quota", "-") == 0


def test_a_lost_batch_is_an_event_of_its_transaction(site):
    """It is told once, and closed after a day without a word."""
    site.rules(KEEP_FILES, first_describe("stuck"))
    batchd = site.batchd()
    job = site.take(LOTS, ())
    row = site.wait_phase("running")
    # As it is two days after an expiry of which no end was seen.
    site.standin.call("POST", f"/_standin/batches/{row['remote_id']}", {"status": "vanish"})
    site.sql("UPDATE batch SET missing_since = UTC_TIMESTAMP(6) - INTERVAL 3 DAY, next_at = UTC_TIMESTAMP(6),"
             " expires_at = UTC_TIMESTAMP(6) - INTERVAL 3 DAY, version = version + 1")
    alert = wait_open(site, "batch_lost", "batch:1")
    assert alert["severity"] == "critical" and f"{LOTS} of its {LOTS} requests have no answer" in alert["message"]
    site.wait_full(job)
    wait_until(lambda: told(batchd, "raised", "batch_lost", "batch:1"), 20, "it to be told")
    site.sql("UPDATE alert SET first_at = first_at - INTERVAL 25 HOUR WHERE kind = 'batch_lost'")
    site.bury(batchd)
    batchd.start()
    wait_over(site, "batch_lost", "batch:1")
    wait_until(lambda: not site.sql("SELECT 1 FROM alert WHERE settled = 0"), 20, "all to be settled")
    assert told(batchd, "over", "batch_lost", "batch:1") == 0


def test_warnings_of_a_batch_that_was_closed_are_over_for_the_next_batchd(site):
    batchd = site.batchd()
    site.wait_full(site.take(LOTS, ()))
    site.wait_closed()
    site.bury(batchd)
    site.sql("INSERT INTO alert (kind, subject, severity, message, first_at, last_at)"
             " VALUES ('batch_old', 'batch:1', 'warning', 'x', UTC_TIMESTAMP(6), UTC_TIMESTAMP(6))")
    batchd.start()
    wait_over(site, "batch_old", "batch:1")


# ---- Jobs.

def test_a_job_that_ends_with_a_part_is_told_and_again_when_it_is_whole(site):
    site.rules(KEEP_FILES, first_describe("http_error_lines", n=1, code=400))
    batchd = site.batchd()
    job = site.take(LOTS, ())
    site.stack.wait_ended(job)
    alert = wait_open(site, "job_partial", f"job:{job}")
    assert alert["message"] == f"{LOTS - 1} of {LOTS} items done"
    wait_until(lambda: told(batchd, "raised", "job_partial", f"job:{job}"), 20, "it to be told")
    # Neither a restart nor another look tells it twice, also once it is closed.
    site.sql("UPDATE alert SET cleared_at = UTC_TIMESTAMP(6), is_open = NULL, settled = 1")
    site.bury(batchd)
    site.sql("UPDATE job SET updated_at = UTC_TIMESTAMP(6)")
    batchd.start()
    other = site.take(1, ())
    site.wait_full(other)
    assert len(site.sql("SELECT id FROM alert")) == 1
    site.sql("UPDATE alert SET cleared_at = NULL, is_open = 1, settled = 0")
    site.bury(batchd)
    batchd.start()
    site.stack.batchctl("retry", job)
    site.wait_full(job)
    wait_over(site, "job_partial", f"job:{job}")
    wait_until(lambda: told(batchd, "over", "job_partial", f"job:{job}"), 20, "its end to be told")
    assert told(batchd, "raised", "job_partial", f"job:{job}") == 1


def test_a_job_without_a_description_is_told_whoever_ends_it(site):
    """A front end closes it while no batchd runs."""
    site.rules({"match": {"task": "describe"}, "do": "stuck"})
    batchd = site.batchd()
    job = site.take(LOTS, (), deadline="PT2S")
    site.wait_phase("running")
    site.bury(batchd)
    site.sql("UPDATE job SET deadline_at = UTC_TIMESTAMP(6) - INTERVAL 1 MINUTE")
    site.stack.wait_ended(job)
    batchd.start()
    assert wait_open(site, "job_failed", f"job:{job}")["severity"] == "critical"


def test_a_job_that_a_command_ended_is_no_news(site):
    site.rules(KEEP_FILES, first_describe("stuck"), {"match": {"task": "describe", "nth": 2}, "do": "stuck"})
    site.batchd()
    for verb in ("finish", "cancel"):
        job = site.take(LOTS, ())
        site.wait_phase("running")
        site.stack.batchctl(verb, job)
    site.rules(KEEP_FILES, {"do": "http_error_lines", "n": 1, "code": 400})
    other = site.take(LOTS, ())
    site.stack.wait_ended(other)
    wait_open(site, "job_partial", f"job:{other}")
    assert [key for key in alerts(site, "--all") if key[0].startswith("job_")] == [("job_partial", f"job:{other}")]


def test_a_deadline_is_at_risk_when_half_of_the_time_for_what_is_open_is_gone(site):
    site.rules(KEEP_FILES, first_describe("stuck"))
    site.batchd({"fallback": {"estimate": "20m", "concurrency": 1, "reserve": "1s"}})
    job = site.take(LOTS, (), deadline="PT31M")     # 3 x 20 minutes are needed: half of that is 30
    site.wait_phase("running")
    site.sql("UPDATE job SET deadline_at = deadline_at - INTERVAL 2 MINUTE")
    alert = wait_open(site, "deadline_at_risk", f"job:{job}")
    assert f"{LOTS} of {LOTS} items are open" in alert["message"]
    finish(site, job)
    wait_over(site, "deadline_at_risk", f"job:{job}")


# ---- The rest.

def test_a_batch_that_the_database_does_not_know(site):
    site.batchd()
    site.sql("INSERT INTO orphan (remote_id, batch_key, recipe_hash, remote_status, seen_at)"
             " VALUES ('batch_x', REPEAT('k', 32), REPEAT('b', 64), 'in_progress', UTC_TIMESTAMP(6))")
    assert wait_open(site, "unknown_batch", "remote:batch_x")["message"] == "in_progress at the provider"
    site.sql("UPDATE orphan SET adopted_at = UTC_TIMESTAMP(6)")
    wait_over(site, "unknown_batch", "remote:batch_x")


def test_a_clock_that_is_not_trusted(site):
    site.batchd()
    site.sql("UPDATE daemon_lease SET no_close_before = UTC_TIMESTAMP(6) + INTERVAL 90 SECOND")
    assert "nothing ends by it until 20" in wait_open(site, "clock_jump", "")["message"]
    site.sql("UPDATE daemon_lease SET no_close_before = NULL")
    site.bury(site.stack.batchd)
    site.stack.batchd.start()
    wait_over(site, "clock_jump", "")


def test_a_state_directory_of_another_installation(site):
    site.batchd()
    site.wait_full(site.take(1, ()))
    site.stack.batchd.stop()
    site.sql("UPDATE installation SET mark = REPEAT('f', 32)")
    site.stack.batchd.start()
    wait_open(site, "foreign_state", "")
    site.stack.batchctl("installation", "keep")
    wait_over(site, "foreign_state", "")


def test_work_that_killed_three_times(site):
    site.sql("UPDATE daemon_lease SET owner = 'another', unit = 7, unit_deaths = 2")
    site.batchd()
    assert "died 3 times" in wait_open(site, "work_skipped", "batch:7")["message"]
    site.bury(site.stack.batchd)
    site.sql("UPDATE daemon_lease SET unit = NULL, unit_deaths = 0")
    site.stack.batchd.start()
    wait_over(site, "work_skipped", "batch:7")


def test_I1_what_outlives_its_clock_is_counted(site):
    """A job whose row somebody else holds cannot be closed."""
    site.rules(first_describe("stuck"))
    site.batchd({"daemon": {"lease": "4s"}})
    job = site.take(LOTS, (), deadline="PT3S")
    site.wait_phase("running")
    holder = site.stack.mariadb.connect(site.stack.database)
    try:
        with holder.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("SELECT id FROM job FOR UPDATE")
            assert wait_open(site, "invariant_broken", "overdue_jobs")["message"] == "1 jobs run past their deadline"
            cursor.execute("ROLLBACK")
    finally:
        holder.close()
    wait_over(site, "invariant_broken", "overdue_jobs")
    assert site.stack.status(job)["status"] == "failed"


# ---- batchctl, words.

def test_alerts_of_the_operator_are_listed(site):
    assert site.stack.batchctl("alerts").stdout == "No open alerts.\n"
    assert site.stack.batchctl("alerts", "--all").stdout == "No alerts.\n"
    for n in range(3):
        site.sql("INSERT INTO alert (kind, subject, severity, message, first_at, last_at, cleared_at, is_open) VALUES"
                 " ('batch_old', %s, 'warning', 'so old', UTC_TIMESTAMP(6), UTC_TIMESTAMP(6), %s, %s)",
                 f"batch:{n}", "2026-01-01 00:00:00" if n == 2 else None, None if n == 2 else 1)
    assert list(alerts(site)) == [("batch_old", "batch:0"), ("batch_old", "batch:1")]
    assert list(alerts(site, "--all", "--limit", "2")) == [("batch_old", "batch:2"), ("batch_old", "batch:1")]
    text = site.stack.batchctl("alerts").stdout
    assert "so old" in text and "batch:2" not in text
    done = site.stack.batchctl("jobs", "--all", check=False)
    assert done.returncode == 64


def test_every_kind_is_in_the_readme():
    top = Path(__file__).resolve().parents[2]
    source = (top / "core" / "alert.c").read_text()
    kinds = [line.split('"')[1] for line in source.splitlines() if line.startswith("\t[ALERT_") and "{\"" in line]
    assert len(kinds) > 15
    text = (top / "README.md").read_text()
    assert [kind for kind in kinds if f"`{kind}`" not in text] == []
