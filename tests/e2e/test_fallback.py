# SPDX-License-Identifier: ISC
"""I1, I3: what a stuck batch does not answer is sent by synchronous calls at its job's latest start."""
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from db_proxy import DatabaseProxy  # noqa: E402
from front_end import data_url  # noqa: E402
from harness.process import socket_path  # noqa: E402
from jobs import CHAT, KEEP_FILES, NO_ROOM, order, sales, usd, wait_until  # noqa: E402

LOTS = 4
CANCEL = "POST /v1/batches/{id}/cancel"
STUCK = {"match": {"task": "translate"}, "do": "stuck", "status": "in_progress"}
# One call counts as half a minute: the latest start is half of the span.
FALLBACK = {"fallback": {"tiers": ["flex", "default"], "concurrency": 2, "estimate": "30s", "flex_timeout": "1s",
                         "reserve": "100ms"}}


@pytest.fixture
def site():
    with sales("fallback", FALLBACK) as made:
        yield made


def take(site, seconds, *rules, lots=LOTS):
    site.rules(KEEP_FILES, STUCK, *rules)
    site.batchd()
    return site.take(lots, ("fr",), deadline=f"PT{seconds}S")


def ended(site, job, seconds=40):
    wait_until(lambda: site.stack.status(job)["completed_at"], seconds, "the job to end")
    return site.stack.status(job)


def sources(site, job, language="fr"):
    return [(lot["descriptions"][language] or {}).get("source") for lot in site.stack.result(job)["lots"]]


def calls(site):
    """The synchronous calls that the provider carried out."""
    return [line for line in site.executed() if line["where"] == "sync"]


def is_paid_once(site, lost=0):
    """I3: no item of a job was answered twice, but for so many calls whose answer was lost."""
    items = [line["custom_id"].split("-")[0] for line in site.executed() if line["billed"]]
    return len(items) - len(set(items)) <= lost


def test_I1_a_job_behind_a_stuck_batch_ends_full_by_flex(site):
    job = take(site, 8)
    status = ended(site, job)
    assert (status["status"], status["outcome"]) == ("completed", "full")
    assert sources(site, job, "en") == ["batch"] * LOTS and sources(site, job) == ["flex"] * LOTS
    assert status["completed_at"] < status["deadline_at"]
    assert [line["tier"] for line in calls(site)] == ["flex"] * LOTS
    assert is_paid_once(site)
    assert status["cost"]["amount"] == site.billed() and status["cost"]["wasted"] == "0.0000"
    assert {e["kind"] for e in site.stack.get(f"/api/v1/jobs/{job}/events").json()["events"]} >= {"left", "sent"}
    stuck = [b for b in site.remote() if b["task"] == "translate"]
    wait_until(lambda: site.sql("SELECT 1 FROM batch WHERE cancel_at IS NOT NULL"), 20, "the stuck batch to be cancelled")
    assert len(stuck) == 1
    site.check()


@pytest.mark.parametrize("code", [429, 503])
def test_I1_with_the_fallback_failing_too_it_ends_with_its_descriptions(site, code):
    job = take(site, 6, {"match": {"route": CHAT}, **NO_ROOM, "code": code})
    status = ended(site, job)
    assert (status["status"], status["outcome"]) == ("completed", "partial")
    assert sources(site, job, "en") == ["batch"] * LOTS and sources(site, job) == [None] * LOTS
    assert site.sql("SELECT MAX(burned) AS n FROM item WHERE lang_no = 1")[0]["n"] == 0     # a refusal burns nothing
    site.check()


def test_a_tier_without_room_gives_way_to_the_next(site):
    job = take(site, 12, {"match": {"route": CHAT, "tier": "flex"}, **NO_ROOM})
    status = ended(site, job)
    assert status["outcome"] == "full" and sources(site, job) == ["default"] * LOTS
    assert is_paid_once(site)
    full = sum(line["prompt_tokens"] * 1.25 + line["completion_tokens"] * 10 for line in calls(site))
    own = site.sql("SELECT SUM(cost) AS n FROM answer WHERE source = 'default'")[0]["n"]
    assert abs(float(own) - full) <= LOTS       # each rounded
    assert usd(0) == status["cost"]["wasted"]
    site.check()


def test_I3_a_call_cut_by_a_death_is_booked_as_lost_and_sent_once_more(site):
    job = take(site, 16, {"match": {"route": CHAT, "nth": 1}, "do": "hang"})
    wait_until(lambda: any(c["fault"] == "hang" for c in site.calls()), 20, "a call to hang")
    site.bury(site.active())
    site.batchd()
    status = ended(site, job)
    assert status["outcome"] == "full"
    lost = site.sql("SELECT COUNT(*) AS n FROM attempt WHERE code = 'call_lost'")[0]["n"]
    assert 1 <= lost <= FALLBACK["fallback"]["concurrency"]
    assert is_paid_once(site, lost)
    site.check()


LOST = {
    "no answer": {"do": "drop_after"},
    "a page": {"do": "status", "code": 200, "body": "<html>"},
    "neither a text nor what it cost": {"do": "status", "code": 200, "body": {"id": "chatcmpl-1", "choices": []}},
}


@pytest.mark.parametrize("how", LOST)
def test_I3_a_lost_answer_is_asked_for_once_more_and_not_again(site, how):
    job = take(site, 30, {"match": {"route": CHAT}, **LOST[how]}, lots=1)
    status = ended(site, job)
    assert (status["status"], status["outcome"]) == ("completed", "partial")
    assert status["completed_at"] < status["deadline_at"]
    assert site.sql("SELECT COUNT(*) AS n FROM attempt WHERE way <> 'batch'")[0]["n"] == len(site.calls(CHAT)) == 2
    assert [e["code"] for e in site.stack.result(job)["lots"][0]["errors"]] == ["call_lost"]
    site.check()


def test_I2_a_late_answer_of_the_batch_that_was_left_is_kept(site):
    job = take(site, 8, {"match": {"route": CANCEL}, "do": "status", "code": 500})
    ended(site, job)
    batch = [b for b in site.remote() if b["task"] == "translate"][0]
    site.force(batch["id"], "resume")
    site.wait_closed()
    assert sources(site, job) == ["flex"] * LOTS        # the first of two as good
    assert len(site.sql("SELECT * FROM answer WHERE unused = 1")) == LOTS
    site.check()


def test_jobs_whose_latest_start_is_far_stay_in_the_batch(site):
    site.rules(KEEP_FILES, STUCK)
    site.batchd()
    job = site.take(LOTS, ("fr",), deadline="PT1H")
    site.wait_remote("translate", "in_progress")
    assert not calls(site)
    assert site.stack.status(job)["waiting_for"]["what"] == "batch"
    site.check()


def test_I3_calls_that_go_fast_send_nothing_back_into_a_batch():
    """Each answer moves the latest start of the rest into the future."""
    with sales("fallback-fast", {"fallback": {**FALLBACK["fallback"], "estimate": "1s"}}) as site:
        job = take(site, 12, {"match": {"route": CHAT}, "do": "slow", "seconds": 0.3}, lots=12)
        status = ended(site, job)
        assert status["outcome"] == "full" and sources(site, job) == ["flex"] * 12
        assert len([b for b in site.remote() if b["task"] == "translate"]) == 1
        assert is_paid_once(site)
        site.check()


def test_I3_a_stop_waits_for_the_calls_in_flight():
    with sales("fallback-stop", {"fallback": {**FALLBACK["fallback"], "flex_timeout": "60s"}}) as site:
        job = take(site, 16, {"match": {"route": CHAT}, "do": "slow", "seconds": 2}, lots=1)
        site.wait_call(CHAT, "received")
        assert site.active().stop() == 0
        assert sources(site, job) == ["flex"] and len(calls(site)) == 1
        site.check()


def test_calls_wait_where_a_batch_without_a_row_may_hold_their_items(site):
    job = take(site, 8)
    site.wait_remote("translate", "in_progress")
    site.sql("INSERT INTO orphan (remote_id, batch_key, recipe_hash, remote_status, seen_at)"
             " VALUES ('batch_x', REPEAT('0', 32), '', 'completed', UTC_TIMESTAMP(6))")
    status = ended(site, job)
    assert status["outcome"] == "partial" and not site.calls(CHAT)
    site.sql("DELETE FROM orphan")
    site.check()


def test_one_item_that_cannot_be_sent_keeps_no_other_waiting(site):
    """Its photograph is gone from the database."""
    site.rules(KEEP_FILES, {**STUCK, "match": {"task": "describe"}})
    site.batchd()
    made = order(LOTS, (), deadline="PT8S")
    made["lots"][1]["images"] = [data_url(b"1")]
    job = site.stack.order(made)["job_id"]
    site.wait_remote("describe", "in_progress")
    site.sql("DELETE FROM image")
    status = ended(site, job)
    assert (status["status"], status["outcome"]) == ("completed", "partial")
    assert sources(site, job, "en") == ["flex", None, "flex", "flex"]
    assert [i["code"] for i in site.items() if i["state"] == "failed"] == ["unsendable"]
    assert len(site.calls(CHAT)) == LOTS - 1
    site.check()


def test_a_call_in_flight_keeps_no_other_waiting_where_one_could_not_be_begun():
    """The lot of the second is gone when its attempt is committed."""
    with sales("fallback-gone", {"fallback": {**FALLBACK["fallback"], "flex_timeout": "60s"}}) as site:
        job = take(site, 10, {"match": {"route": CHAT, "nth": 1}, "do": "hang"})
        site.wait_remote("translate", "in_progress")
        gone = site.sql("SELECT * FROM lot WHERE seq = 1")[0]
        site.sql("DELETE FROM lot WHERE seq = 1")
        wait_until(lambda: len(calls(site)) == LOTS - 2, 20, "the others to be answered")
        assert not site.stack.status(job)["completed_at"]
        site.release()
        status = ended(site, job)
        assert status["outcome"] == "partial"
        assert [i["code"] for i in site.items(1)] == [None, "unsendable", None, None]
        site.sql("INSERT INTO lot (job_id, seq, ref, title, notes) VALUES (%s, %s, %s, %s, %s)", *(
            gone[key] for key in ("job_id", "seq", "ref", "title", "notes")))
        assert is_paid_once(site)
        site.check()


def test_a_row_that_cannot_be_read_for_now_is_asked_for_again(site):
    job = take(site, 12, lots=1)
    site.wait_remote("translate", "in_progress")
    table = f"{site.stack.database}.lot"
    daemon = f"'{site.stack.database}_daemon'@'localhost'"
    site.sql(f"REVOKE SELECT ON {table} FROM {daemon}")
    wait_until(lambda: site.sql("SELECT * FROM attempt WHERE way = 'flex' AND outcome = 'void'"), 20, "one not to be sent")
    site.sql(f"GRANT SELECT ON {table} TO {daemon}")
    assert ended(site, job)["outcome"] == "full" and len(site.calls(CHAT)) == 1
    assert site.items(1)[0]["burned"] == 1
    site.check()


@pytest.mark.parametrize("lose", ["request", "answer"])
def test_I3_a_sending_whose_commit_is_unknown_is_sent_once(site, lose):
    proxy = DatabaseProxy(site.stack.mariadb.socket, socket_path(site.stack.work, "db.sock"))
    try:
        proxy.lose(lose, after=b"flex")
        site.rules(KEEP_FILES, STUCK)
        site.batchd({"database": {"socket": proxy.path}})
        job = site.take(LOTS, ("fr",), deadline="PT10S")
        assert ended(site, job)["outcome"] == "full" and proxy.lost == 1
    finally:
        proxy.stop()
    assert len(site.calls(CHAT)) == LOTS and is_paid_once(site)
    not_sent = site.sql("SELECT COUNT(*) AS n FROM attempt WHERE code = 'not_sent' AND outcome = 'void'")[0]["n"]
    assert not_sent == (FALLBACK["fallback"]["concurrency"] if lose == "answer" else 0)
    site.check()


def test_a_flex_call_that_the_default_tier_served_costs_its_price(site):
    job = take(site, 8, {"match": {"route": CHAT, "nth": 1}, "do": "other_tier_lines", "tier": "default"}, lots=2)
    status = ended(site, job)
    assert status["outcome"] == "full" and sources(site, job) == ["flex"] * 2
    dear, cheap = sorted((line["tier"], line["prompt_tokens"] * 1.25 + line["completion_tokens"] * 10)
                         for line in calls(site))
    assert (dear[0], cheap[0]) == ("default", "flex")
    own = site.sql("SELECT SUM(cost) AS n FROM answer WHERE source = 'flex'")[0]["n"]
    assert abs(float(own) - dear[1] - cheap[1] / 2) <= 2        # each rounded
    site.check()


def test_calls_keep_to_what_the_rate_limits_leave():
    """Nothing is left: one at a time."""
    spent = {"x-ratelimit-remaining-requests": "0", "x-ratelimit-limit-requests": "1",
             "x-ratelimit-reset-requests": "1h0m0s"}
    with sales("fallback-rates", {"fallback": {**FALLBACK["fallback"], "concurrency": 4, "flex_timeout": "60s"}}) as site:
        site.rules(KEEP_FILES, {"match": {"route": CHAT, "nth": 6}, "do": "slow", "seconds": 600, "headers": spent},
                   {"match": {"route": CHAT}, "do": "slow", "seconds": 0, "headers": spent},
                   {**STUCK, "match": {"task": "translate"}})
        site.batchd()
        job = site.take(8, ("fr",), deadline="PT14S")
        site.wait_call(CHAT, "received", count=6)
        site.take(1, (), deadline="PT1H")
        site.wait_remote("describe", "completed", nth=2)    # it looked for what is due meanwhile
        assert len(site.calls(CHAT)) == 6
        site.release()
        assert ended(site, job)["outcome"] == "full" and is_paid_once(site)
        site.check()
