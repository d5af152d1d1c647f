/* SPDX-License-Identifier: ISC */
#include "core/money.h"

#include <stddef.h>
#include <string.h>

#include "core/timemath.h"

/* Of a budget: what neither is spent nor may be. Saturating, as times are. */
static int64_t left(int64_t budget, int64_t spent, int64_t reserved)
{
	return t_sub(t_sub(budget, spent), reserved);
}

/* What is to be free for a description: its lot too, and what was promised to others. */
static int64_t with_lot(const struct money_view *v, const struct money_need *n)
{
	return t_add(t_add(n->item, n->lot), v->promised);
}

static bool waits_for_lot(const struct money_view *v, const struct money_need *n)
{
	return n->lot > 0 && !v->is_rest && (v->job_reserved > 0 || v->promised > 0) &&
	       with_lot(v, n) > left(v->job_budget, v->job_spent, v->job_reserved);
}

enum money_verdict money_decide(const struct money_view *v, const struct money_need *n)
{
	if (n->cheapest > left(v->job_budget, v->job_spent, 0))
		return MONEY_NEVER;
	if (n->item > left(v->job_budget, v->job_spent, v->job_reserved) || waits_for_lot(v, n))
		return MONEY_WAITS;
	if (n->cheapest > left(v->day_budget, v->day_spent, 0))
		return MONEY_DAY_SPENT;
	if (n->item > left(v->day_budget, v->day_spent, v->day_reserved))
		return MONEY_DAY_WAITS;
	return MONEY_FITS;
}

void money_take(struct money_view *v, const struct money_need *n)
{
	const bool is_first = v->job_reserved == 0 && v->promised == 0;

	if (is_first && n->lot > 0 && with_lot(v, n) > left(v->job_budget, v->job_spent, 0))
		v->is_rest = true;
	v->job_reserved = t_add(v->job_reserved, n->item);
	v->day_reserved = t_add(v->day_reserved, n->item);
	v->promised = t_add(v->promised, n->lot);
}

int64_t money_wanted(const struct money_view *v, const struct money_need *n,
		     enum money_verdict verdict)
{
	if (verdict == MONEY_WAITS && waits_for_lot(v, n))
		return with_lot(v, n);
	return n->cheapest;
}

int64_t money_day(int64_t t_us)
{
	return t_us - t_us % T_DAY;
}

bool money_is_presumed(const char *code)
{
	static const char *const codes[] = {"call_lost", "batch_lost", "no_line", "too_large"};

	for (size_t i = 0; code && i < sizeof(codes) / sizeof(codes[0]); i++) {
		if (strcmp(codes[i], code) == 0)
			return true;
	}
	return false;
}
