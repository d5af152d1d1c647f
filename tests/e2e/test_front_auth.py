# SPDX-License-Identifier: ISC
"""Keys: which call needs which role, what a wrong key is told, and whose jobs one sees."""
import zlib

import pytest

import fcgi_client
from front_end import UNKNOWN, front, installation, mariadb, order  # noqa: F401

pytestmark = pytest.mark.front_end

JOBS = "/api/v1/jobs"
BASE62 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


@pytest.fixture(scope="module")
def keys(front):  # noqa: F811
    made = {role: front.stack.new_key("demo", role) for role in ("read", "submit", "admin")}
    made["other"] = front.stack.new_key("other", "submit")
    return made


@pytest.fixture(scope="module")
def private(mariadb):  # noqa: F811
    """An installation where reads need a key too."""
    with installation("front-private", mariadb, overrides={"http": {"public_read": False}}) as made:
        yield made


def swapped(key, at):
    """The key with two characters exchanged for others: its check no longer fits."""
    return key[:at] + ("A" if key[at] != "A" else "B") + key[at + 1:]


def refused(answer, status):
    assert answer.status == status, answer
    assert answer.json()["status"] == status
    if status == 401:
        assert answer.headers["www-authenticate"].startswith("Bearer ")


@pytest.mark.parametrize("role, status", [("read", 403), ("submit", 202), ("admin", 202)])
def test_ordering_needs_the_role_submit(front, keys, role, status):
    answer = front.raw("POST", JOBS, order(1), keys[role])
    assert answer.status == status
    if status == 403:
        refused(answer, 403)


def test_a_missing_key_is_asked_for(front):
    refused(front.raw("POST", JOBS, order(1)), 401)


@pytest.mark.parametrize("value", [
    "", "Bearer", "Bearer ", "Bearer x", "Basic dXNlcjpwYXNz", "lot_x", "Bearer lot_", "Bearer \x01",
    "Bearer " + "x" * 5000])
def test_what_is_no_key_is_refused(front, value):
    refused(front.raw("POST", JOBS, order(1), headers={"Authorization": value}), 401)


def test_a_mistyped_key_is_refused_and_every_part_of_it_counts(front):
    for at in (0, 5, 20, 40, len(front.key) - 1):
        refused(front.raw("POST", JOBS, order(1), swapped(front.key, at)), 401)
    for wrong in (front.key[:-1], front.key + "x", front.key.upper()):
        refused(front.raw("POST", JOBS, order(1), wrong), 401)


def with_check(text):
    """A key of the right form: the CRC-32 of the text as six characters of base 62 behind it."""
    value, check = zlib.crc32(text.encode()), ""
    for _ in range(6):
        value, digit = divmod(value, 62)
        check = BASE62[digit] + check
    return text + check


def test_a_well_formed_key_of_another_secret_is_refused(front):
    assert with_check(front.key[:-6]) == front.key
    secret = swapped(front.key[:-6], 30)
    refused(front.raw("POST", JOBS, order(1), with_check(secret)), 401)
    unknown = "lot_" + "0" * 12 + front.key[16:-6]
    refused(front.raw("POST", JOBS, order(1), with_check(unknown)), 401)


def test_the_scheme_is_read_in_any_case(front):
    for scheme in ("bearer", "BEARER", "Bearer "):
        answer = front.raw("POST", JOBS, order(1), headers={"Authorization": f"{scheme} {front.key}"})
        assert answer.status == 202


def test_a_revoked_key_stops_at_once(front):
    key = front.stack.new_key("demo", "submit")
    assert front.raw("POST", JOBS, order(1), key).status == 202
    front.stack.batchctl("key", "revoke", key[4:16])
    refused(front.raw("POST", JOBS, order(1), key), 401)


def test_reads_need_no_key_and_do_not_look_at_one(front, keys):
    job = front.take(order(1))
    for key in (None, "lot_wrong", keys["other"]):
        for path in ("", "/status", "/events"):
            assert front.get(f"{JOBS}/{job}{path}", key=key).status == 200


@pytest.mark.parametrize("path", ["", "/status", "/events", "?download=1"])
def test_where_reads_are_private_they_show_only_the_callers_own_jobs(private, path):
    job = private.take(order(1))
    keys = {role: private.stack.new_key("demo", role) for role in ("read", "submit")}
    uri = f"{JOBS}/{job}{path}"
    refused(private.get(uri), 401)
    refused(private.get(uri, key="lot_wrong"), 401)
    for key in keys.values():
        assert private.get(uri, key=key).status == 200
    other = private.get(uri, key=private.stack.new_key("other", "submit"))
    unknown = private.get(f"{JOBS}/{UNKNOWN}{path}", key=keys["read"])
    assert (other.status, other.body) == (unknown.status, unknown.body)
    assert other.status == 404
    assert private.get(uri, key=private.stack.new_key("operator", "admin")).status == 200


def test_health_needs_no_key(private):
    assert private.get("/healthz").status == 200
    assert private.get("/readyz").status == 200


def test_the_authorization_header_comes_through_the_web_server(front, keys):
    assert front.stack.request("POST", JOBS, order(1), key=keys["submit"]).status == 202
    assert front.stack.request("POST", JOBS, order(1), key=keys["read"]).status == 403


def test_no_key_and_no_body_is_logged(front, keys):
    front.raw("POST", JOBS, order(1, name="secret-name"), keys["submit"])
    front.raw("POST", JOBS, b'{"secret-name"', keys["submit"])
    log = front.stack.front_end.log_text()
    assert "secret-name" not in log
    for key in (*keys.values(), front.key):
        assert key[17:40] not in log


def test_a_hint_is_logged_once_where_apache_keeps_the_header(front):
    before = front.stack.front_end.log_text().count("CGIPassAuth")
    for _ in range(3):
        params = fcgi_client.params_of("POST", JOBS, b"{}")
        params["SERVER_SOFTWARE"] = "Apache/2.4.62 (Debian)"
        refused(fcgi_client.Connection(front.socket).begin(params).send(b"{}").answer(), 401)
    assert front.stack.front_end.log_text().count("CGIPassAuth") == before + 1
