# SPDX-License-Identifier: ISC
"""A harvest in Python, for comparison with batchd's: it leaves the same answers, items, attempts, counts and cursor.

Written as a careful script would be: a file on disk, slices of 1,000 lines, each one transaction that ends with the
cursor, lines looked at no closer than json.loads and the required keys, all rows by executemany. Options are JSON on
standard input: the connection ("database"), base_url, batch, file, folder; it prints the seconds that it took, and
those of the processor.
"""
import json
import sys
import tempfile
import time
import urllib.request
from typing import Any, Dict, Iterator, List, Tuple

import pymysql

SLICE = 1000
REQUIRED = ("title", "description", "category", "period", "materials", "condition", "keywords")
# USD a million tokens: input, cached, output; halved for batches. As in harness.stack.FAST.
PRICES = (1.25, 0.125, 10.00)

INSERT = ("INSERT INTO answer (item_id, attempt_no, job_id, grade, raw, source, model, request_id, input_tokens,"
          " cached_tokens, output_tokens, cost, created_at)"
          " VALUES (%s, %s, %s, 'valid', %s, 'batch', %s, %s, %s, %s, %s, %s, UTC_TIMESTAMP(6))")
SETTLE = ("UPDATE item i JOIN attempt a ON a.item_id = i.id AND a.batch_id = %s AND a.outcome IS NULL"
          " SET a.outcome = 'answered', i.state = 'done', i.code = NULL, i.burned = i.burned + 1, i.answer_no = a.no,"
          " i.batch_id = NULL WHERE i.id IN %s AND i.state = 'sent'")


def download(base_url: str, file_id: str, path: str) -> None:
    with urllib.request.urlopen(f"{base_url}/files/{file_id}") as answer:
        expected = json.load(answer)["bytes"]
    size = 0
    with urllib.request.urlopen(f"{base_url}/files/{file_id}/content") as answer, open(path, "wb") as out:
        while piece := answer.read(1 << 20):
            size += out.write(piece)
    if size != expected:
        raise SystemExit("the download was cut")


def slices(path: str) -> Iterator[Tuple[List[bytes], int]]:
    """Lines, and the offset behind them."""
    offset, lines = 0, []
    with open(path, "rb") as source:
        for line in source:
            offset += len(line)
            lines.append(line)
            if len(lines) == SLICE:
                yield lines, offset
                lines = []
    if lines:
        yield lines, offset


def read_line(line: bytes) -> Tuple[int, int, str, str, Dict[str, Any], str]:
    """What a line says: item, attempt, mark, text of the answer, body, request."""
    entry = json.loads(line)
    item, number, mark = entry["custom_id"].split("-")
    response = entry["response"]
    body = response["body"]
    choice = body["choices"][0]
    text = choice["message"]["content"]
    if response["status_code"] != 200 or entry["error"] or choice["finish_reason"] != "stop":
        raise SystemExit("not the file of this bench")
    value = json.loads(text)
    if any(key not in value for key in REQUIRED):
        raise SystemExit("an answer lacks a key")
    return int(item), int(number), mark, text, body, response["request_id"]


def cost_of(usage: Dict[str, Any]) -> Tuple[int, int, int, int]:
    """Tokens in, cached, out, and micro-dollars."""
    asked, made = usage["prompt_tokens"], usage["completion_tokens"]
    cached = usage["prompt_tokens_details"]["cached_tokens"]
    cost = ((asked - cached) * PRICES[0] + cached * PRICES[1] + made * PRICES[2]) * 0.5
    return asked, cached, made, int(cost + 0.5)


def apply(cursor: Any, batch: int, lines: List[bytes], offset: int) -> None:
    """One slice in the open transaction."""
    read = [read_line(line) for line in lines]
    ids = [r[0] for r in read]
    cursor.execute("SELECT i.id, i.job_id, i.lang_no, REPLACE(CAST(j.public_id AS CHAR), '-', '') FROM item i"
                   " JOIN job j ON j.id = i.job_id WHERE i.id IN %s AND i.state = 'sent' AND i.batch_id = %s",
                   (ids, batch))
    found = {row[0]: row[1:] for row in cursor.fetchall()}
    answers, totals = [], {}
    for item, number, mark, text, body, request_id in read:
        job, language, public_id = found[item]
        if not public_id.startswith(mark):
            raise SystemExit("a line of another installation")
        asked, cached, made, cost = cost_of(body["usage"])
        answers.append((item, number, job, text, body["model"], request_id, asked, cached, made, cost))
        count = totals.setdefault((job, language), [0, 0, 0, 0])
        for i, n in enumerate((1, asked, made, cost)):
            count[i] += n
    cursor.executemany(INSERT, answers)
    if cursor.execute(SETTLE, (batch, ids)) != 2 * len(ids):
        raise SystemExit("an item had moved")
    for (job, language), (count, asked, made, cost) in totals.items():
        cursor.execute("UPDATE job_language SET n_sent = n_sent - %s, n_done = n_done + %s"
                       " WHERE job_id = %s AND no = %s", (count, count, job, language))
        cursor.execute("UPDATE job SET input_tokens = input_tokens + %s, output_tokens = output_tokens + %s,"
                       " cost = cost + %s, version = version + 1 WHERE id = %s", (asked, made, cost, job))
    cursor.execute("UPDATE batch SET n_answered = n_answered + %s, harvest_offset = %s, version = version + 1"
                   " WHERE id = %s", (len(lines), offset, batch))


def main() -> None:
    options = json.load(sys.stdin)
    batch = options["batch"]
    started = time.monotonic()
    connection = pymysql.connect(**options["database"], charset="utf8mb4")
    with tempfile.NamedTemporaryFile(dir=options["folder"]) as spool, connection.cursor() as cursor:
        cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
        cursor.execute("UPDATE batch SET phase = 'harvesting', version = version + 1 WHERE id = %s", (batch,))
        connection.commit()
        download(options["base_url"], options["file"], spool.name)
        for lines, offset in slices(spool.name):
            apply(cursor, batch, lines, offset)
            connection.commit()
        cursor.execute("UPDATE batch SET phase = 'closed', reason = 'harvested', closed_at = UTC_TIMESTAMP(6),"
                       " harvest_file = 2, harvest_offset = 0 WHERE id = %s", (batch,))
        connection.commit()
    print(time.monotonic() - started, time.process_time())


if __name__ == "__main__":
    main()
