# SPDX-License-Identifier: ISC
"""Which items travel together: jobs of several accounts, limits of a batch, the provider's queue, and waiting."""
import json
import sys
from collections import Counter
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from fcgi_client import request  # noqa: E402
from jobs import KEEP_FILES, MODEL, order, sales, wait_until  # noqa: E402

PATIENT = {"batch": {"linger": "1h"}}


@pytest.fixture
def site(request):
    overrides = getattr(request, "param", {})
    with sales("job-batches", overrides) as made:
        made.fresh(KEEP_FILES)
        yield made


def configured(overrides):
    return pytest.mark.parametrize("site", [overrides], indirect=True, ids=[""])


def shares(site):
    """For each batch in order: its task, and how many items each job has in it."""
    rows = site.sql("SELECT b.id, r.task, x.job_id, x.n_items FROM batch b JOIN recipe r ON r.id = b.recipe_id"
                    " JOIN batch_job x ON x.batch_id = b.id ORDER BY b.id, x.job_id")
    batches = {}
    for row in rows:
        batches.setdefault((row["id"], row["task"]), {})[row["job_id"]] = row["n_items"]
    return [(task, jobs) for (_, task), jobs in batches.items()]


def waiting(site):
    """Items that are in no batch."""
    return sum(r["n_ready"] for r in site.sql("SELECT n_ready FROM job_language"))


def finish(site, *jobs):
    for job in jobs:
        site.wait_full(job)
    site.wait_closed()
    site.check()
    assert site.paid_twice() == 0
    assert site.kinds() == Counter(answer=len(site.executed()))


def test_two_jobs_of_two_accounts_share_a_batch_and_each_gets_its_own(site):
    other = site.stack.new_key("other")
    first = site.stack.order(order(3, ("fr",), name="first"))["job_id"]
    second = site.stack.order({"languages": ["fr"], "lots": [{"id": n, "title": f"Ewer {n}"} for n in "xyz"]},
                              key=other)["job_id"]
    site.batchd()
    finish(site, first, second)
    assert shares(site) == [("describe", {1: 3, 2: 3}), ("translate", {1: 3, 2: 3})]
    for job, word, ids in ((first, "Teapot no.", "123"), (second, "Ewer", "xyz")):
        for wanted, lot in zip(ids, site.stack.result(job)["lots"], strict=True):
            assert lot["id"] == wanted
            assert f"{word} {wanted}" in lot["descriptions"]["en"]["value"]["title"]
        row = site.sql("SELECT j.cost, SUM(a.cost) AS answers FROM job j JOIN answer a ON a.job_id = j.id"
                       " WHERE public_id = %s", job)[0]
        assert row["cost"] == row["answers"] > 0
    costs = [float(site.stack.status(job)["cost"]["amount"]) for job in (first, second)]
    assert sum(costs) == pytest.approx(float(site.billed()))


@configured({"batch": {"max_requests": 4}})
def test_a_small_account_is_not_kept_waiting_by_a_large_one(site):
    """The large one came first and could fill the first batches alone."""
    large = site.stack.order(order(10, ()))["job_id"]
    small = site.stack.order(order(2, (), name="small"), key=site.stack.new_key("small"))["job_id"]
    site.batchd()
    finish(site, large, small)
    assert shares(site) == [("describe", {1: 2, 2: 2}), ("describe", {1: 4}), ("describe", {1: 4})]


@configured({"batch": {"max_requests": 4}})
def test_a_batch_holds_max_requests(site):
    job = site.stack.order(order(10, ()))["job_id"]
    site.batchd()
    finish(site, job)
    assert shares(site) == [("describe", {1: 4}), ("describe", {1: 4}), ("describe", {1: 2})]


def test_a_batch_holds_max_bytes(site):
    job = site.stack.order(order(10, ()))["job_id"]
    each = site.sql("SELECT MAX(est_bytes) AS n FROM item")[0]["n"]
    site.batchd({"batch": {"max_bytes": max(3 * each + 10, 4096)}})
    finish(site, job)
    assert shares(site) == [("describe", {1: 3})] * 3 + [("describe", {1: 1})]
    assert all(len(site.content(b["input_file_id"])) <= 3 * each + 10 for b in site.remote())


def test_a_line_that_fits_no_batch_goes_alone(site):
    job = site.stack.order(order(3, ()))["job_id"]
    site.batchd({"batch": {"max_bytes": 4096}})
    assert site.sql("SELECT MIN(est_bytes) AS n FROM item")[0]["n"] > 4096
    finish(site, job)
    assert shares(site) == [("describe", {1: 1})] * 3


def test_the_provider_s_queue_is_never_filled_above_its_limit(site):
    """Two batches' worth of tokens: a third batch waits until one has ended."""
    job = site.stack.order(order(10, ()))["job_id"]
    each = site.sql("SELECT MAX(est_tokens) AS n FROM item")[0]["n"]
    site.standin.fault({"match": {"task": "describe"}, "do": "stuck", "status": "finalizing"})
    site.batchd({"batch": {"max_requests": 4}, "model": {MODEL: {"enqueued_tokens": 8 * each + 1}}})
    wait_until(lambda: [b for b in site.remote() if b["status"] == "finalizing"][1:], 20, "two batches to be there")
    assert waiting(site) == 2
    open_tokens = site.sql("SELECT SUM(est_tokens) AS n FROM batch WHERE phase <> 'closed'")[0]["n"]
    assert open_tokens <= 8 * each + 1
    site.rules(KEEP_FILES)
    site.force(site.remote()[0]["id"], "resume")
    wait_until(lambda: len(site.remote()) == 3, 20, "a third batch")
    assert site.remote()[1]["status"] == "finalizing"
    site.force(site.remote()[1]["id"], "resume")
    finish(site, job)
    assert shares(site) == [("describe", {1: 4}), ("describe", {1: 4}), ("describe", {1: 2})]


def test_a_batch_has_one_recipe(site):
    """Two jobs at once, of which one was ordered under other caps."""
    first = site.take(2, ())
    other = site.stack.add_front_end({"model": {MODEL: {"max_output_tokens": 1500}}})
    answer = request(other.socket, "POST", "/api/v1/jobs", json.dumps(order(2, (), name="other")).encode(),
                     {"Content-Type": "application/json", "Authorization": f"Bearer {site.stack.key}"})
    assert answer.status == 202
    site.batchd()
    finish(site, first, answer.json()["job_id"])
    assert shares(site) == [("describe", {1: 2}), ("describe", {2: 2})]
    caps = [{line["body"]["max_completion_tokens"] for line in site.requests() if line["custom_id"].endswith(
        job.replace("-", "")[:16])} for job in (first, answer.json()["job_id"])]
    assert caps == [{2000}, {1500}]


def test_jobs_of_unlike_urgency_do_not_share_a_batch(site):
    urgent = site.take(2, (), name="urgent", deadline="PT2H")
    patient = site.take(2, (), name="patient", deadline="PT40H")
    likewise = site.take(2, (), name="likewise", deadline="PT3H")
    site.batchd()
    finish(site, urgent, patient, likewise)
    assert shares(site) == [("describe", {1: 2, 3: 2}), ("describe", {2: 2})]


@configured(PATIENT)
def test_items_linger_for_company_until_the_batch_is_full_or_their_time_has_come(site):
    job = site.take(2, ())
    batchd = site.batchd({"batch": {"max_requests": 5}, "daemon": {"lease": "2s"}})
    wait_until(lambda: "lease taken" in batchd.log_text() and site.calls("GET /v1/batches"), 20, "batchd to look")
    tick = site.sql("SELECT renewed_at FROM daemon_lease")[0]
    assert site.remote() == [] and waiting(site) == 2
    # Full: three more make five.
    second = site.take(3, (), name="second")
    site.wait_full(job)
    site.wait_full(second)
    # Or its time has come: an hour later, by the row.
    third = site.take(2, (), name="third")
    wait_until(lambda: site.sql("SELECT renewed_at FROM daemon_lease")[0] != tick, 30, "some ticks")
    assert waiting(site) == 2
    site.sql("UPDATE job_language SET ready_since = ready_since - INTERVAL 61 MINUTE WHERE n_ready > 0")
    finish(site, job, second, third)
    assert shares(site) == [("describe", {1: 2, 2: 3}), ("describe", {3: 2})]


def test_translations_that_become_ready_together_travel_together(site):
    """Two languages of one lot and another: one batch of one recipe."""
    job = site.take(2, ("fr", "de"))
    site.batchd()
    finish(site, job)
    assert shares(site) == [("describe", {1: 2}), ("translate", {1: 4})]


def copies(site, job, n):
    """So many orders more like this one, by the same account, each a second less patient than the one before."""
    like = site.sql("SELECT * FROM job WHERE public_id = %s", job)[0]
    given = {"id": "%s + copy", "public_id": "UUID()", "deadline_at": "deadline_at - INTERVAL copy SECOND"}
    for table, key, own in (("job", "id", given), ("job_language", "job_id", {}), ("lot", "job_id", {}),
                            ("item", "job_id", {"id": "NULL"})):
        columns = [row["Field"] for row in site.sql(f"SHOW COLUMNS FROM {table}")]
        values = ["%s + copy" if name == key else own.get(name, name) for name in columns]
        site.sql(f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(values)} FROM {table}"
                 f" JOIN (SELECT seq AS copy FROM seq_1_to_{n}) c WHERE {key} = %s", like["id"], like["id"])


@configured({"batch": {"max_requests": 100}})
def test_an_account_with_a_thousand_urgent_jobs_does_not_hide_another(site):
    """Whose only job is less urgent than all of these, yet may travel with them."""
    copies(site, site.take(1, (), deadline="PT3H"), 1200)
    other = site.stack.order(order(1, (), name="other", deadline="PT4H"), key=site.stack.new_key("other"))["job_id"]
    site.batchd()
    wait_until(lambda: site.sql("SELECT id FROM batch WHERE phase <> 'filling'"), 30, "a batch to be filled")
    held = site.sql("SELECT j.account_id, SUM(x.n_items) AS n FROM batch_job x JOIN job j ON j.id = x.job_id"
                    " WHERE x.batch_id = 1 GROUP BY j.account_id ORDER BY n")
    assert [row["n"] for row in held] == [1, 99]
    site.wait_full(other)


def test_accounts_share_a_batch_that_is_full_before_it_has_its_lines(site):
    """Room for four lines of tokens: two each, though the first account's twenty are more urgent."""
    large = site.stack.order(order(20, (), deadline="PT3H"))["job_id"]
    small = site.stack.order(order(2, (), name="small", deadline="PT4H"), key=site.stack.new_key("small"))["job_id"]
    each = site.sql("SELECT MAX(est_tokens) AS n FROM item")[0]["n"]
    site.batchd({"model": {MODEL: {"enqueued_tokens": 4 * each + 1}}})
    finish(site, large, small)
    assert shares(site)[0] == ("describe", {1: 2, 2: 2})
