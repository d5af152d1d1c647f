# SPDX-License-Identifier: ISC
"""A loopback HTTP server that answers as scripted, for the tests of the polling client.

Each path has a list of answers, given one after the other; the last one repeats. An answer is a Reply, or a function of
the request's headers that returns one.
"""
import json
import socket
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Callable, Dict, List, Optional, Tuple, Union

JOB = "365a09ce-0f2b-4d64-9d3a-0c7d1f7a6f10"
STATUS = f"/api/v1/jobs/{JOB}/status"
DOWNLOAD = f"/api/v1/jobs/{JOB}?download=1"


@dataclass
class Reply:
    """One answer. `declared` is a Content-Length that differs from the body's; `hang` never answers;
    `half` and `go`: after half of the body `half` is set and `go` is waited for."""
    status: int = 200
    body: bytes = b""
    headers: Dict[str, str] = field(default_factory=dict)
    declared: Optional[int] = None
    hang: bool = False
    half: Optional[threading.Event] = None
    go: Optional[threading.Event] = None


Script = Union[Reply, Callable[[Dict[str, str]], Reply]]


def reply(value: Any, status: int = 200, **headers: str) -> Reply:
    """A JSON answer; header names are given with underscores."""
    kind = "application/json" if status < 400 else "application/problem+json"
    return Reply(status, json.dumps(value).encode(),
                 {"Content-Type": kind, **{name.replace("_", "-"): text for name, text in headers.items()}})


def job_status(status: str = "translating", outcome: Optional[str] = None, described: int = 2, translated: int = 0,
               failed: int = 0, **more: Any) -> Dict[str, Any]:
    """A status object of a job of two lots in English and French."""
    done = described + translated + failed
    return {"job_id": JOB, "name": "Sale 1204", "status": status, "outcome": outcome,
            "progress": {"percent": 100 * done // 4, "lots": 2, "described": described, "translations": 2,
                         "translated": translated, "failed": failed},
            "languages": {"en": {"done": described, "total": 2}, "fr": {"done": translated, "total": 2}},
            "created_at": "2026-03-01T10:00:00Z", "updated_at": "2026-03-01T10:05:00Z",
            "deadline_at": "2026-03-01T16:00:00Z", "completed_at": None, "waiting_for": None, "warnings": [],
            "cost": {"currency": "USD", "amount": "0.0123", "wasted": "0.0000", "input_tokens": 1,
                     "output_tokens": 1},
            "links": {}, **more}


RESULT = {**job_status("completed", "full", translated=2), "lots": [
    {"id": "1", "title": "Théière", "descriptions": {"en": {"value": {"title": "Teapot"}}}, "errors": []}]}


class FakeServer:
    """Use as a context manager; `seen` lists (path, headers) of all requests."""

    def __init__(self, **scripts: List[Script]) -> None:
        self.scripts: Dict[str, List[Script]] = {}
        self.seen: List[Tuple[str, Dict[str, str]]] = []
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._port = 0
        self._server: Optional[ThreadingHTTPServer] = None
        self.scripts[STATUS] = scripts.get("status", [])
        self.scripts[DOWNLOAD] = scripts.get("download", [])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def count(self, path: str) -> int:
        with self._lock:
            return sum(1 for seen, _ in self.seen if seen == path)

    def listen(self) -> None:
        """Start to listen; again on the same port after close()."""
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.answer(self)

            def log_message(self, *_args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), Handler)
        self._server.daemon_threads = True
        self._port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        """Stop listening: connections are refused from now on."""
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        headers = {name.lower(): value for name, value in handler.headers.items()}
        with self._lock:
            self.seen.append((handler.path, headers))
            script = self.scripts.get(handler.path) or [Reply(404)]
            step = script.pop(0) if len(script) > 1 else script[0]
        answer = step if isinstance(step, Reply) else step(headers)
        if answer.hang:
            self._stop.wait(60)
            return
        handler.send_response(answer.status)
        for name, value in answer.headers.items():
            handler.send_header(name, value)
        if answer.status != 304:
            declared = len(answer.body) if answer.declared is None else answer.declared
            handler.send_header("Content-Length", str(declared))
        handler.end_headers()
        self._send(handler, answer)

    def _send(self, handler: BaseHTTPRequestHandler, answer: Reply) -> None:
        body = answer.body
        if answer.half and answer.go:
            handler.wfile.write(body[:len(body) // 2])
            handler.wfile.flush()
            body = body[len(body) // 2:]
            answer.half.set()
            answer.go.wait(60)
        handler.wfile.write(body)
        if answer.declared is not None:
            handler.wfile.flush()
            handler.connection.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> "FakeServer":
        self.listen()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._stop.set()
        self.close()
