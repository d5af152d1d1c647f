# SPDX-License-Identifier: ISC
"""Work under which batchd dies again and again is put aside, so that it stops nothing else."""
import signal
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from jobs import CHAT, sales, wait_until  # noqa: E402
from kills import changed_batchd, wait_log  # noqa: E402

# A line that kills: its batch is poison.
LINE = "	if (res->kind == RESULT_BROKEN || res->kind == RESULT_STRANGER)\n"
POISON = {"batchd/apply.c": [(LINE, "	if (strstr(l->text, \"poison\"))\n		abort();\n" + LINE)]}


@pytest.fixture(scope="module")
def mortal():
    return changed_batchd("once-unit-build", POISON)


@pytest.fixture
def site():
    with sales("once-unit") as made:
        yield made


def unit(site):
    row, = site.sql("SELECT unit, unit_deaths FROM daemon_lease")
    return row["unit"], row["unit_deaths"]


def die(site, mortal, times, **more):
    """A batchd that dies so often under the batch of the poisonous lot; returns its job and the batchd."""
    batchd = site.batchd(start=False)
    healthy, batchd.argv[0] = batchd.argv[0], str(mortal)
    job = site.stack.order({"lots": [{"id": "1", "title": "A box of poison"}], **more})["job_id"]
    for n in range(1, times + 1):
        batchd.start()
        assert batchd.wait() == -signal.SIGABRT
        assert unit(site) == (1, n - 1)
        site.end_lease()
    return job, batchd, healthy


def test_work_that_kills_three_times_is_put_aside_and_all_else_goes_on(site, mortal):
    job, batchd, healthy = die(site, mortal, 3)
    batchd.start()
    wait_log(batchd, "work skipped batch=1 deaths=3 seconds=60")
    other = site.take(2, ())
    site.wait_full(other)
    wait_until(lambda: [w["code"] for w in site.stack.status(job)["warnings"]] == ["work_skipped"], 20, "it to be told")
    assert batchd.running
    assert site.sql("SELECT phase FROM batch WHERE id = 1") == [{"phase": "harvesting"}]
    # A death under nothing, or under the work of another, forgets nothing.
    wait_until(lambda: unit(site) == (1, 2), 20, "the suspect to stand in the row")
    site.bury(batchd)
    batchd.start()
    wait_until(lambda: batchd.log_text().count("work skipped batch=1 deaths=3") == 2, 20, "it to be skipped again")
    # An end in order gives it another chance.
    assert batchd.stop() == 0
    assert unit(site) == (None, 0)
    batchd.argv[0] = healthy
    batchd.start()
    assert site.wait_full(job)["warnings"] == []
    site.check()
    assert batchd.stop() == 0


def test_I1_what_is_put_aside_leaves_at_its_latest_start(mortal):
    """Its answer is in a file that nobody can read now: it is asked for again."""
    with sales("once-unit-calls", {"fallback": {"tiers": ["flex"], "estimate": "30s", "reserve": "100ms"}}) as site:
        job, batchd, _ = die(site, mortal, 3, deadline="PT50S")
        batchd.start()
        wait_log(batchd, "work skipped batch=1 deaths=3 seconds=60")
        status = site.wait_full(job)
        assert status["completed_at"] < status["deadline_at"] and len(site.calls(CHAT)) == 1
        batchd.kill()


def test_work_is_cleared_when_it_is_done(site, mortal):
    job, batchd, healthy = die(site, mortal, 2)
    batchd.argv[0] = healthy
    batchd.start()
    wait_log(batchd, "work done after all batch=1 deaths=2")
    site.wait_full(job)
    wait_until(lambda: unit(site) == (None, 0), 20, "the row to be cleared")
    batchd.kill()
    site.end_lease()
    batchd.start()
    wait_until(lambda: batchd.log_text().count("lease taken") == 4, 20, "the lease", alive=[batchd])
    assert "skipped" not in batchd.log_text()
    assert batchd.stop() == 0
