# SPDX-License-Identifier: ISC
"""Results of an earlier system are taken over: repaired, under the ids that old clients know, and translated where asked."""
import ast
import csv
import io
import json
import sys
import uuid
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from jobs import KEEP_FILES, TOP, sales, wait_until  # noqa: E402

SAMPLE = TOP / "tests" / "data" / "import-20.jsonl"
JOB = "365a09ce-5416-49b5-8471-d6aad042761c"


@pytest.fixture(scope="module")
def site():
    with sales("import") as made:
        made.batchd()
        yield made


def lines(path=SAMPLE):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def write(tmp_path, rows):
    path = tmp_path / "results.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def take(site, path, *options, exit_code=0):
    done = site.stack.batchctl("import", str(path), "--account", "test", *options, check=False)
    assert done.returncode == exit_code, done.stderr
    return done


def ended(site, job):
    wait_until(lambda: site.stack.request("GET", f"/api/v1/jobs/{job}/status").status == 200, 20, "the job to be shown")
    status = site.stack.wait_ended(job, 40)
    site.check()
    return status


def result(job="", lot="1", language="en", value=None):
    return {"job_id": job or str(uuid.uuid4()), "lot": lot, "language": language,
            "result": value if value is not None else "{'title': 'Bowl', 'period': None}"}


@pytest.fixture(scope="module")
def sample(site):
    site.stack.batchctl("account", "test")
    return take(site, SAMPLE), ended(site, JOB)


def test_the_sample_is_downloaded_by_the_old_client(site, sample, tmp_path):
    done, status = sample
    assert JOB in done.stdout and "imported" in done.stdout
    assert (status["status"], status["outcome"], status["progress"]["described"]) == ("completed", "full", 20)
    path = tmp_path / "result.json"
    client = site.client(JOB, "--interval", "1", "--download", str(path))
    assert client.returncode == 0, client.stderr
    lots = json.loads(path.read_text(encoding="utf-8"))["lots"]
    assert len(lots) == 20
    for lot, row in zip(lots, lines()):
        english = lot["descriptions"]["en"]
        assert lot["id"] == row["lot"]
        assert english == {"value": ast.literal_eval(row["result"]), "source": "import", "repaired": "python_literal"}


def test_I5_what_was_stored_is_kept_as_it_was(site, sample):
    stored = {row["ref"]: row for row in site.sql(
        "SELECT l.ref, a.raw, a.was, a.report FROM answer a JOIN item i ON i.id = a.item_id JOIN lot l ON l.job_id = i.job_id"
        " AND l.seq = i.lot_seq JOIN job j ON j.id = i.job_id WHERE j.public_id = %s", JOB)}
    for row in lines():
        raw = stored[row["lot"]]["raw"]
        assert (raw.decode() if isinstance(raw, bytes) else raw) == row["result"]
        assert stored[row["lot"]]["was"] == "refused" and json.loads(stored[row["lot"]]["report"])["verdict"] == "mended"


def test_csv_of_imported_results_has_the_whole_value(site, sample):
    text = site.stack.request("GET", f"/api/v1/jobs/{JOB}?format=csv").body.decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [json.loads(row["value"]) for row in rows] == [ast.literal_eval(row["result"]) for row in lines()]


def test_a_second_import_changes_nothing(site, sample):
    version = site.sql("SELECT version FROM job WHERE public_id = %s", JOB)
    assert "there already" in take(site, SAMPLE).stdout
    assert site.sql("SELECT version FROM job WHERE public_id = %s", JOB) == version


def test_translations_are_ordered_and_only_what_is_missing(site, sample, tmp_path):
    site.fresh(KEEP_FILES)
    job = str(uuid.uuid4())
    rows = [result(job, str(n), "en", f"{{'title': 'Bowl no. {n}', 'keywords': ('a', 'b')}}") for n in (1, 2, 3)]
    rows += [result(job, "2", "FR", {"title": "Bol no. 2"}), result(job, "4", "fr"), result(job, "5", "en", "I am sorry, no.")]
    take(site, write(tmp_path, rows), "--languages", "fr,DE", "--deadline", "PT1H")
    status = ended(site, job)
    assert (status["status"], status["outcome"]) == ("completed", "partial")
    assert status["languages"] == {"en": {"done": 3, "total": 5}, "fr": {"done": 4, "total": 5}, "de": {"done": 3, "total": 5}}
    assert len(site.requests("translate")) == 5 and not site.requests("describe")
    lots = {lot["id"]: lot for lot in site.stack.result(job)["lots"]}
    assert lots["1"]["descriptions"]["en"]["value"] == {"title": "Bowl no. 1", "keywords": ["a", "b"]}
    assert lots["2"]["descriptions"]["fr"] == {"value": {"title": "Bol no. 2"}, "source": "import", "repaired": None}
    assert lots["1"]["descriptions"]["fr"]["source"] == "batch" and "no. 1" in lots["1"]["descriptions"]["fr"]["value"]["title"]
    codes = {(lot, e["language"]): e["code"] for lot in lots for e in lots[lot]["errors"]}
    assert codes == {("4", "en"): "not_imported", ("4", "de"): "description_failed", ("5", "en"): "invalid_json",
                     ("5", "fr"): "description_failed", ("5", "de"): "description_failed"}


def test_a_retry_asks_for_no_description_that_nobody_can_make(site, sample, tmp_path):
    job = str(uuid.uuid4())
    take(site, write(tmp_path, [result(job, "1"), result(job, "2", value="no")]))
    assert ended(site, job)["outcome"] == "partial"
    site.fresh(KEEP_FILES)
    site.stack.batchctl("retry", job)
    assert ended(site, job)["outcome"] == "partial" and not site.requests()


def test_languages_can_be_added_later(site, sample):
    site.fresh(KEEP_FILES)
    key = site.stack.batchctl("key", "add", "test").stdout.split()[-1]
    answer = site.stack.request("POST", f"/api/v1/jobs/{JOB}/languages", {"languages": ["it"], "deadline": "PT1H"}, key=key)
    assert answer.status == 202, answer.body
    wait_until(lambda: site.stack.status(JOB)["languages"].get("it", {}).get("done") == 20, 40, "Italian")
    assert ended(site, JOB)["outcome"] == "full"


WRONG = {
    "is not JSON": "{'job_id'",
    "is not an object": "[]",
    "lacks one of job_id, lot, language and result": '{"job_id": "' + JOB + '", "lot": "1", "language": "en"}',
    "has a key that is none of": json.dumps({**result(), "more": 1}),
    "job_id is not a UUID": json.dumps({**result(), "job_id": "7"}),
    "language is not a language tag": json.dumps({**result(), "language": "English!"}),
    "lot is neither a number nor a text": json.dumps({**result(), "lot": ""}),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_line_that_is_wrong_is_named_and_nothing_is_taken(site, sample, tmp_path, what):
    path = tmp_path / "wrong.jsonl"
    path.write_text(json.dumps(result()) + "\n\n" + WRONG[what] + "\n")
    jobs = site.sql("SELECT COUNT(*) AS n FROM job")
    assert f"{path}:3: {what}" in take(site, path, exit_code=65).stderr
    assert site.sql("SELECT COUNT(*) AS n FROM job") == jobs


def test_a_result_that_is_there_twice_is_no_guess(site, sample, tmp_path):
    job = str(uuid.uuid4())
    path = write(tmp_path, [result(job), result(), result(job)])
    assert f"{path}:3: the result of lot 1 in en is in line 1 already" in take(site, path, exit_code=65).stderr


@pytest.mark.parametrize("options, code", [(("--languages", "en"), 64), (("--languages", "fr,,"), 64), (("--deadline", "PT1H"), 64),
                                           (("--languages", "fr", "--deadline", "soon"), 64), (("--account", "nobody"), 66)])
def test_options_that_cannot_be(site, sample, options, code):
    take(site, SAMPLE, *options, exit_code=code)


def test_I1_an_import_that_batchd_has_not_seen_is_kept_until_it_has(tmp_path):
    """It is invisible, and no unfinished order of long ago."""
    with sales("import-later") as site:
        site.stack.batchctl("account", "test")
        take(site, SAMPLE)
        site.sql("UPDATE job SET created_at = created_at - INTERVAL 2 HOUR")
        assert site.stack.request("GET", f"/api/v1/jobs/{JOB}/status").status == 404
        site.batchd()
        assert ended(site, JOB)["outcome"] == "full"
