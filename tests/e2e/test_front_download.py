# SPDX-License-Identifier: ISC
"""Whole results as JSON, NDJSON and CSV: what readers of these formats find in them, byte for byte where it counts."""
import csv
import io
import json
import socket

import pytest

import fcgi_client
from front_end import breakable, installation, lots, mariadb, order, wait_until  # noqa: F401
from harness.stack import temporary_work

pytestmark = pytest.mark.front_end

JOBS = "/api/v1/jobs"
BIG = "12345678901234567890"
TYPES = {"json": "application/json", "ndjson": "application/x-ndjson",
         "csv": "text/csv; charset=utf-8; header=present"}
FIRST, LAST = ["lot_id", "lot_title", "language"], ["source", "repaired", "error"]
TEXT = {"type": "string"}
SCHEMA = {"type": "object", "additionalProperties": False,
          "required": ["title", "count", "tags", "size", "period", "sold", "source", "a,\"b\"", "=1+1"],
          "properties": {"title": TEXT, "count": {"type": "integer"}, "tags": {"type": "array", "items": TEXT},
                         "size": {"type": "object", "additionalProperties": False, "required": ["w"],
                                  "properties": {"w": {"type": "number"}}},
                         "period": {"type": ["string", "null"]}, "sold": {"type": "boolean"}, "source": TEXT,
                         "a,\"b\"": TEXT, "=1+1": TEXT}}
COLUMNS = list(SCHEMA["properties"])
NAMES = FIRST + ["title", "count", "tags", "size", "period", "sold", "value.source", "a,\"b\"", "'=1+1"] + LAST
PLAIN = {"title": "Teapot", "count": 1, "tags": [], "size": {"w": 1.5}, "period": None, "sold": False, "source": "x",
         "a,\"b\"": "", "=1+1": "y"}
AWKWARD = ["a, b", 'say "no"', "two\nlines", "two\r\nlines", "\r", "=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\tx", "",
           " ", "\U0001f600 \U0001f1eb\U0001f1f7", "\u202eabc\u202c \u05e9\u05dc\u05d5\u05dd", "\x01\x1f\x7f\x85\u2028",
           "'", '"', '""', "a;b", "\ufeffx", "\uff1dx", "x" * 5000, "\\n\\", "null", "NULL"]


@pytest.fixture(scope="module")
def front(mariadb):  # noqa: F811
    schema = temporary_work("schema") / "answer.schema.json"
    schema.write_text(json.dumps(SCHEMA))
    with installation("front-download", mariadb, overrides={"describe": {"schema_file": str(schema)}}) as made:
        yield made


def raw_lots():
    """Lots as JSON text: each with a description in a form of its own."""
    texts = []
    for i, text in enumerate(AWKWARD):
        value = {**PLAIN, "title": text, "tags": [text, "second"], "a,\"b\"": text, "period": text}
        given = json.dumps(value, ensure_ascii=i % 2 == 0, indent=[None, 1, "\t"][i % 3])
        given = given.replace('"count": 1', f'"count": {BIG}')
        texts.append(f'{{"id": {json.dumps(f"{i}")}, "title": {json.dumps(text[:500])}, "description": {given}}}')
    return texts


def awkward_job(front):
    """A job with languages en and fr whose lots are described; some French texts are there, each in another state."""
    body = ('{"languages": ["fr"], "lots": [' + ",".join(raw_lots()) + ', {"id": "=x", "title": "not described"}]}')
    job = front.take(body.encode())
    items = front.sql("SELECT id, lot_seq FROM item WHERE job_id = %s AND lang_no = 1 ORDER BY lot_seq",
                      front.row(job)["id"])
    for grade, repaired, raw, item in (
            ("valid", None, '{\r\n "title":\r"un\\u0000\\ud800"}', items[0]),
            ("salvaged", "python_literal", '{"title":"@deux", "title":"trois","other":1,"count":-7}', items[1])):
        front.sql("INSERT INTO answer (item_id, attempt_no, job_id, grade, raw, value, repaired, source, model, created_at)"
                  " VALUES (%s, 1, %s, %s, %s, %s, %s, 'batch', 'm', UTC_TIMESTAMP(6))", item["id"], front.row(job)["id"],
                  grade, raw if grade == "valid" else "x", None if grade == "valid" else raw, repaired)
        front.sql("UPDATE item SET state = 'done', answer_no = 1 WHERE id = %s", item["id"])
    front.sql("UPDATE item SET state = 'failed', code = 'refused' WHERE id = %s", items[2]["id"])
    return job


@pytest.fixture(scope="module")
def job(front):
    return awkward_job(front)


def get(front, job, query, status=200, method="GET"):
    answer = front.raw(method, f"{JOBS}/{job}?{query}")
    assert answer.status == status, answer
    return answer


def rows_of(answer):
    """What Python's reader of RFC 4180 finds; the first row must be the header."""
    assert answer.body.startswith(b"\xef\xbb\xbf") and answer.body.endswith(b"\r\n")
    rows = list(csv.reader(io.StringIO(answer.body.decode("utf-8-sig"), newline=""), strict=True))
    assert all(len(row) == len(rows[0]) for row in rows)
    assert rows[0] == NAMES
    return [dict(zip(FIRST + COLUMNS + ["from", "repaired", "error"], row)) for row in rows[1:]]


def harmless(text):
    return "'" + text if text[:1] in ("=", "+", "-", "@", "\t", "\r", "\n") and text else text


def spelled(value):
    """The digits of numbers as they were sent."""
    return json.loads(value, parse_int=lambda digits: f"int:{digits}")


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("more, disposition", [("", "inline"), ("&download=0", "inline"), ("&download=1", "attachment")])
def test_headers(front, job, kind, more, disposition):
    for method in ("GET", "HEAD"):
        answer = get(front, job, f"format={kind}{more}", method=method)
        assert answer.complete
        assert answer.headers["content-type"] == TYPES[kind]
        assert answer.headers["content-disposition"] == f'{disposition}; filename="{job}.{kind}"'
        assert answer.headers["cache-control"] == "private, no-cache"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "content-length" not in answer.headers
        assert (method == "HEAD") == (answer.body == b"")


def test_json_is_the_page_without_its_end(front, job):
    page = front.get(f"{JOBS}/{job}").json()
    assert page.pop("next") is None
    for query in ("format=json", "download=1", "download=1&format=json"):
        assert get(front, job, query).json() == page


def test_ndjson_is_the_lots_a_line_each(front, job):
    answer = get(front, job, "format=ndjson")
    lines = answer.body.split(b"\n")
    assert lines.pop() == b"" and b"\r" not in answer.body
    whole = spelled(front.get(f"{JOBS}/{job}").body)
    assert [spelled(line) for line in lines] == whole["lots"]
    assert len(lines) == len(AWKWARD) + 1
    for text, line in zip(AWKWARD, lines):
        value = spelled(line)["descriptions"]["en"]["value"]
        assert (value["title"], value["count"]) == (text, f"int:{BIG}")


def test_json_and_ndjson_keep_the_bytes_of_values(front, job):
    """I5: valid JSON passes byte for byte; in NDJSON line ends between tokens become spaces."""
    sent = [lot[lot.index('"description": ') + 15:-1].encode() for lot in raw_lots()]
    body, lines = get(front, job, "format=json").body, get(front, job, "format=ndjson").body
    for value in sent:
        assert b'"value":' + value + b',"source":"order"' in body
        assert b'"value":' + value.replace(b"\n", b" ") + b',"source":"order"' in lines


def test_csv_has_a_row_for_each_lot_and_language(front, job):
    rows = rows_of(get(front, job, "format=csv"))
    assert [(row["lot_id"], row["language"]) for row in rows] == [
        (lot, tag) for lot in [*map(str, range(len(AWKWARD))), "'=x"] for tag in ("en", "fr")]
    for text, row in zip(AWKWARD, rows[::2]):
        title = text[:500] if text.strip(" \r\n\t") else ""     # a blank title is none
        assert row["lot_title"] == harmless(title)
        assert row["title"] == row["a,\"b\""] == row["period"] == harmless(text)
        assert row["tags"] == harmless(text + "; second")
        assert row["count"] == BIG
        assert json.loads(row["size"]) == {"w": 1.5}
        assert (row["sold"], row["source"], row["=1+1"]) == ("false", "x", "y")
        assert (row["from"], row["repaired"], row["error"]) == ("order", "", "")


def test_csv_of_what_is_repaired_salvaged_failed_and_open(front, job):
    rows = rows_of(get(front, job, "format=csv&language=fr"))
    assert [row["language"] for row in rows] == ["fr"] * (len(AWKWARD) + 1)
    first, second, third, fourth = rows[:4]
    assert (first["title"], first["count"], first["from"], first["repaired"]) == ("un\ufffd\ufffd", "", "batch", "")
    assert (second["title"], second["count"], second["repaired"]) == ("trois", "'-7", "python_literal")
    assert (third["title"], third["from"], third["error"]) == ("", "", "refused")
    assert (fourth["title"], fourth["from"], fourth["error"]) == ("", "", "")


def test_csv_bytes(front):
    value = {**PLAIN, "title": 'a,"b"\r\nc', "tags": ["x", "-y"]}
    job = front.take({"lots": [{"id": "1", "title": "=1", "description": value}]})
    answer = get(front, job, "format=csv")
    assert answer.body == (
        b'\xef\xbb\xbf"lot_id","lot_title","language","title","count","tags","size","period","sold","value.source",'
        b'"a,""b""","\'=1+1","source","repaired","error"\r\n'
        b'"1","\'=1","en","a,""b""\r\nc",1,"x; -y","{""w"": 1.5}",,false,"x","","y","order",,\r\n')


@pytest.mark.parametrize("kind", TYPES)
def test_through_the_web_server(front, job, kind):
    path, plain = f"{JOBS}/{job}?format={kind}&download=1", get(front, job, f"format={kind}")
    for method, body in (("GET", plain.body), ("HEAD", b"")):
        answer = front.stack.request(method, path)
        assert (answer.status, answer.body) == (200, body)
        assert answer.headers["content-type"] == TYPES[kind]
        assert answer.headers["content-disposition"].startswith("attachment; ")


def test_a_language_restricts_every_format(front, job):
    lines = get(front, job, "format=ndjson&language=FR").body.splitlines()
    assert [list(json.loads(line)["descriptions"]) for line in lines] == [["fr"]] * (len(AWKWARD) + 1)
    assert list(get(front, job, "format=json&language=fr").json()["lots"][0]["descriptions"]) == ["fr"]
    for kind in TYPES:
        assert get(front, job, f"format={kind}&language=it", 422).json()["errors"][0]["parameter"] == "language"


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("more, parameter", [
    ("&limit=1", "format"), ("&after=1", "format"), ("&limit=1&download=1", "download"), ("&format=csv", None)])
def test_the_whole_takes_no_page(front, job, kind, more, parameter):
    faults = get(front, job, f"format={kind}{more}", 400).json().get("errors")
    assert parameter is None or [fault["parameter"] for fault in faults] == [parameter]


@pytest.mark.parametrize("query", ["format=", "format=CSV", "format=xml", "format=csv;x"])
def test_other_formats_are_refused(front, job, query):
    assert get(front, job, query, 400).json()["errors"][0]["parameter"] == "format"


def test_columns_are_those_that_the_job_was_asked_for(front):
    """The schema of its recipe, though another is configured now."""
    job = front.take(order(1, []))
    front.sql("UPDATE recipe r JOIN job j ON j.describe_recipe = r.id SET r.answer_schema = %s, r.hash = 'x'"
              " WHERE j.public_id = %s",
              json.dumps({"type": "object", "additionalProperties": False, "required": ["name"], "properties":
                          {"name": TEXT}}), job)
    header = get(front, job, "format=csv").body.split(b"\r\n")[0]
    assert header == b'\xef\xbb\xbf"lot_id","lot_title","language","name","source","repaired","error"'


def test_a_download_of_many_slices_is_whole(front):
    job = front.take({"languages": ["fr", "de"], "lots": lots(1100, description=PLAIN)})
    wanted = [str(i + 1) for i in range(1100)]
    assert [json.loads(line)["id"] for line in get(front, job, "format=ndjson").body.splitlines()] == wanted
    assert [row["lot_id"] for row in rows_of(get(front, job, "format=csv"))] == [i for i in wanted for _ in range(3)]
    assert [lot["id"] for lot in get(front, job, "format=json").json()["lots"]] == wanted


@pytest.mark.parametrize("kind", TYPES)
def test_a_download_that_fails_does_not_look_whole(breakable, kind):  # noqa: F811
    """The database goes away while the client reads: the connection is broken off, the request never ends."""
    with installation("front-download-away", breakable) as front:
        value = {"title": "x" * 60_000, "description": "d", "category": "c", "period": None, "materials": [],
                 "condition": None, "keywords": []}
        job = front.take({"lots": lots(1000, description=value)})
        params = fcgi_client.params_of("GET", f"{JOBS}/{job}?format={kind}")
        connection = fcgi_client.Connection(front.socket).begin(params).send(b"")
        assert connection.socket.recv(1, socket.MSG_PEEK)
        breakable.stop()
        try:
            assert not connection.answer().complete
        finally:
            breakable.start()
        wait_until(lambda: front.get("/readyz").status == 200, 30, "the database to be found again")
        assert get(front, job, f"format={kind}").complete


@pytest.mark.parametrize("gone", ["lot", "answer"])
def test_a_job_that_is_being_removed_does_not_look_whole(front, gone):
    """Deleted after it was looked up: its first lots are gone already, or their texts are."""
    job = front.take({"languages": ["fr"], "lots": lots(1100, description=PLAIN)})
    if gone == "lot":
        front.sql("DELETE FROM lot WHERE job_id = %s AND seq < 20", front.row(job)["id"])
    else:
        front.sql("UPDATE answer SET raw = '' WHERE job_id = %s AND item_id IN (SELECT id FROM item WHERE lot_seq < 20)",
                  front.row(job)["id"])
    for query in ("", "?limit=5", "?language=en"):
        assert front.get(f"{JOBS}/{job}{query}").status == 404
    for kind in TYPES:
        connection = fcgi_client.Connection(front.socket)
        connection.begin(fcgi_client.params_of("GET", f"{JOBS}/{job}?format={kind}"))
        assert not connection.answer().complete


def test_downloads_leave_workers_for_polls(front):
    """Of 8 workers half may stream; others are told to come again, and polls go on."""
    job = front.take({"lots": lots(200, description={**PLAIN, "title": "x" * 60_000})})
    params = fcgi_client.params_of("GET", f"{JOBS}/{job}?format=csv")
    held = [fcgi_client.Connection(front.socket).begin(params).send(b"") for _ in range(4)]
    try:
        assert all(connection.socket.recv(1, socket.MSG_PEEK) for connection in held)   # each has begun
        refused = front.get(f"{JOBS}/{job}?format=csv&download=1")
        assert (refused.status, refused.json()["code"]) == (503, "busy") and int(refused.headers["retry-after"]) > 0
        assert "content-disposition" not in refused.headers
        assert all(front.get(f"{JOBS}/{job}/status").status == 200 for _ in range(20))
    finally:
        rows = [rows_of(connection.answer()) for connection in held]
    assert [len(r) for r in rows] == [200] * 4
