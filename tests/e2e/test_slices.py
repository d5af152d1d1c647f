# SPDX-License-Identifier: ISC
"""Work is done in slices, and the next slice is of what is nearest its latest start."""
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from jobs import lots, sales, wait_until  # noqa: E402


@pytest.fixture
def site():
    with sales("slices", {"budget": {"job": "10000", "day": "10000"}}) as made:
        yield made


def answered(site, job):
    """When the answers of a job's batch were stored; one item is tried before it."""
    return [row["created_at"] for row in site.sql(
        "SELECT a.created_at FROM answer a JOIN job j ON j.id = a.job_id WHERE j.public_id = %s"
        " AND a.source = 'batch' ORDER BY a.created_at", job)]


def test_an_urgent_job_s_answers_are_stored_before_the_rest_of_a_patient_one_s(site):
    """The patient one's are being stored when the urgent one's file arrives, and go on only after it."""
    site.rules({"match": {"task": "describe"}, "do": "stuck", "status": "finalizing"})
    batchd = site.batchd()
    # Three slices, and many.
    urgent = site.stack.order({"lots": lots(2500), "deadline": "PT2H"})["job_id"]
    patient = site.stack.order({"lots": lots(20000), "deadline": "PT40H"})["job_id"]
    wait_until(lambda: len([b for b in site.remote() if b["status"] == "finalizing"]) == 2, 60, "two batches")
    small, big = sorted(site.remote(), key=lambda b: b["request_counts"]["total"])
    site.force(big["id"], "resume")
    wait_until(lambda: answered(site, patient), 60, "the patient job's first answers", alive=[batchd])
    site.force(small["id"], "resume")
    for job in (urgent, patient):
        site.wait_full(job)
    first, last = answered(site, urgent)[0], answered(site, urgent)[-1]
    assert not [at for at in answered(site, patient) if first <= at <= last]
    assert batchd.stop() == 0
    site.check()
