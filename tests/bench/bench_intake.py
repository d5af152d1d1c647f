# SPDX-License-Identifier: ISC
"""The intake of an order of 50,000 lots in three languages, beside the same in Flask with PyMySQL."""
import http.client
import time
from contextlib import ExitStack
from typing import Any, Dict, List

import large
from harness.servers import MariaDB
from harness.stack import Stack
from peers import Flask
from provider import Provider

ROWS = ("SELECT (SELECT COUNT(*) FROM job) jobs, (SELECT COUNT(*) FROM lot) lots,"
        " (SELECT SUM(CRC32(CONCAT_WS('/', seq, ref, title, notes))) FROM lot) texts,"
        " (SELECT SUM(CRC32(CONCAT(lot_seq, '/', no, '/', url))) FROM lot_image) images,"
        " (SELECT SUM(CRC32(CONCAT(lot_seq, '/', lang_no, '/', state))) FROM item) items,"
        " (SELECT SUM(CRC32(CONCAT(no, tag, n_total, n_ready))) FROM job_language) languages")


def post(port: int, body: bytes, key: str) -> float:
    """Seconds from the first byte sent to the last one of the 202."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
    connection.connect()
    started = time.monotonic()
    connection.request("POST", "/api/v1/jobs", body, {"Content-Type": "application/json",
                                                      "Authorization": f"Bearer {key}"})
    answer = connection.getresponse()
    text = answer.read()
    seconds = time.monotonic() - started
    connection.close()
    if answer.status != 202:
        raise SystemExit(f"bench: order: {answer.status} {text[:300]!r}")
    return seconds


def take_out(stack: Stack) -> Dict[str, Any]:
    """What is in the tables; they are empty after it."""
    found = stack.sql(ROWS)[0]
    connection = stack.mariadb.connect(stack.database)
    with connection.cursor() as cursor:
        cursor.execute("SET FOREIGN_KEY_CHECKS = 0")
        for table in ("event", "item", "lot_image", "lot", "job_language", "job"):
            cursor.execute(f"TRUNCATE TABLE {table}")
    connection.close()
    return found


def run(bench: Any, report: Any) -> None:
    work = bench.work / "intake"
    with ExitStack() as stop:
        provider = stop.enter_context(Provider(work / "provider"))
        mariadb = stop.enter_context(MariaDB(work / "mariadb", large.ENGINE))
        stack = stop.enter_context(large.stack_with(bench, work / "stack", mariadb, provider))
        flask = stop.enter_context(Flask(stack, work / "flask", "intake_peer:app"))
        body = large.order_body(bench.lots, "intake", ["fr", "de"])
        post(stack.port, large.order_body(1, "first"), stack.key)  # makes the recipes
        take_out(stack)
        ours: List[float] = []
        theirs: List[float] = []
        for _ in range(bench.few):
            ours.append(post(stack.port, body, stack.key))
            rows = take_out(stack)
            theirs.append(post(flask.port, body, stack.key))
            other = take_out(stack)
            if rows != other:
                raise SystemExit(f"bench: the peer leaves other rows:\n{rows}\n{other}")
        what = f"intake of {bench.lots:,} lots, {len(body) / 1e6:.0f} MB"
        report.add(f"{what}: Python's time / ours", [t / o for o, t in zip(ours, theirs)])
        report.add(f"{what}: ours", ours, "s")
        report.add(f"{what}: Python", theirs, "s")
        report.add(f"{what}: peak memory of the front end", [stack.front_end.peak_memory() / (1 << 20)], "MiB")
