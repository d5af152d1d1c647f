# SPDX-License-Identifier: ISC
"""The fault matrix, deaths: `kill -9` of batchd at every provider call of a job that goes down the whole ladder, before the
call is carried out and after it, when its answer is not stored yet.

The job: its descriptions come; the first batch of translations stands still with one line done, is cancelled and read; so
does a second one, with nothing done; what is left goes by calls, of which the first is refused for lack of room.
`./dev test` kills where no other test does (test_kill_calls.py has the plain path), once at each kind of call; `./dev
faults --all` kills at all of them.
"""
import pytest

from faults import ALL, CALLS, CANCEL, CHAT, CONTENT, CREATE, DELETE, GET_FILE, NO_ROOM, UPLOAD, chat, first, ladder
from kills import FILES, kinds_of_calls

STORY = [first("translate", "stuck", done=1), {"match": {"task": "translate", "from": 2}, "do": "stuck"},
         chat(match={"nth": 1}, **NO_ROOM)]
# route, file that the call is about, the how manieth such call for translations
ONLY_HERE = [(CANCEL, None, 1), (UPLOAD, "input", 2), (CREATE, None, 2), (CONTENT, "error", 2),
             *((CHAT, None, n) for n in (1, 2, 4))]
REST = [(UPLOAD, "input", 1), (CREATE, None, 1), (GET_FILE, "output", 1), (CONTENT, "output", 1), (GET_FILE, "error", 1),
        (CONTENT, "error", 1), (DELETE, "input", 1), (DELETE, "output", 1), (DELETE, "error", 1), (CANCEL, None, 2),
        (GET_FILE, "error", 2), (DELETE, "input", 2), (DELETE, "error", 2), (CHAT, None, 3)]
STEPS = ONLY_HERE + (REST if ALL else [])
SECONDS = 14


@pytest.fixture(scope="module")
def row():
    with ladder("kill -9") as made:
        yield made


def rule_of(step, do):
    route, file, nth = step
    match = {"route": route, "nth": nth, "task": "translate"}
    if file:
        match["filename"] = FILES[file]
    return {"match": match, "do": do}


def named(step):
    route, file, nth = step
    return f"{route.replace('/v1/', '')}{f', {file} file' if file else ''}, no. {nth}"


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("step", STEPS, ids=named)
def test_I1_I2_I3_a_kill_at_a_call_of_the_ladder(row, step, moment):
    do = "hang" if moment == "before" else "hang_after"
    with row(f"killed {moment} {named(step)}") as one:
        one.start(rule_of(step, do), *STORY, seconds=SECONDS)
        one.site.wait_bitten(do, moment == "after", alive=[one.batchd])
        one.site.bury(one.batchd)
        calls = one.site.sql("SELECT 1 FROM attempt WHERE batch_id IS NULL AND outcome IS NULL")
        assert len(calls) <= CALLS
        if calls:
            one.bound, one.why = len(calls), "calls in flight at the kill"
        one.batchd.start()


def test_no_call_of_the_ladder_is_forgotten(row):
    with row("nobody is killed") as one:
        one.start(*STORY, seconds=SECONDS)
        assert [status["outcome"] for status in one.ended()] == ["full"]
        one.site.wait_swept()
        ledger = one.site.ledger()
    kinds = kinds_of_calls(ledger)
    known = {(route, file) for route, file, _ in ONLY_HERE + REST}
    # Looks at the list belong to no task; a batch is read alone where the list leaves it out.
    assert {kind for kind in kinds if not kind[0].startswith("GET /v1/batches")} == known
    assert kinds[CHAT, None] == max(nth for route, _, nth in ONLY_HERE if route == CHAT)
