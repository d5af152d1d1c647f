# SPDX-License-Identifier: ISC
"""The demo and the bench install less than the tests: what they share of the harness must not need more."""
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]


def test_the_harness_needs_none_of_what_only_the_tests_install():
    code = ("import sys; sys.modules.update(dict.fromkeys(['jsonschema', 'pytest', 'xdist']));"
            f" sys.path.insert(0, {str(TESTS)!r}); import harness.stack, harness.servers, harness.config")
    subprocess.run([sys.executable, "-c", code], check=True)
