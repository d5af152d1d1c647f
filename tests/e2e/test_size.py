# SPDX-License-Identifier: ISC
"""An order as large as DESIGN allows, end to end, and the memory that both programs need for it.

LOTSCRIBE_TEST_LOTS says how many lots (50000: the most; 1000 in a hurry). The figures are printed with -s and kept in
size.txt in the folder of temporary files. The bounds hold for any number of lots, as the programs hold a slice of rows,
a page or a line at a time, and no order and no file: 12 MiB to 14 MiB are what they need for a small job, and one copy
of what passes through (11 MiB of order, 50 MiB of result, 90 MiB of requests) would break them.
"""
import http.client
import json
import os
import resource
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from jobs import TOP, sales, wait_until  # noqa: E402
from kills import wait_log  # noqa: E402
from harness.servers import MariaDB  # noqa: E402
from harness.stack import ENDED, is_instrumented, temporary_work  # noqa: E402

LOTS = int(os.environ.get("LOTSCRIBE_TEST_LOTS", "50000"))
MIB = 1 << 20
FRONT_END_BOUND, BATCHD_BOUND = 32 * MIB, 28 * MIB


def lot_lines(count):
    """Lots made of the sample's, repeated."""
    sample = [json.loads(line) for line in (TOP / "tests" / "data" / "lots.jsonl").open()]
    for n in range(count):
        like = sample[n % len(sample)]
        notes = "\n".join(f"{key.capitalize()}: {like[key]}" for key in ("artist", "date", "medium", "dimensions"))
        yield json.dumps({"id": str(n + 1), "title": like["title"][:500], "notes": notes,
                          "images": [f"https://example.com/{n + 1}.jpg"]})


def order_body(count):
    return ('{"name": "large", "languages": ["fr"], "deadline": "PT6H", "lots": ['
            + ",".join(lot_lines(count)) + "]}").encode()


def download(site, job):
    """The whole result, read as a stream: (bytes, lots with both texts)."""
    connection = http.client.HTTPConnection("127.0.0.1", site.stack.port, timeout=60)
    connection.request("GET", f"/api/v1/jobs/{job}?download=1")
    answer = connection.getresponse()
    assert answer.status == 200
    size, complete, rest = 0, 0, b""
    while piece := answer.read(1 << 16):
        size += len(piece)
        rest += piece
        complete += rest.count(b'"errors":[]}')
        rest = rest[-11:]
    connection.close()
    assert rest.endswith(b"}")
    return size, complete


def cpu(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.fixture(scope="module")
def site():
    server = MariaDB(temporary_work("size-mariadb"), ["--innodb-buffer-pool-size=256M"])
    server.start()
    with sales("size", {"batch": {"poll_interval": "500ms"}, "daemon": {"tick": "500ms"},
                        "budget": {"job": "10000", "day": "10000"}}, mariadb=server, step=0.2) as made:
        yield made
    server.stop(60)


@pytest.mark.slow
def test_the_largest_order_end_to_end(site):
    batchd = site.batchd()
    wait_log(batchd, "lease taken")
    front = site.stack.front_end
    began = time.monotonic()
    took = {}

    def passed(what):
        took[what] = round(time.monotonic() - began - sum(took.values()), 1)

    body = order_body(LOTS)
    began = time.monotonic()
    answer = site.stack.request("POST", "/api/v1/jobs", body, {"Content-Type": "application/json"}, site.stack.key,
                                timeout=120)
    passed("order")
    assert answer.status == 202, answer.body
    job = answer.json()["job_id"]
    wait_until(lambda: site.stack.status(job)["status"] in ("translating", *ENDED), 300, "all descriptions",
               alive=[batchd, front])
    passed("describe")
    status = site.stack.wait_ended(job, 300)
    passed("translate")
    assert (status["status"], status["outcome"]) == ("completed", "full")
    assert status["progress"] == {"percent": 100, "lots": LOTS, "described": LOTS, "translations": LOTS,
                                  "translated": LOTS, "failed": 0}
    size, complete = download(site, job)
    passed("download")
    assert complete == LOTS
    site.wait_swept()
    memory = {"front end": front.peak_memory(), "batchd": batchd.peak_memory()}
    lines = [f"{LOTS} lots, order of {len(body) / MIB:.1f} MiB, result of {size / MIB:.1f} MiB",
             "peak memory: " + ", ".join(f"{name} {peak / MIB:.1f} MiB" for name, peak in memory.items()),
             "seconds: " + ", ".join(f"{what} {s}" for what, s in took.items()),
             f"CPU seconds: front end {cpu(front.pid):.1f}, batchd {cpu(batchd.pid):.1f},"
             f" MariaDB {cpu(site.stack.mariadb.pid):.1f}, stand-in {cpu(site.standin.pid):.1f},"
             f" this test {resource.getrusage(resource.RUSAGE_SELF).ru_utime:.1f}"]
    Path(os.environ.get("LOTSCRIBE_TMP", TOP / ".dev" / "tmp"), "size.txt").write_text("\n".join(lines) + "\n")
    print("\n" + "\n".join(lines))
    assert site.paid_twice() == 0
    site.check()
    if not is_instrumented():
        assert memory["front end"] < FRONT_END_BOUND
        assert memory["batchd"] < BATCHD_BOUND
