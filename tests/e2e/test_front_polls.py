# SPDX-License-Identifier: ISC
"""I7: what a poll costs the database, counted by the server itself."""
import pytest

from front_end import installation, order

pytestmark = pytest.mark.front_end

JOBS = "/api/v1/jobs"
POLLS = 20


def counters(front):
    names = ("Questions", "Com_select", "Handler_read_key", "Handler_read_next", "Handler_read_rnd_next",
             "Handler_read_first", "Handler_write", "Handler_update", "Handler_commit")
    rows = front.sql("SHOW GLOBAL STATUS")
    found = {row["Variable_name"]: int(row["Value"]) for row in rows if row["Variable_name"] in names}
    return {name: found[name] for name in names}


def cost(front, uri, **how):
    """Counters per poll, with those of looking at the counters taken off."""
    assert front.get(uri, **how).status in (200, 304)  # the worker has its connection and statements
    idle = [counters(front) for _ in range(3)]
    looking = {name: idle[2][name] - idle[1][name] for name in idle[0]}
    before = counters(front)
    for _ in range(POLLS):
        assert front.get(uri, **how).status in (200, 304)
    after = counters(front)
    total = {name: after[name] - before[name] - looking[name] for name in before}
    assert all(value % POLLS == 0 for value in total.values()), total
    return {name: value // POLLS for name, value in total.items()}


@pytest.fixture
def single():
    """A server of its own, whose counters nobody else moves, and one worker."""
    with installation("front-polls", overrides={"http": {"workers": 1}}) as made:
        yield made


def test_I7_a_status_poll_is_one_indexed_read_of_one_row_whatever_the_jobs_size(single):
    small, large = single.take(order(1, [])), single.take(order(3000, ["fr", "de"]))
    tag = single.get(f"{JOBS}/{large}/status").headers["etag"]
    costs = [cost(single, f"{JOBS}/{small}/status"), cost(single, f"{JOBS}/{large}/status"),
             cost(single, f"{JOBS}/{large}/status", headers={"If-None-Match": tag})]
    for found in costs:
        assert found == {"Questions": 1, "Com_select": 1, "Handler_read_key": 1, "Handler_read_next": 0,
                         "Handler_read_rnd_next": 0, "Handler_read_first": 0, "Handler_write": 0, "Handler_update": 0,
                         "Handler_commit": found["Handler_commit"]}


def test_I7_a_poll_with_a_key_reads_one_row_more():
    with installation("front-private-polls", overrides={"http": {"public_read": False, "workers": 1}}) as private:
        job = private.take(order(50, ["fr"]))
        found = cost(private, f"{JOBS}/{job}/status", key=private.key)
        assert (found["Questions"], found["Com_select"], found["Handler_read_key"]) == (2, 2, 2)
