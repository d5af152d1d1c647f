/* SPDX-License-Identifier: ISC */
/* query: see query.h. */
#include "fcgi_app/query.h"

#include <stdlib.h>
#include <string.h>

int query_refuse(struct call *c, const char *parameter, const char *detail)
{
	const struct problem_fault fault = {.parameter = parameter, .detail = detail};

	call_problem_faults(c, PROBLEM_BAD_REQUEST, "a query parameter is not valid", &fault, 1);
	return -1;
}

int query_number(const char *text, int64_t min, int64_t max, int64_t *out)
{
	size_t n = strlen(text);
	int64_t v;

	if (n == 0 || n > 10 || strspn(text, "0123456789") != n)
		return -1;
	v = strtoll(text, NULL, 10);
	if (v < min || v > max)
		return -1;
	*out = v;
	return 0;
}

int query_flag(const char *text, bool *out)
{
	if (strcmp(text, "1") != 0 && strcmp(text, "0") != 0)
		return -1;
	*out = text[0] == '1';
	return 0;
}
