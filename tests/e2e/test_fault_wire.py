# SPDX-License-Identifier: ISC
"""The fault matrix, the wire: the provider hangs, drips, cuts bodies, answers HTML, 429, 500, 503 or that there is no
money, at the calls of a batch. I1, I2, I3 hold in each."""
import pytest

from faults import ALL, CANCEL, CONTENT, CREATE, GET_FILE, HOWS, KINDS, LEFT, LIST, LOTS, UPLOAD, first, ladder

ROUTES = (UPLOAD, CREATE, GET_FILE, CONTENT, CANCEL)
# Calls that ask and do not pay have a minute each, or move slowly for a minute: what hangs for ever is a stuck batch.
PASSING = [how for how in KINDS if how != "drips for ever"]


@pytest.fixture(scope="module")
def row():
    with ladder("wire") as made:
        yield made


@pytest.mark.parametrize("how", PASSING)
def test_I1_I2_I3_once_at_each_call_of_a_batch(row, how):
    """The batch is stuck with one line done: its cancel suffers too, and so does a look at the list."""
    with row(f"each call of a batch once: {how}", 1, LEFT) as one:
        rules = [{"match": {"route": route, "task": "translate", "nth": 1}, **HOWS[how]} for route in ROUTES]
        one.start(*rules, {"match": {"route": LIST, "nth": 2}, **HOWS[how]}, first("translate", "stuck", done=1), seconds=20)
        if how == "quota":
            one.resume()


if ALL:
    @pytest.mark.parametrize("how", PASSING)
    @pytest.mark.parametrize("route", ROUTES)
    def test_I1_I2_I3_at_every_call_of_a_batch_of_one_kind(row, route, how):
        """For as long as the job runs: what batches do not bring goes by calls."""
        with row(f"every {route}: {how}", LOTS, "items that left, after a cancel or at their latest start") as one:
            one.start({"match": {"route": route, "task": "translate"}, **HOWS[how]}, first("translate", "stuck", done=1))
