# SPDX-License-Identifier: ISC
"""api/openapi.json by itself: valid OpenAPI 3.1, whole, consistent, and in step with the limits in the sources; and
that the check of answers against it can fail."""
import json
import re
from typing import Any, Dict, Iterator, List, Tuple

import jsonschema
import pytest

from harness import api_check, npm
from harness.stack import TOP

FILE = TOP / "api" / "openapi.json"
DOCUMENT = api_check.Document(FILE)
ROOT = DOCUMENT.root
KEYED = [{"key": []}]
PUBLIC = [{}, {"key": []}]
JOB = "e0bb8ce2-1332-4c05-8407-882b2277d810"
HEADERS = {"content-type": "application/json", "cache-control": "no-store", "x-content-type-options": "nosniff",
           "referrer-policy": "no-referrer",
           "content-security-policy": "default-src 'none'; frame-ancestors 'none'", "x-robots-tag": "noindex"}


def nodes(node: Any, at: Tuple[str, ...] = ()) -> Iterator[Tuple[Tuple[str, ...], Dict[str, Any]]]:
    """All objects of the document with their places, but for what examples hold."""
    if isinstance(node, dict):
        yield at, node
        for key, value in node.items():
            if key != "value" or "examples" not in at[-2:]:
                yield from nodes(value, (*at, key))
    elif isinstance(node, list):
        for i, value in enumerate(node):
            yield from nodes(value, (*at, str(i)))


def at(pointer: str) -> Any:
    found = ROOT
    for key in pointer[2:].split("/"):
        found = found[key]
    return found


def test_it_is_valid_by_the_official_schema():
    ran = npm.node("contract/openapi_valid.mjs", str(npm.install()), str(FILE))
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_the_official_schema_finds_faults(tmp_path):
    broken = json.loads(FILE.read_text())
    broken["paths"]["/healthz"]["get"]["operationid"] = broken["paths"]["/healthz"]["get"].pop("operationId")
    (tmp_path / "broken.json").write_text(json.dumps(broken))
    ran = npm.node("contract/openapi_valid.mjs", str(npm.install()), str(tmp_path / "broken.json"))
    assert ran.returncode == 1 and "operationid" in ran.stdout, ran.stdout + ran.stderr


def test_its_schemas_are_json_schema():
    schemas = [node[key] for _, node in nodes(ROOT) for key in ("schema", "x-line") if key in node]
    for schema in [*schemas, *ROOT["components"]["schemas"].values()]:
        jsonschema.Draft202012Validator.check_schema(schema)


def test_every_reference_leads_somewhere_and_every_component_is_used():
    used = {node["$ref"] for _, node in nodes(ROOT) if "$ref" in node}
    for pointer in used:
        assert isinstance(at(pointer), dict), pointer
    for kind, components in ROOT["components"].items():
        if kind != "securitySchemes":
            assert {f"#/components/{kind}/{name}" for name in components} - used == set()


def test_operations_have_different_ids():
    ids = [operation["operationId"] for operation in DOCUMENT.operations.values()]
    assert len(set(ids)) == len(ids)


def parameters(method: str, path: str) -> List[Any]:
    item = ROOT["paths"][path]
    return [DOCUMENT.resolve(p) for p in item.get("parameters", []) + item[method.lower()].get("parameters", [])]


@pytest.mark.parametrize("method, path", DOCUMENT.operations)
def test_an_operation_describes_all_that_its_kind_can_answer(method, path):
    operation = DOCUMENT.operations[method, path]
    statuses = set(operation["responses"])
    in_path = {p["name"] for p in parameters(method, path) if p["in"] == "path"}
    assert in_path == set(re.findall(r"{(\w+)}", path))
    assert {"400", "414"} <= statuses
    assert ("404" in statuses) == bool(in_path)
    security = operation.get("security", [])
    assert security in (KEYED, PUBLIC, [])
    assert security != PUBLIC or method in ("GET", "HEAD")
    assert ("401" in statuses, "429" in statuses) == (bool(security),) * 2
    assert ("403" in statuses) == (security == KEYED and (method in ("POST", "DELETE") or path == "/metrics"))
    assert {"408", "413", "415", "422"} <= statuses if "requestBody" in operation else "413" not in statuses
    assert ("503" in statuses) == (bool(security) or path == "/readyz" and method != "OPTIONS")
    assert "405" not in statuses        # then it would be no operation


@pytest.mark.parametrize("path", ROOT["paths"])
def test_HEAD_is_GET_without_the_body_and_OPTIONS_is_everywhere(path):
    item = ROOT["paths"][path]
    assert ("head" in item) == ("get" in item)
    if "get" in item:
        for key in ("parameters", "responses", "security"):
            assert item["head"].get(key) == item["get"].get(key)
    assert "options" in item


def examples() -> Iterator[Tuple[str, Any, Any]]:
    """(where, value, schema) of every example."""
    for where, node in nodes(ROOT):
        if "schema" in node:
            given = node.get("examples", {})
            found = [(name, DOCUMENT.resolve(example)["value"]) for name, example in given.items()]
            found += [("", node["example"])] if "example" in node else []
            yield from (("/".join((*where, name)), value, node["schema"]) for name, value in found)
    for name, schema in ROOT["components"]["schemas"].items():
        yield from ((name, value, schema) for _, part in nodes(schema) for value in part.get("examples", []) if part is schema)


@pytest.mark.parametrize("where, value, schema", [pytest.param(*e, id=e[0]) for e in examples()])
def test_every_example_fits_its_schema(where, value, schema):
    assert DOCUMENT.fault(value, schema) is None


def test_problem_codes_are_those_of_the_program():
    rows = re.findall(r'= \{(\d{3}), "(\w+)"\}', (TOP / "fcgi_app" / "problem.c").read_text())
    documented = {(str(problem["properties"]["status"]["const"]), code)
                  for problem in ROOT["components"]["schemas"].values()
                  if problem.get("$ref") == "#/components/schemas/Problem"
                  for code in problem["properties"]["code"].get("enum", [problem["properties"]["code"].get("const")])}
    assert rows and set(rows) <= documented
    assert {code for _, code in documented} == set(DOCUMENT.codes())


def source(name: str, limit: str) -> int:
    """A #define of an integer, as in 4096 or (8u << 20)."""
    factor, shift = re.search(rf"^#define {limit}\s+\(?(\d+)u?(?: << (\d+))?", (TOP / name).read_text(), re.M).groups()
    return int(factor) << int(shift or 0)


@pytest.mark.parametrize("place, key, limit", [
    ("Order/properties/name", "maxLength", "LIMIT_NAME_BYTES"),
    ("Order/properties/languages", "maxItems", "LIMIT_LANGUAGES"),
    ("Order/properties/instructions", "maxLength", "LIMIT_INSTRUCTIONS_BYTES"),
    ("Order/properties/metadata", "maxProperties", "LIMIT_JSON_KEYS"),
    ("OrderedLot/properties/id", "maxLength", "LIMIT_LOT_ID_BYTES"),
    ("OrderedLot/properties/title", "maxLength", "LIMIT_TITLE_BYTES"),
    ("OrderedLot/properties/notes", "maxLength", "LIMIT_NOTES_BYTES"),
    ("OrderedLot/properties/images", "maxItems", "LIMIT_IMAGES_PER_LOT"),
    ("Image/anyOf/0", "maxLength", "LIMIT_URL_BYTES"),
    ("LanguageTag", "maxLength", "LIMIT_LANGUAGE_BYTES"),
    ("MoreLanguages/properties/languages", "maxItems", "LIMIT_LANGUAGES"),
    ("Problem/properties/errors", "maxItems", "LIMIT_FAULTS"),
])
def test_limits_are_those_of_the_program(place, key, limit):
    node = ROOT["components"]["schemas"]
    for name in place.split("/"):
        node = node[int(name)] if isinstance(node, list) else node[name]
    assert node[key] == source("core/limits.h", limit)


# --- the check of answers


def seen(method="GET", target=f"/api/v1/jobs/{JOB}/status", status=200, sent=None, body=None, base="", **more):
    """An answer as it may be, with some difference."""
    if body is None:
        body = json.dumps(ROOT["components"]["examples"]["Stalled"]["value"]).encode()
    headers = {**HEADERS, "etag": '"e0bb8ce2-36"', **{k.replace("_", "-"): v for k, v in more.items()}}
    api_check.check(method, target, sent, status, {k: v for k, v in headers.items() if v is not None}, body, base)


def problem(status, code, **more):
    return {"status": status, "content_type": "application/problem+json", "etag": None, "body": json.dumps(
        {"type": "about:blank", "title": "x", "status": status, "code": code, "detail": "x"}).encode(), **more}


@pytest.mark.parametrize("answer", [
    {}, {"base": "/house", "target": f"/house/api/v1/jobs/{JOB}/status"}, {"server": "x", "date": "x"},
    {"retry_after": "3"}, {"method": "HEAD", "body": b""}, {"status": 304, "content_type": None, "body": b""},
    problem(404, "not_found"), problem(503, "busy", retry_after="2"),
    problem(405, "method_not_allowed", method="PUT", allow="GET, HEAD, OPTIONS"),
    problem(404, "not_found", target="/elsewhere"), problem(404, "not_found", target="/api/v1", base="/house"),
    # the web server's own
    {"status": 502, "x_robots_tag": None, "content_type": "text/html", "body": b"<html>"},
])
def test_an_answer_as_documented_passes(answer):
    seen(**answer)


@pytest.mark.parametrize("answer, fault", [
    ({"status": 201}, "status 201"), (problem(409, "in_progress"), "status 409"),
    ({"x_other": "1"}, "header x-other"), ({"etag": None}, "header etag is missing"), ({"etag": "x"}, "header etag"),
    ({"cache_control": None}, "cache-control is missing"), ({"cache_control": "immutable"}, "header cache-control"),
    ({"retry_after": "soon"}, "header retry-after"), ({"retry_after": "0"}, "header retry-after"),
    ({"x_robots_tag": None}, "x-robots-tag is missing"), ({"content_type": "text/html"}, "media type 'text/html'"),
    ({"content_type": None}, "media type ''"), ({"body": b"{}"}, "is a required property"), ({"body": b"{"}, "the body"),
    ({"body": b"\xff"}, "the body"), ({"method": "HEAD"}, "HEAD has a body"), ({"status": 304}, "a body is not"),
    (problem(404, "busy"), "/code"), (problem(503, "busy"), "retry-after is missing"),
    (problem(405, "method_not_allowed", method="PUT"), "allow is missing"),
    (problem(409, "in_progress", target="/elsewhere"), "status 409"),
])
def test_another_is_a_fault(answer, fault):
    with pytest.raises(api_check.ApiFault, match=re.escape(fault)):
        seen(**answer)


@pytest.mark.parametrize("change, fault", [
    ({"more": 1}, "'more' was unexpected"), ({"outcome": "full"}, "/outcome"), ({"waiting_for": None}, "/waiting_for"),
    ({"status": "completed"}, "/outcome"), ({"progress": {}}, "/progress"), ({"updated_at": "today"}, "/updated_at"),
    ({"cost": {"amount": 1}}, "/cost"), ({"warnings": [{"code": "x"}]}, "/warnings/0"), ({"name": None}, "/name"),
])
def test_the_status_object_is_exact(change, fault):
    with pytest.raises(api_check.ApiFault, match=re.escape(fault)):
        seen(body=json.dumps({**ROOT["components"]["examples"]["Stalled"]["value"], **change}).encode())


@pytest.mark.parametrize("order", [{}, {"lots": []}, {"lots": [{"id": "1"}]}, {"lots": [{"id": "1", "title": "x"}], "x": 1},
                                   {"lots": [{"id": "1", "images": ["ftp://x"]}]},
                                   {"lots": [{"id": "1", "title": "x"}], "languages": ["en"]}])
def test_an_order_that_was_taken_fits_the_document(order):
    with pytest.raises(api_check.ApiFault, match="is forbidden"):
        seen("POST", "/api/v1/jobs", 202, json.dumps(order).encode(), etag=None, location=f"/api/v1/jobs/{JOB}")


def test_what_no_test_produced_is_told():
    everything = {f"{' '.join(operation)} {status} {kind} {code}"
                  for operation in [*DOCUMENT.operations, api_check.ELSEWHERE]
                  for status, response in DOCUMENT.responses(operation).items()
                  for kind in response.get("content", {"-": 0}) for code in DOCUMENT.codes()}
    assert list(api_check.missing(DOCUMENT, everything)) == []
    gap = "GET /api/v1/jobs/{id}/events 404 "
    assert list(api_check.missing(DOCUMENT, {line for line in everything if not line.startswith(gap)})) == [gap.strip()]
    gap = "GET /api/v1/jobs/{id} 200 text/csv "
    assert list(api_check.missing(DOCUMENT, {line for line in everything if not line.startswith(gap)})) == [gap.strip()]
    assert list(api_check.missing(DOCUMENT, {line for line in everything if not line.endswith(" busy")})) == ["code busy"]
