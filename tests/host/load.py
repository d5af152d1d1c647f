#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Clients of a host, while something is done to it.

    load.py [--allow CODE] [--failures N] BASE JOB KEY COMMAND...

Eight clients poll the job, each request on a connection of its own, and a ninth sends orders. After 2,000 answers the
command is run, and 2,000 answers after its end it is over: one line tells the requests, and those that failed, which is
each without an answer of 200 (202 for an order) within 30 s, or of CODE with Retry-After. Every order that was taken is
asked for at the end. Exits with 1 where more than N requests (0) failed, an order was lost or the command failed.
"""
import argparse
import http.client
import json
import subprocess
import sys
import threading
import time
import urllib.parse
from collections import Counter

POLLERS = 8
AROUND = 2000
TIMEOUT = 30
ORDER_PAUSE = 0.2  # an account has 1,200 calls a minute


class Load:
    def __init__(self, args):
        self.args = args
        self.base = urllib.parse.urlsplit(args.base)
        self.more = threading.Condition()
        self.codes = Counter()
        self.faults = []
        self.jobs = []
        self.slowest = 0.0
        self.over = threading.Event()

    def ask(self, method, path, good, body=None, headers=None):
        """One request; returns the answer's body where its code is good."""
        began = time.monotonic()
        connection = http.client.HTTPConnection(self.base.hostname, self.base.port or 80, timeout=TIMEOUT)
        fault = None
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            code, text = answer.status, answer.read()
            if code != good and not (code == self.args.allow and answer.getheader("Retry-After")):
                fault = text[:200]
        except (OSError, http.client.HTTPException) as error:
            code, text, fault = type(error).__name__, b"", error
        finally:
            connection.close()
        with self.more:
            self.codes[code] += 1
            self.slowest = max(self.slowest, time.monotonic() - began)
            if fault is not None:
                self.faults.append(f"{method} {path}: {code} {fault}")
            self.more.notify_all()
        return text if code == good else None

    def poll(self):
        while not self.over.is_set():
            self.ask("GET", f"/api/v1/jobs/{self.args.job}/status", 200)

    def order(self):
        headers = {"Authorization": f"Bearer {self.args.key}", "Content-Type": "application/json"}
        n = 0
        while not self.over.wait(ORDER_PAUSE):
            n += 1
            order = {"name": f"{time.time()} {n}", "deadline": "PT1H", "lots": [{"id": "1", "title": "Teapot"}]}
            text = self.ask("POST", "/api/v1/jobs", 202, json.dumps(order), headers)
            if text:
                self.jobs.append(json.loads(text)["job_id"])

    def await_answers(self, n):
        """Until so many more answers came; False where they do not."""
        with self.more:
            target = self.codes.total() + n
            return self.more.wait_for(lambda: self.codes.total() >= target, 10 * TIMEOUT)

    def run(self):
        clients = [threading.Thread(target=self.poll) for _ in range(POLLERS)] + [threading.Thread(target=self.order)]
        for client in clients:
            client.start()
        try:
            good = self.await_answers(AROUND)
            good = subprocess.call(self.args.command, stdout=sys.stderr) == 0 and good
            good = self.await_answers(AROUND) and good
        finally:
            self.over.set()
            for client in clients:
                client.join()
        lost = sum(self.ask("GET", f"/api/v1/jobs/{job}/status", 200) is None for job in self.jobs)
        print(*self.faults[:20], sep="\n", file=sys.stderr)
        codes = ", ".join(f"{n} x {code}" for code, n in sorted(self.codes.items(), key=str))
        print(f"{self.codes.total()} requests ({len(self.jobs)} orders), {len(self.faults)} failed; {codes}; "
              f"the slowest {self.slowest:.1f} s")
        return 0 if good and not lost and len(self.faults) <= self.args.failures else 1


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("base")
    parser.add_argument("job")
    parser.add_argument("key")
    parser.add_argument("--allow", type=int)
    parser.add_argument("--failures", type=int, default=0)
    parser.add_argument("command", nargs=argparse.REMAINDER)
    sys.exit(Load(parser.parse_args()).run())


if __name__ == "__main__":
    main()
