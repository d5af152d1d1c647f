# SPDX-License-Identifier: ISC
"""The fault matrix, disks: batchd's spool and the database's disk are full while a job runs, for a while and for good.
I1, I2, I3 hold.

The spool is a small file system in memory, mounted for one process alone: it ends with it.
"""
import contextlib
import os

import pymysql
import pytest

from faults import LOTS, STUCK, chat, ladder, stuck_batch
from harness.process import Process, wait_until
from harness.servers import MariaDB
from harness.stack import temporary_work

MOUNT = 'mount -t tmpfs -o size="$1" tmpfs "$2" && touch "$2/ready" && exec sleep infinity'


class SmallDisk(Process):
    """A disk of so many bytes at a folder, for processes that enter() it. It lasts until this one, which does nothing, is
    stopped."""

    def __init__(self, folder, size):
        self.folder = folder
        self._own_user = os.geteuid() != 0
        super().__init__("disk", ["unshare", "-rm" if self._own_user else "-m", "/bin/sh", "-c", MOUNT, "sh", str(size),
                                  str(folder)], folder.parent / "disk.log")

    def start(self):
        self.folder.mkdir(mode=0o700, exist_ok=True)
        super().start()
        wait_until(lambda: os.path.exists(self._seen("ready")), 30, "the disk to be there", alive=[self])
        return self

    def enter(self, argv):
        """The command line, with the disk in its place."""
        user = ["-U", "--preserve-credentials"] if self._own_user else []
        return ["nsenter", "-t", str(self.pid), "-m", *user, *argv]

    def _seen(self, name):
        return f"/proc/{self.pid}/root{self.folder}/{name}"

    def fill(self):
        with open(self._seen("filler"), "wb", buffering=0) as out, contextlib.suppress(OSError):
            while True:
                out.write(bytes(4096))

    def free(self):
        os.unlink(self._seen("filler"))


# ---- The spool.

@pytest.fixture(scope="module")
def row():
    with ladder("disk") as made:
        yield made


@contextlib.contextmanager
def small_spool(one):
    """The spool of the row's batchd has 256 KiB."""
    batchd = one.batchd
    with SmallDisk(batchd.state_dir / "spool", 256 << 10) as disk:
        batchd.argv = disk.enter(batchd.argv)
        yield disk
        batchd.stop()


def failed_tries(one, n=2):
    wait_until(lambda: one.site.sql("SELECT 1 FROM batch WHERE phase <> 'closed' AND tries >= %s", n), 30,
               "what needs the spool to fail", alive=[one.batchd])


LEFT_LATE = "items that left at their latest start"
OWN = {"daemon": {"tick": "100ms"}}     # a batchd for this row alone


def pass_by(one, disk, freed, tries):
    """The disk is full until what needs it has failed, or until the job has ended."""
    if freed:
        failed_tries(one, tries)
    else:
        one.ended()
    disk.free()
    one.ended()
    one.recover()


@pytest.mark.parametrize("freed", [True, False], ids=["for a while", "for good"])
def test_I1_I2_I3_the_spool_is_full_from_the_first_result_on(row, freed):
    """For good: neither are results read nor requests written, and calls need no spool."""
    bound, why = (0, "") if freed else (LOTS, LEFT_LATE)
    with row(f"spool full from the first result on, {'for a while' if freed else 'for good'}", bound, why, OWN) as one, \
            small_spool(one) as disk:
        one.start({"match": {"task": "describe"}, "do": "stuck"}, seconds=14)
        remote = stuck_batch(one.site, task="describe")
        disk.fill()
        one.site.force(remote["id"], "resume")
        pass_by(one, disk, freed, 1)
        assert one.ended()[0]["outcome"] == "full"


@pytest.mark.parametrize("freed", [True, False], ids=["for a while", "for good"])
def test_I1_I2_I3_the_spool_is_full_when_translations_come(row, freed):
    bound, why = (0, "") if freed else (LOTS, LEFT_LATE)
    with row(f"spool full when translations come, {'for a while' if freed else 'for good'}", bound, why, OWN) as one, \
            small_spool(one) as disk:
        one.start(STUCK)
        remote = stuck_batch(one.site)
        disk.fill()
        one.site.force(remote["id"], "resume")
        pass_by(one, disk, freed, 2)
        assert one.ended()[0]["outcome"] == "full"


# ---- The database's disk.

class FullMariaDB(MariaDB):
    """A server whose tables share a file that does not grow: where it is full, InnoDB says what it says of a full disk
    (error 1114), and goes on. A file system without room has it wait, or abort, by what it has in hand."""

    ROOM = "--innodb-data-file-path=ibdata1:48M"

    def _options(self, datadir):
        return [*super()._options(datadir), "--innodb-file-per-table=0", self.ROOM]

    def fill(self):
        """To the last page."""
        self.create_database("ballast")
        self.sql("CREATE TABLE ballast (bytes LONGBLOB) ENGINE=InnoDB", database="ballast")
        for size in (1 << 20, 1 << 16, 1 << 10):
            with contextlib.suppress(pymysql.err.OperationalError):
                while True:
                    self.sql("INSERT INTO ballast VALUES (REPEAT('x', %s))", (size,), "ballast")

    def enlarge(self):
        """Not even a table can be dropped without room."""
        self.kill()
        self.argv = [f"{arg};ibdata2:48M" if arg == self.ROOM else arg for arg in self.argv]
        self.start()


@pytest.fixture(scope="module")
def server():
    with FullMariaDB(temporary_work("fault-disk-mariadb")) as made:
        yield made


@pytest.fixture(scope="module")
def row_of_server(server):
    # No call is cut while the server has no room.
    with ladder("disk", {"fallback": {"flex_timeout": "30s", "request_timeout": "30s"}}, server) as made:
        yield made


def test_I1_I2_I3_the_databases_disk_is_full_while_answers_come(row_of_server, server):
    with row_of_server("the database's disk is full while calls are answered") as one:
        one.start(STUCK, chat("slow", match={"nth": 1}, seconds=600), chat("huge_line", bytes=200000), lots=20, seconds=40)
        one.site.wait_bitten("slow", False, alive=[one.batchd])
        server.fill()
        one.site.release()
        wait_until(lambda: "is full" in one.batchd.log_text(), 30, "the database to refuse", alive=[one.batchd])
        stack = one.site.stack
        order = {"lots": [{"id": str(n), "title": "A chair", "notes": "x" * 30000} for n in range(20)]}
        assert stack.request("POST", "/api/v1/jobs?again=1", order, {}, stack.key).status == 503
        server.enlarge()
        one.ended()
