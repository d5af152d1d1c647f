# SPDX-License-Identifier: ISC
"""What the tests of commands share: asking, waiting until batchd has carried it out, what was sent meanwhile; and of
removal: content that can be found again where it is left."""
import base64
import contextlib
import sys
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Set

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[1])]

from jobs import KEEP_FILES, Sales, conf, lots, sales, wait_until  # noqa: E402

# A text that is found wherever it is left, and a photograph.
SECRET = "hallmark of Hester Bateman"
PNG = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB0C8AAAAASUVORK5CYII=")
# A request that asking again does not mend: its item fails for good.
BAD_REQUEST = {"do": "http_error_lines", "code": 400, "error": {"code": "invalid_value"}}


@contextlib.contextmanager
def idle_sales(name: str, overrides: Optional[conf.Config] = None) -> Iterator[Sales]:
    """An installation without a batchd; those that a test starts may end with calls that hang."""
    with sales(name, overrides) as made:
        made.rules(KEEP_FILES)
        yield made
        for batchd in made.stack.batchds:
            batchd.kill()       # on SIGTERM it would wait for them


def ask(site: Sales, job: str, what: str, *options: str) -> Dict[str, Any]:
    """An operator's command, and the job's status object right after it."""
    site.stack.batchctl(what, job, *options)
    return site.stack.status(job)


def call(site: Sales, job: str, what: str, body: Optional[Dict[str, Any]] = None) -> Dict[str, Any]:
    """A client's command, which is taken, and the job's status object right after it."""
    answer = site.stack.request("POST", f"/api/v1/jobs/{job}/{what}", body, key=site.stack.key)
    assert answer.status == 202, answer.body
    return site.stack.status(job)


def row(site: Sales, job: str) -> Dict[str, Any]:
    return site.sql("SELECT * FROM job WHERE public_id = %s", job)[0]


def carried_out(site: Sales) -> List[Dict[str, Any]]:
    """Every request, once batchd is done with it."""
    wait_until(lambda: not site.sql("SELECT 1 FROM request WHERE done_at IS NULL"), 30, "the requests to be done",
               alive=site.stack.batchds)
    return site.sql("SELECT * FROM request ORDER BY id")


def seen_finalizing(site: Sales, task: str) -> Dict[str, Any]:
    """The remote batch of a task that hangs there, once batchd has seen it."""
    remote = site.wait_remote(task, "finalizing")
    wait_until(lambda: site.sql("SELECT 1 FROM batch WHERE remote_id = %s AND remote_status = 'finalizing'", remote["id"]),
               20, "batchd to see it")
    return remote


def codes(site: Sales, job: str) -> Dict[str, Set[str]]:
    """Why what is not there is not there: language -> the codes of its lots."""
    found: Dict[str, Set[str]] = {}
    for lot in site.stack.result(job)["lots"]:
        for error in lot["errors"]:
            found.setdefault(error["language"], set()).add(error["code"])
    return found


def lines_sent(site: Sales, task: str) -> List[int]:
    """How many requests of a task each remote batch has. Needs KEEP_FILES."""
    return [len(site.content(b["input_file_id"]).splitlines()) for b in site.remote() if b["task"] == task]


# ---- Content that is to go.

def image(no: int) -> str:
    return "data:image/png;base64," + base64.b64encode(PNG + bytes([no])).decode()


def confidential(site: Sales, *images: int) -> str:
    """An order of three lots whose every text can be found again."""
    return site.stack.order({
        "name": SECRET, "instructions": SECRET, "metadata": {"sale": SECRET}, "languages": ["fr"],
        "callback_url": "https://example.com/" + SECRET.replace(" ", "-"),
        "lots": [{**lot, "title": SECRET, "notes": SECRET, "images": [image(no) for no in images]}
                 for lot in lots(3)]})["job_id"]


def ledger(site: Sales) -> List[Dict[str, Any]]:
    return site.sql("SELECT item_id, attempt_no, grade, source, model, request_id, input_tokens, output_tokens, cost,"
                    " created_at FROM answer ORDER BY item_id, attempt_no")


def texts_left(site: Sales) -> Set[str]:
    """Tables in which a text of the order, or of an answer to it, can be found."""
    found: Set[str] = set()
    for table in ("job", "lot", "answer", "batch_line", "event", "request"):
        for one in site.sql(f"SELECT * FROM {table}"):
            if any("Bateman" in (v.decode(errors="replace") if isinstance(v, bytes) else str(v)) for v in one.values()):
                found.add(table)
    return found
