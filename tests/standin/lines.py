# SPDX-License-Identifier: ISC
"""Executes one request: the answer line of a batch, or a synchronous chat completion.

Here the deterministic model is asked, tokens are counted and the line faults are applied.
Pure but for the identifiers it is given.
"""
import json

import model
from checks import prompt_tokens, read_request, snapshot
from errors import Refusal, error_body

HTTP_ERRORS = {
    400: ("Invalid prompt: we could not process this request.", "invalid_request_error",
          "invalid_prompt"),
    429: ("Rate limit reached for requests. Please try again later.", "requests",
          "rate_limit_exceeded"),
    500: ("The server had an error while processing your request. Sorry about that!",
          "server_error", None),
    503: ("The engine is currently overloaded, please try again later.", "server_error", None),
}


def error_for(status, action):
    """The error body of a fault: given whole, given in parts, or the usual one."""
    if "body" in action:
        return action["body"]
    if "error" in action:
        return {"error": dict({"message": "", "type": "invalid_request_error", "param": None,
                               "code": None}, **action["error"])}
    text, kind, code = HTTP_ERRORS.get(status, ("The request failed.", "server_error", None))
    return error_body(text, kind, None, code)


class Selector:
    """Which lines of a batch each line fault touches."""

    def __init__(self, actions):
        self.actions = [dict(a, at=set(a["lines"]) if "lines" in a else None) for a in actions]

    def pick(self, index, custom_id, raw):
        for action in self.actions:
            if self._touches(action, index, custom_id, raw):
                return action
        return None

    @staticmethod
    def _touches(action, index, custom_id, raw):
        if action["at"] is not None:
            return index in action["at"]
        if "custom_id" in action:
            return custom_id.startswith(action["custom_id"])
        if "contains" in action:
            return action["contains"].encode() in raw
        skip = action.get("skip", 0)
        return index >= skip and (action.get("all") or index < skip + action.get("n", 1))


def _spoil(content, action, message):
    """What a line fault does to the text of a good answer; returns (text, finish_reason)."""
    do = action["do"]
    if do == "refusal_lines":
        message["refusal"] = "I'm sorry, I can't assist with that request."
        return None, "stop"
    if do == "cut_lines":
        return content[:int(len(content) * action.get("keep", 0.6))], "length"
    if do == "filtered_lines":
        return content[:20], "content_filter"
    if do == "empty_lines":
        return "", "stop"
    if do == "python_literal_lines":
        return repr(json.loads(content)), "stop"
    if do == "fenced_lines":
        return "Here is the JSON you asked for:\n\n```json\n%s\n```\n" % content, "stop"
    if do == "not_json_lines":
        return "This lot appears to be a fine example of its kind.", "stop"
    if do == "huge_line":
        return model.inflate(content, action.get("bytes", 9 << 20)), "stop"
    return content, "stop"


def complete(body, judge, created, new_id, action=None):
    """Answers a chat completion; returns (answer, request).  Raises a Refusal."""
    request = read_request(body, judge)
    content = model.answer(request)
    message = {"role": "assistant", "content": None, "refusal": None, "annotations": []}
    finish = "stop"
    if request.max_tokens is not None and model.tokens(content) > request.max_tokens:
        content, finish = content[:4 * request.max_tokens], "length"
    if action is not None:
        content, finish = _spoil(content, action, message)
    message["content"] = content
    used = prompt_tokens(request)
    made = model.tokens(content or message["refusal"] or "")
    tier = {"auto": "default", "fast": "priority"}.get(request.tier, request.tier)
    if action is not None and action["do"] == "other_tier_lines":
        tier = action.get("tier", "default")
    return {"id": new_id("chatcmpl-"), "object": "chat.completion", "created": created,
            "model": snapshot(request.model),
            "choices": [{"index": 0, "message": message, "logprobs": None,
                         "finish_reason": finish}],
            "usage": {"prompt_tokens": used, "completion_tokens": made,
                      "total_tokens": used + made,
                      "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
                      "completion_tokens_details": {
                          "reasoning_tokens": 0, "audio_tokens": 0,
                          "accepted_prediction_tokens": 0,
                          "rejected_prediction_tokens": 0}},
            "service_tier": tier, "system_fingerprint": None}, request


class Executor:
    """Executes the lines of one batch."""

    def __init__(self, batch, judge, created, new_id):
        actions = [a for a in batch["faults"] if a["do"].endswith(("_lines", "_line"))]
        self.selector = Selector([a for a in actions if a["do"] != "foreign_lines"])
        self.failing = next((a for a in batch["faults"] if a["do"] == "all_failed"), None)
        self.batch, self.judge = batch, judge
        self.created, self.new_id = created, new_id

    def run(self, index, raw):
        """Returns (tag, line, ledger entry).  The tag says where the line goes: o output,
        e error file, d output twice, x nowhere."""
        entry = json.loads(raw)
        custom_id, body = entry["custom_id"], entry["body"]
        action = self.failing or self.selector.pick(index, custom_id, raw)
        do = action["do"] if action else None
        book = {"custom_id": custom_id, "where": self.batch["id"],
                "file": self.batch["input_file_id"], "line": index + 1,
                "endpoint": self.batch["endpoint"], "tier": "batch", "at": self.created,
                "model": body.get("model"), "task": model.task_of(body), "status": 200,
                "billed": True, "prompt_tokens": 0, "completion_tokens": 0}
        if do in ("void_lines", "http_error_lines", "all_failed", "missing_lines"):
            book["billed"] = bool(action.get("billed", False))
        if do == "void_lines":
            book["status"] = 0
            tag = "e" if action.get("file") == "error" else "o"
            return tag, self.line(custom_id, 0, {}, request_id=""), book
        if do in ("http_error_lines", "all_failed"):
            book["status"] = action.get("code", 400 if do == "all_failed" else 500)
            return "e", self.line(custom_id, book["status"],
                                  error_for(book["status"], action)), book
        try:
            answer, _ = complete(body, self.judge, self.created, self.new_id, action)
        except Refusal as refusal:
            book.update(billed=False, status=refusal.status)
            return "e", self.line(custom_id, refusal.status, refusal.body), book
        book["prompt_tokens"] = answer["usage"]["prompt_tokens"]
        book["completion_tokens"] = answer["usage"]["completion_tokens"]
        line = self.line(custom_id, 200, answer)
        if do == "broken_lines":
            return "o", line[:len(line) // 2], book
        return {"missing_lines": "x", "duplicate_lines": "d"}.get(do, "o"), line, book

    def line(self, custom_id, status, body, request_id=None):
        return json.dumps({"id": self.new_id("batch_req_"), "custom_id": custom_id,
                           "response": {"status_code": status,
                                        "request_id": self.new_id("") if request_id is None
                                        else request_id, "body": body},
                           "error": None})
