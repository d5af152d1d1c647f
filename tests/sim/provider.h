/* SPDX-License-Identifier: ISC */
/*
 * provider: the scripted one: files, batches and synchronous calls, with the troubles of params.h.
 * What a batch does is drawn when it is created; its state at any time follows from that, so that
 * nothing runs while nobody looks. What ran is booked on the attempts, as the provider's truth.
 */
#ifndef TESTS_SIM_PROVIDER_H
#define TESTS_SIM_PROVIDER_H

#include <stdbool.h>
#include <stdint.h>

#include "core/model.h"
#include "core/outcome.h"
#include "tests/sim/rng.h"

struct world;

enum call_kind {
	CALL_UPLOAD,
	CALL_CREATE,
	CALL_CANCEL,
	CALL_DELETE, /* of an input file */
	CALL_LIST,
	CALL_SINGLE,
	CALL_DOWNLOAD,
	CALL_COMPLETE, /* a synchronous call */
	CALL_KIND_COUNT
};

struct remote_view { /* of a batch, as list and single reads show it */
	int32_t remote, key;
	enum remote_status status;
	uint32_t total, done, failed;
	bool has_output, has_errors;
	int64_t created_at, expires_at;
	const char *code; /* of a failed one */
};

struct call {
	enum call_kind kind;
	uint32_t life;           /* of the process that sent it */
	int32_t batch, attempt;  /* whose; what a COMPLETE is of */
	int32_t file, remote;    /* what it is about */
	enum way way;            /* of a COMPLETE */
	int64_t sent_at, cut_at; /* a COMPLETE is given up at that time */
	bool is_lost;            /* its reply never comes */
	/* the reply */
	enum transport transport;
	int http_status;
	const char *code, *message;
	bool has_view;
	struct remote_view view;
	struct remote_view *list; /* owned */
	uint32_t n_list;
	enum grade grade; /* of a COMPLETE's answer */
};

/* What becomes of one request that runs. */
enum ran { RAN_VALID, RAN_REFUSED, RAN_ERROR, RAN_VOID, RAN_BAD_LOT };

struct span {
	int64_t from, to;
};

struct spans {
	struct span *of;
	uint32_t n;
};

struct remote_file {
	bool is_there;
	int32_t key;
	int32_t *lines; /* attempts */
	uint32_t n;
	int64_t tokens;
};

struct remote {
	int32_t key, file;
	uint32_t n, most, offset; /* lines; that it ever runs; with which it begins */
	int64_t tokens;
	int64_t created_at, begins_at, lead, work, pause_at, pause;
	int64_t done_at, finalize, failed_at, expires_at, expired_at, vanish_at, files_lag;
	int64_t cancel_at, cancelled_at;
	const char *code;
	bool has_ended;
	enum remote_status end;
	int64_t ended_at;
	uint32_t n_run, n_good, n_bad;
};

struct provider {
	struct remote_file *files;
	uint32_t n_files;
	struct remote **remotes;
	uint32_t n_remotes, first_recent; /* those before it ended long ago: no list shows them */
	struct spans incidents, storms;
	struct call *calls;
	uint32_t n_calls;
	int32_t *free_calls;
	uint32_t n_free;
	struct rng rng;
};

void provider_init(struct world *w);
void provider_free(struct provider *p);

/* The input file of a batch, as its rows are now; an upload brings it. */
int32_t provider_new_file(struct world *w, int32_t batch);
/* A call reaches it: its effect, and the reply where it is known at once. */
void provider_effect(struct world *w, int32_t call);
/* For provider_calls.c: a new batch of a file; what becomes of a request; book that it ran. */
int32_t provider_create(struct world *w, int32_t file);
enum ran provider_ran(const struct world *w, int32_t attempt);
void provider_book(struct world *w, int32_t attempt);
bool spans_hold(const struct spans *s, int64_t at);
/* Where recent batches begin, as the clock stands. */
uint32_t provider_first_recent(struct world *w);
/* Is the provider in trouble as a whole? */
bool provider_has_incident(const struct world *w);
/* The batch as it is now; false where it is not (any more) known. */
bool provider_view(struct world *w, int32_t remote, struct remote_view *v);
/*
 * A line of an ended batch's files: its number in the input, in 0 to n - 1. Gives the file (0
 * output, 1 errors) or -1 where it is in none, the attempt, and what became of it.
 */
uint32_t provider_lines(const struct world *w, int32_t remote);
int provider_line(const struct world *w, int32_t remote, uint32_t i, int32_t *attempt,
		  enum ran *ran, bool *did_run);
/* Book what is still running, when nobody will look again. */
void provider_book_all(struct world *w);

#endif
