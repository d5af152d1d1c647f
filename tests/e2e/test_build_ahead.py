# SPDX-License-Identifier: ISC
"""A batch's input file is written while the batch is filled, and is what the rows say at its seal all the same."""
import contextlib
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from jobs import KEEP_FILES, lots, sales, wait_until  # noqa: E402

MONEY = {"budget": {"job": "10000", "day": "10000"}}


@pytest.fixture
def site():
    with sales("build-ahead", MONEY) as made:
        made.rules(KEEP_FILES)
        made.batchd(start=False)
        yield made


def spooled(site):
    """The input files that are being written."""
    return list((site.stack.batchd.state_dir / "spool").glob("batch-*.jsonl"))


# Who adds an attempt of the second job waits for a lock of the test's.
GATE = ("CREATE TRIGGER gate BEFORE INSERT ON attempt FOR EACH ROW"
        " IF (SELECT j.name FROM item i JOIN job j ON j.id = i.job_id WHERE i.id = NEW.item_id) = 'second' THEN"
        "  DO GET_LOCK(DATABASE(), 30), RELEASE_LOCK(DATABASE()); END IF")


@contextlib.contextmanager
def filling(site):
    """A batch that is filled with the two lots of `first`, and is about to be with the three of `second`.

    The items of `second` have the lower numbers.
    """
    second = site.take(3, (), name="second", deadline="PT90M")
    first = site.take(2, (), name="first", deadline="PT1H")
    site.sql(GATE)
    connection = site.stack.mariadb.connect(site.stack.database)
    try:
        with connection.cursor() as cursor:
            cursor.execute("DO GET_LOCK(DATABASE(), 0)")
            site.stack.batchd.start()
            wait_until(lambda: site.sql("SELECT ID FROM information_schema.PROCESSLIST WHERE DB = DATABASE()"
                                        " AND STATE = 'User lock'"),
                       20, "the batch to take the second job", alive=[site.stack.batchd])
            assert [b["phase"] for b in site.sql("SELECT phase FROM batch")] == ["filling"]
            assert len(spooled(site)) == 1
            yield first, second
    finally:
        connection.close()


def written_anew(site):
    return site.stack.batchd.log_text().count("input file written anew")


def sent(site):
    """Each upload is what its batch has in the rows: (item, attempt), sorted."""
    ids = [tuple(int(n) for n in line["custom_id"].split("-")[:2]) for line in site.requests()]
    assert sorted(ids) == [(r["item_id"], r["no"]) for r in site.sql(
        "SELECT item_id, no FROM attempt WHERE way = 'batch' AND COALESCE(outcome, '') <> 'void' ORDER BY item_id, no")]
    for remote in site.remote():
        row = site.sql("SELECT id, input_bytes FROM batch WHERE remote_id = %s", remote["id"])[0]
        assert row["input_bytes"] == len(site.content(remote["input_file_id"]))
    return ids


def test_slices_of_two_jobs_are_sent_as_they_were_written(site):
    """Thousands of lines of two jobs, and the lower numbers join last."""
    jobs = [site.stack.order({"lots": lots(n), "deadline": deadline})["job_id"]
            for n, deadline in ((1500, "PT90M"), (2100, "PT1H"))]
    site.sql("UPDATE recipe SET proven_at = UTC_TIMESTAMP(6)")
    site.stack.batchd.start()
    for job in jobs:
        site.wait_full(job)
    ids = sent(site)
    assert len(ids) == 3600 and ids != sorted(ids)
    assert written_anew(site) == 0
    site.wait_closed()
    site.prove(1)


def test_what_joined_while_the_batch_filled_is_not_written_again(site):
    with filling(site) as jobs:
        pass
    for job in jobs:
        site.wait_full(job)
    assert len(sent(site)) == 5
    assert written_anew(site) == 0
    site.wait_closed()
    site.prove(1)


def test_I3_a_job_cancelled_while_its_batch_fills_is_not_sent(site):
    with filling(site) as (first, second):
        site.stack.batchctl("cancel", first)
    site.wait_full(second)
    assert len(sent(site)) == 3
    assert written_anew(site) == 1
    site.wait_closed()
    assert site.sql("SELECT SUM(outcome = 'answered') AS n FROM attempt")[0]["n"] == 3
    site.prove(1)


def test_I3_an_item_that_left_while_its_batch_filled_is_not_sent(site):
    with filling(site) as (first, second):
        item = site.sql("SELECT i.id FROM item i JOIN job j ON j.id = i.job_id WHERE j.public_id = %s LIMIT 1", first)[0]["id"]
        site.sql("UPDATE attempt SET outcome = 'void' WHERE item_id = %s", item)
        site.sql("UPDATE item SET state = 'failed', code = 'unanswered', batch_id = NULL WHERE id = %s", item)
        site.sql("UPDATE job_language SET n_sent = n_sent - 1, n_failed = n_failed + 1 WHERE job_id ="
                 " (SELECT id FROM job WHERE public_id = %s)", first)
        site.sql("UPDATE batch SET n_void = n_void + 1")
    site.wait_full(second)
    assert site.stack.wait_ended(first, 30)["outcome"] == "partial"
    assert written_anew(site) == 1
    assert item not in [int(line["custom_id"].split("-")[0]) for line in site.requests()]
    assert len(site.requests()) == 4
    site.wait_closed()


def test_I3_batchd_killed_while_a_batch_fills_sends_what_is_in_the_rows(site):
    with filling(site) as jobs:
        site.stack.batchd.kill()
    site.end_lease()
    site.stack.batchd.start()
    for job in jobs:
        site.wait_full(job)
    assert len(sent(site)) == 5
    site.wait_closed()
    site.prove(2)
