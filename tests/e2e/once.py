# SPDX-License-Identifier: ISC
"""What the tests of "creating a batch once" share: databases that are copied and restored, calls at the stand-in by
hand, a database server whose clock can jump.

Owns: `dump`, `restore`, `copy_of` (a second installation on a copy of the database, at the same provider), `upload`
and `create` as another client of the provider would call them, `ShiftedMariaDB`.
"""
import contextlib
import http.client
import json
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[1])]

from harness import config as conf  # noqa: E402
from harness.process import run  # noqa: E402
from harness.servers import MariaDB  # noqa: E402
from harness.stack import Stack, default_build, temporary_work  # noqa: E402
from jobs import Sales  # noqa: E402
from kills import QUICK  # noqa: E402

TICK = 0.1      # as in QUICK
STUCK = {"match": {"task": "describe", "nth": 1}, "do": "stuck"}
WRITES = ("POST", "DELETE")


# ---- The database.

def dump(site: Sales) -> str:
    """The whole database as SQL, as an operator's backup has it."""
    return run(["mariadb-dump", "--no-defaults", f"--socket={site.stack.mariadb.socket}", "--user=root",
                "--single-transaction", "--hex-blob", site.stack.database]).stdout


def restore(site: Sales, backup: str) -> None:
    """The database as it was then; grants and programs stay."""
    site.stack.mariadb.create_database(site.stack.database)
    run(["mariadb", "--no-defaults", f"--socket={site.stack.mariadb.socket}", "--user=root", site.stack.database],
        stdin=backup)


@contextlib.contextmanager
def copy_of(site: Sales, overrides: Optional[conf.Config] = None) -> Iterator[Sales]:
    """Another machine with a copy of the database, the same key and provider; no programs run there yet."""
    stack = Stack(default_build(), temporary_work("once-copy"), site.stack.mariadb, standin=False,
                  overrides=conf.merged(QUICK, {"openai": {"base_url": site.standin.base_url},
                                                "batch": site.stack.overrides["batch"]}, overrides or {}),
                  openai_key=site.standin.key)
    copy = Sales(stack)
    copy.standin = site.standin
    try:
        restore(copy, dump(site))
        stack.write_configs()
        stack._create_accounts()
        stack.batchctl("migrate", "--grants", stack._user("web"), stack._user("daemon"))
        yield copy
    finally:
        stack.stop()


# ---- The provider, as seen by another client of it.

def writes(site: Sales, after: int) -> List[Dict[str, Any]]:
    """The calls after that one which change something."""
    return [c for c in site.calls(after=after) if c["method"] in WRITES]


def upload(site: Sales, name: str, text: bytes = b"{}\n") -> str:
    """A file at the provider; returns its id."""
    edge = "once-once-once"
    parts = [f'--{edge}\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n'.encode(),
             f'--{edge}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
             "Content-Type: application/jsonl\r\n\r\n".encode(), text, f"\r\n--{edge}--\r\n".encode()]
    connection = http.client.HTTPConnection("127.0.0.1", site.standin.port, timeout=30)
    connection.request("POST", "/v1/files", b"".join(parts), {
        "Authorization": f"Bearer {site.standin.key}", "Content-Type": f"multipart/form-data; boundary={edge}"})
    answer = json.loads(connection.getresponse().read())
    connection.close()
    return answer["id"]


def create(site: Sales, input_file: str, metadata: Dict[str, str]) -> str:
    """A batch at the provider; returns its id."""
    return site.standin.call("POST", "/v1/batches", {
        "input_file_id": input_file, "endpoint": "/v1/chat/completions", "completion_window": "24h",
        "metadata": metadata})["id"]


def set_clock(site: Sales, seconds: float) -> None:
    """Move the provider's clock."""
    site.standin.call("POST", "/_standin/clock", {"advance": seconds})


def twice(site: Sales) -> List[str]:
    """Requests that were executed more than once. A restored database reuses item numbers: the job's mark counts."""
    seen = Counter(line["custom_id"].split("-")[0] + line["custom_id"].split("-")[2] for line in site.executed())
    return [item for item, n in seen.items() if n > 1]


def ticks(n: int = 6) -> None:
    """Nothing is awaited that could come: batchd has had its chances."""
    time.sleep(n * TICK)


# ---- A clock that jumps.

def guarded_for(site: Sales) -> Optional[int]:
    """Seconds, by the database's clock, for which nothing is closed; None where no jump was seen."""
    return site.sql("SELECT TIMESTAMPDIFF(SECOND, UTC_TIMESTAMP(6), no_close_before) AS s FROM daemon_lease")[0]["s"]


class ShiftedMariaDB(MariaDB):
    """A server whose wall clock is that of the machine plus `shift` seconds, by libfaketime."""

    LIBRARY = "/usr/$LIB/faketime/libfaketimeMT.so.1"   # the loader knows what $LIB is

    def __init__(self, work: Path) -> None:
        super().__init__(work)
        self._file = self.work / "faketime"
        self.shift = 0
        self.env = {"LD_PRELOAD": self.LIBRARY, "FAKETIME_TIMESTAMP_FILE": str(self._file), "FAKETIME_NO_CACHE": "1",
                    "FAKETIME_DONT_FAKE_MONOTONIC": "1"}

    @property
    def shift(self) -> int:
        return self._seconds

    @shift.setter
    def shift(self, seconds: int) -> None:
        self._seconds = seconds
        fresh = self._file.with_suffix(".new")
        fresh.write_text(f"{seconds:+d}\n")
        fresh.rename(self._file)    # never half of it is read
