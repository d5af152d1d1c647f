# SPDX-License-Identifier: ISC
"""A spool that cannot be written holds up what needs it, asks the provider no more than the back-off allows, and
is used again as soon as it can be."""
import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from jobs import CONTENT, first_describe, sales, wait_until  # noqa: E402
from kills import GET_FILE, UPLOAD  # noqa: E402

TRIES = 3


@pytest.fixture(scope="module")
def site():
    with sales("spool") as made:
        made.batchd()
        yield made


def take_away(site, how):
    spool = site.stack.batchd.state_dir / "spool"
    shutil.rmtree(spool)
    if how == "a file":
        spool.write_text("in the way\n")
    return spool


def give_back(spool):
    if spool.is_file():
        spool.unlink()
    spool.mkdir(mode=0o700, exist_ok=True)


def count_tries(site, route):
    """Wait for some tries, each made due by hand; the provider is asked once a try at most."""
    for n in range(1, TRIES + 1):
        row = wait_until(lambda: next(iter(site.sql("SELECT * FROM batch WHERE phase <> 'closed' AND tries >= %s", n)), None),
                         20, f"{n} tries", alive=site.stack.batchds)
        assert row["tries"] == n and row["last_error"]
        assert len(site.calls(route)) <= n
        site.sql("UPDATE batch SET next_at = UTC_TIMESTAMP(6) WHERE id = %s AND tries = %s", row["id"], n)


@pytest.mark.parametrize("how", ["gone", "a file"])
def test_results_wait_for_the_spool(site, how):
    site.fresh(first_describe("stuck"))
    job = site.take(2, ())
    remote = site.wait_remote("describe", "in_progress")
    site.wait_phase("running")
    spool = take_away(site, how)
    site.force(remote["id"], "resume")
    count_tries(site, GET_FILE)
    assert len(site.calls(CONTENT)) <= TRIES
    give_back(spool)
    site.sql("UPDATE batch SET next_at = UTC_TIMESTAMP(6)")
    site.wait_full(job)
    site.wait_swept()
    site.prove(1)


@pytest.mark.parametrize("how", ["gone", "a file"])
def test_requests_wait_for_the_spool(site, how):
    site.fresh()
    spool = take_away(site, how)
    job = site.take(2, ())
    count_tries(site, UPLOAD)
    assert site.calls(UPLOAD) == []
    give_back(spool)
    site.sql("UPDATE batch SET next_at = UTC_TIMESTAMP(6)")
    site.wait_full(job)
    site.wait_swept()
    site.prove(1)
