# SPDX-License-Identifier: ISC
"""The stand-in's answers against OpenAI's published schemas, and its refusals against what OpenAI was seen to say."""
import copy
import http.client
import json
import socket
from pathlib import Path

import jsonschema
import pytest

from openai_api import CHAT, SCHEMA, Api, body, jsonl, line, lines, translation

DOCUMENT = json.loads((Path(__file__).parent / "openai-schemas.json").read_text())
SCHEMAS = DOCUMENT["components"]["schemas"]
STORE = "https://standin.invalid/schemas"


def _plain(node):
    """OpenAPI's `nullable` in the words of JSON Schema."""
    if isinstance(node, list):
        return [_plain(n) for n in node]
    if not isinstance(node, dict):
        return node
    plain = {k: _plain(v) for k, v in node.items() if k != "nullable"}
    return {"anyOf": [plain, {"type": "null"}]} if node.get("nullable") is True else plain


PLAIN = _plain(DOCUMENT)


def _resolve(schema):
    while "$ref" in schema:
        schema = SCHEMAS[schema["$ref"].rsplit("/", 1)[1]]
    return schema


def _unknown(value, schema, where):
    """Names of properties that the schema does not know, found by walking both."""
    schema = _resolve(schema)
    for option in schema.get("anyOf", []) + schema.get("oneOf", []) + schema.get("allOf", []):
        if "$ref" in option or "properties" in option or "items" in option:
            schema = {**schema, **_resolve(option)}
    if isinstance(value, list):
        return [u for v in value for u in _unknown(v, schema.get("items", {}), where + "[]")]
    known = schema.get("properties")
    if not isinstance(value, dict) or not known:
        return []
    return [u for k, v in value.items()
            for u in (_unknown(v, known[k], f"{where}.{k}") if k in known else [f"{where}.{k}"])]


def _without_nulls(value, schema):
    """The published schemas do not say that optional properties may be null; OpenAI sends null."""
    schema = _resolve(schema)
    if isinstance(value, list):
        return [_without_nulls(v, schema.get("items", {})) for v in value]
    if not isinstance(value, dict):
        return value
    known = schema.get("properties", {})
    return {k: _without_nulls(v, known.get(k, {})) for k, v in value.items()
            if v is not None or k in schema.get("required", [])}


def check(value, name):
    schema = SCHEMAS[name]
    unknown = _unknown(value, schema, name)
    assert not unknown, unknown
    resolver = jsonschema.RefResolver(STORE, PLAIN)
    validator = jsonschema.Draft202012Validator(PLAIN["components"]["schemas"][name], resolver=resolver)
    validator.validate(_without_nulls(value, schema))


def test_the_check_can_fail():
    good = {"id": "file-1", "object": "file", "bytes": 1, "created_at": 1, "filename": "a", "purpose": "batch",
            "status": "processed"}
    check(good, "OpenAIFile")
    for bad in ({**good, "purpose": "x"}, {**good, "colour": "red"}, {k: good[k] for k in good if k != "bytes"}):
        with pytest.raises((AssertionError, jsonschema.ValidationError)):
            check(bad, "OpenAIFile")


# --- answers

def test_files(api):
    made = api.upload_raw(jsonl(lines(1))).json()
    check(made, "OpenAIFile")
    assert made["expires_at"] == made["created_at"] + 2592000
    check(api.ok("GET", f"/v1/files/{made['id']}"), "OpenAIFile")
    other = api.upload_raw(b"{}", "a.json", {"purpose": "user_data"}).json()
    assert "expires_at" not in other
    listed = api.ok("GET", "/v1/files")
    check(listed, "ListFilesResponse")
    assert [f["id"] for f in listed["data"]] == [other["id"], made["id"]]
    check(api.ok("DELETE", f"/v1/files/{made['id']}"), "DeleteFileResponse")


def test_file_expiry_as_the_clients_ask_for_it(api):
    made = api.upload_raw(jsonl(lines(1)), fields={"purpose": "batch", "expires_after[anchor]": "created_at",
                                                   "expires_after[seconds]": "3600"}).json()
    assert made["expires_at"] == made["created_at"] + 3600
    api.control("clock", {"advance": 3601})
    assert api.call("GET", f"/v1/files/{made['id']}").status == 404
    assert api.ok("GET", "/v1/files")["data"] == []


@pytest.mark.parametrize("status", ["validating", "in_progress", "finalizing", "cancelling"])
def test_batch_on_its_way(api, status):
    rules = [{"do": "stuck", "status": ["in_progress", status] if status == "cancelling" else status, "done": 1}]
    api.faults(*rules)
    batch_id = api.create(lines(3), metadata={"a": "b"})
    if status == "cancelling":
        api.wait(status="in_progress", batch=batch_id)
        check(api.ok("POST", f"/v1/batches/{batch_id}/cancel"), "Batch")
    batch = api.ended(batch_id, status)
    check(batch, "Batch")
    assert batch["status"] == status
    assert batch["errors"] is None and batch["output_file_id"] is None and batch["error_file_id"] is None
    assert batch["expires_at"] == batch["created_at"] + 86400
    if status == "validating":
        assert batch["request_counts"] == {"total": 0, "completed": 0, "failed": 0}


@pytest.mark.parametrize("status, rule", [
    ("completed", []), ("expired", [{"do": "expire", "done": 2}]), ("failed", [{"do": "fail"}])])
def test_batch_at_its_end(api, status, rule):
    api.faults(*rule)
    entries = lines(4) + [line("5-1-aa", body(image="https://example.com/unreachable.jpg"))]
    batch = api.ended(api.create(entries), status)
    check(batch, "Batch")
    check(api.ok("GET", "/v1/batches"), "ListBatchesResponse")
    for key in ("output_file_id", "error_file_id"):
        if status == "failed":
            assert batch[key] is None
            continue
        check(api.ok("GET", f"/v1/files/{batch[key]}"), "OpenAIFile")
        for result in api.results(batch[key]):
            check(result, "BatchRequestOutput")
            if result["response"] and result["response"]["status_code"] == 200:
                check(result["response"]["body"], "CreateChatCompletionResponse")
            elif result["response"]:
                check(result["response"]["body"], "ErrorResponse")


def test_chat_completion(api):
    answer = api.chat(body("Title: Teapot\nNotes: Medium: Silver", "https://example.com/a.jpg", service_tier="flex"))
    value = answer.json()
    check(value, "CreateChatCompletionResponse")
    assert value["service_tier"] == "flex"
    jsonschema.validate(json.loads(value["choices"][0]["message"]["content"]), SCHEMA)
    for header in ("x-request-id", "openai-processing-ms", "x-ratelimit-remaining-requests",
                   "x-ratelimit-reset-tokens"):
        assert header in answer.headers


def test_every_answer_has_its_own_request_id(api):
    seen = {api.call("GET", "/v1/files").headers["x-request-id"] for _ in range(5)}
    assert len(seen) == 5


# --- refusals

@pytest.mark.parametrize("method, path, value, status, facts", [
    ("GET", "/v1/files/file-none", None, 404, {"message": "No such File object: file-none", "param": "id"}),
    ("GET", "/v1/files/file-none/content", None, 404, {}),
    ("DELETE", "/v1/files/file-none", None, 404, {}),
    ("GET", "/v1/batches/batch_none", None, 404, {"code": "batch_not_found"}),
    ("POST", "/v1/batches/batch_none/cancel", None, 404, {}),
    ("GET", "/v1/nothing", None, 404, {"message": "Invalid URL (GET /v1/nothing)"}),
    ("GET", "/v1/batches?limit=0", None, 400, {"param": "limit"}),
    ("GET", "/v1/batches?limit=101", None, 400, {"param": "limit"}),
    ("GET", "/v1/files?order=up", None, 400, {"param": "order"}),
    ("POST", "/v1/batches", {}, 400, {"param": "input_file_id"}),
    ("POST", CHAT, {"model": "gpt-5-mini"}, 400, {"param": "messages"}),
    ("POST", CHAT, {"model": "nobody", "messages": []}, 404, {"code": "model_not_found"}),
])
def test_refused_calls(api, method, path, value, status, facts):
    answer = api.call(method, path, value)
    assert answer.status == status
    check(answer.json(), "ErrorResponse")
    assert {k: answer.error[k] for k in facts} == facts
    assert answer.error["type"] == "invalid_request_error"


def test_json_that_cannot_be_read(api):
    answer = api.call("POST", "/v1/batches", data=b"{")
    assert answer.status == 400 and "could not parse the JSON body" in answer.error["message"]


@pytest.mark.parametrize("key, code", [("", None), ("sk-other-key", "invalid_api_key")])
def test_wrong_key(api, key, code):
    answer = Api(api.port, key).call("GET", "/v1/batches")
    assert answer.status == 401
    check(answer.json(), "ErrorResponse")
    assert answer.error["code"] == code
    assert not key or key not in answer.error["message"]


@pytest.mark.parametrize("content, filename, fields, message", [
    (b"{}", "in.jsonl", {}, "Missing required parameter: 'purpose'."),
    (b"{}", "in.jsonl", {"purpose": "fun"}, "Invalid value: 'fun'."),
    (b"", "in.jsonl", {"purpose": "batch"}, "File is empty."),
    (b"{}", "in.txt", {"purpose": "batch"}, "Invalid file format for Batch API. Must be .jsonl"),
    (b"{}", "in.jsonl", {"purpose": "batch", "expires_after[anchor]": "created_at",
                         "expires_after[seconds]": "60"}, "Invalid 'expires_after.seconds'"),
    (bytes(200000001), "in.jsonl", {"purpose": "batch"}, "File is too large."),
], ids=["no-purpose", "purpose", "empty", "name", "expiry", "too-large"])
def test_refused_uploads(api, content, filename, fields, message):
    answer = api.upload_raw(content, filename, fields)
    assert answer.status == 400
    assert answer.error["message"].startswith(message)
    assert api.ok("GET", "/v1/files")["data"] == []


@pytest.mark.parametrize("more, status, param", [
    ({"endpoint": "/v1/nothing"}, 400, "endpoint"), ({"completion_window": "1h"}, 400, "completion_window"),
    ({"metadata": {"a": 1}}, 400, "metadata.a"), ({"metadata": {"a" * 65: "b"}}, 400, "metadata"),
    ({"metadata": {"a": "b" * 513}}, 400, "metadata"),
    ({"metadata": {str(n): "" for n in range(17)}}, 400, "metadata"),
    ({"colour": "red"}, 400, "colour"), ({"input_file_id": "file-none"}, 404, "input_file_id"),
    ({"output_expires_after": {"anchor": "created_at", "seconds": 1}}, 400, "output_expires_after.seconds"),
])
def test_refused_creates(api, more, status, param):
    answer = api.create_raw(api.upload(lines(1)), **more)
    assert (answer.status, answer.error["param"]) == (status, param)
    assert api.ok("GET", "/v1/batches")["data"] == []


def test_create_with_a_deleted_file(api):
    file_id = api.upload(lines(1))
    api.ok("DELETE", f"/v1/files/{file_id}")
    answer = api.create_raw(file_id)
    assert answer.status == 404 and answer.error["message"].startswith("No such File object")


def test_create_with_a_file_of_another_purpose(api):
    file_id = api.upload_raw(jsonl(lines(1)), fields={"purpose": "user_data"}).json()["id"]
    assert api.create_raw(file_id).status == 400


def _without(key):
    entry = line("2-1-aa")
    del entry[key]
    return entry


@pytest.mark.parametrize("content, code, number", [
    (jsonl(lines(1)) + b"{\n", "invalid_json_line", 2),
    (jsonl(lines(1)) + b"\n", "invalid_json_line", 2),
    (jsonl(lines(1)) + b"[]\n", "invalid_json_line", 2),
    (b"\xef\xbb\xbf" + jsonl(lines(1)), "invalid_json_line", 1),
    (jsonl([line("1-1-aa"), line("2-1-aa"), line("1-1-aa")]), "duplicate_custom_id", 3),
    (jsonl([line("1-1-aa"), line("2-1-aa", url="/v1/responses")]), "url_mismatch", 2),
    (jsonl([line("1-1-aa"), line("2-1-aa", body(model="gpt-5"))]), "model_mismatch", 2),
    (jsonl([line("1-1-aa"), _without("method")]), "missing_required_parameter", 2),
    (jsonl([line("1-1-aa"), _without("body")]), "missing_required_parameter", 2),
    (jsonl({"custom_id": str(n), "method": "POST", "url": CHAT, "body": {}} for n in range(50001)),
     "too_many_tasks", None),
], ids=["cut", "blank", "array", "bom", "twice", "url", "model", "no-method", "no-body", "too-many"])
def test_input_files_that_fail(api, content, code, number):
    batch = api.create_raw(api.upload_raw(content).json()["id"]).json()
    batch = api.ended(batch["id"], "failed")
    check(batch, "Batch")
    error = batch["errors"]["data"][0]
    assert (error["code"], error["line"]) == (code, number)
    assert batch["failed_at"] and batch["output_file_id"] is None
    assert api.summary()["executed"] == 0


def test_limit_of_enqueued_tokens(api):
    api.control("limits", {"gpt-5-mini": 1000})
    api.faults({"match": {"nth": 1}, "do": "stuck"})
    first = api.create(lines(2, body("x" * 1200)))
    api.wait(status="in_progress", batch=first)
    second = api.ended(api.create(lines(2, body("x" * 1200))), "failed")
    error = second["errors"]["data"][0]
    assert error["code"] == "token_limit_exceeded" and error["line"] is None
    assert "Limit: 1,000 enqueued tokens" in error["message"]
    api.ok("POST", f"/v1/batches/{first}/cancel")
    api.ended(first, "cancelled")
    api.ended(api.create(lines(2)), "completed")


def _schema(change):
    schema = copy.deepcopy(SCHEMA)
    change(schema)
    return body(response_format={"type": "json_schema",
                                 "json_schema": {"name": "lot", "strict": True, "schema": schema}})


@pytest.mark.parametrize("request_body, status, code, param", [
    (body(image="https://example.com/unreachable.jpg"), 400, "invalid_value", "url"),
    (body(image="https://example.com/timeout.jpg"), 400, "invalid_image_url", "url"),
    (body(image="ftp://example.com/a.jpg"), 400, "invalid_image_url", "messages[1].content[1].image_url.url"),
    (body(image="https://example.com/a.svg"), 400, "invalid_image_format", None),
    (body(image="data:image/tiff;base64,AAAA"), 400, "invalid_image_format", None),
    (body(image="data:image/png;base64,!!!!"), 400, "invalid_base64_image", None),
    (body(model="nobody-1"), 404, "model_not_found", None),
    (body(max_completion_tokens=0), 400, "integer_below_min_value", "max_completion_tokens"),
    (body(service_tier="slow"), 400, "invalid_value", "service_tier"),
    (_schema(lambda s: s.pop("additionalProperties")), 400, None, "response_format"),
    (_schema(lambda s: s["required"].pop()), 400, None, "response_format"),
    (_schema(lambda s: s["required"].append("x")), 400, None, "response_format"),
    (_schema(lambda s: s.update(type="array", items={"type": "string"})), 400, None, "response_format"),
    (_schema(lambda s: s["properties"]["title"].update(**{"not": {}})), 400, None, "response_format"),
    (body(response_format={"type": "json_object"}, messages=[{"role": "user", "content": "x"}]), 400, None, "messages"),
], ids=["unreachable", "timeout", "ftp", "svg", "tiff", "base64", "model", "tokens", "tier", "additional", "required",
        "extra", "root", "not", "json-mode"])
def test_requests_that_are_refused_as_line_and_as_call(api, request_body, status, code, param):
    answer = api.chat(request_body)
    assert (answer.status, answer.error["code"], answer.error["param"]) == (status, code, param)
    batch = api.ended(api.create([line("1-1-aa", request_body)]))
    assert batch["output_file_id"] is None
    assert batch["request_counts"] == {"total": 1, "completed": 0, "failed": 1}
    (result,) = api.results(batch["error_file_id"])
    check(result, "BatchRequestOutput")
    assert result["response"]["status_code"] == status
    assert result["response"]["body"]["error"] == answer.error
    assert result["error"] is None
    assert api.summary()["executed"] == 0


def test_each_line_has_its_own_schema(api):
    bad = _schema(lambda s: s.pop("additionalProperties"))
    batch = api.ended(api.create([line("1-1-aa"), line("2-1-aa", bad), line("3-1-aa"), line("4-1-aa", bad)]))
    assert sorted(r["custom_id"] for r in api.results(batch["error_file_id"])) == ["2-1-aa", "4-1-aa"]


# --- the model

ENTRY = {"title": "Jane Doe, A Stag Hunt", "period": "c.1863", "materials": ["watercolour", "paper"],
         "description": "A work by Jane Doe. Watercolour on paper. Dimensions: support: 181 x 260 mm."}


@pytest.mark.parametrize("language, title, words", [
    ("French (fr)", "Jane Doe, Une chasse au cerf", ["Aquarelle sur papier", "181 x 260 mm"]),
    ("German (de)", "Jane Doe, Eine Hirschjagd", ["Aquarell auf Papier", "Maße"]),
    ("Italian (it)", "Jane Doe, Una caccia al cervo", ["Acquerello su carta"]),
    ("Spanish (es)", "Jane Doe, Una cacería de ciervos", ["Acuarela sobre papel"]),
    ("Dutch (nl)", "Jane Doe, Een hertenjacht", ["Aquarel op papier"]),
    ("Portuguese (pt-BR)", "[pt-BR] Jane Doe, A Stag Hunt", ["[pt-BR] A work by"]),
])
def test_translations_are_recognisable(api, language, title, words):
    value = json.loads(api.chat(translation(ENTRY, language)).json()["choices"][0]["message"]["content"])
    assert list(value) == list(SCHEMA["properties"])
    assert value["title"] == title
    for word in words:
        assert word in value["description"]
    assert len(value["materials"]) == 2


def test_description_is_made_from_title_and_notes(api):
    text = "Title: A Stag Hunt\nNotes: Artist: Samuel Howitt\nDate: 1793\nMedium: Watercolour on paper\n" \
           "Dimensions: support: 181 x 260 mm\nhallmark worn\nHouse instructions: British spelling."
    value = json.loads(api.chat(body(text)).json()["choices"][0]["message"]["content"])
    assert value["title"] == "Samuel Howitt, A Stag Hunt"
    assert value["period"] == "1793" and value["materials"] == ["watercolour", "paper"]
    for part in ("181 x 260 mm", "Hallmark worn."):
        assert part in value["description"]
    assert "British" not in value["description"]


@pytest.mark.parametrize("text, title", [("Notes: Silver teapot\nDate: 1863", "Silver teapot"), ("", "Untitled lot"),
                                         ("A vase", "A vase"), ("House instructions: short", "Untitled lot")])
def test_description_without_a_title(api, text, title):
    value = json.loads(api.chat(body(text, "https://example.com/a.jpg")).json()["choices"][0]["message"]["content"])
    assert value["title"] == title
    jsonschema.validate(value, SCHEMA)


def test_any_schema_is_served(api):
    schema = {"type": "object", "additionalProperties": False, "required": ["a", "b", "c", "d", "e", "f"],
              "properties": {"a": {"type": "integer"}, "b": {"type": "boolean"}, "c": {"$ref": "#/$defs/inner"},
                             "d": {"anyOf": [{"type": "null"}, {"type": "number"}]},
                             "e": {"type": "array", "minItems": 2, "items": {"type": "string"}},
                             "f": {"type": "string", "enum": ["oil", "bronze"]}},
              "$defs": {"inner": {"type": "object", "additionalProperties": False, "required": ["x"],
                                  "properties": {"x": {"type": ["null", "string"]}}}}}
    request = body(response_format={"type": "json_schema",
                                    "json_schema": {"name": "x", "strict": True, "schema": schema}})
    value = json.loads(api.chat(request).json()["choices"][0]["message"]["content"])
    jsonschema.validate(value, schema)


def test_same_question_same_answer(api):
    first, second = (api.chat().json()["choices"] for _ in range(2))
    assert first == second


# --- the wire

def test_keep_alive_and_concurrency(api):
    connections = [http.client.HTTPConnection("127.0.0.1", api.port, timeout=30) for _ in range(40)]
    for _ in range(3):
        for connection in connections:
            connection.request("GET", "/v1/batches", headers={"Authorization": "Bearer sk-standin"})
        sockets = [c.sock for c in connections]
        for connection in connections:
            answer = connection.getresponse()
            assert answer.status == 200 and answer.version == 11
            answer.read()
        assert [c.sock for c in connections] == sockets
    for connection in connections:
        connection.close()


def test_chunked_upload(api):
    content = jsonl(lines(500))
    form = b'--xyz\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n--xyz\r\n' \
           b'Content-Disposition: form-data; name="file"; filename="a.jsonl"\r\n\r\n' + content + b"\r\n--xyz--\r\n"
    pieces = (form[i:i + 1777] for i in range(0, len(form), 1777))
    made = api.call("POST", "/v1/files", data=pieces, headers={"Content-Type": "multipart/form-data; boundary=xyz"})
    assert made.status == 200, made.body
    assert api.content(made.json()["id"]) == content


def test_expect_100_continue(api):
    with socket.create_connection(("127.0.0.1", api.port), timeout=30) as sock:
        data = json.dumps(body()).encode()
        sock.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sk-standin\r\n"
                     b"Content-Type: application/json\r\nExpect: 100-continue\r\n"
                     b"Content-Length: %d\r\n\r\n" % len(data))
        assert sock.recv(100).startswith(b"HTTP/1.1 100 ")
        sock.sendall(data)
        assert sock.recv(100).startswith(b"HTTP/1.1 200 ")
