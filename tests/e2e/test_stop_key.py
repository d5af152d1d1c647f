# SPDX-License-Identifier: ISC
"""A key that is refused stops all sending, whatever call was refused; the provider's list reopens it."""
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from jobs import CHAT, KEEP_FILES, sales, wait_until  # noqa: E402
from kills import CONTENT, CREATE, LIST, UPLOAD, wait_log  # noqa: E402
from once import ticks  # noqa: E402
from stops import (NO_KEY, RESUMED, STOPPED, probe_now, refuse, stop_row, wait_alert, wait_open,  # noqa: E402
                   wait_stopped, wait_told)

REFUSED = "invalid_api_key"
GET = "GET /v1/batches/{id}"
CALLS = {"fallback": {"tiers": ["flex"], "concurrency": 1, "estimate": "30s", "reserve": "100ms"}}


@pytest.fixture
def site():
    with sales("stop-key", CALLS) as made:
        yield made


@pytest.mark.parametrize("route", [LIST, UPLOAD, CREATE, CONTENT, CHAT])
def test_whatever_call_is_refused_nothing_is_sent_until_the_list_is_read(site, route):
    stuck = [{"match": {"task": "describe", "nth": 1}, "do": "stuck"}] if route == CHAT else []
    site.rules(KEEP_FILES, *stuck, *refuse(NO_KEY, route))
    batchd = site.batchd()
    job = site.take(2, (), deadline="PT12S" if route == CHAT else "PT1H")
    wait_stopped(site, REFUSED)
    later = site.take(1, (), deadline="PT1H")
    last = site.last_call()
    ticks(15)
    assert [c for c in site.calls(after=last) if c["route"] in (UPLOAD, CREATE, CHAT)] == []
    assert site.sql("SELECT MAX(burned) AS n FROM item WHERE state <> 'done'")[0]["n"] == 0
    wait_alert(site, "key_refused")
    wait_told(site, later, "provider", "sending_stopped")
    site.rules(KEEP_FILES)
    last = site.last_call()
    probe_now(site)
    wait_open(site)
    assert site.calls(LIST, after=last)
    for one in (job, later):
        site.wait_full(one)
    assert batchd.log_text().count(STOPPED) == batchd.log_text().count(RESUMED) == 1
    site.wait_closed()
    assert site.paid_twice() == 0
    site.check()
    assert batchd.stop() == 0


def test_a_list_that_is_read_before_the_time_reopens_nothing(site):
    """A key that may list and not send would be tried at every look."""
    site.rules(KEEP_FILES, *refuse(NO_KEY, UPLOAD))
    batchd = site.batchd()
    site.take(2, (), deadline="PT1H")
    wait_stopped(site, REFUSED)
    batchd.stop()
    batchd.start()
    last = site.last_call()
    wait_until(lambda: site.calls(LIST, after=last), 20, "a look", alive=[batchd])
    wait_log(batchd, "reconciled")
    ticks()
    assert stop_row(site)["stop_code"] == REFUSED and site.calls(UPLOAD, after=last) == []
    assert batchd.stop() == 0


def test_another_key_reopens_at_once(site):
    site.rules(KEEP_FILES, *refuse(NO_KEY, UPLOAD))
    batchd = site.batchd()
    job = site.take(2, (), deadline="PT1H")
    wait_stopped(site, REFUSED)
    site.sql("UPDATE daemon_lease SET stop_key = '0123456789abcdef'")      # as it was before the reload
    site.rules(KEEP_FILES)
    site.wait_full(job)
    assert "there is another key" in batchd.log_text()
    assert batchd.stop() == 0
