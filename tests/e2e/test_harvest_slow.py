# SPDX-License-Identifier: ISC
"""A result file that takes longer than a tick holds up nothing after it."""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from jobs import CONTENT, conf, first_describe, sales, wait_until  # noqa: E402

WAITS_LONG = "SELECT id FROM batch WHERE phase = 'harvesting' AND next_at > UTC_TIMESTAMP(6) + INTERVAL 30 MINUTE"


def test_the_second_file_is_read_and_the_batch_closed_as_soon_as_the_first_is_there():
    with sales("harvest-slow") as site:
        batchd = site.batchd()
        site.rules({"match": {"route": CONTENT, "nth": 1}, "do": "slow", "seconds": 600},
                   first_describe("http_error_lines", n=1, code=400))
        site.take(2, ())
        wait_until(lambda: site.calls(CONTENT), 30, "the first download", alive=[batchd])
        # From now on, what a poll wakes is looked at in an hour.
        own = {"daemon": {"state_dir": str(batchd.state_dir)}, "batch": {"poll_interval": "1h"}}
        conf.write(batchd.config, conf.merged(site.stack.config("daemon"), own))
        batchd.reload()
        wait_until(lambda: site.sql(WAITS_LONG), 30, "the batch to be looked at while it is read", alive=[batchd])
        site.standin.call("POST", "/_standin/release")
        wait_until(lambda: site.sql("SELECT id FROM batch WHERE phase = 'closed'"), 30, "the batch to be closed",
                   alive=[batchd])
        assert len(site.calls(CONTENT)) == 2
        site.check()
