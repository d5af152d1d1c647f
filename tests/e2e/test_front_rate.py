# SPDX-License-Identifier: ISC
"""Requests an account may make a minute, and what is told of them."""
import re

import pytest

import fcgi_client
from front_end import front, installation, mariadb, order  # noqa: F401

pytestmark = pytest.mark.front_end

JOBS = "/api/v1/jobs"
QUOTA = 3


@pytest.fixture(scope="module")
def limited(mariadb):  # noqa: F811
    """Three requests, and one more in 20 seconds: no test lasts so long that it would get one."""
    with installation("front-rate", mariadb, overrides={"http": {"rate": QUOTA}}) as made:
        yield made


def left(answer):
    """(remaining, seconds until one more) as the answer tells them."""
    assert answer.headers["ratelimit-policy"] == f'"account";q={QUOTA};w=60'
    found = re.fullmatch(r'"account";r=(\d+);t=(\d+)', answer.headers["ratelimit"])
    return tuple(map(int, found.groups()))


def spend(made, key):
    """All that the account has."""
    answers = [made.raw("POST", JOBS, {}, key) for _ in range(QUOTA)]
    assert [answer.status for answer in answers] == [422] * QUOTA
    return answers


def test_each_answer_to_a_key_tells_what_is_left(limited):
    answers = spend(limited, limited.stack.new_key("telling", "submit"))
    assert [left(answer)[0] for answer in answers] == [2, 1, 0]
    assert all(1 <= left(answer)[1] <= 20 for answer in answers)


def test_beyond_the_rate_is_429_with_the_time_to_wait(limited):
    key = limited.stack.new_key("beyond", "submit")
    spend(limited, key)
    answer = limited.raw("POST", JOBS, order(1), key)
    assert (answer.status, answer.json()["code"]) == (429, "too_many_requests")
    assert answer.headers["content-type"] == "application/problem+json"
    remaining, wait = left(answer)
    assert remaining == 0 and 1 <= wait <= 20
    assert answer.headers["retry-after"] == str(wait)
    assert limited.sql("SELECT COUNT(*) AS n FROM job")[0]["n"] == 0


def test_the_keys_of_an_account_share_its_rate_and_accounts_do_not(limited):
    one, two = (limited.stack.new_key("shared", "submit") for _ in range(2))
    spend(limited, one)
    assert limited.raw("POST", JOBS, {}, two).status == 429
    assert limited.raw("POST", JOBS, {}, limited.stack.new_key("unshared", "submit")).status == 422


def test_a_role_that_does_not_suffice_is_counted_and_a_wrong_key_is_not(limited):
    key = limited.stack.new_key("roles", "read")
    answer = limited.raw("POST", JOBS, {}, key)
    assert (answer.status, left(answer)[0]) == (403, 2)
    for wrong in (None, "lot_wrong", key[:-1]):
        answer = limited.raw("POST", JOBS, {}, wrong)
        assert answer.status == 401 and "ratelimit" not in answer.headers
    assert left(limited.raw("POST", JOBS, {}, key))[0] == 1


def test_what_needs_no_key_is_not_counted(limited):
    for _ in range(2 * QUOTA):
        answer = limited.get("/readyz", key=limited.key)
        assert answer.status == 200 and "ratelimit" not in answer.headers


def test_zero_is_no_limit(limited):
    other = limited.stack.add_front_end({"http": {"rate": 0}})
    key = limited.stack.new_key("unlimited", "submit")
    for _ in range(5):
        answer = fcgi_client.request(other.socket, "POST", JOBS, b"{}", {"Authorization": f"Bearer {key}"})
        assert answer.status == 422
        assert not {"ratelimit", "ratelimit-policy"} & set(answer.headers)


def test_the_default_leaves_room(front):
    assert front.raw("POST", JOBS, order(1), front.key).headers["ratelimit-policy"] == '"account";q=1200;w=60'


def test_a_poll_that_waited_is_counted_once(mariadb):  # noqa: F811
    """Its key is looked at when it comes and when it is answered."""
    overrides = {"http": {"rate": QUOTA, "public_read": False}}
    with installation("front-rate-wait", mariadb, memory=True, overrides=overrides) as made:
        job = made.take(order(1, []))
        answer = made.get(f"{JOBS}/{job}/status", key=made.key, headers={"Prefer": "wait=1"})
        assert answer.headers["preference-applied"] == "wait=1"
        assert left(answer)[0] == QUOTA - 2
