# SPDX-License-Identifier: ISC
"""The stand-in's language model: deterministic, made of rules, fast.

Owns: what a request is about (describe or translate), a catalogue entry made from title and
notes, and the building of any JSON object that a schema asks for.  Says only what the request
says: it sees no photographs.  Translation proper is in translation.py.
"""
import json
import re

from translation import translate_value

LABELS = ("Title", "Notes", "House instructions")
TRANSLATE = re.compile(r"^[ \t]*Translate (?:in)?to:?[ \t]*([^\n(]*?)[ \t]*"
                       r"(?:\(([A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*)\))?[ \t]*$", re.M)
LABEL = re.compile(r"^[ \t]*(%s):[ \t]*" % "|".join(LABELS), re.M)
NOTE = re.compile(r"^[ \t]*([A-Z][A-Za-z ]{2,24}):[ \t]*(.+?)[ \t]*$", re.M)
YEAR = re.compile(r"\b(?:c\.? ?|circa )?1[0-9]{3}(?:[-–/][0-9]{1,4})?s?\b|"
                  r"\b(?:early |mid-|late )?[0-9]{2}th century\b")
SIZE = re.compile(r"\b[0-9][0-9.,]*(?: ?[x×] ?[0-9][0-9.,]*)+ ?(?:mm|cm|in)\b")

USED_NOTES = ("artist", "maker", "date", "medium", "material", "dimensions", "inscription",
              "condition")

# Words of a medium -> department; the first that matches wins.
DEPARTMENTS = (
    ("photograph|gelatin|albumen|daguerreotype", "Photographs"),
    ("lithograph|etching|engraving|mezzotint|intaglio|aquatint|screenprint|woodcut|linocut|"
     "print|drypoint|plate", "Prints and multiples"),
    ("bronze|marble|plaster|terracotta|stone|plastic|steel|iron|alabaster", "Sculpture"),
    ("oil|acrylic|tempera|canvas|panel", "Paintings"),
    ("watercolour|graphite|gouache|chalk|ink|pastel|charcoal|paper|pencil", "Works on paper"),
    ("silver|sterling|hallmark", "Silver"), ("porcelain|stoneware|earthenware|tea", "Ceramics"),
    ("mahogany|oak|walnut|table|chair|chest|cabinet", "Furniture"),
    ("gold|diamond|ring|brooch|necklace", "Jewellery"), ("book|manuscript|volume",
                                                         "Books and manuscripts"))
DEPARTMENTS = tuple((re.compile(r"\b(?:%s)" % p, re.I), d) for p, d in DEPARTMENTS)


def tokens(text):
    return (len(text) + 3) // 4


# --- what is asked

def _all_text(body):
    texts = []
    for message in body.get("messages") or ():
        content = message.get("content") if isinstance(message, dict) else None
        if isinstance(content, str):
            texts.append(content)
        for part in content if isinstance(content, list) else ():
            if isinstance(part, dict) and isinstance(part.get("text"), str):
                texts.append(part["text"])
    return texts


def task_of(body):
    """"translate" where a message names a target language, else "describe"."""
    for text in _all_text(body) if isinstance(body, dict) else ():
        if "Translate " in text and _target(text):
            return "translate"
    return "describe"


def _target(text):
    match = TRANSLATE.search(text)
    if not match or not (match[1] or match[2]):
        return None
    return match[2] or match[1]


def _source_object(text):
    """The JSON object to translate: the first that stands in the text."""
    decoder = json.JSONDecoder()
    start = text.find("{")
    while start >= 0:
        try:
            return decoder.raw_decode(text, start)[0]
        except ValueError:
            start = text.find("{", start + 1)
    return {}


def answer(request):
    """The text of the answer to a request that passed its checks."""
    from_user = request.user_text or request.images
    text = "\n".join(request.user_text if from_user else request.texts)
    language = _target(text) or next(filter(None, map(_target, request.texts)), None)
    if language:
        value = translate_value(_source_object(text), language)
    else:
        value = describe(text, request.images)
    if request.schema:
        value = fit(request.schema, value, request.schema)
    elif not language and not request.json_mode:
        return value["description"]
    return json.dumps(value, ensure_ascii=False)


# --- a catalogue entry

def _sections(text):
    """The labelled parts of the user's message, by label."""
    found = {}
    marks = list(LABEL.finditer(text))
    for mark, following in zip(marks, marks[1:] + [None]):
        end = following.start() if following else len(text)
        found.setdefault(mark[1], text[mark.end():end].strip())
    if "Title" not in found:
        rest = found.get("Notes") or ("" if found else text)
        found["Title"] = rest.strip().split("\n")[0][:120]
    return found


def _first(pattern, text):
    match = pattern.search(text)
    return match[0] if match else None


def _facts(text):
    parts = _sections(text)
    notes = parts.get("Notes", "")
    labelled = {k.lower(): v for k, v in NOTE.findall(notes)}
    date = labelled.get("date", _first(YEAR, notes))
    if date in ("date not known", "undated", "not known"):
        date = None
    return {"title": parts["Title"] or "Untitled lot", "notes": notes, "labelled": labelled,
            "artist": labelled.get("artist") or labelled.get("maker"), "date": date,
            "medium": labelled.get("medium") or labelled.get("material"),
            "dimensions": labelled.get("dimensions") or _first(SIZE, notes),
            "inscription": labelled.get("inscription"),
            "condition": labelled.get("condition")}


def _materials(medium):
    if not medium:
        return []
    parts = re.split(r"\s*(?:,|;|\. Verso:| and | on )\s*", medium)
    return list(dict.fromkeys(p.strip(" .").lower() for p in parts if p.strip(" .")))[:6]


def _department(facts):
    for text in (facts["medium"], facts["title"] + " " + facts["notes"]):
        for pattern, department in DEPARTMENTS:
            if text and pattern.search(text):
                return department
    return "Collectables"


def _loose_notes(facts):
    """Notes that are no labelled lines, as sentences."""
    loose = [s.strip() for s in NOTE.sub("", facts["notes"]).split("\n") if s.strip()]
    return " ".join(s[0].upper() + s[1:] + ("" if s[-1] in ".!?" else ".") for s in loose)


def describe(text, images):
    """The entry as a dictionary; sentences are those that translation.py knows."""
    facts = _facts(text)
    artist, medium, date = facts["artist"], facts["medium"], facts["date"]
    sentences = []
    if artist:
        sentences.append("A work by %s." % artist if not artist.startswith("after ")
                         else "A work %s." % artist)
    if date:
        sentences.append("Dated %s." % date)
    if medium:
        sentences.append("%s%s." % (medium[0].upper(), medium[1:].rstrip(".")))
    if facts["inscription"]:
        sentences.append("Inscription: %s." % facts["inscription"].rstrip("."))
    if facts["dimensions"]:
        sentences.append("Dimensions: %s." % facts["dimensions"])
    sentences += ["%s: %s." % (label.capitalize(), text.rstrip("."))
                  for label, text in facts["labelled"].items() if label not in USED_NOTES]
    loose = _loose_notes(facts)
    if loose:
        sentences.append(loose)
    if images:
        sentences.append("Described from one photograph." if images == 1
                         else "Described from %d photographs." % images)
    if not sentences:
        sentences.append("Described from its title alone.")
    title = facts["title"].rstrip(".")
    if artist and artist not in title:
        title = "%s%s, %s" % (artist[0].upper(), artist[1:], title)
    materials, department = _materials(medium), _department(facts)
    keywords = [department.lower()] + materials + [w for w in (artist, date) if w]
    return {"title": title, "description": " ".join(sentences), "category": department,
            "period": date, "materials": materials, "condition": facts["condition"],
            "keywords": list(dict.fromkeys(keywords))[:10]}


# --- any schema

def fit(schema, value, root, key="value"):
    """A value of the schema's form, taken from value as far as it goes."""
    if "$ref" in schema:
        return fit(_resolve(schema["$ref"], root), value, root, key)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return _choose(schema["enum"], value)
    if "anyOf" in schema:
        nullable = [s for s in schema["anyOf"] if s.get("type") == "null"]
        others = [s for s in schema["anyOf"] if s.get("type") != "null"]
        return None if value is None and nullable else fit(others[0], value, root, key)
    kinds = schema.get("type", "object")
    if isinstance(kinds, list):
        if value is None and "null" in kinds:
            return None
        kinds = next(k for k in kinds if k != "null")
    return FITTERS[kinds](schema, value, root, key)


def _resolve(ref, root):
    place = root
    for step in ref.lstrip("#/").split("/") if ref != "#" else ():
        place = place[step.replace("~1", "/").replace("~0", "~")]
    return place


def _choose(options, value):
    if value in options:
        return value
    words = str(value).lower()
    return next((o for o in options if isinstance(o, str) and o.lower() in words), options[0])


def _fit_object(schema, value, root, key):
    given = value if isinstance(value, dict) else {}
    return {k: fit(s, given.get(k), root, k)
            for k, s in schema.get("properties", {}).items()}


def _fit_array(schema, value, root, key):
    given = value if isinstance(value, list) else []
    items = [fit(schema.get("items", {"type": "string"}), v, root, key) for v in given]
    while len(items) < schema.get("minItems", 0):
        items.append(fit(schema["items"], None, root, key))
    return items[:schema.get("maxItems", len(items))]


def _fit_string(schema, value, root, key):
    if value is None or isinstance(value, (dict, list)):
        value = "%s: not stated" % key.replace("_", " ")
    return str(value)


def _fit_number(schema, value, root, key):
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value
    return schema.get("minimum", 0)


FITTERS = {"object": _fit_object, "array": _fit_array, "string": _fit_string,
           "number": _fit_number, "integer": _fit_number,
           "boolean": lambda schema, value, root, key: bool(value),
           "null": lambda schema, value, root, key: None}


def inflate(content, size):
    """The same JSON object with its first string made very long."""
    try:
        value = json.loads(content)
        key = next(k for k, v in value.items() if isinstance(v, str))
    except (ValueError, AttributeError, StopIteration):
        return content + " " * size
    value[key] += " x" * (size // 2)
    return json.dumps(value, ensure_ascii=False)
