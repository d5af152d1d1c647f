/* SPDX-License-Identifier: ISC */
#include "core/allowance.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/timemath.h"

#define VALUE_MAX (INT64_C(1) << 50) /* more is no number of requests, tokens or microseconds */
#define NEW_SHARE 8                  /* of a new answer's tokens in the mean: an eighth */

const struct allowance_told allowance_untold = {.left = {-1, -1},
						.limit = {-1, -1},
						.full_in = {-1, -1}};

/* --- headers --- */

static int64_t read_count(const char *s)
{
	char *end;
	const long long v = strtoll(s, &end, 10);

	return end == s || *end != '\0' || v < 0 || v > VALUE_MAX ? -1 : v;
}

/* "6m0s", "1.5s", "12ms", "1h2m": parts with units; -1 for anything else. */
static int64_t read_span(const char *s)
{
	static const struct {
		const char *unit;
		double us;
	} units[] = {{"ms", 1e3}, {"us", 1},  {"h", 3600e6},
		     {"m", 60e6}, {"s", 1e6}, {"d", 86400e6}};
	double sum = 0;

	if (*s == '\0')
		return -1;
	while (*s != '\0') {
		char *end;
		const double v = strtod(s, &end);
		size_t u = 0;

		if (end == s || !(v >= 0))
			return -1;
		while (u < sizeof(units) / sizeof(units[0]) &&
		       strncmp(end, units[u].unit, strlen(units[u].unit)) != 0)
			u++;
		if (u == sizeof(units) / sizeof(units[0]))
			return -1;
		sum += v * units[u].us;
		s = end + strlen(units[u].unit);
	}
	return sum > (double)VALUE_MAX ? -1 : (int64_t)sum;
}

void allowance_header(struct allowance_told *t, const char *name, const char *value)
{
	static const char prefix[] = "x-ratelimit-";
	static const struct {
		const char *name;
		enum allowance_kind kind;
	} parts[] = {{"requests", ALLOW_REQUESTS}, {"tokens", ALLOW_TOKENS}};
	const char *rest = name + sizeof(prefix) - 1;

	if (strncasecmp(name, prefix, sizeof(prefix) - 1) != 0)
		return;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		const enum allowance_kind k = parts[i].kind;

		if (strncasecmp(rest, "remaining-", 10) == 0 &&
		    strcasecmp(rest + 10, parts[i].name) == 0)
			t->left[k] = read_count(value);
		else if (strncasecmp(rest, "limit-", 6) == 0 &&
			 strcasecmp(rest + 6, parts[i].name) == 0)
			t->limit[k] = read_count(value);
		else if (strncasecmp(rest, "reset-", 6) == 0 &&
			 strcasecmp(rest + 6, parts[i].name) == 0)
			t->full_in[k] = read_span(value);
	}
}

/* --- what is left --- */

uint64_t allowance_sent(struct allowance *a)
{
	return ++a->n_sent;
}

void allowance_learn(struct allowance *a, const struct allowance_told *t, uint64_t call, int64_t at)
{
	for (int k = 0; k < ALLOW_KINDS; k++) {
		struct allowance_bucket *b = &a->buckets[k];

		if (t->left[k] < 0 || (b->is_told && call < b->call))
			continue;
		*b = (struct allowance_bucket){.is_told = true,
					       .call = call,
					       .at = at,
					       .left = t->left[k],
					       .limit = t->limit[k],
					       .full_in = t_max(t->full_in[k], 0)};
	}
}

void allowance_used(struct allowance *a, int64_t tokens)
{
	if (tokens <= 0)
		return;
	if (a->tokens_each == 0)
		a->tokens_each = tokens;
	else
		a->tokens_each += (tokens - a->tokens_each) / NEW_SHARE;
}

/* In requests or tokens, before what was sent since is taken off; T_NEVER: not known. */
static int64_t level(const struct allowance_bucket *b, int64_t now)
{
	const int64_t passed = t_max(t_sub(now, b->at), 0);
	const int64_t missing = t_max(t_sub(b->limit, b->left), 0);

	if (passed >= b->full_in)
		return T_NEVER; /* it says nothing any more: answers may have come without */
	return t_add(b->left, (int64_t)((double)missing * (double)passed / (double)b->full_in));
}

uint32_t allowance_room(const struct allowance *a, uint32_t most, int64_t now)
{
	int64_t room = most;

	for (int k = 0; k < ALLOW_KINDS; k++) {
		const struct allowance_bucket *b = &a->buckets[k];
		const int64_t each = k == ALLOW_REQUESTS ? 1 : a->tokens_each;
		int64_t calls;

		if (!b->is_told || each <= 0)
			continue;
		calls = level(b, now);
		if (calls == T_NEVER)
			continue;
		calls = calls / each - (int64_t)(a->n_sent - b->call);
		room = t_min(room, t_max(calls, 0));
	}
	return (uint32_t)room;
}
