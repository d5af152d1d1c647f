# SPDX-License-Identifier: ISC
"""I1: a job that cannot be closed does not keep others from their end. No status is asked for: the front end would
close what batchd does not."""
import contextlib
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from jobs import sales, wait_until  # noqa: E402


@pytest.fixture(scope="module")
def site():
    # Waits for locks are parts of the lease.
    with sales("close-locked", {"daemon": {"lease": "4s"}}) as made:
        made.batchd()
        yield made


@contextlib.contextmanager
def locked(site, job):
    """Somebody else holds the job's row."""
    row = site.sql("SELECT id FROM job WHERE public_id = %s", job)[0]["id"]
    connection = site.stack.mariadb.connect(site.stack.database)
    try:
        with connection.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("SELECT id FROM job WHERE id = %s FOR UPDATE", (row,))
            yield
            cursor.execute("ROLLBACK")
    finally:
        connection.close()


def status(site, job):
    return site.sql("SELECT status FROM job WHERE public_id = %s", job)[0]["status"]


def test_I1_a_job_that_cannot_be_closed_does_not_keep_others_from_ending(site):
    site.fresh({"match": {"task": "describe"}, "do": "stuck"})
    held = site.take(2, (), name="held", deadline="PT2S")
    others = [site.take(2, (), name=str(n), deadline="PT3S") for n in range(3)]
    with locked(site, held):
        wait_until(lambda: {status(site, job) for job in others} == {"failed"}, 30, "the others to end",
                   alive=site.stack.batchds)
        assert status(site, held) != "failed"
    wait_until(lambda: status(site, held) == "failed", 20, "the one that was held to end")
    assert site.stack.batchd.running
    site.wait_swept()  # what nobody wants any more is cancelled: the next test begins with nothing under way


def test_I1_a_job_whose_row_is_held_does_not_hold_up_the_answers_of_others(site):
    """Its own batch ends first."""
    site.fresh({"match": {"task": "describe"}, "do": "stuck"})
    held = site.take(2, (), name="held", deadline="PT1H")
    first = site.wait_remote("describe", "in_progress")
    other = site.take(2, (), name="other", deadline="PT1H")
    second = site.wait_remote("describe", "in_progress", nth=2)
    with locked(site, held):
        site.force(first["id"], "resume")
        site.wait_phase("harvesting")
        site.force(second["id"], "resume")
        wait_until(lambda: status(site, other) == "completed", 40, "the other to be done", alive=site.stack.batchds)
        assert status(site, held) == "describing"
    site.wait_full(held)
    site.wait_swept()
    site.prove()
