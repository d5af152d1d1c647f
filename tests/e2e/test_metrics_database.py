# SPDX-License-Identifier: ISC
"""What /metrics says of the database is what the tests wrote there, and costs the same however much has ended."""
import pytest

import metrics
from front_end import breakable, installation, mariadb, order  # noqa: F401

pytestmark = pytest.mark.front_end

NOW = "UTC_TIMESTAMP(6)"
PUBLIC = {"http": {"metrics_public": True, "workers": 1}}

JOB_COPIES = """
    INSERT INTO job (public_id, account_id, visible, status, name, lots, describe_recipe, translate_recipe, created_at,
        opened_at, updated_at, deadline_at, completed_at, status_json, cost, wasted)
    SELECT UUID(), account_id, {visible}, '{status}', name, lots, describe_recipe, translate_recipe, created_at, opened_at,
        updated_at, deadline_at, {completed}, status_json, 7000000, 3000000
    FROM (SELECT * FROM job ORDER BY id LIMIT 1) one JOIN seq_1_to_{n}"""


def add_jobs(front, status, n, visible=1):
    completed = "NULL" if status in ("queued", "describing", "translating") else "created_at"
    front.sql(JOB_COPIES.format(status=status, n=n, visible=visible, completed=completed))


def add_batches(front, phase, n, age="0 SECOND", next_at=f"{NOW} + INTERVAL 1 HOUR"):
    reason, closed = ("'harvested'", NOW) if phase == "closed" else ("NULL", "NULL")
    front.sql(f"""
        INSERT INTO batch (batch_key, recipe_id, phase, reason, model, created_at, phase_at, closed_at, next_at)
        SELECT MD5(UUID()), 1, '{phase}', {reason}, 'm', {NOW} - INTERVAL {age}, {NOW}, {closed}, {next_at} FROM seq_1_to_{n}""")


def add_alert(front, kind, severity, subject, is_open=True):
    front.sql(f"INSERT INTO alert (kind, subject, severity, message, first_at, last_at, is_open, cleared_at, settled)"
              f" VALUES (%s, %s, %s, 'x', {NOW}, {NOW}, {'1' if is_open else 'NULL'}, {'NULL' if is_open else NOW},"
              f" {int(not is_open)})", kind, subject, severity)


@pytest.fixture
def front(mariadb):  # noqa: F811
    with installation("metrics-database", mariadb, overrides=PUBLIC) as made:
        yield made


def scrape(front):
    found = metrics.scrape(front.socket)
    assert found["lotscribe_database_up"] == 1
    return found


def samples(found, name):
    return {sample.split('"')[-2]: n for sample, n in found.items() if sample.startswith(name + "{")}


def test_an_empty_installation_tells_zeros(front):
    found = scrape(front)
    for name in ("jobs", "items", "batches", "batch_oldest_age_seconds", "overdue", "alerts", "requests"):
        assert set(samples(found, f"lotscribe_{name}").values()) == {0}, name
    for name in ("repeats", "recipes_held", "sending_stopped", "incident", "lease_held", "lease_epoch", "today_spent_dollars",
                 "today_budget_used_ratio", "running_jobs_cost_dollars", "request_oldest_age_seconds"):
        assert found[f"lotscribe_{name}"] == 0, name
    assert "lotscribe_lease_age_seconds" not in found and samples(found, "lotscribe_sending_stopped_info") == {}
    version = front.sql("SELECT MAX(version) AS v FROM schema_version")[0]["v"]
    assert found["lotscribe_schema_version"] == version


def test_jobs_and_items_that_run_are_told(front):
    front.take(order(3, ["fr", "de"]))
    add_jobs(front, "describing", 4)
    add_jobs(front, "translating", 5)
    add_jobs(front, "queued", 6, visible=0)
    for status in ("completed", "failed", "cancelled"):
        add_jobs(front, status, 7)
    found = scrape(front)
    assert samples(found, "lotscribe_jobs") == {"queued": 1, "describing": 4, "translating": 5}
    assert samples(found, "lotscribe_items") == {"blocked": 6, "ready": 3, "sent": 0, "done": 0, "failed": 0}
    assert found["lotscribe_running_jobs_cost_dollars"] == 9 * 7
    assert found["lotscribe_running_jobs_wasted_dollars"] == 9 * 3
    front.sql("UPDATE job_language SET n_ready = 0, n_sent = 1, n_done = 2, n_repeating = 2 WHERE no = 0")
    front.sql("UPDATE job_language SET n_failed = 1, n_ready = 1, n_sent = 1 WHERE no = 1")
    found = scrape(front)
    assert samples(found, "lotscribe_items") == {"blocked": 3, "ready": 1, "sent": 2, "done": 2, "failed": 1}
    assert found["lotscribe_repeats"] == 2


def test_batches_are_told_by_phase_with_the_age_of_the_oldest(front):
    front.take(order(1))
    add_batches(front, "running", 1, "2 HOUR")
    add_batches(front, "running", 3, "1 HOUR")
    add_batches(front, "closed", 9, "9 DAY")
    add_batches(front, "unknown", 2, "90 SECOND")
    found = scrape(front)
    phases = samples(found, "lotscribe_batches")
    assert {phase: n for phase, n in phases.items() if n} == {"running": 4, "unknown": 2}
    assert len(phases) == 10 and "closed" not in phases
    ages = samples(found, "lotscribe_batch_oldest_age_seconds")
    assert 7200 <= ages["running"] < 7260 and 90 <= ages["unknown"] < 150 and ages["sealed"] == 0


def test_I1_what_outlived_its_clock_is_told(front):
    job = front.take(order(1))
    add_jobs(front, "translating", 2)
    front.sql(f"UPDATE job SET deadline_at = {NOW} - INTERVAL 1 MINUTE WHERE status = 'translating'")
    add_batches(front, "running", 3, next_at=f"{NOW} - INTERVAL 6 MINUTE")
    add_batches(front, "running", 4, next_at=f"{NOW} - INTERVAL 1 MINUTE")
    assert samples(scrape(front), "lotscribe_overdue") == {"jobs": 2, "batches": 3}
    assert front.status(job)["status"] == "queued"


def test_alerts_stops_and_holds_are_told(front):
    front.take(order(1))
    for subject in ("batch:1", "batch:2"):
        add_alert(front, "batch_stalled", "warning", subject)
    add_alert(front, "quota", "critical", "")
    add_alert(front, "batch_lost", "critical", "batch:3", is_open=False)
    add_alert(front, "of_a_newer_batchd", "warning", "")
    front.sql(f"UPDATE daemon_lease SET stop_code = 'a\"\\\\\nb', stop_key = 'k', stop_at = {NOW}, incident_at = {NOW},"
              f" incident_step_at = {NOW}, call_us = 1500000")
    front.sql(f"UPDATE recipe SET hold = 'held', held_code = 'x', held_at = {NOW} ORDER BY id LIMIT 1")
    found = scrape(front)
    assert {sample: n for sample, n in found.items() if sample.startswith("lotscribe_alerts{") and n} == {
        'lotscribe_alerts{severity="warning",code="batch_stalled"}': 2, 'lotscribe_alerts{severity="critical",code="quota"}': 1}
    assert (found["lotscribe_sending_stopped"], found["lotscribe_incident"], found["lotscribe_recipes_held"]) == (1, 1, 1)
    assert found['lotscribe_sending_stopped_info{code="a\\"\\\\\\nb"}'] == 1
    assert found["lotscribe_call_p95_seconds"] == 1.5
    assert metrics.promtool("check", "metrics", text=metrics.ask(front.socket).body) == ""


def test_the_lease_is_told(front):
    front.sql(f"UPDATE daemon_lease SET epoch = 42, renewed_at = {NOW} - INTERVAL 100 SECOND,"
              f" expires_at = {NOW} - INTERVAL 70 SECOND")
    found = scrape(front)
    assert (found["lotscribe_lease_epoch"], found["lotscribe_lease_held"]) == (42, 0)
    assert 100 <= found["lotscribe_lease_age_seconds"] < 160
    front.sql(f"UPDATE daemon_lease SET expires_at = {NOW} + INTERVAL 70 SECOND")
    assert scrape(front)["lotscribe_lease_held"] == 1


def test_money_of_the_day_is_told_of_all_accounts_together(front):
    front.stack.batchctl("account", "second", "--day", "10")
    front.stack.batchctl("account", "third", "--day", "0")
    ids = {row["name"]: row["id"] for row in front.sql("SELECT id, name FROM account")}
    for name, cost, reserved, presumed in (("demo", 1500000, 500000, 250000), ("second", 4000000, 1000000, 1)):
        front.sql("INSERT INTO spending (account_id, day, cost, reserved, presumed) VALUES"
                  " (%s, UTC_DATE(), %s, %s, %s), (%s, UTC_DATE() - INTERVAL 1 DAY, 9000000, 9000000, 9000000)",
                  ids[name], cost, reserved, presumed, ids[name])
    found = scrape(front)
    assert found["lotscribe_today_spent_dollars"] == 5.750001
    assert found["lotscribe_today_reserved_dollars"] == 1.5
    assert found["lotscribe_today_budget_dollars"] == 200 + 10 + 0
    assert found["lotscribe_today_budget_used_ratio"] == 0.5


def test_requests_that_wait_are_told(front):
    job = front.take(order(1))
    front.raw("POST", f"/api/v1/jobs/{job}/cancel", None, front.key)
    row = front.row(job)["id"]
    front.sql(f"INSERT INTO request (job_id, kind, created_at, done_at) VALUES (%s, 'delete', {NOW} - INTERVAL 1 DAY, NULL),"
              f" (%s, 'retry', {NOW} - INTERVAL 30 SECOND, NULL), (%s, 'retry', {NOW} - INTERVAL 1 HOUR, {NOW})", row, row, row)
    found = scrape(front)
    assert {kind: n for kind, n in samples(found, "lotscribe_requests").items() if n} == {"cancel": 1, "delete": 1, "retry": 1}
    assert 30 <= found["lotscribe_request_oldest_age_seconds"] < 90


def test_a_scrape_costs_the_same_however_much_has_ended(breakable):  # noqa: F811
    """Rows that the server reads for it."""
    with installation("metrics-cost", breakable, overrides=PUBLIC) as made:
        front = made
        job = front.take(order(1, []))
        front.sql("INSERT INTO account (name, created_at) VALUES ('crowd', UTC_TIMESTAMP(6))")
        add_batches(front, "running", 3)
        add_alert(front, "quota", "critical", "")
        connection = front.stack.mariadb.connect()

        def rows_read():
            with connection.cursor() as cursor:
                cursor.execute("SHOW GLOBAL STATUS LIKE 'Handler_read%'")
                return sum(int(row["Value"]) for row in cursor.fetchall())

        def cost():
            front.sql("ANALYZE TABLE job, job_language, batch, alert, request, spending")
            scrape(front)
            idle, before = rows_read(), rows_read()
            scrape(front)
            return rows_read() - before - (before - idle)
        few = cost()
        for status in ("completed", "failed", "cancelled"):
            add_jobs(front, status, 2000)
        front.sql("INSERT INTO job_language (job_id, no, tag, n_total, n_done) SELECT id, 0, 'en', lots, lots FROM job"
                  " WHERE status = 'completed'")
        add_batches(front, "closed", 2000)
        row = front.row(job)["id"]
        front.sql(f"INSERT INTO request (job_id, kind, created_at, done_at) SELECT {row}, 'retry', {NOW}, {NOW} FROM seq_1_to_2000")
        front.sql(f"INSERT INTO alert (kind, subject, severity, message, first_at, last_at, is_open, cleared_at, settled)"
                  f" SELECT 'batch_lost', seq, 'critical', 'x', {NOW}, {NOW}, NULL, {NOW}, 1 FROM seq_1_to_2000")
        front.sql("INSERT INTO spending (account_id, day, cost)"
                  " SELECT 1, UTC_DATE() - INTERVAL seq DAY, 5 FROM seq_1_to_2000")
        assert scrape(front)["lotscribe_jobs{status=\"queued\"}"] == 1
        assert few > 10
        assert cost() < few + 40
        connection.close()
