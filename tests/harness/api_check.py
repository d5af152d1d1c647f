# SPDX-License-Identifier: ISC
"""Answers of the front end against api/openapi.json.

Owns: the question whether the document describes an answer, and the record of what was seen of it.
Promises: `check()` raises ApiFault for a status, header, media type or body that the document does not describe,
and for a request that was taken although the document forbids it. Whether each documented route is served is not asked
here: an address or method that the router does not know is answered as the document's x-elsewhere has it.
Does not: send anything. Errors that the web server makes itself are no answers of ours and are let through.

    python3 tests/harness/api_check.py --missing FOLDER    what the document has and no test of that run produced
"""
import argparse
import functools
import gzip
import hashlib
import json
import os
import re
import sys
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Optional, Set, Tuple

import jsonschema

__all__ = ["ApiFault", "Document", "check", "document", "observe"]

TOP = Path(__file__).resolve().parents[2]
METHODS = ("get", "head", "post", "put", "patch", "delete", "options", "trace")
# Of the connection and of the web server; OpenAPI describes Content-Type otherwise.
TRANSPORT = {"accept-ranges", "connection", "content-encoding", "content-length", "content-type", "date", "keep-alive",
             "server", "status", "transfer-encoding"}
# Every answer of ours has it, and no web server adds it.
OURS = "x-robots-tag"
PROBLEM = "application/problem+json"
ELSEWHERE = ("*", "*")
# Of longer arrays both ends are looked at; longer requests not at all.
MOST_ELEMENTS = 100
MOST_REQUEST_BYTES = 4 << 20

Operation = Tuple[str, str]     # method, path as the document writes it


class ApiFault(AssertionError):
    """An answer that api/openapi.json does not describe."""


class Document:
    """An OpenAPI document, asked about answers."""

    def __init__(self, path: Path) -> None:
        self.root: Dict[str, Any] = json.loads(path.read_text())
        self.operations: Dict[Operation, Any] = {
            (method.upper(), path): item[method]
            for path, item in self.root["paths"].items() for method in METHODS if method in item}
        self._patterns = [(re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path))), path)
                          for path in self.root["paths"]]
        self._validators: Dict[int, Any] = {}
        self._known: Set[Tuple[Any, ...]] = set()

    # -- looking up -----------------------------------------------------------------------------------

    def resolve(self, node: Any) -> Any:
        while "$ref" in node and node["$ref"].startswith("#/components/") and "/schemas/" not in node["$ref"]:
            node = functools.reduce(lambda at, key: at[key], node["$ref"][2:].split("/"), self.root)
        return node

    def path_of(self, path: str) -> Optional[str]:
        """The documented path that a path of a request fits."""
        return next((name for pattern, name in self._patterns if pattern.fullmatch(path)), None)

    def methods(self, path: str) -> Set[str]:
        return {method for method, name in self.operations if name == path}

    def responses(self, operation: Operation) -> Mapping[str, Any]:
        found = self.root["x-elsewhere"] if operation == ELSEWHERE else self.operations[operation]
        return {status: self.resolve(response) for status, response in found["responses"].items()}

    def codes(self) -> List[str]:
        return list(self.root["components"]["schemas"]["ProblemCode"]["enum"])

    def validator(self, schema: Any) -> Any:
        """For a schema that is a part of this document."""
        if id(schema) not in self._validators:
            resolver = jsonschema.RefResolver("", self.root)
            self._validators[id(schema)] = jsonschema.Draft202012Validator(schema, resolver=resolver)
        return self._validators[id(schema)]

    def fault(self, value: Any, schema: Any) -> Optional[str]:
        """What is wrong with a value, in words, or None."""
        errors = list(self.validator(schema).iter_errors(_thin(value)))
        # Where one key is wrong all count as not evaluated, which tells less.
        error = jsonschema.exceptions.best_match([e for e in errors if e.validator != "unevaluatedProperties"] or errors)
        if error is None:
            return None
        return f"/{'/'.join(map(str, error.absolute_path))}: {error.message[:600]}"

    # -- an answer ------------------------------------------------------------------------------------

    def operation_of(self, method: str, path: str, status: int, headers: Mapping[str, str], body: bytes) -> Operation:
        """What answered: an operation, or the router because it has none."""
        name = self.path_of(path)
        if name is None or (method, name) not in self.operations:
            return ELSEWHERE
        if status == 405 and method not in headers.get("allow", "").split(", "):
            return ELSEWHERE
        if status == 404 and b'"nothing is served here"' in body:
            return ELSEWHERE
        return method, name

    def faults(self, operation: Operation, method: str, status: int, headers: Mapping[str, str],
               body: bytes) -> Iterator[str]:
        response = self.responses(operation).get(str(status))
        if response is None:
            yield f"status {status} is not documented"
            return
        yield from self._header_faults(response, headers)
        content = response.get("content", {})
        kind = headers.get("content-type", "").split(";")[0].strip()
        if not content:
            if kind or body:
                yield f"a body is not documented: {kind} {body[:200]!r}"
        elif kind not in content:
            yield f"media type {kind!r} is not documented"
        elif method == "HEAD":
            if body:
                yield f"HEAD has a body: {body[:200]!r}"
        else:
            yield from self._body_faults(content[kind], kind, body)

    def _header_faults(self, response: Any, headers: Mapping[str, str]) -> Iterator[str]:
        known = {**self.root["x-everywhere"]["headers"], **response.get("headers", {})}
        documented = {name.lower(): self.resolve(header) for name, header in known.items()}
        for name, value in headers.items():
            if name not in documented:
                if name not in TRANSPORT:
                    yield f"header {name}: {value} is not documented"
                continue
            fault = self.fault(_typed(value, documented[name]["schema"]), documented[name]["schema"])
            if fault:
                yield f"header {name} {fault}"
        for name, header in documented.items():
            if header.get("required") and name not in headers:
                yield f"header {name} is missing"

    def _body_faults(self, media: Any, kind: str, body: bytes) -> Iterator[str]:
        seen = (id(media), hashlib.sha256(body).digest())
        if seen in self._known:
            return
        try:
            text = body.decode()
            value = json.loads(text) if kind.endswith("json") and "x-line" not in media else text
            lines = [json.loads(line) for line in text.split("\n") if line] if "x-line" in media else []
        except ValueError as error:
            yield f"the body is not {kind}: {error}"
            return
        pairs = [(value, media["schema"]), *((line, media["x-line"]) for line in _thin(lines))]
        fault = next(filter(None, (self.fault(part, schema) for part, schema in pairs)), None)
        if fault:
            yield f"body {fault}"
        else:
            self._known.add(seen)

    def request_fault(self, operation: Operation, body: Optional[bytes]) -> Optional[str]:
        """What the document forbids of a request, for one that was taken."""
        wanted = self.operations.get(operation, {}).get("requestBody")
        if wanted is None or len(body or b"") > MOST_REQUEST_BYTES:
            return None
        if not body:
            return "the body is required" if wanted.get("required") else None
        return self.fault(json.loads(body), wanted["content"]["application/json"]["schema"])


def _thin(value: Any) -> Any:
    """The same with the middle of long arrays left out."""
    if isinstance(value, list):
        if len(value) > 2 * MOST_ELEMENTS:
            value = value[:MOST_ELEMENTS] + value[-MOST_ELEMENTS:]
        return [_thin(element) for element in value]
    return {key: _thin(element) for key, element in value.items()} if isinstance(value, dict) else value


def _typed(text: str, schema: Any) -> Any:
    return int(text) if schema.get("type") == "integer" and re.fullmatch("[0-9]+", text) else text


@functools.lru_cache(maxsize=None)
def document() -> Document:
    return Document(TOP / "api" / "openapi.json")


def observe(method: str, target: str, sent: Optional[bytes], status: int, headers: Mapping[str, str], body: bytes,
            base: str = "") -> None:
    """check(), and note what was seen for the end of the run."""
    try:
        seen = check(method, target, sent, status, headers, body, base)
    except ApiFault as fault:
        _note("api-faults", str(fault))
        raise
    if seen:
        _note("api-seen", seen)


def check(method: str, target: str, sent: Optional[bytes], status: int, headers: Mapping[str, str], body: bytes,
          base: str = "") -> Optional[str]:
    """Check an answer; returns what was seen, as missing() takes it, or None for one that is not ours. Header names
    are lower case; base: http.base_path; sent: the request's body as far as it is known."""
    if status >= 400 and OURS not in headers:
        return None
    path = target.partition("?")[0]
    if base:
        path = path[len(base):] if path.startswith(base + "/") else ""
    if headers.get("content-encoding") == "gzip":
        body = gzip.decompress(body) if body else body
    known = document()
    operation = known.operation_of(method, path, status, headers, body)
    faults = list(known.faults(operation, method, status, headers, body))
    if 200 <= status < 300 and sent is not None:
        fault = known.request_fault(operation, sent)
        faults += [f"it was taken, and is forbidden: {fault}"] if fault else []
    if faults:
        raise ApiFault(f"{method} {target[:200]} {status} ({' '.join(operation)}): {'; '.join(faults)}")
    return " ".join([*operation, str(status), *_particulars(headers, body)])


def _particulars(headers: Mapping[str, str], body: bytes) -> Tuple[str, str]:
    """Media type and problem code, or dashes."""
    kind = headers.get("content-type", "-").split(";")[0]
    return kind, json.loads(body)["code"] if kind == PROBLEM and body else "-"


@functools.lru_cache(maxsize=None)
def _note(what: str, line: str) -> None:
    """Once for each line; each process of a test run has a file of its own."""
    top = os.environ.get("LOTSCRIBE_TMP")
    if top:
        folder = Path(top) / what
        folder.mkdir(exist_ok=True)
        with (folder / f"{os.getpid()}.txt").open("a") as out:
            out.write(line.replace("\n", " ") + "\n")


# -- after a run ------------------------------------------------------------------------------------------


def _noted(folder: Path, what: str) -> Set[str]:
    return {line for path in folder.glob(f"{what}/*.txt") for line in path.read_text().splitlines()}


def missing(known: Document, seen: Set[str]) -> Iterator[str]:
    """What is documented and was not seen: statuses of operations, media types of these, problem codes."""
    words = [line.split(" ") for line in seen]
    statuses = {tuple(w[:3]) for w in words}
    kinds = {tuple(w[:4]) for w in words}
    for operation in [*known.operations, ELSEWHERE]:
        for status, response in known.responses(operation).items():
            if (*operation, status) not in statuses:
                yield f"{' '.join(operation)} {status}"
                continue
            for kind in response.get("content", {}):
                if operation[0] != "HEAD" and (*operation, status, kind) not in kinds:
                    yield f"{' '.join(operation)} {status} {kind}"
    for code in known.codes():
        if code not in {w[4] for w in words}:
            yield f"code {code}"


def main() -> int:
    parser = argparse.ArgumentParser(description="Compare what a test run saw with api/openapi.json.")
    parser.add_argument("--missing", metavar="FOLDER", type=Path, required=True, help="LOTSCRIBE_TMP of the run")
    folder = parser.parse_args().missing
    faults = sorted(_noted(folder, "api-faults"))
    lacking = list(missing(document(), _noted(folder, "api-seen")))
    for line in faults:
        print(f"not documented: {line}")
    for line in lacking:
        print(f"documented, and no test produced it: {line}")
    return 1 if faults or lacking else 0


if __name__ == "__main__":
    sys.exit(main())
