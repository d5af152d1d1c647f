# SPDX-License-Identifier: ISC
"""I2, I3: backup and restore by the very commands of README.md, on the same machine and on another.

Its section "Back up and restore" is read here, and its commands are run: /etc, /var and the database server are those of
the test, and `systemctl` stops and starts the test's programs.
"""
import contextlib
import os
import re
import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from jobs import KEEP_FILES, TOP, Sales, conf, wait_until  # noqa: E402
from kills import QUICK, UPLOAD, wait_log  # noqa: E402
from once import STUCK, ticks, twice, writes  # noqa: E402
from harness.process import run  # noqa: E402
from harness.servers import MariaDB  # noqa: E402
from harness.stack import Stack, default_build, find_program, temporary_work  # noqa: E402

LOTS = 3
UNITS = {"batchd.service", "lotscribe-fcgi.socket", "lotscribe-fcgi.service", "lotscribe-retention.timer"}
# The one in the backup is waited for.
LEASE = {"daemon": {"lease": "2s"}}
# What is not answered by a batch goes by calls, soon.
SOON = {"fallback": {"tiers": ["default"], "estimate": "1s", "reserve": "1s"}}


def commands(begin):
    """The block of commands, in that section of README.md, whose first line begins so; line by line."""
    section = re.search(r"^### Back up and restore\n(.*?)^###? ", (TOP / "README.md").read_text(), re.M | re.S).group(1)
    blocks = [b.replace("    ", "", 1).replace("\n    ", "\n").splitlines()
              for b in re.findall(r"(?:^    .*\n)+", section, re.M)]
    found = [b for b in blocks if b[0].startswith(begin)]
    assert len(found) == 1, (begin, blocks)
    return found[0]


class Machine:
    """What an operator has before him: folders below /etc and /var, a database server, programs by their names."""

    def __init__(self, site):
        self.site, self.stack = site, site.stack
        self.root = temporary_work("backup-root")
        for folder in ("etc/lotscribe", "var/lib/batchd", "var/backups", "bin"):
            (self.root / folder).mkdir(parents=True)
        server = f"--no-defaults --socket={site.stack.mariadb.socket} --user=root"
        users = " ".join(site.stack._user(part) for part in ("web", "daemon"))
        self._program("mariadb-dump", f'/usr/bin/mariadb-dump {server} "$@"')
        self._program("mariadb", f'/usr/bin/mariadb {server} "$@"')
        self._program("mariadb-binlog", '/usr/bin/mariadb-binlog --no-defaults "$@"')
        # Its two accounts have other names here.
        self._program("batchctl", f'"{find_program(site.stack.build, "batchctl")}" -c {site.stack.work}/conf/admin.conf "$@"'
                      f' $([ "$1" != setup ] || echo {users})')
        self._program("chown", ":")
        self.batchd = site.stack.add_batchd({"daemon": {"state_dir": str(self.root / "var/lib/batchd")}}, start=False)

    def _program(self, name, line):
        path = self.root / "bin" / name
        path.write_text(f"#!/bin/sh\n{line}\n")
        path.chmod(0o755)

    def run(self, *lines):
        """Run commands as README.md has them; returns what they printed."""
        return "".join(self._run_line(line) for line in lines)

    def _run_line(self, line):
        if line.startswith("systemctl "):
            _, verb, *units = line.split()
            assert set(units) == UNITS
            for program in [self.batchd, *self.stack.front_ends]:
                program.stop() if verb == "stop" else program.start()
            return ""
        line = re.sub(r"(?<![\w.])/var/", f"{self.root}/var/", line)
        line = re.sub(r"-C /(?= |$)", f"-C {self.root}", line)
        return run(["/bin/sh", "-ec", line], 120, {"PATH": f"{self.root}/bin:{os.environ['PATH']}"}).stdout

    def back_up(self):
        self.run(*commands("umask"))

    def restore(self):
        self.run(*commands("systemctl stop"))

    def adopt(self, remote):
        listed, adopt, _ = commands("batchctl installation")
        assert remote in self.run(listed)
        self.run(adopt.replace("REMOTE-ID", remote))
        wait_log(self.batchd, f"orphan adopted remote={remote}")

    def check(self):
        return self.run(commands("batchctl installation")[2])

    def http_status(self, job):
        return self.stack.get(f"/api/v1/jobs/{job}/status").status


@contextlib.contextmanager
def machine(name, first=None):
    """One with a database server of its own; at the same provider as the first one, where that is given."""
    work = temporary_work(name)
    overrides = conf.merged(QUICK, SOON, LEASE)
    if first:
        overrides = conf.merged(overrides, {"openai": {"base_url": first.site.standin.base_url}})
    with MariaDB(work / "mariadb", [f"--log-bin={work}/binlog", "--server-id=1"]) as server, \
            Stack(default_build(), work / "stack", server, standin=not first, standin_step=0.05, overrides=overrides,
                  database="lotscribe", openai_key=first.site.standin.key if first else None) as stack:
        site = Sales(stack)
        site.standin = first.site.standin if first else stack.standin
        made = Machine(site)
        try:
            yield made
        finally:
            made.batchd.kill()


@pytest.fixture
def first():
    with machine("backup-first") as made:
        yield made


def back_up_in_the_middle(m):
    """A job is described when the backup is made, and goes on: its translations are in a batch that the backup does not
    know, and so is a job that comes later. Returns both jobs, and the remote ids of both batches."""
    site = m.site
    site.rules(KEEP_FILES, STUCK)
    m.batchd.start()
    job = site.take(LOTS, deadline="PT10M")
    remote = site.wait_remote("describe", "in_progress")["id"]
    site.wait_phase("running")
    site.rules(KEEP_FILES, {"match": {"route": UPLOAD}, "do": "status", "code": 503}, {"do": "stuck"})
    site.force(remote, "resume")
    wait_until(lambda: site.stack.status(job)["progress"]["described"] == LOTS, 30, "the descriptions")
    m.back_up()
    site.rules(KEEP_FILES, {"do": "stuck"})
    later = site.take(2, (), deadline="PT10M")
    batches = [site.wait_remote("translate", "in_progress")["id"], site.wait_remote("describe", "in_progress", nth=2)["id"]]
    wait_until(lambda: len(site.sql("SELECT id FROM batch WHERE phase = 'running'")) == 2, 20, "both to be stored")
    return job, later, batches


def sent(site, after):
    """The calls after that one which buy something, or prepare it."""
    return [c for c in writes(site, after) if c["method"] == "POST"]


def adopt_and_finish(m, job, batches):
    """Nothing is sent before; then the job ends in full, and no request was paid twice."""
    site, last = m.site, m.site.last_call()
    for remote in batches:
        wait_log(m.batchd, f"unknown batch of ours remote={remote}")
    ticks()
    assert sent(site, last) == []
    for remote in batches:
        m.adopt(remote)
    for remote in batches:
        site.force(remote, "resume")
    site.wait_full(job)
    site.wait_closed()
    assert twice(site) == [] and len(site.remote()) == 3
    # Of the job that is not known any more all is on record.
    assert site.sql("SELECT kind, COUNT(*) AS n FROM batch_line GROUP BY kind") == [{"kind": "stranger", "n": 2}]
    said = m.check()
    assert " 0 failed" in said and "BOOKED  lines that are a second answer, or none that could be kept" in said


def test_I3_a_backup_is_restored_by_the_commands_of_the_readme(first):
    job, later, batches = back_up_in_the_middle(first)
    first.restore()
    assert first.http_status(job) == 200 and first.http_status(later) == 404
    adopt_and_finish(first, job, batches)
    first.site.rules()
    first.site.wait_full(first.site.take(1, ()))        # its recipe is held no more


def test_I3_what_was_harvested_after_the_backup_is_sent_again_in_time(first):
    """Its files are gone from the provider: each item is paid once more, and no more than that."""
    site = first.site
    site.rules(STUCK)
    first.batchd.start()
    job = site.take(LOTS, (), deadline="PT30S")
    remote = site.wait_remote("describe", "in_progress")["id"]
    site.wait_phase("running")
    first.back_up()
    site.rules()
    site.force(remote, "resume")
    site.wait_full(job)
    site.wait_swept()
    first.restore()
    assert site.stack.status(job)["status"] == "describing"
    site.wait_full(job)
    assert len(twice(site)) == len(site.executed()) / 2 == LOTS
    assert " 0 failed" in first.check()


def test_I3_another_machine_takes_over(first):
    job, _, batches = back_up_in_the_middle(first)
    first.run(commands("systemctl stop")[0])
    with machine("backup-other", first) as other:
        for path in (first.root / "var/backups").iterdir():
            shutil.copy(path, other.root / "var/backups")
        other.run(*commands("tar -xzf"))
        assert (other.root / "etc/lotscribe").is_dir()
        other.restore()
        assert other.http_status(job) == 200
        adopt_and_finish(other, job, batches)


@pytest.mark.parametrize("word", ["keep", "new"])
def test_I3_a_machine_without_the_mark_waits_for_a_word(first, word):
    job, _, batches = back_up_in_the_middle(first)
    first.run(commands("systemctl stop")[0])
    with machine("backup-copy", first) as other:
        shutil.copy(first.root / "var/backups/lotscribe.sql", other.root / "var/backups")
        last = first.site.last_call()
        other.restore()
        wait_log(other.batchd, "state directory is of another installation")
        ticks()
        assert sent(other.site, last) == []
        other.run(f"batchctl installation {word}")
        if word == "keep":
            adopt_and_finish(other, job, batches)
            return
        first.site.rules()
        other.site.wait_full(job)       # anew, beside what is there
        touched = {part for c in writes(other.site, last) for part in c["path"].split("/")}
        assert not touched & set(batches)
        assert " 0 failed" in other.check()


def test_I3_with_the_binary_log_nothing_is_lost(first):
    """Replayed to its end before the restore: the job that came after the backup is there, and each batch has its row."""
    site = first.site
    _, dump, files = commands("umask")
    site.rules(KEEP_FILES, STUCK)
    first.batchd.start()
    job = site.take(LOTS)
    remote = site.wait_remote("describe", "in_progress")["id"]
    first.run(dump.replace("mariadb-dump", "mariadb-dump --master-data=2"), files)
    site.force(remote, "resume")
    later = site.take(2, ())
    for one in (job, later):
        site.wait_full(one)
    site.wait_closed()
    position = re.search(r"MASTER_LOG_FILE='(.*)', MASTER_LOG_POS=(\d+)", (first.root / "var/backups/lotscribe.sql").read_text())
    stop, *load, setup, start = commands("systemctl stop")
    first.run(stop)
    until = site.stack.mariadb.sql("SHOW MASTER STATUS")[0]["Position"]
    first.run(*load, f"mariadb-binlog --start-position={position[2]} --stop-position={until}"
              f" {site.stack.mariadb.work.parent}/{position[1]} | mariadb", setup, start)
    for one in (job, later):
        site.wait_full(one)
    ticks()
    assert twice(site) == [] and site.sql("SELECT 1 FROM orphan") == []
    assert " 0 failed" in first.check()
