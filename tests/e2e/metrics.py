# SPDX-License-Identifier: ISC
"""What tests of /metrics share: reading Prometheus' text format, and asking for it.

A scrape is a dictionary from sample to number; a sample is its name and its labels in order:
`lotscribe_jobs{status="queued"}`.
"""
import re
import subprocess
from typing import Any, Dict, Iterator, Optional, Set, Tuple

import fcgi_client

METRICS = "/metrics"
MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SAMPLE = re.compile(r'([a-z_0-9]+)(\{(?:[a-z]+="(?:[^"\\\n]|\\["\\n])*",?)*\})? (\S+)')

Scrape = Dict[str, float]


def parse(text: str) -> Scrape:
    found: Scrape = {}
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        match = SAMPLE.fullmatch(line)
        assert match, line
        sample = match.group(1) + (match.group(2) or "")
        assert sample not in found, line
        found[sample] = float(match.group(3))
    return found


def ask(where: str, key: Optional[str] = None, method: str = "GET", uri: str = METRICS, **how: Any) -> fcgi_client.Answer:
    return fcgi_client.request(where, method, uri, None, {"Authorization": f"Bearer {key}"} if key else {}, **how)


def scrape(where: str, key: Optional[str] = None, **how: Any) -> Scrape:
    """From a front end's socket."""
    answer = ask(where, key, **how)
    assert (answer.status, answer.headers["content-type"]) == (200, MEDIA_TYPE), answer
    assert answer.complete
    return parse(answer.body.decode())


def families(text: str) -> Set[str]:
    return set(re.findall(r"^# TYPE (\S+) ", text, re.M))


def series_names(text: str) -> Set[str]:
    """Of all families, those of a histogram as its samples have them."""
    found = set()
    for name, kind in re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M):
        found |= {name + part for part in ("_bucket", "_sum", "_count")} if kind == "histogram" else {name}
    return found


def requests(found: Scrape, **labels: str) -> float:
    """How many requests with these labels were answered."""
    return sum(number for sample, number in found.items() if sample.startswith("lotscribe_http_requests_total{")
               and all(f'{name}="{value}"' in sample for name, value in labels.items()))


def counters(found: Scrape) -> Iterator[Tuple[str, float]]:
    return ((sample, number) for sample, number in found.items()
            if re.match(r"\w+_(total|bucket|sum|count)(\{|$)", sample))


def promtool(*args: str, text: Optional[bytes] = None) -> str:
    """What it has to say; "" where all is well."""
    ran = subprocess.run(["promtool", *args], input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
    said = ran.stdout.decode()
    return said if said or ran.returncode == 0 else f"exit {ran.returncode}"
