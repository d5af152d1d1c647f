/* SPDX-License-Identifier: ISC */
/* repair_envelope: see repair_envelope.h. */
#include "core/repair_envelope.h"

#include <string.h>

#include "core/ascii.h"

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static struct json_span trimmed(const char *from, const char *to)
{
	return json_span_of(from, (size_t)(to - from));
}

/* --- thoughts --- */

int envelope_skip_thoughts(const char **s, const char *end)
{
	static const char *const tags[][2] = {{"<think>", "</think>"},
					      {"<thinking>", "</thinking>"}};
	const struct json_span text = trimmed(*s, end);

	for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++) {
		const char *open = tags[i][0], *close = tags[i][1];
		const char *p = *s, *last = NULL;

		while ((p = memmem(p, (size_t)(end - p), close, strlen(close))) != NULL)
			last = p = p + strlen(close);
		if (last)
			*s = last;
		else if (text.n >= strlen(open) && memcmp(text.p, open, strlen(open)) == 0)
			return -1;
	}
	return 0;
}

/* --- prose --- */

/* "[the]", "[1]": behind its closing bracket, or NULL. */
static const char *skip_words(const char *p, const char *end)
{
	while (++p < end && !strchr("[]{}\"", *p))
		;
	return p < end && *p == ']' ? p + 1 : NULL;
}

const char *envelope_find(const char *s, const char *end)
{
	const char *p = s;

	while (p < end) {
		if (*p == '{')
			return p;
		if (*p == '[') {
			const char *behind = skip_words(p, end);

			if (!behind)
				return p;
			p = behind;
			continue;
		}
		p++;
	}
	return end;
}

/* ``` or ~~~, and "```json" where it opens. */
static bool ends_with_fence(struct json_span text)
{
	size_t n = text.n;

	while (n > 0 && (ascii_is_alnum(text.p[n - 1]) || strchr("+-_", text.p[n - 1])))
		n--;
	return n >= 3 &&
	       (memcmp(text.p + n - 3, "```", 3) == 0 || memcmp(text.p + n - 3, "~~~", 3) == 0);
}

static size_t fence_length(struct json_span text)
{
	size_t n = text.n;

	while (n > 0 && text.p[n - 1] != '`' && text.p[n - 1] != '~')
		n--;
	while (n > 0 && (text.p[n - 1] == '`' || text.p[n - 1] == '~'))
		n--;
	return text.n - n;
}

static size_t closing_fence(struct json_span text)
{
	size_t n = 0;

	while (n < text.n && (text.p[n] == '`' || text.p[n] == '~'))
		n++;
	return n >= 3 ? n : 0;
}

/* A key, or braces: more of a document than talk. */
static bool looks_like_json(struct json_span text)
{
	for (const char *p = text.p, *end = p + text.n; p < end; p++) {
		if (*p == '{' || *p == '}')
			return true;
		if (*p == '"' || *p == '\'') {
			const char *q = p + 1;

			while (q < end && is_space(*q))
				q++;
			if (q < end && *q == ':')
				return true;
		}
	}
	return false;
}

static bool only_closes(struct json_span text)
{
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] != '}' && text.p[i] != ']' && !is_space(text.p[i]))
			return false;
	return text.n > 0;
}

bool envelope_is_talk(const char *s, const char *end, struct json_span document,
		      struct repair_report *report)
{
	struct json_span before = trimmed(s, document.p);
	struct json_span behind = trimmed(document.p + document.n, end);

	if (only_closes(behind)) {
		repair_note(report, REPAIR_BRACKETS, (size_t)(behind.p - s), behind.n);
		behind.n = 0;
	}
	if (ends_with_fence(before)) {
		const size_t n = fence_length(before), close = closing_fence(behind);

		repair_note(report, REPAIR_FENCE, (size_t)(before.p + before.n - n - s), n + close);
		before = trimmed(before.p, before.p + before.n - n);
		behind = trimmed(behind.p + close, behind.p + behind.n);
	}
	if (before.n + behind.n == 0)
		return true;
	if ((before.n > 0 && strchr(",(\"'[=", before.p[before.n - 1])) ||
	    (behind.n > 0 && strchr(",:\"'[]=", behind.p[0])) || looks_like_json(before) ||
	    looks_like_json(behind))
		return false;
	repair_note(report, REPAIR_PROSE,
		    before.n > 0 ? (size_t)(before.p - s) : (size_t)(behind.p - s),
		    before.n + behind.n);
	return true;
}
