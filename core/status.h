/* SPDX-License-Identifier: ISC */
/*
 * status: a job's verdict (does it go on, how did it end) and the status object that explains it.
 * Pure: front end and batchd come to the same answer from the same row.
 */
#ifndef CORE_STATUS_H
#define CORE_STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/model.h"
#include "core/strbuf.h"

struct language_counts { /* one row of job_language; no 0 is English, the description */
	const char *tag;
	uint32_t total, ready, sent, done, failed;
	uint32_t repeating; /* of the done ones: a better answer is asked for */
};

struct job_view {
	const char *public_id;
	const char *name;
	enum job_status status;
	enum job_outcome outcome;
	int64_t created_at, updated_at, deadline_at, completed_at;
	int64_t opened_at; /* created_at, or when it was last opened again */
	enum job_end end;  /* other than the deadline: a command ends it, or did */
	bool reopening;    /* a retry or added languages are not carried out yet */
	bool may_lose; /* an operator undid repairs: an ended job, too, is what its counts say */
	uint32_t lots;
	const struct language_counts *languages;
	size_t n_languages;   /* at least 1 */
	int64_t cost, wasted; /* micro-dollars */
	int64_t input_tokens, output_tokens;
	const char *wait_what; /* NULL: nothing is known to wait for */
	int64_t wait_since, wait_progress_at;
	const char *wait_action; /* NULL: none but the deadline */
	int64_t wait_action_at;
	const char *warnings; /* JSON objects, comma-separated; "" = none */
	int64_t over_at;      /* items of it failed, not fitting its budget; 0 = none */
	int64_t day_over_at;  /* it waits for another day of its account; 0 = it does not */
};

struct job_verdict {
	enum job_status status;
	enum job_outcome outcome;
	bool ended_now; /* moves from running to ended */
	int64_t at;     /* look again at; T_NEVER for an ended job */
};

/*
 * What the job is at `now`. An ended job only gains: partial -> full, failed -> completed (but for
 * may_lose). While it
 * is reopening its counts are those of before, and only the deadline or a command ends it.
 */
struct job_verdict job_decide(const struct job_view *job, int64_t now);

/* Append the status object without its links and without the final "}". */
int status_render(const struct job_view *job, struct strbuf *out);
/* Append ,"links":{...}} for the base ("https://host/prefix" or "/prefix" or ""). */
int status_render_links(const char *public_id, const char *base, struct strbuf *out);

/* Append an object of `warnings`. */
void status_render_warning(const char *code, const char *message, int64_t since,
			   struct strbuf *out);
/*
 * Append such an object with one more warning, before those that it has; as it is where it has no
 * list of them.
 */
int status_add_warning(const char *object, size_t n, const char *code, const char *message,
		       int64_t since, struct strbuf *out);

/* "0.0123": micro-dollars as a decimal with at least 4 decimals, trailing zeros cut. */
int strbuf_add_money(struct strbuf *b, int64_t micro);

#endif
