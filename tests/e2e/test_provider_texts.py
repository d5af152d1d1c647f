# SPDX-License-Identifier: ISC
"""What the provider writes in errors is stored, whatever it is: texts that fill a column in the middle of a character,
long codes, characters of all sizes. A text that is refused by the database must not stop a batch."""
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from jobs import CONTENT, KEEP_FILES, first_describe, sales, wait_until  # noqa: E402
from kills import CREATE, UPLOAD  # noqa: E402

LOTS = 3
TEXTS = {
    "two bytes": "x" + "é" * 300,
    "two bytes, even": "é" * 300,
    "three bytes": "€" * 200,
    "four bytes": "x" + "\U0001fad6" * 150,
    "no text": "\x01\x7f \"quoted\" \\ %s 'single' \u0000 end",
}
# Half of a character, and bytes that are none.
RAW = {"surrogate": '{"error": {"message": "\\ud800 and \\udc00", "code": "\\ud83d"}}',
       "no JSON": "x" + "é" * 300}


@pytest.fixture(scope="module")
def site():
    with sales("provider-texts") as made:
        made.batchd()
        yield made


def run(site, *rules):
    """A job under these rules; what batchd logged meanwhile."""
    batchd = site.stack.batchd
    site.fresh(KEEP_FILES, *rules)
    logged = len(batchd.log_text())
    job = site.take(LOTS, ())
    site.wait_full(job)
    site.wait_closed()
    site.check()
    text = batchd.log_text()[logged:]
    assert "not stored" not in text and "work failed" not in text
    return text


def first_batch(site):
    return site.sql("SELECT b.* FROM batch b JOIN batch_job x ON x.batch_id = b.id WHERE x.job_id ="
                    " (SELECT MAX(id) FROM job) ORDER BY b.id LIMIT 1")[0]


def begins(text, stored):
    """Is what is stored the beginning of the text, and not much less of it than there is room for?"""
    stored = stored.split("HTTP ")[-1].partition(": ")[2] if stored.startswith("HTTP ") else stored
    return text.startswith(stored) and len(stored.encode()) > 150


@pytest.mark.parametrize("text", TEXTS)
def test_a_batch_that_failed_with_any_text_is_closed(site, text):
    run(site, first_describe("fail", error={"message": TEXTS[text]}))
    row = first_batch(site)
    assert (row["reason"], row["remote_status"], row["remote_code"]) == ("failed", "failed", "invalid_json_line")
    assert text == "no text" or begins(TEXTS[text], row["last_error"])


@pytest.mark.parametrize("code", ["c" * 100, "x" + "é" * 60, "\U0001fad6" * 17], ids=["long", "two bytes", "four bytes"])
def test_a_batch_that_failed_with_any_code_is_closed(site, code):
    run(site, first_describe("fail", code=code, error={"message": "m"}))
    row = first_batch(site)
    assert row["reason"] == "failed" and code.startswith(row["remote_code"]) and len(row["remote_code"]) > 15


@pytest.mark.parametrize("text", ["two bytes", "no text"])
@pytest.mark.parametrize("route", [UPLOAD, CREATE, CONTENT])
def test_a_call_that_was_refused_with_any_text_is_tried_again(site, route, text):
    log = run(site, {"match": {"route": route, "nth": 1}, "do": "status", "code": 429,
                     "error": {"message": TEXTS[text], "code": "c" * 100, "type": "t" * 100}})
    assert log.count("call failed") == 1
    assert len(site.calls(route)) == 2


@pytest.mark.parametrize("body", RAW)
def test_a_call_that_was_refused_with_any_body_is_tried_again(site, body):
    run(site, {"match": {"route": CREATE, "nth": 1}, "do": "status", "code": 429, "body": RAW[body]})
    assert len(site.calls(CREATE)) == 2


def test_a_refusal_for_good_with_any_text_closes_the_batch(site):
    run(site, {"match": {"route": CREATE, "nth": 1}, "do": "status", "code": 400,
               "error": {"message": TEXTS["two bytes"], "code": "c" * 100}})
    row = first_batch(site)
    assert row["reason"] == "failed" and begins(TEXTS["two bytes"], row["last_error"])


@pytest.mark.parametrize("text", ["two bytes", "four bytes", "no text"])
def test_a_line_that_failed_with_any_text_is_recorded(site, text):
    run(site, first_describe("http_error_lines", n=1, code=500, error={"message": TEXTS[text], "code": "é" * 100}))
    line = site.sql("SELECT * FROM batch_line WHERE batch_id = %s", first_batch(site)["id"])
    assert [r["kind"] for r in line] == ["failure"]
    wait_until(lambda: {i["state"] for i in site.items()} == {"done"}, 20, "all items")
