# SPDX-License-Identifier: ISC
"""Whatever is refused for now is tried again ever more rarely, and goes on when the provider does.

No test waits for a back-off: the row says until when it is, and is then made due by hand.
"""
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from jobs import CONTENT, first_describe, sales, wait_until  # noqa: E402
from kills import CANCEL, CREATE, DELETE, UPLOAD  # noqa: E402

TRIES = 5
# What is refused, by which answer; what brings a batch there.
STEPS = {
    "upload": (UPLOAD, {"do": "status", "code": 500}, []),
    "upload that is lost": (UPLOAD, {"do": "drop_upload"}, []),
    "create": (CREATE, {"do": "status", "code": 429}, []),
    "create without its file": (CREATE, {"do": "status", "code": 404}, []),
    "download": (CONTENT, {"do": "status", "code": 500}, []),
    "download that is cut": (CONTENT, {"do": "truncate"}, []),
    "fence": (DELETE, {"do": "status", "code": 500}, [{"match": {"route": CREATE, "nth": 1}, "do": "drop_before"}]),
    "cancel": (CANCEL, {"do": "status", "code": 429}, [first_describe("stuck")]),
}


@pytest.fixture(scope="module")
def site():
    with sales("backoff", {"policy": {"small": {"max_requests": 100, "cancel_after": "1s", "cancel_grace": "1h"}}}) as made:
        made.batchd()
        yield made


def row(site):
    """The newest job's first batch."""
    rows = site.sql("SELECT b.* FROM batch b JOIN batch_job x ON x.batch_id = b.id WHERE x.job_id ="
                    " (SELECT MAX(id) FROM job) ORDER BY b.id LIMIT 1")
    return rows[0] if rows else None


def failed(site, tries):
    """The row, once so many tries have failed."""
    def there():
        b = row(site)
        return b if b and b["tries"] >= tries else None
    return wait_until(there, 20, f"{tries} tries", alive=site.stack.batchds)


@pytest.mark.parametrize("step", STEPS)
def test_each_try_is_put_off_longer_than_the_one_before(site, step):
    route, refusal, before = STEPS[step]
    site.fresh({"match": {"route": route}, **refusal}, *before)
    job = site.take(2, ())
    waits = []
    for n in range(1, TRIES + 1):
        b = failed(site, n)
        calls = site.calls(route)
        assert b["tries"] == n and len(calls) == n
        at = datetime.fromtimestamp(calls[-1]["at"], timezone.utc).replace(tzinfo=None)
        waits.append(b["next_at"] - at)
        if n == TRIES:
            site.rules()
        site.sql("UPDATE batch SET next_at = UTC_TIMESTAMP(6) WHERE id = %s AND tries = %s", b["id"], n)
    # 1, 2, 4, 8, 16 s, each a quarter more or less, and the call itself.
    assert waits[0] < waits[2] < waits[4] and waits[4] > timedelta(seconds=10), waits
    site.wait_full(job)
    site.wait_swept()
    site.check()
    assert site.paid_twice() == 0
