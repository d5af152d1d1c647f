# SPDX-License-Identifier: ISC
"""What a poll costs: the front end beside a bare libfcgi program, PHP-FPM and Flask, in turn, by short rounds.

All answer random ids out of 100,000 jobs; one more front end has 1,000,000 jobs in its table.
"""
import http.client
import json
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Dict, List

import jobs
import load
from harness.process import wait_until
from harness.servers import MariaDB
from harness.stack import Stack
from peers import Bare, Flask, PhpFpm, Web

AIMS = {"bare libfcgi": 0.9, "PHP-FPM": 3.0, "Flask": 8.0}
OURS, MILLION = "ours", "ours with 1,000,000 jobs"
FULL, UNCHANGED, RESULT = "status, whole", "status, 304", "result of 20 lots"
ENGINE = ["--innodb-buffer-pool-size=2G"]


class Peers:
    """Everything that answers, and the files of ids that it is asked for."""

    def __init__(self, bench: Any, stop: ExitStack) -> None:
        work = bench.work / "poll"
        self.stack = stop.enter_context(Stack(bench.build, work / "stack",
                                              stop.enter_context(MariaDB(work / "mariadb", ENGINE))))
        self.ended, self.running = jobs.make_templates(self.stack)
        self.million = None if bench.quick else self._million(bench, stop, work)
        self._fill(bench)
        self.ids = {name: work / f"{name}.ids" for name in ("poll", "result", "million", "million-result")}
        self._write_ids()
        job = self._first("poll")
        self.bare = stop.enter_context(Bare(bench.build / "tests/bench/bare", work / "bare",
                                            self.stack.get(f"/api/v1/jobs/{job}/status").body,
                                            self.stack.get(f"/api/v1/jobs/{self._first('result')}").body))
        self.php = stop.enter_context(PhpFpm(self.stack, work / "php"))
        self.flask = stop.enter_context(Flask(self.stack, work / "flask"))
        backends = [("/bare", self.bare.socket), ("/peer.php", self.php.socket)]
        if self.million:
            backends.append(("/million", self.million.front_ends[1].socket))
        self.web = stop.enter_context(Web(work / "web", [*backends, ("/", self.stack.front_end.socket)]))

    def _million(self, bench: Any, stop: ExitStack, work: Path) -> Stack:
        """A second installation in the same server; it lives for its table and its front end."""
        million = stop.enter_context(Stack(bench.build, work / "million", self.stack.mariadb, standin=False,
                                           overrides={"openai": {"base_url": self.stack.standin.base_url}}))
        million.add_front_end({"http": {"base_path": "/million"}})
        return million

    def _fill(self, bench: Any) -> None:
        started = time.monotonic()
        jobs.fill(self.stack, self.ended, self.running, bench.jobs, 1000, self.stack.database)
        if self.million:
            jobs.fill(self.stack, self.ended, self.running, 10 * bench.jobs, 1000, self.million.database)
        print(f"jobs written in {time.monotonic() - started:.0f} s", flush=True)

    def _write_ids(self) -> None:
        small = self.stack.database
        jobs.write_ids(self.stack, jobs.POLL_NAME, small, self.ids["poll"])
        jobs.write_ids(self.stack, jobs.RESULT_NAME, small, self.ids["result"])
        if self.million:
            large = self.million.database
            jobs.write_ids(self.stack, jobs.POLL_NAME, large, self.ids["million"])
            jobs.write_ids(self.stack, jobs.RESULT_NAME, large, self.ids["million-result"])

    def _first(self, name: str) -> str:
        with open(self.ids[name], encoding="ascii") as lines:
            return lines.readline().split()[0]

    def targets(self, measure: str) -> Dict[str, load.Target]:
        """Who is asked what, for one measure."""
        kind = "result" if measure == RESULT else "poll"
        suffix = "" if measure == RESULT else "/status"
        etag = measure == UNCHANGED
        web, database = self.web, self.stack.mariadb.pid

        def behind_web(prefix: str, ids: str, *servers: int) -> load.Target:
            return load.Target(web.port, f"{prefix}/api/v1/jobs/", suffix, self.ids[ids], etag, (web.pid, *servers))

        found = {OURS: behind_web("", kind, self.stack.front_end.pid, database),
                 "bare libfcgi": behind_web("/bare", kind, self.bare.pid),
                 "PHP-FPM": behind_web("/peer.php", kind, self.php.pid, database),
                 "Flask": load.Target(self.flask.port, "/api/v1/jobs/", suffix, self.ids[kind], etag,
                                      (self.flask.pid, database))}
        if self.million:
            ids = "million-result" if measure == RESULT else "million"
            found[MILLION] = behind_web("/million", ids, self.million.front_ends[1].pid, database)
        return found


def ask(target: load.Target, line: int) -> Any:
    """One answer: status, headers, body."""
    with open(target.ids, encoding="ascii") as lines:
        for _ in range(line + 1):
            job, etag = lines.readline().split()
    connection = http.client.HTTPConnection("127.0.0.1", target.port, timeout=10)
    connection.request("GET", f"{target.prefix}{job}{target.suffix}",
                       headers={"If-None-Match": etag} if target.with_etag else {})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, {k.lower(): v for k, v in answer.getheaders()}, body


def check_same(peers: Peers, measure: str) -> None:
    """The peers must say what the front end says, or their speed is worth nothing."""
    targets = peers.targets(measure)
    for line in (0, 1, 2, 500):
        status, headers, body = ask(targets[OURS], line)
        if status != (304 if measure == UNCHANGED else 200):
            raise SystemExit(f"bench: {measure}: {status} {body[:300]!r}")
        for name in ("PHP-FPM", "Flask"):
            other = ask(targets[name], line)
            if (status, body and json.loads(body)) != (other[0], other[2] and json.loads(other[2])) or \
                    headers.get("etag") != other[1].get("etag"):
                raise SystemExit(f"bench: {name} answers otherwise:\n{status} {headers} {body[:600]!r}\n{other!r:.900}")
        bare = ask(targets["bare libfcgi"], line)
        if bare[0] != status or abs(len(bare[2]) - len(body)) > 100 or bare[1].keys() != headers.keys():
            raise SystemExit(f"bench: the bare program answers {bare!r:.600}, ours {len(body)} bytes, {headers}")


def warm_up(bench: Any, peers: Peers) -> None:
    """Every id once, as clients that poll have done before: what is compared is how it goes on. The front end forgets
    what it keeps while much changes at once, and the rows were written a moment ago."""
    changed = "SELECT COUNT(*) AS n FROM job WHERE changed_at > UTC_TIMESTAMP(6) - INTERVAL 36 SECOND"
    stacks = [peers.stack] + ([peers.million] if peers.million else [])
    wait_until(lambda: not any(stack.sql(changed)[0]["n"] for stack in stacks), 120, "the written rows to be old")
    for measure in (FULL, RESULT):
        for name, target in peers.targets(measure).items():
            if name in (OURS, MILLION):
                load.run(target, bench.warm_up if measure == FULL else 3, "walk")


def measure_all(bench: Any, peers: Peers, measure: str) -> Dict[str, List[load.Figures]]:
    """Rounds in turn: each peer once a round, in a different order each time."""
    targets = list(peers.targets(measure).items())
    found: Dict[str, List[load.Figures]] = {name: [] for name, _ in targets}
    for turn in range(bench.rounds):
        k = turn % len(targets)
        for name, target in targets[k:] + targets[:k]:
            found[name].append(load.run(target, bench.seconds, seed=turn))
    return found


def report_measure(report: Any, measure: str, found: Dict[str, List[load.Figures]]) -> None:
    ours = found[OURS]
    for name, figures in found.items():
        report.add(f"{measure}: {name}, answers/s", [f.rate for f in figures], "1/s")
        report.add(f"{measure}: {name}, p50", [f.p50_ms for f in figures], "ms")
        report.add(f"{measure}: {name}, p99", [f.p99_ms for f in figures], "ms")
        report.add(f"{measure}: {name}, servers' processor time", [f.cpu_us for f in figures], "us")
        if name in AIMS:
            report.add(f"{measure}: ours / {name}", [o.rate / f.rate for o, f in zip(ours, figures)],
                       at_least=AIMS[name])
            # Other load on the machine moves the rates, not this.
            report.add(f"{measure}: processor time of {name} / ours",
                       [f.cpu_us / o.cpu_us for o, f in zip(ours, figures)])
        elif name == MILLION:
            report.add(f"{measure}: 1,000,000 jobs / 100,000", [f.rate / o.rate for o, f in zip(ours, figures)],
                       at_least=0.9)
            report.add(f"{measure}: processor time with 100,000 jobs / with 1,000,000",
                       [o.cpu_us / f.cpu_us for o, f in zip(ours, figures)])


def run(bench: Any, report: Any) -> None:
    with ExitStack() as stop:
        peers = Peers(bench, stop)
        for measure in (FULL, UNCHANGED, RESULT):
            check_same(peers, measure)
        warm_up(bench, peers)
        for measure in (FULL, UNCHANGED, RESULT):
            report_measure(report, measure, measure_all(bench, peers, measure))
