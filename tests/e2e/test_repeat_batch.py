# SPDX-License-Identifier: ISC
"""Where there is no tier for calls, a better answer than the one salvaged is asked for in a batch, whatever becomes of that."""
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from commands import ask  # noqa: E402
from jobs import KEEP_FILES, first_describe, sales, wait_until  # noqa: E402
from kills import CANCEL, UPLOAD  # noqa: E402

CUT = first_describe("cut_lines", n=1)
REPEAT = {"task": "describe", "nth": 2}      # the batch of it
BATCHES = {"fallback": {"tiers": [], "concurrency": 2, "estimate": "30s", "reserve": "100ms"}}


@pytest.fixture(scope="module")
def site():
    with sales("repeat-batch", BATCHES) as made:
        made.batchd()
        yield made


def order(site, *rules, deadline="PT10M", languages=("fr",)):
    site.fresh(KEEP_FILES, CUT, *rules)
    return site.take(2, languages, deadline=deadline)


def counts(site, name):
    return site.sql(f"SELECT SUM({name}) AS n FROM job_language")[0]["n"]


def ended(site, job):
    wait_until(lambda: site.stack.status(job)["completed_at"], 40, "the job to end")
    status = site.stack.status(job)
    assert status["outcome"] == "full"
    return status


def finish(site, job):
    status = ended(site, job)
    site.wait_closed()
    site.check()
    assert not counts(site, "n_repeating")
    return status


def sendings(site):
    """Of the first lot's description: what came of each sending."""
    return [(a["outcome"], a["code"]) for a in site.attempts(site.items()[0]["id"])]


def made_from(site):
    return site.attempts(site.items(1)[0]["id"])[-1]["made_from"]


def sent(site):
    """The remote batch of the repeat, which stands still."""
    remote = site.wait_remote("describe", "in_progress", nth=2)
    wait_until(lambda: counts(site, "n_repeating") == 1 and counts(site, "n_to_repeat") == 0, 10, "it to be sent")
    return remote


def test_the_better_answer_is_translated(site):
    status = finish(site, order(site))
    assert sendings(site) == [("answered", "cut_off"), ("answered", None)] and made_from(site) == 2
    assert status["cost"]["wasted"] == "0.0000"


def test_what_never_ran_is_asked_for_again(site):
    finish(site, order(site, {"match": REPEAT, "do": "void_lines", "all": True}))
    assert [outcome for outcome, _ in sendings(site)] == ["answered", "void", "answered"] and made_from(site) == 3


@pytest.mark.parametrize("code", ["token_limit_exceeded", "invalid_json_line"])
def test_a_batch_of_it_that_fails_was_its_one(site, code):
    finish(site, order(site, {"match": REPEAT, "do": "fail", "code": code}))
    assert made_from(site) == 1 and len(sendings(site)) == 2


def test_what_is_no_better_and_not_waited_for_any_more_is_no_waste(site):
    """It comes, since the cancel of its batch is refused."""
    job = order(site, {"match": REPEAT, "do": "stuck"}, {"match": REPEAT, "do": "cut_lines"},
                {"match": {"route": CANCEL}, "do": "status", "code": 500}, languages=())
    remote = sent(site)
    ask(site, job, "finish")
    ended(site, job)
    wait_until(lambda: not counts(site, "n_repeating"), 10, "it to be dropped")
    site.force(remote["id"], "resume")
    assert finish(site, job)["cost"]["wasted"] == "0.0000"
    assert sendings(site) == [("answered", "cut_off")] * 2 and site.items()[0]["answer_no"] == 1


def test_translations_wait_until_their_latest_start_and_what_comes_later_replaces_nothing(site):
    job = order(site, {"match": REPEAT, "do": "stuck"}, deadline="PT12S")
    remote = sent(site)
    wait_until(lambda: site.items(1)[0]["state"] == "done", 20, "the translation")
    site.force(remote["id"], "resume")
    finish(site, job)
    assert (made_from(site), site.items()[0]["answer_no"]) == (1, 1)


def test_of_a_job_that_ended_meanwhile_nothing_is_sent(site):
    job = order(site, {"match": {"route": UPLOAD, "task": "describe", "from": 2}, "do": "status", "code": 500}, languages=())
    wait_until(lambda: counts(site, "n_repeating") == 1 and counts(site, "n_to_repeat") == 0, 20, "it to be put in a batch")
    ask(site, job, "finish")
    ended(site, job)
    site.rules(KEEP_FILES)
    finish(site, job)
    assert len(site.remote()) == 1 and [outcome for outcome, _ in sendings(site)] == ["answered", "void"]
