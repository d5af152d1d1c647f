# SPDX-License-Identifier: ISC
"""OpenAI's own client for Node drives the stand-in; each line of its TAP is a test here."""
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
NAMES = re.findall(r"^\t'(.+)': async", (HERE / "openai_client.mjs").read_text(), re.M)
# Beside what else ./dev makes, so that a second run needs no network.
FOLDER = HERE.parents[1] / ".dev" / "openai-client"


def _install():
    """npm ci into FOLDER, unless the same lock file was installed there before."""
    lock = (HERE / "package-lock.json").read_bytes()
    done = FOLDER / "node_modules" / ".lock-installed"
    if done.exists() and done.read_bytes() == lock:
        return
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / name, FOLDER / name)
    ran = subprocess.run(["npm", "ci", "--prefix", str(FOLDER), "--ignore-scripts", "--no-audit", "--no-fund"],
                         capture_output=True, text=True, timeout=300, check=False, cwd=FOLDER)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    done.write_bytes(lock)


@pytest.fixture(scope="module")
def results(shared_standin):
    """What the client's script printed for each of its tests: {name: (ok, details)}."""
    if not shutil.which("node") or not shutil.which("npm"):
        pytest.skip("node and npm are not installed")
    _install()
    shared_standin.call("POST", "/_standin/reset", {})
    shared_standin.call("POST", "/_standin/step", {"seconds": 0.3})
    ran = subprocess.run(["node", str(HERE / "openai_client.mjs"), shared_standin.base_url, shared_standin.key,
                          str(FOLDER)], capture_output=True, text=True, timeout=120, check=False,
                         env={**os.environ, "NODE_OPTIONS": ""})
    found = re.findall(r"^(ok|not ok) \d+ - (.+)\n((?:#.*\n)*)", ran.stdout, re.M)
    assert found, ran.stdout + ran.stderr
    return {name: (word == "ok", details) for word, name, details in found}


@pytest.mark.parametrize("name", NAMES)
def test_official_client(results, name):
    ok, details = results[name]
    assert ok, details
