# SPDX-License-Identifier: ISC
"""Troubles of the provider that no other file shows; tests/e2e/README.md says which test shows which."""
import json
import sys
from collections import Counter
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from commands import codes  # noqa: E402
from jobs import CONTENT, KEEP_FILES, first_describe, sales, wait_until  # noqa: E402
from kills import UPLOAD  # noqa: E402
from once import ticks  # noqa: E402
from stops import wait_open, wait_stopped  # noqa: E402

LOTS = 4


@pytest.fixture(scope="module")
def site():
    with sales("troubles") as made:
        made.batchd()
        yield made


def finish(site, job):
    site.wait_full(job)
    site.wait_closed()
    site.check()
    assert site.lost() == [] and site.paid_twice() == 0
    assert set(site.batches_by_key().values()) == {1}


def sendings(site):
    return sorted((i["attempts"], i["burned"]) for i in site.items())


def test_I2_results_of_a_cancelled_batch_that_cannot_be_had_at_first_are_asked_for_again(site):
    site.fresh(KEEP_FILES, first_describe("stuck", done=2), {"match": {"route": CONTENT, "nth": 1}, "do": "status", "code": 500},
               {"match": {"route": CONTENT, "nth": 2}, "do": "status", "code": 404})
    job = site.take(LOTS, ())
    remote = site.wait_remote("describe", "in_progress", done=2)
    site.standin.call("POST", f"/v1/batches/{remote['id']}/cancel")
    finish(site, job)
    assert site.kinds() == Counter(answer=LOTS, void=2) and sendings(site) == [(1, 1)] * 2 + [(2, 1)] * 2


def test_nothing_is_read_by_counts_before_the_end(site):
    """All is done by its counts, and its files are not written yet."""
    site.fresh(KEEP_FILES, first_describe("stuck", status="finalizing"))
    job = site.take(LOTS, ())
    remote = site.wait_remote("describe", "finalizing", done=LOTS)
    wait_until(lambda: site.sql("SELECT 1 FROM batch WHERE remote_status = 'finalizing' AND remote_done = %s", LOTS), 20,
               "batchd to see it")
    ticks(5)
    assert not site.calls(CONTENT) and {i["state"] for i in site.items()} == {"sent"}
    site.force(remote["id"], "resume")
    finish(site, job)


def test_storage_that_is_full_stops_sending_and_costs_no_item_an_attempt(site):
    site.fresh({"match": {"route": UPLOAD}, "do": "status", "code": 400, "error": {
        "code": None, "message": "Organizations are limited to 100 GB of files."}})
    job = site.take(LOTS, ())
    wait_stopped(site, "storage_full")
    last = site.last_call()
    ticks(10)
    assert not site.calls(UPLOAD, after=last)
    site.rules()
    site.stack.batchctl("resume")
    wait_open(site)
    finish(site, job)
    assert {burned for _, burned in sendings(site)} == {1}     # by its answer


def test_files_do_not_stay_at_the_provider(site):
    """They are asked to expire, and deleted when their batch is harvested."""
    site.fresh()
    finish(site, site.take(LOTS))
    assert {b["output_expires"] for b in site.remote()} == {30 * 86400}
    site.wait_swept()
    assert site.files_left() == []


def test_an_upload_that_is_cut_over_and_over_is_made_again(site):
    site.fresh(KEEP_FILES, *({"match": {"route": UPLOAD, "nth": n}, "do": "drop_upload", "bytes": 500} for n in (1, 2)))
    finish(site, site.take(LOTS, ()))
    assert len(site.calls(UPLOAD)) == 3 and len(site.remote()) == 1 and sendings(site) == [(1, 1)] * LOTS


def test_a_file_is_plain_utf8_with_one_request_a_line_and_no_id_twice(site):
    title = "Théière «no. 1» 茶壶 \u2028 \"x\" \\ \u007f \U0001fad6"
    site.fresh(KEEP_FILES)
    job = site.stack.order({"languages": ["fr"], "lots": [{"id": str(n), "title": title, "notes": "a\tb\nc"}
                                                         for n in range(LOTS)]})["job_id"]
    finish(site, job)
    seen = Counter()
    for batch in site.remote():
        text = site.content(batch["input_file_id"])
        assert not text.startswith(b"\xef\xbb\xbf") and text.endswith(b"\n") and b"\r" not in text
        lines = text.decode().split("\n")[:-1]
        assert len(lines) == LOTS
        seen += Counter(json.loads(line)["custom_id"] for line in lines)
    assert len(seen) == 2 * LOTS and set(seen.values()) == {1}
    assert all(lot["title"] == title for lot in site.stack.result(job)["lots"])


def test_a_batch_that_expired_with_nothing_but_server_errors_is_run_again(site):
    site.fresh(KEEP_FILES, first_describe("expire", done=LOTS), first_describe(
        "http_error_lines", all=True, code=500, error={"code": "server_error", "message": "An error occurred while processing"
                                                       " your request. Include the request ID req_1 in your message."}))
    finish(site, site.take(LOTS, ()))
    assert [b["status"] for b in site.remote()] == ["expired", "completed"]
    assert site.kinds() == Counter(answer=LOTS, failure=LOTS) and sendings(site) == [(2, 2)] * LOTS


@pytest.mark.parametrize("code", ["duplicate_custom_id", "invalid_json_line", "url_mismatch", "too_many_tasks", "empty_file"])
def test_I1_a_file_that_is_refused_whatever_is_in_it_ends_the_job(site, code):
    site.fresh(KEEP_FILES, {"match": {"task": "translate"}, "do": "fail", "code": code, "line": 1})
    job = site.take(LOTS)
    status = site.stack.wait_ended(job)
    assert (status["status"], status["outcome"], status["progress"]["described"]) == ("completed", "partial", LOTS)
    assert codes(site, job) == {"fr": {"bad_input_file"}}
    site.wait_closed()
    site.check()


def test_I1_a_file_that_is_too_large_for_the_provider_ends_the_job(site):
    site.fresh(KEEP_FILES, {"match": {"route": UPLOAD, "task": "translate"}, "do": "status", "code": 400, "error": {
        "code": None, "message": "File is too large."}})
    job = site.take(LOTS)
    status = site.stack.wait_ended(job)
    assert (status["status"], status["outcome"]) == ("completed", "partial")
    assert codes(site, job) == {"fr": {"file_too_large"}}
    site.wait_closed()
    site.check()
