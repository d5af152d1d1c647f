# SPDX-License-Identifier: ISC
"""batchctl setup: database, accounts, schema and grants of a server on this machine, and again."""
import sys
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parent)]

from ctl_database import ctl_server  # noqa: E402,F401
from harness import config as conf  # noqa: E402
from harness.process import run  # noqa: E402
from harness.stack import default_build, find_program  # noqa: E402

DATABASE = "house-1"


@pytest.fixture
def setup(ctl_server, tmp_path):  # noqa: F811
    def call(*args, check=True, **database):
        path = conf.write(tmp_path / "lotscribe.conf", {"database": {"socket": ctl_server.socket, "name": DATABASE,
                                                                     "user": "nobody", **database}})
        return run([find_program(default_build(), "batchctl"), "-c", path, *args], 60, check=check)
    yield call
    ctl_server.sql(f"DROP DATABASE IF EXISTS `{DATABASE}`")
    ctl_server.sql("DROP USER IF EXISTS lotscribe@localhost, batchd@localhost, front@localhost, daemon@localhost")


def accounts(server):
    return server.sql("SELECT user AS name, plugin FROM mysql.user WHERE user IN ('lotscribe', 'batchd', 'front', 'daemon') ORDER BY user")


def test_all_is_made_and_what_is_left_is_said(setup, ctl_server):  # noqa: F811
    said = setup("setup").stdout
    assert "schema.sql" in said and "Granted to lotscribe and batchd." in said
    for what in ("batchd -t", "openai.key", "lotscribe-fcgi.socket", "batchctl key add"):
        assert what in said
    assert [tuple(row.values()) for row in accounts(ctl_server)] == [("batchd", "unix_socket"), ("lotscribe", "unix_socket")]
    again = setup("setup").stdout
    assert "Nothing to apply" in again and "Granted to" in again


def test_other_accounts(setup, ctl_server):  # noqa: F811
    assert "Granted to front and daemon." in setup("setup", "front", "daemon").stdout
    assert [row["name"] for row in accounts(ctl_server)] == ["daemon", "front"]


@pytest.mark.parametrize("args, database, words", [
    (("front",), {}, "two accounts"), (("fr ont", "daemon"), {}, "not a database account"),
    ((), {"host": "db.example"}, "database.host is set")])
def test_what_cannot_be_set_up(setup, args, database, words):
    done = setup("setup", *args, check=False, **database)
    assert done.returncode in (64, 78) and words in done.stderr
