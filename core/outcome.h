/* SPDX-License-Identifier: ISC */
/*
 * outcome: what a remote call, a line of a result file or a failed batch means: done, later, never
 * or unknown, with a code and what it concerns. Pure; tables. Facts: OpenAI's Batch and error
 * guides, the behaviour of its official clients, and reports of users (see the tables).
 */
#ifndef CORE_OUTCOME_H
#define CORE_OUTCOME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum outcome {
	OUTCOME_DONE,
	OUTCOME_LATER,   /* trying again may help */
	OUTCOME_NEVER,   /* trying again changes nothing */
	OUTCOME_UNKNOWN, /* the request may have been carried out: look first */
	OUTCOME_COUNT
};

enum outcome_scope {               /* whom a failure concerns */
		     SCOPE_CALL,   /* this call or item alone */
		     SCOPE_RECIPE, /* model, schema or parameter: every item of the recipe */
		     SCOPE_ALL,    /* quota, key: everything stops */
		     SCOPE_COUNT
};

enum transport {                     /* how far a call came; from libcurl's result */
		 TRANSPORT_OK,       /* an HTTP answer was read whole */
		 TRANSPORT_NOT_SENT, /* no connection: the request cannot have been carried out */
		 TRANSPORT_LOST,     /* sent or perhaps sent, no whole answer */
		 TRANSPORT_COUNT
};

struct call_result {
	enum transport transport;
	int http_status;        /* with TRANSPORT_OK */
	const char *error_code; /* body's error.code, .type, .message; NULL where absent */
	const char *error_type;
	const char *error_message;
	int64_t retry_after_us; /* from retry-after-ms or retry-after; -1 = none */
	bool is_write;          /* a call that must not be repeated blindly (POST) */
};

struct call_outcome {
	enum outcome outcome;
	enum outcome_scope scope;
	const char *code; /* static text: "rate_limited", "insufficient_quota", "bad_image", ... */
	int64_t wait_us;  /* LATER: at least so long; capped at 10 minutes */
};

/* 2xx -> DONE; everything else by the tables. */
struct call_outcome call_classify(const struct call_result *r);

/*
 * A line's HTTP error (status_code and body.error) or non-HTTP error (code alone, http_status 0).
 * The outcome LATER: the item may be sent again; `code` is the item's code. batch_expired,
 * batch_cancelled and a void line have is_void true: the request never ran.
 */
struct line_outcome {
	enum outcome outcome;
	enum outcome_scope scope;
	const char *code;
	bool is_void;
};
struct line_outcome line_classify(int http_status, const char *code, const char *type,
				  const char *message);

/*
 * The same of a synchronous completion that was refused by an HTTP status (not 0); has_error: its body is
 * the provider's, with an error object. is_void also where there is no room for it now (*no_room):
 * 429, and a 503 of the provider itself, since that of a proxy says nothing; and where everything
 * stops.
 */
struct line_outcome completion_refused(int http_status, bool has_error, const char *code,
				       const char *type, const char *message, bool *no_room);

/*
 * First validation error of a failed batch: LATER for token_limit_exceeded and "Cannot find file".
 */
struct call_outcome batch_failure_classify(const char *code, const char *message);

/* Back-off before try n (from 1): 1 s doubling to 60 s, jittered by +-25 % from a hash of seed. */
int64_t backoff_us(unsigned n, uint64_t seed);

extern const char *const outcome_names[OUTCOME_COUNT];

#endif
