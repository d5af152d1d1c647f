# SPDX-License-Identifier: ISC
"""api/openapi.json as it is served."""
import json

import pytest

from front_end import JSON, front, mariadb  # noqa: F401
from harness import api_check
from harness.stack import TOP

import fcgi_client

pytestmark = pytest.mark.front_end

ADDRESS = "/api/v1/openapi.json"
DOCUMENT = api_check.document()
ORDERS = DOCUMENT.root["paths"]["/api/v1/jobs"]["post"]["requestBody"]["content"]["application/json"]["examples"]


def test_the_document_is_served_as_it_is_written_with_its_address(front):  # noqa: F811
    answer = front.get(ADDRESS)
    served = json.loads(answer.body, object_pairs_hook=list)
    written = json.loads((TOP / "api" / "openapi.json").read_text(), object_pairs_hook=list)
    assert [(key, value) for key, value in served if key != "servers"] == \
        [(key, value) for key, value in written if key != "servers"]
    assert [key for key, _ in served] == [key for key, _ in written]
    assert answer.json()["servers"] == [{"url": "/"}]
    head = front.raw("HEAD", ADDRESS)
    assert head.body == b"" and head.headers == answer.headers
    tag = answer.headers["etag"]
    for sent in (tag, f"W/{tag}", tag[:-1] + '-gzip"', f'"x", {tag}', "*"):
        unchanged = front.get(ADDRESS, headers={"If-None-Match": sent})
        assert (unchanged.status, unchanged.body, unchanged.headers["etag"]) == (304, b"", tag)
    assert front.get(ADDRESS, headers={"If-None-Match": '"x"'}).status == 200


def test_the_served_document_names_where_it_is_served(front):  # noqa: F811
    other = front.stack.add_front_end({"http": {"base_path": "/house", "public_url": "https://lots.example.com/"}})
    answer = fcgi_client.request(other.socket, "GET", "/house" + ADDRESS)
    assert answer.json()["servers"] == [{"url": "https://lots.example.com/house"}]
    assert answer.headers["etag"] != front.get(ADDRESS).headers["etag"]


@pytest.mark.parametrize("name", ORDERS)
def test_the_orders_of_the_document_are_taken(front, name):  # noqa: F811
    body = json.dumps(DOCUMENT.resolve(ORDERS[name])["value"]).encode()
    assert front.raw("POST", "/api/v1/jobs", body, front.key, JSON).status == 202
