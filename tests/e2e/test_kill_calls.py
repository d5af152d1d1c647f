# SPDX-License-Identifier: ISC
"""I2, I3: `kill -9` of batchd before and after every call to the provider, then a restart.

"Before": the stand-in received the call and has not executed it when batchd dies. "After": it executed it, and the
answer never arrived. test_no_call_is_forgotten compares STEPS with the calls of jobs that nobody disturbs. The table
of all kills is printed (-s) and written to kills.txt in the folder of temporary files.
"""
import collections
import time

import pytest

from kills import (CANCEL, CONTENT, CREATE, DELETE, FILES, GET_BATCH, GET_FILE, LIST, UPLOAD, kinds_of_calls, sites,
                   write_report)

TASKS = ("describe", "translate")
# Jobs that together make every call. Each is of 3 lots in one language: a batch of descriptions, one of translations.
STORIES = {
    "plain": [],
    # A line of the first batch comes back in its error file as never executed, and is sent again.
    "errors": [{"match": {"task": task, "nth": 1}, "do": "void_lines", "file": "error"} for task in TASKS],
    # The list leaves the batch out: it is read alone.
    "unlisted": [{"match": {"task": task}, "do": "hide_from_list"} for task in TASKS],
    # The first batch stands still and is cancelled; what is in it is sent again.
    "stuck": [{"match": {"task": task, "nth": 1}, "do": "stuck"} for task in TASKS],
    # The first create never arrives: its input file is deleted, and it is sent anew.
    "fence": [{"match": {"task": task, "nth": 1, "route": CREATE}, "do": "drop_before"} for task in TASKS],
    # Looks at the list, at moments that are held until the kill: while the batch runs, while it is not known whether
    # it was created, and when its input file has been deleted.
    "look: running": [{"match": {"task": task}, "do": "stuck"} for task in TASKS],
    "look: unknown": [{"match": {"task": task, "nth": 1, "route": CREATE}, "do": "drop_before"} for task in TASKS],
    "look: fenced": [rule for task in TASKS for rule in (
        {"match": {"task": task, "nth": 1, "route": CREATE}, "do": "drop_before"},
        {"match": {"task": task, "nth": 1, "route": DELETE}, "do": "slow", "seconds": 60})],
}
OVERRIDES = {"stuck": {"policy": {"small": {"max_requests": 100, "cancel_after": "700ms"}}}}


def each_task(story, *steps):
    return [(story, route, task, file, nth) for task in TASKS for route, file, nth in steps]


# story, route, task, file that the call is about, the how manieth such call
STEPS = [
    ("plain", LIST, None, None, 1),
    *each_task("plain", (UPLOAD, "input", 1), (CREATE, None, 1), (GET_FILE, "output", 1), (CONTENT, "output", 1),
               (DELETE, "input", 1), (DELETE, "output", 1)),
    *each_task("errors", (GET_FILE, "error", 1), (CONTENT, "error", 1), (DELETE, "error", 1)),
    *each_task("unlisted", (GET_BATCH, None, 1)),
    *each_task("stuck", (CANCEL, None, 1)),
    *each_task("fence", (DELETE, "input", 1), (UPLOAD, "input", 2), (CREATE, None, 2)),
    *(step for story in STORIES if story.startswith("look: ") for step in each_task(story, (LIST, None, 1))),
]


def named(step):
    return "-".join(str(part) for part in (step[0], step[1].replace("/v1/", "").replace("/", "-"), *step[2:]) if part)


@pytest.fixture(scope="module")
def clean():
    with sites("kill-calls") as made:
        yield made


@pytest.fixture
def quick(clean):
    return clean()


@pytest.fixture(scope="module")
def table():
    rows = []
    yield rows
    head = f"{'call':<32} {'batch':<10} {'file':<7} {'job':<14} {'killed':<7} {'lost':>4} {'paid twice':>10} {'s':>5}"
    lines = [head, "-" * len(head)]
    lines += [f"{route + (' (again)' if nth > 1 else ''):<32} {task or '-':<10} {file or '-':<7} {story:<14} {moment:<7} "
              f"{lost:>4} {twice:>10} {s:>5.1f}"
              for story, route, task, file, nth, moment, lost, twice, s in sorted(rows, key=lambda r: STEPS.index(r[:5]))]
    lines.append(f"{len(rows)} kills: lost {sum(r[6] for r in rows)}, paid twice {sum(r[7] for r in rows)}")
    write_report("kills.txt", lines)


def fresh(quick, story, task, *rules):
    """The stand-in forgets the jobs before; ours are closed and swept."""
    quick.standin.call("POST", "/_standin/reset")
    quick.rules(*rules, *(rule for rule in STORIES[story] if task in (None, rule["match"]["task"])))


def hold_for_look(quick, story, task, rule):
    """Wait until the story is where it wants to be looked at, and only then add the rule."""
    if story == "look: running":
        quick.standin.call("GET", f"/_standin/wait?status=in_progress&task={task}")
    elif story == "look: unknown":
        quick.wait_phase("unknown")
    else:
        quick.wait_bitten("slow", False)
    quick.standin.fault(rule)
    quick.release()


def let_go(quick):
    for batch in quick.standin.call("GET", "/_standin/batches")["batches"]:
        quick.standin.call("POST", f"/_standin/batches/{batch['id']}", {"status": "resume"})


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("step", STEPS, ids=named)
def test_I3_a_kill_at_any_call_loses_nothing_and_pays_nothing_twice(quick, table, step, moment):
    story, route, task, file, nth = step
    started = time.monotonic()
    rule = {"do": "hang" if moment == "before" else "hang_after", "match": {"route": route, "nth": nth}}
    is_look = story.startswith("look: ")
    if task and not is_look:
        rule["match"]["task"] = task
    if file:
        rule["match"]["filename"] = FILES[file]
    fresh(quick, story, task, *([] if is_look else [rule]))
    batchd = quick.batchd(OVERRIDES.get(story))
    job = quick.take()
    if is_look:
        hold_for_look(quick, story, task, rule)
    quick.wait_bitten(rule["do"], moment == "after", alive=[batchd])
    quick.bury(batchd)
    if story == "look: running":
        let_go(quick)
    batchd.start()
    quick.wait_full(job)
    quick.wait_swept()
    table.append((*step, moment, len(quick.lost()), quick.paid_twice(), time.monotonic() - started))
    quick.prove(batches=None if story in ("errors", "stuck") else 2)
    # Only an upload whose answer was lost leaves a file that no row names; one may have been under way beside the call.
    left = quick.files_left()
    assert len(left) <= 1 and all(name.startswith(FILES["input"]) for name in left)
    assert left or (route, moment) != (UPLOAD, "after")
    assert batchd.stop() == 0


def undisturbed(quick, story):
    """How often each kind of call (route, file that it is about) is made in a job that nobody disturbs."""
    fresh(quick, story, None)
    batchd = quick.batchd(OVERRIDES.get(story))
    job = quick.take()
    quick.wait_full(job)
    quick.wait_swept()
    assert batchd.stop() == 0
    ledger = quick.ledger()
    quick.prove()
    return kinds_of_calls(ledger)


def test_no_call_is_forgotten(quick):
    kinds = {story: undisturbed(quick, story) for story in STORIES if not story.startswith("look: ")}
    # Every kind of call is a step, and in the plain job each single one but the further looks at the list.
    assert set().union(*kinds.values()) == {(route, file) for _, route, _, file, _ in STEPS}
    plain = collections.Counter((route, file) for story, route, _, file, _ in STEPS if story == "plain")
    assert kinds["plain"].pop((LIST, None)) > plain.pop((LIST, None))
    assert kinds["plain"] == plain
