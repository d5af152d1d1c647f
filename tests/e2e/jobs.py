# SPDX-License-Identifier: ISC
"""What the tests of jobs, harvests and deadlines share: the money, the lines of the provider's files and where they
went, and what a job looks like from the outside.

Owns: `Sales`, an installation with the questions of these tests; `sales()` makes one.
Does not: kill anything (kills.py).
"""
import contextlib
import json
import subprocess
import sys
from collections import Counter
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Tuple

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[1])]

from harness import config as conf  # noqa: E402
from harness.process import wait_until  # noqa: E402
from harness.servers import MariaDB  # noqa: E402
from harness.stack import TOP, Answer, Stack, default_build, temporary_work  # noqa: E402
from kills import CHAT, CONTENT, CREATE, DELETE, QUICK, Site, order, shared_mariadb  # noqa: E402

__all__ = ["CHAT", "CONTENT", "CREATE", "DELETE", "KEEP_FILES", "KEYS", "MODEL", "NO_ROOM", "Sales", "TOP", "conf",
           "first_describe", "lots", "order", "sale_20", "sales", "wait_until"]

KEYS = ["title", "description", "category", "period", "materials", "condition", "keywords"]
MODEL = "gpt-5.5"
PRICES = (Decimal("1.25"), Decimal("10.00"), Decimal("0.5"))    # input, output, batch: as in harness.stack.FAST
# Files stay at the provider until a test has read them.
KEEP_FILES = {"match": {"route": DELETE}, "do": "status", "code": 500}
# How a tier refuses that has no room, flex above all.
NO_ROOM = {"do": "status", "code": 429, "error": {"code": "resource_unavailable", "type": "resource_unavailable",
                                                  "message": "Resource Unavailable"}}
FILE_NOS = (("output_file_id", 0), ("error_file_id", 1))


def sale_20() -> Dict[str, Any]:
    return json.loads((TOP / "tests" / "data" / "sale-20.json").read_text())


def lots(n: int, **more: Any) -> List[Dict[str, Any]]:
    return order(n)["lots"] if not more else [{**lot, **more} for lot in order(n)["lots"]]


def first_describe(do: str, **parameters: Any) -> Dict[str, Any]:
    """A rule for the first batch of descriptions alone."""
    return {"match": {"task": "describe", "nth": 1}, "do": do, **parameters}


def usd(micro: Decimal) -> str:
    """Micro-dollars as the API writes them: four decimals at least, six at most."""
    text = f"{micro / 1000000:.6f}"
    return text[:-2] + text[-2:].rstrip("0")


class Sales(Site):
    """An installation whose jobs are looked at closely."""

    def client(self, job: str, *options: str) -> "subprocess.CompletedProcess[str]":
        """The program that customers run, to its end."""
        return subprocess.run([sys.executable, str(TOP / "client" / "poll_job_v2.py"), job, "--url", self.stack.url,
                               *options], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120,
                              check=False)

    def begin_client(self, job: str, *options: str) -> "subprocess.Popen[str]":
        return subprocess.Popen([sys.executable, str(TOP / "client" / "poll_job_v2.py"), job, "--url", self.stack.url,
                                 *options], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                text=True)

    def fresh(self, *rules: Dict[str, Any]) -> None:
        """The stand-in forgets all that was; these rules hold now."""
        self.standin.call("POST", "/_standin/reset")
        self.rules(*rules)

    # -- the provider ---------------------------------------------------------------------------------

    def remote(self) -> List[Dict[str, Any]]:
        return self.standin.call("GET", "/_standin/batches")["batches"]

    def force(self, batch: str, status: str, **more: Any) -> None:
        self.standin.call("POST", f"/_standin/batches/{batch}", {"status": status, **more})

    def wait_remote(self, task: str, *statuses: str, done: int = 0, nth: int = 1) -> Dict[str, Any]:
        """The nth remote batch of a task, once it is in one of these statuses with so many lines done."""
        def reached() -> Optional[Dict[str, Any]]:
            found = [b for b in self.remote() if b["task"] == task][nth - 1:nth]
            good = found and found[0]["status"] in statuses and found[0]["request_counts"]["completed"] >= done
            return found[0] if good else None
        return wait_until(reached, 30, f"batch {nth} of {task} to be {' or '.join(statuses)}")

    def content(self, file: str) -> bytes:
        """A file of the provider, read as it lies there: no rule of the test bites here."""
        return (self.standin.work / "data" / "files" / file).read_bytes()

    def requests(self, task: Optional[str] = None) -> List[Dict[str, Any]]:
        """Every line that was uploaded for a batch, in order. Needs KEEP_FILES."""
        return [json.loads(line) for batch in self.remote() if task in (None, batch["task"])
                for line in self.content(batch["input_file_id"]).splitlines()]

    def executed(self, prefix: str = "") -> List[Dict[str, Any]]:
        return self.standin.call("GET", f"/_standin/ledger?prefix={prefix}")["executed"]

    # -- proofs ---------------------------------------------------------------------------------------

    def billed(self, unread: int = 0) -> str:
        """What the stand-in's ledger would cost, as the status object writes it; but for so many lines that were
        paid for and could not be read."""
        price_in, price_out, factor = PRICES
        known = Counter((r["item_id"], r["attempt_no"]) for r in self.sql(
            "SELECT item_id, attempt_no FROM answer UNION ALL SELECT item_id, attempt_no FROM batch_line WHERE cost > 0"))
        paid = [line for line in self.executed() if line["billed"]]
        read = []
        for line in paid:
            sending = tuple(int(n) for n in line["custom_id"].split("-")[:2])
            if known[sending]:
                known[sending] -= 1
                read.append(line)
        assert len(paid) - len(read) == unread
        return usd(sum((((line["prompt_tokens"] * price_in + line["completion_tokens"] * price_out) * factor)
                        .quantize(Decimal(1), ROUND_HALF_UP) for line in read), Decimal(0)))

    def kept(self) -> Dict[Tuple[str, int], Counter]:
        """I2, I5: every line of every result file, by its offset, is an answer with the very text, or a batch_line.

        Returns how many lines of each kind each remote batch and file had. Needs KEEP_FILES.
        """
        kinds: Dict[Tuple[str, int], Counter] = {}
        for remote in self.remote():
            row = self.sql("SELECT * FROM batch WHERE remote_id = %s", remote["id"])[0]
            recorded = {(r["file_no"], r["offset_bytes"]): r
                        for r in self.sql("SELECT * FROM batch_line WHERE batch_id = %s", row["id"])}
            answers = {(r["item_id"], r["attempt_no"]): r["raw"] for r in self.sql(
                "SELECT a.item_id, a.attempt_no, a.raw FROM answer a JOIN attempt t ON t.item_id = a.item_id"
                " AND t.no = a.attempt_no WHERE t.batch_id = %s", row["id"])}
            for name, file_no in FILE_NOS:
                if remote[name]:
                    kinds[remote["id"], file_no] = _where(self.content(remote[name]), file_no, recorded, answers)
            assert not recorded, f"recorded, and in no file: {recorded}"
            assert not answers, f"answered, and in no file: {answers}"
        return kinds

    def kinds_of_rows(self) -> Counter:
        """What is stored of the newest job: its answers, and the lines of its items that are none."""
        job = self.sql("SELECT MAX(id) AS id FROM job")[0]["id"]
        rows = self.sql("SELECT 'answer' AS kind FROM answer WHERE job_id = %s UNION ALL SELECT l.kind FROM batch_line l"
                        " JOIN item i ON i.id = l.item_id WHERE i.job_id = %s", job, job)
        return Counter(row["kind"] for row in rows)

    def kinds(self) -> Counter:
        """All kinds of lines, of all batches together."""
        return sum(self.kept().values(), Counter())

    def items(self, language: int = 0) -> List[Dict[str, Any]]:
        """The items of the newest job in one of its languages, in the order of its lots."""
        return self.sql("SELECT i.* FROM item i WHERE job_id = (SELECT MAX(id) FROM job) AND lang_no = %s"
                        " ORDER BY lot_seq", language)

    def attempts(self, item: int) -> List[Dict[str, Any]]:
        return self.sql("SELECT * FROM attempt WHERE item_id = %s ORDER BY no", item)

    def wait_closed(self) -> List[Dict[str, Any]]:
        """All batches, once they are closed."""
        wait_until(lambda: not self.sql("SELECT id FROM batch WHERE phase <> 'closed'"), 30, "all batches to be closed")
        return self.sql("SELECT * FROM batch ORDER BY id")

    def check(self) -> None:
        """I4 and all else that must hold."""
        self.stack.batchctl("check")

    def result(self, job: str, query: str = "") -> Answer:
        return self.stack.get(f"/api/v1/jobs/{job}{query}")


def _where(text: bytes, file_no: int, recorded: Dict[Tuple[int, int], Dict[str, Any]],
           answers: Dict[Tuple[int, int], bytes]) -> Counter:
    """Where each line of one file went; what is found is taken out of `recorded` and `answers`."""
    kinds: Counter = Counter()
    offset = 0
    for line in text.splitlines(keepends=True):
        row = recorded.pop((file_no, offset), None)
        if row:
            assert row["size_bytes"] == len(line.rstrip(b"\n"))
            assert line.startswith(row["head"]) and len(row["head"]) == min(row["size_bytes"], 1 << 20)
            kinds[row["kind"]] += 1
        else:
            entry = json.loads(line)
            message = entry["response"]["body"]["choices"][0]["message"]
            item, attempt, _ = entry["custom_id"].split("-")
            raw = answers.pop((int(item), int(attempt)), None)
            assert raw is not None, f"a line at {offset} of file {file_no} is nowhere: {line[:200]!r}"
            assert raw.decode() == (message["refusal"] or message["content"])
            kinds["answer"] += 1
        offset += len(line)
    return kinds


@contextlib.contextmanager
def sales(name: str, overrides: Optional[conf.Config] = None, mariadb: Optional[MariaDB] = None,
          step: float = 0.05) -> Iterator[Sales]:
    """A new installation without a batchd."""
    with Stack(default_build(), temporary_work(name), mariadb or shared_mariadb(), standin_step=step,
               overrides=conf.merged(QUICK, overrides or {})) as stack:
        yield Sales(stack)
