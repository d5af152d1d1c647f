# SPDX-License-Identifier: ISC
"""Fixtures: a stand-in of one's own for each test, started afresh or shared and reset."""
import os
import sys
import tempfile
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[1])]

from harness.servers import StandIn  # noqa: E402
from openai_api import Api  # noqa: E402


@pytest.fixture(scope="session")
def work():
    """A folder for the session, below LOTSCRIBE_TMP where that is set."""
    top = os.environ.get("LOTSCRIBE_TMP")
    with tempfile.TemporaryDirectory(prefix="contract-", dir=top) as name:
        yield Path(name)


@pytest.fixture(scope="session")
def shared_standin(work):
    with StandIn(work / "shared", step=0.05, options=["--seed", "7"]) as standin:
        yield standin


@pytest.fixture
def api(shared_standin):
    """The shared stand-in, emptied."""
    api = Api(shared_standin.port)
    api.control("reset", {})
    api.control("step", {"seconds": 0.05})
    return api


@pytest.fixture
def standin(work):
    """A stand-in that the test may kill and start again; two keys of two projects."""
    folder = Path(tempfile.mkdtemp(dir=work))
    with StandIn(folder, step=0.05, options=["--key", "sk-other@elsewhere"]) as process:
        yield process
