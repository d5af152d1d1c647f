# SPDX-License-Identifier: ISC
"""Commands on one batch: it is cancelled at the provider, what it did is kept, and what it lacks is sent again, at its end
or (retry) at once."""
import sys
from collections import Counter
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from commands import carried_out, idle_sales, lines_sent  # noqa: E402
from jobs import KEEP_FILES, first_describe, sales, wait_until  # noqa: E402
from kills import CANCEL, CREATE, LIST, UPLOAD, wait_log  # noqa: E402

LOTS = 4
FOR_EVER = ["in_progress", "cancelling"]


@pytest.fixture
def idle():
    """An installation without a batchd."""
    with idle_sales("command-batch") as made:
        yield made


@pytest.fixture
def site(idle):
    idle.batchd()
    return idle


def ask(site, what, batch=1):
    """The operator's command; returns what it says."""
    return site.stack.batchctl(what, f"batch:{batch}").stdout


def stuck(site, done=1, **more):
    """A job whose first batch stands still with so many lines done, as batchd has seen it."""
    site.rules(KEEP_FILES, first_describe("stuck", done=done, **more))
    job = site.take(LOTS, ())
    site.wait_remote("describe", "in_progress", done=done)
    wait_until(lambda: site.sql("SELECT 1 FROM batch WHERE remote_status = 'in_progress' AND remote_done = %s", done), 20,
               "batchd to see it")
    return job


def finish(site, *jobs, done=1):
    """Full, each item paid once, the first batch harvested with what it did."""
    for job in jobs:
        assert site.wait_full(job)["cost"]["wasted"] == "0.0000"
    rows = site.wait_closed()
    site.check()
    assert (rows[0]["reason"], rows[0]["n_answered"]) == ("harvested" if done else rows[0]["reason"], done)
    assert site.paid_twice() == 0 and site.lost() == []
    assert set(site.batches_by_key().values()) <= {1}
    return rows


def test_I3_a_batch_that_is_cancelled_is_harvested_and_only_the_rest_is_sent_again(site):
    job = stuck(site)
    assert ask(site, "cancel").startswith("Asked for.")
    rows = finish(site, job)
    assert (rows[0]["asked"], rows[0]["n_void"]) == ("cancel", LOTS - 1) and rows[0]["asked_at"] <= rows[0]["cancel_at"]
    assert lines_sent(site, "describe") == [LOTS, LOTS - 1] and len(site.calls(CANCEL)) == 1
    assert [(i["attempts"], i["burned"]) for i in site.items()] == [(1, 1)] + [(2, 1)] * (LOTS - 1)
    told = "asked by the operator of batch 1: it is cancelled, and what it has not answered then is sent again"
    assert [e["message"] for e in site.stack.batchctl_json("events", job) if e["kind"] == "batch_cancel"] == [told]
    assert [e["message"] for e in site.stack.get(f"/api/v1/jobs/{job}/events").json()["events"]
            if e["kind"] == "batch_cancel"] == [told]
    assert [(e["kind"], e["job_id"]) for e in site.stack.batchctl_json("events", "batch:1")
            if e["kind"].startswith("batch_")] == [("batch_cancel", job)]
    assert 'action=cancel why="an operator asked for it"' in site.stack.batchd.log_text()


def test_a_command_is_taken_once(site):
    job = stuck(site, status=FOR_EVER)
    assert ask(site, "cancel").startswith("Asked for.")
    for _ in range(2):
        assert ask(site, "cancel").startswith("That is under way already")
        carried_out(site)
    assert ask(site, "retry").startswith("Asked for.")      # it asks for more
    assert ask(site, "retry").startswith("That is under way already")
    carried_out(site)
    assert ask(site, "cancel").startswith("That is under way already")
    assert [r["kind"] for r in site.sql("SELECT kind FROM request ORDER BY id")] == ["cancel", "retry"]
    site.wait_full(job)
    site.force(site.remote()[0]["id"], "cancelled")
    site.wait_closed()
    site.check()
    for what in ("cancel", "retry"):
        assert ask(site, what).startswith("The batch has ended already")
    shown = site.stack.batchctl_json("cancel", "batch:1")
    assert (shown["phase"], shown["asked"]) == ("closed", "retry")
    assert len(site.sql("SELECT 1 FROM request")) == 2


def test_what_is_no_batch_is_told(site):
    for what in ("cancel", "retry"):
        refused = site.stack.batchctl(what, "batch:7", check=False)
        assert (refused.returncode, refused.stderr) == (66, "batchctl: there is no batch 7\n")
        assert site.stack.batchctl(what, "batch:x", check=False).returncode == 64
    assert site.stack.batchctl("finish", "batch:1", check=False).returncode == 64
    refused = site.stack.batchctl("retry", "batch:1", "--deadline", "PT1H", check=False)
    assert refused.returncode == 64 and "not of a batch" in refused.stderr
    assert not site.sql("SELECT 1 FROM request")


def test_I2_a_cancelled_batch_is_polled_past_the_promised_ten_minutes(site):
    """Its cancel takes an hour; the row is made twenty-five minutes older meanwhile."""
    site.rules(KEEP_FILES, first_describe("stuck", done=1), first_describe("cancel_slow", seconds=3600))
    job = site.take(LOTS, ())
    site.wait_remote("describe", "in_progress", done=1)
    site.wait_phase("running")
    ask(site, "cancel")
    wait_until(lambda: site.sql("SELECT 1 FROM batch WHERE remote_status = 'cancelling'"), 20, "batchd to see it")
    site.sql("UPDATE batch SET cancel_at = cancel_at - INTERVAL 25 MINUTE, progress_at = progress_at - INTERVAL 25 MINUTE,"
             " next_at = UTC_TIMESTAMP(6), version = version + 1")
    site.wait_call(LIST, "ended", count=3, after=site.last_call())
    assert {i["state"] for i in site.items()} == {"sent"}
    site.standin.call("POST", "/_standin/clock", {"advance": 3700})
    finish(site, job)
    assert lines_sent(site, "describe") == [LOTS, LOTS - 1]


def test_a_retry_leaves_the_batch_at_once_and_what_both_answer_is_booked_as_wasted(site):
    job = stuck(site, done=2, status=FOR_EVER)
    ask(site, "retry")
    status = site.wait_full(job)
    row = site.sql("SELECT * FROM batch WHERE id = 1")[0]
    assert (row["phase"], row["asked"]) == ("running", "retry") and row["left_at"]
    assert lines_sent(site, "describe") == [LOTS, LOTS] and status["cost"]["wasted"] == "0.0000"
    site.check()
    site.force(site.remote()[0]["id"], "cancelled")
    assert [(b["reason"], b["n_answered"]) for b in site.wait_closed()] == [("harvested", 2), ("harvested", LOTS)]
    site.check()
    assert site.paid_twice() == 2 and site.lost() == []
    cost = site.stack.status(job)["cost"]
    assert cost["amount"] == site.billed() and cost["wasted"] != "0.0000"
    assert 'action=leave why="an operator asked for it"' in site.stack.batchd.log_text()


def test_a_batch_that_finalizes_for_ever_can_be_cancelled(site):
    site.rules(KEEP_FILES, first_describe("stuck", status="finalizing"))
    job = site.take(LOTS, ())
    wait_until(lambda: site.sql("SELECT 1 FROM batch WHERE remote_status = 'finalizing'"), 20, "batchd to see it")
    ask(site, "cancel")
    finish(site, job, done=LOTS)
    assert lines_sent(site, "describe") == [LOTS]


def test_I3_a_batch_that_was_not_created_is_dropped_and_its_items_go_in_another(site):
    site.rules(KEEP_FILES, {"match": {"route": UPLOAD}, "do": "status", "code": 500})
    job = site.take(LOTS, ())
    wait_until(lambda: site.sql("SELECT 1 FROM batch WHERE phase = 'sealed' AND tries > 0"), 20, "an upload to fail")
    site.sql("UPDATE batch SET next_at = UTC_TIMESTAMP(6) + INTERVAL 1 HOUR")     # no back-off is waited for
    site.rules(KEEP_FILES)
    ask(site, "retry")
    rows = finish(site, job, done=0)
    assert [(b["reason"], b["n_void"]) for b in rows] == [("never_created", LOTS), ("harvested", 0)]
    assert lines_sent(site, "describe") == [LOTS] and not site.calls(CANCEL)


LOST = {
    "created": ({"do": "drop_after"}, 2, "harvested"),
    "not created": ({"do": "drop_before"}, 1, "never_created"),
}


@pytest.mark.parametrize("how", LOST)
def test_I3_a_batch_whose_create_is_in_doubt_is_found_first(site, how):
    """Nothing is sent again while it may be there."""
    rule, batches, reason = LOST[how]
    wait_log(site.stack.batchd, "reconciled")
    site.rules(first_describe("stuck", done=1), {"match": {"route": CREATE, "nth": 1}, **rule},
               {"match": {"route": LIST}, "do": "status", "code": 503})
    job = site.take(LOTS, ())
    site.wait_phase("unknown")
    ask(site, "retry")
    carried_out(site)
    site.wait_call(LIST, "ended", count=3, after=site.last_call())
    assert site.sql("SELECT phase, left_at FROM batch") == [{"phase": "unknown", "left_at": None}]
    assert site.stack.batchctl_json("explain", "batch:1")["warnings"] == "create_unknown"
    site.rules()        # the fence deletes the input file
    site.wait_full(job)
    rows = site.wait_closed()
    site.check()
    assert rows[0]["reason"] == reason and set(site.batches_by_key().values()) == {1}
    assert len(site.remote()) == batches and site.paid_twice() <= 1     # a retry may pay for what was done
    assert site.lost() == []


def test_a_batch_that_is_being_cancelled_by_another_client_is_left_at_once_by_a_retry(site):
    job = stuck(site, done=1, status=FOR_EVER)
    site.standin.call("POST", f"/v1/batches/{site.remote()[0]['id']}/cancel")
    wait_until(lambda: site.sql("SELECT 1 FROM batch WHERE remote_status = 'cancelling'"), 20, "batchd to see it")
    assert ask(site, "cancel").startswith("That is under way already")
    assert ask(site, "retry").startswith("Asked for.")
    site.wait_full(job)
    assert len(site.calls(CANCEL)) == 1     # by the other client
    site.force(site.remote()[0]["id"], "cancelled")
    site.wait_closed()
    site.check()


def test_a_batch_that_two_jobs_share_is_cancelled_for_both(idle):
    site = idle
    site.rules(KEEP_FILES, first_describe("stuck", done=3))
    jobs = [site.take(LOTS, ()), site.take(LOTS, ())]
    site.batchd()
    site.wait_remote("describe", "in_progress", done=3)
    site.wait_phase("running")
    ask(site, "cancel")
    rows = finish(site, *jobs, done=3)
    assert len(rows) == 2 and lines_sent(site, "describe") == [2 * LOTS, 2 * LOTS - 3]
    for job in jobs:
        assert [e["kind"] for e in site.stack.batchctl_json("events", job)].count("batch_cancel") == 1


def test_what_a_cancelled_batch_lacks_goes_by_calls_where_there_are_any():
    with sales("command-batch-calls", {"fallback": {"tiers": ["flex"]}}) as site:
        site.batchd()
        job = stuck(site)
        ask(site, "cancel")
        finish(site, job)
        assert lines_sent(site, "describe") == [LOTS]
        assert Counter(line["where"] == "sync" for line in site.executed()) == {False: 1, True: LOTS - 1}


# ---- kill -9 between.

def test_what_is_asked_while_no_batchd_is_there_is_carried_out_by_the_next(site):
    job = stuck(site)
    site.bury(site.stack.batchd)
    ask(site, "cancel")
    told = site.stack.batchctl_json("explain", "batch:1")
    assert [r["kind"] for r in told["requests"]] == ["cancel"]
    assert not site.calls(CANCEL)
    site.check()
    site.stack.batchd.start()
    assert [r["kind"] for r in carried_out(site)] == ["cancel"]
    finish(site, job)
    assert site.stack.batchctl_json("explain", "batch:1")["requests"] == []


@pytest.mark.parametrize("fault", ["hang", "hang_after"])
def test_I3_batchd_dies_at_its_cancel(site, fault):
    job = stuck(site)
    site.rules(KEEP_FILES, {"match": {"route": CANCEL, "nth": 1}, "do": fault})
    ask(site, "cancel")
    site.wait_bitten(fault, fault == "hang_after")
    site.bury(site.stack.batchd)
    assert site.stack.batchctl_json("explain", "batch:1")["action"] in ("cancel and retry", "wait")
    site.stack.batchd.start()
    finish(site, job)
    assert lines_sent(site, "describe") == [LOTS, LOTS - 1]


def test_I3_batchd_dies_when_it_has_left_the_batch(site):
    job = stuck(site, status=FOR_EVER)
    site.rules(KEEP_FILES, {"match": {"route": UPLOAD}, "do": "status", "code": 503})
    ask(site, "retry")
    wait_until(lambda: site.sql("SELECT 1 FROM batch WHERE left_at IS NOT NULL"), 20, "its items to leave")
    site.bury(site.stack.batchd)
    site.check()
    site.rules(KEEP_FILES)
    site.stack.batchd.start()
    site.wait_full(job)
    site.force(site.remote()[0]["id"], "cancelled")
    site.wait_closed()
    site.check()
    assert lines_sent(site, "describe") == [LOTS, LOTS] and site.paid_twice() == 1 and site.lost() == []
