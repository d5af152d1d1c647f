# SPDX-License-Identifier: ISC
"""I3: a list of batches that is no list proves nothing: neither that a batch was never created, nor that there is none."""
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from kills import CREATE, DELETE, LIST, UPLOAD  # noqa: E402
from kills import site as new_site  # noqa: E402

BAD = {
    "an error": {"object": "error"},
    "null": {"object": "list", "data": None, "has_more": False},
    "an array": [],
    "html": "<html><body>It works!</body></html>",
    "more after no id": {"object": "list", "data": [{"object": "batch"}], "has_more": True},
    "more after null": {"object": "list", "data": [None], "has_more": True},
    "more of nothing": {"object": "list", "data": [], "has_more": True},
    "more after a long id": {"object": "list", "data": [{"object": "batch", "id": "x" * 5000}], "has_more": True},
}
LOOKS = 8


@pytest.fixture(scope="module")
def site():
    with new_site("fence-bad-list") as made:
        yield made


@pytest.fixture
def batchd(site):
    site.standin.call("POST", "/_standin/reset")
    made = site.stack.batchds[0] if site.stack.batchds else site.batchd(start=False)
    yield made
    made.stop()


def bad_list(body):
    return {"match": {"route": LIST}, "do": "status", "code": 200, "body": body}


@pytest.mark.parametrize("body", BAD)
def test_I3_a_lost_create_is_not_given_up_by_a_list_that_is_none(site, batchd, body):
    batchd.start()
    site.wait_call(LIST, "answered")
    site.rules({"match": {"route": CREATE, "nth": 1}, "do": "drop_after"}, bad_list(BAD[body]))
    job = site.take(2, ())
    row = site.wait_phase("unknown")
    site.wait_call(LIST, "answered", count=LOOKS, after=site.last_call())
    assert site.sql("SELECT phase FROM batch WHERE id = %s", row["id"]) == [{"phase": "unknown"}]
    assert site.calls(DELETE) == []
    site.rules()
    site.wait_full(job)
    site.wait_swept()
    assert len(site.calls(CREATE)) == 1 and len(site.calls(UPLOAD)) == 1
    assert site.lost() == [] and site.paid_twice() == 0
    site.stack.batchctl("check")


@pytest.mark.parametrize("body", ["an error", "more after no id"])
def test_I3_nothing_is_sent_before_a_list_was_read(site, batchd, body):
    site.rules(bad_list(BAD[body]))
    job = site.take(2, ())
    logged = len(batchd.log_text())
    batchd.start()
    site.wait_call(LIST, "answered", count=4)
    assert "reconciled" not in batchd.log_text()[logged:]
    assert site.calls(UPLOAD) == [] and site.calls(CREATE) == []
    site.rules()
    site.wait_full(job)


def test_a_list_that_repeats_its_page_is_not_read_for_ever(site, batchd):
    """More after the same last id again and again: the pass fails at the second page, and the next waits its turn."""
    site.rules(bad_list({"object": "list", "data": [{"object": "batch", "id": "batch_again"}], "has_more": True}))
    logged = len(batchd.log_text())
    batchd.start()
    site.wait_call(LIST, "answered", count=LOOKS)
    batchd.pause()
    failed = batchd.log_text()[logged:].count("call failed call=list")
    batchd.resume()
    assert failed >= LOOKS // 2 - 1
