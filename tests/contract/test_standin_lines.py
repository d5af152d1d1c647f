# SPDX-License-Identifier: ISC
"""Faults of the stand-in on single lines of a batch and on single answers."""
import ast
import json

import pytest

from openai_api import CHAT, body, ids, line, lines, text_of


def run(api, rule, count=6):
    api.faults(rule)
    batch = api.ended(api.create(lines(count)))
    good, bad = ([text for text in api.content(batch[k]).splitlines()] if batch[k] else []
                 for k in ("output_file_id", "error_file_id"))
    return batch, good, bad


def test_void_lines(api):
    _, good, bad = run(api, {"do": "void_lines", "n": 2})
    void = [r for r in map(json.loads, good) if r["response"]["status_code"] == 0]
    assert len(void) == 2 and len(good) == 6 and not bad
    assert void[0]["response"] == {"status_code": 0, "request_id": "", "body": {}} and void[0]["error"] is None
    assert api.summary()["executed"] == 4


@pytest.mark.parametrize("code, name", [(429, "rate_limit_exceeded"), (500, None), (400, "invalid_prompt")])
def test_http_error_lines(api, code, name):
    batch, good, bad = run(api, {"do": "http_error_lines", "n": 2, "code": code})
    errors = list(map(json.loads, bad))
    assert len(good) == 4 and [e["response"]["status_code"] for e in errors] == [code] * 2
    assert errors[0]["response"]["body"]["error"]["code"] == name and errors[0]["error"] is None
    assert batch["request_counts"] == {"total": 6, "completed": 4, "failed": 2}


def test_missing_lines(api):
    _, good, bad = run(api, {"do": "missing_lines", "lines": [0, 5], "billed": True})
    assert ids(map(json.loads, good)) == ["2-1-aa", "3-1-aa", "4-1-aa", "5-1-aa"] and not bad
    assert api.summary()["executed"] == 6


def test_duplicate_lines(api):
    _, good, _ = run(api, {"do": "duplicate_lines", "n": 1})
    assert len(good) == 7 and len(set(good)) == 6
    assert api.summary()["executed"] == 6


def test_foreign_lines(api):
    _, good, _ = run(api, {"do": "foreign_lines", "n": 2})
    assert ids(map(json.loads, good))[-2:] == ["stranger-1", "stranger-2"] and len(good) == 8


def test_broken_lines(api):
    _, good, _ = run(api, {"do": "broken_lines", "n": 1, "skip": 2})
    broken = []
    for text in good:
        try:
            json.loads(text)
        except ValueError:
            broken.append(text)
    assert len(broken) == 1 and len(good) == 6 and b'"3-1-aa"' in broken[0]


def test_huge_line(api):
    _, good, _ = run(api, {"do": "huge_line", "custom_id": "4-", "bytes": 9000000})
    huge = [text for text in good if len(text) > 9000000]
    assert len(huge) == 1 and json.loads(huge[0])["custom_id"] == "4-1-aa"
    assert json.loads(text_of(json.loads(huge[0])))


@pytest.mark.parametrize("where", ["batch", "call"])
@pytest.mark.parametrize("action, finish, judge", [
    ("refusal_lines", "stop", lambda m: m["content"] is None and m["refusal"]),
    ("cut_lines", "length", lambda m: m["content"].startswith("{") and not m["content"].endswith("}")),
    ("filtered_lines", "content_filter", lambda m: len(m["content"]) == 20),
    ("empty_lines", "stop", lambda m: m["content"] == ""),
    ("not_json_lines", "stop", lambda m: m["content"].startswith("This lot")),
    ("python_literal_lines", "stop", lambda m: ast.literal_eval(m["content"])["period"] is None),
    ("fenced_lines", "stop", lambda m: "```json\n{" in m["content"])])
def test_answers_that_are_spoilt(api, where, action, finish, judge):
    if where == "call":
        api.faults({"match": {"route": f"POST {CHAT}"}, "do": action})
        bodies = [api.chat().json()]
    else:
        _, good, _ = run(api, {"do": action, "n": 2}, 2)
        bodies = [json.loads(text)["response"]["body"] for text in good]
    for answer in bodies:
        assert answer["choices"][0]["finish_reason"] == finish
        assert judge(answer["choices"][0]["message"])
    assert api.summary()["executed"] == len(bodies)


@pytest.mark.parametrize("asked, served", [("flex", "default"), ("default", "flex")])
def test_an_answer_of_another_tier(api, asked, served):
    api.faults({"match": {"route": f"POST {CHAT}", "nth": 1}, "do": "other_tier_lines", "tier": served})
    assert [api.chat({**body(), "service_tier": asked}).json()["service_tier"] for _ in range(2)] == [served, asked]


def test_lines_by_their_text(api):
    api.faults({"do": "refusal_lines", "contains": "Vase"})
    batch = api.ended(api.create([line("1-1-aa", body("Title: Vase")), line("2-1-aa")]))
    refused = [r["custom_id"] for r in api.results(batch["output_file_id"]) if text_of(r) is None]
    assert refused == ["1-1-aa"]


def test_line_rules_leave_calls_alone(api):
    api.faults({"do": "refusal_lines", "all": True})
    assert api.chat().json()["choices"][0]["message"]["refusal"] is None
