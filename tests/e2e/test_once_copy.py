# SPDX-License-Identifier: ISC
"""I3: a copy of production sends, cancels and deletes nothing until an operator has said whose it is."""
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from jobs import KEEP_FILES, sales, wait_until  # noqa: E402
from kills import CANCEL, LIST, wait_log  # noqa: E402
from once import copy_of, ticks, twice, writes  # noqa: E402

SAID = "state directory is of another installation"
LEASE = {"daemon": {"lease": "2s"}}


@pytest.fixture
def production():
    """Killed in full work: one job done whose files are still there, one in a batch, one waiting; the lease lives."""
    with sales("once-production", LEASE) as site:
        site.rules(KEEP_FILES, {"match": {"task": "describe", "nth": 2}, "do": "stuck"})
        batchd = site.batchd()
        site.wait_full(site.take())
        site.take(3, ())
        wait_until(lambda: site.sql("SELECT id FROM batch WHERE remote_status = 'in_progress' AND remote_total = 3"),
                   20, "the last news of the second batch")
        batchd.kill()
        site.take(2, ())
        yield site


@pytest.fixture(scope="module")
def site():
    with sales("once-copy", LEASE) as made:
        yield made


def start(copy, mark):
    """A batchd on the copy that has looked around and does not send; and the number of the last call before it.

    If it may, it at once cancels the batch that stands still, sends what waits, and deletes files.
    """
    last = copy.last_call()
    copy.sql("UPDATE batch SET progress_at = progress_at - INTERVAL 3 HOUR WHERE phase = 'running'")
    batchd = copy.stack.add_batchd(LEASE, start=False)
    if mark:
        (batchd.state_dir / "installation").write_text(mark + "\n")
    batchd.start()
    wait_log(batchd, SAID)
    wait_until(lambda: len(copy.calls(LIST, after=last)) >= 5, 30, "five looks at the list",
               alive=[batchd])
    return last, batchd


def all_full(copy):
    wait_until(lambda: not copy.sql("SELECT id FROM job WHERE NOT (status = 'completed' AND outcome = 'full')"), 30,
               "all jobs to be full")
    wait_until(lambda: not copy.sql("SELECT id FROM batch WHERE phase <> 'closed' OR swept_at IS NULL"), 30,
               "all batches to be closed and swept")
    copy.check()


def mark_of(copy):
    return copy.stack.batchctl_json("installation")["mark"]


@pytest.mark.parametrize("mark", [None, "0" * 32], ids=["empty directory", "another's directory"])
def test_I3_a_copy_only_reads_until_it_is_kept(production, mark):
    with copy_of(production) as copy:
        last, batchd = start(copy, mark)
        ticks()
        assert writes(copy, last) == []
        assert copy.sql("SELECT COUNT(*) AS n FROM item WHERE state = 'ready'") == [{"n": 2}]
        assert not (batchd.state_dir / "installation").exists() or mark
        copy.rules()
        copy.stack.batchctl("installation", "keep")
        all_full(copy)
        assert mark_of(copy) == mark_of(production) == (batchd.state_dir / "installation").read_text().strip()
        assert copy.stack.batchctl_json("installation")["keep_next"] is False
        assert len(copy.calls(CANCEL, after=last)) == 1
        assert twice(copy) == []


def test_I3_a_copy_that_is_new_sends_anew_and_touches_nothing_of_the_others(production):
    with copy_of(production) as copy:
        last, batchd = start(copy, None)
        before = {b["id"] for b in copy.remote()}
        files = {f["id"] for f in copy.standin.call("GET", "/v1/files")["data"]}
        copy.rules()
        said = copy.stack.batchctl_json("installation", "new")
        assert said["mark"] != mark_of(production) and said["lost_batches"] == 1
        all_full(copy)
        assert (batchd.state_dir / "installation").read_text().strip() == said["mark"]
        reasons = copy.sql("SELECT reason, COUNT(*) AS n FROM batch GROUP BY reason ORDER BY reason")
        assert reasons == [{"reason": "harvested", "n": 3}, {"reason": "lost", "n": 1}]
        new = [b for b in copy.remote() if b["id"] not in before]
        assert {b["metadata"]["lotscribe_installation"] for b in new} == {said["mark"]}
        # What was there is there still, and nobody has written to it.
        assert files <= {f["id"] for f in copy.standin.call("GET", "/v1/files")["data"]}
        touched = {part for c in writes(copy, last) for part in c["path"].split("/")}
        assert not touched & (before | files)


def test_a_new_mark_is_taken_by_a_batchd_that_runs(site):
    """The operator's word is heeded within a tick, and again only once."""
    site.fresh()
    site.end_lease()
    batchd = site.batchd()
    wait_log(batchd, "lease taken")
    said = site.stack.batchctl_json("installation", "new")
    wait_until(lambda: (batchd.state_dir / "installation").read_text().strip() == said["mark"], 20,
               "the new mark to be taken")
    job = site.take()
    site.wait_full(job)
    assert {b["metadata"]["lotscribe_installation"] for b in site.remote()} == {said["mark"]}
    assert batchd.stop() == 0


def test_a_new_standby_takes_the_mark_from_the_active_one(site):
    site.fresh({"match": {"task": "describe", "nth": 1}, "do": "stuck"})
    site.end_lease()
    active = site.batchd()
    job = site.take()
    remote = site.wait_remote("describe", "in_progress")
    standby = site.stack.add_batchd(stranger=True)
    wait_log(standby, f"installation taken mark={mark_of(site)}")
    site.bury(active)
    wait_log(standby, "lease taken")
    assert SAID not in standby.log_text()
    site.force(remote["id"], "resume")
    site.wait_full(job)
    site.wait_swept()
    assert len(site.remote()) == 2
    assert standby.stop() == 0
