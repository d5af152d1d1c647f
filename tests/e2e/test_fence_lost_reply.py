# SPDX-License-Identifier: ISC
"""I3: replies to paid calls are lost while batchd lives, and a create may come late: never two batches, nothing twice.

The last test takes the fence out of batchd and must see that it pays twice.
"""
import pytest

from kills import CANCEL, CREATE, DELETE, LIST, UPLOAD, changed_batchd, sites
from harness.process import wait_until

TASKS = ("describe", "translate")


@pytest.fixture(scope="module")
def clean():
    with sites("fence") as made:
        yield made


@pytest.fixture
def quick(clean):
    return clean()


def ordered(quick, *rules, overrides=None, change=None):
    """A fresh stand-in with these rules, a batchd and a job of 3 lots in one language."""
    quick.standin.call("POST", "/_standin/reset")
    quick.rules(*rules)
    batchd = quick.batchd(overrides, start=False)
    if change:
        batchd.argv[0] = str(change)
    batchd.start()
    return batchd, quick.take()


def ended_full(quick, batchd, job, batches=2, files=0):
    """The job ended full, everything is proved and swept."""
    quick.wait_full(job)
    quick.wait_swept()
    quick.prove(batches)
    assert len(quick.files_left()) == files
    assert batchd.stop() == 0


def events(quick, job):
    """Kinds of events of the job's batches, in order."""
    return [row["kind"] for row in quick.sql(
        "SELECT e.kind FROM event e JOIN batch_job x ON x.batch_id = e.batch_id JOIN job j ON j.id = x.job_id"
        " WHERE j.public_id = %s AND e.job_id IS NULL ORDER BY e.id", job)]


def unsettle(task, do="delay", **more):
    return {"match": {"route": CREATE, "task": task, "nth": 1}, "do": do, **more}


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
def test_I3_a_created_batch_whose_answer_is_lost_is_found_in_the_list(quick, task, reset):
    batchd, job = ordered(quick, unsettle(task, "drop_after", reset=reset))
    ended_full(quick, batchd, job)
    assert [kind for kind in events(quick, job) if kind in ("create_unknown", "found", "fenced", "anew")] == [
        "create_unknown", "found"]
    assert len(quick.calls(CREATE)) == 2


@pytest.mark.parametrize("task", TASKS)
def test_I3_a_batch_that_the_list_shows_late_is_not_created_again(quick, task):
    batchd, job = ordered(quick, unsettle(task, "drop_after"),
                          {"match": {"task": task, "nth": 1}, "do": "hide_from_list", "reads": 2})
    ended_full(quick, batchd, job)
    assert len(quick.calls(CREATE)) == 2


@pytest.mark.parametrize("task", TASKS)
def test_I3_a_lost_upload_is_repeated_under_another_name(quick, task):
    batchd, job = ordered(quick, {"match": {"route": UPLOAD, "task": task, "nth": 1}, "do": "drop_after"})
    ended_full(quick, batchd, job, files=1)
    names = [upload["filename"] for upload in quick.ledger()["uploads"]]
    assert len(names) == len(set(names)) == 3
    assert len(quick.calls(CREATE)) == 2


def test_I3_a_lost_cancel_is_repeated(quick):
    small = {"policy": {"small": {"max_requests": 100, "cancel_after": "500ms"}}}
    batchd, job = ordered(quick, {"match": {"nth": 1}, "do": "stuck"},
                          {"match": {"route": CANCEL, "nth": 1}, "do": "drop_after"}, overrides=small)
    ended_full(quick, batchd, job, batches=3)


@pytest.mark.parametrize("task", TASKS)
def test_I3_a_create_that_arrives_late_but_before_the_fence_is_adopted(quick, task):
    batchd, job = ordered(quick, unsettle(task), overrides={"batch": {"settle": "60s"}})
    quick.wait_phase("unknown")
    before = quick.last_call()
    quick.wait_call(LIST, "answered", count=2, after=before)     # looked, and not found
    assert quick.ledger()["batches"][1 if task == "translate" else 0:] == []
    quick.release()
    ended_full(quick, batchd, job)
    assert [call["late_status"] for call in quick.calls(CREATE) if call["fault"]] == [200]
    assert not {"fenced", "anew"} & set(events(quick, job))


@pytest.mark.parametrize("task", TASKS)
def test_I3_a_create_that_arrives_after_the_fence_fails(quick, task):
    batchd, job = ordered(quick, unsettle(task))
    quick.wait_call(CREATE, "answered", count=2 if task == "translate" else 1)   # its batch sent anew
    quick.release()
    late = wait_until(lambda: [call["late_status"] for call in quick.calls(CREATE) if "late_status" in call], 30,
                      "the late create to be carried out")
    assert len(late) == 1 and 400 <= late[0] < 500
    ended_full(quick, batchd, job)
    assert [kind for kind in events(quick, job) if kind in ("create_unknown", "fenced", "anew")] == [
        "create_unknown", "fenced", "anew"]


def test_I3_a_create_that_races_with_the_fence_is_carried_out_once_or_never(quick):
    batchd, job = ordered(quick, unsettle("describe"),
                          {"match": {"route": DELETE, "nth": 1}, "do": "slow", "seconds": 60})
    quick.wait_call(DELETE, "received")
    quick.release()             # both: the delayed create and the slow delete, in either order
    # Where the create came first, its batch lost its file and expired, nothing of it executed.
    ended_full(quick, batchd, job, batches=None)


@pytest.mark.parametrize("code", [429, 500, 503])
def test_I3_a_create_that_is_refused_for_now_is_tried_again(quick, code):
    batchd, job = ordered(quick, unsettle("describe", "status", code=code))
    ended_full(quick, batchd, job)


def test_I3_without_the_fence_a_late_create_is_paid_twice_and_seen(quick):
    """The proof that these tests can fail: a batchd that creates again as soon as an answer is lost."""
    blind = changed_batchd("fence-out", {
        "core/policy.c": [("""	case BATCH_UNKNOWN:
		return decide_unknown(b, p, now);""", """	case BATCH_UNKNOWN:
		(void)decide_unknown;
		(void)p;
		return decide(ACT_ANEW, WHY_FENCED, now);""")],
        "core/model.c": [("[BATCH_UNKNOWN] = {[BATCH_RUNNING] = true,",
                          "[BATCH_UNKNOWN] = {[BATCH_SEALED] = true, [BATCH_RUNNING] = true,")]})
    batchd, job = ordered(quick, unsettle("describe"), change=blind)
    quick.wait_call(CREATE, "answered", count=1)
    # Faster than the cancel of a second batch with one key, which batchd makes as soon as it sees it.
    quick.standin.call("POST", "/_standin/step", {"seconds": 0})
    quick.release()
    wait_until(lambda: quick.paid_twice() == 3, 30, "the three lots to be described twice")
    quick.standin.call("POST", "/_standin/step", {"seconds": 0.05})
    quick.wait_full(job)
    with pytest.raises(AssertionError):
        quick.prove()
    batchd.stop()
