# SPDX-License-Identifier: ISC
"""The least rate of an upload (DESIGN section 5). Idles for half a minute; the arithmetic has its unit test."""
import select

import pytest

import fcgi_client
from front_end import JSON, front, mariadb  # noqa: F401


@pytest.mark.slow
def test_a_body_that_trickles_is_answered_408(front):  # noqa: F811
    headers = {**JSON, "Authorization": f"Bearer {front.key}"}
    params = fcgi_client.params_of("POST", "/api/v1/jobs", None, headers, announce="100000")
    connection = fcgi_client.Connection(front.socket).begin(params)
    sent = 0
    while not select.select([connection.socket], [], [], 0.5)[0]:
        connection.send(b" ", end=False)
        sent += 1
        assert sent < 200
    answer = connection.answer()
    assert (answer.status, answer.json()["code"]) == (408, "body_too_slow")
    assert front.get("/healthz").status == 200
