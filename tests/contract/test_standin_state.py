# SPDX-License-Identifier: ISC
"""What the stand-in keeps: its state over kill -9 and restart, the ledger, projects, large batches."""
import json

import pytest

from openai_api import CHAT, Api, body, line, lines, translation

MANY = 400


@pytest.mark.parametrize("executed", [0, 1, 150, MANY])
def test_killed_and_started_again(standin, executed):
    api = Api(standin.port)
    api.control("step", {"seconds": 2})
    batch_id = api.create(lines(MANY), metadata={"a": "b"})
    kept = api.upload(lines(1), "kept.jsonl")
    if executed:
        api.wait(executed=executed)
    standin.kill()
    standin.start()
    assert api.batch(batch_id)["metadata"] == {"a": "b"}
    assert api.ok("GET", f"/v1/files/{kept}")["filename"] == "kept.jsonl"
    batch = api.ended(batch_id)
    assert sorted(r["custom_id"] for r in api.results(batch["output_file_id"])) == \
        sorted(entry["custom_id"] for entry in lines(MANY))
    summary = api.summary()
    assert (summary["executed"], summary["items"], summary["items_executed_more_than_once"]) == (MANY, MANY, 0)
    assert batch["request_counts"] == {"total": MANY, "completed": MANY, "failed": 0}
    assert batch["usage"]["input_tokens"] == summary["prompt_tokens"]


def test_killed_in_the_middle_of_a_write(standin):
    """Result lines that the ledger does not know of, and half a line of the ledger, are dropped."""
    api = Api(standin.port)
    api.faults({"do": "stuck", "done": 3})
    batch_id = api.create(lines(5))
    api.wait(executed=3)
    standin.kill()
    with open(standin.work / "data" / "batches" / f"{batch_id}.part", "ab") as part:
        part.write(b"o{}\no{")
    with open(standin.work / "data" / "executed.jsonl", "ab") as ledger:
        ledger.write(b'{"custom_id": "4-1')
    standin.start()
    api.control(f"batches/{batch_id}", {"status": "resume"})
    batch = api.ended(batch_id)
    assert sorted(r["custom_id"] for r in api.results(batch["output_file_id"])) == \
        [entry["custom_id"] for entry in lines(5)]
    ledger = api.control("ledger")
    assert [e["custom_id"] for e in ledger["executed"]] == [entry["custom_id"] for entry in lines(5)]


def test_ended_batches_faults_and_ledger_survive(standin):
    api = Api(standin.port)
    api.faults({"match": {"nth": 2}, "do": "stuck", "done": 1})
    done = api.ended(api.create(lines(3)))
    stuck = api.create(lines(3))
    api.wait(executed=4)
    before = api.summary()
    standin.stop()
    standin.start()
    assert api.batch(done["id"]) == done
    assert len(api.results(done["output_file_id"])) == 3
    assert api.batch(stuck)["request_counts"] == {"total": 3, "completed": 1, "failed": 0}
    after = api.summary()
    for key in ("executed", "batches", "uploads", "items", "prompt_tokens", "items_executed_more_than_once"):
        assert after[key] == before[key], key
    assert after["calls"] > before["calls"]


def test_items_paid_twice_are_counted(api):
    api.ended(api.create([line("7-1-aa"), line("8-1-aa")]))
    api.ended(api.create([line("7-2-aa"), line("9-1-aa")]))
    assert api.chat(headers={"X-Client-Request-Id": "8-2-aa"}).status == 200
    summary = api.summary()
    assert summary["executed"] == 5 and summary["custom_ids"] == 5 and summary["items"] == 3
    assert summary["items_executed_more_than_once"] == 2 and summary["items_twice"] == ["7", "8"]
    assert summary["sync_calls"] == 1 and summary["sync_by_tier"] == {"default": 1}


def test_ledger_in_full_and_by_prefix(api):
    batch_id = api.create([line("7-1-aa", body("Title: Vase")), line("70-1-aa", translation({"a": "b"}))],
                          metadata={"k": "v"})
    batch = api.ended(batch_id)
    api.ok("DELETE", f"/v1/files/{batch['output_file_id']}")
    api.chat(body(metadata={"custom_id": "71-1-aa"}, service_tier="flex"))
    ledger = api.control("ledger")
    assert [e["custom_id"] for e in ledger["executed"]] == ["7-1-aa", "70-1-aa", "71-1-aa"]
    first, _, sync = ledger["executed"]
    assert (first["where"], first["billed"], first["tier"], first["endpoint"]) == (batch_id, True, "batch", CHAT)
    assert (sync["where"], sync["tier"], sync["file"]) == ("sync", "flex", None)
    assert first["prompt_tokens"] > 0 and first["completion_tokens"] > 0
    (made,) = ledger["batches"]
    assert made["metadata"] == {"k": "v"} and made["batch"] == batch_id
    assert [d["file"] for d in ledger["deletes"]] == [batch["output_file_id"]]
    assert [c["n"] for c in ledger["calls"]] == list(range(1, len(ledger["calls"]) + 1))
    assert ledger["calls"][0]["route"] == "POST /v1/files" and ledger["calls"][0]["status"] == 200
    few = api.control("ledger?prefix=7-")
    assert [e["custom_id"] for e in few["executed"]] == ["7-1-aa"]


def test_reset_forgets_everything(api):
    api.faults({"do": "stuck"})
    api.create(lines(3))
    api.wait(status="in_progress")
    api.control("reset", {})
    assert api.ok("GET", "/v1/batches")["data"] == [] and api.ok("GET", "/v1/files")["data"] == []
    assert api.control("faults")["rules"] == []
    assert api.summary()["batches"] == 0


def test_projects_do_not_see_each_other(standin):
    mine, other = Api(standin.port), Api(standin.port, "sk-other")
    batch_id = mine.create(lines(1))
    batch = mine.ended(batch_id)
    assert other.call("GET", f"/v1/batches/{batch_id}").status == 404
    assert other.call("GET", f"/v1/files/{batch['output_file_id']}/content").status == 404
    assert other.ok("GET", "/v1/batches")["data"] == [] and other.ok("GET", "/v1/files")["data"] == []
    assert other.create_raw(batch["input_file_id"]).status == 404


def test_batch_expires_by_the_clock(api):
    api.control("step", {"seconds": 3600 * 20})
    batch_id = api.create(lines(40))
    api.control("clock", {"advance": 3600 * 21})
    api.wait(status="in_progress", batch=batch_id)
    api.wait(executed=1)
    api.control("clock", {"advance": 3600 * 4})
    batch = api.ended(batch_id, "expired")
    good, bad = (api.results(batch[k]) for k in ("output_file_id", "error_file_id"))
    assert good and bad and len(good) + len(bad) == 40


def test_fifty_thousand_lines(standin):
    """The largest batch there is: complete, and never held in memory."""
    api = Api(standin.port)
    batch_id = api.create(lines(50000))
    api.wait(status="completed", batch=batch_id, timeout=29)
    batch = api.batch(batch_id)
    assert batch["request_counts"] == {"total": 50000, "completed": 50000, "failed": 0}
    output = api.content(batch["output_file_id"])
    assert len(output) == api.ok("GET", f"/v1/files/{batch['output_file_id']}")["bytes"]
    assert len({json.loads(text)["custom_id"] for text in output.splitlines()}) == 50000
    assert api.summary()["executed"] == 50000
    assert standin.peak_memory() < 150 << 20
