# SPDX-License-Identifier: ISC
"""lotscribe-repair, the filter: its options, exit codes and faults. What it makes of texts: test_repair_oracle.py."""
import json
import subprocess

import pytest

from repairs import PROGRAM, run


@pytest.mark.parametrize("text, options, code, made", [
    ('{"a": 1}\n', [], 0, b'{"a": 1}\n'), ("{'a': None}", [], 0, b'{"a":null}\n'), ("no JSON", [], 1, b""),
    ('{"a": 1, "b": "c', [], 3, b'{"a":1}\n'), ("{'a': 1}\nno\n[1,]\n", ["--lines"], 1, b'{"a":1}\n\n[1]\n'),
    ('"{}"', [], 0, b'"{}"'), ('"{}"', ["--object"], 0, b"{}\n"), ("[]", ["--object"], 1, b""), ("", ["--nonsense"], 2, b"")])
def test_exit_codes_tell_whether_all_is_whole(text, options, code, made):
    done = run(text, *options)
    assert (done.returncode, done.stdout) == (code, made)


def test_files_and_a_schema(tmp_path):
    schema, lot, other = tmp_path / "schema", tmp_path / "lot", tmp_path / "other"
    schema.write_text(json.dumps({"type": "object", "additionalProperties": False, "required": ["title"],
                                  "properties": {"title": {"type": "string"}}}))
    lot.write_text("{'title': 'x'}")
    other.write_text("{'name': 'x'}")
    done = run("", f"--schema={schema}", str(lot), str(other))
    assert (done.returncode, done.stdout) == (1, b'{"title":"x"}\n')
    assert done.stderr.startswith(f"lotscribe-repair: {other}: refused: ".encode())


def test_what_cannot_be_read_or_written_is_told(tmp_path):
    none, broken = tmp_path / "none", tmp_path / "broken"
    broken.write_text('{"type": "object"')
    for options, where in (([str(none)], none), ([f"--schema={none}"], none), ([f"--schema={broken}"], broken)):
        done = run("{}", *options)
        assert (done.returncode, done.stdout) == (2, b"")
        assert done.stderr.startswith(f"lotscribe-repair: {where}: ".encode())
    with open("/dev/full", "wb") as full:
        done = subprocess.run([PROGRAM], input=b"{}", stdout=full, stderr=subprocess.PIPE, timeout=60, check=False)
    assert done.returncode == 2 and done.stderr.startswith(b"lotscribe-repair: standard output: ")
