# SPDX-License-Identifier: ISC
"""I2, I3: what was paid for is waited for, where the result files are named late, and where they cannot be had for long."""
import sys
from collections import Counter
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from jobs import CONTENT, DELETE, KEEP_FILES, first_describe, sales, wait_until  # noqa: E402

LOTS = 4
READS = 6


@pytest.fixture(scope="module")
def site():
    with sales("harvest-late-files") as made:
        made.batchd()
        yield made


def finish(site, job):
    site.wait_full(job)
    site.wait_closed()
    site.check()
    assert site.lost() == []
    assert site.paid_twice() == 0
    assert site.stack.status(job)["cost"] == {**site.stack.status(job)["cost"], "amount": site.billed(), "wasted": "0.0000"}


def cancel_outside(site):
    remote = site.wait_remote("describe", "in_progress", done=2)
    site.standin.call("POST", f"/v1/batches/{remote['id']}/cancel")


@pytest.mark.parametrize("late", [{}, {"file": "output"}], ids=["both", "output"])
@pytest.mark.parametrize("end", ["expired", "cancelled"])
def test_I2_I3_files_that_are_named_some_reads_after_the_end_are_read(site, end, late):
    site.fresh(KEEP_FILES, first_describe("expire" if end == "expired" else "stuck", done=2),
               first_describe("no_file_yet", reads=READS, **late))
    job = site.take(LOTS, ())
    if end == "cancelled":
        cancel_outside(site)
    finish(site, job)
    assert site.kinds() == Counter(answer=LOTS, void=2)
    assert sorted((i["attempts"], i["burned"]) for i in site.items()) == [(1, 1)] * 2 + [(2, 1)] * 2


def test_I2_I3_an_output_that_is_named_after_the_failures_is_read(site):
    """Completed, and only the file of the failure is named at first."""
    site.fresh(KEEP_FILES, first_describe("http_error_lines", n=1, code=500),
               first_describe("no_file_yet", reads=READS, file="output"))
    finish(site, site.take(LOTS, ()))
    assert site.kinds() == Counter(answer=LOTS, failure=1)


def test_I3_a_result_file_that_is_not_found_for_long_is_asked_for_again_and_never_deleted(site):
    """404 for longer than ten minutes: the row is made older than that."""
    site.fresh({"match": {"route": CONTENT}, "do": "status", "code": 404})
    job = site.take(LOTS, ())
    row = site.wait_phase("harvesting")
    wait_until(lambda: site.calls(CONTENT), 20, "a download to be tried")
    last = site.last_call()
    site.sql("UPDATE batch SET phase_at = phase_at - INTERVAL 11 MINUTE, ended_at = ended_at - INTERVAL 11 MINUTE,"
             " next_at = UTC_TIMESTAMP(6), version = version + 1 WHERE id = %s", row["id"])
    wait_until(lambda: site.calls(CONTENT, after=last), 20, "another try")
    last = site.last_call()
    site.sql("UPDATE batch SET next_at = UTC_TIMESTAMP(6), version = version + 1 WHERE id = %s", row["id"])
    wait_until(lambda: site.calls(CONTENT, after=last), 20, "one more")
    output = site.remote()[0]["output_file_id"]
    assert not [c for c in site.calls(DELETE) if output in c["path"]]
    site.rules()
    site.sql("UPDATE batch SET next_at = UTC_TIMESTAMP(6), version = version + 1 WHERE id = %s", row["id"])
    site.wait_full(job)
    site.wait_closed()
    site.check()
    assert site.lost() == []
    assert site.paid_twice() == 0
