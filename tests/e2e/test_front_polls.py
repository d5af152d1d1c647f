# SPDX-License-Identifier: ISC
"""I7: what a poll costs the database, counted by the server itself."""
import pytest

from front_end import breakable, installation, order  # noqa: F401

pytestmark = pytest.mark.front_end

JOBS = "/api/v1/jobs"
POLLS = 20


def cost(front, uri, **how):
    """Counters per poll, with those of looking at the counters taken off."""
    names = ("Questions", "Com_select", "Handler_read_key", "Handler_read_next", "Handler_read_rnd_next",
             "Handler_read_first", "Handler_write", "Handler_update")
    connection = front.stack.mariadb.connect()  # kept: a good-bye is counted when the server comes to it

    def counters():
        with connection.cursor() as cursor:
            cursor.execute("SHOW GLOBAL STATUS")
            found = {row["Variable_name"]: row["Value"] for row in cursor.fetchall()}
        return [int(found[name]) for name in names]

    assert front.get(uri, **how).status in (200, 304)  # the worker has its connection and statements
    idle, before = counters(), counters()
    for _ in range(POLLS):
        assert front.get(uri, **how).status in (200, 304)
    after = counters()
    connection.close()
    return {name: (c - b - (b - a)) / POLLS for name, a, b, c in zip(names, idle, before, after)}


@pytest.fixture
def single(breakable):  # noqa: F811
    """One worker, on a server whose counters nobody else moves."""
    with installation("front-polls", breakable, overrides={"http": {"workers": 1}}) as made:
        yield made


def test_I7_a_status_poll_is_one_indexed_read_of_one_row_whatever_the_jobs_size(single):
    small, large = single.take(order(1, [])), single.take(order(3000, ["fr", "de"]))
    tag = single.get(f"{JOBS}/{large}/status").headers["etag"]
    costs = [cost(single, f"{JOBS}/{small}/status"), cost(single, f"{JOBS}/{large}/status"),
             cost(single, f"{JOBS}/{large}/status", headers={"If-None-Match": tag})]
    for found in costs:
        assert found == {"Questions": 1, "Com_select": 1, "Handler_read_key": 1, "Handler_read_next": 0,
                         "Handler_read_rnd_next": 0, "Handler_read_first": 0, "Handler_write": 0, "Handler_update": 0}


def test_I7_a_poll_with_a_key_reads_one_row_more(breakable):  # noqa: F811
    with installation("front-private-polls", breakable,
                      overrides={"http": {"public_read": False, "workers": 1}}) as private:
        job = private.take(order(50, ["fr"]))
        found = cost(private, f"{JOBS}/{job}/status", key=private.key)
        assert (found["Questions"], found["Com_select"], found["Handler_read_key"]) == (2, 2, 2)
