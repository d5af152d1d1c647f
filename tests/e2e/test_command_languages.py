# SPDX-License-Identifier: ISC
"""Languages that are added to a job: translations of the descriptions that are there; nothing is described again."""
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from commands import BAD_REQUEST, ask, call, carried_out, codes, lines_sent, row, seen_finalizing  # noqa: E402
from jobs import KEEP_FILES, lots, sales  # noqa: E402

LOTS = 3


@pytest.fixture
def site():
    with sales("languages", {"fallback": {"max_attempts": 1}}) as made:
        made.rules(KEEP_FILES)
        made.batchd()
        yield made
        made.stack.batchd.kill()


def test_languages_are_added_to_a_job_that_has_ended(site):
    job = site.take(LOTS)
    before = site.wait_full(job)
    status = call(site, job, "languages", {"languages": ["it", "fr", "pt-BR"], "deadline": "PT6H"})
    # At once in its row: it runs again, and says what is to come.
    assert status["status"] == "translating" and status["completed_at"] is None
    assert status["languages"]["it"] == status["languages"]["pt-BR"] == {"done": 0, "total": LOTS}
    assert status["deadline_at"] < before["deadline_at"] and status["created_at"] == before["created_at"]
    after = site.wait_full(job)
    site.wait_closed()
    site.check()
    assert list(after["languages"]) == ["en", "fr", "it", "pt-BR"]
    assert lines_sent(site, "describe") == [LOTS] and lines_sent(site, "translate") == [LOTS, 2 * LOTS]
    for lot in site.stack.result(job)["lots"]:
        assert all(lot["descriptions"][tag]["value"] for tag in ("en", "fr", "it", "pt-BR"))
    assert after["cost"]["amount"] == site.billed()
    assert all(i["est_bytes"] > 0 and i["est_tokens"] > 0 for no in (2, 3) for i in site.items(no))


def test_languages_that_a_job_has_already_change_nothing(site):
    job = site.take(LOTS)
    site.wait_full(job)
    before = row(site, job)
    call(site, job, "languages", {"languages": ["fr"]})
    assert row(site, job) == before and not site.sql("SELECT 1 FROM request")


def test_languages_are_added_to_a_job_that_is_described(site):
    """Each translation waits for its description, which is asked for once."""
    site.rules(KEEP_FILES, {"match": {"task": "describe"}, "do": "stuck", "done": 1})
    job = site.take(LOTS)
    remote = site.wait_remote("describe", "in_progress", done=1)
    deadline = row(site, job)["deadline_at"]
    status = call(site, job, "languages", {"languages": ["it"], "deadline": "PT1H"})
    assert status["status"] == "describing" and row(site, job)["deadline_at"] == deadline
    carried_out(site)
    assert {i["state"] for i in site.items(2)} == {"blocked"}
    site.check()
    site.force(remote["id"], "resume")
    site.wait_full(job)
    site.wait_closed()
    site.check()
    assert lines_sent(site, "describe") == [LOTS] and sum(lines_sent(site, "translate")) == 2 * LOTS


def test_a_later_deadline_is_a_running_jobs_too(site):
    site.rules(KEEP_FILES, {"match": {"task": "translate"}, "do": "stuck"})
    job = site.take(LOTS, deadline="PT2H")
    site.wait_remote("translate", "in_progress")
    before = row(site, job)
    call(site, job, "languages", {"languages": ["it"], "deadline": "PT6H"})
    after = row(site, job)
    assert after["deadline_at"] > before["deadline_at"] and after["opened_at"] == before["opened_at"]
    carried_out(site)
    assert {i["state"] for i in site.items(2)} <= {"ready", "sent"}
    site.check()


def test_a_lot_without_a_description_is_not_described_for_a_new_language(site):
    site.rules(KEEP_FILES, {**BAD_REQUEST, "match": {"task": "describe"}, "n": 1})
    job = site.take(LOTS)
    site.stack.wait_ended(job)
    site.rules(KEEP_FILES)
    call(site, job, "languages", {"languages": ["it"]})
    after = site.stack.wait_ended(job)
    carried_out(site)
    site.wait_closed()
    site.check()
    assert (after["status"], after["outcome"]) == ("completed", "partial")
    assert after["languages"]["it"] == {"done": LOTS - 1, "total": LOTS}
    assert lines_sent(site, "describe") == [LOTS] and sum(lines_sent(site, "translate")) == 2 * (LOTS - 1)
    assert codes(site, job)["it"] == {"description_failed"}


def test_what_a_finished_job_lacks_is_not_asked_for_with_a_new_language(site):
    site.rules(KEEP_FILES, {"match": {"task": "translate"}, "do": "stuck", "done": 1})
    job = site.take(LOTS)
    site.wait_remote("translate", "in_progress", done=1)
    site.wait_phase("running")
    ask(site, job, "finish")
    site.wait_closed()
    site.rules(KEEP_FILES)
    call(site, job, "languages", {"languages": ["it"]})
    after = site.stack.wait_ended(job)
    carried_out(site)
    site.wait_closed()
    site.check()
    assert (after["status"], after["outcome"]) == ("completed", "partial")
    assert (after["languages"]["fr"]["done"], after["languages"]["it"]["done"]) == (1, LOTS)
    assert codes(site, job) == {"fr": {"finished"}}
    assert lines_sent(site, "translate") == [LOTS, LOTS]


def test_what_a_job_left_ready_at_its_end_is_not_asked_for_with_a_new_language(site):
    """Late descriptions: their translations were never unblocked, and stay so."""
    site.rules(KEEP_FILES, {"match": {"task": "describe"}, "do": "stuck", "status": "finalizing"})
    job = site.take(LOTS)
    remote = seen_finalizing(site, "describe")
    ask(site, job, "finish")
    site.force(remote["id"], "resume")
    site.wait_closed()
    call(site, job, "languages", {"languages": ["it"]})
    after = site.stack.wait_ended(job)
    carried_out(site)
    site.wait_closed()
    site.check()
    assert (after["languages"]["fr"]["done"], after["languages"]["it"]["done"]) == (0, LOTS)
    assert codes(site, job) == {"fr": {"finished"}}
    # A retry asks for them.
    ask(site, job, "retry")
    site.wait_full(job)
    site.wait_closed()
    site.check()
    assert lines_sent(site, "describe") == [LOTS] and lines_sent(site, "translate") == [LOTS, LOTS]


def test_descriptions_that_came_with_the_order_are_translated_into_a_new_language(site):
    given = dict.fromkeys(("title", "description", "category", "period", "condition"), "x")
    job = site.stack.order({"lots": [{**lot, "description": {**given, "materials": [], "keywords": []}}
                                     for lot in lots(LOTS)]})["job_id"]
    site.stack.wait_ended(job)
    call(site, job, "languages", {"languages": ["it"]})
    site.wait_full(job)
    site.wait_closed()
    site.check()
    assert lines_sent(site, "describe") == [] and lines_sent(site, "translate") == [LOTS]


def test_languages_are_added_while_no_batchd_is_there(site):
    """The job ends at its deadline still (I1), and the counts of its languages are those of its items later (I4)."""
    job = site.take(LOTS)
    site.wait_full(job)
    site.wait_closed()
    site.bury(site.stack.batchd)
    call(site, job, "languages", {"languages": ["it"]})
    site.check()
    site.sql("UPDATE job SET deadline_at = UTC_TIMESTAMP(6)")
    site.stack.batchd.start()
    after = site.stack.wait_ended(job)
    assert (after["status"], after["outcome"]) == ("completed", "partial")
    carried_out(site)
    site.check()
    assert site.sql("SELECT COUNT(*) AS n FROM item WHERE lang_no = 2")[0]["n"] == LOTS
    assert codes(site, job) == {"it": {"deadline"}}
    assert lines_sent(site, "translate") == [LOTS]
