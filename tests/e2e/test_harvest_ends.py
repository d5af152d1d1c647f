# SPDX-License-Identifier: ISC
"""I2, I4: a batch that ends in any of the four ways, or in none, is harvested; what it did not do is done elsewhere.

Each test spoils the first batch of six descriptions. After it every line of the provider's files is accounted for,
`batchctl check` holds, the job is full unless it cannot be, and nothing was paid for that was not asked for.
"""
import sys
from collections import Counter
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from jobs import CONTENT, KEEP_FILES, first_describe, sales, wait_until  # noqa: E402
from harness.servers import MariaDB  # noqa: E402
from harness.stack import temporary_work  # noqa: E402

LOTS = 6


@pytest.fixture(scope="module")
def site():
    with sales("harvest-ends") as made:
        made.batchd()
        yield made


def begin(site, *rules, languages=()):
    site.fresh(KEEP_FILES, *rules)
    return site.take(LOTS, languages)


def finish(site, job, end=("completed", "full"), unread=0):
    status = site.stack.wait_ended(job, 40)
    assert (status["status"], status["outcome"]) == end, status
    site.wait_closed()
    site.check()
    assert status["cost"]["amount"] == site.billed(unread)
    return status


def run(site, *rules, **how):
    return finish(site, begin(site, *rules), **how)


def ends(site):
    """The newest job's batches: how they ended and with what counts."""
    return [(b["reason"], b["n_answered"], b["n_failed"], b["n_void"]) for b in site.sql(
        "SELECT b.* FROM batch b JOIN batch_job x ON x.batch_id = b.id AND x.job_id = (SELECT MAX(id) FROM job)"
        " ORDER BY b.id")]


def burned(site):
    return [(i["attempts"], i["burned"]) for i in site.items()]


# ---- The four ends.

def test_completed(site):
    run(site)
    assert ends(site) == [("harvested", 6, 0, 0)]


def test_failed_in_validation(site):
    run(site, first_describe("fail", code="invalid_json_line", line=2))
    assert ends(site) == [("failed", 0, 6, 0), ("harvested", 6, 0, 0)]
    assert burned(site) == [(2, 2)] * LOTS


def test_expired_with_some_done(site):
    run(site, first_describe("expire", done=2))
    assert ends(site) == [("harvested", 2, 0, 4), ("harvested", 4, 0, 0)]
    assert burned(site) == [(1, 1)] * 2 + [(2, 1)] * 4
    assert site.kinds() == Counter(answer=6, void=4)
    assert site.paid_twice() == 0


def test_cancelled_by_someone_else_with_some_done(site):
    job = begin(site, first_describe("stuck", done=2))
    remote = site.wait_remote("describe", "in_progress", done=2)
    site.standin.call("POST", f"/v1/batches/{remote['id']}/cancel")
    finish(site, job)
    assert ends(site) == [("harvested", 2, 0, 4), ("harvested", 4, 0, 0)]
    assert burned(site) == [(1, 1)] * 2 + [(2, 1)] * 4
    assert site.kinds() == Counter(answer=6, void=4)
    assert site.paid_twice() == 0


def test_every_line_failed_and_there_is_no_output_file(site):
    run(site, first_describe("all_failed", code=500))
    assert site.kept() == {(site.remote()[0]["id"], 1): Counter(failure=6), (site.remote()[1]["id"], 0): Counter(answer=6)}
    assert burned(site) == [(2, 2)] * LOTS
    assert site.remote()[0]["output_file_id"] is None


def test_every_line_failed_for_good(site):
    status = run(site, first_describe("all_failed", code=400), end=("failed", None))
    assert status["progress"]["failed"] == LOTS
    assert burned(site) == [(1, 1)] * LOTS


def test_a_batch_that_fails_over_and_over_ends_the_job(site):
    run(site, {"do": "fail", "code": "invalid_json_line"}, end=("failed", None))
    assert ends(site) == [("failed", 0, 6, 0)] * 4
    assert {i["code"] for i in site.items()} == {"bad_input_file"}


@pytest.mark.parametrize("rule", [first_describe("cannot_find_file"), first_describe("fail", code="token_limit_exceeded")],
                         ids=["cannot_find_file", "token_limit_exceeded"])
def test_a_batch_that_never_ran_burns_nothing(site, rule):
    run(site, rule)
    assert ends(site) == [("failed", 0, 0, 6), ("harvested", 6, 0, 0)]
    assert burned(site) == [(2, 1)] * LOTS
    assert site.sql("SELECT last_error FROM batch WHERE reason = 'failed' ORDER BY id DESC LIMIT 1")[0]["last_error"]


# ---- Providers that are not exact.

@pytest.mark.parametrize("rule", [
    {"do": "uppercase_status"}, {"do": "iso_times"}, {"do": "counts_lie"}, {"do": "counts_lie", "counts": {
        "total": 6, "completed": 0, "failed": 6}}, {"do": "null_counts"}, {"do": "error_file_empty_string"},
    {"do": "no_file_yet", "reads": 4}, {"do": "hide_from_list"}, {"do": "hide_from_list", "reads": 3},
    {"do": "vanish", "reads": 3}, {"do": "file_404", "reads": 2}], ids=lambda rule: "-".join(map(str, rule.values())))
def test_a_batch_that_is_shown_oddly_is_harvested_once(site, rule):
    run(site, rule)
    assert ends(site) == [("harvested", 6, 0, 0)]
    assert burned(site) == [(1, 1)] * LOTS
    assert site.kinds() == Counter(answer=6)


@pytest.mark.parametrize("rule", [
    {"do": "truncate"}, {"do": "truncate", "content_length": "cut"}, {"do": "truncate", "bytes": 0,
     "content_length": "cut"}, {"do": "html_502"}, {"do": "status", "code": 429, "headers": {"retry-after": "0"}},
    {"do": "drop_after"}, {"do": "drop_before", "reset": True}], ids=lambda rule: "-".join(map(str, rule.values())))
def test_a_download_that_fails_is_made_again(site, rule):
    run(site, {"match": {"route": CONTENT, "nth": 1}, **rule})
    assert len(site.calls(CONTENT)) == 2
    assert ends(site) == [("harvested", 6, 0, 0)]
    assert burned(site) == [(1, 1)] * LOTS


def test_a_file_whose_size_is_not_told_is_read_all_the_same(site):
    run(site, {"match": {"route": "GET /v1/files/{id}"}, "do": "status", "code": 500},
        {"match": {"route": CONTENT, "nth": 1}, "do": "truncate"})
    assert len(site.calls(CONTENT)) == 2
    assert ends(site) == [("harvested", 6, 0, 0)]
    assert burned(site) == [(1, 1)] * LOTS


def test_a_file_that_is_not_found_is_given_up_when_it_has_expired(site):
    """30 days after the end; the row is made older than that."""
    job = begin(site, first_describe("file_404"))
    site.wait_phase("harvesting")
    wait_until(lambda: site.calls(CONTENT), 20, "a download to be tried")
    site.sql("UPDATE batch SET ended_at = ended_at - INTERVAL 31 DAY, next_at = UTC_TIMESTAMP(6), version = version + 1"
             " WHERE phase = 'harvesting'")
    finish(site, job, unread=LOTS)
    assert ends(site) == [("harvested", 0, 6, 0), ("harvested", 6, 0, 0)]
    assert burned(site) == [(2, 2)] * LOTS


# ---- A batch that is not there any more.

def test_a_batch_that_vanished_is_lost_and_its_items_are_sent_again(site):
    """404 for ten minutes; the row is made older than that."""
    job = begin(site, first_describe("stuck", done=2))
    remote = site.wait_remote("describe", "in_progress", done=2)
    site.wait_phase("running")
    site.force(remote["id"], "vanish")
    status = wait_until(lambda: next((s for s in [site.stack.status(job)] if s["warnings"]), None), 20, "a warning")
    assert [w["code"] for w in status["warnings"]] == ["batch_missing"]
    assert status["waiting_for"]["what"] == "batch"
    site.sql("UPDATE batch SET missing_since = missing_since - INTERVAL 11 MINUTE, submitted_at = submitted_at"
             " - INTERVAL 11 MINUTE, next_at = UTC_TIMESTAMP(6) WHERE phase = 'running'")
    status = finish(site, job, unread=2)
    assert ends(site) == [("lost", 0, 6, 0), ("harvested", 6, 0, 0)]
    assert status["warnings"] == []


def test_a_batch_whose_end_is_never_seen_is_closed_two_days_after_its_expiry(site):
    job = begin(site, first_describe("stuck"))
    site.wait_remote("describe", "in_progress")
    row = site.wait_phase("running")
    site.standin.fault({"match": {"route": "GET /v1/batches"}, "do": "html_502"})
    wait_until(lambda: any(c["fault"] == "html_502" for c in site.calls()), 20, "a list to fail")
    site.sql("UPDATE batch SET expires_at = UTC_TIMESTAMP(6) - INTERVAL 49 HOUR, next_at = UTC_TIMESTAMP(6) WHERE id = %s",
             row["id"])
    wait_until(lambda: site.sql("SELECT 1 FROM batch WHERE id = %s AND reason = 'lost'", row["id"]), 20,
               "the batch to be closed")
    site.rules(KEEP_FILES)
    # It shows again, and runs: it is cancelled, and what it never did is read.
    wait_until(lambda: ends(site)[0][0] == "harvested", 20, "the batch that is back to be read")
    finish(site, job)
    assert ends(site) == [("harvested", 0, 6, 0), ("harvested", 6, 0, 0)]
    assert site.kinds() == Counter(answer=LOTS, void=LOTS)


# ---- Two remote batches with one key.

def test_I3_a_second_batch_of_one_key_is_harvested_too_and_its_lines_are_duplicates(site):
    job = begin(site, first_describe("stuck", done=1))
    first = site.wait_remote("describe", "in_progress", done=1)
    site.wait_phase("running")
    twin = site.standin.call("POST", "/v1/batches", {
        "input_file_id": first["input_file_id"], "endpoint": "/v1/chat/completions", "completion_window": "24h",
        "metadata": first["metadata"]})
    wait_until(lambda: [b for b in site.remote() if b["id"] == twin["id"]][0]["status"] in ("cancelled", "completed"), 20,
               "the twin to end")
    site.force(first["id"], "resume")
    status = site.stack.wait_ended(job, 30)
    assert (status["status"], status["outcome"]) == ("completed", "full")
    site.wait_closed()
    site.check()
    assert burned(site) == [(1, 1)] * LOTS
    lines = sum(len(site.content(b[f]).splitlines()) for b in site.remote() for f in ("output_file_id", "error_file_id")
                if b[f])
    stored = site.sql("SELECT (SELECT COUNT(*) FROM answer WHERE job_id = j.id) + (SELECT COUNT(*) FROM batch_line"
                      " WHERE batch_id >= (SELECT MIN(batch_id) FROM batch_job WHERE job_id = j.id)) AS n"
                      " FROM job j ORDER BY j.id DESC LIMIT 1")[0]["n"]
    assert lines == stored


# ---- What the database does not take.

@pytest.fixture(scope="module")
def narrow():
    """A server whose packets hold 2 MiB."""
    server = MariaDB(temporary_work("narrow"), ["--max-allowed-packet=2M"])
    server.start()
    with sales("harvest-narrow", mariadb=server) as made:
        made.batchd()
        yield made
    server.stop(60)


def test_I2_a_line_that_fits_no_packet_is_recorded_and_stays_at_the_provider(narrow):
    run(narrow, first_describe("huge_line", bytes=3 << 20, lines=[3]), end=("completed", "partial"))
    assert narrow.kinds() == Counter(answer=LOTS - 1, unstorable=1)
    assert burned(narrow) == [(1, 1)] * LOTS
    assert [i["code"] for i in narrow.items()] == [None] * 3 + ["unstorable"] + [None] * 2
    # I3: it was paid for, as its head cannot tell but the line could.
    spent, = narrow.sql("SELECT l.cost, j.cost AS job, j.wasted FROM batch_line l JOIN item i ON i.id = l.item_id"
                        " JOIN job j ON j.id = i.job_id WHERE l.kind = 'unstorable'")
    assert spent["job"] > spent["wasted"] == spent["cost"] > 0
    narrow.rules()
    narrow.sql("UPDATE batch SET next_at = UTC_TIMESTAMP(6)")
    narrow.wait_swept()
    assert narrow.files_left() == [f"{narrow.remote()[0]['id']}_output.jsonl"]
