# SPDX-License-Identifier: ISC
"""I2, I4, I5: every line of a batch's result files is kept, whatever it is, and every item gets what it can.

One batch of six descriptions comes back spoilt in one way; all later ones are good. After each, every line is looked
up by its offset, `batchctl check` holds, and the job has ended as it should.
"""
import json
import sys
from collections import Counter
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from jobs import KEEP_FILES, first_describe, sales, wait_until  # noqa: E402

LOTS = 6


@pytest.fixture(scope="module")
def site():
    with sales("harvest-lines") as made:
        made.batchd()
        yield made


def run(site, *rules, end=("completed", "full"), languages=("fr",), unread=0):
    """A job of six lots under these rules, from the order to its end and the proofs; returns its status."""
    site.fresh(KEEP_FILES, *rules)
    job = site.take(LOTS, languages)
    status = site.stack.wait_ended(job, 30)
    assert (status["status"], status["outcome"]) == end, status
    site.wait_closed()
    site.check()
    assert status["cost"]["amount"] == site.billed(unread)
    return job, status


def sendings(site, language=0):
    """How often each item was sent, and how many of its sendings counted."""
    return [(i["attempts"], i["burned"], i["repeats"]) for i in site.items(language)]


def outcomes(site, lot=0):
    return [(a["outcome"], a["code"], a["is_repeat"]) for a in site.attempts(site.items()[lot]["id"])]


AGAIN = {       # what is sent again and then answered: rule, kinds of lines, the outcome of the first sending, burned
    "broken": (first_describe("broken_lines", n=2), {"broken": 2}, ("failed", "no_line", 0), 2),
    "missing": (first_describe("missing_lines", n=2), {}, ("failed", "no_line", 0), 2),
    "void": (first_describe("void_lines", n=2), {"void": 2}, ("void", "void", 0), 1),
    "void in the error file": (first_describe("void_lines", n=2, file="error"), {"void": 2}, ("void", "void", 0), 1),
    "rate limited": (first_describe("http_error_lines", n=2, code=429), {"void": 2}, ("void", "rate_limited", 0), 1),
    "server error": (first_describe("http_error_lines", n=2, code=500), {"failure": 2},
                     ("failed", "server_error", 0), 2),
    "empty": (first_describe("empty_lines", n=2), {"answer": 2}, ("answered", "empty", 0), 2),
    "cut off": (first_describe("cut_lines", n=2), {"answer": 2}, ("answered", "cut_off", 0), 2),
    "cut off, nothing whole": (first_describe("cut_lines", n=2, keep=0.02), {"answer": 2}, ("answered", "cut_off", 0), 2),
    "prose": (first_describe("not_json_lines", n=2), {"answer": 2}, ("answered", "invalid_json", 0), 2),
    "cut to nothing": (first_describe("cut_lines", n=2, keep=0), {"answer": 2}, ("answered", "cut_off", 0), 2),
}
REPEATS = ("empty", "cut off", "prose", "cut off, nothing whole", "cut to nothing")


@pytest.mark.parametrize("case", AGAIN)
def test_I2_what_brought_no_answer_is_sent_again(site, case):
    rule, lines, first, burned = AGAIN[case]
    run(site, rule, languages=(), unread=2 if case == "broken" else 0)
    assert site.kinds() == Counter({"answer": LOTS}) + Counter(lines)
    repeats = int(case in REPEATS)
    assert sendings(site) == [(2, burned, repeats)] * 2 + [(1, 1, 0)] * 4
    assert outcomes(site) == [first, ("answered", None, repeats)]
    # Paid for once; what was executed and brought nothing is asked for, and paid for, again.
    assert site.paid_twice() == (2 if case not in ("missing", "void", "void in the error file", "rate limited",
                                                   "server error") else 0)


MENDED = {      # what needs no other sending: rule, classes
    "python literal": (first_describe("python_literal_lines", n=2), "python_literal"),
    "fenced": (first_describe("fenced_lines", n=2), "fence,prose"),
}


@pytest.mark.parametrize("case", MENDED)
def test_I5_what_can_be_mended_is_an_answer_and_raw_is_kept(site, case):
    rule, classes = MENDED[case]
    job, _ = run(site, rule)
    assert sendings(site) == [(1, 1, 0)] * LOTS and site.paid_twice() == 0
    answers = site.sql("SELECT a.raw, a.value, a.grade, a.code, a.repaired, a.report FROM answer a JOIN item i ON i.id = a.item_id"
                       " WHERE i.job_id = (SELECT MAX(id) FROM job) AND i.lang_no = 0 ORDER BY i.lot_seq")
    shown = site.stack.result(job)["lots"]
    for n, (answer, lot) in enumerate(zip(answers, shown)):
        english = lot["descriptions"]["en"]
        assert (answer["grade"], answer["code"]) == ("valid", None)
        if n >= 2:
            assert (answer["value"], answer["repaired"], answer["report"], english["repaired"]) == (None,) * 4
            continue
        assert json.loads(answer["value"]) == english["value"] and "no. " in english["value"]["title"]
        with pytest.raises(ValueError):
            json.loads(answer["raw"])
        assert answer["repaired"] == english["repaired"] == classes and "salvaged" not in english
        report = json.loads(answer["report"])
        assert report["verdict"] == "mended" and set(report["classes"]) == set(classes.split(","))
        assert f"no. {lot['id']}" in lot["descriptions"]["fr"]["value"]["title"]


def test_I5_what_is_salvaged_is_shown_so(site):
    """Its repeat is cut off as well."""
    job, _ = run(site, first_describe("cut_lines", n=1), {"match": {"task": "describe", "from": 2}, "do": "cut_lines", "n": 1})
    english = site.stack.result(job)["lots"][0]["descriptions"]["en"]
    assert english["salvaged"] and english["repaired"] == "cut" and "title" in english["value"]
    answer = site.sql("SELECT raw, report FROM answer WHERE grade = 'salvaged' ORDER BY item_id DESC, attempt_no LIMIT 1")[0]
    report = json.loads(answer["report"])
    assert report["verdict"] == "salvaged" and report["classes"]["cut"]["dropped"] > 0
    refused = site.sql("SELECT report FROM answer WHERE grade = 'refused' AND report IS NOT NULL")
    assert all(json.loads(row["report"])["error"] for row in refused)


LOST = {        # what is not sent again: rule, kinds of lines, code, whether an answer is kept
    "refusal": (first_describe("refusal_lines", n=2), {"answer": 2}, "refused", True),
    "content filter": (first_describe("filtered_lines", n=2), {"answer": 2}, "content_filter", True),
    "invalid prompt": (first_describe("http_error_lines", n=2, code=400), {"failure": 2}, "content_policy", False),
    "too long": (first_describe("http_error_lines", n=2, code=400, error={"code": "context_length_exceeded"}),
                 {"failure": 2}, "too_long", False),
}


@pytest.mark.parametrize("case", LOST)
def test_I2_what_no_sending_can_cure_fails_alone(site, case):
    rule, lines, code, answered = LOST[case]
    job, status = run(site, rule, end=("completed", "partial"))
    assert site.kinds() == Counter({"answer": 2 * (LOTS - 2)}) + Counter(lines)
    assert [i["code"] for i in site.items()] == [code] * 2 + [None] * 4
    assert [i["code"] for i in site.items(1)] == ["description_failed"] * 2 + [None] * 4
    assert sendings(site) == [(1, 1, 0)] * LOTS
    assert sendings(site, 1) == [(0, 0, 0)] * 2 + [(1, 1, 0)] * 4
    assert [i["answer_no"] for i in site.items()][:2] == ([1, 1] if answered else [None, None])
    assert status["progress"]["failed"] == 4
    shown = site.stack.result(job)["lots"]
    assert [[(e["language"], e["code"]) for e in lot["errors"]] for lot in shown] == (
        [[("en", code), ("fr", "description_failed")]] * 2 + [[]] * 4)
    assert all(lot["descriptions"]["en"] is None for lot in shown[:2])


def test_lines_come_in_any_order(site):
    job, _ = run(site, languages=("fr", "de"))
    batch = [b for b in site.remote() if b["task"] == "translate"][0]
    ids = [line["custom_id"] for line in site.requests("translate")]
    back = [json.loads(line)["custom_id"] for line in site.content(batch["output_file_id"]).splitlines()]
    assert back != ids and sorted(back) == sorted(ids)
    for lot in site.stack.result(job)["lots"]:
        assert f"no. {lot['id']}" in lot["descriptions"]["fr"]["value"]["title"]


def test_I2_a_repeated_line_is_recorded_and_counted_once(site):
    run(site, first_describe("duplicate_lines", n=2, skip=1), languages=())
    assert site.kinds() == Counter(answer=LOTS, duplicate=2)
    assert sendings(site) == [(1, 1, 0)] * LOTS


def test_I2_the_lines_of_strangers_are_recorded_and_touch_nothing(site):
    run(site, languages=())
    item = site.items()[0]
    before = site.rows()
    # Our own numbers with the mark of another database's job; a number that is none of ours; no number at all.
    rules = [first_describe("foreign_lines", custom_id=text) for text in
             (f"{item['id']}-1-{'0' * 16}", "99999999-1-0123456789abcdef", "stranger")]
    for rule in rules:
        run(site, rule, languages=())
        assert site.kinds() == Counter(answer=LOTS, stranger=1)
    after = site.rows()
    assert [a for a in after["answer"] if a["item_id"] == item["id"]] == [
        a for a in before["answer"] if a["item_id"] == item["id"]]


def test_I2_a_line_above_8_MiB_is_recorded_and_stays_at_the_provider(site):
    run(site, first_describe("huge_line", bytes=9 << 20), languages=(), unread=1, end=("completed", "partial"))
    assert site.kinds() == Counter(answer=LOTS - 1, too_large=1)
    assert sendings(site) == [(1, 1, 0)] * LOTS
    assert outcomes(site) == [("failed", "too_large", 0)]
    line = site.sql("SELECT b.remote_id, LENGTH(l.head) AS head, l.size_bytes FROM batch_line l JOIN batch b"
                    " ON b.id = l.batch_id WHERE kind = 'too_large'")[0]
    assert line["head"] == 1 << 20 and line["size_bytes"] > 9 << 20
    site.rules()
    site.sql("UPDATE batch SET next_at = UTC_TIMESTAMP(6)")
    site.wait_swept()
    kept = [b["output_file_id"] for b in site.remote() if b["id"] == line["remote_id"]]
    assert [f["id"] for f in site.standin.call("GET", "/v1/files")["data"]] == kept


def test_a_line_just_below_8_MiB_is_an_answer(site):
    run(site, first_describe("huge_line", bytes=(8 << 20) - 4096), languages=())
    assert site.kinds() == Counter(answer=LOTS)
    assert max(r["n"] for r in site.sql("SELECT LENGTH(raw) AS n FROM answer")) > 7 << 20


def test_a_cut_answer_is_asked_for_once_more_with_the_larger_cap(site):
    run(site, first_describe("cut_lines", n=1), {"match": {"task": "describe", "from": 2}, "do": "cut_lines", "n": 1},
        languages=())
    asked = [(line["custom_id"].split("-")[1], line["body"]["max_completion_tokens"]) for line in
             site.requests("describe")]
    assert asked == [("1", 2000)] * LOTS + [("2", 4000)]
    assert sendings(site)[0] == (2, 2, 1)
    assert outcomes(site) == [("answered", "cut_off", 0), ("answered", "cut_off", 1)]


def test_the_larger_cap_outlives_a_batch_that_never_ran(site):
    run(site, first_describe("cut_lines", n=1), {"match": {"task": "describe", "nth": 2}, "do": "expire", "done": 0},
        languages=())
    asked = [line["body"]["max_completion_tokens"] for line in site.requests("describe")]
    assert asked == [2000] * LOTS + [4000, 4000]
    assert sendings(site)[0] == (3, 2, 1)


def test_an_item_is_sent_max_attempts_times_at_most(site):
    run(site, {"match": {"task": "describe"}, "do": "http_error_lines", "lines": [0], "code": 500}, languages=(),
        end=("completed", "partial"))
    # Alone in its batches later on, it is line 0 of each.
    assert sendings(site)[0] == (4, 4, 0)
    assert site.items()[0]["code"] == "server_error"
    assert site.kinds() == Counter(answer=LOTS - 1, failure=4)


def test_lines_that_never_ran_burn_nothing(site):
    run(site, {"match": {"task": "describe", "times": 6}, "do": "void_lines", "lines": [0]}, languages=())
    assert sendings(site)[0] == (7, 1, 0)


@pytest.mark.parametrize("where", ["answer", "batch_line"])
def test_I2_a_line_that_the_database_refuses_is_recorded_alone(site, where):
    """A trigger refuses what holds a certain word, as a column or a packet that is too small would."""
    column, rule = {"answer": ("raw", first_describe("duplicate_lines", n=1, skip=5)),
                    "batch_line": ("head", first_describe("http_error_lines", n=1, skip=2, code=500))}[where]
    guard = "NEW.kind = 'failure' AND " if where == "batch_line" else ""
    site.sql(f"CREATE TRIGGER refuse BEFORE INSERT ON {where} FOR EACH ROW IF {guard}NEW.{column} LIKE '%%no. 3%%'"
             f" OR ({guard or '0 AND '}1) THEN SIGNAL SQLSTATE '22001' SET MYSQL_ERRNO = 1406, MESSAGE_TEXT = 'no';"
             " END IF")
    site.fresh(KEEP_FILES, rule)
    try:
        job = site.take(LOTS, ())
        wait_until(lambda: site.sql("SELECT 1 FROM batch_line WHERE kind = 'unstorable' AND batch_id = "
                                    "(SELECT MAX(batch_id) FROM batch_job WHERE job_id = (SELECT MAX(id) FROM job))"),
                   30, "a line to be recorded as unstorable")
    finally:
        site.sql("DROP TRIGGER refuse")
    status = site.stack.wait_ended(job)
    assert (status["status"], status["outcome"]) == ("completed", "partial")
    site.wait_closed()
    site.check()
    lines = site.kinds()
    assert lines["answer"] == LOTS - 1 and lines["unstorable"] >= 1
    assert sendings(site) == [(1, 1, 0)] * LOTS
    assert outcomes(site, 2) == [("failed", "unstorable", 0)]
    assert site.sql("SELECT keep_files FROM batch b JOIN batch_line l ON l.batch_id = b.id AND kind = 'unstorable'"
                    " ORDER BY b.id DESC LIMIT 1")[0]["keep_files"] == 1
