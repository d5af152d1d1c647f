# SPDX-License-Identifier: ISC
"""A salvaged answer counts at once, and a better one is bought beside it, once; the lot's translations wait for that."""
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from commands import ask  # noqa: E402
from jobs import CHAT, KEEP_FILES, NO_ROOM, first_describe, sales, wait_until  # noqa: E402

CUT = first_describe("cut_lines", n=1)
# One call counts as half a minute: the latest start is half of the span.
CALLS = {"fallback": {"tiers": ["flex"], "concurrency": 2, "estimate": "30s", "reserve": "100ms"}}


@pytest.fixture(scope="module")
def site():
    with sales("repeat", CALLS) as made:
        made.batchd()
        yield made


def order(site, *rules, deadline="PT10M", languages=("fr",), lots=2):
    site.fresh(KEEP_FILES, *rules)
    return site.take(lots, languages, deadline=deadline)


def ended(site, job, end=("completed", "full")):
    wait_until(lambda: site.stack.status(job)["completed_at"], 40, "the job to end")
    status = site.stack.status(job)
    assert (status["status"], status["outcome"]) == end
    site.wait_closed()
    site.check()
    return status


def made_from(site):
    """Of the first lot: which answer its translation was made from, and which description is shown."""
    french = site.items(1)[0]
    row = site.sql("SELECT made_from FROM attempt WHERE item_id = %s ORDER BY no DESC LIMIT 1", french["id"])[0]
    return row["made_from"], site.items()[0]["answer_no"]


def english(site, job):
    return site.stack.result(job)["lots"][0]["descriptions"]["en"]


def test_the_better_answer_is_translated(site):
    job = order(site, CUT)
    status = ended(site, job)
    assert made_from(site) == (2, 2)
    assert [(a["way"], a["outcome"], a["code"], a["is_repeat"]) for a in site.attempts(site.items()[0]["id"])] == [
        ("batch", "answered", "cut_off", 0), ("flex", "answered", None, 1)]
    assert "salvaged" not in english(site, job) and status["cost"]["wasted"] == "0.0000"


def test_a_repeat_that_is_no_better_is_the_last(site):
    job = order(site, CUT, {"match": {"route": CHAT}, "do": "cut_lines"})
    assert ended(site, job)["cost"]["wasted"] == "0.0000"
    assert made_from(site) == (1, 1) and len(site.calls(CHAT)) == 1
    assert english(site, job)["salvaged"]


def test_what_was_salvaged_is_shown_while_its_repeat_waits(site):
    job = order(site, CUT, {"match": {"route": CHAT}, **NO_ROOM}, deadline="PT12S", languages=())
    wait_until(lambda: site.stack.status(job)["progress"]["described"] == 2, 20, "both descriptions")
    status = site.stack.status(job)
    assert status["status"] == "describing" and status["waiting_for"] and english(site, job)["salvaged"]
    ended(site, job)            # at its deadline, and nothing counts as failed
    assert site.stack.status(job)["progress"]["failed"] == 0 and english(site, job)["salvaged"]
    wait_until(lambda: not site.sql("SELECT 1 FROM job_language WHERE n_repeating > 0"), 10, "its repeat to be dropped")
    site.check()


def test_translations_wait_until_their_latest_start(site):
    job = order(site, CUT, {"match": {"route": CHAT, "task": "describe"}, **NO_ROOM}, deadline="PT16S")
    ended(site, job)
    assert made_from(site) == (1, 1)


def test_I3_a_call_that_was_lost_is_not_made_again(site):
    job = order(site, CUT, {"match": {"route": CHAT, "times": 1}, "do": "drop_after"})
    ended(site, job)
    assert len(site.calls(CHAT)) == 1 and made_from(site) == (1, 1)


def test_I3_nothing_is_called_for_a_job_that_ended(site):
    job = order(site, CUT, {"match": {"route": CHAT}, **NO_ROOM}, languages=())
    wait_until(lambda: site.sql("SELECT 1 FROM item WHERE repeating = 1"), 20, "the repeat")
    ask(site, job, "finish")
    ended(site, job)
    wait_until(lambda: not site.sql("SELECT 1 FROM job_language WHERE n_repeating > 0"), 10, "its repeat to be dropped")
    assert english(site, job)["salvaged"]


def test_a_budget_that_does_not_reach_for_it_keeps_what_is_there(site):
    """The repeat of what was cut is asked for with the larger cap, for which twice as much is held."""
    account = site.sql("SELECT name FROM account")[0]["name"]
    site.stack.batchctl("account", account, "--job", "0.0150")
    try:
        job = order(site, CUT, languages=(), lots=1)
        status = ended(site, job)
    finally:
        site.sql("UPDATE account SET budget_job = NULL")
    assert [w["code"] for w in status["warnings"]] == ["budget_job"]
    assert english(site, job)["salvaged"] and not site.calls(CHAT)


def test_retry_asks_for_it_again(site):
    job = order(site, CUT, {"match": {"route": CHAT, "times": 1}, "do": "cut_lines"})
    ended(site, job)
    assert english(site, job)["salvaged"] and made_from(site) == (1, 1)
    ask(site, job, "retry", "--deadline", "PT10M")
    wait_until(lambda: site.stack.status(job)["completed_at"] and "salvaged" not in english(site, job), 30, "a better answer")
    site.check()
    assert made_from(site) == (1, 3)        # what is translated stays so
    assert len(site.calls(CHAT)) == 2
