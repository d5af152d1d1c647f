# SPDX-License-Identifier: ISC
"""A plain client of OpenAI's API for the tests of the stand-in: no retries, raw answers.

Owns: making requests, files and batches; waiting through the stand-in's control calls.
Does not: judge answers; tests do.
"""
import http.client
import json
from dataclasses import dataclass
from typing import Any, Dict, Iterable, List, Mapping, Optional
from urllib.parse import quote, urlencode

CHAT = "/v1/chat/completions"
SCHEMA = {
    "type": "object", "additionalProperties": False,
    "required": ["title", "description", "period", "materials"],
    "properties": {"title": {"type": "string"}, "description": {"type": "string"},
                   "period": {"type": ["string", "null"]},
                   "materials": {"type": "array", "items": {"type": "string"}}}}


@dataclass
class Answer:
    """An HTTP answer. Header names are lower case."""
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> Dict[str, Any]:
        return self.json()["error"]


def body(text: str = "Title: Teapot", image: Optional[str] = None, **more: Any) -> Dict[str, Any]:
    """A chat completion that asks for a catalogue entry."""
    content: List[Dict[str, Any]] = [{"type": "text", "text": text}]
    if image:
        content.append({"type": "image_url", "image_url": {"url": image}})
    return {"model": "gpt-5-mini",
            "messages": [{"role": "developer", "content": "You are a cataloguer."},
                         {"role": "user", "content": content}],
            "response_format": {"type": "json_schema",
                                "json_schema": {"name": "lot", "strict": True, "schema": SCHEMA}},
            **more}


def translation(entry: Dict[str, Any], language: str = "French (fr)") -> Dict[str, Any]:
    """A chat completion that asks for a translation of an entry."""
    return body(f"Translate into: {language}\nDescription:\n{json.dumps(entry)}")


def line(custom_id: str, request: Optional[Dict[str, Any]] = None, url: str = CHAT) -> Dict[str, Any]:
    return {"custom_id": custom_id, "method": "POST", "url": url, "body": request or body()}


def lines(count: int, request: Optional[Dict[str, Any]] = None) -> List[Dict[str, Any]]:
    return [line(f"{n}-1-aa", request) for n in range(1, count + 1)]


def jsonl(entries: Iterable[Any]) -> bytes:
    return b"".join(json.dumps(e).encode() + b"\n" for e in entries)


def ids(results):
    return sorted(r["custom_id"] for r in results)


def text_of(result):
    return result["response"]["body"]["choices"][0]["message"]["content"]


class Api:
    """One connection for each call, so that faults of one call do not touch the next."""

    def __init__(self, port: int, key: str = "sk-standin") -> None:
        self.port = port
        self.key = key

    def call(self, method: str, path: str, value: Any = None, data: Any = None,
             headers: Optional[Dict[str, str]] = None, timeout: float = 30) -> Answer:
        """Raises http.client or OS errors where the answer does not come or is cut."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            if value is not None:
                data = json.dumps(value).encode()
            connection.request(method, path, data,
                               {"Authorization": f"Bearer {self.key}",
                                "Content-Type": "application/json", **(headers or {})})
            answer = connection.getresponse()
            return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def ok(self, method: str, path: str, value: Any = None, **options: Any) -> Any:
        answer = self.call(method, path, value, **options)
        assert answer.status == 200, (method, path, answer.status, answer.body[:500])
        return answer.json()

    def upload_raw(self, content: bytes, filename: str = "in.jsonl",
                   fields: Optional[Dict[str, str]] = None) -> Answer:
        fields = {"purpose": "batch"} if fields is None else fields
        mark = "----------------boundary7f3c"
        head = f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="{filename}"\r\n' \
               "Content-Type: application/octet-stream\r\n\r\n"
        tail = "".join(f'\r\n--{mark}\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}'
                       for k, v in fields.items()) + f"\r\n--{mark}--\r\n"
        return self.call("POST", "/v1/files", data=head.encode() + content + tail.encode(),
                         headers={"Content-Type": f"multipart/form-data; boundary={mark}"})

    def upload(self, entries: Iterable[Any], filename: str = "in.jsonl") -> str:
        answer = self.upload_raw(jsonl(entries), filename)
        assert answer.status == 200, answer.body
        return answer.json()["id"]

    def create_raw(self, file_id: str, **more: Any) -> Answer:
        return self.call("POST", "/v1/batches", {"input_file_id": file_id, "endpoint": CHAT,
                                                 "completion_window": "24h", **more})

    def create(self, entries: Iterable[Any], **more: Any) -> str:
        """Upload and create; returns the batch's id."""
        answer = self.create_raw(self.upload(entries), **more)
        assert answer.status == 200, answer.body
        return answer.json()["id"]

    def batch(self, batch_id: str) -> Dict[str, Any]:
        return self.ok("GET", f"/v1/batches/{batch_id}")

    def ended(self, batch_id: str, status: str = "completed") -> Dict[str, Any]:
        """The batch, once it has this status."""
        self.wait(status=status, batch=batch_id)
        return self.batch(batch_id)

    def content(self, file_id: str) -> bytes:
        answer = self.call("GET", f"/v1/files/{file_id}/content")
        assert answer.status == 200, answer.body
        return answer.body

    def results(self, file_id: str) -> List[Dict[str, Any]]:
        return [json.loads(text) for text in self.content(file_id).splitlines()]

    def chat(self, request: Optional[Dict[str, Any]] = None, **options: Any) -> Answer:
        return self.call("POST", CHAT, request or body(), **options)

    # --- the stand-in's own calls

    def control(self, name: str, value: Any = None) -> Any:
        return self.ok("GET" if value is None else "POST", f"/_standin/{name}", value)

    def wait(self, **query: Any) -> Any:
        return self.control("wait?" + urlencode(query, quote_via=quote))

    def faults(self, *rules: Dict[str, Any]) -> None:
        self.control("faults", list(rules))

    def summary(self) -> Dict[str, Any]:
        return self.control("ledger?summary=1")
