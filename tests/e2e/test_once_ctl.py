# SPDX-License-Identifier: ISC
"""batchctl's verbs on the installation: what they store, print and refuse. What batchd makes of it is tested with it."""
import re
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS), str(Path(__file__).resolve().parent)]

from ctl_database import NOW, ctl_server, ctl_world, empty, migrated, run_sql, world  # noqa: E402,F401

ORPHAN = f"""INSERT INTO orphan (remote_id, batch_key, recipe_hash, remote_status, seen_at)
    VALUES ('batch_unknown', REPEAT('k', 32), REPEAT('b', 64), 'in_progress', {NOW} - INTERVAL 5 MINUTE)"""


def row(stack, table="installation"):
    return stack.sql(f"SELECT * FROM {table}")[0]


def wakes(stack):
    return row(stack, "wake")["n"]


def test_the_installation_is_shown(world):
    run_sql(world, ORPHAN)
    shown = world.batchctl_json("installation")
    assert (shown["mark"], shown["keep_next"], shown["renewed_at"]) == (row(world)["mark"], False, None)
    assert (shown["open_batches"], shown["lost_batches"]) == (1, 0)
    orphan, = shown["orphans"]
    assert (orphan["remote_id"], orphan["task"], orphan["remote_status"]) == ("batch_unknown", "translate", "in_progress")
    assert (orphan["adopt_at"], orphan["adopted_at"], orphan["batch"]) == (None, None, None)
    text = world.batchctl("installation").stdout
    assert re.search(rf"^mark +{shown['mark']}$", text, re.MULTILINE)
    assert re.search(r"batch_unknown +k{32} +translate +in_progress +5m ago", text)


def test_keep_is_a_request_to_the_next_batchd(world):
    before, n = row(world), wakes(world)
    assert world.batchctl_json("installation", "keep")["keep_next"] is True
    assert row(world) == {**before, "keep_next": 1}
    assert wakes(world) == n + 1
    assert "takes the mark" in world.batchctl("installation", "keep").stdout


def test_new_gives_another_mark_and_forgets_the_unknown_batches_of_the_old_one(world):
    run_sql(world, ORPHAN)
    before, n = row(world), wakes(world)
    made = world.batchctl_json("installation", "new")
    after = row(world)
    assert re.fullmatch("[0-9a-f]{32}", after["mark"]) and after["mark"] != before["mark"]
    assert (after["keep_next"], after["created_at"]) == (1, before["created_at"])
    assert after["renewed_at"] is not None
    assert (made["mark"], made["lost_batches"], made["orphans"]) == (after["mark"], 1, [])
    assert wakes(world) == n + 1
    said = world.batchctl("installation", "new").stdout
    assert "closes the batches from before as lost" in said and row(world)["mark"] in said


@pytest.mark.parametrize("again", [False, True])
def test_an_adoption_is_asked_for_once(world, again):
    run_sql(world, ORPHAN)
    n = wakes(world)
    asked = world.batchctl_json("adopt", "batch_unknown")
    assert (asked["remote_id"], asked["adopted_at"]) == ("batch_unknown", None)
    assert asked["adopt_at"] is not None and wakes(world) == n + 1
    if again:
        assert world.batchctl_json("adopt", "batch_unknown") == asked


def test_resume_is_a_request_with_a_time(world):
    n = wakes(world)
    assert world.batchctl_json("resume") == {"resumed": True}
    first = row(world, "daemon_lease")["resume_at"]
    assert first is not None and wakes(world) == n + 1
    assert world.batchctl("resume").stdout == "batchd sends again, whatever had stopped it.\n"
    assert row(world, "daemon_lease")["resume_at"] > first


@pytest.mark.parametrize("words, code", [
    (["adopt", "batch_of_nobody"], 66), (["adopt", "x" * 600], 66), (["adopt"], 64), (["adopt", "a", "b"], 64),
    (["installation", "old"], 64), (["installation", "keep", "it"], 64), (["resume", "now"], 64),
    (["installation", "--open"], 64)], ids=lambda w: " ".join(w)[:30] if isinstance(w, list) else str(w))
def test_what_is_not_understood_changes_nothing(world, words, code):
    before = (row(world), row(world, "daemon_lease"), row(world, "wake"))
    done = world.batchctl(*words, check=False)
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr
    assert (row(world), row(world, "daemon_lease"), row(world, "wake")) == before


def test_the_daemons_account_may_ask_all_but_for_a_new_mark(migrated):
    """`migrate --grants` gives batchd's account no right to change whose the database is."""
    front, daemon = (f"{migrated.database}_{part}" for part in ("w", "d"))
    try:
        for user in (front, daemon):
            migrated.mariadb.sql(f"CREATE OR REPLACE USER '{user}'@'localhost'")
        migrated.batchctl("migrate", "--grants", front, daemon)
        run_sql(migrated, ORPHAN)
        before = row(migrated)
        for words in (["installation"], ["installation", "keep"], ["adopt", "batch_unknown"], ["resume"]):
            migrated.batchctl("--user", daemon, *words)
        for user, words in ((daemon, ["installation", "new"]), (front, ["installation", "keep"]), (front, ["resume"])):
            done = migrated.batchctl("--user", user, *words, check=False)
            assert (done.returncode, done.stdout) == (77, "")
        assert row(migrated)["mark"] == before["mark"]
        assert migrated.sql("SELECT COUNT(*) AS n FROM orphan") == [{"n": 1}]
    finally:
        for user in (front, daemon):
            migrated.mariadb.sql(f"DROP USER IF EXISTS '{user}'@'localhost'")


def test_the_help_names_the_verbs(world):
    text = world.batchctl("-h").stdout
    for verb in ("adopt ID", "installation ", "installation keep", "installation new", "resume "):
        assert f"  {verb}" in text
