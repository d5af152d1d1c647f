/* SPDX-License-Identifier: ISC */
/* repair_report: what was mended, in words. Declared in repair.h. */
#include "core/repair.h"

#include <string.h>

const char *const repair_names[REPAIR_CLASS_COUNT] = {
	[REPAIR_BOM] = "bom",
	[REPAIR_THINK] = "think",
	[REPAIR_FENCE] = "fence",
	[REPAIR_PROSE] = "prose",
	[REPAIR_BRACKETS] = "brackets",
	[REPAIR_ENCODED] = "encoded",
	[REPAIR_PYTHON] = "python_literal",
	[REPAIR_BYTES] = "bytes",
	[REPAIR_NULLED] = "nulled",
	[REPAIR_QUOTES] = "quotes",
	[REPAIR_KEYS] = "keys",
	[REPAIR_COMMAS] = "commas",
	[REPAIR_COMMENTS] = "comments",
	[REPAIR_CONTROLS] = "controls",
	[REPAIR_ESCAPES] = "escapes",
	[REPAIR_WORDS] = "words",
	[REPAIR_NUMBERS] = "numbers",
	[REPAIR_CUT] = "cut",
	[REPAIR_MISFIT] = "misfit",
};

void repair_note(struct repair_report *report, enum repair_class class, size_t at, size_t dropped)
{
	struct repair_seen *seen = &report->of[class];

	if (seen->count++ == 0)
		seen->first = at;
	seen->dropped += dropped;
}

bool repair_is_clean(const struct repair_report *report)
{
	for (size_t i = 0; i < REPAIR_CLASS_COUNT; i++)
		if (report->of[i].count > 0)
			return false;
	return true;
}

void repair_list(const struct repair_report *report, char *out, size_t size)
{
	size_t at = 0;

	out[0] = '\0';
	for (size_t i = 0; i < REPAIR_CLASS_COUNT; i++) {
		const size_t n = strlen(repair_names[i]);

		if (report->of[i].count == 0 || at + (at > 0) + n + 1 > size)
			continue;
		if (at > 0)
			out[at++] = ',';
		memcpy(out + at, repair_names[i], n + 1);
		at += n;
	}
}

static void add_classes(const struct repair_report *report, struct strbuf *out)
{
	const char *separator = "{";

	for (size_t i = 0; i < REPAIR_CLASS_COUNT; i++) {
		const struct repair_seen *seen = &report->of[i];

		if (seen->count == 0)
			continue;
		strbuf_addf(out, "%s\"%s\":{\"count\":%zu,\"offset\":%zu,\"dropped\":%zu}",
			    separator, repair_names[i], seen->count, seen->first, seen->dropped);
		separator = ",";
	}
	strbuf_adds(out, *separator == '{' ? "{}" : "}");
}

void repaired_tell(const struct repaired *r, struct strbuf *out)
{
	static const char *const verdicts[REPAIR_VERDICT_COUNT] = {
		[REPAIR_REFUSED] = "refused",
		[REPAIR_SALVAGED] = "salvaged",
		[REPAIR_MENDED] = "mended",
		[REPAIR_UNCHANGED] = "unchanged",
	};

	strbuf_addf(out, "\"verdict\":\"%s\",\"classes\":", verdicts[r->verdict]);
	add_classes(&r->report, out);
	if (r->verdict == REPAIR_REFUSED) {
		strbuf_addf(out, ",\"offset\":%zu,\"error\":", r->fault.offset);
		strbuf_adds_json(out, r->fault.what);
	}
}
