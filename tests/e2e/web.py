# SPDX-License-Identifier: ISC
"""What the tests of the web servers share: one installation behind all of them.

Owns: `House`, an installation with a lighttpd, an nginx and two Apaches in front of it, and `Web`, what a client
sees of one of them. mod_fcgid's front ends are its own children, the others share one on a socket that is held for
it, as by systemd; all have one database.
"""
import contextlib
import gzip
import http.client
import json
import socket
import sys
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Sequence

import pytest

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[1])]

import fcgi_client  # noqa: E402
from harness import api_check  # noqa: E402
from harness import config as conf  # noqa: E402
from harness.process import wait_until  # noqa: E402
from harness.shared import shared_mariadb  # noqa: E402
from harness.stack import ActivatedFrontEnd, Answer, Stack, default_build, find_program, temporary_work  # noqa: E402
from harness.web_servers import WEB_SERVERS, WebServer  # noqa: E402

JOBS = "/api/v1/jobs"
MAX_BODY = 6 << 20
FCGID: conf.Config = {"http": {"workers": 1, "max_waiting": 0}}


class Web:
    """One web server, as its clients see it."""

    def __init__(self, server: WebServer, stack: Optional[Stack]) -> None:
        self.server = server
        self.stack = stack
        self.name = server.name
        self.key = stack.key if stack else ""
        self.base = self.api_base = server.base_path

    def wait_ready(self) -> "Web":
        wait_until(lambda: self.get("/readyz").status == 200, 30, f"{self.name} to serve", alive=[self.server])
        return self

    def ask(self, method: str, target: str, body: Any = None, key: Optional[str] = None,
            headers: Optional[Dict[str, str]] = None) -> Answer:
        """One request below the base path; a body that is neither bytes nor an iterator is sent as JSON."""
        sent = dict(headers or {})
        if key:
            sent.setdefault("Authorization", f"Bearer {key}")
        if isinstance(body, dict):
            body = json.dumps(body).encode()
            sent.setdefault("Content-Type", "application/json")
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60)
        try:
            connection.request(method, self.base + target, body, sent)
            answer = connection.getresponse()
            found = Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        finally:
            connection.close()
        if "x-robots-tag" in found.headers:  # else it is not ours: the host's own site, the server's own error
            api_check.observe(method, self.base + target, body if isinstance(body, bytes) else None, found.status,
                              found.headers, found.body, self.api_base)
        return found

    def get(self, target: str, **headers: str) -> Answer:
        return self.ask("GET", target, headers={k.replace("_", "-"): v for k, v in headers.items()})

    def upload(self, target: str, *headers: str) -> "Upload":
        """The head of a POST with the key, sent; the body is the caller's."""
        return Upload(self, target, headers)

    def order(self, document: Any, **how: Any) -> Answer:
        return self.ask("POST", JOBS, document, self.key, **how)

    def take(self, document: Any) -> str:
        """Order; the job's id."""
        answer = self.order(document)
        assert answer.status == 202, answer
        return answer.json()["job_id"]


class Upload:
    """A POST of which every byte is the test's: it may be slow, or be broken off."""

    def __init__(self, web: Web, target: str, headers: Sequence[str]) -> None:
        self.socket = socket.create_connection(("127.0.0.1", web.server.port), timeout=60)
        head = [f"POST {web.base}{target} HTTP/1.1", "Host: localhost", f"Authorization: Bearer {web.key}",
                "Content-Type: application/json", "Connection: close", *headers]
        self.send("\r\n".join(head).encode() + b"\r\n\r\n")

    def send(self, part: bytes) -> None:
        self.socket.sendall(part)

    def send_chunk(self, part: bytes) -> None:
        """One chunk of a chunked body; an empty one ends it."""
        self.send(b"%x\r\n%s\r\n" % (len(part), part))

    def break_off(self) -> bytes:
        """Say no more, and return what the server still says."""
        self.socket.shutdown(socket.SHUT_WR)
        said = b""
        with contextlib.suppress(ConnectionResetError):
            while part := self.socket.recv(65536):
                said += part
        self.socket.close()
        return said

    def answer(self) -> Answer:
        answer = http.client.HTTPResponse(self.socket)
        answer.begin()
        try:
            return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        finally:
            self.socket.close()


def content(answer: Answer) -> bytes:
    """The body as the application sent it."""
    coding = answer.headers.get("content-encoding")
    assert coding in (None, "gzip")
    return gzip.decompress(answer.body) if coding else answer.body


class House:
    """An installation and its web servers."""

    def __init__(self, stack: Stack, own: conf.Config) -> None:
        self.stack = stack
        self.front_end = stack.add_front_end(own, kind=ActivatedFrontEnd)
        self.fcgid_config = stack.web_config("fcgid", conf.merged(own, FCGID))
        self.base_path = own.get("http", {}).get("base_path", "")
        self.webs: Dict[str, Web] = {}

    def add(self, name: str) -> Web:
        """Start this web server, once."""
        if name not in self.webs:
            made = WEB_SERVERS[name](self.stack.work / name, self.stack.logs / f"{name}.log", self.front_end.socket,
                                     find_program(self.stack.build, "lotscribe.fcgi"), self.fcgid_config,
                                     self.base_path)
            self.webs[name] = Web(made.start(), self.stack)
        return self.webs[name]

    def all(self) -> List[Web]:
        """All web servers, serving."""
        made = [self.add(name) for name in WEB_SERVERS]
        for web in made:
            web.wait_ready()
        return made

    def reference(self, target: str) -> bytes:
        """The body of this answer as the front end sends it."""
        answer = fcgi_client.request(self.front_end.socket, "GET", target)
        assert answer.status == 200 and answer.complete
        return answer.body

    def stop(self) -> None:
        for web in self.webs.values():
            web.server.stop()


@contextlib.contextmanager
def house(name: str, own: Optional[conf.Config] = None, **how: Any) -> Iterator[House]:
    """An installation whose web servers start when they are asked for. own: configuration of the front ends behind
    these; how: the stack's."""
    with Stack(default_build(), temporary_work(name), shared_mariadb(), **how) as stack:
        made = House(stack, own or {})
        try:
            yield made
        finally:
            made.stop()


@pytest.fixture(scope="module")
def small() -> Iterator[House]:
    """One with a low limit for bodies, without batchd and provider."""
    with house("web", {"job": {"max_body": MAX_BODY}}, standin=False) as made:
        yield made


@pytest.fixture(params=list(WEB_SERVERS))
def web(request: pytest.FixtureRequest, small: House) -> Web:
    """Each web server in turn."""
    return small.add(request.param).wait_ready()
