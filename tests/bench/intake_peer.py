# SPDX-License-Identifier: ISC
"""The intake of an order in Python, for comparison: Flask reads, checks and stores it, as the front end does.

It leaves the same rows of job, languages, lots, photographs, items and event, in one transaction, by executemany.
Data URLs, descriptions of the client's own and instructions are not among what it takes. Gunicorn serves `app`.
"""
import datetime
import json
import os
import re
import uuid
from typing import Any, Dict, List, Optional

import pymysql
from flask import Flask, Response, request

KNOWN = {"name", "languages", "deadline", "lots"}
LOT_KEYS = {"id", "title", "notes", "images"}
TAG = re.compile(r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$")
DURATION = re.compile(r"^PT(\d+)H$")
MOST_LOTS = 50000
PROMPT_BYTES = 2000  # of each request line, beside its lot

app = Flask(__name__)


def fault(lot: Any, seen: set) -> Optional[str]:
    """What is wrong with a lot, or None."""
    if not isinstance(lot, dict) or not lot.keys() <= LOT_KEYS:
        return "keys"
    ref, title, notes, images = (lot.get(key) for key in ("id", "title", "notes", "images"))
    if not isinstance(ref, str) or not 1 <= len(ref.encode()) <= 200 or ref in seen:
        return "id"
    seen.add(ref)
    if title is not None and (not isinstance(title, str) or len(title.encode()) > 2000):
        return "title"
    if notes is not None and (not isinstance(notes, str) or len(notes.encode()) > 32768):
        return "notes"
    if images is not None and (not isinstance(images, list) or len(images) > 50 or not all(
            isinstance(u, str) and u.startswith(("http://", "https://")) and len(u) <= 8192 for u in images)):
        return "images"
    return None if title or notes or images else "empty"


def check(order: Any) -> Optional[str]:
    if not isinstance(order, dict) or not order.keys() <= KNOWN:
        return "keys"
    if not isinstance(order.get("name", ""), str) or not DURATION.match(order.get("deadline", "PT24H")):
        return "name or deadline"
    tags = order.get("languages", [])
    if not isinstance(tags, list) or not all(isinstance(t, str) and TAG.match(t) and t != "en" for t in tags):
        return "languages"
    lots = order.get("lots")
    if not isinstance(lots, list) or not 1 <= len(lots) <= MOST_LOTS:
        return "lots"
    seen: set = set()
    return next((f"lots/{i}: {why}" for i, lot in enumerate(lots) if (why := fault(lot, seen))), None)


def store(cursor: Any, order: Dict[str, Any], body_id: str, now: datetime.datetime) -> Dict[str, Any]:
    lots, tags = order["lots"], ["en", *order.get("languages", [])]
    deadline = now + datetime.timedelta(hours=int(DURATION.match(order.get("deadline", "PT24H"))[1]))
    status = {"job_id": body_id, "name": order.get("name", ""), "status": "queued", "outcome": None,
              "progress": {"percent": 0, "lots": len(lots), "described": 0,
                           "translations": len(lots) * (len(tags) - 1), "translated": 0, "failed": 0},
              "languages": {tag: {"done": 0, "total": len(lots)} for tag in tags},
              "created_at": now.isoformat() + "Z", "deadline_at": deadline.isoformat() + "Z"}
    cursor.execute("SELECT MIN(IF(task = 'describe', id, NULL)), MIN(IF(task = 'translate', id, NULL)) FROM recipe")
    describe, translate = cursor.fetchone()
    cursor.execute("INSERT INTO job (public_id, account_id, visible, status, name, lots, describe_recipe,"
                   " translate_recipe, created_at, opened_at, updated_at, deadline_at, status_json)"
                   " VALUES (%s, 1, 1, 'queued', %s, %s, %s, %s, %s, %s, %s, %s, %s)",
                   (body_id, status["name"], len(lots), describe, translate or describe, now, now, now, deadline,
                    json.dumps(status)[:-1]))
    job = cursor.lastrowid
    cursor.executemany("INSERT INTO job_language (job_id, no, tag, n_total, n_ready, ready_since)"
                       " VALUES (%s, %s, %s, %s, %s, %s)",
                       [(job, no, tag, len(lots), 0 if no else len(lots), None if no else now)
                        for no, tag in enumerate(tags)])
    cursor.executemany("INSERT INTO lot (job_id, seq, ref, title, notes) VALUES (%s, %s, %s, %s, %s)",
                       [(job, seq, lot["id"], lot.get("title"), lot.get("notes")) for seq, lot in enumerate(lots)])
    cursor.executemany("INSERT INTO lot_image (job_id, lot_seq, no, url) VALUES (%s, %s, %s, %s)",
                       [(job, seq, no, url) for seq, lot in enumerate(lots)
                        for no, url in enumerate(lot.get("images") or ())])
    items: List[Any] = []
    for seq, lot in enumerate(lots):
        size = PROMPT_BYTES + len(json.dumps(lot))
        items += [(job, seq, no, "blocked" if no else "ready", size, size // 4 + 765) for no in range(len(tags))]
    cursor.executemany("INSERT INTO item (job_id, lot_seq, lang_no, state, est_bytes, est_tokens)"
                       " VALUES (%s, %s, %s, %s, %s, %s)", items)
    cursor.execute("INSERT INTO event (job_id, at, kind, message, n) VALUES (%s, %s, 'ordered', 'ordered', %s)",
                   (job, now, len(lots)))
    cursor.execute("UPDATE wake SET n = n + 1 WHERE id = 1")
    return status


@app.post("/api/v1/jobs")
def order() -> Response:
    try:
        document = json.loads(request.get_data())
    except ValueError:
        return Response("not JSON", 400)
    wrong = check(document)
    if wrong:
        return Response(wrong, 422)
    connection = pymysql.connect(unix_socket=os.environ["BENCH_SOCKET"], user=os.environ["BENCH_USER"],
                                 password=os.environ["BENCH_PASSWORD"], database=os.environ["BENCH_DATABASE"],
                                 charset="utf8mb4")
    try:
        with connection.cursor() as cursor:
            status = store(cursor, document, str(uuid.uuid4()), datetime.datetime.utcnow())
        connection.commit()
    finally:
        connection.close()
    return Response(json.dumps(status), 202, content_type="application/json")
