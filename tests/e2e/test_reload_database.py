# SPDX-License-Identifier: ISC
"""A reload frees the configuration that was read before: nothing may go on using it (also made to run under sanitizers)."""
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from kills import site as new_site  # noqa: E402
from kills import wait_log, wait_until  # noqa: E402

# Memory that is freed is overwritten: what still points there finds no name of a database.
PERTURBED = {"MALLOC_PERTURB_": "165"}


@pytest.fixture(scope="module")
def site():
    with new_site("reload-database") as made:
        yield made


def sessions(site):
    """The connections of batchd."""
    return [r["id"] for r in site.sql("SELECT id FROM information_schema.processlist WHERE db = %s AND user LIKE %s",
                                      site.stack.database, "%daemon%")]


def cut(site):
    for session in sessions(site):
        site.sql(f"KILL {session}")


def test_the_database_is_found_again_after_a_reload(site):
    batchd = site.stack.add_batchd(env=PERTURBED)
    wait_log(batchd, "lease taken")
    for n in range(2):
        before = batchd.log_text().count("configuration read again")
        batchd.reload()
        wait_until(lambda: batchd.log_text().count("configuration read again") > before, 20, "the reload", alive=[batchd])
        old = sessions(site)
        cut(site)
        wait_until(lambda: set(sessions(site)) - set(old), 20, "a new connection", alive=[batchd])
        site.wait_full(site.take(2, name=f"after reload {n}"))
    site.wait_swept()
    site.prove(4)
    assert batchd.stop() == 0
