# SPDX-License-Identifier: ISC
"""Thousands of jobs are told something at once: it takes several ticks, and what is due comes in between."""
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from jobs import sales, wait_until  # noqa: E402
from kills import LIST  # noqa: E402
from stops import NO_KEY, refuse  # noqa: E402

JOBS = 150


@pytest.fixture
def site():
    with sales("tell-many", {"batch": {"linger": "30m"}}) as made:
        made.sql("CREATE TABLE told (no INT AUTO_INCREMENT PRIMARY KEY, job BIGINT UNSIGNED)")
        made.rules(*refuse(NO_KEY, LIST))      # so that all of them are told that nothing is sent
        yield made


def on_telling(site, statement):
    site.sql("CREATE TRIGGER telling BEFORE UPDATE ON job FOR EACH ROW IF NOT NEW.wait_what <=> OLD.wait_what"
             f" AND NEW.wait_what = 'provider' THEN {statement}; INSERT INTO told (job) VALUES (NEW.id); END IF")


def told(site):
    return {row["job"]: row["n"] for row in site.sql("SELECT job, COUNT(*) AS n FROM told GROUP BY job")}


def test_a_job_that_is_due_ends_between_the_jobs_that_are_told(site):
    jobs = [site.take(1, (), name=str(n)) for n in range(JOBS)]
    on_telling(site, "DO SLEEP(0.02)")
    site.sql("CREATE TRIGGER ending AFTER UPDATE ON job FOR EACH ROW"
             " IF OLD.completed_at IS NULL AND NEW.completed_at IS NOT NULL THEN INSERT INTO told (job) VALUES (0); END IF")
    batchd = site.batchd()
    wait_until(lambda: told(site), 20, "the first to be told", alive=[batchd])
    site.sql("UPDATE job SET deadline_at = UTC_TIMESTAMP(6) ORDER BY id DESC LIMIT 1")
    wait_until(lambda: len(told(site)) >= JOBS, 25, "all to be told, and one to end", alive=[batchd])
    ended = site.sql("SELECT no FROM told WHERE job = 0")[0]["no"]
    assert site.sql("SELECT COUNT(*) AS n FROM told WHERE no > %s", ended)[0]["n"] > 0
    assert site.stack.status(jobs[-1])["completed_at"]
    site.check()


def test_a_job_that_cannot_be_told_holds_up_none_and_is_told_later(site):
    for n in range(3):
        site.take(1, (), name=str(n))
    ids = [row["id"] for row in site.sql("SELECT id FROM job ORDER BY id")]
    on_telling(site, f"IF NEW.id = {ids[0]} THEN SIGNAL SQLSTATE '45000'; END IF")
    batchd = site.batchd()
    def tried(more):
        tries = batchd.log_text().count("job not told") + more
        wait_until(lambda: batchd.log_text().count("job not told") >= tries, 20, "it to be tried", alive=[batchd])
        return told(site)
    before = tried(4)
    assert sorted(before) == ids[1:]
    assert tried(4) == before
    site.sql("DROP TRIGGER telling")
    wait_until(lambda: site.sql("SELECT 1 FROM job WHERE id = %s AND wait_what IS NOT NULL", ids[0]), 20,
               "it to be told")
    site.check()
