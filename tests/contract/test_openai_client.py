# SPDX-License-Identifier: ISC
"""OpenAI's own client for Node drives the stand-in; each line of its TAP is a test here."""
import re
from pathlib import Path

import pytest

from harness import npm

NAMES = re.findall(r"^\t'(.+)': async", (Path(__file__).parent / "openai_client.mjs").read_text(), re.M)


@pytest.fixture(scope="module")
def results(shared_standin):
    """What the client's script printed for each of its tests: {name: (ok, details)}."""
    folder = npm.install()
    shared_standin.call("POST", "/_standin/reset", {})
    shared_standin.call("POST", "/_standin/step", {"seconds": 0.3})
    ran = npm.node("contract/openai_client.mjs", shared_standin.base_url, shared_standin.key, str(folder))
    found = re.findall(r"^(ok|not ok) \d+ - (.+)\n((?:#.*\n)*)", ran.stdout, re.M)
    assert found, ran.stdout + ran.stderr
    return {name: (word == "ok", details) for word, name, details in found}


@pytest.mark.parametrize("name", NAMES)
def test_official_client(results, name):
    ok, details = results[name]
    assert ok, details
