/* SPDX-License-Identifier: ISC */
#include "batchctl/invariants.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define NAME_LINE "\n-- name: "

const char *const invariant_kind_names[INVARIANT_KIND_COUNT] = {
	[INVARIANT_RULE] = "rule",
	[INVARIANT_WARNING] = "warning",
	[INVARIANT_BOOKED] = "booked",
};

static const char *skip_kind(const char *name, enum invariant_kind *kind)
{
	*kind = INVARIANT_RULE;
	for (int k = INVARIANT_WARNING; k < INVARIANT_KIND_COUNT; k++) {
		const size_t n = strlen(invariant_kind_names[k]);

		if (strncmp(name, invariant_kind_names[k], n) != 0 ||
		    strncmp(name + n, ": ", 2) != 0)
			continue;
		*kind = (enum invariant_kind)k;
		return name + n + 2;
	}
	return name;
}

bool invariant_next(const char **text, struct invariant *out)
{
	const char *line = strstr(*text, NAME_LINE);
	const char *name, *end;

	if (!line)
		return false;
	name = skip_kind(line + strlen(NAME_LINE), &out->kind);
	snprintf(out->name, sizeof(out->name), "%.*s", (int)strcspn(name, "\n"), name);
	out->sql = name + strcspn(name, "\n");
	end = strstr(out->sql, ";\n");
	if (!end)
		end = out->sql + strlen(out->sql);
	out->sql_n = (int)(end - out->sql);
	*text = end;
	return true;
}
