# SPDX-License-Identifier: ISC
"""A provider for measuring: the calls of the Batch API that batchd makes, as fast as Python serves them.

Owns: files below a folder and batches in memory; it runs as threads of the bench. It checks nothing and executes
nothing: finish() writes a good answer for every line of a batch's input. What is right is tests/standin's business.
"""
import http.server
import json
import re
import socketserver
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple
from urllib.parse import parse_qs, urlsplit

CUSTOM_ID = re.compile(rb'"custom_id": ?"([^"]+)"')
MARK = b"CUSTOM-ID"


def answer_line(content: str) -> bytes:
    """A result line as the provider writes them; MARK stands where its custom_id goes."""
    body = {"id": "chatcmpl-b0a1c2d3e4f5a6b7c8d9e0f1", "object": "chat.completion", "created": 1764000000,
            "model": "gpt-5.5-2026-08-07",
            "choices": [{"index": 0, "message": {"role": "assistant", "content": content, "refusal": None,
                                                 "annotations": []}, "logprobs": None, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 611, "completion_tokens": 190, "total_tokens": 801,
                      "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
                      "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0,
                                                    "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0}},
            "service_tier": "default", "system_fingerprint": None}
    return json.dumps({"id": "batch_req_68f0c1d2e3f4a5b6c7d8e9f0", "custom_id": MARK.decode(),
                       "response": {"status_code": 200, "request_id": "b4c1d2e3f4a5b6c7d8e9f0a1b2c3d4e5",
                                    "body": body}, "error": None}).encode() + b"\n"


class Provider(socketserver.ThreadingMixIn, http.server.HTTPServer):
    """Listens on a free port of the loopback interface; a context manager."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.files: Dict[str, Path] = {}
        self.batches: List[Dict[str, Any]] = []  # oldest first
        self.place: Dict[str, int] = {}
        self.calls: Counter = Counter()
        self.uploads: List[Tuple[float, float, int]] = []  # when each began (UTC), its seconds and bytes
        self._thread = threading.Thread(target=self.serve_forever, daemon=True)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def __enter__(self) -> "Provider":
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.shutdown()
        self.server_close()

    def add_file(self, name: str) -> Tuple[str, Path]:
        """A new, empty file: its id and path."""
        file_id = f"file-{len(self.files):024d}"
        self.files[file_id] = self.folder / f"{file_id}-{Path(name).name}"
        return file_id, self.files[file_id]

    def add_batch(self, input_file_id: str, metadata: Dict[str, str], total: int = 0) -> Dict[str, Any]:
        """A batch in progress."""
        now = int(time.time())
        batch = {"id": f"batch_{len(self.batches):032d}", "object": "batch", "endpoint": "/v1/chat/completions",
                 "errors": None, "input_file_id": input_file_id, "completion_window": "24h", "status": "in_progress",
                 "output_file_id": None, "error_file_id": None, "created_at": now, "expires_at": now + 86400,
                 "in_progress_at": now, "request_counts": {"total": total, "completed": 0, "failed": 0},
                 "metadata": metadata}
        self.place[batch["id"]] = len(self.batches)
        self.batches.append(batch)
        return batch

    def finish(self, batch: Dict[str, Any], content: str) -> int:
        """Every line of the input has this answer; returns the bytes of the output file."""
        before, after = answer_line(content).split(MARK)
        file_id, path = self.add_file("output.jsonl")
        count = 0
        with open(self.files[batch["input_file_id"]], "rb") as source, open(path, "wb") as out:
            for line in source:
                out.write(before + CUSTOM_ID.search(line)[1] + after)
                count += 1
        batch["request_counts"] = {"total": count, "completed": count, "failed": 0}
        batch.update(output_file_id=file_id, status="completed", completed_at=int(time.time()))
        return path.stat().st_size


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Provider
    wbufsize = 1 << 16

    def log_message(self, *_args: Any) -> None:
        """The bench has its own words."""

    def answer(self, value: Any, status: int = 200) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def begin(self) -> List[str]:
        parts = urlsplit(self.path).path.split("/")[2:]
        self.server.calls[f"{self.command} {parts[0]}" + (" one" if len(parts) > 1 else "")] += 1
        return parts

    def do_GET(self) -> None:
        parts = self.begin()
        if parts == ["batches"]:
            self.answer(self.page())
        elif parts == ["files"]:
            self.answer({"object": "list", "data": [], "has_more": False})
        elif parts[0] == "batches":
            self.answer(self.server.batches[self.server.place[parts[1]]])
        elif len(parts) == 3:
            self.content(self.server.files[parts[1]])
        else:
            path = self.server.files[parts[1]]
            self.answer({"id": parts[1], "object": "file", "bytes": path.stat().st_size, "purpose": "batch_output",
                         "created_at": int(time.time()), "filename": path.name, "status": "processed"})

    def page(self) -> Dict[str, Any]:
        query = parse_qs(urlsplit(self.path).query)
        batches, limit = self.server.batches, int(query.get("limit", ["20"])[0])
        after = query.get("after")
        self.server.calls["first page"] += not after
        end = self.server.place[after[0]] if after else len(batches)
        data = batches[max(0, end - limit):end][::-1]
        return {"object": "list", "data": data, "first_id": data[0]["id"] if data else None,
                "last_id": data[-1]["id"] if data else None, "has_more": end - limit > 0}

    def content(self, path: Path) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(path.stat().st_size))
        self.end_headers()
        self.wfile.flush()
        with open(path, "rb") as f:
            self.connection.sendfile(f)

    def do_DELETE(self) -> None:
        self.answer({"id": self.begin()[1], "object": "file", "deleted": True})

    def do_POST(self) -> None:
        parts = self.begin()
        if parts == ["files"]:
            self.upload()
            return
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if parts == ["batches"]:
            self.answer(self.server.add_batch(body["input_file_id"], body["metadata"]))
        else:
            self.answer({"error": {"message": "not here", "type": "invalid_request_error"}}, 404)

    def upload(self) -> None:
        """Read the whole body first, which is what takes time; then find the file in it."""
        body = bytearray(int(self.headers["Content-Length"]))
        view, filled, began, started = memoryview(body), 0, time.time(), time.monotonic()
        while filled < len(body):
            filled += self.rfile.readinto1(view[filled:filled + (1 << 20)]) or _cut()
        self.server.uploads.append((began, time.monotonic() - started, len(body)))
        head = body.index(b'name="file"')
        start = body.index(b"\r\n\r\n", head) + 4
        boundary = b"\r\n--" + self.headers["Content-Type"].split("boundary=")[1].encode()
        file_id, path = self.server.add_file("input.jsonl")
        path.write_bytes(view[start:body.index(boundary, start)])
        self.answer({"id": file_id, "object": "file", "bytes": path.stat().st_size, "purpose": "batch",
                     "created_at": int(time.time()), "filename": path.name, "status": "processed"})


def _cut() -> Optional[int]:
    raise ConnectionError("the body was cut")
