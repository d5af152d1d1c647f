/* SPDX-License-Identifier: ISC */
/*
 * money: may this item be sent within the budgets of its job and of its account's day? What it may
 * cost at most is reserved before it is sent and replaced by its true cost when its attempt closes,
 * so that what was spent and what may still be never exceed a budget together. Pure; micro-dollars.
 */
#ifndef CORE_MONEY_H
#define CORE_MONEY_H

#include <stdbool.h>
#include <stdint.h>

/* A change of what is booked, of a job or of an account's day. */
struct money_move {
	int64_t cost;
	int64_t reserved; /* by open attempts */
	int64_t presumed; /* closed ones may have cost it, which was never told */
};

struct money_view {
	int64_t job_budget, job_spent, job_reserved; /* spent: cost and presumed */
	int64_t day_budget, day_spent, day_reserved;
	int64_t promised; /* of the job: translations to come of lots that are begun */
	/* a slice that begins with nothing reserved or promised: whole lots fit no more */
	bool is_rest;
};

/* What an item takes, at most. */
struct money_need {
	int64_t item;     /* by the way that it is to be sent now */
	int64_t cheapest; /* by the cheapest way */
	int64_t lot; /* a description: the translations of its lot, by the cheapest way; else 0 */
};

enum money_verdict {
	MONEY_FITS,
	MONEY_WAITS,     /* for what open attempts of its job do not use up */
	MONEY_DAY_WAITS, /* the same, of its account's day */
	MONEY_DAY_SPENT, /* for the next day */
	MONEY_NEVER,     /* its job's budget does not reach for it */
	MONEY_VERDICT_COUNT
};

/*
 * May it be sent now? A description also waits until its whole lot fits, so that lots are finished
 * rather than begun, but where nothing is under way that might leave something over.
 */
enum money_verdict money_decide(const struct money_view *v, const struct money_need *n);
/* Count an item that fits as reserved. */
void money_take(struct money_view *v, const struct money_need *n);
/* What has to be free, in the budget that it waits for, before it is worth another look. */
int64_t money_wanted(const struct money_view *v, const struct money_need *n,
		     enum money_verdict verdict);

/* The UTC day of an instant: its first microsecond. */
int64_t money_day(int64_t t_us);
/* Of a closed attempt: was it perhaps paid for, though nothing told what it cost? */
bool money_is_presumed(const char *code);

#endif
