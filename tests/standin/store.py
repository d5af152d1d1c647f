# SPDX-License-Identifier: ISC
"""Files and batches on disk, the clock, and the one lock of the stand-in.

The world owns the state directory: files/ID (content) and files/ID.json, batches/ID.json,
batches/ID.part (result lines of a running batch), spool/ (uploads on their way in).  Records
are replaced atomically, so that a stand-in killed at any moment starts again where it was.
"""
import json
import os
import random
import shutil
import threading
import time

from errors import no_batch, no_file
from faults import Faults
from ledger import Ledger

TERMINAL = ("completed", "failed", "expired", "cancelled")


def write_json(path, value):
    temporary = "%s.%d.tmp" % (path, threading.get_ident())
    with open(temporary, "w", encoding="utf-8") as f:
        json.dump(value, f)
    os.replace(temporary, path)


class World:
    def __init__(self, folder, step, seed, keys):
        self.folder = folder
        self.step = step
        self.keys = keys
        self.limits = {}
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self.releases = 0
        self.faults = Faults()
        self.on_reset = lambda: None
        self.random = random.Random(seed) if seed is not None else random.SystemRandom()
        self.seed = seed or 0
        for name in ("files", "batches", "spool"):
            os.makedirs(os.path.join(folder, name), exist_ok=True)
        self.ledger = Ledger(folder)
        self.load()

    def load(self):
        self.files, self.batches, self.offset, self.sequence = {}, {}, 0.0, 0
        if os.path.exists(self.path("clock.json")):
            with open(self.path("clock.json"), encoding="utf-8") as f:
                self.offset = json.load(f)["offset"]
        for kind, records in (("files", self.files), ("batches", self.batches)):
            for name in os.listdir(self.path(kind)):
                if name.endswith(".json"):
                    with open(self.path(kind, name), encoding="utf-8") as f:
                        record = json.load(f)
                    records[record["id"]] = record
                    self.sequence = max(self.sequence, record["sequence"])
        for name in os.listdir(self.path("spool")):
            os.unlink(self.path("spool", name))

    def path(self, *names):
        return os.path.join(self.folder, *names)

    # --- clock

    def now(self):
        return time.time() + self.offset

    def advance(self, seconds):
        with self.lock:
            self.offset += seconds
            write_json(self.path("clock.json"), {"offset": self.offset})
            self.changed.notify_all()

    # --- identifiers

    def new_id(self, prefix):
        with self.lock:
            while True:
                name = prefix + "%032x" % self.random.getrandbits(128)
                if name not in self.files and name not in self.batches:
                    return name

    def next_sequence(self):
        with self.lock:
            self.sequence += 1
            return self.sequence

    # --- files

    def add_file(self, spooled, filename, purpose, project, expires_seconds=None, batch=None):
        """Takes a spooled file into the store; returns its record."""
        with self.lock:
            now = int(self.now())
            record = {"id": self.new_id("file-"), "sequence": self.next_sequence(),
                      "project": project, "filename": filename, "purpose": purpose,
                      "bytes": os.path.getsize(spooled), "created_at": now, "batch": batch,
                      "expires_at": now + expires_seconds if expires_seconds else None}
            os.replace(spooled, self.path("files", record["id"]))
            write_json(self.path("files", record["id"] + ".json"), record)
            self.files[record["id"]] = record
            kind = "upload" if batch is None else "result_file"
            self.ledger.event(kind, file=record["id"], filename=filename, purpose=purpose,
                              bytes=record["bytes"], at=now, batch=batch)
            self.changed.notify_all()
            return record

    def file(self, file_id, project):
        with self.lock:
            record = self.files.get(file_id)
            if record and record["expires_at"] and record["expires_at"] <= self.now():
                self.remove_file(record, "expired_file")
                record = None
            if record is None or record["project"] != project:
                raise no_file(file_id)
            return record

    def remove_file(self, record, kind="delete"):
        with self.lock:
            del self.files[record["id"]]
            os.unlink(self.path("files", record["id"] + ".json"))
            os.unlink(self.path("files", record["id"]))
            self.ledger.event(kind, file=record["id"], filename=record["filename"],
                              purpose=record["purpose"], batch=record["batch"],
                              at=int(self.now()))
            self.changed.notify_all()

    def first_line(self, file_id):
        """The first line of a stored file, parsed, or {}: tells model and task of a batch."""
        try:
            with open(self.path("files", file_id), "rb") as f:
                line = json.loads(f.readline(16 << 20))
            return line if isinstance(line, dict) else {}
        except (OSError, ValueError):
            return {}

    # --- batches

    def batch(self, batch_id, project):
        with self.lock:
            record = self.batches.get(batch_id)
            if record is None or record["project"] != project:
                raise no_batch(batch_id)
            return record

    def save_batch(self, record):
        with self.lock:
            write_json(self.path("batches", record["id"] + ".json"), record)
            self.changed.notify_all()

    # --- everything

    def reset(self):
        with self.lock:
            self.on_reset()
            for kind in ("files", "batches"):
                shutil.rmtree(self.path(kind))
                os.makedirs(self.path(kind))
            if os.path.exists(self.path("clock.json")):
                os.unlink(self.path("clock.json"))
            self.ledger.reset()
            self.faults.replace([])
            self.limits = {}
            self.load()
            self.releases += 1
            self.changed.notify_all()
