# SPDX-License-Identifier: ISC
"""The stand-in's own calls under /_standin/: ledger, faults, clock, forced states, waiting.

No key is asked for: it listens on loopback only.
"""
import json
import time

from errors import Answer, Refusal, batch_error
from faults import BadRule
from ledger import PHASES
from store import TERMINAL

# What is asked for, and the rule of the batch that it takes back.
SHOWN_AGAIN = {"appear": "vanish", "name_files": "no_file_yet"}
FORCED = ("stuck", "resume", "expired", "cancelled", "completed", "failed", "vanish",
          "in_progress", "finalizing", *SHOWN_AGAIN)


def _body(call):
    if not call.body:
        return {}
    try:
        return json.loads(call.body)
    except ValueError:
        raise Refusal(400, "The body is not JSON.") from None


def ledger(world, call):
    with world.lock:
        if call.query.get("summary"):
            return Answer(200, world.ledger.summary())
        return Answer(200, world.ledger.whole(call.query.get("prefix")))


def get_faults(world, call):
    return Answer(200, {"rules": world.faults.shown()})


def set_faults(world, call):
    """A list replaces the rules, an object (one rule) is added to them."""
    body = _body(call)
    try:
        if isinstance(body, dict):
            world.faults.add(body)
        else:
            world.faults.replace(body)
    except BadRule as bad:
        raise Refusal(400, str(bad)) from None
    return get_faults(world, call)


def release(world, call):
    """Lets go what hangs, and executes delayed calls now."""
    with world.lock:
        world.releases += 1
        world.changed.notify_all()
    return Answer(200, {"releases": world.releases})


def reset(world, call):
    world.reset()
    return Answer(200, {"reset": True})


def clock(world, call):
    world.advance(float(_body(call).get("advance", 0)))
    return Answer(200, {"now": world.now(), "offset": world.offset})


def limits(world, call):
    """Enqueued prompt tokens for each model: {"gpt-5-mini": 200000}; null takes one away."""
    with world.lock:
        for model, tokens in _body(call).items():
            if tokens is None:
                world.limits.pop(model, None)
            else:
                world.limits[model] = int(tokens)
        return Answer(200, {"enqueued_tokens": world.limits})


def step(world, call):
    world.step = float(_body(call)["seconds"])
    return Answer(200, {"step": world.step})


def list_batches(world, call):
    """Every batch as the stand-in holds it, the vanished ones too."""
    with world.lock:
        return Answer(200, {"batches": sorted(world.batches.values(),
                                              key=lambda b: b["sequence"])})


def force(world, call):
    body = _body(call)
    status = body.get("status")
    if status not in FORCED:
        raise Refusal(400, "status is one of: " + " ".join(FORCED))
    with world.lock:
        batch = world.batches.get(call.ids[0])
        if batch is None:
            raise Refusal(404, "no such batch")
        _force(world, batch, status, body)
        world.save_batch(batch)
        return Answer(200, batch)


def _force(world, batch, status, body):
    engine = world.engine
    if status == "vanish":
        batch["faults"].append({"do": "vanish"})
    elif status in SHOWN_AGAIN:
        batch["faults"] = [a for a in batch["faults"] if a["do"] != SHOWN_AGAIN[status]]
    elif status == "resume":
        batch["faults"] = [a for a in batch["faults"] if a["do"] not in ("stuck", "vanish")]
        engine.begin(batch)
    elif batch["status"] in TERMINAL:
        raise Refusal(409, "the batch is %s" % batch["status"])
    elif status in ("stuck", "in_progress", "finalizing"):
        _hold(world, batch, status)
    elif status == "failed":
        batch["errors"] = {"object": "list", "data": [
            batch_error(body.get("code", "invalid_json_line"), body.get("line"))]}
        engine.set_status(batch, "failed")
        engine.begin(batch)
    else:
        code = {"expired": "batch_expired", "cancelled": "batch_cancelled"}.get(status)
        engine.begin(batch, lambda b, token: engine.end(b, token, status, code))


def _hold(world, batch, status):
    """Keeps a batch where it is, or in a later state, as a rule "stuck" would."""
    if status != "stuck" and batch["in_progress_at"] is None:
        with open(world.path("files", batch["input_file_id"]), "rb") as f:
            batch["request_counts"]["total"] = sum(1 for _ in f)
    if status != "stuck":
        world.engine.set_status(batch, status)
    batch["faults"] = [a for a in batch["faults"] if a["do"] != "stuck"]
    batch["faults"].insert(0, {"do": "stuck", "status": batch["status"],
                               "done": world.ledger.in_batch[batch["id"]]})
    world.engine.begin(batch)


def wait(world, call):
    """Holds the answer until a condition is true: 200, or 408 where the time ran out."""
    query = call.query
    count = int(query.get("executed") or query.get("count", 1))
    after = int(query.get("after", 0))
    until = time.monotonic() + float(query.get("timeout", 30))
    reached = _condition(world, query, after)
    with world.lock:
        while reached() < count:
            left = until - time.monotonic()
            if left <= 0:
                raise Refusal(408, "not within the time: %s is %d of %d"
                              % (dict(query), reached(), count))
            world.changed.wait(min(left, 1.0))
        return Answer(200, {"count": reached(), "last_call": world.ledger.next_call - 1})


def _condition(world, query, after):
    if "route" in query:
        phase = query.get("phase", "received")
        if phase not in PHASES:
            raise Refusal(400, "phase is one of: " + " ".join(PHASES))
        return lambda: world.ledger.calls_of(query["route"], phase, after)
    if "status" in query:
        return lambda: sum(b["status"] == query["status"]
                           and query.get("batch", b["id"]) == b["id"]
                           and query.get("task", b["task"]) == b["task"]
                           for b in world.batches.values())
    if "event" in query:
        return lambda: sum(e["kind"] == query["event"] for e in world.ledger.events)
    if "executed" in query:
        return lambda: world.ledger.counts["executed"]
    raise Refusal(400, "wait for route=, status=, event= (with count=) or executed=")


def health(world, call):
    return Answer(200, {"ok": True, "now": world.now(), "step": world.step})


ROUTES = (
    ("GET", "/_standin/ledger", ledger),
    ("GET", "/_standin/faults", get_faults),
    ("POST", "/_standin/faults", set_faults),
    ("POST", "/_standin/release", release),
    ("POST", "/_standin/reset", reset),
    ("POST", "/_standin/clock", clock),
    ("POST", "/_standin/limits", limits),
    ("POST", "/_standin/step", step),
    ("GET", "/_standin/batches", list_batches),
    ("POST", "/_standin/batches/{id}", force),
    ("GET", "/_standin/wait", wait),
    ("GET", "/_standin/health", health),
)
