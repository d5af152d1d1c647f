# SPDX-License-Identifier: ISC
"""Bodies through each web server: their limits, chunked ones, slow and broken ones, and long answers."""
import json
import random
import socket

import pytest

from front_end import DESCRIPTION, lots, order
from harness.web_servers import WEB_SERVERS
from web import JOBS, MAX_BODY, content, house, small, web  # noqa: F401

pytestmark = pytest.mark.web

JSON = {"Content-Type": "application/json"}
LARGEST = 64 << 20
WORKERS = 2
ALL = pytest.mark.parametrize("name", list(WEB_SERVERS))


def even(_n):
    """A text that compresses well."""
    return "x" * 3900


def uneven(n):
    """A text that hardly compresses."""
    return random.Random(n).randbytes(1950).hex()


def large(name, text=even):
    """An order of several MiB whose lots have their own descriptions, which the result then holds."""
    own = [{"id": str(n), "description": {**DESCRIPTION, "description": text(n)}} for n in range(1300)]
    body = json.dumps({"name": name, "languages": ["fr"], "lots": own}).encode()
    assert 5 << 20 < len(body) < MAX_BODY
    return body


def pieces(body, size):
    return (body[i:i + size] for i in range(0, len(body), size))


def count(web):  # noqa: F811
    return web.stack.sql("SELECT COUNT(*) AS n FROM job")[0]["n"]


def is_too_large(answer):
    assert answer.status == 413, answer
    assert answer.headers["content-type"] == "application/problem+json"


def test_an_order_of_several_mib_is_taken(web):  # noqa: F811
    answer = web.order(large(web.name), headers=JSON)
    assert (answer.status, answer.json()["progress"]["lots"]) == (202, 1300)


@pytest.mark.parametrize("size", [1, 61, 8000])
def test_a_body_of_unannounced_length_is_taken(web, size):  # noqa: F811
    body = json.dumps(order(20, name=f"{web.name} {size}")).encode()
    answer = web.order(pieces(body, size), headers=JSON)
    assert (answer.status, answer.json()["progress"]["lots"]) == (202, 20)


def test_a_large_body_of_unannounced_length_is_taken(web):  # noqa: F811
    answer = web.order(pieces(large(f"{web.name} chunked"), 65536), headers=JSON)
    assert (answer.status, answer.json()["progress"]["lots"]) == (202, 1300)


def test_a_body_over_the_limit_is_413(web):  # noqa: F811
    is_too_large(web.order(b" " * (MAX_BODY + 1), headers=JSON))
    is_too_large(web.order(b" " * (2 * MAX_BODY), headers=JSON))
    assert web.order(b" " * MAX_BODY, headers=JSON).status == 400


def test_a_body_of_unannounced_length_over_the_limit_is_413(web):  # noqa: F811
    is_too_large(web.order(pieces(b" " * (MAX_BODY + 1), 65536), headers=JSON))
    is_too_large(web.order(pieces(b" " * (2 * MAX_BODY), 65536), headers=JSON))


def test_a_body_that_is_announced_is_asked_for(web):  # noqa: F811
    body = json.dumps(order(1, name=f"{web.name} expects")).encode()
    upload = web.upload(JOBS, f"Content-Length: {len(body)}", "Expect: 100-continue")
    assert upload.socket.recv(12) == b"HTTP/1.1 100"
    while upload.socket.recv(1) != b"\n" or upload.socket.recv(2) != b"\r\n":
        pass
    upload.send(body)
    assert upload.answer().status == 202


def test_what_is_cut_off_is_not_stored(web):  # noqa: F811
    body = json.dumps(order(1, name=f"{web.name} cut")).encode()
    before = count(web)
    short = web.upload(JOBS, f"Content-Length: {len(body) + 1}")
    short.send(body)
    assert b" 202 " not in short.break_off()
    for last in (b"", b"0"):
        endless = web.upload(JOBS, "Transfer-Encoding: chunked")
        endless.send_chunk(body)
        endless.send(last)
        assert b" 202 " not in endless.break_off()
    half = web.upload(JOBS, f"Content-Length: {2 * len(body)}")
    half.send(body)
    half.socket.close()
    # The front end looks at an upload in the order in which it came.
    assert web.take(order(1, name=f"{web.name} whole"))
    assert count(web) == before + 1


def test_a_slow_upload_is_taken_and_others_go_on_meanwhile(web):  # noqa: F811
    body = json.dumps(order(20, name=f"{web.name} slow")).encode()
    slow = web.upload(JOBS, f"Content-Length: {len(body)}")
    chunked = web.upload(JOBS, "Transfer-Encoding: chunked")
    for part in pieces(body, len(body) // 8 + 1):
        slow.send(part)
        chunked.send_chunk(part.replace(b"slow", b"late"))
        assert web.get("/readyz").status == 200
    chunked.send_chunk(b"")
    answers = [slow.answer(), chunked.answer()]
    assert [answer.status for answer in answers] == [202, 202]
    assert len({answer.json()["job_id"] for answer in answers}) == 2


@pytest.fixture(scope="module")
def roomy():
    """An installation with the limit that it has by default, and few workers."""
    with house("web-roomy", {"http": {"workers": WORKERS}}, standin=False) as made:
        yield made


@ALL
def test_the_largest_order_passes_and_what_is_larger_is_refused_by_the_front_end(roomy, name):
    web = roomy.add(name).wait_ready()  # noqa: F811
    spaces = web.order(b" " * LARGEST, headers=JSON)
    assert (spaces.status, spaces.headers["content-type"]) == (400, "application/problem+json")
    is_too_large(web.order(b" " * (LARGEST + 1), headers=JSON))


@pytest.mark.parametrize("name", [name for name in WEB_SERVERS if name != "apache-proxy-fcgi"])
def test_slow_uploads_hold_no_worker(roomy, name):
    """All but mod_proxy_fcgi gather the body first."""
    web = roomy.add(name).wait_ready()  # noqa: F811
    body = json.dumps(order(20, name=name)).encode()
    slow = [web.upload(JOBS, f"Content-Length: {len(body)}") for _ in range(2 * WORKERS)]
    for n, upload in enumerate(slow):
        upload.send(body.replace(name.encode(), f"{n}{name[1:]}".encode())[:-1])
    assert web.get("/readyz").status == 200
    for upload in slow:
        upload.send(body[-1:])
    assert {upload.answer().status for upload in slow} == {202}


@ALL
def test_slow_readers_leave_room_for_others(roomy, name):
    web = roomy.add(name).wait_ready()  # noqa: F811
    job = web.order(large(f"{name} slowly read", uneven), headers=JSON).json()["job_id"]
    readers = []
    for _ in range(2 * WORKERS):
        reader = socket.socket()
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        reader.settimeout(20)  # the front end gives up a reader that stands still after 30 s
        reader.connect(("127.0.0.1", web.server.port))
        reader.sendall(f"GET {JOBS}/{job}?download=1 HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        readers.append(reader)
    for reader in readers:
        assert reader.recv(16, socket.MSG_WAITALL)[9:12] in (b"200", b"503")
    assert web.get(f"{JOBS}/{job}/status").status == 200
    for reader in readers:
        reader.close()


@pytest.fixture(scope="module")
def jobs(small):  # noqa: F811
    """Jobs with results of several MiB: one that compresses well, one that does not."""
    made = small.add("lighttpd")
    return [made.order(large("", text=text), headers=JSON).json()["job_id"] for text in (even, uneven)]


@pytest.mark.parametrize("query", ["?download=1", "?limit=1000", ""])
def test_long_answers_are_the_same_through_all(small, web, jobs, query):  # noqa: F811
    for job in jobs:
        expected = small.reference(f"{JOBS}/{job}{query}")
        assert len(expected) > 3 << 20
        for coding in ("identity", "gzip"):
            answer = web.get(f"{JOBS}/{job}{query}", Accept_Encoding=coding)
            assert answer.status == 200
            assert content(answer) == expected
