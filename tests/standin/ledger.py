# SPDX-License-Identifier: ISC
"""The stand-in's book: every call, every executed request, every upload and delete.

Three append-only JSONL files in the state directory, and counters in memory, so that a
batch of 50,000 lines costs one write per chunk and a summary costs nothing.  On start the
counters are made again from the files; a last line cut by a kill is dropped.
Callers hold the world's lock.
"""
import collections
import itertools
import json
import os


# Whether a call reached a phase.  A call that is dropped may have been executed or not: one
# that was has a status, though nobody saw it.
PHASES = {
    "begun": lambda call: True,
    "received": lambda call: call["phase"] != "begun",
    "executed": lambda call: call["status"] is not None,
    "answered": lambda call: call["phase"] == "answered",
    "ended": lambda call: call["phase"] in ("answered", "dropped"),
}


def _load(path):
    """Yields each whole line of a JSONL file, after cutting off a torn last line."""
    if not os.path.exists(path):
        return
    with open(path, "r+b") as f:
        end = 0
        for line in f:
            if not line.endswith(b"\n"):
                break
            end += len(line)
            yield json.loads(line)
        f.truncate(end)


class Ledger:
    def __init__(self, folder):
        self.folder = folder
        self.open()

    def path(self, name):
        return os.path.join(self.folder, name + ".jsonl")

    def open(self):
        self.calls = []
        self.events = []
        self.counts = collections.Counter()
        self.tasks = collections.Counter()
        self.items = collections.Counter()
        self.custom_ids = collections.Counter()
        self.in_batch = collections.Counter()
        self.tokens = collections.Counter()
        for entry in _load(self.path("executed")):
            self._count(entry)
        self.events = list(_load(self.path("events")))
        self.calls = list(_load(self.path("calls")))
        self.next_call = max((c["n"] for c in self.calls), default=0) + 1
        self.files = {name: open(self.path(name), "ab", buffering=0)
                      for name in ("executed", "events", "calls")}

    def reset(self):
        for name, f in self.files.items():
            f.close()
            os.unlink(self.path(name))
        self.open()

    def _count(self, entry):
        self.in_batch[entry["where"]] += 1
        self.tokens[entry["where"], "input"] += entry["prompt_tokens"]
        self.tokens[entry["where"], "output"] += entry["completion_tokens"]
        if not entry["billed"]:
            self.counts["not_billed"] += 1
            return
        self.counts["executed"] += 1
        self.counts["sync" if entry["where"] == "sync" else "batch"] += 1
        self.counts["prompt_tokens"] += entry["prompt_tokens"]
        self.counts["completion_tokens"] += entry["completion_tokens"]
        self.tasks[entry["task"]] += 1
        if entry["where"] == "sync":
            self.counts["sync_" + entry["tier"]] += 1
        if entry["custom_id"] is not None:
            self.custom_ids[entry["custom_id"]] += 1
            self.items[entry["custom_id"].split("-", 1)[0]] += 1

    def executed(self, entries):
        for entry in entries:
            self._count(entry)
        self.files["executed"].write(
            "".join(json.dumps(e) + "\n" for e in entries).encode())

    def event(self, kind, **facts):
        facts = dict(kind=kind, **facts)
        self.events.append(facts)
        self.files["events"].write((json.dumps(facts) + "\n").encode())

    def call_begun(self, method, path, route, at):
        call = {"n": self.next_call, "method": method, "path": path, "route": route,
                "phase": "begun", "status": None, "fault": None, "at": at}
        self.next_call += 1
        self.calls.append(call)
        return call

    def call_ended(self, call):
        """Only ended calls are kept on disk: what hangs when the stand-in dies never ended."""
        self.files["calls"].write((json.dumps(call) + "\n").encode())

    def calls_of(self, route, phase, after):
        """How many calls of a route, later than call number after, reached a phase."""
        return sum(1 for c in self.calls if c["n"] > after and c["route"] == route
                   and PHASES[phase](c))

    def summary(self):
        twice = sorted(k for k, n in self.items.items() if n > 1)
        routes = collections.Counter(c["route"] for c in self.calls)
        kinds = collections.Counter(e["kind"] for e in self.events)
        return {"executed": self.counts["executed"],
                "executed_in_batches": self.counts["batch"],
                "sync_calls": self.counts["sync"],
                "sync_by_tier": {k[5:]: n for k, n in self.counts.items()
                                 if k.startswith("sync_")},
                "not_billed": self.counts["not_billed"],
                "by_task": dict(self.tasks),
                "custom_ids": len(self.custom_ids),
                "items": len(self.items),
                "items_executed_more_than_once": len(twice),
                "items_twice": twice[:100],
                "batches": kinds["batch"], "uploads": kinds["upload"],
                "deletes": kinds["delete"],
                "prompt_tokens": self.counts["prompt_tokens"],
                "completion_tokens": self.counts["completion_tokens"],
                "calls": sum(routes.values()), "calls_by_route": dict(routes)}

    def whole(self, prefix):
        """The full ledger as pieces of JSON text: what is small now, what is large (the
        executed requests) read from its file as the pieces are taken."""
        parts = {"summary": self.summary(), "calls": self.calls}
        for name, kind in (("batches", "batch"), ("uploads", "upload"), ("deletes", "delete")):
            parts[name] = [e for e in self.events if e["kind"] == kind]
        parts["events"] = self.events
        size = os.path.getsize(self.path("executed"))
        return itertools.chain([json.dumps(parts)[:-1], ', "executed": ['],
                               self._executed_text(size, prefix), ["]}\n"])

    def _executed_text(self, size, prefix):
        separator = ""
        with open(self.path("executed"), "rb") as f:
            while f.tell() < size:
                line = f.readline().decode().rstrip("\n")
                if not prefix or str(json.loads(line)["custom_id"]).startswith(prefix):
                    yield separator + line
                    separator = ","
