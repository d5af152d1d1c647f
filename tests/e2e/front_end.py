# SPDX-License-Identifier: ISC
"""What the tests of the front end share: an installation without batchd and stand-in, and its fixtures.

Import the fixtures by name into a test module; `front` is shared by the tests of one module, `own` is a new
installation on a database server that the test may stop, pause and set.
"""
import base64
import contextlib
import itertools
import json
import sys
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional

import pytest

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[1])]

import fcgi_client  # noqa: E402
from harness.process import wait_until  # noqa: E402
from harness.servers import MariaDB  # noqa: E402
from harness.shared import shared_mariadb  # noqa: E402
from harness.stack import Stack, default_build, temporary_work  # noqa: E402

JSON = {"Content-Type": "application/json"}
PNG = b"\x89PNG\r\n\x1a\n"
DESCRIPTION = {"title": "Teapot", "description": "A teapot.", "category": "Silver", "period": None,
               "materials": ["silver"], "condition": None, "keywords": ["teapot"]}
UNKNOWN = "00000000-0000-4000-8000-000000000000"


numbers = itertools.count(1)


def lots(n: int, **more: Any) -> List[Dict[str, Any]]:
    """n lots with a title each."""
    return [{"id": str(i + 1), "title": f"Lot {i + 1}", **more} for i in range(n)]


def order(n: int = 2, languages: Optional[List[str]] = None, **more: Any) -> Dict[str, Any]:
    """A plain order of n lots; no two are the same."""
    return {"languages": ["fr", "de"] if languages is None else languages, "lots": lots(n),
            "metadata": {"order": str(next(numbers))}, **more}


def data_url(content: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(PNG + content).decode()


class Front:
    """An installation, asked through its web server (`web`) or through the front end's socket (`raw`)."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.key = stack.key

    @property
    def socket(self) -> str:
        return self.stack.front_end.socket

    def raw(self, method: str, uri: str, body: Any = None, key: Optional[str] = None,
            headers: Optional[Dict[str, str]] = None, **how: Any) -> fcgi_client.Answer:
        """A request straight to the socket; a body that is not bytes is sent as JSON."""
        sent = dict(headers or {})
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            sent.setdefault("Content-Type", "application/json")
        if key:
            sent.setdefault("Authorization", f"Bearer {key}")
        return fcgi_client.request(self.socket, method, uri, body, sent, **how)

    def get(self, uri: str, **how: Any) -> fcgi_client.Answer:
        return self.raw("GET", uri, **how)

    def take(self, document: Any, key: Optional[str] = None) -> str:
        """Order; the job's id."""
        answer = self.raw("POST", "/api/v1/jobs?again=1", document, key or self.key)
        assert answer.status == 202, answer
        return answer.json()["job_id"]

    def status(self, job: str) -> Any:
        answer = self.get(f"/api/v1/jobs/{job}/status")
        assert answer.status == 200, answer
        return answer.json()

    def result(self, job: str, query: str = "") -> Any:
        answer = self.get(f"/api/v1/jobs/{job}{query}")
        assert answer.status == 200, answer
        return answer.json()

    def wait_ended(self, job: str) -> Any:
        def ended() -> Any:
            status = self.status(job)
            return status if status["completed_at"] else None
        return wait_until(ended, 30, f"job {job} to end", alive=self.stack.front_ends)

    def row(self, job: str) -> Dict[str, Any]:
        return self.stack.sql("SELECT * FROM job WHERE public_id = %s", (job,))[0]

    def sql(self, statement: str, *args: Any) -> List[Dict[str, Any]]:
        return self.stack.sql(statement, args or None)

    def check(self) -> None:
        """The invariant queries find nothing."""
        self.stack.batchctl("check")


# Every answer is read from its row: tests write rows, and count what is asked of the database.
NO_MEMORY = {"cache": 0, "max_waiting": 0}


@contextlib.contextmanager
def installation(name: str, mariadb: Optional[MariaDB] = None, memory: bool = False, **how: Any) -> Iterator[Front]:
    overrides = dict(how.pop("overrides", {}))
    overrides["http"] = {**({} if memory else NO_MEMORY), **overrides.get("http", {})}
    how["overrides"] = overrides
    with Stack(default_build(), temporary_work(name), mariadb, standin=False, **how) as stack:
        yield Front(stack)


@pytest.fixture(scope="session")
def mariadb() -> MariaDB:
    """The server for all installations that do not break it."""
    return shared_mariadb()


@pytest.fixture(scope="module")
def front(mariadb: MariaDB) -> Iterator[Front]:
    with installation("front", mariadb) as made:
        yield made


@pytest.fixture(scope="session")
def breakable() -> MariaDB:
    """Another one, used by one test at a time."""
    return shared_mariadb("breakable")


@pytest.fixture
def own(breakable: MariaDB) -> Iterator[Front]:
    with installation("front-own", breakable) as made:
        try:
            yield made
        finally:
            breakable.resume()
            if not breakable.running:
                breakable.start()
            breakable.sql("SET GLOBAL read_only = 0, GLOBAL init_connect = ''")
