# SPDX-License-Identifier: ISC
"""A harvest in Python, for comparison with batchd's: it leaves the same answers, items, attempts, counts and cursor.

Written as a careful script would be: a file on disk, slices of 900 lines, each one transaction that ends with the
cursor, every line held against the row of its item and the job's mark, every answer against the schema; answers by
executemany, what moves alike by one UPDATE. Options are JSON on standard input: the connection ("database"), base_url,
batch, file, folder; it prints the seconds that it took, and those of the processor.
"""
import json
import sys
import tempfile
import time
import urllib.request
from typing import Any, Dict, Iterator, List, Tuple

import pymysql

SLICE = 900  # of a list of 1,000 MariaDB makes a table first, which is slower
TEXT, MAY_BE_NULL, TEXTS = (str,), (str, type(None)), (list,)
# What the schema asks of each answer: these keys, no others, of these types.
FIELDS = {"title": TEXT, "description": TEXT, "category": TEXT, "period": MAY_BE_NULL, "materials": TEXTS,
          "condition": MAY_BE_NULL, "keywords": TEXTS}
# USD a million tokens: input, cached, output; halved for batches. As in harness.stack.FAST.
PRICES = (1.25, 0.125, 10.00)

INSERT = ("INSERT INTO answer (item_id, attempt_no, job_id, grade, raw, source, model, request_id, input_tokens,"
          " cached_tokens, output_tokens, cost, created_at)"
          " VALUES (%s, %s, %s, 'valid', %s, 'batch', %s, %s, %s, %s, %s, %s, UTC_TIMESTAMP(6))")
CLOSE = ("UPDATE attempt SET outcome = 'answered' WHERE item_id IN %s AND no = %s AND batch_id = %s"
         " AND outcome IS NULL")
SETTLE = ("UPDATE item SET state = 'done', code = NULL, burned = burned + 1, answer_no = %s, batch_id = NULL"
          " WHERE id IN %s AND state = 'sent' AND batch_id = %s")


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


def fits(value: Any) -> bool:
    return (isinstance(value, dict) and value.keys() == FIELDS.keys()
            and all(isinstance(value[key], types) for key, types in FIELDS.items())
            and all(isinstance(text, str) for key in ("materials", "keywords") for text in value[key]))


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
    if not fits(json.loads(text)):
        raise SystemExit("an answer does not fit the schema")
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
    cursor.execute("SELECT i.id, i.job_id, i.lang_no, i.attempts, REPLACE(CAST(j.public_id AS CHAR), '-', '')"
                   " FROM item i JOIN job j ON j.id = i.job_id WHERE i.id IN %s AND i.state = 'sent'"
                   " AND i.batch_id = %s", (ids, batch))
    found = {row[0]: row[1:] for row in cursor.fetchall()}
    answers, totals, numbers = [], {}, {}
    for item, number, mark, text, body, request_id in read:
        job, language, newest, public_id = found[item]
        if number != newest or not public_id.startswith(mark):
            raise SystemExit("a line of another installation")
        asked, cached, made, cost = cost_of(body["usage"])
        answers.append((item, number, job, text, body["model"], request_id, asked, cached, made, cost))
        numbers.setdefault(number, []).append(item)
        count = totals.setdefault((job, language), [0, 0, 0, 0])
        for i, n in enumerate((1, asked, made, cost)):
            count[i] += n
    cursor.executemany(INSERT, answers)
    for number, items in numbers.items():
        if (cursor.execute(CLOSE, (items, number, batch)) != len(items)
                or cursor.execute(SETTLE, (number, items, batch)) != len(items)):
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
