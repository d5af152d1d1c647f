#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Speed as ratios within one run: what each answer of the front end costs beside the cheapest one.

`./dev bench` runs it; the figures are printed, ratios first, and written to a file that can be compared with an
earlier one. The load comes from threads of this program, so that the ratios count, not the rates.
"""
import argparse
import http.client
import json
import sys
import threading
import time
from pathlib import Path
from typing import Any, Callable, Dict, List

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harness.stack import TOP, Stack  # noqa: E402

THREADS = 4
SECONDS = 4.0


def rate(port: int, path: str, headers: Dict[str, str], wanted: int) -> float:
    """Answers a second, each of them looked at; the connection to the web server is kept."""
    end = time.monotonic() + SECONDS
    counts: List[int] = [0] * THREADS
    wrong: List[int] = []

    def load(k: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        while time.monotonic() < end:
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            answer.read()
            if answer.status != wanted:
                wrong.append(answer.status)
                return
            counts[k] += 1

    threads = [threading.Thread(target=load, args=(k,)) for k in range(THREADS)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    if wrong:
        raise SystemExit(f"{path}: {wrong[0]} where {wanted} was wanted")
    return sum(counts) / SECONDS


def seconds(action: Callable[[], Any]) -> float:
    start = time.monotonic()
    action()
    return time.monotonic() - start


def measure(stack: Stack) -> Dict[str, float]:
    sale = json.loads((TOP / "tests/data/sale-20.json").read_text(encoding="utf-8"))
    job = stack.order(sale)["job_id"]
    stack.wait_ended(job)
    path = f"/api/v1/jobs/{job}"
    etag = stack.get(path + "/status").headers["etag"]
    port = stack.lighttpd.port
    rates = {
        "health, no database": rate(port, "/healthz", {}, 200),
        "status, whole": rate(port, path + "/status", {}, 200),
        "status, 304": rate(port, path + "/status", {"If-None-Match": etag}, 304),
        "result of 20 lots": rate(port, path, {}, 200),
    }
    base = rates["health, no database"]
    figures = {f"{name} / health": value / base for name, value in rates.items()}
    large = {**sale, "lots": [{"id": str(i), "title": f"Lot {i}"} for i in range(5000)]}
    figures["intake of 5,000 lots / of 20, by lot"] = (
        seconds(lambda: stack.order(large)) / 5000) / (seconds(lambda: stack.order({**sale, "name": "again"})) / 20)
    figures.update({f"{name}, answers/s": value for name, value in rates.items()})
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    options = parser.parse_args()
    with Stack(options.build, options.work / "stack") as stack:
        stack.add_batchd()
        figures = measure(stack)
    for name, value in figures.items():
        print(f"{value:10.2f}  {name}")
    out = options.work / time.strftime("bench-%Y%m%dT%H%M%SZ.json", time.gmtime())
    out.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    print(f"written to {out}")


if __name__ == "__main__":
    main()
