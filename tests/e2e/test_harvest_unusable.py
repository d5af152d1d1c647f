# SPDX-License-Identifier: ISC
"""I3: a line that was paid for and cannot be used is its item's failure, once: asking again would buy the same."""
import sys
from collections import Counter
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from jobs import KEEP_FILES, sales  # noqa: E402

LOTS = 4


@pytest.fixture(scope="module")
def site():
    with sales("harvest-unusable") as made:
        made.batchd()
        yield made


def run(site, *rules, end, languages=()):
    site.fresh(KEEP_FILES, *rules)
    job = site.take(LOTS, languages)
    status = site.stack.wait_ended(job, 40)
    assert (status["status"], status["outcome"]) == end
    site.wait_closed()
    site.check()
    assert site.paid_twice() == 0
    return job, status


def failed_alone(site, job, code, lot):
    """That lot failed for this reason, after one sending that counts; the others are as they should be."""
    assert [(i["state"], i["code"], i["attempts"], i["burned"]) for i in site.items()] == [
        ("failed", code, 1, 1) if n == lot else ("done", None, 1, 1) for n in range(LOTS)]
    attempt = site.attempts(site.items()[lot]["id"])[0]
    assert (attempt["outcome"], attempt["code"]) == ("failed", code)
    shown = site.stack.result(job)["lots"][lot]
    assert shown["descriptions"]["en"] is None and [e["code"] for e in shown["errors"] if e["language"] == "en"] == [code]


@pytest.mark.parametrize("languages", [(), ("fr",)], ids=["English", "with French"])
def test_I3_a_line_that_is_too_large_is_charged_to_its_item_once(site, languages):
    job, _ = run(site, {"match": {"task": "describe"}, "do": "huge_line", "lines": [2]}, end=("completed", "partial"),
                 languages=languages)
    failed_alone(site, job, "too_large", 2)
    assert site.kinds() == Counter(answer=(LOTS - 1) * (1 + len(languages)), too_large=1)
    line = site.sql("SELECT * FROM batch_line WHERE batch_id = (SELECT MIN(batch_id) FROM batch_job WHERE job_id ="
                    " (SELECT MAX(id) FROM job))")[0]
    assert (line["kind"], line["item_id"], line["attempt_no"]) == ("too_large", site.items()[2]["id"], 1)


def test_I3_a_job_of_nothing_but_too_large_lines_fails_after_one_batch(site):
    run(site, {"match": {"task": "describe"}, "do": "huge_line", "all": True, "bytes": (8 << 20) + 1}, end=("failed", None))
    assert {(i["state"], i["code"], i["attempts"]) for i in site.items()} == {("failed", "too_large", 1)}
    assert len(site.remote()) == 1


@pytest.mark.parametrize("lot", [0, 3])
def test_I3_a_line_that_the_database_refuses_is_charged_to_its_item_once(site, lot):
    """A trigger refuses the answer that holds a certain word."""
    site.sql("CREATE TRIGGER refuse BEFORE INSERT ON answer FOR EACH ROW IF NEW.raw LIKE '%%no. {}%%' THEN SIGNAL SQLSTATE"
             " '22001' SET MYSQL_ERRNO = 1406, MESSAGE_TEXT = 'no'; END IF".format(lot + 1))
    try:
        job, _ = run(site, end=("completed", "partial"))
    finally:
        site.sql("DROP TRIGGER refuse")
    failed_alone(site, job, "unstorable", lot)
    assert site.kinds() == Counter(answer=LOTS - 1, unstorable=1)
    assert site.sql("SELECT keep_files FROM batch ORDER BY id DESC LIMIT 1")[0]["keep_files"] == 1
