# SPDX-License-Identifier: ISC
"""I2, I3: the database is restored from a backup that is older than a batch at the provider."""
import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from jobs import sales, wait_until  # noqa: E402
from kills import CREATE, wait_log  # noqa: E402
from once import STUCK, dump, restore, ticks, twice, writes  # noqa: E402


@pytest.fixture(scope="module")
def site():
    with sales("once-backup") as made:
        yield made


def unknown(site):
    """What `batchctl check` warns of."""
    report = json.loads(site.stack.batchctl("-j", "check", check=False).stdout)
    return next(c["rows"] for c in report["checks"] if c["name"].endswith("no remote batch of ours is without a row"))


def lose(site):
    """Jobs A and B go in one batch; then the database is that of before B and the batch. Returns A, its batch."""
    site.fresh(STUCK)
    job = site.take(3)
    backup = dump(site)
    site.take(2)
    batchd = site.batchd()
    remote = site.wait_remote("describe", "in_progress")
    assert remote["request_counts"]["total"] == 5
    site.wait_phase("running")
    site.bury(batchd)
    restore(site, backup)
    return job, remote["id"]


def test_I3_a_batch_without_a_row_holds_its_recipe_until_it_is_adopted(site):
    job, remote = lose(site)
    # Its items take the numbers that those of job B had.
    again = site.take(2)
    last = site.last_call()
    batchd = site.batchd()
    wait_log(batchd, f"unknown batch of ours remote={remote}")
    ticks()
    assert writes(site, last) == []
    assert [row["remote_id"] for row in unknown(site)] == [remote]
    orphan, = site.stack.batchctl_json("installation")["orphans"]
    assert (orphan["remote_id"], orphan["task"], orphan["adopt_at"]) == (remote, "describe", None)

    assert site.stack.batchctl("adopt", "batch_of_nobody", check=False).returncode == 66
    assert site.stack.batchctl_json("adopt", remote)["adopt_at"] is not None
    wait_log(batchd, f"orphan adopted remote={remote}")
    ticks()     # it still stands: what it holds is not sent
    assert writes(site, last) == []
    site.force(remote, "resume")
    site.wait_full(job)
    site.wait_full(again)
    site.wait_swept()
    assert batchd.log_text().count("unknown batch of ours") == 1
    assert unknown(site) == [] and twice(site) == []
    row, = site.sql("SELECT * FROM batch WHERE remote_id = %s", remote)
    assert (row["adopted"], row["reason"], row["n_items"], row["n_answered"]) == (1, "harvested", 3, 3)
    assert site.sql("SELECT kind, COUNT(*) AS n FROM batch_line WHERE batch_id = %s GROUP BY kind", row["id"]) == [
        {"kind": "stranger", "n": 2}]
    assert [e["kind"] for e in site.stack.batchctl_json("events", f"batch:{row['id']}")][0] == "adopted"
    assert site.stack.batchctl_json("installation")["orphans"][0]["batch"] == row["id"]
    site.check()
    assert batchd.stop() == 0


def test_I3_other_recipes_are_not_held(site):
    """The translations of a job that is described already go on while the descriptions of others wait."""
    job, remote = lose(site)
    described = site.take(2)
    batchd = site.batchd()
    wait_log(batchd, f"unknown batch of ours remote={remote}")
    # As if they had been described before: answers that came with the order.
    row, = site.sql("SELECT id FROM job WHERE public_id = %s", described)
    site.sql("INSERT INTO answer (item_id, attempt_no, job_id, grade, raw, source, model, created_at) SELECT id, 0,"
             " job_id, 'valid', '{\"title\": \"Teapot\", \"description\": \"Of silver.\"}', 'order', '',"
             " UTC_TIMESTAMP(6) FROM item WHERE job_id = %s AND lang_no = 0", row["id"])
    site.sql("UPDATE item SET state = IF(lang_no = 0, 'done', 'ready'), answer_no = IF(lang_no = 0, 0, NULL)"
             " WHERE job_id = %s", row["id"])
    site.sql("UPDATE job_language SET n_ready = IF(no = 0, 0, 2), n_done = IF(no = 0, 2, 0), ready_since ="
             " UTC_TIMESTAMP(6) WHERE job_id = %s", row["id"])
    site.wait_full(described)
    assert [b["task"] for b in site.remote()] == ["describe", "translate"]
    site.stack.batchctl("adopt", remote)
    site.force(remote, "resume")
    site.wait_full(job)
    site.wait_swept()
    site.check()
    assert batchd.stop() == 0


def test_I3_a_row_that_waits_to_be_created_gets_the_batch_that_is_there(site):
    """The backup was made between the upload and the create."""
    site.fresh({"match": {"route": CREATE, "nth": 1}, "do": "status", "code": 503, "headers": {"Retry-After": "2"}},
               {"match": {"task": "describe", "nth": 2}, "do": "stuck"}, STUCK)
    job = site.take(3)
    batchd = site.batchd()
    wait_until(lambda: site.sql("SELECT id FROM batch WHERE phase = 'uploaded' AND tries > 0"), 20, "a create to fail")
    backup = dump(site)
    remote = site.wait_remote("describe", "in_progress")["id"]
    site.wait_phase("running")
    site.bury(batchd)
    restore(site, backup)
    site.end_lease()
    last = site.last_call()
    site.sql("UPDATE batch SET next_at = UTC_TIMESTAMP(6) WHERE phase = 'uploaded'")
    batchd.start()
    wait_until(lambda: site.sql("SELECT id FROM batch WHERE remote_id = %s AND phase = 'running'", remote), 20,
               "the batch to be found")
    ticks()
    assert writes(site, last) == []
    assert "batch was created already" in batchd.log_text()
    site.force(remote, "resume")
    site.wait_full(job)
    site.wait_swept()
    site.prove(2)
    assert batchd.stop() == 0


def test_I2_a_batch_of_a_recipe_that_is_gone_is_read_all_the_same(site):
    """The backup is older than the order itself: nothing matches, everything is recorded."""
    site.fresh(STUCK)
    backup = dump(site)
    site.take(2, ())
    batchd = site.batchd()
    remote = site.wait_remote("describe", "in_progress")["id"]
    site.wait_phase("running")
    site.bury(batchd)
    restore(site, backup)
    site.sql("UPDATE recipe SET hash = REPEAT('0', 64) WHERE task = 'describe'")
    batchd = site.batchd()
    wait_log(batchd, f"unknown batch of ours remote={remote}")
    site.stack.batchctl("adopt", remote)
    site.force(remote, "resume")
    wait_until(lambda: site.sql("SELECT id FROM batch WHERE remote_id = %s AND phase = 'closed'", remote), 20,
               "the batch to be closed")
    assert site.sql("SELECT kind, COUNT(*) AS n FROM batch_line JOIN batch b ON b.id = batch_id WHERE remote_id = %s"
                    " GROUP BY kind", remote) == [{"kind": "stranger", "n": 2}]
    site.check()
    assert batchd.stop() == 0
