# SPDX-License-Identifier: ISC
"""The fault matrix, batches: the troubles that users of the Batch API met, each staged for a job's translations (and for
its descriptions under `./dev faults --all`). I1, I2, I3 hold in each."""
import pytest

from faults import ALL, CANCEL, CONTENT, CREATE, LEFT, LOTS, UPLOAD, first, ladder, stuck_batch
from harness.process import wait_until

TASKS = ("translate", "describe") if ALL else ("translate",)
DONE = 2        # lines that a batch executed before it got stuck


def at(route, do, task, **parameters):
    """A rule for the first call of a route that is about a task."""
    return {"match": {"route": route, "task": task, "nth": 1}, "do": do, **parameters}


def error(message, code=None, kind="invalid_request_error", param=None):
    return {"message": message, "code": code, "type": kind, "param": param}


# What goes wrong; rules for a task.
TROUBLES = {
    "stuck in progress at 0": lambda t: [first(t, "stuck")],
    "every batch stuck at 0": lambda t: [{"match": {"task": t}, "do": "stuck"}],
    "stuck in progress, some done": lambda t: [first(t, "stuck", done=DONE)],
    "stuck in validating": lambda t: [first(t, "stuck", status="validating")],
    "completed without an output file, all failed": lambda t: [first(t, "all_failed", code=500)],
    "counts lie: void and missing lines": lambda t: [
        first(t, "counts_lie"), first(t, "void_lines", n=1), first(t, "missing_lines", n=1, skip=1)],
    "status 0 in every line": lambda t: [first(t, "void_lines", all=True)],
    "expired with some done": lambda t: [first(t, "expire", done=DONE)],
    "expired, nothing done": lambda t: [first(t, "expire", done=0)],
    "the files of a cancelled batch are not found at first": lambda t: [first(t, "stuck", done=DONE),
                                                                        first(t, "file_404", reads=2)],
    "download cut": lambda t: [at(CONTENT, "truncate", t)],
    "download cut, and its length told so": lambda t: [at(CONTENT, "truncate", t, content_length="cut")],
    "502 on content": lambda t: [at(CONTENT, "html_502", t)],
    "cannot find the file that was uploaded": lambda t: [first(t, "cannot_find_file")],
    "404 on the file at the create": lambda t: [at(CREATE, "status", t, code=404, error=error("No such File object: x"))],
    "404 on a young batch": lambda t: [first(t, "vanish", reads=3)],
    "answer to the create lost": lambda t: [at(CREATE, "drop_after", t)],
    "create carried out late": lambda t: [at(CREATE, "delay", t, seconds=0.5)],
    "create never arrives": lambda t: [at(CREATE, "drop_before", t)],
    "answer to the upload lost": lambda t: [at(UPLOAD, "drop_after", t)],
    "upload breaks off": lambda t: [{"match": {"route": UPLOAD, "nth": 1 if t == "describe" else 2}, "do": "drop_upload"}],
    "token limit": lambda t: [first(t, "fail", code="token_limit_exceeded")],
    "lines 404, the model is not there for batches": lambda t: [
        first(t, "http_error_lines", all=True, code=404, error=error("The model does not exist", "model_not_found"))],
    "image not downloaded": lambda t: [first(t, "http_error_lines", n=DONE, code=400, error=error(
        "Error while downloading https://example.com/1.jpg.", "invalid_value", param="url"))],
    "duplicate custom_id": lambda t: [first(t, "fail", code="duplicate_custom_id", line=2)],
    "input file refused at line 1 (BOM)": lambda t: [first(t, "fail", code="invalid_json_line", line=1)],
    "answers in odd forms": lambda t: [first(t, "python_literal_lines", n=1), first(t, "fenced_lines", n=1, skip=1)],
    "server errors in all lines": lambda t: [
        first(t, "all_failed", code=500, error=error("An error occurred while processing your request.", kind="server_error"))],
    "file too large": lambda t: [at(UPLOAD, "status", t, code=400, error=error("File is too large."))],
    "429, 500 and 503 in lines": lambda t: [first(t, "http_error_lines", lines=[n], code=code)
                                            for n, code in enumerate((429, 500, 503))],
    "cancel refused once": lambda t: [first(t, "stuck", done=DONE), at(CANCEL, "status", t, code=500)],
    "strangers among the lines": lambda t: [first(t, "foreign_lines", n=2)],
    "a line is no JSON": lambda t: [first(t, "broken_lines", n=1)],
}
BOUNDS = {
    "answers in odd forms": (DONE, "repeats, for a better answer"),
    "cancel refused once": (DONE, LEFT),
    "a line is no JSON": (1, "a line that cannot be read"),
}


@pytest.fixture(scope="module")
def row():
    with ladder("batches") as made:
        yield made


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("trouble", TROUBLES)
def test_I1_I2_I3_trouble(row, trouble, task):
    with row(trouble + (" (describe)" if task == "describe" else ""), *BOUNDS.get(trouble, (0, ""))) as one:
        one.start(*TROUBLES[trouble](task))


def test_I1_I3_a_cancel_takes_longer_than_its_grace(row):
    """What the batch had done is paid for, and comes after its items left."""
    with row("cancelling for longer than the grace", LOTS, LEFT) as one:
        one.start(first("translate", "stuck", done=DONE), first("translate", "cancel_slow", seconds=3))


def test_I1_I3_results_are_ready_and_never_written(row):
    with row("stuck in finalizing", LOTS, "items that left at their latest start") as one:
        one.start(first("translate", "stuck", status="finalizing"))


def test_I1_I3_a_batch_vanishes(row):
    """404 for ten minutes; the row is made older than that."""
    with row("the batch vanishes", LOTS, "a batch that vanished") as one:
        one.start(first("translate", "stuck", done=DONE))
        remote = stuck_batch(one.site, done=DONE)
        one.site.force(remote["id"], "vanish")
        wait_until(lambda: one.site.sql("SELECT 1 FROM batch WHERE missing_since IS NOT NULL AND phase = 'running'"), 20,
                   "batchd to miss it")
        one.site.sql("UPDATE batch SET missing_since = missing_since - INTERVAL 11 MINUTE, submitted_at = submitted_at"
                     " - INTERVAL 11 MINUTE, next_at = UTC_TIMESTAMP(6) WHERE phase = 'running'")


def test_I1_a_cancel_from_outside(row):
    with row("cancelled by someone else") as one:
        one.start(first("translate", "stuck", done=DONE))
        remote = stuck_batch(one.site, done=DONE)
        one.site.standin.call("POST", f"/v1/batches/{remote['id']}/cancel")


def test_I1_the_storage_is_full(row):
    """Everything stops; the operator makes room and says so, and the batch goes on."""
    with row("storage full: 100 GB of files, then resumed") as one:
        one.start(at(UPLOAD, "status", "translate", code=400,
                     error=error("Organizations are limited to 100 GB of files.")))
        wait_until(lambda: "sending stopped" in one.batchd.log_text(), 20, "sending to stop")
        one.site.stack.batchctl("resume")
        assert one.ended()[0]["outcome"] == "full"


@pytest.mark.parametrize("route", [UPLOAD, CREATE])
def test_I1_a_wait_that_the_provider_asks_for_ends_at_the_latest_start(row, route):
    with row(f"{route} refused, come back in ten minutes") as one:
        one.start({"match": {"route": route, "task": "translate"}, "do": "status", "code": 429,
                   "headers": {"retry-after": "600"}})
        assert one.ended()[0]["outcome"] == "full"


def test_I1_the_provider_denies_a_batch(row):
    """404 whenever it is asked for, in the list too, though it runs."""
    with row("404 for every read of the batch", LOTS, LEFT) as one:
        one.start({"match": {"route": "GET /v1/batches/{id}"}, "do": "status", "code": 404},
                  first("translate", "hide_from_list"))
