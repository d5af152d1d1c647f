# SPDX-License-Identifier: ISC
"""What outlives a file of tests: database servers that many installations use, and when folders of tests go.

Owns: one server a name for this process, stopped and removed at its end; the removal of the folders of tests that passed.
LOTSCRIBE_KEEP in the environment keeps them all. What a failed test left is kept in any case.
"""
import atexit
import functools
import os
import shutil

from .servers import MariaDB
from .stack import temporary_folders, temporary_work


@functools.lru_cache(maxsize=None)
def shared_mariadb(name: str = "mariadb") -> MariaDB:
    """A running server for all tests of this process that do not break it, or, under another name, break it by turns."""
    server = MariaDB(temporary_work(name, shared=True))
    atexit.register(_end, server)
    server.start()
    return server


def _end(server: MariaDB) -> None:
    server.stop(60)
    # Of the installations nothing is left in it; the log stays.
    if not is_kept():
        shutil.rmtree(server.datadir, ignore_errors=True)


def is_kept() -> bool:
    return bool(os.environ.get("LOTSCRIBE_KEEP"))


def end_folders(keep: bool) -> None:
    """The folders made since the last time: remove them, or let them be."""
    while temporary_folders:
        folder = temporary_folders.pop()
        if not keep and not is_kept():
            shutil.rmtree(folder, ignore_errors=True)
