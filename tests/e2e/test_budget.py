# SPDX-License-Identifier: ISC
"""Budgets of jobs and of accounts' days: reserved before sending, never exceeded; what does not fit fails or waits.

A request of these jobs reserves about a cent (its cap of 2,000 output tokens at half of 10 USD a million) and costs about
a twentieth of that.
"""
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from commands import call, codes  # noqa: E402
from jobs import CHAT, CONTENT, CREATE, KEEP_FILES, sales, wait_until  # noqa: E402

CENT = 10000    # micro-dollars
CALLS = {"fallback": {"tiers": ["flex"], "concurrency": 3, "estimate": "30s", "flex_timeout": "10s", "reserve": "100ms"}}


def sales_of(name, job="50", day="200", more=None):
    return sales(name, {"budget": {"job": job, "day": day}, **(more or {})})


def guard(site, job_budget, day_budget=200 * 1000000):
    """From now on every moment in which a job's or a day's money exceeds these is recorded, to the statement."""
    site.sql("CREATE TABLE exceeded (what VARCHAR(9), total BIGINT)")
    for what, table, budget in (("job", "job", job_budget), ("day", "spending", day_budget)):
        site.sql(f"CREATE TRIGGER guard_{what} AFTER UPDATE ON {table} FOR EACH ROW INSERT INTO exceeded SELECT '{what}',"
                 f" NEW.cost + NEW.reserved + NEW.presumed FROM DUAL WHERE NEW.cost + NEW.reserved + NEW.presumed > {budget}")


def is_kept(site, job_budget):
    """I3: no budget was exceeded, neither by our books nor by the provider's."""
    billed = sum(line["prompt_tokens"] * 1.25 + line["completion_tokens"] * 10 for line in site.executed()
                 if line["billed"]) / 2
    return not site.sql("SELECT * FROM exceeded") and billed <= job_budget


def money(site):
    return site.sql("SELECT cost, reserved, presumed FROM job ORDER BY id DESC LIMIT 1")[0]


def warnings(site, job):
    return [w["code"] for w in site.stack.status(job)["warnings"]]


def lots_of(site, job):
    """Of each lot, whether it is described, and in how many languages."""
    lots = site.stack.result(job)["lots"]
    return [(lot["descriptions"]["en"] is not None, sum(v is not None for v in lot["descriptions"].values()) - 1)
            for lot in lots]


def test_I3_a_job_that_reserves_more_than_its_budget_goes_in_turns_and_ends_full():
    with sales_of("budget-turns", "0.06") as site:
        guard(site, 6 * CENT)
        site.batchd()
        job = site.take(8)
        site.wait_full(job)
        assert is_kept(site, 6 * CENT)
        assert len(site.remote()) > 2       # 16 cents would not have fitted at once
        row = money(site)
        assert row["reserved"] == row["presumed"] == 0 and 0 < row["cost"] < 6 * CENT
        assert warnings(site, job) == []
        site.check()


def test_I3_a_job_over_its_budget_ends_partial_with_whole_lots():
    with sales_of("budget-over", "0.03") as site:
        guard(site, 3 * CENT)
        site.batchd()
        job = site.take(30)
        status = site.stack.wait_ended(job, 90)
        assert (status["status"], status["outcome"]) == ("completed", "partial")
        assert status["completed_at"] < status["deadline_at"]
        assert is_kept(site, 3 * CENT)
        assert codes(site, job) in ({"en": {"budget"}, "fr": {"description_failed"}},
                                    {"en": {"budget"}, "fr": {"budget", "description_failed"}})
        assert warnings(site, job) == ["budget_job"]
        whole = lots_of(site, job).count((True, 1))
        begun = lots_of(site, job).count((True, 0))
        assert whole >= 3 and begun <= 2, lots_of(site, job)
        assert "budget" in {e["kind"] for e in site.stack.get(f"/api/v1/jobs/{job}/events").json()["events"]}
        assert money(site)["reserved"] == 0
        site.check()


def test_a_job_whose_budget_takes_no_item_fails_at_once():
    with sales_of("budget-none", "0.001") as site:
        site.batchd()
        job = site.take(3)
        status = site.stack.wait_ended(job, 20)
        assert (status["status"], warnings(site, job)) == ("failed", ["budget_job"])
        assert codes(site, job) == {"en": {"budget"}, "fr": {"description_failed"}}
        assert not site.remote() and not site.sql("SELECT 1 FROM attempt") and not site.sql("SELECT 1 FROM batch")
        site.check()


def test_an_item_that_goes_by_calls_and_is_too_dear_for_any_fails_at_once():
    """Half the price in a batch is of no use to it: no batch takes it any more."""
    calls = {"batch": {"linger": "30m"}, "fallback": {"tiers": ["default"], "concurrency": 2}}
    with sales_of("budget-call", more=calls) as site:
        site.rules(KEEP_FILES, {"match": {"route": CHAT, "nth": 1}, "do": "hang"})
        batchd = site.batchd()
        site.take(1, (), deadline="PT10M")
        wait_until(lambda: money(site)["reserved"], 20, "the call", alive=[batchd])
        dear = money(site)["reserved"]
        site.stack.batchctl("account", "demo", "--job", f"{dear * 0.75 / 1000000:.6f}")
        job = site.take(1, (), deadline="PT10M")
        status = site.stack.wait_ended(job, 20)
        assert (status["status"], warnings(site, job)) == ("failed", ["budget_job"])
        site.check()
        batchd.kill()


def test_a_retry_with_a_larger_budget_sends_what_was_over():
    with sales_of("budget-retry", "0.001") as site:
        site.batchd()
        job = site.take(2)
        site.stack.wait_ended(job, 20)
        call(site, job, "retry")
        wait_until(lambda: site.stack.status(job)["completed_at"], 20, "it to end again: nothing has changed")
        assert codes(site, job) == {"en": {"budget"}, "fr": {"description_failed"}}
        site.stack.batchctl("account", "demo", "--job", "1")
        call(site, job, "retry")
        site.wait_full(job)
        assert warnings(site, job) == []
        site.check()


def by_calls(site, lots, seconds):
    """Translations by calls alone: their batch stands still."""
    site.rules(KEEP_FILES, {"match": {"task": "translate"}, "do": "stuck", "status": "validating"},
               {"match": {"route": CHAT}, "do": "slow", "seconds": 0.2})
    site.batchd()
    return site.take(lots, ("fr",), deadline=f"PT{seconds}S")


def test_I3_calls_keep_within_the_budget():
    with sales_of("budget-calls", "0.06", more=CALLS) as site:
        guard(site, 6 * CENT)
        job = by_calls(site, 6, 12)
        status = site.stack.wait_ended(job, 40)
        assert status["outcome"] in ("full", "partial")
        wait_until(lambda: money(site)["reserved"] == 0, 30, "all attempts to be closed")
        assert is_kept(site, 6 * CENT)
        assert [line for line in site.executed() if line["where"] == "sync"]
        site.check()


def test_I3_a_death_at_any_moment_spends_nothing_beyond_the_budget():
    """What a lost call may have cost stays booked: it is not there to be spent again."""
    with sales_of("budget-kills", "0.08", more=CALLS) as site:
        guard(site, 8 * CENT)
        job = by_calls(site, 8, 14)
        for _ in range(3):
            site.wait_call(CHAT, "received", after=site.last_call())
            site.bury(site.active())
            site.batchd()
        site.stack.wait_ended(job, 40)
        wait_until(lambda: money(site)["reserved"] == 0, 30, "all attempts to be closed")
        assert is_kept(site, 8 * CENT)
        lost = site.sql("SELECT SUM(held) AS n FROM attempt WHERE code = 'call_lost'")[0]["n"]
        assert lost > 0 and money(site)["presumed"] == lost
        site.check()


MOMENTS = {f"{moment} {route}": {"match": {"route": route, "nth": 1}, "do": do}
           for route in (CREATE, CONTENT) for moment, do in (("before", "hang"), ("after", "hang_after"))}


@pytest.mark.parametrize("moment", MOMENTS)
def test_I3_a_death_around_a_batch_leaves_its_reservation(moment):
    with sales_of("budget-kill-batch", "0.06") as site:
        guard(site, 6 * CENT)
        rule = MOMENTS[moment]
        site.rules(rule)
        batchd = site.batchd()
        job = site.take(8)
        site.wait_bitten(rule["do"], rule["do"] == "hang_after", alive=[batchd])
        site.bury(batchd)
        assert money(site)["reserved"] == site.sql("SELECT SUM(held) AS n FROM attempt WHERE outcome IS NULL")[0]["n"] > 0
        site.check()
        batchd.start()
        site.wait_full(job)
        assert is_kept(site, 6 * CENT) and money(site)["reserved"] == money(site)["presumed"] == 0
        site.check()


def test_I3_what_a_batch_did_not_answer_may_have_been_paid_for():
    """A line that is in no file keeps what was held for it, until a late one says what it cost."""
    with sales_of("budget-missing") as site:
        site.rules(KEEP_FILES, {"match": {"task": "describe", "nth": 1}, "do": "missing_lines", "n": 1})
        site.batchd()
        job = site.take(2, ())
        site.wait_full(job)
        held = site.sql("SELECT held FROM attempt WHERE code = 'no_line'")
        assert len(held) == 1 and money(site)["presumed"] == held[0]["held"] > 0
        shown = site.stack.batchctl_json("account", "demo")
        assert float(shown["spent_today"]) == pytest.approx((money(site)["cost"] + held[0]["held"]) / 1e6)
        site.check()


# ---- A spent day.

def day(site):
    return site.sql("SELECT s.* FROM spending s JOIN account a ON a.id = s.account_id WHERE a.name = 'demo'")


def is_waiting(site, job):
    return "budget_day" in warnings(site, job)


@pytest.fixture
def spent():
    """The day of account demo takes one item of less than a cent; a job of two lots waits."""
    with sales_of("budget-day", day="0.001") as site:
        batchd = site.batchd()
        job = site.take(2)
        wait_until(lambda: is_waiting(site, job), 20, "the job to say that the day is spent", alive=[batchd])
        yield site, batchd, job


def test_on_a_spent_day_an_account_waits_and_others_go_on(spent):
    site, batchd, job = spent
    second = site.take(2, name="second")
    wait_until(lambda: is_waiting(site, second), 20, "the second job to wait too", alive=[batchd])
    site.stack.batchctl("account", "rich", "--day", "5")
    other = site.stack.order({"lots": [{"id": "1", "title": "Vase"}]}, key=site.stack.new_key("rich"))["job_id"]
    site.wait_full(other)
    status = site.stack.status(job)
    assert status["status"] == "queued"
    wait_until(lambda: site.stack.status(job)["waiting_for"]["what"] == "budget", 20, "the job to say what it waits for")
    status = site.stack.status(job)
    assert status["waiting_for"]["next_action"] in ("send on the next day (UTC)", "end with what is there")
    assert site.sql("SELECT COUNT(*) AS n FROM item WHERE state = 'ready' AND attempts = 0 AND burned = 0")[0]["n"] == 4
    alert, = wait_until(lambda: site.stack.batchctl_json("alerts"), 20, "the alert")
    assert (alert["kind"], alert["subject"], alert["times"]) == ("budget_day", "account:demo", 1)
    assert len(site.sql("SELECT * FROM batch")) == 1        # the other's
    version = site.sql("SELECT version FROM job WHERE public_id = %s", job)
    site.take(1, ("fr",), name="third")
    wait_until(lambda: len(site.sql("SELECT 1 FROM job WHERE day_over_at IS NOT NULL")) == 3, 20, "the third to wait")
    assert site.sql("SELECT version FROM job WHERE public_id = %s", job) == version     # looked at once
    site.check()


def test_a_raised_day_lets_them_go(spent):
    site, _, job = spent
    site.stack.batchctl("account", "demo", "--day", "1")
    site.wait_full(job)
    assert warnings(site, job) == []
    wait_until(lambda: site.stack.batchctl_json("alerts") == [], 20, "the alert to be cleared")
    site.check()


def test_a_reloaded_configuration_raises_the_day(spent):
    site, batchd, job = spent
    text = batchd.config.read_text()
    batchd.config.write_text(text.replace('day = "0.001"', 'day = "1"'))
    batchd.reload()
    site.wait_full(job)


def test_the_next_day_begins_anew(spent):
    """The day before, by the rows: midnight has passed."""
    site, _, job = spent
    site.stack.batchctl("account", "demo", "--day", "0.2")
    site.wait_full(job)
    site.sql("UPDATE account SET budget_day = 30000")
    site.sql("UPDATE spending SET cost = cost + 30000")      # it is spent now
    late = site.take(2, (), name="late")
    wait_until(lambda: is_waiting(site, late), 20, "the day to be spent")
    site.sql("UPDATE spending SET cost = cost - 30000, day = day - INTERVAL 1 DAY")
    site.sql("UPDATE attempt SET sent_on = sent_on - INTERVAL 1 DAY")
    site.wait_full(late)
    assert len(day(site)) == 2
    site.check()


def test_the_alert_ends_with_the_day(spent):
    """Also where nothing is sent on the next one."""
    site, _, job = spent
    wait_until(lambda: site.stack.batchctl_json("alerts"), 20, "the alert")
    call(site, job, "cancel")
    site.sql("UPDATE spending SET day = day - INTERVAL 1 DAY")
    wait_until(lambda: site.stack.batchctl_json("alerts") == [], 20, "the alert to be cleared")


def test_I1_a_job_that_waits_for_another_day_ends_at_its_deadline():
    with sales_of("budget-deadline", day="0.001") as site:
        site.batchd()
        job = site.take(2, deadline="PT3S")
        status = site.stack.wait_ended(job, 20)
        assert status["status"] == "failed" and codes(site, job) == {"en": {"deadline"}, "fr": {"deadline"}}
        assert status["warnings"] == []
        site.check()
