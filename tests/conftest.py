# SPDX-License-Identifier: ISC
"""For all tests: every answer that they get from the front end is held against the API's description."""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from harness import api_check  # noqa: E402
from harness.stack import Stack  # noqa: E402

Stack.observe = staticmethod(api_check.observe)
