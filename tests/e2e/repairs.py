# SPDX-License-Identifier: ISC
"""Run lotscribe-repair, on one text or on many."""
import json
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harness.stack import default_build  # noqa: E402

PROGRAM = default_build() / "repair" / "lotscribe-repair"


def as_bytes(text):
    return text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")


def run(text, *options):
    return subprocess.run([PROGRAM, *options], input=as_bytes(text), capture_output=True, timeout=60, check=False)


def each(texts, *options):
    """What comes of each text (of one line), and its report."""
    done = run(b"".join(as_bytes(t) + b"\n" for t in texts), "--lines", "--report", *options)
    made, reports = done.stdout.split(b"\n")[:-1], [json.loads(line) for line in done.stderr.splitlines()]
    assert len(made) == len(reports) == len(texts)
    return list(zip(made, reports))
