# SPDX-License-Identifier: ISC
"""What the database refuses of one job, or of one call, for good: the others are sent all the same."""
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from jobs import CHAT, KEEP_FILES, sales, wait_until  # noqa: E402
from kills import wait_log  # noqa: E402

# A job of ten minutes goes by calls, since batches wait for company for half an hour.
BY_CALLS = {"batch": {"linger": "30m"}, "fallback": {"tiers": ["flex"], "concurrency": 2, "flex_timeout": "10s"}}


def refuse(site, when, condition):
    site.sql(f"CREATE TRIGGER refuse BEFORE {when} FOR EACH ROW IF {condition} THEN SIGNAL SQLSTATE '45000'; END IF")


def items_of_first(site):
    return "(SELECT id FROM item WHERE job_id = (SELECT MIN(id) FROM job))"


@pytest.mark.parametrize("config", [{}, BY_CALLS], ids=["in batches", "by calls"])
def test_a_job_that_cannot_be_sent_holds_up_no_other(config):
    with sales("put-off", config) as site:
        refused, other = site.take(2, (), deadline="PT9M"), site.take(2, (), deadline="PT10M")
        refuse(site, "INSERT ON attempt", f"NEW.item_id IN {items_of_first(site)}")
        batchd = site.batchd()
        site.wait_full(other)
        assert site.stack.status(refused)["status"] == "queued"
        site.sql("DROP TRIGGER refuse")
        site.wait_full(refused)
        assert site.sql("SELECT COUNT(*) AS n FROM batch")[0]["n"] == (2 if not config else 0)
        assert site.paid_twice() == 0
        site.check()


def test_I3_a_lost_call_that_cannot_be_booked_holds_up_no_other():
    with sales("put-off-lost", BY_CALLS) as site:
        site.rules(KEEP_FILES, {"match": {"route": CHAT, "nth": 1}, "do": "hang"})
        batchd = site.batchd()
        lost = site.take(1, (), deadline="PT9M")
        wait_until(lambda: site.calls(CHAT), 20, "the call", alive=[batchd])
        batchd.kill()
        refuse(site, "UPDATE ON attempt", f"NEW.item_id IN {items_of_first(site)}")
        other = site.take(1, (), deadline="PT10M")
        batchd = site.batchd()
        site.wait_full(other)
        wait_log(batchd, "lost call not booked")
        assert len(site.calls(CHAT)) == 2       # it is not sent again before it is booked
        site.sql("DROP TRIGGER refuse")
        site.wait_full(lost)
        site.check()


def test_a_kept_answer_is_settled_behind_a_hundred_that_cannot_be():
    with sales("put-off-kept", BY_CALLS) as site:
        site.sql("ALTER TABLE item AUTO_INCREMENT = 1000")
        site.rules(KEEP_FILES, {"match": {"route": CHAT, "nth": 1}, "do": "hang"})
        batchd = site.batchd()
        job = site.take(1, (), deadline="PT9M")
        wait_until(lambda: site.calls(CHAT), 20, "the call", alive=[batchd])
        batchd.kill()
        keep = ("INSERT INTO call_answer (item_id, attempt_no, mark, how, http_status, request_id, body, created_at)"
                " VALUES (%s, 1, %s, 'not_sent', 0, '', '', UTC_TIMESTAMP(6))")
        for nobody in range(1, 121):
            site.sql(keep, nobody, "0" * 16)
        refuse(site, "DELETE ON call_answer", "OLD.item_id < 1000")
        item = site.sql("SELECT id FROM item")[0]["id"]
        site.sql(keep, item, job.replace("-", "")[:16])
        site.batchd()
        site.wait_full(job)
        assert site.sql("SELECT COUNT(*) AS n FROM call_answer")[0]["n"] == 120
        assert site.sql("SELECT outcome FROM attempt WHERE no = 1")[0]["outcome"] == "void"
        site.sql("DROP TRIGGER refuse")
