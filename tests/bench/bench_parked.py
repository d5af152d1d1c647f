# SPDX-License-Identifier: ISC
"""What 300 parked polls cost the others, and how late they tell of a change."""
import selectors
import socket
import threading
import time
from contextlib import ExitStack
from typing import Any, Dict, List, Tuple

import jobs
import load
from harness.servers import MariaDB
from harness.stack import Stack, wait_until
from peers import Web

PARKED = 300
WAIT_SECONDS = 20
JOBS = 10000
LATE_AT_MOST = 1.1  # a second, and what an answer takes


class Parked:
    """Connections that each hold one poll, of a job each; what is answered with 304 is asked again."""

    def __init__(self, port: int, polls: List[Tuple[str, str]]) -> None:
        self.port = port
        self.polls = polls
        self.selector = selectors.DefaultSelector()
        self.answers = 0
        self.changed: Dict[str, float] = {}  # job -> when a 200 came
        self.stopping = False
        self.lock = threading.Lock()
        self.thread = threading.Thread(target=self.serve, daemon=True)

    def __enter__(self) -> "Parked":
        for poll in self.polls:
            self.ask(poll)
        self.thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stopping = True
        self.thread.join()
        for key in list(self.selector.get_map().values()):
            key.fileobj.close()
        self.selector.close()

    def ask(self, poll: Tuple[str, str]) -> None:
        job, etag = poll
        connection = socket.create_connection(("127.0.0.1", self.port))
        connection.sendall((f"GET /api/v1/jobs/{job}/status HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                            f"Prefer: wait={WAIT_SECONDS}\r\nIf-None-Match: {etag}\r\n\r\n").encode())
        self.selector.register(connection, selectors.EVENT_READ, poll)

    def serve(self) -> None:
        while not self.stopping:
            for key, _ in self.selector.select(0.2):
                head = key.fileobj.recv(1 << 16)
                self.selector.unregister(key.fileobj)
                key.fileobj.close()
                with self.lock:
                    self.answers += 1
                    if b" 200 " in head[:20]:
                        self.changed[key.data[0]] = time.monotonic()
                if b" 304 " in head[:20] and self.answers < 100 * PARKED:  # else they are not held, but a load
                    self.ask(key.data)


def polls_of(stack: Stack, count: int) -> List[Tuple[str, str]]:
    rows = stack.sql("SELECT public_id AS id, version FROM job WHERE name = %s ORDER BY id DESC LIMIT %s",
                     (jobs.POLL_NAME, count))
    return [(row["id"], f'"{row["id"][:8]}-{row["version"]}"') for row in rows]


def lateness(stack: Stack, parked: Parked, job: str) -> float:
    """Seconds from the change of a job to the answer of its parked poll."""
    stack.sql("UPDATE job SET version = version + 1, updated_at = UTC_TIMESTAMP(6) WHERE public_id = %s", (job,))
    changed = time.monotonic()
    wait_until(lambda: job in parked.changed, WAIT_SECONDS, "the parked poll's answer")
    return parked.changed[job] - changed


def let_go(stack: Stack, parked: Parked, polls: List[Tuple[str, str]]) -> None:
    """Have all polls answered. The web server does not tell that their clients left: they would go on waiting, and those of
    the next rounds would find no room."""
    stack.sql("UPDATE job SET version = version + 1 WHERE public_id IN %s", (tuple(job for job, _ in polls),))
    wait_until(lambda: len(parked.changed) == len(polls), WAIT_SECONDS, "all parked polls' answers")


def holds(port: int, poll: Tuple[str, str]) -> bool:
    """Whether the front end holds a poll at all."""
    with Parked(port, [poll]) as one:
        time.sleep(1)
        return one.answers == 0


def run(bench: Any, report: Any) -> None:
    work = bench.work / "parked"
    with ExitStack() as stop:
        mariadb = stop.enter_context(MariaDB(work / "mariadb"))
        stack = stop.enter_context(Stack(bench.build, work / "stack", mariadb))
        _, running = jobs.make_templates(stack)
        jobs.copy_jobs(stack, running, JOBS, jobs.POLL_NAME, stack.database)
        jobs.write_ids(stack, jobs.POLL_NAME, stack.database, work / "ids")
        web = stop.enter_context(Web(work / "web", [("/", stack.front_end.socket)]))
        polls = polls_of(stack, PARKED)
        if not holds(web.port, polls[0]):
            report.note("the front end holds no poll that says Prefer: wait; parked polls were not measured")
            return
        target = load.Target(web.port, "/api/v1/jobs/", "/status", work / "ids")
        alone: List[load.Figures] = []
        beside: List[load.Figures] = []
        late: List[float] = []
        for turn in range(bench.rounds):
            alone.append(load.run(target, bench.seconds, turn))
            with Parked(web.port, polls) as parked:
                beside.append(load.run(target, bench.seconds, turn))
                late.append(lateness(stack, parked, polls[turn][0]))
                let_go(stack, parked, polls)
            polls = polls_of(stack, PARKED)
        report.add(f"status, whole: beside {PARKED} parked polls / alone",
                   [b.rate / a.rate for a, b in zip(alone, beside)], at_least=0.95)
        report.add(f"a parked poll tells of a change after, at most of {len(late)}", [max(late)], "s",
                   at_most=LATE_AT_MOST)
        for name, figures in (("alone", alone), ("beside parked polls", beside)):
            report.add(f"status, whole: {name}, answers/s", [f.rate for f in figures], "1/s")
            report.add(f"status, whole: {name}, p99", [f.p99_ms for f in figures], "ms")
