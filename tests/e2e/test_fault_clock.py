# SPDX-License-Identifier: ISC
"""The fault matrix, the clock: that of the database server jumps by an hour and by a day, forth and back, while calls are
in flight and while a batch is stuck. I1, I2, I3 hold; nothing ends for two minutes after a jump."""
import pytest

from faults import CALLS, STUCK, chat, ladder, stuck_batch
from harness.process import wait_until
from harness.stack import temporary_work
from once import ShiftedMariaDB, guarded_for, ticks

HOUR, DAY = 3600, 86400
JUMPS = {"an hour forth": HOUR, "an hour back": -HOUR, "a day forth": DAY, "a day back": -DAY}
JUMPED = "database clock jumped"


@pytest.fixture(scope="module")
def server():
    with ShiftedMariaDB(temporary_work("fault-clock-mariadb")) as made:
        made.shift = DAY        # room to go back
        yield made


@pytest.fixture(scope="module")
def row(server):
    with ladder("clock", mariadb=server) as made:
        yield made


def jump_by(one, server, seconds):
    """It is seen; then the two minutes pass for which nothing is closed, in steps that are no jump."""
    seen = one.batchd.log_text().count(JUMPED)
    server.shift += seconds
    wait_until(lambda: one.batchd.log_text().count(JUMPED) > seen, 30, "the jump to be seen", alive=[one.batchd])
    one.site.release()
    wait_until(lambda: one.site.lease()["live"], 20, "the lease", alive=[one.batchd])
    wait_until(lambda: 0 < (guarded_for(one.site) or 0) <= 120, 20, "the two minutes to begin", alive=[one.batchd])
    while (rest := guarded_for(one.site)) > 0:
        server.shift += min(rest, 45)
        ticks(5)


@pytest.mark.parametrize("jump", JUMPS)
@pytest.mark.parametrize("during", ["calls", "batch"])
def test_I1_I2_I3_the_clock_jumps(row, server, jump, during):
    calls, seconds = during == "calls", JUMPS[jump]
    bound, why = (CALLS, "calls in flight at the jump") if calls else (0, "")
    with row(f"clock jumps {jump} while {'calls are in flight' if calls else 'a batch is stuck'}", bound, why) as one:
        one.guarded = True
        one.start(STUCK, chat("slow", match={"nth": 1}, seconds=600), seconds=14)
        if calls:
            one.site.wait_bitten("slow", False, alive=[one.batchd])
        else:
            stuck_batch(one.site)
        jump_by(one, server, seconds)
        if seconds < 0 and not calls:
            jump_by(one, server, -seconds)      # put right: until then the batch has all that time
