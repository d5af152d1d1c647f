/* SPDX-License-Identifier: ISC */
/*
 * Texts and what comes of them: the document, or a refusal where two readings are possible or
 * something would have to be made up. What comes stays as it is.
 */
#ifndef TESTS_UNIT_REPAIR_ROWS_H
#define TESTS_UNIT_REPAIR_ROWS_H

#include "tests/unit/check.h"

#include <stdlib.h>
#include <string.h>

#include "core/repair.h"

struct repair_row {
	const char *in, *out; /* out: NULL: refused */
	const char *classes;
};

static inline void check_row(const struct repair_row *row, const struct repair_rules *rules)
{
	const size_t n = strlen(row->in);
	char *exact = malloc(n ? n : 1); /* so that a sanitizer sees each byte read past it */
	char classes[256];
	struct repaired r, again;

	assert_non_null(exact);
	memcpy(exact, row->in, n);
	repair_text(exact, n, rules, &r);
	repair_list(&r.report, classes, sizeof(classes));
	if ((row->out == NULL) != (r.verdict == REPAIR_REFUSED))
		fail_msg("%s: %s", row->in,
			 r.verdict == REPAIR_REFUSED ? r.fault.what : r.text.data);
	if (row->out != NULL) {
		assert_string_equal(r.text.data, row->out);
		assert_string_equal(classes, row->classes);
		repair_text(r.text.data, r.text.len, rules, &again);
		assert_int_equal(again.verdict, REPAIR_UNCHANGED);
		repaired_clear(&again);
	}
	repaired_clear(&r);
	free(exact);
}

#define CHECK_ROWS(rows, rules)                                                  \
	do {                                                                     \
		for (size_t i_ = 0; i_ < sizeof(rows) / sizeof((rows)[0]); i_++) \
			check_row(&(rows)[i_], rules);                           \
	} while (0)

#endif
