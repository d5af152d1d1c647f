# SPDX-License-Identifier: ISC
"""Judges the body of a chat completion, and the input file of a batch, as OpenAI would.

A bad body raises a Refusal (a 4xx answer, or a 4xx line in the error file of a batch); a
bad input file yields the errors that make a batch fail.  Pure: reads only what it is given.
"""
import base64
import json
import re
import urllib.parse

from errors import Refusal, batch_error, missing, no_model, wrong_type, wrong_value

MAX_LINES = 50000
MAX_REPORTED = 100
KNOWN_MODEL = re.compile(r"^(gpt-|o[0-9]|chatgpt-|ft:)")
DATED = re.compile(r"-\d{4}-\d{2}-\d{2}$")
IMAGE_TYPES = ("png", "jpeg", "gif", "webp")
OTHER_SUFFIXES = (".svg", ".tif", ".tiff", ".bmp", ".pdf", ".heic", ".avif", ".html")
UNSUPPORTED = ("allOf", "not", "dependentRequired", "dependentSchemas", "if", "then", "else",
               "oneOf")
TIERS = ("auto", "default", "flex", "scale", "priority", "fast")
ROLES = ("developer", "system", "user", "assistant", "tool", "function")


def snapshot(model):
    """The dated name under which a model answers."""
    return model if DATED.search(model) else model + "-2025-08-07"


# --- strict schemas

def _schema_fault(schema, where, depth):
    """The first way in which a schema breaks the rules of strict mode, or None."""
    if depth > 10:
        return "In context=%s, schema exceeds 10 levels of nesting." % (where,)
    if not isinstance(schema, dict):
        return "In context=%s, schema must be an object." % (where,)
    for word in UNSUPPORTED:
        if word in schema:
            return "In context=%s, '%s' is not permitted." % (where, word)
    if not any(k in schema for k in ("type", "anyOf", "$ref", "enum", "const")):
        return "In context=%s, schema must have a 'type' key." % (where,)
    kinds = schema.get("type")
    if "properties" in schema or kinds == "object" or (isinstance(kinds, list)
                                                       and "object" in kinds):
        fault = _object_fault(schema, where)
        if fault:
            return fault
    if kinds == "array" and "items" not in schema:
        return "In context=%s, array schema missing items." % (where,)
    inner = [(where + ("properties", k), v) for k, v in schema.get("properties", {}).items()]
    inner += [(where + ("items",), schema["items"])] if "items" in schema else []
    inner += [(where + ("anyOf", str(i)), v) for i, v in enumerate(schema.get("anyOf", []))]
    inner += [(where + ("$defs", k), v) for k, v in schema.get("$defs", {}).items()]
    for place, sub in inner:
        fault = _schema_fault(sub, place, depth + 1)
        if fault:
            return fault
    return None


def _object_fault(schema, where):
    if schema.get("additionalProperties") is not False:
        return ("In context=%s, 'additionalProperties' is required to be supplied and to be "
                "false." % (where,))
    properties = schema.get("properties", {})
    required = schema.get("required")
    if not isinstance(required, list):
        return ("In context=%s, 'required' is required to be supplied and to be an array "
                "including every key in properties." % (where,))
    for key in properties:
        if key not in required:
            return ("In context=%s, 'required' is required to be supplied and to be an array "
                    "including every key in properties. Missing '%s'." % (where, key))
    for key in required:
        if key not in properties:
            return "In context=%s, 'required' has an extra key '%s'." % (where, key)
    return None


class SchemaJudge:
    """Checks schemas, remembering the last one: a batch repeats one schema on every line."""

    def __init__(self):
        self.last, self.fault = None, None

    def check(self, form):
        if not isinstance(form, dict) or form.get("type") not in ("text", "json_object",
                                                                  "json_schema"):
            got = form.get("type") if isinstance(form, dict) else form
            raise wrong_value("response_format.type", got, ("text", "json_object",
                                                            "json_schema"))
        if form["type"] != "json_schema":
            return None
        if form != self.last:
            self.fault = self._fault(form.get("json_schema"))
            self.last = form
        if self.fault:
            raise Refusal(400, *self.fault)
        return form["json_schema"].get("schema")

    @staticmethod
    def _fault(wanted):
        kind = "invalid_request_error"
        if not isinstance(wanted, dict):
            return ("Missing required parameter: 'response_format.json_schema'.", kind,
                    "response_format.json_schema", "missing_required_parameter")
        name = wanted.get("name")
        if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name):
            return ("Invalid 'response_format.json_schema.name': string does not match "
                    "pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'.",
                    kind, "response_format.json_schema.name", "invalid_value")
        if not wanted.get("strict"):
            return None
        schema = wanted.get("schema")
        if not isinstance(schema, dict) or schema.get("type") != "object" or "anyOf" in schema:
            got = schema.get("type") if isinstance(schema, dict) else schema
            fault = "schema must be a JSON Schema of 'type: \"object\"', got 'type: \"%s\"'." % got
        else:
            fault = _schema_fault(schema, (), 1)
        return fault and ("Invalid schema for response_format '%s': %s" % (name, fault), kind,
                          "response_format", None)


# --- images

def check_image(url, where):
    if not isinstance(url, str):
        raise wrong_type(where, "a string", type(url).__name__)
    if url.startswith("data:"):
        _check_data_url(url)
        return
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise Refusal(400, "Invalid image URL: '%s'. Expected a valid URL, but got a value with "
                      "an invalid format." % url[:200], param=where, code="invalid_image_url")
    if "unreachable" in url:
        raise Refusal(400, "Error while downloading %s." % url, param="url",
                      code="invalid_value")
    if "timeout" in url:
        raise Refusal(400, "Timeout while downloading %s." % url, param="url",
                      code="invalid_image_url")
    if parts.path.lower().endswith(OTHER_SUFFIXES):
        raise _wrong_format()


def _wrong_format():
    return Refusal(400, "You uploaded an unsupported image. Please make sure your image has of "
                   "one the following formats: ['png', 'jpeg', 'gif', 'webp'].",
                   code="invalid_image_format")


def _check_data_url(url):
    head, _, data = url.partition(",")
    match = re.fullmatch(r"data:image/([a-z0-9.+-]+);base64", head)
    if not match:
        raise Refusal(400, "Invalid base64 image_url.", code="invalid_base64_image")
    if match[1] not in IMAGE_TYPES:
        raise _wrong_format()
    try:
        first = base64.b64decode(data[:64], validate=True)
    except ValueError:
        first = b""
    if not first or len(data) % 4:
        raise Refusal(400, "Invalid base64 image_url.", code="invalid_base64_image")
    if not first.startswith((b"\x89PNG", b"\xff\xd8", b"GIF8", b"RIFF")):
        raise _wrong_format()


# --- the body of a chat completion

class Request:
    """What the model needs of a body that passed: its texts, images, schema and limits."""

    __slots__ = ("model", "texts", "user_text", "images", "schema", "max_tokens", "tier",
                 "json_mode", "extra_length")


def _message_parts(message, index, request):
    where = "messages[%d]" % index
    if not isinstance(message, dict):
        raise wrong_type(where, "an object", type(message).__name__)
    role, content = message.get("role"), message.get("content")
    if role not in ROLES:
        raise wrong_value(where + ".role", role, ROLES)
    if isinstance(content, str):
        request.texts.append(content)
        if role == "user":
            request.user_text.append(content)
        return
    if not isinstance(content, list):
        raise wrong_type(where + ".content", "one of a string or array of objects",
                         "null" if content is None else type(content).__name__)
    for number, part in enumerate(content):
        place = "%s.content[%d]" % (where, number)
        kind = part.get("type") if isinstance(part, dict) else None
        if kind == "text" and isinstance(part.get("text"), str):
            request.texts.append(part["text"])
            if role == "user":
                request.user_text.append(part["text"])
        elif kind == "image_url" and isinstance(part.get("image_url"), dict):
            check_image(part["image_url"].get("url"), place + ".image_url.url")
            detail = part["image_url"].get("detail", "auto")
            if detail not in ("auto", "low", "high", "original"):
                raise wrong_value(place + ".image_url.detail", detail, ("auto", "low", "high"))
            request.images += 1
        else:
            raise wrong_value(place + ".type", kind, ("text", "image_url"))


def read_request(body, judge):
    """Checks a chat completion's body; returns a Request or raises a Refusal."""
    request = Request()
    if not isinstance(body, dict):
        raise wrong_type("body", "an object", type(body).__name__)
    request.model = body.get("model")
    if not isinstance(request.model, str) or not request.model:
        raise Refusal(400, "you must provide a model parameter")
    if not KNOWN_MODEL.match(request.model):
        raise no_model(request.model)
    messages = body.get("messages")
    if messages is None:
        raise missing("messages")
    if not isinstance(messages, list) or not messages:
        raise Refusal(400, "Invalid 'messages': empty array. Expected an array with minimum "
                      "length 1, but got an empty array instead.", param="messages",
                      code="empty_array")
    request.texts, request.user_text, request.images = [], [], 0
    for index, message in enumerate(messages):
        _message_parts(message, index, request)
    _read_options(body, request, judge)
    return request


def _read_options(body, request, judge):
    form = body.get("response_format")
    request.schema = judge.check(form) if form is not None else None
    request.extra_length = 4 * 200 if request.schema else 0
    request.json_mode = isinstance(form, dict) and form["type"] == "json_object"
    if request.json_mode and not any("json" in t.lower() for t in request.texts):
        raise Refusal(400, "'messages' must contain the word 'json' in some form, to use "
                      "'response_format' of type 'json_object'.", param="messages")
    request.tier = body.get("service_tier") or "auto"
    if request.tier not in TIERS:
        raise wrong_value("service_tier", request.tier, TIERS)
    if body.get("stream"):
        raise Refusal(400, "Streaming is not supported here.", param="stream",
                      code="unsupported_value")
    limit = body.get("max_completion_tokens", body.get("max_tokens"))
    if limit is not None and (not isinstance(limit, int) or isinstance(limit, bool)
                              or limit < 1):
        raise Refusal(400, "Invalid 'max_completion_tokens': integer below minimum value. "
                      "Expected a value >= 1, but got %s instead." % json.dumps(limit),
                      param="max_completion_tokens", code="integer_below_min_value")
    request.max_tokens = limit


def prompt_tokens(request):
    length = sum(map(len, request.texts)) + request.extra_length
    return length // 4 + 8 + 765 * request.images


# --- the input file of a batch

class FileCheck:
    """Reads the lines of a batch's input file one after another and gathers the errors."""

    def __init__(self, endpoint, limit_tokens=None):
        self.endpoint = endpoint
        self.limit_tokens = limit_tokens
        self.errors = []
        self.custom_ids = set()
        self.lines = 0
        self.model = None
        self.tokens = 0

    def error(self, code, line=None, param=None, **values):
        if len(self.errors) < MAX_REPORTED:
            self.errors.append(batch_error(code, line, param, **values))

    def line(self, number, raw):
        """number is the 1-based line of the file.  Returns False where reading may stop."""
        if self.lines == MAX_LINES:
            self.errors = [batch_error("too_many_tasks")]
            return False
        self.lines += 1
        try:
            entry = json.loads(raw.decode("utf-8"))
        except (ValueError, RecursionError):
            entry = None
        if not isinstance(entry, dict):
            self.error("invalid_json_line", number)
            return len(self.errors) < MAX_REPORTED
        self._entry(number, entry)
        return True

    def _entry(self, number, entry):
        for key in ("custom_id", "method", "url", "body"):
            if key not in entry:
                self.error("missing_required_parameter", number, key)
                return
        custom_id, body = entry["custom_id"], entry["body"]
        if not isinstance(custom_id, str) or not isinstance(body, dict):
            self.error("invalid_json_line", number)
            return
        if entry["method"] != "POST":
            self.error("invalid_method", number, "method")
        if custom_id in self.custom_ids:
            self.error("duplicate_custom_id", number, "custom_id")
        self.custom_ids.add(custom_id)
        if entry["url"] != self.endpoint:
            self.error("url_mismatch", number, "url")
        model = body.get("model")
        if self.model is None:
            self.model = model
        elif model != self.model:
            self.error("model_mismatch", number, "body.model")
        self.tokens += self._tokens(body)

    @staticmethod
    def _tokens(body):
        """A rough count of prompt tokens, without judging the body."""
        total = 8
        for message in body.get("messages") or ():
            content = message.get("content") if isinstance(message, dict) else None
            if isinstance(content, str):
                total += len(content) // 4
            for part in content if isinstance(content, list) else ():
                if isinstance(part, dict):
                    text = part.get("text")
                    total += len(text) // 4 if isinstance(text, str) else 765
        return total

    def end(self):
        if self.lines == 0 and not self.errors:
            self.errors = [batch_error("empty_file")]
