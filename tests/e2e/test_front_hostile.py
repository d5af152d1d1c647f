# SPDX-License-Identifier: ISC
"""Requests that nobody means well: bodies, lengths, heads and FastCGI records made to break the front end.

After each of them the process is the same, all its workers answer, nothing was stored, and the invariants hold.
"""
import json
import os
import random
import socket
import struct

import pytest

import fcgi_client
from fcgi_client import BEGIN, PARAMS, STDIN
from front_end import DESCRIPTION, JSON, installation, lots, mariadb, order  # noqa: F401

pytestmark = pytest.mark.main_job       # under ASan and UBSan, too

JOBS = "/api/v1/jobs"
INSTRUMENTED = os.environ.get("LOTSCRIBE_BUILD", "").endswith(("-asan", "-tsan"))
WORKERS = 8
MIB = 1 << 20
MOST = (16 if INSTRUMENTED else 64) * MIB     # job.max_body
TABLES = ("job", "job_language", "lot", "lot_image", "image", "item", "answer", "event", "request", "idempotency")
GOOD = json.dumps(order(1, ["fr"], name="é", instructions="x", metadata={"a": "b"})).encode()


def stored(front):
    return front.sql("SELECT " + ", ".join(f"(SELECT COUNT(*) FROM {table}) AS {table}" for table in TABLES))


def params(front, uri=JOBS, method="POST", body=None, announce="", **headers):
    return fcgi_client.params_of(method, uri, body, {"Authorization": f"Bearer {front.key}", **JSON, **headers}, announce)


def all_workers_answer(front):
    """While all but one wait for a body, the last answers: connections are taken in their order."""
    waiting = [fcgi_client.Connection(front.socket).begin(params(front, announce="2")) for _ in range(WORKERS - 1)]
    assert front.get("/healthz").status == 200
    assert [connection.send(b"{}").answer().status for connection in waiting] == [422] * len(waiting)


@pytest.fixture(scope="module")
def shared(mariadb):  # noqa: F811
    with installation("front-hostile", mariadb, memory=True, overrides={"http": {"workers": WORKERS, "rate": 0}, "job": {"max_body": MOST}}) as made:
        made.take(json.loads(GOOD))
        yield made


@pytest.fixture
def front(shared):
    pid, before = shared.stack.front_end.pid, stored(shared)
    yield shared
    assert stored(shared) == before
    assert shared.stack.front_end.running and shared.stack.front_end.pid == pid
    all_workers_answer(shared)
    shared.take(json.loads(GOOD))
    shared.check()


def post(front, body, **how):
    return front.raw("POST", JOBS, body, front.key, JSON, **how)


def refused(front, body, *statuses):
    answer = post(front, body)
    assert answer.status in statuses and answer.complete, answer
    assert len(answer.body) < 64 * 1024     # whatever was sent, it is not told back
    return answer.json()


# -- bodies -------------------------------------------------------------------------------------------------

def filled(before, unit, after=b""):
    """`unit` repeated up to the size limit of a body."""
    return before + unit * ((MOST - len(before) - len(after)) // len(unit)) + after


@pytest.mark.parametrize("make, status", [
    pytest.param(lambda: filled(b"", b"["), 400, id="opened"),
    pytest.param(lambda: filled(b'{"lots":', b"["), 400, id="opened in lots"),
    pytest.param(lambda: filled(b"", b'{"a":'), 400, id="objects opened"),
    pytest.param(lambda: filled(b"[", b"[],", b"[]]"), 422, id="pairs"),
    pytest.param(lambda: filled(b'{"lots":[', b"[],", b"[]]}"), 422, id="pairs as lots"),
    pytest.param(lambda: filled(b'{"lots":[{"id":"1","images":[', b"[],", b"[]]}]}"), 422, id="pairs as images"),
    pytest.param(lambda: filled(b'{"lots":[{"id":"1","description":', b"[" * 14 + b"]" * 14 + b",", b"1}]}"), 400,
                 id="pairs that are no value"),
    pytest.param(lambda: filled(b'{"lots":[{"id":"1","description":[', b"[],", b"[]]}]}"), 422, id="description"),
    pytest.param(lambda: filled(b'{"languages":[', b'"fr",', b'"fr"],"lots":[{"id":"1","title":"x"}]}'), 422, id="tags"),
    pytest.param(lambda: filled(b'{"x":[', b"1,", b"1]}"), 422, id="numbers"),
    pytest.param(lambda: filled(b'{"name":"', b"\\u0041", b'","lots":[{"id":"1","title":"x"}]}'), 422, id="escapes"),
    pytest.param(lambda: filled(b'{"name":"', b"\\", b'"}'), 400, id="backslashes"),
    pytest.param(lambda: filled(b'{"name":"', b'\\"', b'"}'), 422, id="quotes"),
    pytest.param(lambda: filled(b'{"name":"', b"x"), 400, id="no end"),
    pytest.param(lambda: filled(b'{"', b"x", b'":1}'), 422, id="key"),
    pytest.param(lambda: filled(b'{"deadline":"PT', b"1", b'S","lots":[{"id":"1","title":"x"}]}'), 422, id="deadline"),
    pytest.param(lambda: filled(b'{"lots":[{"id":"1","images":["http://h/', b"x", b'"]}]}'), 422, id="URL"),
    pytest.param(lambda: filled(b'{"lots":[{"id":"1","images":["data:image/png;base64,', b"iVBORw0KGgo", b'"]}]}'), 422,
                 id="data URL"),
    pytest.param(lambda: filled(b'{"lots":[', b'{"id":"1"},', b'{"id":"1"}]}'), 422, id="lots"),
    pytest.param(lambda: filled(b"", b" "), 400, id="spaces"),
    pytest.param(lambda: filled(b"", b"9"), 400, id="digits"),
    pytest.param(lambda: filled(b"", b"\0"), 400, id="NULs"),
    pytest.param(lambda: filled(b"", b"\xff"), 400, id="no UTF-8"),
    pytest.param(lambda: filled(GOOD, b" ", b"x"), 400, id="something behind"),
])
def test_a_body_as_large_as_it_may_be(front, make, status):
    refused(front, make(), status)


def lot_with(value):
    return b'{"lots":[{"id":"1","title":"x","description":' + value + b"}]}"


BIG_NUMBERS = [b"1e999999", b"-1e999999", b"1e-999999", b"9" * 32, b"9" * 400, b"1" + b"0" * MIB, b"1." + b"0" * 400,
               b"1e" + b"9" * 400, b"0." + b"9" * 30]


@pytest.mark.parametrize("number", BIG_NUMBERS, ids=range(len(BIG_NUMBERS)))
def test_huge_numbers(front, number):
    for body in (number, b'{"name":' + number + b"}", b'{"lots":[' + number + b"]}", lot_with(number),
                 lot_with(json.dumps(DESCRIPTION).encode().replace(b"null", number, 1)), b'{"deadline":' + number + b"}"):
        refused(front, body, 400, 422)


@pytest.mark.parametrize("body", [
    b'{"lots":[],"lots":[{"id":"1","title":"x"}]}', b'{"lots":[{"id":"1","title":"x"}],"\\u006cots":[]}',
    b'{"lots":[{"id":"1","id":"1","title":"x"}]}', b'{"lots":[{"id":"1","title":"x"}],"metadata":{"a":"1","a":"2"}}',
    lot_with(json.dumps(DESCRIPTION).encode().replace(b"{", b'{"title":"a",')),
    b'{"x":{' + b",".join(b'"%d":0' % i for i in range(100_000)) + b"}}"],
    ids=["lots", "escaped", "id", "metadata", "description", "thousands of keys"])
def test_duplicate_keys(front, body):
    refused(front, body, 400)


NOT_UTF8 = [b"\x80", b"\xc0\xaf", b"\xc1\xbf", b"\xe0\x80\xaf", b"\xed\xa0\x80", b"\xed\xbf\xbf", b"\xf0\x80\x80\x80",
            b"\xf4\x90\x80\x80", b"\xf5\x80\x80\x80", b"\xf8\x88\x80\x80\x80", b"\xfe", b"\xff", b"\xc3", b"\xe2\x82",
            b"\xf0\x9f\x98", b"\xed\xa0\xbd\xed\xb8\x80"]


@pytest.mark.parametrize("bad", NOT_UTF8, ids=[bad.hex() for bad in NOT_UTF8])
def test_bad_UTF_8(front, bad):
    for body in (GOOD.replace(b"Lot 1", bad), GOOD.replace(b'"title"', b'"' + bad + b'"'), GOOD + bad, bad + GOOD,
                 GOOD.replace(b"Lot 1", b"\xf0\x9f\x98\x80" * 1000 + bad)):
        refused(front, body, 400)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_other_encodings(front, encoding):
    refused(front, json.dumps(json.loads(GOOD), ensure_ascii=False).encode(encoding), 400)


@pytest.mark.parametrize("text", [
    rb"\ud800", rb"\udc00", rb"\udc00\ud800", rb"\ud800\ud800", rb"\ud800x", rb"\ud800\u0041", rb"\ud800\n", rb"\uD83D",
    rb"\u0000", b"\0", rb"a\u0000b", b"a\0b", b"\x01", b"\n", b"\x1f", rb"\u12", rb"\u123g", rb"\x41", rb"\U00000041",
    b"\\", rb"\\" + b"\\"])
def test_strings_that_JSON_does_not_have(front, text):
    for place in (b"Lot 1", b"title", b"fr"):
        refused(front, GOOD.replace(b'"' + place + b'"', b'"' + text + b'"'), 400)


def test_NUL_between_tokens(front):
    refused(front, GOOD.replace(b", ", b",\0", 1), 400)
    refused(front, GOOD + b"\0", 400)
    refused(front, b"\0" + GOOD, 400)


def test_a_document_that_is_cut_anywhere(front):
    for n in range(len(GOOD)):
        refused(front, GOOD[:n], 400)


def test_a_document_of_which_one_byte_differs(front):
    """Whatever is still an order would be stored: so two texts are too long in all of them."""
    chosen = random.Random(1)
    body = json.dumps(order(1, ["fr"], name="é" * 200, instructions="x" * 5000)).encode()
    for _ in range(500):
        changed = bytearray(body)
        changed[chosen.randrange(len(body))] = chosen.randrange(256)
        assert post(front, bytes(changed)).status in (400, 422)


LONG = "x" * MIB


@pytest.mark.parametrize("document", [
    {LONG: 1}, {"lots": [{LONG: 1}]}, {"name": LONG}, {"instructions": LONG}, {"languages": [LONG]}, {"deadline": LONG},
    {"callback_url": "https://h/" + LONG}, {"metadata": {LONG: "1"}}, {"metadata": {"a": LONG}}, {"lots": LONG},
    {"lots": [LONG]}, {"lots": [{"id": LONG}]}, {"lots": [{"id": "1", "title": LONG}]}, {"lots": [{"id": "1", "notes": LONG}]},
    {"lots": [{"id": "1", "images": [LONG]}]}, {"lots": [{"id": "1", "images": ["data:" + LONG]}]},
    {"lots": [{"id": "1", "images": ["data:image/png;base64," + LONG]}]}, {"lots": [{"id": "1", "description": {LONG: 1}}]},
    {"lots": [{"id": "1", "description": {**DESCRIPTION, "title": LONG}}]}, {"/" * MIB: 1}, {"~" * MIB: {"~" * MIB: 1}},
    {"\U0001f600" * (MIB // 4): 1}],
    ids=lambda document: "/".join(key[:12] for key in document))
def test_megabyte_long_texts(front, document):
    refused(front, json.dumps({**order(1), **document}, ensure_ascii=False).encode(), 422)


def faults_of(front, document):
    problem = refused(front, json.dumps(document).encode(), 422)
    assert 0 < len(problem["errors"]) <= 20
    return [fault["pointer"] for fault in problem["errors"]]


def test_more_lots_than_an_order_may_have(front):
    assert faults_of(front, {"lots": lots(50_001)}) == ["/lots"]
    assert faults_of(front, order(50_000, ["fr", "de", "it", "es", "nl"])) == ["/lots"]


def test_ids_that_are_not_unique_by_the_thousand(front):
    same = [{"id": "1", "title": "x"}] * 50_000
    assert faults_of(front, {"lots": same}) == [f"/lots/{i}/id" for i in range(1, 21)]
    pairs = [{"id": str(i // 2), "title": "x"} for i in range(50_000)]
    assert all(int(pointer.split("/")[2]) % 2 for pointer in faults_of(front, {"lots": pairs}))
    long = [{"id": "x" * 199 + str(i % 7), "title": "x"} for i in range(50_000)]
    assert len(faults_of(front, {"lots": long})) == 20
    escaped = '{"lots":[{"id":"a","title":"x"},{"id":"\\u0061","title":"x"}]}'
    assert refused(front, escaped.encode(), 422)["errors"][0]["pointer"] == "/lots/1/id"


def test_faults_by_the_thousand(front):
    faults_of(front, {"lots": [{"no": 1}] * 50_000})
    faults_of(front, {**{str(i): i for i in range(60)}, "lots": []})
    faults_of(front, {"lots": [{"id": "1", "images": ["x"] * 100_000}]})
    faults_of(front, {"lots": lots(1), "languages": ["fr"] * 100_000})


# -- lengths and uploads ------------------------------------------------------------------------------------

LIES = ["0", "1", str(len(GOOD) - 1), str(len(GOOD) + 1), str(MOST), "-1", f"-{len(GOOD)}", "x", "1x", "0x10", "1e3", "+5",
        " 5", "5 ", f"{len(GOOD)} ", f"{len(GOOD)},{len(GOOD)}", "٣", "9223372036854775807", "9223372036854775808",
        "18446744073709551616", "18446744073709551615", f"{2 ** 64 + len(GOOD)}", f"{2 ** 32 + len(GOOD)}", "1" * 10_000]


@pytest.mark.parametrize("announce", LIES, ids=[lie[:24] for lie in LIES])
def test_a_length_that_lies(front, announce):
    assert post(front, GOOD, announce=announce).status in (400, 413)


def cut_upload(front, body, announce, status=400):
    """The web server goes away within the body."""
    connection = fcgi_client.Connection(front.socket).begin(params(front, announce=announce)).send(body, end=False)
    connection.socket.shutdown(socket.SHUT_WR)
    answer = connection.answer()
    assert answer.status == status, answer


@pytest.mark.parametrize("n", [0, 1, len(GOOD) - 1])
@pytest.mark.parametrize("announce", [None, str(len(GOOD)), str(len(GOOD) + 1)])
def test_an_upload_that_is_cut(front, n, announce):
    cut_upload(front, GOOD[:n], announce)


@pytest.mark.parametrize("announce", [None, str(len(GOOD) + 1)])
def test_an_upload_of_which_only_the_end_is_cut(front, announce):
    cut_upload(front, GOOD, announce)


def test_a_large_upload_that_is_cut(front):
    for announce in (None, str(MOST)):
        cut_upload(front, filled(GOOD, b" ")[:MOST - 9 * MIB], announce)


def test_a_client_that_hangs_up_in_its_upload(front):
    for n in (0, 100, 2 * MIB):
        connection = fcgi_client.Connection(front.socket).begin(params(front, announce=str(4 * MIB)))
        connection.send(b" " * n, end=False).close()


def test_a_client_that_hangs_up_before_its_answer(front):
    for _ in range(20):
        fcgi_client.Connection(front.socket).begin(params(front, body=b"{}")).send(b"{}").close()


def test_a_body_above_the_limit(front):
    """Told at once where it is announced, else at the first byte too many; through the web server, too."""
    connection = fcgi_client.Connection(front.socket).begin(params(front, announce=str(MOST + 1)))
    assert connection.answer().status == 413
    assert post(front, b" " * (MOST + 1), announce=None).status == 413
    assert front.stack.request("POST", JOBS, b" " * (MOST + 1), JSON, front.key).status == 413


@pytest.mark.slow
def test_uploads_that_stall_or_crawl(front):
    """A stalled one is given up after 30 s, and so is one of less than 16 KiB/s; meanwhile others are answered."""
    stalled = [fcgi_client.Connection(front.socket, 60).begin(params(front, announce=str(n))) for n in (100, 2 * MIB)]
    crawling = fcgi_client.Connection(front.socket, 2).begin(params(front, announce=str(2 * MIB)))
    crawling.socket.settimeout(1)
    for _ in range(60):
        crawling.socket.sendall(fcgi_client.record(STDIN, b" " * 1000))
        assert front.get("/healthz").status == 200
        try:
            if crawling.socket.recv(1, socket.MSG_PEEK):
                break
        except socket.timeout:
            continue
    crawling.socket.settimeout(30)
    assert [connection.answer().status for connection in (crawling, *stalled)] == [408] * 3


# -- heads --------------------------------------------------------------------------------------------------

HEADS = {
    "10,000 headers": {f"HTTP_X_{i}": "x" for i in range(10_000)},
    "a header of 1 MiB": {"HTTP_X": "x" * MIB},
    "a name of 1 MiB": {"HTTP_" + "X" * MIB: "x"},
    "a key of 1 MiB": {"HTTP_AUTHORIZATION": "Bearer " + "x" * MIB},
    "a key of 1 MiB that begins well": {"HTTP_AUTHORIZATION": "Bearer lot_" + "x" * MIB},
    "spaces for a key": {"HTTP_AUTHORIZATION": "Bearer" + " " * MIB},
    "bytes for a key": {"HTTP_AUTHORIZATION": "Bearer lot_\udcff\udc80"},
    "a method of 1 MiB": {"REQUEST_METHOD": "X" * MIB},
    "no method": {"REQUEST_METHOD": ""},
    "a target of 64 KiB": {"REQUEST_URI": "/" + "x" * 65535},
    "a target of 1 MiB": {"REQUEST_URI": "/" + "x" * MIB},
    "a query of 64 KiB": {"REQUEST_URI": f"{JOBS}?" + "x=1&" * 16384},
    "segments": {"REQUEST_URI": "/x" * 2000},
    "escapes": {"REQUEST_URI": "/%41" * 1000},
    "a half escape": {"REQUEST_URI": f"{JOBS}?x=%4"},
    "bytes in the target": {"REQUEST_URI": "/\udcff\x01"},
    "no target": {"REQUEST_URI": ""},
    "a type of 1 MiB": {"CONTENT_TYPE": "application/" + "x" * MIB},
    "parameters of 1 MiB": {"CONTENT_TYPE": "application/x;" + "a=b;" * (MIB // 4)},
}


@pytest.mark.parametrize("head", HEADS)
def test_an_absurd_head(front, head):
    """It is refused, or, where only what is not looked at is absurd, the order is (it lacks lots)."""
    sent = {**params(front, body=b"{}"), **HEADS[head]}
    answer = fcgi_client.Connection(front.socket).begin(sent).send(b"{}").answer()
    assert 400 <= answer.status < 500 and answer.complete, answer
    assert len(answer.body) < 8192


# ASan looks at the whole rest of a string wherever one of its functions is called.
LONG_HEADER = 16384 if INSTRUMENTED else MIB
TAGS = {"commas": ",", "quotes": '"', "weak": 'W/"', "open": '"' + "x" * MIB, "spaces": " \t", "tags": '"x", ', "bytes": "\udcff"}
PREFERENCES = {"commas": ",", "wait": "wait=" + "9" * MIB, "waits": "wait=x,", "minus": "wait=-5", "quotes": 'wait="',
               "equals": "wait" + " " * MIB + "=", "bytes": "wait=\udcff"}


def repeated(unit):
    return unit * max(1, LONG_HEADER // len(unit))


@pytest.mark.parametrize("tag", TAGS)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_absurd_entity_tags(front, tag, method):
    job = front.sql("SELECT public_id FROM job LIMIT 1")[0]["public_id"]
    answer = front.raw(method, f"{JOBS}/{job}/status", headers={"If-None-Match": repeated(TAGS[tag])})
    assert (answer.status, answer.complete) == (200, True)


@pytest.mark.parametrize("preference", PREFERENCES)
def test_absurd_preferences(front, preference):
    """None of a job that changed since: none of these waits."""
    job = front.sql("SELECT public_id FROM job LIMIT 1")[0]["public_id"]
    answer = front.get(f"{JOBS}/{job}/status", headers={"Prefer": repeated(PREFERENCES[preference]), "If-None-Match": '"x"'})
    assert (answer.status, answer.complete) == (200, True)


# -- FastCGI ------------------------------------------------------------------------------------------------

def rec(kind, content=b"", request=1, version=1, length=None, padding=0):
    return struct.pack(">BBHHBB", version, kind, request, len(content) if length is None else length, padding, 0) + content


def begin(role=1, flags=0, request=1):
    return rec(BEGIN, struct.pack(">HB5x", role, flags), request)


def whole(front, request=1):
    """BEGIN and PARAMS of a good order."""
    content = fcgi_client.encode_params(params(front, body=GOOD))
    return begin(request=request) + rec(PARAMS, content, request) + rec(PARAMS, b"", request)


UPLOAD = rec(STDIN, GOOD)
STREAMS = {
    "nothing": lambda f: b"",
    "half a record": lambda f: b"\x01\x01\x00",
    "no end of the head": lambda f: begin() + rec(PARAMS, b"\x01\x01ab"),
    "body before its beginning": lambda f: UPLOAD + rec(STDIN) + whole(f)[:-8],
    "head before its beginning": lambda f: rec(PARAMS, b"\x01\x01ab") + rec(PARAMS),
    "two beginnings": lambda f: begin() + whole(f) + UPLOAD,
    "a beginning in the body": lambda f: whole(f) + rec(STDIN, GOOD[:10]) + begin() + rec(STDIN, GOOD[10:]),
    "a head in the body": lambda f: whole(f) + rec(STDIN, GOOD[:10]) + rec(PARAMS, b"x") + rec(STDIN, GOOD[10:]),
    "aborted at once": lambda f: begin() + rec(fcgi_client.ABORT),
    "aborted before": lambda f: rec(fcgi_client.ABORT) + begin(),
    "aborted in the head": lambda f: begin() + rec(PARAMS, b"\x01\x01ab") + rec(fcgi_client.ABORT),
    "aborted in the body": lambda f: whole(f) + UPLOAD + rec(fcgi_client.ABORT),
    "another version": lambda f: rec(BEGIN, struct.pack(">HB5x", 1, 0), version=2) + whole(f),
    "another version in the body": lambda f: whole(f) + UPLOAD + rec(STDIN, version=0),
    "an unknown kind in the body": lambda f: whole(f) + UPLOAD + rec(200, b"x"),
    "values asked in the body": lambda f: whole(f) + UPLOAD + rec(9, b"\x0e\x00FCGI_MAX_CONNS", 0),
    "values asked with a lie": lambda f: rec(9, b"\xff\xff\xff\xff\xff\xff\xff\xffx", 0),
    "an answer": lambda f: rec(6, b"x") + rec(3, b"x" * 8),
    "a short beginning": lambda f: rec(BEGIN, b"\0\1"),
    "a long beginning": lambda f: rec(BEGIN, b"\0\1" + b"x" * 60_000),
    "an unknown role": lambda f: begin(role=77) + whole(f)[16:],
    "names that lie": lambda f: begin() + rec(PARAMS, b"\xff\xff\xff\xff\xff\xff\xff\xffab") + rec(PARAMS),
    "names that overflow": lambda f: begin() + rec(PARAMS, b"\xff\xff\xff\xff\x80\x00\x00\x01" + b"a" * 60_000) + rec(PARAMS),
    "half a length": lambda f: begin() + rec(PARAMS, b"\x80\x00") + rec(PARAMS),
    "a record shorter than it says": lambda f: whole(f) + rec(STDIN, GOOD, length=65535),
    "padding that is not there": lambda f: whole(f) + rec(STDIN, GOOD, padding=255),
    "the body of another request": lambda f: whole(f) + rec(STDIN, GOOD, 2) + rec(STDIN, b"", 2),
    "HTTP": lambda f: b"POST /api/v1/jobs HTTP/1.1\r\nHost: x\r\n\r\n" + GOOD,
    "TLS": lambda f: b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"x" * 500,
}
if not INSTRUMENTED:    # libfcgi leaks 48 bytes for each of these
    STREAMS["an unknown kind"] = lambda f: rec(99, b"x", 0) + begin()


def send_raw(front, content):
    """Send, end the sending side, and read what comes until the front end closes."""
    with socket.socket(socket.AF_UNIX) as peer:
        peer.settimeout(30)
        peer.connect(front.socket)
        try:
            peer.sendall(content)
            peer.shutdown(socket.SHUT_WR)
            answer = b""
            while piece := peer.recv(65536):
                answer += piece
            return answer
        except (ConnectionResetError, BrokenPipeError):
            return b""


@pytest.mark.parametrize("name", STREAMS)
def test_records_out_of_order(front, name):
    assert b"Status: 2" not in send_raw(front, STREAMS[name](front))


def test_records_of_other_requests_within_one(front):
    """They are passed over: what came of its own is whole, here with a fault in it."""
    other = rec(STDIN, b"x" * 100, 2) + rec(PARAMS, b"x", 3)
    sent = whole(front).replace(str(len(GOOD)).encode(), str(len(GOOD) - 1).zfill(len(str(len(GOOD)))).encode())
    answer = send_raw(front, sent + other + rec(STDIN, GOOD[:5]) + other + rec(STDIN, GOOD[5:-1]) + rec(STDIN))
    assert b"Status: 400" in answer


def test_noise(front):
    chosen = random.Random(2)
    for n in range(300):
        noise = bytearray(whole(front) + UPLOAD[:-1])
        for _ in range(chosen.randrange(1, 8)):
            noise[chosen.randrange(len(noise))] = chosen.randrange(256)
        send_raw(front, bytes(noise if n % 3 else chosen.randbytes(chosen.randrange(3000))))


def test_peers_that_say_nothing_do_not_hold_the_workers(front):
    silent = [fcgi_client.Connection(front.socket) for _ in range(3 * WORKERS)]
    half = [fcgi_client.Connection(front.socket) for _ in range(WORKERS)]
    for connection in half:
        connection.socket.sendall(begin()[:9])
    assert front.get("/healthz").status == 200
    for connection in silent + half:
        connection.close()
