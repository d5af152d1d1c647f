# SPDX-License-Identifier: ISC
"""FastCGI, spoken to the front end's socket without a web server between.

Owns: the framing of one request a connection, in full control of what is sent: a body without
CONTENT_LENGTH, one that is cut off, one that stalls. Whole answers are checked against the API's description.
"""
import json
import socket
import struct
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Iterable, List, Mapping, Optional, Tuple

sys.path[:0] = [str(Path(__file__).resolve().parents[1])]

from harness import api_check  # noqa: E402
from harness.stack import base_path_of  # noqa: E402

BEGIN, ABORT, END, PARAMS, STDIN, STDOUT, STDERR = 1, 2, 3, 4, 5, 6, 7
RESPONDER = 1
MOST = 65535
MOST_KEPT = 4 << 20     # of what was sent, for the check


@dataclass
class Answer:
    """What came back. Header names are lower case; `complete` tells whether the request was ended."""
    status: int
    headers: Mapping[str, str]
    body: bytes
    complete: bool

    def json(self) -> Any:
        return json.loads(self.body)


def record(kind: int, content: bytes) -> bytes:
    """One record of request 1, without padding."""
    return struct.pack(">BBHHBB", 1, kind, 1, len(content), 0, 0) + content


def stream(kind: int, content: bytes, end: bool = True) -> bytes:
    """Content as records of a stream, with the empty one that ends it."""
    parts = [record(kind, content[i:i + MOST]) for i in range(0, len(content), MOST)]
    return b"".join(parts) + (record(kind, b"") if end else b"")


def _length(n: int) -> bytes:
    return struct.pack(">B", n) if n < 128 else struct.pack(">I", n | 0x80000000)


def encode_params(params: Mapping[str, str]) -> bytes:
    out = []
    for name, value in params.items():
        key, text = name.encode(), value.encode("utf-8", "surrogateescape")
        out.append(_length(len(key)) + _length(len(text)) + key + text)
    return b"".join(out)


class Connection:
    """One connection, one request."""

    def __init__(self, where: str, timeout: float = 30) -> None:
        """To a Unix socket's path or HOST:PORT."""
        self.path = where
        self.params: Mapping[str, str] = {}
        self.sent: Optional[bytes] = b""
        host, _, port = where.rpartition(":")
        self.socket = socket.socket(socket.AF_UNIX if where.startswith("/") else socket.AF_INET)
        self.socket.settimeout(timeout)
        self.socket.connect(where if where.startswith("/") else (host, int(port)))

    def begin(self, params: Mapping[str, str], keep: bool = False) -> "Connection":
        """BEGIN_REQUEST and all parameters. keep: ask to leave the connection open after the answer."""
        self.params = params
        self.socket.sendall(record(BEGIN, struct.pack(">HB5x", RESPONDER, int(keep))) +
                            stream(PARAMS, encode_params(params)))
        return self

    def send(self, body: bytes, end: bool = True) -> "Connection":
        """A part of the body; the last one by default."""
        if self.sent is not None:
            self.sent = self.sent + body if len(self.sent) + len(body) <= MOST_KEPT else None
        self.socket.sendall(stream(STDIN, body, end))
        return self

    def close(self) -> None:
        self.socket.close()

    def answer(self) -> Answer:
        """Read until the request ends or the connection does, and close."""
        parts, complete = [], False
        try:
            for kind, content in self._records():
                if kind == STDOUT:
                    parts.append(content)
                elif kind == END:
                    complete = True
        finally:
            self.close()
        answer = _parse(b"".join(parts), complete)
        if complete and answer.status:
            api_check.observe(self.params["REQUEST_METHOD"], self.params["REQUEST_URI"], self.sent, answer.status,
                              answer.headers, answer.body, base_path_of(self.path))
        return answer

    def _records(self) -> Iterable[Tuple[int, bytes]]:
        while True:
            head = self._read(8)
            if len(head) < 8:
                return
            _version, kind, _id, n, padding, _reserved = struct.unpack(">BBHHBB", head)
            content = self._read(n)
            self._read(padding)
            yield kind, content

    def _read(self, n: int) -> bytes:
        parts: List[bytes] = []
        while n > 0:
            try:
                part = self.socket.recv(n)
            except ConnectionResetError:
                break
            if not part:
                break
            parts.append(part)
            n -= len(part)
        return b"".join(parts)


def _parse(out: bytes, complete: bool) -> Answer:
    head, _, body = out.partition(b"\r\n\r\n")
    headers: Dict[str, str] = {}
    for line in head.decode().split("\r\n"):
        name, _, value = line.partition(": ")
        headers[name.lower()] = value
    status = int(headers.pop("status", "0").split()[0])
    return Answer(status, headers, body, complete)


def params_of(method: str, uri: str, body: Optional[bytes] = None, headers: Optional[Dict[str, str]] = None,
              announce: Optional[str] = "") -> Dict[str, str]:
    """The variables that a web server sends. announce: CONTENT_LENGTH; "" = the body's, None = none."""
    path, _, query = uri.partition("?")
    params = {"REQUEST_METHOD": method, "REQUEST_URI": uri, "SCRIPT_NAME": path, "QUERY_STRING": query,
              "SERVER_PROTOCOL": "HTTP/1.1", "GATEWAY_INTERFACE": "CGI/1.1", "SERVER_SOFTWARE": "test"}
    for name, value in (headers or {}).items():
        key = name.upper().replace("-", "_")
        params[key if key == "CONTENT_TYPE" else f"HTTP_{key}"] = value
    if announce == "":
        announce = str(len(body)) if body is not None else None
    if announce is not None:
        params["CONTENT_LENGTH"] = announce
    return params


def request(path: str, method: str, uri: str, body: Optional[bytes] = None,
            headers: Optional[Dict[str, str]] = None, announce: Optional[str] = "",
            timeout: float = 30) -> Answer:
    """One whole request to the socket `path`."""
    connection = Connection(path, timeout)
    connection.begin(params_of(method, uri, body, headers, announce))
    connection.send(body or b"")
    return connection.answer()
