# SPDX-License-Identifier: ISC
"""The main job, as a customer meets it: 20 lots, two languages, from the order to the download. Also run under
AddressSanitizer and UndefinedBehaviorSanitizer, hence the way that leads through as much of it as it can; batchd ends
well after each."""
import base64
import hashlib
import json
import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from jobs import (CONTENT, CREATE, KEEP_FILES, KEYS, MODEL, TOP, first_describe, lots, sale_20, sales,  # noqa: E402
                  wait_until)

pytestmark = pytest.mark.main_job

PNG = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
TIMES = ("created_at", "updated_at", "deadline_at", "completed_at")


@pytest.fixture(scope="module")
def site():
    with sales("job-main") as made:
        batchd = made.batchd()
        yield made
        assert batchd.stop() == 0


def described(site, document):
    """The job's requests for descriptions, by lot, once it has ended in full."""
    site.fresh(KEEP_FILES)
    job = site.stack.order(document)["job_id"]
    site.wait_full(job)
    return job, [line["body"] for line in site.requests("describe")]


def user_parts(body):
    return body["messages"][-1]["content"]


def text_of(body):
    return "\n".join(part["text"] for part in user_parts(body) if part["type"] == "text")


def images_of(body):
    return [part["image_url"]["url"] for part in user_parts(body) if part["type"] == "image_url"]


def expect_status(shown, sale, job, **expected):
    """Every field of the status object; `expected` says what differs from one just ordered."""
    languages = {"en": 0, "fr": 0, "de": 0, **expected.pop("done", {})}
    described, translated = languages["en"], languages["fr"] + languages["de"]
    failed = expected.pop("failed", 0)
    n = len(sale["lots"])
    fields = {
        "job_id": job, "name": sale["name"], "status": "queued", "outcome": None,
        "progress": {"percent": 100 * (described + translated + failed) // (3 * n), "lots": n, "described": described,
                     "translations": 2 * n, "translated": translated, "failed": failed},
        "languages": {tag: {"done": done, "total": n} for tag, done in languages.items()},
        "warnings": [], "links": {"self": f"/api/v1/jobs/{job}", "status": f"/api/v1/jobs/{job}/status",
                                  "events": f"/api/v1/jobs/{job}/events"},
        "cost": {"currency": "USD", "amount": "0.0000", "wasted": "0.0000", "input_tokens": 0, "output_tokens": 0},
        "completed_at": None, **expected}
    assert set(shown) == {*fields, *TIMES, "waiting_for"}
    for key, value in fields.items():
        assert shown[key] == value, key
    for key in TIMES:
        assert shown[key] is None or RFC3339.fullmatch(shown[key]), key
    assert shown["created_at"] <= shown["updated_at"] <= shown["deadline_at"]


def test_the_main_job(site, tmp_path):
    sale = sale_20()
    site.fresh(KEEP_FILES, first_describe("stuck", done=5), {"match": {"task": "translate"}, "do": "stuck"})
    ordered = site.stack.request("POST", "/api/v1/jobs", sale, key=site.stack.key)
    assert ordered.status == 202
    status = ordered.json()
    job = status["job_id"]
    assert ordered.headers["location"] == f"/api/v1/jobs/{job}"
    expect_status(status, sale, job)
    assert status["waiting_for"] == {"what": "planner", "since": status["created_at"], "last_progress_at": None,
                                     "next_action": "end with what is there", "next_action_at": status["deadline_at"]}
    client = site.begin_client(job, "--interval", "0.2", "--timeout", "1", "--download", str(tmp_path / "sale.json"))

    # Described by a batch that has done five of twenty, and rests.
    site.wait_remote("describe", "in_progress", done=5)
    status = wait_until(lambda: next((s for s in [site.stack.status(job)] if (s["waiting_for"] or {}).get(
        "last_progress_at")), None), 20, "progress to be shown")
    expect_status(status, sale, job, status="describing")
    batch = site.sql("SELECT * FROM batch WHERE phase = 'running'")[0]
    waiting = status["waiting_for"]
    assert set(waiting) == {"what", "since", "last_progress_at", "next_action", "next_action_at"}
    assert (waiting["what"], waiting["next_action"]) == ("batch", "cancel and retry")
    assert waiting["since"] <= waiting["last_progress_at"] < waiting["next_action_at"] < status["deadline_at"]

    # Then translated.
    site.force(site.remote()[0]["id"], "resume")
    translating = site.wait_remote("translate", "in_progress")
    status = site.stack.wait_status(job, "translating")
    cost = status["cost"]
    expect_status(status, sale, job, status="translating", done={"en": 20}, cost=cost)
    assert (cost["currency"], cost["amount"], cost["wasted"]) == ("USD", site.billed(), "0.0000")
    site.force(translating["id"], "resume")

    # Its end, to the client and field by field.
    output, _ = client.communicate(timeout=60)
    assert client.returncode == 0, output
    assert f"saved {tmp_path / 'sale.json'}" in output and "100 %" in output
    status = site.stack.status(job)
    executed = site.executed()
    expect_status(status, sale, job, status="completed", outcome="full", done={"en": 20, "fr": 20, "de": 20},
                  completed_at=status["completed_at"], cost={
                      "currency": "USD", "amount": site.billed(), "wasted": "0.0000",
                      "input_tokens": sum(line["prompt_tokens"] for line in executed),
                      "output_tokens": sum(line["completion_tokens"] for line in executed)})
    assert status["waiting_for"] is None and status["completed_at"] <= status["updated_at"]

    # The result: what the model said, lot by lot, in the order's order.
    result = json.loads((tmp_path / "sale.json").read_text())
    assert result.pop("lots") == site.stack.result(job)["lots"]
    assert result == status
    for wanted, lot in zip(sale["lots"], site.stack.result(job)["lots"], strict=True):
        assert set(lot) == {"id", "title", "descriptions", "errors"}
        assert (lot["id"], lot["title"], lot["errors"]) == (wanted["id"], wanted["title"], [])
        assert list(lot["descriptions"]) == ["en", "fr", "de"]
        for entry in lot["descriptions"].values():
            assert {**entry, "value": None} == {"value": None, "source": "batch", "repaired": None}
            assert list(entry["value"]) == KEYS
        texts = [entry["value"]["description"] for entry in lot["descriptions"].values()]
        assert wanted["title"] in lot["descriptions"]["en"]["value"]["title"] and len(set(texts)) == 3

    # Its history.
    events = site.stack.get(f"/api/v1/jobs/{job}/events").json()["events"]
    kinds = [event["kind"] for event in events]
    ours = [kind for kind in kinds if kind in ("ordered", "describing", "answered", "translating", "completed")]
    assert ours == ["ordered", "describing", "answered", "translating", "answered", "completed"]
    assert [event["count"] for event in events if event["kind"] == "answered"] == [20, 40]
    assert [event["at"] for event in events] == sorted(event["at"] for event in events)

    # At the provider: two batches, each line once; nothing stays there.
    assert batch["n_items"] == 20 and len(site.remote()) == 2
    assert site.kinds() == {"answer": 60}
    site.rules()
    site.sql("UPDATE batch SET next_at = UTC_TIMESTAMP(6)")
    site.wait_swept()
    assert site.files_left() == []
    site.prove(2)


def test_the_main_job_the_hard_way(tmp_path):
    """Replies are lost, a download is cut, lines fail, never ran, are broken, doubled or strange, batchd restarts."""
    sale = sale_20()
    with sales("job-main-hard") as site:
        site.rules({"match": {"route": CREATE, "nth": 1}, "do": "drop_before"},
                   {"match": {"route": CREATE, "task": "translate", "nth": 1}, "do": "drop_after"},
                   {"match": {"route": CONTENT, "nth": 1}, "do": "truncate"},
                   first_describe("http_error_lines", n=2), first_describe("void_lines", skip=2, n=2),
                   {"match": {"task": "translate", "nth": 1}, "do": "broken_lines", "n": 1},
                   {"match": {"task": "translate", "nth": 1}, "do": "duplicate_lines", "skip": 3, "n": 3},
                   {"match": {"task": "translate", "nth": 1}, "do": "foreign_lines", "n": 2})
        batchd = site.batchd()
        job = site.stack.order(sale)["job_id"]
        site.stack.wait_status(job, "translating", "completed")
        batchd.reload()
        assert batchd.stop() == 0
        batchd.start()
        file = tmp_path / "sale.json"
        done = site.client(job, "--interval", "1", "--timeout", "2", "--download", str(file))
        assert done.returncode == 0, done.stdout + done.stderr
        result = json.loads(file.read_text())
        assert (result["status"], result["outcome"]) == ("completed", "full")
        assert result["progress"] == {"percent": 100, "lots": 20, "described": 20, "translations": 40, "translated": 40,
                                      "failed": 0}
        assert [lot["id"] for lot in result["lots"]] == [lot["id"] for lot in sale["lots"]]
        for lot in result["lots"]:
            assert sorted(lot["descriptions"]) == ["de", "en", "fr"] and not lot["errors"]
            for description in lot["descriptions"].values():
                assert description["source"] == "batch" and description["value"]["title"]
        site.wait_swept()
        site.check()
        assert batchd.stop() == 0


def test_requests_are_as_the_provider_wants_them(site):
    sale = sale_20()
    site.fresh(KEEP_FILES)
    job = site.stack.order({**sale, "name": "requests"})["job_id"]
    site.wait_full(job)
    mark = job.replace("-", "")[:16]
    installation = site.sql("SELECT mark FROM installation")[0]["mark"]
    schema = json.loads((TOP / "conf" / "lot-description.schema.json").read_text())
    for remote in site.remote():
        row = site.sql("SELECT b.*, r.hash FROM batch b JOIN recipe r ON r.id = b.recipe_id WHERE remote_id = %s",
                       remote["id"])[0]
        assert remote["metadata"] == {"lotscribe_installation": installation, "lotscribe_batch": row["batch_key"],
                                      "lotscribe_recipe": row["hash"]}
        assert remote["endpoint"] == "/v1/chat/completions"
        upload = [u for u in site.ledger()["uploads"] if u["file"] == remote["input_file_id"]][0]
        assert upload["filename"] == f"lotscribe-{installation}-{row['batch_key']}-1.jsonl"
        assert upload["purpose"] == "batch"
        raw = site.content(remote["input_file_id"])
        assert raw.count(b"\n") == row["n_items"] and raw.endswith(b"}\n") and len(raw) == row["input_bytes"]
        # What was reserved for a line is what it takes at most.
        assert len(raw) <= site.sql("SELECT SUM(est_bytes) AS n FROM item i JOIN attempt a ON a.item_id = i.id"
                                    " WHERE a.batch_id = %s", row["id"])[0]["n"]
    lines = site.requests()
    assert len({line["custom_id"] for line in lines}) == 60
    for line in lines:
        assert set(line) == {"custom_id", "method", "url", "body"}
        assert re.fullmatch(rf"[1-9]\d*-1-{mark}", line["custom_id"])
        assert (line["method"], line["url"]) == ("POST", "/v1/chat/completions")
        body = line["body"]
        assert set(body) == {"model", "messages", "max_completion_tokens", "response_format"}
        assert (body["model"], body["max_completion_tokens"]) == (MODEL, 2000)
        assert body["response_format"]["type"] == "json_schema"
        form = body["response_format"]["json_schema"]
        assert form["strict"] is True and form["schema"] == schema
        assert [message["role"] for message in body["messages"]] == ["developer", "user"]
        assert sale["instructions"] in text_of(body)
    prompts = {task: {line["body"]["messages"][0]["content"] for line in site.requests(task)} for task in
               ("describe", "translate")}
    for task, seen in prompts.items():
        assert {prompt.strip() for prompt in seen} == {(TOP / "conf" / f"{task}.prompt").read_text().strip()}
    for wanted, body in zip(sale["lots"], [line["body"] for line in site.requests("describe")], strict=True):
        assert f"Title: {wanted['title']}" in text_of(body) and wanted["notes"] in text_of(body)
        assert images_of(body) == wanted.get("images", [])
    english = {lot["id"]: lot["descriptions"]["en"]["value"] for lot in site.stack.result(job)["lots"]}
    seen = []
    for line in site.requests("translate"):
        item = site.sql("SELECT lot_seq, lang_no FROM item WHERE id = %s", int(line["custom_id"].split("-")[0]))[0]
        text = text_of(line["body"])
        assert ("Translate into: French (fr)", "Translate into: German (de)")[item["lang_no"] - 1] in text
        assert json.loads(text[text.index("{"):]) == english[sale["lots"][item["lot_seq"]]["id"]]
        assert images_of(line["body"]) == []
        seen.append((item["lot_seq"], item["lang_no"]))
    assert sorted(seen) == [(lot, language) for lot in range(20) for language in (1, 2)]


def test_each_lot_goes_on_as_soon_as_it_is_described(site):
    """Two descriptions come back, the third lot's batch expires without it: two are translated meanwhile."""
    site.fresh(KEEP_FILES, first_describe("expire", done=2), {"match": {"task": "describe", "nth": 2}, "do": "stuck"})
    job = site.take(3, ("fr",))
    status = wait_until(lambda: next((s for s in [site.stack.status(job)] if s["progress"]["translated"] == 2), None), 30,
                        "two translations")
    assert status["progress"]["described"] == 2 and status["status"] == "describing"
    partly = site.stack.result(job)["lots"]
    assert [[bool(value) for value in lot["descriptions"].values()] for lot in partly] == [[True, True]] * 2 + [[False] * 2]
    assert all(lot["errors"] == [] for lot in partly)
    site.force(site.wait_remote("describe", "in_progress", nth=2)["id"], "resume")
    site.wait_full(job)
    site.check()


def test_an_english_job_is_only_described(site):
    job, bodies = described(site, {"lots": lots(3)})
    assert len(bodies) == 3 and site.requests("translate") == []
    status = site.stack.status(job)
    assert status["languages"] == {"en": {"done": 3, "total": 3}}
    assert (status["progress"]["translations"], status["progress"]["percent"]) == (0, 100)


def test_a_lot_with_a_description_is_only_translated(site):
    own = {"title": "Own title", "description": "A text of the house: \"as is\".", "category": "Silver", "period": None,
           "materials": ["silver"], "condition": None, "keywords": ["spoon", "1780"]}
    job, bodies = described(site, {"languages": ["fr"], "lots": [
        {"id": "a", "description": own}, {"id": "b", "title": "Teapot b"}]})
    assert ["Teapot b" in text_of(body) for body in bodies] == [True]
    first, second = site.stack.result(job)["lots"]
    assert first["descriptions"]["en"] == {"value": own, "source": "order", "repaired": None}
    assert second["descriptions"]["en"]["source"] == "batch"
    texts = [text_of(line["body"]) for line in site.requests("translate")]
    assert sorted(json.loads(text[text.index("{"):]) == own for text in texts) == [False, True]
    assert all(lot["descriptions"]["fr"]["source"] == "batch" for lot in (first, second))
    site.check()


def test_a_job_of_lots_with_descriptions_alone(site):
    own = {key: "x" for key in KEYS} | {"materials": [], "keywords": []}
    job, bodies = described(site, {"languages": ["fr", "de"], "lots": [{"id": "a", "description": own}]})
    assert bodies == [] and len(site.requests("translate")) == 2
    assert site.stack.status(job)["cost"]["amount"] == site.billed()


def test_photographs_go_as_they_were_given(site):
    """URLs and data URLs, several of a lot, in their order; the same bytes are stored once."""
    other = PNG + b"tail"
    urls = ["https://example.com/1.jpg?a=1&b=\u00e9", "data:image/png;base64," + base64.b64encode(PNG).decode(),
            "http://example.com/2.jpg", "data:image/png;base64," + base64.b64encode(other).decode(),
            "data:image/png;base64," + base64.b64encode(PNG).decode()]
    job, bodies = described(site, {"lots": [{"id": "1", "images": urls}, {"id": "2", "title": "x", "images": urls[1:2]}]})
    assert images_of(bodies[0]) == urls and images_of(bodies[1]) == urls[1:2]
    stored = {row["sha256"]: row["bytes"] for row in site.sql("SELECT sha256, bytes FROM image")}
    assert stored == {hashlib.sha256(image).digest(): image for image in (PNG, other)}


def test_instructions_reach_every_request_of_their_job_alone(site):
    words = "Say \"sherd\", never \"shard\"."
    job, bodies = described(site, {"lots": lots(2), "languages": ["fr"], "instructions": words})
    assert all(words in text_of(line["body"]) for line in site.requests()) and len(site.requests()) == 4
    described(site, {"lots": lots(1), "languages": ["fr"]})
    assert not any("House instructions" in text_of(line["body"]) for line in site.requests())


def test_a_lot_whose_photograph_cannot_be_had_fails_alone(site, tmp_path):
    """Tried max_attempts times; the client says that the job is partial, and has the rest."""
    site.fresh(KEEP_FILES)
    sale = lots(3, images=["https://example.com/good.jpg"])
    sale[1]["images"] = ["https://example.com/unreachable.jpg"]
    job = site.stack.order({"lots": sale, "languages": ["fr"]})["job_id"]
    done = site.client(job, "--interval", "0.2", "--timeout", "1", "--download", str(tmp_path / "out.json"))
    assert done.returncode == 3, done.stdout + done.stderr
    result = json.loads((tmp_path / "out.json").read_text())
    assert (result["status"], result["outcome"], result["progress"]["failed"]) == ("completed", "partial", 2)
    assert [[(e["language"], e["code"]) for e in lot["errors"]] for lot in result["lots"]] == [
        [], [("en", "image_download_failed"), ("fr", "description_failed")], []]
    assert all(lot["descriptions"]["fr"] for lot in (result["lots"][0], result["lots"][2]))
    assert [(i["attempts"], i["burned"]) for i in site.items()] == [(1, 1), (4, 4), (1, 1)]
    site.check()


def test_a_job_of_dead_photographs_fails(site):
    site.fresh(KEEP_FILES, {"match": {"task": "describe"}, "do": "http_error_lines", "all": True, "code": 400,
                            "error": {"code": "invalid_image_url"}})
    job = site.stack.order({"lots": lots(2, images=["https://example.com/x.jpg"])})["job_id"]
    done = site.client(job, "--interval", "0.2", "--timeout", "1")
    assert done.returncode == 1, done.stdout + done.stderr
    status = site.stack.status(job)
    assert (status["status"], status["outcome"], status["cost"]["amount"]) == ("failed", None, "0.0000")
    assert {error["code"] for lot in site.stack.result(job)["lots"] for error in lot["errors"]} == {"bad_image"}
