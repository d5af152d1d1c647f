# SPDX-License-Identifier: ISC
"""What web servers make of a program behind them that is not as it should be: one that dies in the middle of an
answer, that goes on slowly, whose headers could be orders to the server; and what they tell it of the request."""
import http.client
import socket
import zlib
from pathlib import Path

import pytest

from web import JOBS, Web
from fcgi_server import HALF
from harness.process import Process, socket_path
from harness.stack import temporary_work
from harness.web_servers import WEB_SERVERS

pytestmark = pytest.mark.web

PROGRAM = Path(__file__).with_name("fcgi_server.py")


@pytest.fixture(scope="module")
def webs():
    """All web servers, started when asked for, before the odd program."""
    work = temporary_work("web-answers")
    program, made = Process("fcgi_server", [PROGRAM], work / "program.log"), {}
    path = socket_path(work, "sock")

    def add(name):
        if name not in made:
            made[name] = Web(WEB_SERVERS[name](work / name, work / f"{name}.log", path, PROGRAM,
                                               work / "none.conf").start(), None)
        return made[name]

    with socket.socket(socket.AF_UNIX) as program.stdin:
        program.stdin.bind(path)
        program.stdin.listen(64)
        with program:
            yield add
            for web in made.values():
                web.server.stop()


@pytest.fixture(params=list(WEB_SERVERS))
def web(request, webs):
    return webs(request.param)


def test_the_program_is_told_what_it_needs_and_no_more(web):
    told = web.ask("POST", f"{JOBS}/variables?x=%2F&y", b"{}", "lot_key", {
        "Content-Type": "application/json", "Prefer": "wait=3", "Idempotency-Key": "k", "If-None-Match": '"1"',
        "Proxy": "http://other/"}).json()
    assert {name: told[name] for name in (
        "REQUEST_METHOD", "REQUEST_URI", "CONTENT_TYPE", "CONTENT_LENGTH", "HTTP_AUTHORIZATION", "HTTP_PREFER",
        "HTTP_IDEMPOTENCY_KEY", "HTTP_IF_NONE_MATCH", "body")} == {
            "REQUEST_METHOD": "POST", "REQUEST_URI": f"{JOBS}/variables?x=%2F&y", "CONTENT_TYPE": "application/json",
            "CONTENT_LENGTH": "2", "HTTP_AUTHORIZATION": "Bearer lot_key", "HTTP_PREFER": "wait=3",
            "HTTP_IDEMPOTENCY_KEY": "k", "HTTP_IF_NONE_MATCH": '"1"', "body": 2}
    assert not told.get("HTTP_PROXY")
    assert web.name.split("-")[0] in told["SERVER_SOFTWARE"].lower()


def test_a_header_of_the_program_opens_no_file(web):
    answer = web.get(f"{JOBS}/orders")
    assert (answer.status, answer.body) == (200, b"the program's own")


def is_noticed(web, target, coding):
    """The client can tell that the answer is not whole."""
    try:
        answer = web.get(f"{JOBS}/{target}", Accept_Encoding=coding)
    except (http.client.IncompleteRead, ConnectionResetError, http.client.RemoteDisconnected):
        return True
    unpacked = zlib.decompressobj(31)
    if answer.headers.get("content-encoding") == "gzip":
        unpacked.decompress(answer.body)
        return not unpacked.eof
    return answer.status >= 500


@pytest.mark.parametrize("coding", ["identity", "gzip"])
@pytest.mark.parametrize("target", ["cut?download=1", "cut?format=csv", "cut-announced?download=1"])
@pytest.mark.parametrize("name", ["lighttpd", "nginx", "apache-proxy-fcgi"])
def test_a_download_that_is_broken_off_does_not_pass_for_whole(webs, name, target, coding):
    assert is_noticed(webs(name), target, coding)


def test_a_broken_off_answer_of_known_length_does_not_pass_for_whole(web):
    assert is_noticed(web, "cut-announced", "identity")


@pytest.mark.parametrize("coding", ["identity", "gzip"])
def test_a_download_comes_as_it_is_made(web, coding, tmp_path):
    go_on = tmp_path / "go-on"
    connection = http.client.HTTPConnection("127.0.0.1", web.server.port, timeout=60)
    connection.request("GET", f"{JOBS}/held?download=1", headers={"X-Wait-For": str(go_on), "Accept-Encoding": coding})
    answer = connection.getresponse()
    body = answer.read(1000)
    assert (answer.status, len(body)) == (200, 1000)
    go_on.touch()
    body += answer.read()
    connection.close()
    if answer.headers["Content-Encoding"] == "gzip":
        body = zlib.decompress(body, 31)
    assert body == 2 * HALF
