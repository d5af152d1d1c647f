# SPDX-License-Identifier: ISC
"""OpenAI's calls: Files, Batches, Chat Completions and Models, as functions of a call.

Each takes a Call and returns an Answer or raises a Refusal; the wire, the faults and the
life of batches are elsewhere.
"""
import datetime
import json
import os

from checks import KNOWN_MODEL, SchemaJudge
from engine import fault
from errors import (Answer, Refusal, json_unreadable, missing, no_batch, no_file, no_model,
                    unknown_parameter, wrong_type, wrong_value)
from lines import complete, error_for
from model import task_of
from store import TERMINAL

PURPOSES = ("assistants", "batch", "fine-tune", "vision", "user_data", "evals")
ENDPOINTS = ("/v1/responses", "/v1/chat/completions", "/v1/embeddings", "/v1/completions",
             "/v1/moderations", "/v1/images/generations", "/v1/images/edits", "/v1/videos")
MAX_FILE = 512 * 1000 * 1000
MAX_BATCH_FILE = 200 * 1000 * 1000
CREATE_KEYS = ("input_file_id", "endpoint", "completion_window", "metadata",
               "output_expires_after")
MIN_EXPIRY, MAX_EXPIRY = 3600, 2592000
DAY = 86400
STATUS_TIMES = ("in_progress_at", "finalizing_at", "completed_at", "failed_at", "expired_at",
                "cancelling_at", "cancelled_at")


class Call:
    """One HTTP call: what was asked, by whom, with what body."""

    __slots__ = ("method", "path", "route", "ids", "query", "headers", "body", "form", "spooled",
                 "project", "record")


def _integer(call, name, default, low, high):
    text = call.query.get(name)
    if text is None:
        return default
    if not text.lstrip("-").isdigit():
        raise wrong_type(name, "an integer", "a string")
    number = int(text)
    if number < low:
        raise Refusal(400, "Invalid '%s': integer below minimum value. Expected a value >= %d, "
                      "but got %d instead." % (name, low, number), param=name,
                      code="integer_below_min_value")
    if number > high:
        raise Refusal(400, "Invalid '%s': integer above maximum value. Expected a value <= %d, "
                      "but got %d instead." % (name, high, number), param=name,
                      code="integer_above_max_value")
    return number


def _page(call, records, show, limit):
    after = call.query.get("after")
    if after is not None:
        place = next((i for i, r in enumerate(records) if r["id"] == after), None)
        if place is None:
            raise Refusal(400, "Invalid 'after': no object with id '%s'." % after,
                          param="after", code="invalid_value")
        records = records[place + 1:]
    data = [show(r) for r in records[:limit]]
    return Answer(200, {"object": "list", "data": data,
                        "first_id": data[0]["id"] if data else None,
                        "last_id": data[-1]["id"] if data else None,
                        "has_more": len(records) > limit})


def _json_body(call):
    try:
        value = json.loads(call.body.decode("utf-8"))
    except (ValueError, RecursionError):
        raise json_unreadable() from None
    if not isinstance(value, dict):
        raise json_unreadable()
    return value


# --- files

def show_file(record):
    return {"id": record["id"], "object": "file", "bytes": record["bytes"],
            "created_at": record["created_at"],
            **({"expires_at": record["expires_at"]} if record["expires_at"] else {}),
            "filename": record["filename"], "purpose": record["purpose"],
            "status": "processed", "status_details": None}


def _expiry(anchor, seconds, where):
    if anchor is None and seconds is None:
        return None
    if anchor != "created_at":
        raise wrong_value(where + ".anchor", anchor, ("created_at",))
    try:
        seconds = int(seconds)
    except (TypeError, ValueError):
        raise wrong_type(where + ".seconds", "an integer", "a string") from None
    if not MIN_EXPIRY <= seconds <= MAX_EXPIRY:
        raise Refusal(400, "Invalid '%s.seconds': expected a value between %d and %d, but got "
                      "%d instead." % (where, MIN_EXPIRY, MAX_EXPIRY, seconds),
                      param=where + ".seconds", code="invalid_value")
    return seconds


def create_file(world, call):
    if call.form is None:
        raise Refusal(400, "Content-Type must be multipart/form-data.")
    if call.spooled is None:
        raise missing("file")
    purpose, filename = call.form.get("purpose"), call.form["filename"]
    if purpose is None:
        raise missing("purpose")
    if purpose not in PURPOSES:
        raise wrong_value("purpose", purpose, PURPOSES)
    size = os.path.getsize(call.spooled)
    if size == 0:
        raise Refusal(400, "File is empty.")
    if size > (MAX_BATCH_FILE if purpose == "batch" else MAX_FILE):
        raise Refusal(400, "File is too large.")
    if purpose == "batch" and not filename.endswith(".jsonl"):
        raise Refusal(400, "Invalid file format for Batch API. Must be .jsonl", param="file")
    expiry = _expiry(call.form.get("expires_after[anchor]"),
                     call.form.get("expires_after[seconds]"), "expires_after")
    if expiry is None and purpose == "batch":
        expiry = MAX_EXPIRY
    record = world.add_file(call.spooled, filename, purpose, call.project, expiry)
    call.spooled = None
    return Answer(200, show_file(record))


def list_files(world, call):
    limit = _integer(call, "limit", 10000, 1, 10000)
    order = call.query.get("order", "desc")
    if order not in ("asc", "desc"):
        raise wrong_value("order", order, ("asc", "desc"))
    with world.lock:
        purpose, now = call.query.get("purpose"), world.now()
        records = [r for r in world.files.values() if r["project"] == call.project
                   and (purpose is None or r["purpose"] == purpose)
                   and not (r["expires_at"] and r["expires_at"] <= now)]
        records.sort(key=lambda r: r["sequence"], reverse=order == "desc")
        return _page(call, records, show_file, limit)


def _shown_record(world, call):
    """The file of a call; a fault of its batch may hide it."""
    record = world.file(call.ids[0], call.project)
    batch = world.batches.get(record["batch"])
    action = fault(batch, "file_404") if batch else None
    if action and _still(batch, "file_404", action):
        raise no_file(record["id"])
    return record


def get_file(world, call):
    return Answer(200, show_file(_shown_record(world, call)))


def file_content(world, call):
    with world.lock:
        record = _shown_record(world, call)
        return Answer(200, path=world.path("files", record["id"]),
                      content_type="application/octet-stream",
                      headers={"Content-Disposition": 'attachment; filename="%s"'
                               % record["filename"]})


def delete_file(world, call):
    with world.lock:
        record = world.file(call.ids[0], call.project)
        world.remove_file(record)
    return Answer(200, {"id": record["id"], "object": "file", "deleted": True})


# --- batches

def _still(batch, name, action):
    """Counts a read of the batch; true while a fault that lasts some reads is in force."""
    seen = batch["reads"].get(name, 0)
    batch["reads"][name] = seen + 1
    return seen < action.get("reads", float("inf"))


def _counts(batch):
    counts = dict(batch["request_counts"])
    if fault(batch, "null_counts"):
        return None
    lie = fault(batch, "counts_lie")
    if lie:
        counts = {"total": counts["total"], "completed": counts["total"], "failed": 0}
        counts.update(lie.get("counts", {}))
    return counts


def show_batch(world, batch):
    """The batch as OpenAI shows it, with the lies that its faults ask for."""
    shown = {"id": batch["id"], "object": "batch", "endpoint": batch["endpoint"],
             "model": batch["model"], "errors": batch["errors"],
             "input_file_id": batch["input_file_id"], "completion_window": "24h",
             "status": batch["status"], "output_file_id": batch["output_file_id"],
             "error_file_id": batch["error_file_id"], "created_at": batch["created_at"],
             "expires_at": batch["expires_at"]}
    for key in STATUS_TIMES:
        shown[key] = batch[key]
    shown["request_counts"] = _counts(batch)
    used = world.ledger.tokens
    asked, made = used[batch["id"], "input"], used[batch["id"], "output"]
    shown["usage"] = {"input_tokens": asked, "input_tokens_details": {"cached_tokens": 0},
                      "output_tokens": made, "output_tokens_details": {"reasoning_tokens": 0},
                      "total_tokens": asked + made}
    shown["metadata"] = batch["metadata"]
    late = fault(batch, "no_file_yet")
    if late and batch["status"] in TERMINAL and _still(batch, "no_file_yet", late):
        for kind in ("output", "error"):
            if late.get("file", kind) == kind:
                shown[kind + "_file_id"] = None
    if fault(batch, "uppercase_status"):
        shown["status"] = shown["status"].upper()
    if fault(batch, "iso_times"):
        _iso_times(shown)
    return shown


def _iso_times(shown):
    for key in ("created_at", "expires_at") + STATUS_TIMES:
        if shown[key] is not None:
            when = datetime.datetime.fromtimestamp(shown[key], datetime.timezone.utc)
            shown[key] = when.isoformat().replace("+00:00", "Z")


def hidden(batch):
    """Whether GET of this batch answers 404 for now."""
    action = fault(batch, "vanish")
    if action is None or action.get("status", batch["status"]) != batch["status"]:
        return False
    return _still(batch, "vanish", action)


def unlisted(batch):
    action = fault(batch, "vanish")
    if action and action.get("status", batch["status"]) == batch["status"] \
            and batch["reads"].get("vanish", 0) < action.get("reads", float("inf")):
        return True
    action = fault(batch, "hide_from_list")
    return bool(action and _still(batch, "hide_from_list", action))


def _metadata(value):
    if value is None:
        return None
    if not isinstance(value, dict):
        raise wrong_type("metadata", "an object", type(value).__name__)
    if len(value) > 16:
        raise Refusal(400, "Invalid 'metadata': too many properties. Expected an object with at "
                      "most 16 properties, but got an object with %d properties instead."
                      % len(value), param="metadata", code="object_above_max_properties")
    for key, text in value.items():
        if not isinstance(text, str):
            raise wrong_type("metadata." + key, "a string", type(text).__name__)
        if len(key) > 64 or len(text) > 512:
            raise Refusal(400, "Invalid 'metadata': string too long. Keys are at most 64 and "
                          "values at most 512 characters.", param="metadata",
                          code="string_above_max_length")
    return value


def _check_create(body):
    for key in body:
        if key not in CREATE_KEYS:
            raise unknown_parameter(key)
    for key in ("input_file_id", "endpoint", "completion_window"):
        if body.get(key) is None:
            raise missing(key)
        if not isinstance(body[key], str):
            raise wrong_type(key, "a string", type(body[key]).__name__)
    if body["endpoint"] not in ENDPOINTS:
        raise wrong_value("endpoint", body["endpoint"], ENDPOINTS)
    if body["completion_window"] != "24h":
        raise wrong_value("completion_window", body["completion_window"], ("24h",))


def create_batch(world, call):
    body = _json_body(call)
    _check_create(body)
    metadata = _metadata(body.get("metadata"))
    after = body.get("output_expires_after") or {}
    if not isinstance(after, dict):
        raise wrong_type("output_expires_after", "an object", type(after).__name__)
    expiry = _expiry(after.get("anchor"), after.get("seconds"), "output_expires_after")
    with world.lock:
        try:
            source = world.file(body["input_file_id"], call.project)
        except Refusal as refusal:
            raise Refusal(404, refusal.body["error"]["message"], param="input_file_id") from None
        if source["purpose"] != "batch":
            raise Refusal(400, "Invalid value: file %s was uploaded with purpose '%s'; the input "
                          "of a batch needs purpose 'batch'." % (source["id"], source["purpose"]),
                          param="input_file_id", code="invalid_value")
        return Answer(200, show_batch(world, _new_batch(world, call, body, source, metadata,
                                                        expiry)))


def create_facts(world, call):
    """What rules may match on a create: the batch's number, model, task and metadata."""
    try:
        body = json.loads(call.body or b"{}")
    except ValueError:
        body = {}
    body = body if isinstance(body, dict) else {}
    first = world.first_line(os.path.basename(str(body.get("input_file_id")))).get("body") or {}
    return {"route": call.route, "batch_nth": len(world.batches) + 1, "task": task_of(first),
            "model": first.get("model"), "metadata": body.get("metadata"),
            "body": (call.body or b"").decode("utf-8", "replace")}


def _new_batch(world, call, body, source, metadata, expiry):
    facts = create_facts(world, call)
    now = int(world.now())
    batch = {"id": world.new_id("batch_"), "sequence": world.next_sequence(),
             "project": call.project, "nth": facts["batch_nth"], "task": facts["task"],
             "endpoint": body["endpoint"], "model": None, "model_asked": facts["model"],
             "errors": None, "input_file_id": source["id"], "status": "validating",
             "output_file_id": None, "error_file_id": None, "created_at": now,
             "expires_at": now + DAY, "metadata": metadata, "output_expires": expiry or MAX_EXPIRY,
             "request_counts": {"total": 0, "completed": 0, "failed": 0}, "enqueued": 0,
             "faults": world.faults.for_batch(facts), "reads": {}}
    batch.update((key, None) for key in STATUS_TIMES)
    world.batches[batch["id"]] = batch
    world.save_batch(batch)
    world.ledger.event("batch", batch=batch["id"], input_file=source["id"], metadata=metadata,
                       endpoint=batch["endpoint"], task=batch["task"], at=now,
                       model=batch["model_asked"],
                       faults=[a["do"] for a in batch["faults"]])
    world.engine.begin(batch)
    return batch


def list_batches(world, call):
    limit = _integer(call, "limit", 20, 1, 100)
    with world.lock:
        records = [b for b in world.batches.values()
                   if b["project"] == call.project and not unlisted(b)]
        records.sort(key=lambda b: b["sequence"], reverse=True)
        return _page(call, records, lambda b: show_batch(world, b), limit)


def _visible(world, call):
    batch = world.batch(call.ids[0], call.project)
    if hidden(batch):
        raise no_batch(batch["id"])
    return batch


def get_batch(world, call):
    with world.lock:
        return Answer(200, show_batch(world, _visible(world, call)))


def cancel_batch(world, call):
    with world.lock:
        batch = _visible(world, call)
        if batch["status"] in ("completed", "failed", "expired"):
            raise Refusal(409, "Cannot cancel a batch with status '%s'." % batch["status"])
        if batch["status"] not in ("cancelling", "cancelled"):
            world.engine.set_status(batch, "cancelling")
            world.engine.begin(batch)
        return Answer(200, show_batch(world, batch))


# --- chat completions and models

def chat(world, call, action=None):
    body = _json_body(call)
    if action and action["do"] == "http_error_lines":
        status = action.get("code", 500)
        return Answer(status, error_for(status, action))
    answer, request = complete(body, SchemaJudge(), int(world.now()),
                               lambda prefix: world.new_id(prefix), action)
    with world.lock:
        world.ledger.executed([{
            "custom_id": client_request_id(call, body), "where": "sync", "file": None,
            "line": None, "endpoint": "/v1/chat/completions", "tier": answer["service_tier"],
            "at": answer["created"], "model": request.model, "task": task_of(body),
            "status": 200, "billed": True, "max_tokens": request.max_tokens,
            "prompt_tokens": answer["usage"]["prompt_tokens"],
            "completion_tokens": answer["usage"]["completion_tokens"]}])
        world.changed.notify_all()
    return Answer(200, answer)


def client_request_id(call, body):
    """What links a synchronous call to an item: OpenAI's X-Client-Request-Id header, or the
    body's metadata.custom_id."""
    named = call.headers.get("X-Client-Request-Id")
    metadata = body.get("metadata")
    if named is None and isinstance(metadata, dict):
        named = metadata.get("custom_id")
    return named


def chat_facts(call):
    try:
        body = json.loads(call.body)
    except ValueError:
        body = {}
    body = body if isinstance(body, dict) else {}
    return {"model": body.get("model"), "task": task_of(body),
            "tier": body.get("service_tier") or "auto",
            "body": call.body.decode("utf-8", "replace")}


def list_models(world, call):
    return Answer(200, {"object": "list", "data": [
        {"id": name, "object": "model", "created": 1754524800, "owned_by": "system"}
        for name in ("gpt-5", "gpt-5-mini", "gpt-5-nano")]})


def get_model(world, call):
    if not KNOWN_MODEL.match(call.ids[0]):
        raise no_model(call.ids[0])
    return Answer(200, {"id": call.ids[0], "object": "model", "created": 1754524800,
                        "owned_by": "system"})


ROUTES = (
    ("POST", "/v1/files", create_file),
    ("GET", "/v1/files", list_files),
    ("GET", "/v1/files/{id}", get_file),
    ("DELETE", "/v1/files/{id}", delete_file),
    ("GET", "/v1/files/{id}/content", file_content),
    ("POST", "/v1/batches", create_batch),
    ("GET", "/v1/batches", list_batches),
    ("GET", "/v1/batches/{id}", get_batch),
    ("POST", "/v1/batches/{id}/cancel", cancel_batch),
    ("POST", "/v1/chat/completions", chat),
    ("GET", "/v1/models", list_models),
    ("GET", "/v1/models/{id}", get_model),
)
