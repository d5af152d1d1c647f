# SPDX-License-Identifier: ISC
"""I2, I3: two batches with one key. The younger is cancelled, both are read, the waste is listed."""
import json
import sys
from decimal import Decimal
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from jobs import sales, wait_until  # noqa: E402
from kills import CANCEL, CREATE, DELETE, wait_log  # noqa: E402
from once import create, set_clock  # noqa: E402

LOTS = 4


@pytest.fixture(scope="module")
def site():
    with sales("once-twin") as made:
        made.batchd()
        yield made


def booked(site):
    report = json.loads(site.stack.batchctl("-j", "check").stdout)
    return [row["remote_id"] for check in report["checks"] if "created twice with one key" in check["name"]
            for row in check["rows"]]


def twins(site, younger):
    """The row of the first batch and that of its twin, once both are closed."""
    def closed():
        rows = site.sql("SELECT * FROM batch WHERE twin_of IS NOT NULL AND phase = 'closed' AND remote_id = %s",
                        younger)
        return rows and (site.sql("SELECT * FROM batch WHERE id = %s", rows[0]["twin_of"])[0], rows[0])
    return wait_until(closed, 30, "the twin to be closed")


def second(site, first, age=0):
    """Another batch like this one, made so many seconds earlier."""
    set_clock(site, -age)
    remote = create(site, first["input_file_id"], first["metadata"])
    set_clock(site, age)
    return remote


@pytest.mark.parametrize("age", [0, 3600], ids=["younger", "older"])
def test_I3_of_two_batches_with_one_key_the_younger_is_cancelled_and_both_are_read(site, age):
    # Each stands still with two of four lines done.
    site.fresh({"match": {"task": "describe"}, "do": "stuck", "done": 2})
    job = site.take(LOTS)
    first = site.wait_remote("describe", "in_progress", done=2)
    site.wait_phase("running")
    other = second(site, first, age)
    wait_until(lambda: site.calls(CANCEL), 30, "a cancel")
    older, younger = (other, first["id"]) if age else (first["id"], other)
    assert [c["path"].split("/")[3] for c in site.calls(CANCEL)] == [younger]
    site.rules()
    site.force(older, "resume")
    site.wait_full(job)
    row, twin = twins(site, younger)
    assert row["remote_id"] == older
    assert (row["reason"], row["n_answered"], twin["reason"], twin["n_items"]) == ("harvested", LOTS, "harvested", 0)
    # What the younger had done is a second answer, paid and wasted; the rest of it never ran.
    assert {r["kind"]: r["n"] for r in site.sql("SELECT kind, COUNT(*) AS n FROM batch_line WHERE batch_id = %s"
                                                " GROUP BY kind", twin["id"])} == {"duplicate": 2, "void": 2}
    assert younger in booked(site)
    cost = site.stack.status(job)["cost"]
    assert cost["amount"] == site.billed()
    assert Decimal(cost["wasted"]) == Decimal(site.sql("SELECT SUM(cost) AS n FROM batch_line WHERE batch_id = %s"
                                                       " AND kind = 'duplicate'", twin["id"])[0]["n"]) / 1000000 > 0
    assert len(site.calls(CANCEL)) == 1
    site.wait_swept()
    site.check()


def test_I3_a_create_that_comes_after_its_fence_is_found(site):
    """Its input file was not deleted, whatever the provider said."""
    site.fresh({"match": {"route": CREATE, "nth": 1}, "do": "delay"},
               {"match": {"route": DELETE, "nth": 1}, "do": "status", "code": 404},
               {"match": {"task": "describe"}, "do": "stuck"})
    job = site.take(LOTS)
    remote = site.wait_remote("describe", "in_progress")
    site.wait_phase("running")
    site.release()
    late = site.wait_remote("describe", "cancelled", nth=2)
    assert late["metadata"] == remote["metadata"]
    site.force(remote["id"], "resume")
    site.wait_full(job)
    row, twin = twins(site, late["id"])
    assert (row["remote_id"], twin["remote_done"]) == (remote["id"], 0)
    assert site.paid_twice() == 0
    site.wait_swept()
    site.check()


def test_I2_a_twin_that_shows_after_the_first_is_closed_is_read_too(site):
    keep = {"match": {"route": DELETE}, "do": "status", "code": 500}
    site.fresh(keep)
    job = site.take(LOTS, ())
    site.wait_full(job)
    first, = site.remote()
    site.wait_closed()
    site.rules(keep, {"match": {"task": "describe", "nth": 2}, "do": "stuck"})
    other = second(site, first)
    # The list is looked at while something runs.
    later = site.take(1, ())
    row, twin = twins(site, other)
    assert row["remote_id"] == first["id"]
    wait_log(site.stack.batchd, f"remote={other}")
    assert site.sql("SELECT COUNT(*) AS n FROM batch_line WHERE batch_id = %s", twin["id"]) == [{"n": LOTS}]
    site.force(site.wait_remote("describe", "in_progress", nth=3)["id"], "resume")
    site.wait_full(later)
    site.rules()
    site.wait_swept()
    site.check()
