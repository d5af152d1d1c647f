# SPDX-License-Identifier: ISC
"""Load by wrk: one short run, its figures, and a mistake told as such."""
import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import List, Sequence, Union

HERE = Path(__file__).resolve().parent
CONNECTIONS = 32
# More would start one after the other, each after reading its ids, and the first ones' answers count from their own
# start: a rate that is too high.
THREADS = 1


def cpu_seconds(pid: int) -> float:
    """What a process has used of the processors so far."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def family(pid: int) -> List[int]:
    """A process and what it has started."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return [pid] + [p for child in children for p in family(int(child))]


@dataclass
class Target:
    """What wrk asks: ids come from a file of lines "ID ETAG"; `servers` are the processes that answer."""
    port: int
    prefix: str  # before the id
    suffix: str
    ids: Path
    with_etag: bool = False
    servers: Sequence[int] = ()


@dataclass
class Figures:
    rate: float  # answers a second
    p50_ms: float
    p99_ms: float
    cpu_us: float  # the servers' processor time for one answer


def run(target: Target, seconds: float, seed: Union[int, str]) -> Figures:
    """One run of wrk over random ids, or with "walk" as the seed over one after the other; any answer above 399, time-out or broken connection ends the bench."""
    command = ["wrk", f"-t{THREADS}", f"-c{CONNECTIONS}", f"-d{max(1, round(seconds))}s", "--timeout", "10s",
               "-s", str(HERE / "poll.lua"), f"http://127.0.0.1:{target.port}", "--", str(target.ids),
               target.prefix, target.suffix, "1" if target.with_etag else "0", str(seed)]
    pids = [p for server in target.servers for p in family(server)]
    before = sum(map(cpu_seconds, pids))
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    used = sum(map(cpu_seconds, pids)) - before
    figures = json.loads(done.stdout.splitlines()[-1])
    if figures["errors"]:
        raise SystemExit(f"bench: {figures['errors']} errors of {figures['requests']} at {target.prefix}\n{done.stdout}")
    return Figures(figures["requests"] / figures["seconds"], figures["p50_ms"], figures["p99_ms"],
                   used * 1e6 / max(1, figures["requests"]))
