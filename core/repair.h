/* SPDX-License-Identifier: ISC */
/*
 * repair: a text that should be one JSON document -> that document, where there is no doubt about
 * what it says.
 *
 * Tried in this order, and the first that reads the whole is it: strict JSON, which passes byte for
 * byte; lenient JSON without any leniency used, in an envelope (byte-order mark, <think>, a fence,
 * prose); a Python literal, where something in it is Python's alone; lenient JSON; what is whole of
 * a document that was cut off. What could be read in two ways, and several documents, are refused:
 * asking again costs less than a wrong description.
 *
 * Pure: linear time (repaired.steps), no recursion, memory of a few times the text.
 */
#ifndef CORE_REPAIR_H
#define CORE_REPAIR_H

#include <json-c/json_types.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/json_scan.h"
#include "core/strbuf.h"

#define REPAIR_LEVELS 4 /* documents encoded in strings, one in another */

/* What was mended. The names (repair_names) are stored, and shown to clients. */
enum repair_class {
	REPAIR_BOM,      /* a byte-order mark */
	REPAIR_THINK,    /* <think>...</think> before the document */
	REPAIR_FENCE,    /* ``` around it */
	REPAIR_PROSE,    /* text around it */
	REPAIR_BRACKETS, /* closing brackets too many behind it */
	REPAIR_ENCODED,  /* it was in a string: offsets of what follows are in the decoded text */
	REPAIR_PYTHON,   /* a Python literal */
	REPAIR_BYTES,    /* b'...' of UTF-8 became a string */
	REPAIR_NULLED,   /* nan, inf, undefined became null */
	REPAIR_QUOTES,   /* single or typographic quotes around strings */
	REPAIR_KEYS,     /* keys that were no strings */
	REPAIR_COMMAS,   /* trailing or missing ones */
	REPAIR_COMMENTS, /* comments */
	REPAIR_CONTROLS, /* control characters in strings as they are */
	REPAIR_ESCAPES,  /* escapes that JSON does not know */
	REPAIR_WORDS,    /* None, True, False in JSON */
	REPAIR_NUMBERS,  /* numbers as JSON does not write them */
	REPAIR_CUT,      /* the end was missing: what was whole is kept */
	REPAIR_MISFIT,   /* members that the schema does not allow are left out */
	REPAIR_CLASS_COUNT
};

extern const char *const repair_names[REPAIR_CLASS_COUNT];

struct repair_seen {
	size_t count;
	size_t first;   /* offset in bytes */
	size_t dropped; /* bytes of the text that are not in the document */
};

struct repair_report {
	struct repair_seen of[REPAIR_CLASS_COUNT];
};

struct repair_rules {
	bool object;                      /* only an object will do; a string that holds one too */
	const struct json_object *schema; /* of that object; NULL: any */
};

enum repair_verdict {
	REPAIR_REFUSED,
	REPAIR_SALVAGED, /* content is missing: cut off, or left out since it did not fit */
	REPAIR_MENDED,
	REPAIR_UNCHANGED, /* the text itself is the document */
	REPAIR_VERDICT_COUNT
};

struct repaired {
	enum repair_verdict verdict;
	struct strbuf text; /* MENDED, SALVAGED: the document, strict JSON; owned */
	struct repair_report report;
	struct json_fault fault; /* REFUSED: why, and where in the text (or what was decoded) */
	bool is_misfit;          /* REFUSED: a document, but not as the schema wants it */
	size_t steps;            /* bytes that were read, each time that they were */
};

/* Never fails: without memory the text is refused. Release *out with repaired_clear(). */
void repair_text(const char *s, size_t n, const struct repair_rules *rules, struct repaired *out);
void repaired_clear(struct repaired *r);

/* One more of a class: `at` is its offset, `dropped` the bytes of it that are not in the document. */
void repair_note(struct repair_report *report, enum repair_class class, size_t at, size_t dropped);
/* Which classes were met? Without any, the document is as it was. */
bool repair_is_clean(const struct repair_report *report);
/* "fence,python_literal": at most `size` bytes with the NUL, cut between names. */
void repair_list(const struct repair_report *report, char *out, size_t size);
/*
 * "verdict":"mended","classes":{"python_literal":{"count":1,"offset":0,"dropped":0}}, and of a text
 * that was refused "offset" and "error": the members of an object.
 */
void repaired_tell(const struct repaired *r, struct strbuf *out);

#endif
