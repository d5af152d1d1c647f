# SPDX-License-Identifier: ISC
"""Every status that an operation of api/openapi.json has in common with others, produced at each of them; the answers
themselves are checked by the client. What is peculiar to one operation is a test of its own elsewhere."""
import json

import pytest

import fcgi_client
from front_end import JSON, UNKNOWN, breakable, installation, mariadb, order  # noqa: F401
from harness import api_check

pytestmark = pytest.mark.front_end

DOCUMENT = api_check.document()
KEYED = [{"key": []}]


class Site:
    """An installation with one front end for each way to fail."""

    def __init__(self, front):
        self.front = front
        self.reader = front.stack.new_key("demo", "read")
        self.admin = front.stack.new_key("demo", "admin")
        self.ended = front.take(order(1, ["fr"]))
        front.sql("UPDATE job SET deadline_at = UTC_TIMESTAMP(6) - INTERVAL 1 MINUTE")
        front.wait_ended(self.ended)
        self.private = self.add({"http": {"public_read": False}})
        self.busy = self.add({"http": {"public_read": False, "rate": 1, "cache": 0}})
        self.without_database = self.add({"database": {"socket": str(front.stack.work / "none.sock")}})
        self.ask(("GET", "/api/v1/jobs"), self.busy, key=front.key)

    def add(self, overrides):
        return self.front.stack.add_front_end(overrides).socket

    def ask(self, operation, socket=None, query="", job=None, key=None, body=None, headers=None):
        method, path = operation
        sent = dict(headers or {})
        if key:
            sent["Authorization"] = f"Bearer {key}"
        if body is not None:
            sent.setdefault("Content-Type", "application/json")
        return fcgi_client.request(socket or self.front.socket, method, path.replace("{id}", job or self.ended) + query,
                                   body, sent)


@pytest.fixture(scope="module")
def site(mariadb):  # noqa: F811
    with installation("api-codes", mariadb, overrides={"job": {"max_body": 2000}}) as made:
        yield Site(made)


def is_keyed(operation):
    return DOCUMENT.operations[operation].get("security") == KEYED


def malformed_address(site, operation):
    return site.ask(operation, query="?x=%")


def no_key(site, operation):
    return site.ask(operation, None if is_keyed(operation) else site.private)


def role_too_low(site, operation):
    return site.ask(operation, key=site.reader)


def body_of(operation):
    """One that is taken, where one is required."""
    wanted = DOCUMENT.operations[operation].get("requestBody", {})
    if not wanted.get("required"):
        return None
    return json.dumps({"languages": ["it"]} if operation[1].endswith("/languages") else order(1)).encode()


def unknown_job(site, operation):
    job = "x" if operation[0] == "OPTIONS" else UNKNOWN     # OPTIONS does not look for the job
    return site.ask(operation, job=job, key=site.front.key, body=body_of(operation))


def long_body(site, operation):
    return site.ask(operation, key=site.front.key, body=b" " * 20000)


def long_address(site, operation):
    return site.ask(operation, query="?x=" + "x" * 5000)


def plain_text(site, operation):
    return site.ask(operation, key=site.front.key, body=b"{}", headers={"Content-Type": "text/plain"})


def unknown_key_in_body(site, operation):
    return site.ask(operation, key=site.front.key, body=b'{"none": 1}')


def unknown_language(site, operation):
    return site.ask(operation, query="?language=it")


def too_many(site, operation):
    return site.ask(operation, site.busy, key=site.front.key)


def database_away(site, operation):
    return site.ask(operation, site.without_database, key=site.front.key)


PRODUCERS = {"400": malformed_address, "401": no_key, "403": role_too_low, "404": unknown_job, "413": long_body,
             "414": long_address, "415": plain_text, "422": unknown_key_in_body, "429": too_many, "503": database_away}


def cases():
    for operation in DOCUMENT.operations:
        for status in DOCUMENT.responses(operation):
            if status in PRODUCERS:
                produce = PRODUCERS[status]
                if status == "422" and "requestBody" not in DOCUMENT.operations[operation]:
                    produce = unknown_language
                yield pytest.param(operation, int(status), produce, id=f"{' '.join(operation)}-{status}")


@pytest.mark.parametrize("operation, status, produce", cases())
def test_an_error(site, operation, status, produce):
    assert produce(site, operation).status == status


@pytest.mark.parametrize("operation", [o for o in DOCUMENT.operations if o[0] in ("GET", "HEAD", "OPTIONS")], ids=" ".join)
def test_a_read(site, operation):
    answer = site.ask(operation, key=site.admin if operation[1] == "/metrics" else site.front.key)
    assert answer.status == (204 if operation[0] == "OPTIONS" else 200)
    if "304" in DOCUMENT.responses(operation):
        assert site.ask(operation, headers={"If-None-Match": answer.headers["etag"]}).status == 304


FAILING = [o for o in DOCUMENT.operations if "500" in DOCUMENT.responses(o)]


@pytest.fixture(scope="module")
def broken(breakable):  # noqa: F811
    """One worker, with a connection to a database that then loses its tables."""
    with installation("api-broken", breakable, overrides={"http": {"workers": 1, "cache": 0}}) as made:
        made.take(order(1))
        for table in ("job", "daemon_lease"):
            made.sql(f"RENAME TABLE {table} TO {table}_before")
        yield made
        for table in ("job", "daemon_lease"):
            made.sql(f"RENAME TABLE {table}_before TO {table}")


@pytest.mark.parametrize("operation", FAILING, ids=" ".join)
def test_a_fault_of_the_database_is_an_internal_error(broken, operation):
    method, path = operation
    body = body_of(operation)
    answer = broken.raw(method, path.replace("{id}", UNKNOWN), body, broken.key, JSON if body else None)
    assert answer.status == 500


WITH_BODY = [o for o in DOCUMENT.operations if "408" in DOCUMENT.responses(o)]


@pytest.mark.slow
def test_a_body_that_stands_still_is_told_so(site):
    """At each operation that takes one, all at once."""
    uploads = []
    for method, path in WITH_BODY:
        params = fcgi_client.params_of(method, path.replace("{id}", site.ended), None,
                                       {"Authorization": f"Bearer {site.front.key}", **JSON}, "1000")
        uploads.append(fcgi_client.Connection(site.front.socket, timeout=60).begin(params).send(b" ", end=False))
    assert [upload.answer().status for upload in uploads] == [408] * len(WITH_BODY)
