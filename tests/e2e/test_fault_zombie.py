# SPDX-License-Identifier: ISC
"""The fault matrix, a zombie: batchd stands still during a call, another one takes over, and then it wakes up, with the
answer in its socket, or with its call still to be sent. I2, I3, I6."""
import pytest

from faults import ALL, CALLS, CANCEL, CHAT, CONTENT, CREATE, STUCK, UPLOAD, chat, first, ladder
from kills import wait_log

SLOW = {"do": "slow", "seconds": 600}
SECONDS = 14
STEPS = {
    "a synchronous call": ([STUCK, chat(match={"nth": 1}, **SLOW)], CHAT),
    "the cancel": ([STUCK, {"match": {"route": CANCEL, "nth": 1}, **SLOW}], CANCEL),
    "the second create": ([STUCK, {"match": {"route": CREATE, "task": "translate", "nth": 2}, **SLOW}], CREATE),
    "the second upload": ([STUCK, {"match": {"route": UPLOAD, "task": "translate", "nth": 2}, **SLOW}], UPLOAD),
    "the partial result": ([first("translate", "stuck", done=1), {"match": {"route": CONTENT, "task": "translate", "nth": 1},
                                                                  **SLOW}], CONTENT),
}


@pytest.fixture(scope="module")
def row():
    # A batchd that wakes up learns within a third of its lease that it is over.
    with ladder("zombie", {"daemon": {"lease": "4s"}}) as made:
        yield made


ROWS = [(step, answered) for step in STEPS for answered in (True, False) if ALL or answered or step == "a synchronous call"]


@pytest.mark.parametrize("step, answered", ROWS)
def test_I2_I3_I6_a_zombie_during(row, step, answered):
    rules, route = STEPS[step]
    bound = CALLS if route == CHAT else 0
    with row(f"zombie during {step}, {'answered meanwhile' if answered else 'answered later'}", bound,
             "calls in flight at the takeover" if bound else "") as one:
        site = one.site
        one.start(*rules, seconds=SECONDS)
        site.wait_bitten("slow", False, alive=[one.batchd])
        one.batchd.pause()
        if answered:
            site.release()
            site.wait_call(route, "answered", count=len(site.calls(route)))
        other = site.batchd()
        site.end_lease()
        wait_log(other, "lease taken")
        if not answered:
            site.release()
        if route == CHAT:
            one.ended()
        one.batchd.resume()
        wait_log(one.batchd, "lease lost")
        one.ended()
