# SPDX-License-Identifier: ISC
"""CORS: scripts of which web sites may read answers and make calls, and what browsers are told ahead."""
import pytest

import fcgi_client
from front_end import UNKNOWN, front, installation, mariadb, order  # noqa: F401

pytestmark = pytest.mark.front_end

JOBS = "/api/v1/jobs"
SITE = "https://app.example.com"
OTHER = "https://evil.example.com"


@pytest.fixture(scope="module")
def cors(mariadb):  # noqa: F811
    """Two sites may do what they have a key for."""
    overrides = {"http": {"cors_origins": ["http://localhost:8000", SITE]}}
    with installation("front-cors", mariadb, overrides=overrides) as made:
        yield made


@pytest.fixture(scope="module")
def anyone(cors):
    """A further front end: every site may read what is public, one may do more."""
    return cors.stack.add_front_end({"http": {"cors_origins": ["*", SITE]}})


@pytest.fixture(scope="module")
def guarded(cors):
    """Another one where nothing is public."""
    return cors.stack.add_front_end({"http": {"cors_origins": ["*"], "public_read": False}})


def ask(made, method, uri, origin, meant=None, key=None, body=None, headers=None):
    """A request as a script of the site `origin` makes it; of OPTIONS, ahead of the method `meant`."""
    sent = {"Origin": origin, **(headers or {})} if origin else dict(headers or {})
    if meant:
        sent["Access-Control-Request-Method"] = meant
    if hasattr(made, "raw"):
        return made.raw(method, uri, body, key, sent)
    return fcgi_client.request(made.socket, method, uri, body, sent)


def told(answer):
    """What the answer tells browsers: header -> value."""
    return {name: value for name, value in answer.headers.items() if name.startswith("access-control-")}


def test_off_unless_configured(front):
    for method, meant in (("GET", None), ("OPTIONS", "GET")):
        answer = ask(front, method, "/healthz", SITE, meant)
        assert told(answer) == {} and "vary" not in answer.headers


@pytest.mark.parametrize("origin", [SITE, "http://localhost:8000"])
def test_a_configured_site_may_read_every_answer(cors, origin):
    job = cors.take(order(1))
    answers = [ask(cors, "GET", f"{JOBS}/{job}/status", origin), ask(cors, "HEAD", f"{JOBS}/{job}", origin),
               ask(cors, "GET", f"{JOBS}/{job}?download=1", origin), ask(cors, "GET", f"{JOBS}/{UNKNOWN}", origin),
               ask(cors, "POST", JOBS, origin, body=order(1)), ask(cors, "PUT", JOBS, origin),
               ask(cors, "GET", "/nothing", origin), ask(cors, "GET", "//", origin),
               ask(cors, "POST", JOBS, origin, key=cors.key, body=order(1))]
    assert [answer.status for answer in answers] == [200, 200, 200, 404, 401, 405, 404, 400, 202]
    for answer in answers:
        assert answer.headers["vary"] == "Origin"
        assert told(answer) == {
            "access-control-allow-origin": origin,
            "access-control-expose-headers": "ETag, Location, Link, Retry-After, RateLimit, RateLimit-Policy,"
                                             " Preference-Applied"}


def test_a_304_is_marked_too(cors):
    uri = f"{JOBS}/{cors.take(order(1))}/status"
    tag = cors.get(uri).headers["etag"]
    answer = ask(cors, "GET", uri, SITE, headers={"If-None-Match": tag})
    assert (answer.status, told(answer)["access-control-allow-origin"]) == (304, SITE)


@pytest.mark.parametrize("origin", [None, OTHER, "null", "*", SITE.upper(), SITE + ":443", SITE + "/",
                                    SITE + ".evil.com", "http://app.example.com", f"{SITE}, {OTHER}"])
@pytest.mark.parametrize("method, meant", [("GET", None), ("OPTIONS", "GET"), ("OPTIONS", "POST")])
def test_other_sites_are_told_nothing_and_caches_keep_them_apart(cors, origin, method, meant):
    answer = ask(cors, method, f"{JOBS}/{UNKNOWN}/status", origin, meant)
    assert told(answer) == {} and answer.headers["vary"] == "Origin"
    assert answer.status == (404 if method == "GET" else 204)


def test_a_browser_that_asks_ahead_is_told_methods_and_headers(cors):
    answer = ask(cors, "OPTIONS", JOBS, SITE, "POST", headers={"Access-Control-Request-Headers": "authorization"})
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["allow"] == "GET, HEAD, POST, OPTIONS"
    assert told(answer) == {
        "access-control-allow-origin": SITE,
        "access-control-expose-headers": "ETag, Location, Link, Retry-After, RateLimit, RateLimit-Policy,"
                                         " Preference-Applied",
        "access-control-allow-methods": "GET, HEAD, POST, OPTIONS",
        "access-control-allow-headers": "Authorization, Content-Type, Idempotency-Key, If-None-Match, Prefer",
        "access-control-max-age": "7200"}


def test_options_without_a_method_asked_about_is_a_plain_question(cors):
    answer = ask(cors, "OPTIONS", JOBS, SITE)
    assert (answer.status, told(answer)["access-control-allow-origin"]) == (204, SITE)
    assert "access-control-allow-methods" not in told(answer)


def test_every_site_may_read_what_is_public(anyone, cors):
    job = cors.take(order(1))
    for uri in (f"{JOBS}/{job}/status", f"{JOBS}/{job}", f"{JOBS}/{job}/events", "/healthz", "/readyz"):
        answer = ask(anyone, "GET", uri, OTHER)
        assert (answer.status, told(answer)["access-control-allow-origin"]) == (200, "*")
        answer = ask(anyone, "OPTIONS", uri, OTHER, "GET")
        assert told(answer)["access-control-allow-origin"] == "*"
        assert told(answer)["access-control-allow-methods"] == "GET, HEAD"
        assert told(answer)["access-control-allow-headers"] == "If-None-Match, Prefer"


def test_every_site_is_no_site_where_a_key_is_needed(anyone, guarded):
    for made, method, uri in ((anyone, "POST", JOBS), (guarded, "GET", f"{JOBS}/{UNKNOWN}/status")):
        assert told(ask(made, method, uri, OTHER)) == {}
        answer = ask(made, "OPTIONS", uri, OTHER, method)
        assert (answer.status, told(answer)) == (204, {})
    assert told(ask(anyone, "OPTIONS", JOBS, SITE, "POST"))["access-control-allow-origin"] == SITE
    assert told(ask(anyone, "GET", "/healthz", SITE))["access-control-allow-origin"] == SITE
    assert told(ask(guarded, "GET", "/healthz", OTHER))["access-control-allow-origin"] == "*"


def test_cookies_are_never_asked_for(cors, anyone):
    for made in (cors, anyone):
        for method, meant in (("GET", None), ("OPTIONS", "GET")):
            assert "access-control-allow-credentials" not in ask(made, method, "/healthz", SITE, meant).headers


def test_it_works_through_the_web_server(cors):
    answer = cors.stack.request("OPTIONS", JOBS, headers={"Origin": SITE, "Access-Control-Request-Method": "POST"})
    assert (answer.status, answer.headers["access-control-allow-origin"]) == (204, SITE)
