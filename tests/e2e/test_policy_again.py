# SPDX-License-Identifier: ISC
"""Items that left a batch before its end, or that it did not answer, go on at once: in a batch again, or by calls
(DESIGN, The policy). Each for itself: what is in a healthy batch stays there."""
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from commands import call  # noqa: E402
from jobs import CHAT, KEEP_FILES, NO_ROOM, first_describe, sales, wait_until  # noqa: E402
from kills import CANCEL, CREATE  # noqa: E402

LOTS = 4
FAR = "10m"
STUCK = {"match": {"task": "describe"}, "do": "stuck"}


def settings(**clocks):
    return {"policy": {"small": {"max_requests": 100, "alert_after": FAR, "stall_after": FAR, "cancel_after": FAR,
                                 "cancel_grace": FAR, "validating_after": FAR, "finalizing_after": FAR,
                                 "batch_retries": 0, **clocks}}}


@pytest.fixture
def site():
    with sales("policy-again", {"fallback": {"tiers": ["flex", "default"], "flex_timeout": "5m"}}) as made:
        yield made


@pytest.fixture
def begin(site):
    """Start batchd with these clocks and order a job, due in two hours, under these rules."""
    def begun(clocks, *rules, lots=LOTS, languages=(), batch=None, deadline="PT2H"):
        site.rules(KEEP_FILES, *rules)
        site.batchd({**settings(**clocks), **({"batch": batch} if batch else {})})
        return site.take(lots, languages, deadline=deadline)
    return begun


def ways(site):
    """How each item of the newest job was sent, in order."""
    return [[a["way"] for a in site.attempts(i["id"])] for i in site.items()]


def finish(site, job, want):
    site.wait_full(job)
    assert ways(site) == want
    assert site.paid_twice() == 0
    site.check()


STALLED = {"cancel_after": "400ms"}, STUCK
EARLY = {
    "stalled": STALLED,
    "validating": ({"validating_after": "400ms"}, {**STUCK, "status": "validating"}),
    "expired": ({}, {"match": {"task": "describe"}, "do": "expire", "done": 0}),
    "failed": ({}, {"match": {"task": "describe"}, "do": "fail", "code": "invalid_json_line"}),
    "refused": ({}, {"match": {"route": CREATE}, "do": "status", "code": 400}),
    "not run": ({}, {"match": {"task": "describe"}, "do": "void_lines", "all": True}),
}


@pytest.mark.parametrize("how", EARLY)
def test_I1_what_a_batch_did_not_answer_goes_by_calls_at_once(site, begin, how):
    job = begin(*EARLY[how])
    finish(site, job, [["batch", "flex"]] * LOTS)
    assert site.sql("SELECT SUM(n_by_call) AS n FROM job_language")[0]["n"] == 0


def test_I1_so_does_what_leaves_a_batch_whose_cancel_is_not_taken(site, begin):
    job = begin({**STALLED[0], "cancel_grace": "300ms"}, STUCK, {"match": {"route": CANCEL}, "do": "status", "code": 500})
    finish(site, job, [["batch", "flex"]] * LOTS)
    assert site.sql("SELECT phase FROM batch")[0]["phase"] == "running"


@pytest.mark.parametrize("fault", [{"do": "missing_lines"}, {"do": "http_error_lines"}, {"do": "not_json_lines"}],
                         ids=["no line", "error", "refused"])
def test_I1_a_line_that_is_no_answer_goes_by_a_call_too(site, begin, fault):
    job = begin({}, {"match": {"task": "describe"}, "n": 2, **fault})
    site.wait_full(job)
    assert sorted(ways(site)) == [["batch"]] * (LOTS - 2) + [["batch", "flex"]] * 2
    site.check()


@pytest.mark.parametrize("status", ["cancelled", "expired"])
def test_I1_and_of_a_batch_that_was_ended_outside(site, begin, status):
    job = begin({}, STUCK)
    remote = site.wait_remote("describe", "in_progress")
    site.wait_phase("running")
    site.force(remote["id"], status)
    finish(site, job, [["batch", "flex"]] * LOTS)


def test_a_batch_that_found_no_room_among_the_enqueued_tokens_had_no_chance(site, begin):
    """It never ran: it waits for room, and goes in a batch again without a retry to spare."""
    job = begin({}, first_describe("fail", code="token_limit_exceeded"))
    finish(site, job, [["batch", "batch"]] * LOTS)
    assert site.sql("SELECT DISTINCT n_left, burned FROM item") == [{"n_left": 0, "burned": 1}]


def test_a_batch_is_tried_again_while_batch_retries_are_left(site, begin):
    job = begin({**STALLED[0], "batch_retries": 1}, first_describe("stuck"))
    finish(site, job, [["batch", "batch"]] * LOTS)


def test_and_then_the_fallback(site, begin):
    job = begin({**STALLED[0], "batch_retries": 1}, STUCK)
    finish(site, job, [["batch", "batch", "flex"]] * LOTS)


def test_I3_items_of_a_healthy_batch_of_the_same_job_stay_in_it(site, begin):
    job = begin({}, STUCK, batch={"max_requests": 2})
    first = site.wait_remote("describe", "in_progress")
    second = site.wait_remote("describe", "in_progress", nth=2)
    wait_until(lambda: len(site.sql("SELECT id FROM batch WHERE phase = 'running'")) == 2, 20, "both to run")
    site.force(first["id"], "cancelled")
    wait_until(lambda: [i["state"] for i in site.items()].count("done") == 2, 20, "two calls to be answered")
    assert [b["remote_id"] for b in site.sql("SELECT remote_id FROM batch WHERE phase = 'running' AND left_at IS NULL"
                                             " AND cancel_at IS NULL")] == [second["id"]]
    assert site.sql("SELECT calls_from, (SELECT COUNT(*) FROM batch_job WHERE left_at IS NOT NULL) AS n FROM job"
                    ) == [{"calls_from": None, "n": 0}]
    assert sorted(map(tuple, ways(site))) == [("batch",)] * 2 + [("batch", "flex")] * 2
    site.check()
    site.force(second["id"], "resume")
    site.wait_full(job)
    assert sorted(map(tuple, ways(site))) == [("batch",)] * 2 + [("batch", "flex")] * 2
    assert site.paid_twice() == 0
    site.check()


def test_a_call_that_finds_no_room_does_not_go_back_into_a_batch(site, begin):
    job = begin(*STALLED, {"match": {"route": CHAT, "times": 3}, **NO_ROOM})
    site.wait_full(job)
    assert {w[0] for w in ways(site)} == {"batch"} and {x for w in ways(site) for x in w[1:]} == {"flex"}
    assert len(site.remote()) == 1
    site.check()


def test_an_answer_that_comes_late_takes_its_item_out_of_the_calls(site, begin):
    """The calls find no room; meanwhile the batch ends with answers of items that left it."""
    job = begin({**STALLED[0], "cancel_grace": "300ms"}, {**STUCK, "done": LOTS},
                {"match": {"task": "describe"}, "do": "cancel_slow", "seconds": 3600},
                {"match": {"route": CHAT}, **NO_ROOM})
    wait_until(lambda: site.sql("SELECT 1 FROM attempt WHERE way = 'flex' AND outcome = 'void'"), 20, "a call to be refused")
    site.standin.call("POST", "/_standin/clock", {"advance": 3700})
    status = site.wait_full(job)
    assert status["cost"]["wasted"] == "0.0000"
    assert site.sql("SELECT SUM(n_by_call) AS n FROM job_language")[0]["n"] == 0
    site.check()


def test_a_retry_grants_batches_anew(site, begin):
    job = begin(*STALLED, {"match": {"route": CHAT}, **NO_ROOM})
    wait_until(lambda: site.sql("SELECT 1 FROM attempt WHERE way = 'flex' AND outcome = 'void'"), 20, "a call to be refused")
    call(site, job, "finish")
    site.rules(KEEP_FILES)
    call(site, job, "retry", {"deadline": "PT2H"})
    site.wait_full(job)
    assert {w[-1] for w in ways(site)} == {"batch"}
    site.check()


def test_a_job_too_short_for_batches_goes_straight_to_the_fallback(site, begin):
    """Half of its span is over before a batch could be."""
    job = begin({}, batch={"linger": "8s"}, deadline="PT15S", languages=("fr",))
    finish(site, job, [["flex"]] * LOTS)
    assert site.remote() == []


def test_without_a_tier_everything_stays_with_batches():
    with sales("policy-again-none") as site:
        site.rules(KEEP_FILES, first_describe("stuck"))
        site.batchd(settings(**STALLED[0]))
        job = site.take(LOTS, (), deadline="PT2H")
        finish(site, job, [["batch", "batch"]] * LOTS)
        assert site.sql("SELECT DISTINCT n_left, by_call FROM item") == [{"n_left": 1, "by_call": 0}]


def test_a_thousand_jobs_that_wait_for_a_batch_hide_none_that_goes_by_calls(site, begin):
    job = begin({}, STUCK)
    remote = site.wait_remote("describe", "in_progress")
    site.wait_phase("running")
    site.sql("INSERT INTO job (public_id, account_id, visible, status, name, lots, describe_recipe, translate_recipe,"
             " created_at, opened_at, updated_at, deadline_at)"
             " SELECT UUID(), account_id, 1, 'queued', 'many', 1, describe_recipe, translate_recipe, created_at, opened_at,"
             " updated_at, deadline_at - INTERVAL 1 SECOND FROM job JOIN seq_1_to_1100")
    site.sql("INSERT INTO job_language (job_id, no, tag, n_total, n_ready, ready_since)"
             " SELECT id, 0, 'en', 1, 1, deadline_at FROM job WHERE name = 'many'")
    site.force(remote["id"], "cancelled")
    site.wait_full(job)
    assert site.sql("SELECT way FROM attempt WHERE item_id <= %s AND way = 'flex'", LOTS) == [{"way": "flex"}] * LOTS
    site.stack.batchd.stop()


def test_explain_tells_what_goes_by_calls(site, begin):
    job = begin(*STALLED, {"match": {"route": CHAT}, **NO_ROOM})
    told = wait_until(lambda: next((t for t in [site.stack.batchctl_json("explain", job)] if t["by_call"] == LOTS), None),
                      20, "the items to wait for calls")
    assert told["ready"] == LOTS and told["ready_at"] is None


# ---- The cancel before the latest start.

SOON = {"fallback": {"tiers": ["flex"], "reserve": "100ms", "estimate": "500ms"}}


def test_I3_a_batch_that_all_leave_is_cancelled_so_that_the_calls_begin_when_it_has_ended():
    with sales("policy-soon", SOON) as site:
        site.rules(KEEP_FILES, {**STUCK, "done": 1})
        site.batchd(settings(cancel_grace="2s"))
        job = site.take(LOTS, (), deadline="PT6S")
        site.wait_full(job)
        assert sorted(ways(site)) == [["batch"]] + [["batch", "flex"]] * (LOTS - 1)
        batch = site.sql("SELECT b.cancel_at, b.closed_at, j.deadline_at - INTERVAL 600000 MICROSECOND AS latest,"
                         " j.opened_at + INTERVAL 3 SECOND AS half FROM batch b, job j")[0]
        assert batch["half"] <= batch["cancel_at"] < batch["closed_at"] < batch["latest"]
        assert site.sql("SELECT 1 FROM attempt WHERE left_at IS NOT NULL") == []
        assert site.paid_twice() == 0
        site.check()


def test_one_that_holds_items_of_a_patient_job_too_is_not():
    with sales("policy-shared", {**SOON, "batch": {"linger": "500ms"}}) as site:
        site.rules(KEEP_FILES, STUCK)
        site.batchd(settings(cancel_grace="2s"))
        hurried = site.take(2, (), name="hurried", deadline="PT8S")
        patient = site.take(2, (), name="patient", deadline="PT14S")
        site.wait_full(hurried)
        assert len(site.remote()) == 1
        assert site.sql("SELECT j.name, x.left_at IS NOT NULL AS gone, b.cancel_at FROM batch b JOIN batch_job x ON"
                        " x.batch_id = b.id JOIN job j ON j.id = x.job_id ORDER BY j.id") == [
            {"name": "hurried", "gone": 1, "cancel_at": None}, {"name": "patient", "gone": 0, "cancel_at": None}]
        site.force(site.remote()[0]["id"], "resume")
        site.wait_full(patient)
        assert ways(site) == [["batch"]] * 2
        site.check()
