# SPDX-License-Identifier: ISC
"""lotscribe-repair, the filter: its options and exit codes, and Python as the judge of what it makes of Python's texts."""
import ast
import json
import random
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harness.stack import default_build  # noqa: E402

PROGRAM = default_build() / "repair" / "lotscribe-repair"
SIGNS = list("'\"\\{}[]():,#\n\t ubxr\u00e9\x00\x07\x1f\x7f\u2028\U0001f600\ud800\u201c\u2019")


def run(text, *options):
    data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    return subprocess.run([PROGRAM, *options], input=data, capture_output=True, timeout=60, check=False)


def each(texts, *options):
    """What comes of each text (of one line), and its report."""
    done = run(b"".join(t.encode("utf-8", "surrogatepass") + b"\n" for t in texts), "--lines", "--report", *options)
    made, reports = done.stdout.split(b"\n")[:-1], [json.loads(line) for line in done.stderr.splitlines()]
    assert len(made) == len(reports) == len(texts)
    return list(zip(made, reports))


class Trees:
    """Nested objects as records have them, from a seed."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def text(self):
        return "".join(self.random.choice(SIGNS) for _ in range(self.random.randrange(8)))

    def tree(self, depth=0):
        kind = self.random.randrange(10 if depth < 4 else 6)
        if kind < 2:
            return (None, True, False)[self.random.randrange(3)]
        if kind == 2:
            most = 10 ** self.random.randrange(1, 40)
            return self.random.randrange(-most, most)
        if kind == 3:
            return self.random.choice([0.5, -1e300, 1e-9, 3.0, self.random.random()])
        if kind < 6:
            return self.text()
        if kind < 8:
            return {self.text(): self.tree(depth + 1) for _ in range(self.random.randrange(4))}
        members = [self.tree(depth + 1) for _ in range(self.random.randrange(4))]
        return tuple(members) if kind == 8 else members


@pytest.fixture(params=range(3))
def trees(request):
    made = Trees(request.param)
    return [made.tree() for _ in range(3000)]


def test_what_repr_writes_comes_back(trees):
    for tree, (made, report) in zip(trees, each([repr(tree) for tree in trees])):
        assert made, (tree, report)
        assert json.loads(made) == json.loads(json.dumps(tree)), (tree, made)


def test_what_json_dumps_writes_passes_byte_for_byte(trees):
    texts = [json.dumps(tree) for tree in trees]
    for text, (made, report) in zip(texts, each(texts)):
        assert (made.decode(), report["verdict"]) == (text, "unchanged")


def is_part_of(made, whole):
    if isinstance(made, dict):
        return isinstance(whole, dict) and all(key in whole and is_part_of(made[key], whole[key]) for key in made)
    if isinstance(made, list):
        return isinstance(whole, list) and len(made) <= len(whole) and all(map(is_part_of, made, whole))
    return type(made) is type(whole) and made == whole


def test_of_every_beginning_what_is_whole_comes_back_or_nothing(trees):
    for write in (repr, json.dumps):
        for tree in [t for t in trees if isinstance(t, dict)][:60]:
            whole = write(tree)
            for made, report in each([whole[:n] for n in range(1, len(whole))]):
                assert not made or is_part_of(json.loads(made), json.loads(json.dumps(tree))), (whole, made, report)


def test_ast_agrees_on_what_is_read_as_python():
    chance = random.Random(4)
    texts = ["".join(chance.choice("'\"\\[](),#ubrx0123456789.eE+-_jNone True \t") for _ in range(chance.randrange(12)))
             for _ in range(60000)]
    seen = 0
    warnings.simplefilter("ignore", SyntaxWarning)
    for text, (made, report) in zip(texts, each(texts)):
        if report["verdict"] == "mended" and "python_literal" in report["classes"] and "prose" not in report["classes"]:
            value = ast.literal_eval(text.strip())
            seen += 1
            assert json.loads(made) == json.loads(json.dumps(value, default=bytes.decode)), (text, made)
    assert seen > 20


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
