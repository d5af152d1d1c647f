# SPDX-License-Identifier: ISC
"""The life of a batch: validating, in_progress, finalizing, completed, and the other ends.

One thread runs all batches in turn.  A life is a generator that yields how long to wait
(seconds of the stand-in's clock), or PARK where only a person, a cancel or a script moves
it on.  Work is done outside the lock and committed under it; a life that was replaced
meanwhile (cancel, reset, forced state) finds its token gone and ends without a trace.
Also runs delayed calls.  A batch interrupted by the stand-in's own death goes on from the
ledger: what was executed is never executed again.
"""
import array
import heapq
import inspect
import itertools
import json
import os
import random
import threading
import traceback

from checks import FileCheck, SchemaJudge, snapshot
from errors import NEVER_RUN, batch_error
from lines import Executor

PARK = None
CHUNK = 250
CHECK_CHUNK = 1000
BOM = b"\xef\xbb\xbf"


class Superseded(Exception):
    """This life was replaced by another."""


def fault(batch, do):
    return next((a for a in batch["faults"] if a["do"] == do), None)


def is_stuck(batch, status):
    action = fault(batch, "stuck")
    wanted = action.get("status", "in_progress") if action else []
    return status in ([wanted] if isinstance(wanted, str) else wanted)


class Engine:
    def __init__(self, world):
        self.world = world
        self.tokens = {}
        self.queue = []
        self.delayed = []
        self.order = itertools.count()
        self.stopping = False
        world.on_reset = self.forget
        self.thread = threading.Thread(target=self.run, name="engine", daemon=True)

    def start(self):
        with self.world.lock:
            for batch in sorted(self.world.batches.values(), key=lambda b: b["sequence"]):
                self.begin(batch)
        self.thread.start()

    def stop(self):
        with self.world.lock:
            self.stopping = True
            self.world.changed.notify_all()
        self.thread.join(timeout=10)

    def forget(self):
        self.tokens.clear()
        self.queue.clear()
        self.delayed.clear()

    # --- scheduling

    def begin(self, batch, life=None):
        """Starts, or replaces, the life of a batch.  Under the lock."""
        if life is None:
            life = {"validating": self.life, "in_progress": self.progress,
                    "finalizing": self.finish, "cancelling": self.cancelling
                    }.get(batch["status"])
        self.tokens[batch["id"]] = token = object()
        if life is not None:
            self.later(0, life(batch, token), batch["id"], token)

    def later(self, wait, life, batch_id, token):
        heapq.heappush(self.queue, (self.world.now() + wait, next(self.order), life, batch_id,
                                    token))
        self.world.changed.notify_all()

    def delay(self, seconds, action):
        """Runs action() after some seconds of the clock, or at the next release."""
        with self.world.lock:
            self.delayed.append((self.world.now() + seconds, self.world.releases, action))
            self.world.changed.notify_all()

    def run(self):
        while True:
            with self.world.lock:
                job = self.next_job()
                while job is None and not self.stopping:
                    self.world.changed.wait(self.pause())
                    job = self.next_job()
                if self.stopping:
                    return
            try:
                job()
            except Exception:  # one broken batch must not stop the others
                traceback.print_exc()

    def pause(self):
        due = [d for d, _, _ in self.delayed] + [q[0] for q in self.queue[:1]]
        return min(1.0, max(0.0, min(due) - self.world.now())) if due else 1.0

    def next_job(self):
        now = self.world.now()
        for entry in self.delayed:
            if entry[0] <= now or entry[1] != self.world.releases:
                self.delayed.remove(entry)
                return entry[2]
        if self.queue and self.queue[0][0] <= now:
            due, _, life, batch_id, token = heapq.heappop(self.queue)
            return lambda: self.turn(life, batch_id, token, due)
        return None

    def turn(self, life, batch_id, token, due):
        if self.tokens.get(batch_id) is not token:
            life.close()
            return
        # A life begins when it was asked for: the clock may have been put forward before its first turn.
        begun = due if inspect.getgeneratorstate(life) == inspect.GEN_CREATED else None
        try:
            wait = next(life)
        except (StopIteration, Superseded):
            return
        except OSError:  # a reset took the files away
            if self.tokens.get(batch_id) is token:
                raise
            return
        if wait is not PARK:
            with self.world.lock:
                if begun is not None:
                    wait = max(0, begun + wait - self.world.now())
                self.later(wait, life, batch_id, token)

    def mine(self, batch, token):
        if self.tokens.get(batch["id"]) is not token:
            raise Superseded()

    def move(self, batch, token, status, **changes):
        """The only place that changes a batch's status in its own life."""
        with self.world.lock:
            self.mine(batch, token)
            self.set_status(batch, status, **changes)

    def set_status(self, batch, status, **changes):
        with self.world.lock:
            now = int(self.world.now())
            batch["status"] = status
            if status != "validating":
                batch[status + "_at"] = now
            batch.update(changes)
            self.world.save_batch(batch)
            self.world.ledger.event("batch_status", batch=batch["id"], status=status, at=now)

    # --- lives

    def life(self, batch, token):
        yield self.world.step
        if is_stuck(batch, "validating"):
            yield PARK
        errors = yield from self.validate(batch, token)
        if errors:
            self.fail(batch, token, errors)
            return
        self.move(batch, token, "in_progress")
        yield from self.progress(batch, token)

    def fail(self, batch, token, errors):
        self.move(batch, token, "failed", errors={"object": "list", "data": errors})

    def validate(self, batch, token):
        """Reads the whole input file; returns the errors."""
        for do in ("fail", "cannot_find_file"):
            action = fault(batch, do)
            if action:
                code = action.get("code", do if do == "cannot_find_file"
                                  else "invalid_json_line")
                error = batch_error(code, action.get("line"), file=batch["input_file_id"],
                                    model=batch["model_asked"], limit="2,000,000")
                if do == "cannot_find_file":
                    error["code"] = action.get("code", "invalid_request")
                return [dict(error, **action.get("error", {}))]
        path = self.world.path("files", batch["input_file_id"])
        if not os.path.exists(path):
            return [batch_error("cannot_find_file", file=batch["input_file_id"])]
        check = FileCheck(batch["endpoint"])
        with open(path, "rb") as f:
            for number, raw in enumerate(f, 1):
                if number == 1 and raw.startswith(BOM):
                    check.error("invalid_json_line", 1)
                    break
                if not check.line(number, raw):
                    break
                if number % CHECK_CHUNK == 0:
                    yield 0
        check.end()
        if not check.errors:
            self.admit(batch, token, check)
        return check.errors

    def admit(self, batch, token, check):
        """Books the tokens of a valid file against the model's limit of enqueued tokens."""
        with self.world.lock:
            self.mine(batch, token)
            limit = self.world.limits.get(check.model)
            enqueued = sum(b["enqueued"] for b in self.world.batches.values()
                           if b["model_asked"] == check.model
                           and b["status"] in ("in_progress", "finalizing", "cancelling"))
            if limit is not None and enqueued + check.tokens > limit:
                check.error("token_limit_exceeded", model=check.model,
                            limit="{:,}".format(limit))
                return
            batch["enqueued"] = check.tokens
            batch["model_asked"] = check.model
            batch["model"] = snapshot(check.model) if isinstance(check.model, str) else None
            batch["request_counts"]["total"] = check.lines

    def progress(self, batch, token):
        stuck = is_stuck(batch, "in_progress")
        expiring = fault(batch, "expire")
        total = batch["request_counts"]["total"]
        target = total
        if stuck:
            target = min(total, fault(batch, "stuck").get("done", 0))
        elif expiring:
            target = min(total, expiring.get("done", 0))
        expired = yield from self.execute(batch, token, target)
        if stuck:
            yield self.stuck_for(batch)
        if expired or expiring or stuck:
            yield from self.end(batch, token, "expired", "batch_expired")
            return
        self.move(batch, token, "finalizing")
        yield from self.finish(batch, token)

    def finish(self, batch, token):
        yield self.world.step
        if is_stuck(batch, "finalizing"):
            yield self.stuck_for(batch)
            yield from self.end(batch, token, "expired", "batch_expired")
            return
        yield from self.end(batch, token, "completed", None)

    def cancelling(self, batch, token):
        slow = fault(batch, "cancel_slow")
        yield slow.get("seconds", 5) if slow else self.world.step
        if is_stuck(batch, "cancelling"):
            yield PARK
        yield from self.end(batch, token, "cancelled", "batch_cancelled")

    def stuck_for(self, batch):
        """For ever, or with "expires" until the completion window ends."""
        if fault(batch, "stuck").get("expires"):
            return max(0, batch["expires_at"] - self.world.now())
        return PARK

    def part_path(self, batch):
        return self.world.path("batches", batch["id"] + ".part")

    def execute(self, batch, token, target):
        """Executes the lines up to target, spread over one step; true where the completion
        window ended first.
        The ledger says how many were done by an earlier run of the stand-in."""
        done = self.world.ledger.in_batch[batch["id"]]
        self.trim_part(batch, done)
        count = max(0, target - done)
        chunk = min(CHUNK, max(1, -(-count // 20)))
        start, pause = self.world.now(), self.world.step * chunk / max(1, count)
        executor = Executor(batch, SchemaJudge(), int(start), self.quick_id())
        path = self.world.path("files", batch["input_file_id"])
        if count and not os.path.exists(path):
            return True  # the input file was deleted: nothing more can run
        with open(path if count else os.devnull, "rb") as source:
            numbered = itertools.islice(enumerate(source), done, max(done, target))
            for turn in itertools.count(1):
                results = [executor.run(i, raw)
                           for i, raw in itertools.islice(numbered, chunk)]
                if not results:
                    break
                self.commit(batch, token, results)
                if self.world.now() >= batch["expires_at"]:
                    return True
                yield max(0, start + turn * pause - self.world.now())
        if not count:
            yield self.world.step
        return self.world.now() >= batch["expires_at"]

    def quick_id(self):
        """Identifiers for lines: cheap, unique, reproducible under --seed."""
        base = "%016x" % self.world.random.getrandbits(64)
        numbers = itertools.count()
        return lambda prefix: "%s%s%08x" % (prefix, base, next(numbers))

    def trim_part(self, batch, keep):
        """Cuts the result lines that the ledger does not know of, and counts the others."""
        failed = 0
        with open(self.part_path(batch), "ab+") as f:
            f.seek(0)
            for _ in range(keep):
                line = f.readline()
                if not line:
                    raise RuntimeError("%s: results lost" % batch["id"])
                failed += line[:1] == b"e"
            f.truncate(f.tell())
        with self.world.lock:
            batch["request_counts"].update(completed=keep - failed, failed=failed)

    def commit(self, batch, token, results):
        text = "".join(tag + line + "\n" for tag, line, _ in results)
        with self.world.lock:
            self.mine(batch, token)
            with open(self.part_path(batch), "ab") as f:
                f.write(text.encode())
            self.world.ledger.executed([book for _, _, book in results])
            failed = sum(tag == "e" for tag, _, _ in results)
            batch["request_counts"]["failed"] += failed
            batch["request_counts"]["completed"] += len(results) - failed
            self.world.changed.notify_all()

    # --- ends

    def end(self, batch, token, status, never_run):
        """Writes the result files, then moves to the terminal status in one step."""
        out, err = (self.world.path("spool", batch["id"] + x) for x in (".out", ".err"))
        yield 0
        self.write_results(batch, out, err, never_run)
        with self.world.lock:
            self.mine(batch, token)
            files = {}
            for key, path, name in (("output_file_id", out, "output"),
                                    ("error_file_id", err, "error")):
                if os.path.getsize(path) == 0:
                    os.unlink(path)
                    files[key] = None
                else:
                    files[key] = self.world.add_file(
                        path, "%s_%s.jsonl" % (batch["id"], name), "batch_output",
                        batch["project"], batch["output_expires"], batch["id"])["id"]
            if files["error_file_id"] is None and fault(batch, "error_file_empty_string"):
                files["error_file_id"] = ""
            self.set_status(batch, status, **files)
            os.unlink(self.part_path(batch))

    def write_results(self, batch, out, err, never_run):
        rng = random.Random("%s/%s" % (self.world.seed, batch["sequence"]))
        open(self.part_path(batch), "ab").close()
        with open(self.part_path(batch), "rb") as part:
            offsets = array.array("Q")
            position = 0
            for line in part:
                offsets.append(position)
                position += len(line)
            done = len(offsets)
            rng.shuffle(offsets)
            with open(out, "wb") as good, open(err, "wb") as bad:
                for offset in offsets:
                    part.seek(offset)
                    line = part.readline()
                    tag, text = line[:1], line[1:]
                    if tag in b"od":
                        good.write(text * (2 if tag == b"d" else 1))
                    elif tag == b"e":
                        bad.write(text)
                self.write_foreign(batch, good)
                if never_run:
                    self.write_never_run(batch, bad, done, never_run)

    def write_foreign(self, batch, good):
        action = fault(batch, "foreign_lines")
        for number in range(action.get("n", 1) if action else 0):
            custom_id = action.get("custom_id", "stranger-%d" % (number + 1))
            good.write(json.dumps({
                "id": "batch_req_foreign%d" % number, "custom_id": custom_id,
                "response": {"status_code": 200, "request_id": "req_foreign%d" % number,
                             "body": {"choices": [{"index": 0, "finish_reason": "stop",
                                                   "message": {"role": "assistant",
                                                               "content": "{}",
                                                               "refusal": None}}]}},
                "error": None}).encode() + b"\n")

    def write_never_run(self, batch, bad, done, code):
        path = self.world.path("files", batch["input_file_id"])
        if batch["in_progress_at"] is None or not os.path.exists(path):
            return
        new_id = self.quick_id()
        with open(path, "rb") as source:
            for raw in itertools.islice(source, done, None):
                try:
                    custom_id = json.loads(raw)["custom_id"]
                except (ValueError, KeyError, TypeError):
                    continue
                bad.write(json.dumps({
                    "id": new_id("batch_req_"), "custom_id": custom_id, "response": None,
                    "error": {"code": code, "message": NEVER_RUN[code]}}).encode() + b"\n")
