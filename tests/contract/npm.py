# SPDX-License-Identifier: ISC
"""The npm packages of package-lock.json, installed once beside what else ./dev makes, so that a second run needs no
network."""
import fcntl
import os
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
FOLDER = HERE.parents[1] / ".dev" / "openai-client"


def install() -> Path:
    """The folder with node_modules; skips the test where there is no Node."""
    if not shutil.which("node") or not shutil.which("npm"):
        pytest.skip("node and npm are not installed")
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (FOLDER / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _install()
    return FOLDER


def _install() -> None:
    wanted = (HERE / "package-lock.json").read_bytes()
    done = FOLDER / "node_modules" / ".lock-installed"
    if done.exists() and done.read_bytes() == wanted:
        return
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / name, FOLDER / name)
    ran = subprocess.run(["npm", "ci", "--prefix", str(FOLDER), "--ignore-scripts", "--no-audit", "--no-fund"],
                         capture_output=True, text=True, timeout=300, check=False, cwd=FOLDER)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    done.write_bytes(wanted)


def node(script: str, *arguments: str, timeout: float = 120) -> "subprocess.CompletedProcess[str]":
    """Run a script of this folder."""
    return subprocess.run(["node", str(HERE / script), *arguments], capture_output=True, text=True, timeout=timeout,
                          check=False, env={**os.environ, "NODE_OPTIONS": ""})
