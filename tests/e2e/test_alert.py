# SPDX-License-Identifier: ISC
"""Alerts: what raises them and clears them, in the database, in the journal and by batchctl."""
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

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
    assert alert["severity"] == "warning" and f"of {LOTS} requests done, {status}" in alert["message"]
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


def test_what_is_over_before_it_was_told_is_not_told(site):
    batchd = site.batchd()
    site.sql("INSERT INTO alert (kind, subject, severity, message, first_at, last_at, cleared_at, is_open)"
             " VALUES ('quota', '', 'critical', 'x', UTC_TIMESTAMP(6), UTC_TIMESTAMP(6), UTC_TIMESTAMP(6), NULL)")
    site.bury(batchd)
    batchd.start()
    wait_until(lambda: site.sql("SELECT settled FROM alert") == [{"settled": 1}], 20, "it to be settled")
    assert told(batchd, "over", "quota", "-") == 0


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
