# SPDX-License-Identifier: ISC
"""A recipe that the provider refuses is held, once one of its items was refused alike by itself; its items wait and burn
nothing, other recipes go on, and codes of items hold nobody. A large batch of a new recipe waits for one item's answer."""
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from jobs import CHAT, KEEP_FILES, lots, sales, wait_until  # noqa: E402
from kills import CREATE, UPLOAD, wait_log  # noqa: E402
from once import ticks  # noqa: E402
from stops import NO_MODEL, described, held, refuse, wait_alert, wait_hold, wait_ready, wait_told  # noqa: E402

LOTS = 3
NO_MODEL_CALL = {"do": "status", "code": 404, "error": NO_MODEL}
# How a whole batch is refused.
WHOLE = {
    "in validation": {"match": {"task": "describe"}, "do": "fail", "code": "model_not_found"},
    "at its creation": {"match": {"route": CREATE, "task": "describe"}, **NO_MODEL_CALL},
    "in each line": {"match": {"task": "describe"}, "do": "all_failed", "code": 404, "error": NO_MODEL},
}


@pytest.fixture
def site():
    with sales("stop-recipe") as made:
        yield made


def refused_site(site, how="in validation"):
    """A batchd whose descriptions are refused, and a job of them that waits."""
    site.rules(KEEP_FILES, WHOLE[how], *refuse(NO_MODEL_CALL, CHAT, task="describe"))
    batchd = site.batchd()
    job = site.take(LOTS, ())
    wait_hold(site, "held")
    wait_ready(site, LOTS)
    return batchd, job


@pytest.mark.parametrize("how", WHOLE)
def test_a_recipe_is_held_after_one_item_was_refused_alike(site, how):
    batchd, job = refused_site(site, how)
    assert [(r["task"], r["held_code"]) for r in held(site)] == [("describe", "model_not_found")]
    assert len(site.calls(CHAT)) == 1
    wait_told(site, job, "recipe", "recipe_held")
    wait_alert(site, "recipe_held")
    assert [s["code"] for s in site.stack.batchctl_json("explain", job)["stops"]] == ["model_not_found"]
    later, last = site.take(1, ()), site.last_call()
    translated = described(site)
    site.wait_full(translated)      # another recipe goes on
    ticks()
    calls = [c for c in site.calls(after=last) if c["route"] in (UPLOAD, CREATE, CHAT)]
    assert [c["route"] for c in calls] == [UPLOAD, CREATE]      # the translation's
    assert batchd.log_text().count("recipe held") == 1
    site.rules(KEEP_FILES)
    site.stack.batchctl("resume")
    for one in (job, later):
        site.wait_full(one)
    assert held(site) == [] and site.stack.status(job)["warnings"] == []
    wait_alert(site, None)
    assert site.sql("SELECT MAX(burned) AS n FROM item")[0]["n"] == 1
    site.wait_closed()
    site.check()
    assert batchd.stop() == 0


@pytest.mark.parametrize("how", WHOLE)
def test_where_the_item_is_answered_the_batch_is_sent_again_and_the_answer_kept(site, how):
    once = {**WHOLE[how], "match": {**WHOLE[how]["match"], "nth": 1}}
    site.rules(KEEP_FILES, once)
    batchd = site.batchd()
    job = site.take(LOTS, ())
    site.wait_full(job)
    assert sorted(a["source"] for a in site.sql("SELECT source FROM answer")) == ["batch"] * (LOTS - 1) + ["default"]
    assert len(site.calls(CHAT)) == 1 and site.paid_twice() == 0
    assert "recipe held" not in batchd.log_text()
    site.wait_closed()
    wait_hold(site, None)       # a batch was answered: the next failure would be looked into again
    assert site.sql("SELECT MAX(burned) AS n FROM item")[0]["n"] == 1
    site.check()
    assert batchd.stop() == 0


@pytest.mark.parametrize("how", WHOLE)
def test_batches_that_go_on_failing_where_calls_succeed_burn_attempts(site, how):
    """Or they would be sent for ever."""
    site.rules(KEEP_FILES, WHOLE[how])
    batchd = site.batchd()
    job = site.take(LOTS, ())
    status = site.stack.wait_ended(job, 60)
    assert (status["status"], status["outcome"]) == ("completed", "partial")
    codes = [e["code"] for lot in site.result(job).json()["lots"] for e in lot["errors"]]
    assert codes == ["model_not_found"] * (LOTS - 1) and len(site.calls(CHAT)) == 1
    assert [r["hold"] for r in held(site)] == ["cleared"]
    site.wait_closed()
    site.check()
    assert batchd.stop() == 0


OF_ITEMS = {
    "bad image": {"code": "invalid_image_format", "message": "You uploaded an unsupported image."},
    "content policy": {"code": "content_policy_violation", "message": "Your request was rejected."},
    "too long": {"code": "context_length_exceeded", "message": "This model's maximum context length is 128000 tokens."},
}


@pytest.mark.parametrize("which", OF_ITEMS)
def test_codes_of_items_never_hold_a_recipe(site, which):
    site.rules(KEEP_FILES, {"match": {"task": "describe", "nth": 1}, "do": "all_failed", "code": 400,
                            "error": OF_ITEMS[which]})
    batchd = site.batchd()
    job = site.take(LOTS, ())
    assert site.stack.wait_ended(job, 40)["status"] == "failed"
    site.wait_full(site.take(1, ()))
    assert held(site) == [] and site.calls(CHAT) == []
    assert batchd.stop() == 0


def test_a_line_of_a_batch_that_was_answered_is_its_items_own_failure(site):
    site.rules(KEEP_FILES, {"match": {"task": "describe", "nth": 1}, "do": "http_error_lines", "n": 1, "code": 404,
                            "error": NO_MODEL})
    batchd = site.batchd()
    job = site.take(LOTS, ())
    assert site.stack.wait_ended(job, 40)["outcome"] == "partial"
    assert held(site) == [] and site.calls(CHAT) == []
    assert batchd.stop() == 0


def test_a_check_that_meets_trouble_is_made_again(site):
    site.rules(KEEP_FILES, WHOLE["in validation"], {"match": {"route": CHAT, "times": 2}, "do": "status", "code": 503},
               *refuse(NO_MODEL_CALL, CHAT))
    batchd = site.batchd()
    site.take(LOTS, ())
    wait_hold(site, "held")
    wait_ready(site, LOTS)
    assert len(site.calls(CHAT)) == 3
    assert batchd.stop() == 0


@pytest.mark.parametrize("state", ["doubted", "held"])
def test_a_hold_outlives_a_kill_and_a_takeover(site, state):
    hang = [{"match": {"route": CHAT, "nth": 1}, "do": "hang"}] if state == "doubted" else []
    site.rules(KEEP_FILES, WHOLE["in validation"], *hang, *refuse(NO_MODEL_CALL, CHAT))
    batchd = site.batchd()
    job = site.take(LOTS, ())
    wait_hold(site, state)
    if state == "doubted":
        site.wait_call(CHAT, "received")
    site.bury(batchd)
    last = site.last_call()
    successor = site.batchd()
    wait_log(successor, "reconciled")
    wait_hold(site, "held")
    ticks()
    calls = [c["route"] for c in site.calls(after=last) if c["route"] in (UPLOAD, CREATE, CHAT)]
    assert calls == ([CHAT] if state == "doubted" else [])
    site.rules(KEEP_FILES)
    site.stack.batchctl("resume")
    site.wait_full(job)
    assert site.paid_twice() == 0
    site.wait_closed()
    site.check()
    assert successor.stop() == 0


def test_I1_a_held_job_ends_by_its_deadline(site):
    site.rules(KEEP_FILES, WHOLE["in validation"], *refuse(NO_MODEL_CALL, CHAT))
    batchd = site.batchd()
    job = site.take(LOTS, (), deadline="PT6S")
    wait_hold(site, "held")
    status = site.stack.wait_ended(job, 30)
    assert status["status"] == "failed"
    assert {e["code"] for lot in site.result(job).json()["lots"] for e in lot["errors"]} == {"deadline"}
    site.check()
    assert batchd.stop() == 0


def test_calls_of_the_ladder_that_are_refused_hold_the_recipe_too():
    ladder = {"fallback": {"tiers": ["flex", "default"], "concurrency": 2, "estimate": "30s", "reserve": "100ms"}}
    with sales("stop-recipe-calls", ladder) as site:
        site.rules(KEEP_FILES, {"match": {"task": "describe"}, "do": "stuck"}, *refuse(NO_MODEL_CALL, CHAT))
        batchd = site.batchd()
        job = site.take(6, (), deadline="PT20S")
        wait_hold(site, "held")
        wait_ready(site, 6)
        assert len(site.calls(CHAT)) <= 3       # two of the ladder, and the check
        site.rules(KEEP_FILES)
        site.stack.batchctl("resume")
        site.wait_full(job)
        assert site.paid_twice() == 0
        site.check()
        assert batchd.stop() == 0


# ---- The trial.

LARGE = 1000


def take_large(site, n=LARGE, **more):
    return site.stack.order({"lots": lots(n), "languages": [], "deadline": "PT1H", **more})["job_id"]


def test_before_a_large_batch_of_a_new_recipe_one_item_is_called(site):
    site.rules(KEEP_FILES, {"match": {"route": CHAT}, "do": "slow", "seconds": 2})
    batchd = site.batchd()
    job = take_large(site)
    site.wait_call(CHAT, "received")
    ticks()
    assert site.calls(UPLOAD) == []     # nothing else meanwhile, though now the batch would be a small one
    site.wait_full(job)
    second = take_large(site)
    site.wait_full(second)
    assert len(site.calls(CHAT)) == 1   # it is known now
    assert [b["request_counts"]["total"] for b in site.remote()] == [LARGE - 1, LARGE]
    assert site.paid_twice() == 0
    site.wait_closed()
    site.check()
    assert batchd.stop() == 0


def test_a_trial_that_is_refused_holds_the_recipe_before_anything_is_uploaded(site):
    site.rules(KEEP_FILES, *refuse(NO_MODEL_CALL, CHAT))
    batchd = site.batchd()
    job = take_large(site)
    wait_hold(site, "held")
    wait_ready(site, LARGE)
    assert site.calls(UPLOAD) == []
    site.rules(KEEP_FILES)
    site.stack.batchctl("resume")
    site.wait_full(job)
    assert batchd.stop() == 0


def test_a_trial_in_trouble_delays_the_batch_and_not_for_long(site):
    """A tenth of the time until the latest start."""
    site.rules(KEEP_FILES, {"match": {"route": CHAT}, "do": "status", "code": 503})
    batchd = site.batchd()
    job = take_large(site, deadline="PT80S")
    wait_until(lambda: len(site.calls(CHAT)) > 2, 20, "some tries", alive=[batchd])
    site.wait_full(job)
    assert [b["request_counts"]["total"] for b in site.remote()] == [LARGE]
    assert batchd.stop() == 0


def test_a_smaller_batch_is_sent_without_a_trial(site):
    batchd = site.batchd()
    site.wait_full(take_large(site, LARGE - 1))
    assert site.calls(CHAT) == []
    assert batchd.stop() == 0
