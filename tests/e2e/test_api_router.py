# SPDX-License-Identifier: ISC
"""The router compared with api/openapi.json: its table, and what it answers at each address and beside it."""
import re

import pytest

from front_end import UNKNOWN, front, mariadb  # noqa: F401
from harness import api_check
from harness.stack import TOP

pytestmark = pytest.mark.front_end

DOCUMENT = api_check.document()
PATHS = list(DOCUMENT.root["paths"])
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "get")


def address(path):
    """An address of this documented path."""
    return path.replace("{id}", UNKNOWN)


def routes():
    """The table in the router's source: {path: methods}."""
    found = {}
    for methods, segments in re.findall(r"^\t\{ (HTTP_[A-Z_| ]+?),\s+\{ (.*?) \},", (TOP / "fcgi_app" / "router.c").read_text(),
                                        re.M):
        path = "/" + "/".join("{id}" if s == "*" else s for s in re.findall(r'"([^"]+)"', segments))
        found.setdefault(path, {"OPTIONS"}).update(re.findall(r"HTTP_(\w+)", methods))
    return found


def test_the_routers_table_is_the_document():
    assert routes() == {path: DOCUMENT.methods(path) for path in PATHS}


@pytest.mark.parametrize("path", PATHS)
def test_an_address_takes_the_documented_methods_and_no_others(front, path):  # noqa: F811
    wanted = DOCUMENT.methods(path)
    asked = front.raw("OPTIONS", address(path))
    assert asked.status == 204 and set(asked.headers["allow"].split(", ")) == wanted
    for method in METHODS:
        answer = front.raw(method, address(path))
        assert (answer.status == 405) == (method not in wanted), method
        assert "nothing is served here" not in answer.body.decode()
        if answer.status == 405:
            assert set(answer.headers["allow"].split(", ")) == wanted


def neighbours():
    for path in PATHS:
        yield from (path + "/", path + "/x", path + "x", "/x" + path, path[:2].upper() + path[2:], path.rsplit("/", 1)[0])


@pytest.mark.parametrize("path", sorted({p for p in neighbours() if DOCUMENT.path_of(p) is None}))
def test_nothing_is_served_beside_the_documented_addresses(front, path):  # noqa: F811
    for method in ("GET", "POST", "OPTIONS", "DELETE"):
        assert front.raw(method, address(path) or "/", key=front.key).status == 404
