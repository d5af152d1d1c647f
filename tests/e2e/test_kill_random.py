# SPDX-License-Identifier: ISC
"""I2, I3: `kill -9` of batchd at 20 random instants of one job of 200 lots."""
import os
import random
import time

import pytest

from kills import site, write_report
from harness.process import wait_until

LOTS = 200
KILLS = 20


@pytest.mark.parametrize("seed", [int(os.environ.get("LOTSCRIBE_SEED", "1"))])
def test_I3_kills_at_random_instants_lose_nothing_and_pay_nothing_twice(seed):
    rng = random.Random(seed)
    # Many small batches, so that there is always something in hand; the first one ends after the last kill.
    with site("kill-random", {"batch": {"max_requests": 10}}) as quick:
        started = time.monotonic()
        quick.rules({"match": {"nth": 1}, "do": "stuck"})
        batchd = quick.batchd(start=False)
        job = quick.take(LOTS)
        phases = []
        for _ in range(KILLS):
            epoch = quick.lease()["epoch"]
            batchd.start()
            # From here on batchd acts. The instant is what is random: nothing is waited for.
            wait_until(lambda: quick.lease()["epoch"] > epoch, 30, "batchd to take the lease", alive=[batchd], interval=0.005)
            time.sleep(rng.uniform(0, 0.3))
            quick.bury(batchd)
            phases += [row["phase"] for row in quick.sql("SELECT phase FROM batch WHERE phase <> 'closed'")]
        assert quick.stack.status(job)["completed_at"] is None
        for batch in quick.standin.call("GET", "/_standin/batches")["batches"]:
            quick.standin.call("POST", f"/_standin/batches/{batch['id']}", {"status": "resume"})
        batchd.start()
        # Work under which three in a row died rests for a minute.
        quick.wait_full(job, 150)
        quick.wait_swept(150)
        seconds = time.monotonic() - started
        found = ", ".join(f"{phase} {phases.count(phase)}" for phase in sorted(set(phases)))
        write_report("kills-random.txt", [
            f"{KILLS} kills at random instants (seed {seed}) in a job of {LOTS} lots: lost {len(quick.lost())}, "
            f"paid twice {quick.paid_twice()}, {seconds:.1f} s; batches were then: {found}"])
        quick.prove()
        assert batchd.stop() == 0
