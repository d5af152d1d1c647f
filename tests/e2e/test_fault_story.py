# SPDX-License-Identifier: ISC
"""I1, I2, I3: the accident that this project began with, replayed: 20 lots are described, and the batch of their 40
translations stands still at 0. The acts and their settings are those of `./dev demo --drill stuck-translation`."""
import sys
from datetime import datetime
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[1] / "demo")]

import drill  # noqa: E402
from faults import Row, judge  # noqa: E402
from jobs import KEEP_FILES, sale_20, sales  # noqa: E402

SAVED, AT_DEADLINE = drill.ACTS


@pytest.fixture
def site():
    with sales("fault-story", drill.SETTINGS) as made:
        made.batchd()
        yield made


def play(site, act):
    """The act, to its end: its status, and the claims that do not hold."""
    site.fresh(KEEP_FILES, *act.rules)
    row = Row(site, "the story", f"40 translations stuck at 0, single calls {'allowed' if act is SAVED else 'refused too'}")
    job = site.stack.order({**sale_20(), "deadline": f"PT{drill.SECONDS}S"})["job_id"]
    status = site.stack.wait_ended(job, drill.SECONDS + 20)
    deadline, completed = (datetime.fromisoformat(status[key]) for key in ("deadline_at", "completed_at"))
    assert [text for text, held in drill.claims(act, status, deadline, completed, site.paid_twice()) if not held] == []
    site.wait_closed()
    row.jobs.append(job)
    judge(row)
    return job, status


def translations(site, job):
    """Where each of the 40 translations came from."""
    return [(lot["descriptions"][tag] or {}).get("source") for lot in site.stack.result(job)["lots"] for tag in ("fr", "de")]


def stuck_batches(site):
    return [b for b in site.remote() if b["task"] == "translate"]


def test_I1_with_retry_and_fallback_the_job_ends_full(site):
    job, status = play(site, SAVED)
    assert status["progress"]["translations"] == 40 and status["cost"]["wasted"] == "0.0000"
    assert translations(site, job) == ["flex"] * 40
    # The first batch was cancelled, and its items were sent again in a second one, before they went by calls.
    assert len(stuck_batches(site)) >= 2 and stuck_batches(site)[0]["status"] == "cancelled"
    assert all(b["request_counts"]["completed"] == 0 for b in stuck_batches(site))
    assert site.lost() == []
    assert site.stack.status(job)["cost"]["amount"] == site.billed()


def test_I1_with_the_fallback_failing_too_it_ends_at_its_deadline_with_20_descriptions(site):
    job, status = play(site, AT_DEADLINE)
    assert status["progress"]["described"] == 20 and status["progress"]["failed"] == 40
    assert translations(site, job) == [None] * 40
    codes = {error["code"] for lot in site.stack.result(job)["lots"] for error in lot["errors"]}
    assert codes == {"deadline"}
    assert site.lost() == []
