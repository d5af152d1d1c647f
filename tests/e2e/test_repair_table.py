# SPDX-License-Identifier: ISC
"""Every class of texts that tests/data/repairs.jsonl has comes out as it says there. The same beside other programs:
tests/bench/repair_table.py."""
import pytest

from harness import repair_table
from repairs import PROGRAM

CLASSES = {}
for _row in repair_table.rows():
    CLASSES.setdefault(_row["class"], []).append(_row)


@pytest.mark.parametrize("name", CLASSES)
def test_what_comes_of_each_class(name):
    for row in CLASSES[name]:
        made = repair_table.ours(PROGRAM, row)
        assert repair_table.verdict(row, made) == repair_table.RIGHT, (row, made)
