# SPDX-License-Identifier: ISC
"""kill -9 of batchd between the slices of a request: it is carried out once."""
import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from commands import BAD_REQUEST, ask, call, carried_out, lines_sent, row  # noqa: E402
from jobs import KEEP_FILES, sales, wait_until  # noqa: E402

LOTS = 450          # with a language: slices of 200 lots
SECOND = 200        # the first lot of the second slice


@pytest.fixture
def site():
    with sales("command-kills", {"fallback": {"max_attempts": 1}}) as made:
        made.rules(KEEP_FILES)
        made.batchd()
        yield made
        made.stack.batchd.kill()


def die_in_second_slice(site, begin):
    """batchd dies while a lock on an item holds up the second slice of what `begin` asks for."""
    holder = site.stack.mariadb.connect(site.stack.database)
    holder.begin()
    try:
        with holder.cursor() as cursor:
            cursor.execute("SELECT * FROM item WHERE job_id = 1 AND lot_seq = %s FOR UPDATE", (SECOND + 1,))
            begin()
            wait_until(lambda: site.sql("SELECT 1 FROM request WHERE place = %s", SECOND), 30, "the first slice",
                       alive=site.stack.batchds)
            site.bury(site.stack.batchd)
    finally:
        holder.close()


def test_a_retry_is_carried_out_once(site):
    site.rules(KEEP_FILES, {**BAD_REQUEST, "match": {"task": "describe"}, "all": True})
    job = site.take(LOTS)
    assert site.stack.wait_ended(job)["status"] == "failed"
    site.wait_closed()
    # Nothing is sent meanwhile: what the request does is what is seen.
    site.rules(KEEP_FILES, {"match": {"route": "POST /v1/files"}, "do": "status", "code": 503})
    die_in_second_slice(site, lambda: ask(site, job, "retry"))
    states = {(i["lot_seq"] < SECOND, i["lang_no"], i["state"] == "failed") for i in site.sql("SELECT * FROM item")}
    assert states == {(True, 0, False), (True, 1, False), (False, 0, True), (False, 1, True)}
    assert row(site, job)["reopening"] == 1
    site.check()
    # One of the first slice fails anew: the retry is over for it.
    site.sql("UPDATE item SET state = 'blocked' WHERE lot_seq = 7 AND lang_no = 1")
    again = site.sql("SELECT id, state FROM item WHERE lot_seq = 7 AND lang_no = 0")[0]
    site.sql("UPDATE attempt SET outcome = 'void', code = 'x' WHERE item_id = %s AND outcome IS NULL", again["id"])
    site.sql("UPDATE batch b JOIN item i ON i.batch_id = b.id SET b.n_void = b.n_void + 1 WHERE i.id = %s", again["id"])
    site.sql("UPDATE item SET state = 'failed', code = 'bad_image', batch_id = NULL WHERE id = %s", again["id"])
    site.sql(f"UPDATE job_language SET n_failed = n_failed + 1, n_{again['state']} = n_{again['state']} - 1"
             " WHERE job_id = 1 AND no = 0")
    site.stack.batchd.start()
    assert [r["kind"] for r in carried_out(site)] == ["retry"]
    failed = site.sql("SELECT lot_seq FROM item WHERE lang_no = 0 AND state = 'failed'")
    assert [f["lot_seq"] for f in failed] == [7]
    assert row(site, job)["reopening"] == 0
    site.rules(KEEP_FILES)
    site.check()


def test_added_languages_get_each_item_once(site):
    job = site.take(LOTS)
    site.wait_full(job)
    site.wait_closed()
    die_in_second_slice(site, lambda: call(site, job, "languages", {"languages": ["it"]}))
    assert site.sql("SELECT COUNT(*) AS n FROM item WHERE lang_no = 2")[0]["n"] < LOTS
    site.check()
    site.stack.batchd.start()
    site.wait_full(job)
    site.wait_closed()
    site.check()
    assert sum(lines_sent(site, "translate")) == 2 * LOTS and lines_sent(site, "describe") == [LOTS]
    assert site.paid_twice() == 0


def test_an_import_is_shown_whole_or_not_at_all(site, tmp_path):
    job = "365a09ce-5416-49b5-8471-d6aad042761c"
    path = tmp_path / "results.jsonl"
    path.write_text("".join(json.dumps({"job_id": job, "lot": n, "language": "en", "result": f"{{'title': 'Bowl no. {n}'}}"}) + "\n"
                            for n in range(LOTS)))
    site.stack.batchctl("account", "earlier")
    site.stack.batchd.stop()
    site.stack.batchctl("import", str(path), "--account", "earlier")
    die_in_second_slice(site, site.stack.batchd.start)
    assert site.sql("SELECT COUNT(*) AS n FROM answer WHERE grade = 'valid'")[0]["n"] == SECOND
    assert site.stack.request("GET", f"/api/v1/jobs/{job}/status").status == 404
    site.check()
    site.stack.batchd.start()
    wait_until(lambda: site.stack.request("GET", f"/api/v1/jobs/{job}/status").status == 200, 30, "the job to be shown")
    assert site.stack.status(job)["outcome"] == "full" and [r["kind"] for r in carried_out(site)] == ["import"]
    assert sum(e["n"] for e in site.sql("SELECT n FROM event WHERE kind = 'imported'")) == LOTS
    site.check()
