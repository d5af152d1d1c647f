# SPDX-License-Identifier: ISC
"""The two reads of a job as Flask and PyMySQL do them, for comparison: the same answers, headers and entity tags
as the front end's, one kept connection a thread, stored JSON passed through as it is. Gunicorn serves `app`."""
import json
import os
import threading
from typing import Any, Dict, List, Tuple

import pymysql
import pymysql.cursors
from flask import Flask, Response, request

ENDED = ("completed", "failed", "cancelled")
MESSAGES = {"deadline": "no usable answer before the deadline"}

app = Flask(__name__)
local = threading.local()


def rows(statement: str, *args: Any) -> List[Tuple[Any, ...]]:
    """Rows of one statement by this thread's connection, which is opened again once it is lost."""
    if not hasattr(local, "connection"):
        local.connection = pymysql.connect(
            unix_socket=os.environ["BENCH_SOCKET"], user=os.environ["BENCH_USER"],
            password=os.environ["BENCH_PASSWORD"], database=os.environ["BENCH_DATABASE"], charset="utf8mb4",
            autocommit=True)
    try:
        with local.connection.cursor() as cursor:
            cursor.execute(statement, args)
            return list(cursor.fetchall())
    except pymysql.err.OperationalError:
        del local.connection
        raise


def dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def links(job_id: str) -> str:
    here = f"/api/v1/jobs/{job_id}"
    return f',"links":{{"self":"{here}","status":"{here}/status","events":"{here}/events"}}}}'


def headers(status: str, unchanged: int, left: int) -> Dict[str, str]:
    result = {"Cache-Control": "private, no-cache", "X-Content-Type-Options": "nosniff",
              "Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex"}
    if status not in ENDED:
        result["Retry-After"] = str(max(1, min(30, unchanged // 10, left)))
    return result


def read_job(job_id: str) -> Tuple[Any, ...]:
    found = rows("SELECT id, version, status, status_json, TIMESTAMPDIFF(SECOND, updated_at, UTC_TIMESTAMP(6)),"
                 " TIMESTAMPDIFF(SECOND, UTC_TIMESTAMP(6), deadline_at)"
                 " FROM job WHERE public_id = %s AND visible = 1", job_id)
    return found[0] if found else ()


def not_found() -> Response:
    return Response('{"type":"about:blank","title":"Not Found","status":404}', 404,
                    content_type="application/problem+json")


@app.get("/api/v1/jobs/<job_id>/status")
def status(job_id: str) -> Response:
    job = read_job(job_id)
    if not job:
        return not_found()
    _, version, state, text, unchanged, left = job
    sent = headers(state, unchanged, left)
    tag = f"{job_id[:8]}-{version}"
    sent["ETag"] = f'"{tag}"'
    if tag in request.if_none_match:
        return Response(status=304, headers=sent)
    return Response(text + links(job_id).encode(), 200, sent, content_type="application/json")


def render_lot(ref: str, title: str, items: List[Tuple[Any, ...]], tags: Dict[int, str]) -> str:
    descriptions, errors = [], []
    for _, language, code, grade, source, repaired, value in items:
        tag = tags[language]
        if grade is None:
            descriptions.append(f"{dumps(tag)}:null")
            if code is not None:
                errors.append(dumps({"language": tag, "code": code, "message": MESSAGES.get(code, "failed")}))
            continue
        salvaged = ',"salvaged":true' if grade == "salvaged" else ""
        descriptions.append(f'{dumps(tag)}:{{"value":{value.decode()},"source":{dumps(source)},'
                            f'"repaired":{dumps(repaired)}{salvaged}}}')
    return (f'{{"id":{dumps(ref)},"title":{dumps(title)},"descriptions":{{{",".join(descriptions)}}},'
            f'"errors":[{",".join(errors)}]}}')


@app.get("/api/v1/jobs/<job_id>")
def result(job_id: str) -> Response:
    job = read_job(job_id)
    if not job:
        return not_found()
    number, _, state, text, unchanged, left = job
    tags = dict(rows("SELECT no, tag FROM job_language WHERE job_id = %s", number))
    items: Dict[int, List[Tuple[Any, ...]]] = {}
    for row in rows("SELECT i.lot_seq, i.lang_no, i.code, a.grade, a.source, a.repaired, COALESCE(a.value, a.raw)"
                    " FROM item i LEFT JOIN answer a ON a.item_id = i.id AND a.attempt_no = i.answer_no"
                    " AND a.grade IN ('valid', 'salvaged') WHERE i.job_id = %s AND i.lot_seq < 1000"
                    " ORDER BY i.lot_seq, i.lang_no", number):
        items.setdefault(row[0], []).append(row)
    lots = rows("SELECT seq, ref, title FROM lot WHERE job_id = %s ORDER BY seq LIMIT 1000", number)
    body = ",".join(render_lot(ref, title, items.get(seq, []), tags) for seq, ref, title in lots)
    return Response(f'{text.decode()},"lots":[{body}],"next":null{links(job_id)}', 200,
                    headers(state, unchanged, left), content_type="application/json")
