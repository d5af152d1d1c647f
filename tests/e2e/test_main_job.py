# SPDX-License-Identifier: ISC
"""The main job, from the order to the download, with all real programs: 20 lots in two languages. Also run under
AddressSanitizer and UndefinedBehaviorSanitizer, hence the second test, which leads through as much of it as it can."""
import json

import pytest

from kills import CREATE, TOP, site
from harness.process import run

pytestmark = pytest.mark.main_job

SALE = json.loads((TOP / "tests" / "data" / "sale-20.json").read_text())


@pytest.fixture
def house():
    with site("main-job") as made:
        yield made


def downloaded(house, job):
    """The result as the client saves it."""
    file = house.stack.work / "result.json"
    run(["/usr/bin/python3", TOP / "client" / "poll_job_v2.py", job, "--url", house.stack.url, "--interval", "1",
         "--timeout", "2", "--download", file], timeout=150)
    return json.loads(file.read_text())


def is_full(result, lots):
    assert (result["status"], result["outcome"]) == ("completed", "full")
    assert result["progress"] == {"percent": 100, "lots": 20, "described": 20, "translations": 40, "translated": 40,
                                  "failed": 0}
    assert [lot["id"] for lot in result["lots"]] == [lot["id"] for lot in lots]
    for lot in result["lots"]:
        assert sorted(lot["descriptions"]) == ["de", "en", "fr"] and not lot["errors"]
        for description in lot["descriptions"].values():
            assert description["source"] == "batch" and description["value"]["title"]


def test_20_lots_in_two_languages_from_order_to_download(house):
    order = {**SALE, "languages": ["fr", "de"]}
    batchd = house.batchd()
    result = downloaded(house, house.stack.order(order)["job_id"])
    is_full(result, order["lots"])
    summary = house.standin.call("GET", "/_standin/ledger?summary=1")
    assert (summary["executed"], summary["batches"]) == (60, 2)
    assert result["cost"]["input_tokens"] == summary["prompt_tokens"]
    assert result["cost"]["output_tokens"] == summary["completion_tokens"]
    house.wait_swept()
    house.prove(2)
    assert house.files_left() == []
    assert batchd.stop() == 0


def test_20_lots_the_hard_way(house):
    order = {**SALE, "languages": ["fr", "de"]}
    house.rules({"match": {"route": CREATE, "nth": 1}, "do": "drop_before"},
                {"match": {"route": CREATE, "task": "translate", "nth": 1}, "do": "drop_after"},
                {"match": {"route": "GET /v1/files/{id}/content", "nth": 1}, "do": "truncate"},
                {"match": {"task": "describe", "nth": 1}, "do": "http_error_lines", "n": 2},
                {"match": {"task": "describe", "nth": 1}, "do": "void_lines", "skip": 2, "n": 2},
                {"match": {"task": "translate", "nth": 1}, "do": "broken_lines", "n": 1},
                {"match": {"task": "translate", "nth": 1}, "do": "duplicate_lines", "skip": 3, "n": 3},
                {"match": {"task": "translate", "nth": 1}, "do": "foreign_lines", "n": 2})
    batchd = house.batchd()
    job = house.stack.order(order)["job_id"]
    house.stack.wait_status(job, "translating", "completed")
    batchd.reload()
    assert batchd.stop() == 0
    batchd.start()
    is_full(downloaded(house, job), order["lots"])
    house.wait_swept()
    house.stack.batchctl("check")
    assert batchd.stop() == 0
