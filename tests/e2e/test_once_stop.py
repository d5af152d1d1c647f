# SPDX-License-Identifier: ISC
"""I3: the key of another project stops sending, and nothing counts as lost; `batchctl resume` reopens a stop."""
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from jobs import Sales, wait_until  # noqa: E402
from kills import CONTENT, CREATE, QUICK, shared_mariadb, wait_log  # noqa: E402
from once import STUCK, Stack, default_build, temporary_work, ticks, writes  # noqa: E402

OTHER = "sk-other"
NONE_OF_OURS = 'sending stopped code=wrong_project'


@pytest.fixture
def site(installation):
    yield installation
    for batchd in installation.stack.batchds:
        batchd.stop()


@pytest.fixture(scope="module")
def installation():
    """The provider has a second project, of a key of its own."""
    with Stack(default_build(), temporary_work("once-stop"), shared_mariadb(), standin_step=0.05, overrides=QUICK,
               standin_options=["--key", f"{OTHER}@other", "--key", "sk-rotated@sk-standin"]) as stack:
        yield Sales(stack)


def with_key(site, key, start=True):
    """A batchd with this key."""
    path = site.stack.work / "secret" / f"{key}.key"
    path.touch(mode=0o600)
    path.write_text(key + "\n")
    return site.stack.add_batchd({"openai": {"api_key_file": str(path)}}, start=start)


HELD = {        # where the batch is when the key changes, and stays: rule, phase before, phase after
    "running": (STUCK, "running", "running"),
    "created in doubt": ({"match": {"route": CREATE, "nth": 1}, "do": "hang_after"}, "creating", "unknown"),
    "being read": ({"match": {"route": CONTENT}, "do": "status", "code": 503}, "harvesting", "harvesting"),
}


@pytest.mark.parametrize("held", HELD)
def test_I3_the_key_of_another_project_loses_nothing(site, held):
    rule, at, phase = HELD[held]
    site.fresh(rule)
    ours = site.batchd()
    job = site.take(3)
    if at == "creating":
        site.wait_bitten("hang_after", True, alive=[ours])
    site.wait_phase(at)
    site.bury(ours)
    if phase != "running":
        site.rules()
    before = site.sql("SELECT * FROM batch ORDER BY id DESC LIMIT 1")[0]
    site.sql("UPDATE batch SET next_at = UTC_TIMESTAMP(6) WHERE id = %s", before["id"])
    later = site.take(2, ())
    last = site.last_call()

    wrong = with_key(site, OTHER)
    wait_log(wrong, NONE_OF_OURS)
    wait_until(lambda: site.sql("SELECT id FROM batch WHERE id = %s AND phase = %s", before["id"], phase), 20, phase)
    ticks(10)
    assert writes(site, last) == []
    after = site.sql("SELECT * FROM batch WHERE id = %s", before["id"])[0]
    assert (after["phase"], after["missing_since"], after["harvest_file"]) == (phase, None, before["harvest_file"])
    assert wrong.log_text().count(NONE_OF_OURS) == 1    # one alert
    assert wrong.stop() == 0

    site.sql("UPDATE batch SET next_at = UTC_TIMESTAMP(6) WHERE id = %s", before["id"])
    ours.start()
    if phase == "running":
        site.force(site.remote()[0]["id"], "resume")
    site.wait_full(job)
    site.wait_full(later)
    site.wait_swept()
    site.check()
    assert site.paid_twice() == 0
    assert ours.stop() == 0


def test_another_key_of_the_same_project_goes_on(site):
    site.fresh(STUCK)
    ours = site.batchd()
    job = site.take(3)
    site.wait_phase("running")
    assert ours.stop() == 0
    rotated = with_key(site, "sk-rotated")
    wait_log(rotated, "reconciled")
    site.force(site.wait_remote("describe", "in_progress")["id"], "resume")
    site.wait_full(job)
    assert NONE_OF_OURS not in rotated.log_text()
    assert rotated.stop() == 0


def test_a_key_that_changes_at_a_reload_is_looked_at_anew(site):
    """SIGHUP with the other project's key stops; with the right one again it goes on."""
    site.fresh(STUCK)
    batchd = with_key(site, site.standin.key)
    key = site.stack.work / "secret" / f"{site.standin.key}.key"
    job = site.take(3)
    site.wait_phase("running")
    key.write_text(OTHER + "\n")
    batchd.reload()
    wait_log(batchd, NONE_OF_OURS)
    later = site.take(1, ())
    last = site.last_call()
    ticks()
    assert writes(site, last) == []
    key.write_text(site.standin.key + "\n")
    batchd.reload()
    site.wait_full(later)
    site.force(site.remote()[0]["id"], "resume")
    site.wait_full(job)
    assert batchd.stop() == 0


QUOTA = {"match": {"route": CREATE, "times": 1}, "do": "status", "code": 429,
         "error": {"code": "insufficient_quota", "type": "insufficient_quota", "message": "You exceeded your quota"}}


def test_I3_the_operator_may_say_that_the_project_is_the_right_one(site):
    """What the other project held is given up by its clocks, and the work goes on in this one."""
    site.fresh(STUCK)
    ours = site.batchd()
    job = site.take(3)
    row = site.wait_phase("running")
    assert ours.stop() == 0
    wrong = with_key(site, OTHER)
    wait_log(wrong, NONE_OF_OURS)
    later = site.take(1, ())
    site.stack.batchctl("resume")
    site.wait_full(later)
    wait_log(wrong, f"batch missing batch={row['id']}")
    # Missing for longer than a list can lag.
    site.sql("UPDATE batch SET missing_since = missing_since - INTERVAL 1 HOUR, submitted_at = submitted_at - INTERVAL"
             " 1 HOUR, next_at = UTC_TIMESTAMP(6), version = version + 1 WHERE id = %s", row["id"])
    site.wait_full(job)
    assert site.sql("SELECT reason FROM batch WHERE id = %s", row["id"]) == [{"reason": "lost"}]
    assert wrong.stop() == 0


def test_I3_resume_reopens_a_stop(site):
    site.fresh(QUOTA)
    batchd = site.batchd()
    job = site.take(2, ())
    wait_log(batchd, "sending stopped code=")
    waits = site.take(2, ())
    last = site.last_call()
    ticks()
    assert [c for c in writes(site, last) if c["method"] == "POST"] == []
    assert site.sql("SELECT COUNT(*) AS n FROM item WHERE state = 'ready'") == [{"n": 4}]
    assert site.stack.batchctl_json("resume") == {"resumed": True}
    site.wait_full(waits)
    site.wait_full(job)
    assert "sending resumed code=insufficient_quota: the operator says so" in batchd.log_text()
    site.wait_swept()
    site.check()
    assert batchd.stop() == 0
