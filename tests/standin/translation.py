# SPDX-License-Identifier: ISC
"""Turns the values of a catalogue entry into another language.

Not a real translation: known sentences, titles and words of the trade come from the glossary,
names, numbers and dimensions stay.  A language without a glossary gets its tag before each
text ("[pt] ..."), so that a reader and a test can tell it from the English.
"""
import functools
import re

from glossary import LANGUAGES, SENTENCES, tables

TABLES = tables()
LONGEST = 6
WORD = re.compile(r"[A-Za-z]+")
SPLIT = re.compile(r"(?<=[.!?])(?<!\b[A-Z]\.) (?=[A-Z])")
CIRCA = re.compile(r"\b(?:c\. ?|circa )(?=\d)")
FORMS = tuple((re.compile(pattern), forms) for pattern, forms in SENTENCES)
NAMES = {"french": "fr", "german": "de", "italian": "it", "spanish": "es", "dutch": "nl"}


def translate_value(value, language):
    """The same keys and shapes with each string translated; numbers and nulls stay."""
    tag = NAMES.get(language.lower(), language)
    return _value(value, tag.split("-")[0].lower(), tag, None)


def _value(value, short, tag, key):
    if isinstance(value, dict):
        return {k: _value(v, short, tag, k) for k, v in value.items()}
    if isinstance(value, list):
        return [_value(v, short, tag, key) for v in value]
    if not isinstance(value, str) or not value:
        return value
    if short not in TABLES:
        return "[%s] %s" % (tag, value)
    if key == "title":
        return _title(value, short)
    return _text(value, short) if key == "description" else words(value, short)


@functools.lru_cache(8192)
def _title(text, short):
    """A title is translated whole or kept; an artist's name may stand before it."""
    table = TABLES[short]
    if text.startswith("After "):
        after = table["after"]
        return after[0].upper() + after[1:] + " " + _title(text[6:], short)
    place = 0
    while place >= 0:
        known = table.get(text[place:].lower())
        if known:
            return text[:place] + (known if place == 0 or known[0].isupper()
                                   else known[0].upper() + known[1:])
        comma = text.find(", ", place)
        place = comma + 2 if comma >= 0 else -1
    return text


def _text(text, short):
    return "\n".join(" ".join(_sentence(s, short) for s in SPLIT.split(line))
                     for line in text.split("\n"))


@functools.lru_cache(8192)
def _sentence(sentence, short):
    for pattern, forms in FORMS:
        match = pattern.fullmatch(sentence)
        if match:
            form = forms[LANGUAGES.index(short)]
            if not match.groups():
                return form
            name = match[1]
            if short == "fr" and name[0] in "AEIOUÉÈ":
                form = form.replace(" de {0}", " d’{0}")
            return form.replace("{0!t}", words(name, short)).replace("{0}", name)
    return words(sentence, short)


@functools.lru_cache(8192)
def words(text, short):
    """Replaces the longest runs of words that the glossary knows; keeps a first capital."""
    table = TABLES[short]
    text = CIRCA.sub(lambda _: table["circa"] + " ", text)
    spans = [m.span() for m in WORD.finditer(text)]
    out, end, i = [], 0, 0
    while i < len(spans):
        start, stop, used = spans[i][0], spans[i][1], 1
        found = None
        for length in range(min(LONGEST, len(spans) - i), 0, -1):
            stop = spans[i + length - 1][1]
            found = table.get(text[start:stop].lower())
            if found:
                used = length
                break
        out.append(text[end:start])
        if found and text[start].isupper() and start == 0:
            found = found[0].upper() + found[1:]
        stop = spans[i + used - 1][1]
        out.append(found or text[start:stop])
        end, i = stop, i + used
    return "".join(out) + text[end:]
