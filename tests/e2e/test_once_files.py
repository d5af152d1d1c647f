# SPDX-License-Identifier: ISC
"""Files that nothing names, from uploads whose answer was lost, are deleted; nobody else's, none that is needed."""
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from jobs import sales, wait_until  # noqa: E402
from kills import UPLOAD  # noqa: E402
from once import STUCK, create, set_clock, upload, writes  # noqa: E402

OLD = 49 * 3600
LIST_FILES = "GET /v1/files"


@pytest.fixture(scope="module")
def site():
    with sales("once-files") as made:
        yield made


def due(site):
    site.sql("UPDATE installation SET files_swept_at = files_swept_at - INTERVAL 2 DAY")


def swept_today(site):
    return site.sql("SELECT id FROM installation WHERE files_swept_at > UTC_TIMESTAMP() - INTERVAL 1 HOUR")


def test_files_that_nothing_names_are_deleted_once_a_day(site):
    site.fresh({"match": {"route": UPLOAD, "nth": 1}, "do": "drop_after"}, STUCK)
    mark = site.stack.batchctl_json("installation")["mark"]
    ours = f"lotscribe-{mark}-{'a' * 32}-%d.jsonl"
    batchd = site.batchd()
    set_clock(site, -OLD)
    job = site.take(3)
    remote = site.wait_remote("describe", "in_progress")
    row = site.wait_phase("running")
    uploads = [e["file"] for e in site.ledger()["events"] if e["kind"] == "upload"]
    nameless, named = (f for f in uploads if f != row["input_file_id"]), row["input_file_id"]
    delete = {*nameless, upload(site, ours % 1)}
    keep = {named,
            upload(site, f"lotscribe-{'b' * 32}-{'a' * 32}-1.jsonl"),     # of another installation
            upload(site, f"other-{mark}-{'a' * 32}-1.jsonl"), upload(site, "sale.jsonl")}
    listed = upload(site, ours % 2)
    create(site, listed, {"of": "another program"})
    keep.add(listed)
    set_clock(site, OLD)
    keep.add(upload(site, ours % 3))                                      # young
    assert len(delete) == 2
    assert batchd.stop() == 0

    due(site)
    last = site.last_call()
    batchd.start()
    wait_until(lambda: swept_today(site), 30, "the sweep", alive=[batchd])
    assert len(site.calls(LIST_FILES, after=last)) == 1
    assert {c["path"].split("/")[3] for c in writes(site, last)} == delete
    assert keep <= {f["id"] for f in site.standin.call("GET", "/v1/files")["data"]}
    assert "nameless files deleted n=2" in batchd.log_text()

    # A restart is no reason to look again.
    batchd.restart()
    last = site.last_call()
    site.force(remote["id"], "resume")
    site.wait_full(job)
    assert site.calls(LIST_FILES, after=last) == []
    assert batchd.stop() == 0


@pytest.mark.parametrize("route", [LIST_FILES, "GET /v1/batches", "DELETE /v1/files/{id}"])
def test_a_sweep_that_fails_deletes_nothing_it_is_not_sure_of(site, route):
    """Each of its calls fails once: what was not looked up is spared, and the sweep is not done."""
    site.fresh()
    site.end_lease()
    mark = site.stack.batchctl_json("installation")["mark"]
    set_clock(site, -OLD)
    file = upload(site, f"lotscribe-{mark}-{'c' * 32}-1.jsonl")
    set_clock(site, OLD)
    due(site)
    # The first look at the list is the reconciliation.
    nth = 2 if route == "GET /v1/batches" else 1
    site.rules({"match": {"route": route, "nth": nth}, "do": "status", "code": 500})
    batchd = site.batchd()
    wait_until(lambda: [c for c in site.calls(route) if c["status"] == 500], 30, "the failure", alive=[batchd])
    assert batchd.stop() == 0
    assert file in [f["id"] for f in site.standin.call("GET", "/v1/files")["data"]]
    assert not swept_today(site)
    # The next batchd does it.
    batchd.start()
    wait_until(lambda: swept_today(site), 30, "the sweep", alive=[batchd])
    assert file not in [f["id"] for f in site.standin.call("GET", "/v1/files")["data"]]
    assert batchd.stop() == 0
