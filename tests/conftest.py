# SPDX-License-Identifier: ISC
"""For all tests: every answer that they get from the front end is held against the API's description, and the folders of a
file of tests go when all of it passed."""
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from harness import api_check  # noqa: E402
from harness.shared import end_folders  # noqa: E402
from harness.stack import Stack  # noqa: E402

Stack.observe = staticmethod(api_check.observe)

_failed = set()     # files with a test that failed


def pytest_runtest_logreport(report):
    if report.failed:
        _failed.add(report.nodeid.split("::")[0])


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item, nextitem):
    """After the last test of a file its fixtures are gone, too."""
    yield
    file = item.nodeid.split("::")[0]
    if nextitem is None or nextitem.nodeid.split("::")[0] != file:
        end_folders(keep=file in _failed)
