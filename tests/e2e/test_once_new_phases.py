# SPDX-License-Identifier: ISC
"""`batchctl installation new` while a batch is on its way: whatever it was about to do is given up, and done anew."""
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from jobs import CONTENT, CREATE, DELETE, sales, wait_until  # noqa: E402
from kills import CANCEL, LIST, UPLOAD  # noqa: E402

PHASES = {      # what keeps a batch there
    "sealed": [{"match": {"route": UPLOAD}, "do": "status", "code": 503}],
    "uploading": [{"match": {"route": UPLOAD}, "do": "hang"}],
    "uploaded": [{"match": {"route": CREATE}, "do": "status", "code": 429}],
    "creating": [{"match": {"route": CREATE}, "do": "hang"}],
    "unknown": [{"match": {"route": CREATE, "nth": 1}, "do": "drop_before"}, {"match": {"route": LIST}, "do": "html_502"}],
    "fencing": [{"match": {"route": CREATE, "nth": 1}, "do": "drop_before"},
                {"match": {"route": DELETE}, "do": "status", "code": 500}],
    "running": [{"do": "stuck"}],
    "harvesting": [{"match": {"route": CONTENT}, "do": "status", "code": 500}],
}


@pytest.fixture(scope="module")
def site():
    with sales("once-new-phases") as made:
        made.batchd()
        yield made


@pytest.mark.parametrize("phase", PHASES)
def test_a_new_mark_gives_up_a_batch_in_any_phase(site, phase):
    batchd = site.stack.batchd
    # The stand-in is not emptied: a batchd that finds none of its batches would doubt its key.
    site.rules()
    if not site.sql("SELECT id FROM batch"):
        site.wait_full(site.take(1, (), name="before"))
    reconciled = batchd.log_text().count("reconciled")
    wait_until(lambda: batchd.log_text().count("reconciled") >= max(reconciled, 1), 20, "a look around")
    site.rules(*PHASES[phase])
    job = site.take(2, (), name=phase)
    row = site.wait_phase(phase)
    site.stack.batchctl("installation", "new")
    site.rules()
    site.release()
    wait_until(lambda: site.sql("SELECT id FROM batch WHERE id = %s AND phase = 'closed'", row["id"]), 30,
               "the batch to be given up", alive=[batchd])
    site.wait_full(job)
    assert batchd.running
    assert not site.calls(CANCEL)       # another mark by now: never touched
    assert site.sql("SELECT reason FROM batch WHERE id = %s", row["id"])[0]["reason"] in ("lost", "never_created")
