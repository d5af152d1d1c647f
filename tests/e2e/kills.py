# SPDX-License-Identifier: ISC
"""What the tests of death and doubt share: an installation whose batchd is killed, and the proof afterwards.

Owns: `Site`, one installation with its stand-in; how it is seen that nothing was lost and nothing paid twice;
waiting for a fault to bite; a build of batchd with a change in its source.
Does not: decide what is killed when; the tests do.
"""
import contextlib
import os
import re
import shlex
import sys
from collections import Counter
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence, Tuple

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[1])]

from harness import config as conf  # noqa: E402
from harness.process import run, wait_until  # noqa: E402
from harness.servers import MariaDB  # noqa: E402
from harness.shared import shared_mariadb  # noqa: E402
from harness.stack import TOP, Batchd, Stack, default_build, temporary_work  # noqa: E402

# The lease is long: a killed batchd's is ended by hand (Site.bury), and no pause of this machine ends another.
# A poll shows what the database holds at that moment, not what the front end last saw.
QUICK: conf.Config = {
    "http": {"cache": 0},
    "daemon": {"lease": "20s", "tick": "100ms", "stop_grace": "20s"},
    "batch": {"linger": "100ms", "poll_interval": "100ms", "settle": "300ms"},
}
UPLOAD = "POST /v1/files"
CREATE = "POST /v1/batches"
LIST = "GET /v1/batches"
GET_BATCH = "GET /v1/batches/{id}"
CANCEL = "POST /v1/batches/{id}/cancel"
GET_FILE = "GET /v1/files/{id}"
CONTENT = "GET /v1/files/{id}/content"
DELETE = "DELETE /v1/files/{id}"
CHAT = "POST /v1/chat/completions"
# Of which kind a file is, by a part of its name.
FILES = {"input": "lotscribe-", "output": "_output.jsonl", "error": "_error.jsonl"}


def order(lots: int = 3, languages: Sequence[str] = ("fr",), **more: Any) -> Dict[str, Any]:
    """An order of so many lots."""
    return {"languages": list(languages), **more,
            "lots": [{"id": str(n + 1), "title": f"Teapot no. {n + 1}", "notes": "Medium: silver"}
                     for n in range(lots)]}


class Site:
    """An installation with a stand-in, and the questions to it that tests of I1, I2, I3 and I6 ask."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.standin = stack.standin

    # -- orders ---------------------------------------------------------------------------------------

    def take(self, lots: int = 3, languages: Sequence[str] = ("fr",), **more: Any) -> str:
        return self.stack.order(order(lots, languages, **more))["job_id"]

    def wait_full(self, job: str, timeout: float = 60) -> Dict[str, Any]:
        status = self.stack.wait_ended(job, timeout)
        assert (status["status"], status["outcome"]) == ("completed", "full"), status
        return status

    def wait_swept(self, timeout: float = 90) -> None:
        """Every batch is closed and its remote files are deleted."""
        wait_until(lambda: not self.sql("SELECT id FROM batch WHERE phase <> 'closed' OR swept_at IS NULL"), timeout,
                   "all batches to be closed and swept")

    # -- batchd ---------------------------------------------------------------------------------------

    def batchd(self, overrides: Optional[conf.Config] = None, start: bool = True) -> Batchd:
        return self.stack.add_batchd(overrides, start=start)

    def bury(self, batchd: Batchd) -> None:
        """kill -9, and what follows by itself once its lease is over."""
        batchd.kill()
        self.end_lease()

    def end_lease(self) -> None:
        self.sql("UPDATE daemon_lease SET expires_at = UTC_TIMESTAMP(6)")

    def active(self) -> Optional[Batchd]:
        """The batchd that holds the lease."""
        owner = self.lease()["owner"].split("/")
        return next((b for b in self.stack.batchds if b.running and owner[1:2] == [str(b.pid)]), None)

    def lease(self) -> Dict[str, Any]:
        return self.sql("SELECT owner, epoch, COALESCE(expires_at > UTC_TIMESTAMP(6), 0) AS live FROM daemon_lease")[0]

    # -- database -------------------------------------------------------------------------------------

    def sql(self, statement: str, *args: Any) -> List[Dict[str, Any]]:
        return self.stack.sql(statement, args or None)

    def wait_phase(self, phase: str, timeout: float = 30) -> Dict[str, Any]:
        """The batch that is in this phase, once there is one."""
        return wait_until(lambda: next(iter(self.sql("SELECT * FROM batch WHERE phase = %s", phase)), None), timeout,
                          f"a batch to be {phase}")

    def rows(self) -> Dict[str, List[Dict[str, Any]]]:
        """Everything that batchd moves, to be compared. next_at is no move: it says when to look."""
        return {table: self.sql(f"SELECT * FROM {table} ORDER BY 1, 2") for table in
                ("job", "job_language", "item", "attempt", "answer", "batch", "batch_line", "event")}

    # -- stand-in -------------------------------------------------------------------------------------

    def rules(self, *rules: Dict[str, Any]) -> None:
        """These rules and no others."""
        self.standin.call("POST", "/_standin/faults", list(rules))

    def release(self) -> None:
        self.standin.call("POST", "/_standin/release")

    def ledger(self) -> Dict[str, Any]:
        return self.standin.call("GET", "/_standin/ledger")

    def calls(self, route: Optional[str] = None, after: int = 0) -> List[Dict[str, Any]]:
        return [c for c in self.ledger()["calls"] if c["n"] > after and route in (None, c["route"])]

    def last_call(self) -> int:
        return max((c["n"] for c in self.ledger()["calls"]), default=0)

    def wait_call(self, route: str, phase: str, count: int = 1, after: int = 0) -> None:
        self.standin.call("GET", "/_standin/wait?timeout=25&count=%d&phase=%s&after=%d&route=%s" % (
            count, phase, after, route.replace(" ", "%20").replace("{", "%7B").replace("}", "%7D")))

    def wait_bitten(self, action: str, executed: bool, alive: Sequence[Batchd] = (), timeout: float = 25) -> Dict[str, Any]:
        """The call that a rule with this action holds or dropped, once there is one."""
        def bitten() -> Optional[Dict[str, Any]]:
            return next((c for c in self.calls() if c["fault"] == action and (c["status"] is not None or not executed)),
                        None)
        return wait_until(bitten, timeout, f"the rule {action} to apply", alive=alive)

    # -- proofs ---------------------------------------------------------------------------------------

    def lost(self) -> List[str]:
        """Executed requests that are neither an answer nor recorded beside the answers (I2)."""
        kept = {(r["item"], r["no"]) for r in self.sql(
            "SELECT item_id AS item, attempt_no AS no FROM answer UNION SELECT item_id, attempt_no FROM batch_line"
            " WHERE item_id IS NOT NULL")}
        executed = [line["custom_id"] for line in self.ledger()["executed"]]
        return [c for c in executed if tuple(int(part) for part in c.split("-")[:2]) not in kept]

    def paid_twice(self) -> int:
        """Items executed and billed more than once (I3)."""
        return self.standin.call("GET", "/_standin/ledger?summary=1")["items_executed_more_than_once"]

    def batches_by_key(self) -> Dict[str, int]:
        """How many remote batches bear each of our batches' keys."""
        count: Dict[str, int] = {}
        for batch in self.standin.call("GET", "/_standin/batches")["batches"]:
            key = batch["metadata"]["lotscribe_batch"]
            count[key] = count.get(key, 0) + 1
        return count

    def prove(self, batches: Optional[int] = None) -> None:
        """Nothing lost, nothing paid twice, each batch created once, the invariants hold."""
        assert self.lost() == []
        assert self.paid_twice() == 0
        keys = self.batches_by_key()
        assert set(keys.values()) <= {1}, keys
        if batches is not None:
            assert len(keys) == batches, keys
        self.stack.batchctl("check")

    def files_left(self) -> List[str]:
        return [f["filename"] for f in self.standin.call("GET", "/v1/files")["data"]]


@contextlib.contextmanager
def site(name: str, overrides: Optional[conf.Config] = None, mariadb: Optional[MariaDB] = None,
         step: float = 0.05) -> Iterator[Site]:
    """A new installation without a batchd."""
    with Stack(default_build(), temporary_work(name), mariadb or shared_mariadb(), standin_step=step,
               overrides=conf.merged(QUICK, overrides or {})) as stack:
        yield Site(stack)


@contextlib.contextmanager
def sites(name: str, overrides: Optional[conf.Config] = None) -> Iterator[Callable[[], Site]]:
    """What it yields gives one installation to all tests of a module, but a new one after a test that left a batchd
    running: it failed, and what it left behind would fail the others."""
    with contextlib.ExitStack() as open_sites:
        made: List[Site] = []

        def clean() -> Site:
            if not made or any(batchd.running for batchd in made[-1].stack.batchds):
                open_sites.close()
                made.append(open_sites.enter_context(site(name, overrides)))
            return made[-1]
        yield clean


def kinds_of_calls(ledger: Dict[str, Any]) -> "Counter[Tuple[str, Optional[str]]]":
    """How often each kind of call was made: its route, and the kind of file that it is about."""
    names = {e["file"]: e["filename"] for e in ledger["events"] if "filename" in e}
    kinds: "Counter[Tuple[str, Optional[str]]]" = Counter()
    for call in ledger["calls"]:
        part = call["path"].split("?")[0].split("/")[3:4]
        name = FILES["input"] if call["route"] == UPLOAD else names.get(part[0], "") if part else ""
        kinds[call["route"], next((kind for kind, text in FILES.items() if text in name), None)] += 1
    return kinds


def wait_log(batchd: Batchd, text: str, timeout: float = 30) -> None:
    wait_until(lambda: text in batchd.log_text(), timeout, f"batchd to log {text!r}")


def write_report(name: str, lines: Sequence[str]) -> None:
    """Print it (seen with -s), and keep it in the folder of temporary files."""
    folder = Path(os.environ.get("LOTSCRIBE_TMP", TOP / ".dev" / "tmp"))
    (folder / name).write_text("\n".join(lines) + "\n")
    print("\n" + "\n".join(lines))


# ---- batchd with a change in its source.

def _makefile(build: Path) -> Callable[[str], List[str]]:
    """Looks up a variable of the build's Makefile, expanded, as words."""
    text = (build / "Makefile").read_text().replace("\\\n", " ")
    variables: Dict[str, str] = dict(re.findall(r"^(\w+) = ?(.*)$", text, re.M))

    def expand(value: str) -> str:
        return re.sub(r"\$\((\w+)\)", lambda m: expand(variables.get(m[1], "")), value)
    return lambda name: shlex.split(expand(variables[name]))


def changed_batchd(name: str, changes: Dict[str, Sequence[Tuple[str, str]]]) -> Path:
    """batchd as it is built, but for source files in which each text (it must occur once) is replaced."""
    return _changed("batchd", "CURL_LIBS", name, changes)


def changed_front_end(name: str, changes: Dict[str, Sequence[Tuple[str, str]]]) -> Path:
    """The same of lotscribe.fcgi."""
    return _changed("fcgi_app", "FCGI_LIBS", name, changes)


def _changed(folder: str, library: str, name: str, changes: Dict[str, Sequence[Tuple[str, str]]]) -> Path:
    build = default_build().resolve()
    work = temporary_work(name)
    variable = _makefile(build)
    top = Path(variable("abs_top_srcdir")[0])
    objects: List[Path] = []
    for path, replacements in changes.items():
        text = (top / path).read_text()
        for old, new in replacements:
            assert text.count(old) == 1, f"{path}: {text.count(old)} times: {old}"
            text = text.replace(old, new)
        source = work / path
        source.parent.mkdir(parents=True, exist_ok=True)
        source.write_text(text)
        objects.append(source.with_suffix(".o"))
        run([*variable("CC"), "-D_GNU_SOURCE", "-std=gnu11", "-I", top, *variable("JSONC_CFLAGS"), *variable("CFLAGS"),
             *variable("INSTRUMENT_CFLAGS"), "-c", "-o", objects[-1], source])
    # A member of an archive is not taken where its symbols are there already.
    rest = [o for o in sorted((build / folder).glob("*.o")) if o.name.split("-")[-1] not in
            {Path(path).with_suffix(".o").name for path in changes if path.startswith(folder + "/")}]
    if folder == "fcgi_app":
        rest += (build / "api").glob("*.o")
    libraries = [word for name in ("JSONC_LIBS", "MARIADB_LIBS", "CONFUSE_LIBS", "CRYPTO_LIBS", "SYSTEMD_LIBS", library)
                 for word in variable(name)]
    run([*variable("CC"), "-pthread", *variable("CFLAGS"), *variable("INSTRUMENT_CFLAGS"), "-o", work / "changed",
         *objects, *rest, build / "libshell.a", build / "libcore.a", *libraries])
    return work / "changed"
