# SPDX-License-Identifier: ISC
"""batchctl migrate: an empty database, a second time, at once, half-way, newer, changed; the grants."""
import hashlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS), str(Path(__file__).resolve().parent)]

from ctl_database import ctl_server, empty, migrated, run_sql  # noqa: E402,F401
from harness.stack import find_program  # noqa: E402

TOP = TESTS.parent
SCHEMA = TOP / "sql" / "schema.sql"
FILES = [SCHEMA, *sorted((TOP / "sql" / "migrate").glob("*.sql"))]     # by version, from 1
LAST = len(FILES)
BEGUN = 4294967295


def tables(stack):
    return {row["name"] for row in stack.sql(
        "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = DATABASE()")}


def versions(stack):
    return stack.sql("SELECT version, name, checksum, min_program FROM schema_version ORDER BY version")


def add_version(stack, version, min_program):
    stack.sql("INSERT INTO schema_version (version, name, checksum, min_program, applied_at)"
              " VALUES (%s, 'migrate/x.sql', REPEAT('0', 64), %s, UTC_TIMESTAMP(6))", (version, min_program))


def refused(stack, *words, verb="migrate"):
    """The verb exits 78 with one line that says these words."""
    done = stack.batchctl(verb, check=False)
    assert (done.returncode, done.stdout) == (78, "")
    assert done.stderr.count("\n") == 1
    for word in words:
        assert word in done.stderr
    return done.stderr


# ---- Migrations.

def test_an_empty_database_gets_the_schema_and_a_record_of_it(empty):
    assert "schema.sql" in empty.batchctl("migrate").stdout
    assert tables(empty) == set(re.findall(r"^CREATE TABLE (\w+)", "".join(f.read_text() for f in FILES), re.MULTILINE))
    assert [{**v, "min_program": v["version"]} for v in versions(empty)] == [
        {"version": n, "name": str(f.relative_to(TOP / "sql")), "min_program": n,
         "checksum": hashlib.sha256(f.read_bytes()).hexdigest()} for n, f in enumerate(FILES, 1)]
    assert all(v["min_program"] <= v["version"] for v in versions(empty))
    assert re.fullmatch("[0-9a-f]{32}", empty.sql("SELECT mark FROM installation")[0]["mark"])


def test_a_second_run_changes_nothing(migrated):
    before = (versions(migrated), migrated.sql("SELECT * FROM installation"), tables(migrated))
    assert migrated.batchctl_json("migrate") == {"version": LAST, "applied": [], "grants": False}
    assert (versions(migrated), migrated.sql("SELECT * FROM installation"), tables(migrated)) == before


def test_each_installation_has_a_mark_of_its_own(migrated):
    first = migrated.sql("SELECT mark FROM installation")
    migrated.mariadb.create_database(migrated.database)
    migrated.batchctl("migrate")
    assert migrated.sql("SELECT mark FROM installation") != first


def test_version_2_knows_which_answers_were_of_no_use(empty):
    """A database of version 1 with answers: late ones, and what was refused before and after the one of use."""
    run_sql(empty, *(text for text in SCHEMA.read_text().split(";\n") if text.strip()),
            f"INSERT INTO schema_version VALUES (1, 'schema.sql', '{hashlib.sha256(SCHEMA.read_bytes()).hexdigest()}', 1,"
            " UTC_TIMESTAMP(6))",
            """INSERT INTO item (id, job_id, lot_seq, lang_no, state, code, answer_no, est_bytes, est_tokens) VALUES
               (1, 1, 0, 0, 'done', NULL, 2, 1, 1), (2, 1, 1, 0, 'failed', 'refused', 1, 1, 1)""",
            *(f"""INSERT INTO answer (item_id, attempt_no, job_id, grade, raw, source, model, created_at)
               VALUES ({item}, {no}, 1, '{grade}', '', 'batch', 'm', '2026-01-01 00:00:0{second}')"""
              for item, no, grade, second in ((1, 1, 'refused', 1), (1, 2, 'valid', 2), (1, 3, 'refused', 3),
                                              (1, 4, 'valid', 3), (2, 1, 'refused', 1), (2, 2, 'refused', 2))))
    assert empty.batchctl_json("migrate")["applied"][0] == str(FILES[1].relative_to(TOP / "sql"))
    assert [(r["item_id"], r["attempt_no"]) for r in empty.sql(
        "SELECT item_id, attempt_no FROM answer WHERE unused = 1 ORDER BY 1, 2")] == [(1, 3), (1, 4)]


def test_version_3_bears_an_order_that_comes_while_it_runs(empty):
    """A front end of version 2 that has not looked again at the schema adds a job before the last statement."""
    statements = [text for f in FILES[:3] for text in f.read_text().split(";\n") if text.strip()]
    last = max(i for i, text in enumerate(statements) if "ALTER TABLE job\n" in text)
    run_sql(empty, *statements[:last], "INSERT INTO account VALUES (1, 'house', UTC_TIMESTAMP(6))",
            """INSERT INTO job (public_id, account_id, visible, status, name, lots, describe_recipe, translate_recipe,
               created_at, updated_at, deadline_at) VALUES (UUID(), 1, 0, 'queued', '', 1, 1, 1, UTC_TIMESTAMP(6),
               UTC_TIMESTAMP(6), UTC_TIMESTAMP(6))""", *statements[last:])
    assert empty.sql("SELECT TIMESTAMPDIFF(MINUTE, created_at, opened_at) AS n FROM job") == [{"n": 0}]


def test_runs_at_once_apply_it_once(empty):
    argv = [str(find_program(empty.build, "batchctl")), "-c", str(empty.work / "conf" / "admin.conf"), "migrate"]
    runs = [subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) for _ in range(6)]
    said = [run.communicate(timeout=120)[0] for run in runs]
    assert [run.returncode for run in runs] == [0] * 6, said
    assert sum("Applied version 1" in text for text in said) == 1
    assert len(versions(empty)) == LAST


def test_a_migration_that_died_at_its_start_is_told(migrated):
    run_sql(migrated, "SET foreign_key_checks = 0",
            *(f"DROP TABLE {t}" for t in tables(migrated) - {"schema_version"}),
            "DELETE FROM schema_version")
    refused(migrated, "half-way")
    assert tables(migrated) == {"schema_version"}


def test_a_migration_that_died_near_its_end_is_told(migrated):
    run_sql(migrated, "DELETE FROM schema_version")
    refused(migrated, "half-way", f"{len(tables(migrated))} tables")


def test_a_later_migration_that_died_is_told_by_its_record(migrated):
    add_version(migrated, LAST + 1, BEGUN)
    refused(migrated, f"migration {LAST + 1}", "did not end")
    refused(migrated, f"version {LAST + 1}", verb="jobs")


def test_another_programs_database_is_left_alone(empty):
    empty.sql("CREATE TABLE theirs (id INT PRIMARY KEY)")
    refused(empty, "another program's")
    assert tables(empty) == {"theirs"}


def test_a_newer_database_that_needs_a_newer_program_is_refused(migrated):
    add_version(migrated, LAST + 1, LAST + 1)
    refused(migrated, f"version {LAST + 1}", "upgrade the program")
    refused(migrated, f"version {LAST + 1}", "upgrade the program", verb="jobs")


def test_a_newer_database_that_admits_this_program_is_accepted(migrated):
    add_version(migrated, LAST + 1, 1)
    assert migrated.batchctl_json("migrate")["applied"] == []
    assert migrated.batchctl_json("jobs") == []


def test_a_version_that_was_applied_from_another_text_is_told(migrated):
    migrated.sql("UPDATE schema_version SET checksum = REPEAT('0', 64) WHERE version = 1")
    refused(migrated, "another text", "000000000000", hashlib.sha256(SCHEMA.read_bytes()).hexdigest()[:12])


def test_a_version_without_a_record_is_told(migrated):
    add_version(migrated, LAST + 2, 1)
    refused(migrated, f"version {LAST + 1}")


@pytest.mark.parametrize("verb", ["jobs", "check", "batches", "key list"])
def test_without_a_schema_the_other_verbs_say_what_to_do(empty, verb):
    done = empty.batchctl(*verb.split(), check=False)
    assert done.returncode == 78
    assert "batchctl migrate" in done.stderr


def test_an_account_that_may_not_create_is_told(empty):
    user = f"{empty.database}_poor"
    empty.mariadb.sql(f"CREATE USER '{user}'@'localhost'")
    empty.mariadb.sql(f"GRANT SELECT ON `{empty.database}`.* TO '{user}'@'localhost'")
    try:
        done = empty.batchctl("--user", user, "migrate", check=False)
    finally:
        empty.mariadb.sql(f"DROP USER '{user}'@'localhost'")
    assert done.returncode == 77
    assert "schema.sql" in done.stderr and "denied" in done.stderr
    assert tables(empty) == set()


def test_the_sql_can_be_read_without_a_database(empty, tmp_path):
    program = find_program(empty.build, "batchctl")
    done = subprocess.run([str(program), "-c", str(tmp_path / "none.conf"), "migrate", "--print"],
                          capture_output=True, text=True, check=True)
    assert SCHEMA.read_text() in done.stdout
    assert hashlib.sha256(SCHEMA.read_bytes()).hexdigest() in done.stdout
    assert "GRANT" not in done.stdout


# ---- Grants.

def statements(program):
    """The statements of common/statements*.def that a program prepares."""
    text = "".join(path.read_text() for path in sorted((TOP / "common").glob("statements_*.def")))
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    found = {}
    for name, programs, literals in re.findall(r'STMT\((\w+),\s*([\w\s|]+?),((?:\s*"(?:[^"\\]|\\.)*")+)\s*\)', text):
        if program in programs:
            found[name] = "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', literals))
    return found


@pytest.fixture
def granted(migrated):
    """Two accounts with what `migrate --grants` gives."""
    names = {part: f"{migrated.database}_{part}" for part in ("front", "daemon")}
    for name in names.values():
        migrated.mariadb.sql(f"CREATE USER '{name}'@'localhost'")
    migrated.batchctl("migrate", "--grants", names["front"], f"{names['daemon']}@localhost")
    yield migrated, names
    for name in names.values():
        migrated.mariadb.sql(f"DROP USER '{name}'@'localhost'")


def refusals(stack, user, found):
    """Of these statements the ones that this account may not prepare, and why."""
    refused_ones = {}
    connection = stack.mariadb.connect(stack.database, user)
    try:
        with connection.cursor() as cursor:
            for name, sql in found.items():
                try:
                    cursor.execute("PREPARE s FROM %s", (sql,))
                except Exception as exc:
                    refused_ones[name] = str(exc)
    finally:
        connection.close()
    return refused_ones


@pytest.mark.parametrize("part, program, least", [("front", "P_FCGI", 15), ("front", "P_METRICS", 8), ("daemon", "P_BATCHD", 30)])
def test_a_program_may_prepare_each_of_its_statements(granted, part, program, least):
    stack, names = granted
    found = statements(program)
    assert len(found) >= least
    assert refusals(stack, names[part], found) == {}


def privileges(part):
    """Of sql/grants.sql, one by one, with their columns: (privilege, table)."""
    text = re.sub(r"--.*", "", (TOP / "sql" / "grants.sql").read_text())
    for granted_ones, table in re.findall(rf"GRANT\s([^;]+?)\sON\s(\w+)\sTO :{part}_user", text):
        for privilege, columns in re.findall(r"([A-Z]+)\s*(?:\(([^)]*)\))?", granted_ones):
            for column in columns.split(",") if columns else [""]:
                yield privilege + (f" ({column.strip()})" if column else ""), table


@pytest.mark.parametrize("part, programs", [("front", ["P_FCGI", "P_METRICS"]), ("daemon", ["P_BATCHD", "P_CTL"])])
def test_each_privilege_is_needed_by_a_statement(granted, part, programs):
    stack, names = granted
    account = f"'{names[part]}'@'localhost'"
    found = {name: sql for program in programs for name, sql in statements(program).items()}
    for name in refusals(stack, names[part], found):    # the operator's own
        del found[name]
    idle = []
    for privilege, table in privileges(part):
        what = f"{privilege} ON `{stack.database}`.{table}"
        stack.mariadb.sql(f"REVOKE {what} FROM {account}")
        if not refusals(stack, names[part], found):
            idle.append(f"{privilege} ON {table}")
        stack.mariadb.sql(f"GRANT {what} TO {account}")
    assert idle == []


@pytest.mark.parametrize("part, sql", [
    ("front", "UPDATE item SET state = 'done'"),
    ("front", "DELETE FROM job"),
    ("front", "UPDATE answer SET grade = 'valid'"),
    ("front", "INSERT INTO batch (batch_key) VALUES ('x')"),
    ("front", "INSERT INTO api_key (id) VALUES ('x')"),
    ("front", "UPDATE daemon_lease SET epoch = 1"),
    ("front", "UPDATE job SET created_at = NOW()"),
    ("front", "UPDATE request SET done_at = NOW()"),
    ("front", "UPDATE idempotency SET account_id = 1"),
    ("front", "SELECT bytes FROM image"),
    ("front", "SELECT name FROM account"),
    ("front", "SELECT message FROM alert"),
    ("front", "SELECT remote_id FROM batch"),
    ("front", "DROP TABLE job"),
    ("daemon", "SELECT secret_hash FROM api_key"),
    ("daemon", "INSERT INTO api_key (id) VALUES ('x')"),
    ("daemon", "DELETE FROM attempt"),
    ("daemon", "DELETE FROM batch"),
    ("daemon", "DELETE FROM spending"),
    ("daemon", "UPDATE image SET bytes = 'x'"),
    ("daemon", "UPDATE answer SET cost = 0"),
    ("daemon", "UPDATE batch_line SET cost = 0"),
    ("daemon", "UPDATE request SET kind = 'cancel'"),
    ("daemon", "INSERT INTO idempotency (name) VALUES ('x')"),
    ("daemon", "INSERT INTO job (name) VALUES ('x')"),
    ("daemon", "INSERT INTO account (name) VALUES ('x')"),
    ("daemon", "UPDATE schema_version SET version = 2"),
    ("daemon", "UPDATE installation SET mark = 'x'"),
    ("daemon", "DROP TABLE job"),
])
def test_a_program_may_do_no_more(granted, part, sql):
    stack, names = granted
    connection = stack.mariadb.connect(stack.database, names[part])
    try:
        with connection.cursor() as cursor, pytest.raises(Exception, match="denied"):
            cursor.execute(sql)
    finally:
        connection.close()


def test_an_operator_may_look_and_check_under_the_daemons_account(granted):
    stack, names = granted
    account = ("--user", names["daemon"])
    for verb in ("jobs", "batches", "check"):
        stack.batchctl(*account, verb)
    done = stack.batchctl(*account, "key", "add", "demo", check=False)
    assert (done.returncode, done.stdout) == (77, "")


def test_grants_can_be_repeated_and_printed(granted):
    stack, names = granted
    assert stack.batchctl_json("migrate", "--grants", names["front"], names["daemon"])["grants"] is True
    printed = stack.batchctl("migrate", "--print", "--grants", names["front"], f"{names['daemon']}@10.0.0.%").stdout
    assert f"TO '{names['front']}'@'localhost';" in printed
    assert f"TO '{names['daemon']}'@'10.0.0.%';" in printed
    assert ":front_user" not in printed and ":daemon_user" not in printed


@pytest.mark.parametrize("account", ["", "a'b", "a b", "a@", "@host", "a@b@c", "a\\", "x" * 200, "a;", "a`", "a\n"])
def test_what_is_no_account_is_refused(migrated, account):
    done = migrated.batchctl("migrate", "--grants", "front", account, check=False)
    assert (done.returncode, done.stdout) == (64, "")


def test_an_account_that_does_not_exist_is_told(migrated):
    done = migrated.batchctl("migrate", "--grants", "nobody_at_all", "nobody_either", check=False)
    assert done.returncode != 0
    assert "GRANT" in done.stderr
