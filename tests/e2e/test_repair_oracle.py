# SPDX-License-Identifier: ISC
"""core/repair held against Python: what repr() and json.dumps() write must come back, whatever is around it, and
ast.literal_eval() must agree.

Hypothesis makes the values; all of them are tried in one run of the filter. Only what fails is then tried singly, to be
made small.
"""
import ast
import functools
import json
import math
import os
import random
import re
import tempfile
import warnings

import pytest
from hypothesis import HealthCheck, configuration, find, given, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample

from repairs import as_bytes, each

configuration.set_hypothesis_home_dir(os.path.join(os.environ.get("LOTSCRIBE_TMP", tempfile.gettempdir()), "hypothesis"))

# The same values in each run, no figure of an earlier one, no judgement of speed.
QUIET = {"derandomize": True, "database": None, "deadline": None, "suppress_health_check": list(HealthCheck)}

# What strings are made of, with more quotes and escapes than chance would have; and others of Python's, with surrogates.
SIGNS = list("'\"\\{}[]():,#`\n\r\t ubxrNUe0\u00e9\x00\x07\x1b\x7f\u2028\ufeff\U0001f600\u201c\u2019")
WORDS = ["None", "null", "nan", "```", "```json", "<think>", "//", "/*", "\\u00e9", "\\ud83d", "{'a': 1}", '"a": 1',
         "it's a \"b\""]
PLAIN = st.one_of(st.text(st.sampled_from(SIGNS), max_size=8), st.sampled_from(WORDS), st.text(max_size=6))
HALVES = st.text(st.sampled_from([*SIGNS, "\ud83d", "\ude00"]), max_size=8)
NUMBERS = st.one_of(st.integers(), st.integers(-10 ** 40, 10 ** 40), st.floats(allow_nan=False, allow_infinity=False))


def trees_with(texts):
    leaves = st.one_of(st.none(), st.booleans(), NUMBERS, texts)
    keys = st.one_of(texts, st.none(), st.booleans(), NUMBERS)
    return st.recursive(leaves, lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.lists(inner, max_size=3).map(tuple), st.dictionaries(texts, inner, max_size=4),
        st.dictionaries(keys, inner, max_size=3)), max_leaves=10)


TREES = trees_with(PLAIN)
TREES_OF_HALVES = trees_with(HALVES)
RECORDS = st.dictionaries(PLAIN, TREES, min_size=1, max_size=3)
TREE_COUNT, RECORD_COUNT = 1500, 400


@functools.lru_cache(maxsize=None)
def sample(strategy, count):
    found = []

    @settings(max_examples=count, **QUIET)
    @given(strategy)
    def gather(value):
        found.append(value)

    gather()
    return found


def check(strategy, values, text_of, is_right, *options):
    """is_right(value, made, report) must hold for each value whose text is repaired; the strategy makes smaller ones."""
    def holds(value):
        return is_right(value, *each([text_of(value)], *options)[0])

    for value, (made, report) in zip(values, each([text_of(v) for v in values], *options)):
        if not is_right(value, made, report):
            try:
                value = find(strategy, lambda v: not holds(v), settings=settings(max_examples=500, **QUIET))
            except NoSuchExample:
                pass
            pytest.fail(f"{text_of(value)!r} becomes {each([text_of(value)], *options)[0]}")


def in_json(value):
    """As JSON holds it: lists for tuples, strings for keys, pairs for surrogates."""
    return json.loads(json.dumps(value))


def same(one, other):
    """1, 1.0 and True are three things."""
    if isinstance(one, dict):
        return isinstance(other, dict) and one.keys() == other.keys() and all(same(one[k], other[k]) for k in one)
    if isinstance(one, list):
        return isinstance(other, list) and len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and one == other


def comes_back(value, made, report):
    return report["verdict"] in ("mended", "unchanged") and same(json.loads(made), in_json(value))


# ---- What Python writes.

@pytest.mark.parametrize("values", [TREES, TREES_OF_HALVES], ids=["characters", "surrogates"])
def test_what_repr_writes_comes_back(values):
    check(values, sample(values, TREE_COUNT), repr, comes_back)


@pytest.mark.parametrize("spaces", [(", ", ": "), (",", ":"), (" ,\t", "\r: ")], ids=["usual", "none", "many"])
@pytest.mark.parametrize("ascii_only", [True, False])
def test_json_passes_byte_for_byte(ascii_only, spaces):
    def text_of(value):
        return json.dumps(value, ensure_ascii=ascii_only, separators=spaces)

    def passes(value, made, report):
        return made == text_of(value).encode() and report["verdict"] == "unchanged" and not report["classes"]

    trees = TREES_OF_HALVES if ascii_only else TREES
    check(trees, sample(trees, TREE_COUNT), text_of, passes)


def wide(value):
    return json.dumps(value, ensure_ascii=False)


AROUND = {
    "fence": lambda text: f"``` {text} ```",
    "named fence": lambda text: f"Here it is: ```json\t{text}\t``` Enjoy!",
    "fence in a string": lambda text: json.dumps(f"```json\n{text}\n```\n"),
    "prose": lambda text: f"The description of lot 12 (see below) is {text}. Anything else?",
    "thoughts": lambda text: f"<think>Not {{this}} but \"that\": 1</think> {text}",
    "BOM": lambda text: f"\ufeff {text}\t",
    "string": json.dumps,
    "wide string": wide,
    "string of Python": repr,
    "string in a string": lambda text: json.dumps(repr(text)),
    "fenced string": lambda text: json.dumps(f"Sure.\n```\n{text}\n```"),
    "brackets": lambda text: text + "}]",
}


@pytest.mark.parametrize("write", [repr, json.dumps, wide])
@pytest.mark.parametrize("around", AROUND)
def test_what_is_around_an_object_goes(around, write):
    check(RECORDS, sample(RECORDS, RECORD_COUNT), lambda value: AROUND[around](write(value)), comes_back, "--object")


# ---- What Python reads.

def plain(value):
    """Without what both sides are free in: no infinity in JSON, and a number's spelling where it is a key."""
    if isinstance(value, dict):
        return {plain_key(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def plain_key(key):
    return repr(float(key)) if re.fullmatch(r"-?([0-9]+\.?[0-9]*([eE][-+]?[0-9]+)?|Infinity)", key) else key


class Speller:
    """A value as Python source, in one of the many ways."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def one_of(self, *choices):
        return self.random.choice(choices)

    def gap(self):
        return self.one_of("", "", " ", "\t", "\f ")

    def character(self, c, quote):
        forms = [f"\\U{ord(c):08x}"]
        if ord(c) < 0x10000:
            forms.append(f"\\u{ord(c):04X}")
        if ord(c) < 0x100:
            forms += [f"\\x{ord(c):02x}", f"\\{ord(c):03o}"]
        if c not in "\\\n\r\0" + quote:
            forms += [c] * 6
        return self.one_of(*forms)

    def literal(self, text):
        quote = self.one_of("'", '"', "'''", '"""')
        if not set("\\\n\r\0'\"") & set(text) and self.one_of(True, False):
            return self.one_of("r", "R") + quote + text + quote
        body = "".join(self.character(c, quote[0]) for c in text)
        return self.one_of("", "", "u", "U") + quote + body + quote

    def string(self, text):
        cut = self.random.randrange(len(text) + 1)
        if self.random.randrange(4):
            return self.literal(text)
        return self.literal(text[:cut]) + " " + self.literal(text[cut:])

    def number(self, number):
        text = repr(number)
        if isinstance(number, int):
            forms = [text, f"{number:_}"]
            forms += [hex(number), oct(number), bin(number)] if abs(number) < 1 << 64 else []
            return self.one_of("", "+" if number >= 0 else "") + self.one_of(*forms)
        return self.one_of(text, text.upper(), text.replace("0.", ".") if text.startswith("0.") and len(text) > 3 else text)

    def members(self, texts):
        text = (self.gap() + "," + self.gap()).join(texts)
        return self.gap() + text + (self.one_of("", "", ",") if texts else "") + self.gap()

    def bare(self, value):
        if isinstance(value, str):
            return self.string(value)
        if isinstance(value, dict):
            return "{" + self.members([self.spell(k) + self.gap() + ":" + self.spell(v) for k, v in value.items()]) + "}"
        if isinstance(value, list):
            return "[" + self.members([self.spell(v) for v in value]) + "]"
        if isinstance(value, tuple):
            text = self.members([self.spell(v) for v in value])
            return f"({text},)" if len(value) == 1 and not text.rstrip().endswith(",") else f"({text})"
        return repr(value) if value is None or isinstance(value, bool) else self.number(value)

    def spell(self, value):
        text = self.gap() + self.bare(value) + self.gap()
        return text if self.random.randrange(8) else f"({text})"


def as_python(text):
    """The value where ast.literal_eval() takes the text and JSON can hold it, else ()."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return (in_json(ast.literal_eval(text.strip(" \t\f\r\n"))),)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return ()


def as_json(text):
    try:
        return (json.loads(text),)
    except ValueError:
        return ()


def test_every_way_to_write_a_literal_is_read():
    def text_of(pair):
        return "(" + Speller(pair[1]).bare(pair[0]) + ",)"     # nobody's but Python's

    def agrees(pair, made, report):
        value = as_python(text_of(pair))
        assert value and same(value[0], in_json((pair[0],)))
        return bool(made) and same(plain(json.loads(made)), plain(value[0]))

    pairs = [(tree, seed) for seed, tree in enumerate(sample(TREES, TREE_COUNT) * 2)]
    check(st.tuples(TREES, st.integers(0, 1000)), pairs, text_of, agrees)


# What a slip of the hand puts in, in the place of up to two characters.
PUTS = ["", *"'\"\\[](){}:,#ubrx01_.eE+- \t", "None", "nan", "//", "/*", "\\x41", "..."]
WRITERS = [repr, json.dumps, wide, lambda value: Speller(7).spell(value)]


def slipped(case):
    record, seed = case
    chance = random.Random(seed)
    text = WRITERS[seed % len(WRITERS)](record)
    for _ in range(chance.choice([1, 1, 2])):
        at = chance.randrange(len(text) + 1)
        text = text[:at] + chance.choice(PUTS) + text[at + chance.randrange(3):]
    return text


@functools.lru_cache(maxsize=None)
def slips():
    return [(record, seed) for seed, record in enumerate(sample(RECORDS, RECORD_COUNT) * 20)]


def test_where_a_slip_makes_another_document_it_is_the_one_that_json_or_else_python_reads():
    def agrees(case, made, report):
        judged = as_json(slipped(case)) or as_python(slipped(case))
        if not made or not judged or report["classes"].keys() & {"prose", "fence", "brackets"}:
            return True
        return same(plain(json.loads(made)), plain(judged[0]))

    check(st.tuples(RECORDS, st.integers(0, 1000)), slips(), slipped, agrees)


# ---- Whatever comes.

def no_constant(name):
    raise ValueError(name)


def test_what_comes_out_is_json_and_stays_as_it_is():
    for options in ((), ("--object",)):
        made = [made for made, report in each([slipped(case) for case in slips()], *options) if made]
        assert len(made) > 300
        for text, (again, report) in zip(made, each(made, *options)):
            json.loads(text, parse_constant=no_constant)
            assert (again, report["verdict"]) == (text, "unchanged")


def is_part_of(made, whole):
    if isinstance(made, dict):
        return isinstance(whole, dict) and all(key in whole and is_part_of(made[key], whole[key]) for key in made)
    if isinstance(made, list):
        return isinstance(whole, list) and len(made) <= len(whole) and all(map(is_part_of, made, whole))
    return same(made, whole)


@pytest.mark.parametrize("write", [repr, json.dumps, wide])
def test_of_every_beginning_what_is_whole_comes_back_or_nothing(write):
    """And never without a word: it is salvaged, with a report of the cut, or refused."""
    wholes = [(record, as_bytes(write(record))) for record in sample(RECORDS, RECORD_COUNT)[:100]]
    cuts = [(record, text[:n]) for record, text in wholes for n in range(1, len(text))]
    assert len(cuts) > 2000
    kept = 0
    for (record, text), (made, report) in zip(cuts, each([text for _, text in cuts])):
        if report["verdict"] == "refused":
            assert not made and report["error"], text
            continue
        assert report["verdict"] == "salvaged" and report["classes"]["cut"]["count"] == 1, (text, report)
        assert is_part_of(json.loads(made), in_json(record)), (text, made)
        kept += 1
    assert kept > len(cuts) / 10
