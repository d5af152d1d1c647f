# SPDX-License-Identifier: ISC
"""A database that goes away while batchd starts is waited for, wherever it goes; one that is not ours ends batchd."""
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from db_proxy import DatabaseProxy  # noqa: E402
from harness.process import socket_path  # noqa: E402
from jobs import sales, wait_until  # noqa: E402
from kills import wait_log  # noqa: E402

EX_CONFIG = 78


@pytest.fixture
def site():
    with sales("start-database") as made:
        yield made


# The first commands look at the schema; then come the statements, one by one.
@pytest.mark.parametrize("commands", [0, 2, 8, 40, 120])
def test_a_database_that_goes_away_while_batchd_starts_is_waited_for(site, commands):
    proxy = DatabaseProxy(site.stack.mariadb.socket, socket_path(site.stack.work, "db.sock"))
    try:
        proxy.hang(commands)
        batchd = site.batchd({"database": {"socket": proxy.path}})
        wait_until(lambda: proxy.hung_at, 20, "it to hang", alive=[batchd])
        wait_log(batchd, "database away")
        proxy.release()
        site.wait_full(site.take(1, ()))
        assert batchd.log_text().count("started") == 1
        assert batchd.stop() == 0
    finally:
        proxy.stop()


def test_statements_that_the_grants_do_not_allow_end_it(site):
    batchd = site.batchd(start=False)
    user = site.stack.config("daemon")["database"]["user"]
    site.sql(f"REVOKE ALL PRIVILEGES, GRANT OPTION FROM '{user}'@'localhost'")
    site.sql(f"GRANT SELECT ON {site.stack.database}.schema_version TO '{user}'@'localhost'")
    batchd.start()
    assert batchd.wait() == EX_CONFIG
    assert "database refused" in batchd.log_text()
