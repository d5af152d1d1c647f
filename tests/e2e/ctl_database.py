# SPDX-License-Identifier: ISC
"""What the tests of batchctl share: a private MariaDB, databases of one's own, and a small consistent world.

The world, as the programs would leave it: job FULL of two lots and French, all done in batch 1, which is closed;
job RUNNING of two lots and French, one lot described, in batch 2, which runs, with a first attempt that was void in
batch 3, which failed; job LATE ended at its deadline with one of its two descriptions.
"""
import json
from pathlib import Path
from typing import Any, Dict, List

import pytest

from harness.servers import MariaDB
from harness.shared import shared_mariadb
from harness.stack import Stack, default_build

FULL = "11111111-aaaa-4aaa-8aaa-aaaaaaaaaaaa"
RUNNING = "22222222-bbbb-4bbb-8bbb-bbbbbbbbbbbb"
LATE = "33333333-cccc-4ccc-8ccc-cccccccccccc"

NOW = "UTC_TIMESTAMP(6)"
ALWAYS = ("installation", "wake", "daemon_lease")


def status_json(status: str, outcome: Any, lots: int, described: int, translated: int, failed: int) -> str:
    """A job's stored status object: without its links and its last brace."""
    text = json.dumps({"status": status, "outcome": outcome, "progress": {
        "lots": lots, "described": described, "translated": translated, "failed": failed}})
    return text[:-1]


def _job(no: int, uuid: str, status: str, outcome: Any, ended: bool, cost: int, tokens: int, name: str,
         shown: str) -> str:
    quoted = "NULL" if outcome is None else f"'{outcome}'"
    return f"""
        INSERT INTO job (id, public_id, account_id, visible, status, outcome, name, lots, describe_recipe,
            translate_recipe, created_at, opened_at, updated_at, deadline_at, completed_at, cost, input_tokens, output_tokens,
            status_json)
        VALUES ({no}, '{uuid}', 1, 1, '{status}', {quoted}, '{name}', 2, 1, 2, {NOW} - INTERVAL 3 HOUR, {NOW} - INTERVAL 3 HOUR,
            {NOW},
            {NOW} + INTERVAL {-1 if ended else 5} HOUR, {f"{NOW} - INTERVAL 1 HOUR" if ended else "NULL"}, {cost},
            {tokens}, {2 * tokens}, '{shown}')"""


def _batch(no: int, phase: str, reason: str, counts: str, remote: str, more: str = "NULL") -> str:
    closed = f"{NOW} - INTERVAL 1 HOUR" if phase == "closed" else "NULL"
    return f"""
        INSERT INTO batch (id, batch_key, recipe_id, phase, reason, model, n_items, n_answered, n_failed, n_void,
            input_file_id, remote_id, remote_status, remote_total, created_at, phase_at, submitted_at, closed_at,
            next_at, harvest_file, last_error)
        VALUES ({no}, MD5('{no}'), 1, '{phase}', {reason}, 'gpt-5.5', {counts}, 'file-{no}', {remote},
            '{"completed" if phase == "closed" else "in_progress"}', 4,
            {NOW} - INTERVAL 2 HOUR, {NOW}, {NOW} - INTERVAL 2 HOUR, {closed}, {NOW} + INTERVAL 1 HOUR,
            {2 if phase == 'closed' and reason == "'harvested'" else 0}, {more})"""


def _items(job: int, first: int, *states: str) -> List[str]:
    """Items of a job, two lots by two languages in the order of the arguments; ids from `first`."""
    rows = []
    for i, state in enumerate(states):
        kind, _, rest = state.partition(":")
        batch, attempts = {"sent": (rest, 1), "done": ("NULL", 1), "ready": ("NULL", 0), "blocked": ("NULL", 0),
                           "failed": ("NULL", 1)}[kind]
        code = f"'{rest}'" if kind == "failed" else "NULL"
        rows.append(f"({first + i}, {job}, {i // 2}, {i % 2}, '{kind}', {code}, {attempts}, {batch}, "
                    f"{1 if kind == 'done' else 'NULL'}, 1000, 300)")
    return ["INSERT INTO item (id, job_id, lot_seq, lang_no, state, code, attempts, batch_id, answer_no, est_bytes,"
            " est_tokens) VALUES " + ", ".join(rows)]


def _answer(item: int, job: int, grade: str = "valid", attempt: int = 1) -> str:
    return ("INSERT INTO answer (item_id, attempt_no, job_id, grade, raw, source, model, input_tokens, output_tokens,"
            f" cost, created_at) VALUES ({item}, {attempt}, {job}, '{grade}', '{{}}', 'batch', 'gpt-5.5', 10, 20,"
            f" 100, {NOW})")


def _languages(job: int, *counts: str) -> str:
    rows = ", ".join(f"({job}, {no}, '{('en', 'fr')[no]}', 2, {c})" for no, c in enumerate(counts))
    return f"INSERT INTO job_language (job_id, no, tag, n_total, n_ready, n_sent, n_done, n_failed) VALUES {rows}"


def _lots(job: int) -> str:
    return f"INSERT INTO lot (job_id, seq, ref, title) VALUES ({job}, 0, 'a', 'Teapot'), ({job}, 1, 'b', 'Vase')"


WORLD = [
    f"INSERT INTO account (id, name, created_at) VALUES (1, 'house', {NOW})",
    f"""INSERT INTO recipe (id, hash, task, model, prompt, answer_schema, max_output_tokens, max_output_tokens_retry,
            created_at)
        VALUES (1, REPEAT('a', 64), 'describe', 'gpt-5.5', 'p', '{{}}', 1, 1, {NOW}),
               (2, REPEAT('b', 64), 'translate', 'gpt-5.5', 'p', '{{}}', 1, 1, {NOW})""",
    f"UPDATE daemon_lease SET owner = 'test', epoch = 1, expires_at = {NOW} + INTERVAL 1 DAY",

    _batch(1, "closed", "'harvested'", "4, 4, 0, 0", "'batch_one'"),
    _batch(2, "running", "NULL", "2, 0, 0, 0", "'batch_two'", "'503 from the provider'"),
    _batch(3, "closed", "'failed'", "1, 0, 0, 1", "'batch_three'"),
    _batch(4, "closed", "'harvested'", "2, 1, 1, 0", "'batch_four'"),
    _batch(5, "closed", "'harvested'", "1, 1, 0, 0", "'batch_five'"),
    "INSERT INTO batch_job (batch_id, job_id, n_items) VALUES (1, 1, 4), (2, 2, 2), (3, 2, 1), (4, 3, 2), (5, 2, 1)",

    _job(1, FULL, "completed", "full", True, 400, 40, "Sale 1204",
         status_json("completed", "full", 2, 2, 2, 0)),
    _lots(1), _languages(1, "0, 0, 2, 0", "0, 0, 2, 0"),
    *_items(1, 1, "done", "done", "done", "done"),
    """INSERT INTO attempt (item_id, no, batch_id, way, outcome)
        SELECT id, 1, 1, 'batch', 'answered' FROM item WHERE job_id = 1""",
    *(_answer(item, 1) for item in (1, 2, 3, 4)),

    # Lot a: described, its translation sent in batch 2. Lot b: its description void in batch 3, again in batch 2.
    _job(2, RUNNING, "describing", None, False, 100, 10, "Vente à Genève",
         status_json("describing", None, 2, 1, 0, 0)),
    _lots(2), _languages(2, "0, 1, 1, 0", "0, 1, 0, 0"),
    *_items(2, 5, "done", "sent:2", "sent:2", "blocked"),
    "UPDATE item SET attempts = 2 WHERE id = 7",
    """INSERT INTO attempt (item_id, no, batch_id, way, outcome, code) VALUES (5, 1, 5, 'batch', 'answered', NULL),
        (6, 1, 2, 'batch', NULL, NULL), (7, 1, 3, 'batch', 'void', 'token_limit'), (7, 2, 2, 'batch', NULL, NULL)""",
    _answer(5, 2),

    _job(3, LATE, "completed", "partial", True, 100, 10, "Late", status_json("completed", "partial", 2, 1, 0, 3)),
    _lots(3), _languages(3, "0, 0, 1, 1", "1, 0, 0, 1"),
    *_items(3, 9, "done", "ready", "failed:bad_image", "failed:description_failed"),
    "UPDATE item SET attempts = 0 WHERE id = 12",
    """INSERT INTO attempt (item_id, no, batch_id, way, outcome, code) VALUES (9, 1, 4, 'batch', 'answered', NULL),
        (11, 1, 4, 'batch', 'failed', 'bad_image')""",
    _answer(9, 3),
    """INSERT INTO batch_line (batch_id, file_no, offset_bytes, kind, item_id, attempt_no, code, size_bytes, head)
        VALUES (4, 1, 0, 'failure', 11, 1, 'bad_image', 120, '{}')""",

    f"""INSERT INTO event (job_id, batch_id, at, kind, message, n) VALUES
        (1, NULL, {NOW}, 'ordered', '2 lots, 1 language', 2), (1, 1, {NOW}, 'answered', '4 answered from batch 1', 4),
        (NULL, 2, {NOW}, 'submitted', 'batch_two', 2)""",
]


@pytest.fixture(scope="session")
def ctl_server():
    """One MariaDB for the session."""
    return shared_mariadb()


def _operator(server: MariaDB, work: Path) -> Stack:
    # The administrator has no password.
    stack = Stack(default_build(), work, server, standin=False, overrides={"database": {"password_file": ""}})
    server.create_database(stack.database)
    stack.write_configs()
    return stack


@pytest.fixture
def empty(ctl_server, tmp_path: Path):
    """An operator with an empty database; nothing else runs."""
    stack = _operator(ctl_server, tmp_path)
    yield stack
    ctl_server.drop_database(stack.database)


@pytest.fixture
def migrated(empty):
    """An operator with a database of the present version."""
    empty.batchctl("migrate")
    return empty


@pytest.fixture(scope="session")
def ctl_world(ctl_server, tmp_path_factory):
    """The operator of `world`, and the rows that its database had when it was new."""
    stack = _operator(ctl_server, tmp_path_factory.mktemp("ctl"))
    stack.batchctl("migrate")
    yield stack, {table: stack.sql(f"SELECT * FROM {table}") for table in ALWAYS}
    ctl_server.drop_database(stack.database)


@pytest.fixture
def world(ctl_world):
    """An operator with the small world, made anew for each test."""
    stack, always = ctl_world
    tables = [row["name"] for row in stack.sql(
        "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = DATABASE()")]
    run_sql(stack, "SET foreign_key_checks = 0",
            *(f"DELETE FROM {table}" for table in tables if table != "schema_version"),
            *(_insert(table, row) for table, rows in always.items() for row in rows), *WORLD)
    return stack


def _insert(table: str, row: Dict[str, Any]) -> str:
    values = ", ".join("NULL" if value is None else f"'{value}'" for value in row.values())
    return f"INSERT INTO {table} ({', '.join(row)}) VALUES ({values})"


def run_sql(stack: Stack, *statements: str) -> None:
    """Run statements as the administrator, bound by no CHECK: tests break data by hand."""
    connection = stack.mariadb.connect(stack.database)
    try:
        connection.begin()
        with connection.cursor() as cursor:
            cursor.execute("SET check_constraint_checks = 0")
            for statement in statements:
                cursor.execute(statement)
        connection.commit()
    finally:
        connection.close()
