# SPDX-License-Identifier: ISC
"""What the 202 says of a deadline that leaves little time, and what batchd makes of it (DESIGN, "Latest start")."""
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from jobs import KEEP_FILES, conf, order, sales, wait_until  # noqa: E402
from test_fallback import calls, ended, is_paid_once, sources  # noqa: E402

# A batch takes ten seconds at least.
CONFIG = {"batch": {"linger": "100ms", "poll_interval": "2s"},
          "fallback": {"tiers": ["flex"], "concurrency": 2, "estimate": "1s", "reserve": "100ms"}}
SHORT, MUCH = "too_short_for_batches", "too_much_for_calls"


@pytest.fixture(scope="module")
def site():
    with sales("outlook", CONFIG) as made:
        yield made


def warned(site, lots, deadline, **more):
    """The codes of the 202's warnings; a poll has none of them."""
    answer = site.stack.request("POST", "/api/v1/jobs?again=1", order(lots, ("fr",), deadline=deadline, **more),
                                key=site.stack.key)
    assert answer.status == 202
    status = answer.json()
    assert all(warning["since"] == status["created_at"] for warning in status["warnings"])
    assert site.stack.status(status["job_id"])["warnings"] == []
    site.stack.request("POST", f"/api/v1/jobs/{status['job_id']}/cancel", key=site.stack.key)
    return [warning["code"] for warning in status["warnings"]]


@pytest.mark.parametrize("lots, deadline, codes", [
    (2, "PT1H", []),
    (2, "PT15S", [SHORT]),
    (30, "PT15S", [SHORT, MUCH]),       # 30 rounds of two
    (2000, "PT1H", [MUCH]),
])
def test_the_202_warns_of_a_deadline_that_leaves_little_time(site, lots, deadline, codes):
    assert warned(site, lots, deadline) == codes


def test_it_counts_what_was_ordered_before_and_what_was_measured(site):
    def both():
        """It is looked at once a second at most."""
        wait_until(lambda: warned(site, 8, "PT15S") == [SHORT, MUCH], 20, "the 202 to warn of both")

    assert warned(site, 8, "PT15S") == [SHORT]
    before = site.take(8, ("fr",), deadline="PT14S")
    both()
    site.stack.request("POST", f"/api/v1/jobs/{before}/cancel", key=site.stack.key)
    wait_until(lambda: warned(site, 8, "PT15S") == [SHORT], 20, "the job before not to count any more")
    site.sql("UPDATE daemon_lease SET call_us = 3000000")
    both()
    site.sql("UPDATE daemon_lease SET call_us = NULL")


def test_without_a_fallback_batches_are_the_only_way():
    with sales("outlook-none", conf.merged(CONFIG, {"fallback": {"tiers": []}})) as site:
        assert warned(site, 30, "PT15S") == []


def test_a_job_too_short_for_batches_goes_by_calls_at_once():
    with sales("outlook-calls", CONFIG) as site:
        site.rules(KEEP_FILES)
        site.batchd()
        job = site.take(3, ("fr", "de"), deadline="PT18S")
        status = ended(site, job)
        assert (status["outcome"], status["cost"]["amount"]) == ("full", site.billed())
        assert [sources(site, job, language) for language in ("en", "fr", "de")] == [["flex"] * 3] * 3
        assert not site.remote() and len(calls(site)) == 9 and is_paid_once(site)
        site.check()
