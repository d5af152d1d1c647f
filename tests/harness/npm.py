# SPDX-License-Identifier: ISC
"""The npm packages of tests/contract/package-lock.json, installed once beside what else ./dev makes, so that a second run
needs no network."""
import fcntl
import os
import shutil
import subprocess
import unittest
from pathlib import Path
from typing import Optional

TESTS = Path(__file__).resolve().parents[1]
LIST = TESTS / "contract"
FOLDER = TESTS.parent / ".dev" / "npm"


def install() -> Path:
    """The folder with node_modules; skips the test where there is no Node."""
    if not shutil.which("node") or not shutil.which("npm"):
        raise unittest.SkipTest("node and npm are not installed")
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (FOLDER / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _install()
    return FOLDER


def _install() -> None:
    wanted = (LIST / "package-lock.json").read_bytes()
    done = FOLDER / "node_modules" / ".lock-installed"
    if done.exists() and done.read_bytes() == wanted:
        return
    for name in ("package.json", "package-lock.json"):
        shutil.copy(LIST / name, FOLDER / name)
    ran = subprocess.run(["npm", "ci", "--prefix", str(FOLDER), "--ignore-scripts", "--no-audit", "--no-fund"],
                         capture_output=True, text=True, timeout=300, check=False, cwd=FOLDER)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    done.write_bytes(wanted)


def node(script: str, *arguments: str, text: Optional[str] = None,
         timeout: float = 120) -> "subprocess.CompletedProcess[str]":
    """Run a script, named by its path below tests/."""
    return subprocess.run(["node", str(TESTS / script), *arguments], input=text, capture_output=True, text=True,
                          timeout=timeout, check=False, env={**os.environ, "NODE_OPTIONS": ""})
