# SPDX-License-Identifier: ISC
"""I2, I3: `kill -9` of batchd before and after every call to the provider, then a restart.

"Before": the stand-in received the call and has not executed it when batchd dies. "After": it executed it, and the
answer never arrived. test_no_call_is_forgotten compares STEPS with the calls of jobs that nobody disturbs. The table
of all kills is printed (-s) and written to kills.txt in the folder of temporary files.
"""
import collections
import os
import time
from pathlib import Path

import pytest

from kills import (CANCEL, CONTENT, CREATE, DELETE, GET_BATCH, GET_FILE, LIST, TOP, UPLOAD, site)

# Jobs that together make every call. Each is of 3 lots in one language: a batch of descriptions, one of translations.
STORIES = {
    "plain": [],
    # One line of each first batch comes back in its error file as never executed, and is sent again.
    "errors": [{"match": {"task": task, "nth": 1}, "do": "void_lines", "file": "error"}
               for task in ("describe", "translate")],
    # The list leaves the batches out: they are read one by one.
    "unlisted": [{"do": "hide_from_list"}],
    # The first batch of each task stands still and is cancelled; what is in it is sent again.
    "stuck": [{"match": {"task": task, "nth": 1}, "do": "stuck"} for task in ("describe", "translate")],
    # The first create of each task never arrives: its input file is deleted, and it is sent anew.
    "fence": [{"match": {"task": task, "nth": 1, "route": CREATE}, "do": "drop_before"}
              for task in ("describe", "translate")],
}
BATCHES = {"plain": 2, "unlisted": 2, "fence": 2}
OVERRIDES = {"stuck": {"policy": {"small": {"max_requests": 100, "cancel_after": "700ms"}}}}
FILES = {"input": "lotscribe-", "output": "_output.jsonl", "error": "_error.jsonl"}
LISTS = 6
OF_A_FILE = (GET_FILE, CONTENT, DELETE)


def each_task(story, *steps):
    return [(story, route, task, file, nth) for task in ("describe", "translate") for route, file, nth in steps]


# story, route, task, file that the call is about, the how manieth such call
STEPS = [
    *(("plain", LIST, None, None, nth) for nth in range(1, LISTS + 1)),
    *each_task("plain", (UPLOAD, "input", 1), (CREATE, None, 1), (GET_FILE, "output", 1), (CONTENT, "output", 1),
               (DELETE, "input", 1), (DELETE, "output", 1)),
    *each_task("errors", (GET_FILE, "error", 1), (CONTENT, "error", 1), (DELETE, "error", 1)),
    *each_task("unlisted", (GET_BATCH, None, 1)),
    *each_task("stuck", (CANCEL, None, 1)),
    *each_task("fence", (DELETE, "input", 1), (UPLOAD, "input", 2), (CREATE, None, 2)),
]


@pytest.fixture(scope="module")
def quick():
    with site("kill-calls") as made:
        yield made


@pytest.fixture(scope="module")
def table():
    rows = []
    yield rows
    kills = len(rows)
    head = f"{'call':<32} {'batch':<10} {'file':<7} {'no':>2} {'job':<9} {'killed':<7} {'lost':>4} {'twice':>5} {'s':>6}"
    lines = [head, "-" * len(head)]
    lines += [f"{route:<32} {task or '-':<10} {file or '-':<7} {nth:>2} {story:<9} {moment:<7} {lost:>4} {twice:>5} {s:>6.2f}"
              for story, route, task, file, nth, moment, lost, twice, s in sorted(rows, key=lambda r: STEPS.index(r[:5]))]
    lines.append(f"{kills} kills: {sum(r[6] for r in rows)} lost, {sum(r[7] for r in rows)} paid twice")
    folder = Path(os.environ.get("LOTSCRIBE_TMP", TOP / ".dev" / "tmp"))
    (folder / "kills.txt").write_text("\n".join(lines) + "\n")
    print("\n" + "\n".join(lines))


def fresh(quick, story, *rules):
    """The stand-in forgets the jobs before; ours are closed and swept."""
    quick.standin.call("POST", "/_standin/reset")
    quick.rules(*rules, *STORIES[story])


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("story, route, task, file, nth", STEPS, ids=lambda v: None)
def test_I3_a_kill_at_any_call_loses_nothing_and_pays_nothing_twice(quick, table, story, route, task, file, nth, moment):
    started = time.monotonic()
    action = "hang" if moment == "before" else "hang_after"
    match = {"route": route, "nth": nth, **({"task": task} if task else {}), **({"filename": FILES[file]} if file else {})}
    fresh(quick, story, {"match": match, "do": action})
    batchd = quick.batchd(OVERRIDES.get(story))
    job = quick.take()
    quick.wait_bitten(action, moment == "after", alive=[batchd])
    quick.bury(batchd)
    batchd.start()
    quick.wait_full(job)
    quick.wait_swept()
    table.append((story, route, task, file, nth, moment, len(quick.lost()), quick.paid_twice(),
                  time.monotonic() - started))
    quick.prove(BATCHES.get(story))
    # Only an upload whose answer was lost leaves a file that no row names.
    assert len(quick.files_left()) == (1 if (route, moment) == (UPLOAD, "after") else 0)
    assert batchd.stop() == 0


def undisturbed(quick, story):
    """How often each kind of call (route, file that it is about) is made in a job that nobody disturbs."""
    fresh(quick, story)
    batchd = quick.batchd(OVERRIDES.get(story))
    job = quick.take()
    quick.wait_full(job)
    quick.wait_swept()
    assert batchd.stop() == 0
    ledger = quick.ledger()
    quick.prove(BATCHES.get(story))
    assert quick.files_left() == []
    names = {e["file"]: e["filename"] for e in ledger["events"] if "filename" in e}
    kinds = collections.Counter()
    for call in ledger["calls"]:
        name = "lotscribe-" if call["route"] == UPLOAD else names.get(call["path"].split("?")[0].split("/")[3:4][0]
                                                                      if call["route"] in OF_A_FILE else "", "")
        kinds[call["route"], next((kind for kind, part in FILES.items() if part in name), None)] += 1
    return kinds


def test_no_call_is_forgotten(quick):
    kinds = {story: undisturbed(quick, story) for story in STORIES}
    # Every kind of call is a step, and in the plain job each single one but the further looks at the list.
    assert set().union(*kinds.values()) == {(route, file) for _, route, _, file, _ in STEPS}
    plain = collections.Counter((route, file) for story, route, _, file, _ in STEPS if story == "plain")
    assert kinds["plain"].pop((LIST, None)) >= plain.pop((LIST, None))
    assert kinds["plain"] == plain
