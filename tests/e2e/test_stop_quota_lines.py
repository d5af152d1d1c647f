# SPDX-License-Identifier: ISC
"""A quota that shows only in the lines of a batch that was accepted stops sending too (DESIGN, Stops)."""
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from jobs import sales, wait_until  # noqa: E402
from kills import UPLOAD, wait_log  # noqa: E402
from once import ticks, writes  # noqa: E402

STOPPED = "sending stopped code="
LOTS = 3


@pytest.fixture(scope="module")
def site():
    with sales("stop-quota-lines") as made:
        yield made


@pytest.fixture
def batchd(site):
    site.standin.call("POST", "/_standin/reset")
    made = site.stack.batchds[0] if site.stack.batchds else site.batchd(start=False)
    made.start()
    yield made
    made.stop()


def quota_lines(**which):
    return {"match": {"task": "describe", "nth": 1}, "do": "http_error_lines", "code": 429,
            "error": {"code": "insufficient_quota", "type": "insufficient_quota", "message": "You exceeded your quota"},
            **which}


@pytest.mark.parametrize("which", [{"all": True}, {"n": 1}], ids=["all lines", "one line"])
def test_lines_without_quota_stop_sending_until_it_is_resumed(site, batchd, which):
    site.rules(quota_lines(**which))
    stops = batchd.log_text().count(STOPPED)
    job = site.take(LOTS, ())
    wait_until(lambda: batchd.log_text().count(STOPPED) > stops, 30, "sending to stop", alive=[batchd])
    wait_until(lambda: site.sql("SELECT 1 FROM batch WHERE phase = 'closed' AND n_void > 0 ORDER BY id DESC LIMIT 1"), 20,
               "the batch to be closed")
    site.wait_swept()
    waits = site.take(2, ())
    last = site.last_call()
    ticks()
    assert writes(site, last) == [] and len(site.calls(UPLOAD)) == 1
    states = [(i["state"], i["burned"]) for i in site.sql("SELECT i.* FROM item i JOIN job j ON j.id = i.job_id WHERE"
                                                          " j.public_id = %s AND i.state <> 'done'", job)]
    assert states == [("ready", 0)] * (LOTS if which.get("all") else 1)
    assert f"{STOPPED}insufficient_quota" in batchd.log_text()
    assert batchd.log_text().count(STOPPED) == stops + 1
    assert site.stack.batchctl_json("resume") == {"resumed": True}
    site.wait_full(job)
    site.wait_full(waits)
    site.wait_swept()
    site.check()
    assert site.paid_twice() == 0


def test_a_rate_limit_in_lines_is_no_stop(site, batchd):
    site.rules({"match": {"task": "describe", "nth": 1}, "do": "http_error_lines", "n": 1, "code": 429})
    logged = len(batchd.log_text())
    site.wait_full(site.take(LOTS, ()))
    wait_log(batchd, "batch closed")
    assert STOPPED not in batchd.log_text()[logged:]
