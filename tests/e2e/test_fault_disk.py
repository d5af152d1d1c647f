# SPDX-License-Identifier: ISC
"""The fault matrix, disks: batchd's spool and the database's disk are full while a job runs, for a while and for good.
I1, I2, I3 hold.

The disks are small file systems in memory, each mounted for one process alone: they end with it.
"""
import contextlib
import os

import pytest

from faults import ALL, LOTS, STUCK, chat, ladder, stuck_batch
from harness.process import Process, wait_until
from harness.servers import MariaDB
from harness.stack import temporary_work

MOUNT = 'mount -t tmpfs -o size="$1" tmpfs "$2" && { [ -z "$3" ] || cp -a "$3/." "$2"; } && touch "$2/ready" && exec sleep infinity'


class SmallDisk(Process):
    """A disk of so many bytes at a folder, with a copy of that content, for processes that enter() it. It lasts until this
    one, which does nothing, is stopped."""

    def __init__(self, folder, size, content=""):
        self.folder = folder
        self._own_user = os.geteuid() != 0
        super().__init__("disk", ["unshare", "-rm" if self._own_user else "-m", "/bin/sh", "-c", MOUNT, "sh", str(size),
                                  str(folder), str(content)], folder.parent / "disk.log")

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

class SmallMariaDB(MariaDB):
    """A server whose data directory is a disk of its own."""

    def __init__(self, work, size):
        super().__init__(work)
        self.disk = SmallDisk(self.work / "disk", size, self.datadir)
        self._argv = [arg.replace(str(self.datadir), str(self.disk.folder)) for arg in self.argv]

    def start(self):
        if not self.disk.running:
            self.install()
            self.disk.start()
        self.argv = self.disk.enter(self._argv)
        return super().start()


@pytest.fixture(scope="module")
def server():
    with SmallMariaDB(temporary_work("fault-disk-mariadb"), 96 << 20) as made:
        yield made
    made.disk.stop()


@pytest.fixture(scope="module")
def row_of_server(server):
    # No call is cut while the server is away.
    with ladder("disk", {"fallback": {"flex_timeout": "30s", "request_timeout": "30s"}}, server) as made:
        yield made


@pytest.mark.skipif(not ALL, reason="./dev faults --all: whether the server runs out of room hangs on what it has in hand")
def test_I1_I2_I3_the_databases_disk_is_full_while_answers_come(row_of_server, server):
    """MariaDB 10.11 may not survive it. Room is made, and it is started again, before the deadline."""
    with row_of_server("the database's disk is full while calls are answered") as one:
        one.start(STUCK, chat("slow", match={"nth": 1}, seconds=600), chat("huge_line", bytes=200000), lots=20, seconds=40)
        one.site.wait_bitten("slow", False, alive=[one.batchd])
        server.disk.fill()
        one.site.release()
        # An answer, the attempts of the next calls, or the server itself.
        wait_until(lambda: any(text in one.batchd.log_text() for text in ("not stored", "not made", "database away"))
                   or not server.running, 30, "the database to refuse", alive=[one.batchd])
        server.disk.free()
        server.kill()
        server.start()
