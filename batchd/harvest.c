/* SPDX-License-Identifier: ISC */
#include "batchd/harvest.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "batchd/apply.h"
#include "batchd/build.h"
#include "batchd/close.h"
#include "batchd/late.h"
#include "batchd/line_reader.h"
#include "batchd/planner.h"
#include "batchd/stop.h"
#include "batchd/submit.h"
#include "common/log.h"
#include "common/must.h"
#include "core/json_util.h"
#include "core/limits.h"
#include "core/timemath.h"

#define CHUNK_BYTES (8u << 20)
/* A file is tried until it has expired at the provider: 30 days after it was made. */
#define FILE_LIFE (30 * T_DAY)
#define FILES     2 /* output, errors */
/* A provider that does not tell a file's size is asked so often before it is read without. */
#define SIZE_TRIES 3

static const char *const spool_names[FILES] = {"output", "errors"};

static const char *file_id(const struct batch_row *b)
{
	return b->harvest_file == 0 ? b->output_file_id : b->error_file_id;
}

/* Is it to be read? Of a closed batch that are its late files. */
static bool is_wanted(const struct batch_row *b)
{
	return file_id(b)[0] &&
	       (b->phase != BATCH_CLOSED || (b->late_files >> b->harvest_file & 1));
}

static bool is_reading(const struct batch_row *b)
{
	return (b->phase == BATCH_HARVESTING || (b->phase == BATCH_CLOSED && b->late_files)) &&
	       b->harvest_file < FILES;
}

/* --- lines --- */

struct reading {
	struct line_reader reader;
	const struct recipe *recipe;
	struct chunk chunk;
};

static void chunk_clear(struct chunk *c)
{
	for (size_t i = 0; i < c->n; i++) {
		free(c->lines[i].text);
		result_clear(&c->lines[i].result);
	}
	c->n = 0;
}

static void reading_free(void *state)
{
	struct reading *r = state;

	line_reader_close(&r->reader);
	chunk_clear(&r->chunk);
	free(r->chunk.lines);
	free(r);
}

static void take_line(struct reading *r, const struct file_line *line)
{
	struct apply_line *l = &r->chunk.lines[r->chunk.n++];

	memset(l, 0, sizeof(*l));
	l->offset = line->offset;
	l->size = line->size;
	l->n = line->n;
	l->too_large = line->too_large;
	l->text = must(malloc(line->n + 1));
	memcpy(l->text, line->text, line->n + 1);
	if (line->too_large) {
		/* Asking again would buy the same: it is its item's failure, for good. */
		l->result.kind = result_head_find(l->text, l->n, &l->result.item,
						  &l->result.attempt, l->result.mark) == 0
					 ? RESULT_FAILURE
					 : RESULT_STRANGER;
		l->result.code = "too_large";
		l->result.outcome = OUTCOME_NEVER;
	} else {
		result_line_read(l->text, l->n, r->recipe->schema_tree, &l->result);
	}
}

/* Up to SLICE_ROWS lines or CHUNK_BYTES; empty lines are skipped. 1 = lines, 0 = the end, -1. */
static int read_chunk(struct reading *r, struct err *err)
{
	struct file_line line;
	size_t bytes = 0;
	int rc = 1;

	chunk_clear(&r->chunk);
	while (r->chunk.n < SLICE_ROWS && bytes < CHUNK_BYTES) {
		rc = line_reader_next(&r->reader, &line, err);
		if (rc <= 0)
			break;
		if (line.size == 0)
			continue;
		take_line(r, &line);
		bytes += line.n;
	}
	r->chunk.end_offset = r->reader.offset;
	return rc < 0 ? -1 : r->chunk.n > 0;
}

/* The file is read to its end: the cursor goes to the next one. */
static void file_done(struct daemon *d, int64_t batch_id)
{
	struct batch_row b;
	struct err err;
	char path[4096];

	if (batch_row_read(d->db, batch_id, &b, &err) < 1 || !is_reading(&b))
		return;
	spool_path(d, batch_id, spool_names[b.harvest_file], path, sizeof(path));
	b.harvest_file++;
	b.harvest_offset = 0;
	b.next_at = daemon_now(d); /* a tick during the call has put it off */
	if (submit_store(d, &b, NULL, NULL) < 0)
		return;
	unlink(path);
	daemon_advance(d, batch_id);
}

static int reading_step(struct work *w, struct err *err)
{
	struct reading *r = w->state;
	struct daemon *d = w->d;
	const int64_t id = w->batch_id;
	int rc = read_chunk(r, err);

	if (rc <= 0) {
		if (rc == 0) {
			work_free(w); /* what comes next is another work */
			file_done(d, id);
		}
		return rc < 0 ? -1 : 2;
	}
	if (apply_chunk(&r->chunk, err) < 0)
		return -1;
	planner_wake(d->planner);
	return 1;
}

static void start_reading(struct daemon *d, const struct batch_row *b)
{
	struct work *w = work_new(d, b->id);
	struct reading *r = must(calloc(1, sizeof(*r)));
	char path[4096];
	struct err err;

	r->chunk.lines = must(calloc(SLICE_ROWS, sizeof(*r->chunk.lines)));
	w->state = r;
	w->state_free = reading_free;
	w->step = reading_step;
	w->may_wait = true;
	r->chunk.d = d;
	r->chunk.batch_id = b->id;
	r->chunk.recipe_id = b->recipe_id;
	r->chunk.file_no = (int)b->harvest_file;
	r->recipe = recipe_get(d->recipes, d->db, b->recipe_id, &err);
	spool_path(d, b->id, spool_names[b->harvest_file], path, sizeof(path));
	if (!r->recipe || line_reader_open(&r->reader, path, b->harvest_offset, LIMIT_LINE_BYTES,
					   LIMIT_LINE_HEAD_BYTES, &err) < 0) {
		work_free(w);
		daemon_put_off(d, b->id, &err);
	}
}

/* --- download --- */

struct download {
	int64_t expected; /* bytes by the file's object; -1 = not told */
};

static bool read_row(struct daemon *d, int64_t id, struct batch_row *b)
{
	struct err err;

	return lease_held(&d->lease) && batch_row_read(d->db, id, b, &err) == 1 && is_reading(b);
}

/*
 * Tried ever more rarely, at a tenth of the time it has been going on, until the file has expired.
 */
static void download_failed(struct daemon *d, struct batch_row *b, const struct openai_reply *r)
{
	const int64_t now = daemon_now(d);

	stop_heed_read(d, r);
	log_warning("call failed call=download batch=%lld file=%s error=\"%s\"", (long long)b->id,
		    file_id(b), r->message);
	if (now >= t_add(b->ended_at, FILE_LIFE)) {
		log_err("result file never readable batch=%lld file=%s", (long long)b->id,
			file_id(b));
		b->harvest_file++;
		b->harvest_offset = 0;
		b->keep_files = true;
		submit_store(d, b, "unreadable",
			     "a result file could not be read until it expired");
		return;
	}
	/* A stop holds what costs, and no reading. */
	batch_row_backoff(b, now,
			  t_max(r->outcome.scope == SCOPE_ALL ? 0 : r->outcome.wait_us,
				t_sub(now, b->phase_at) / 10),
			  r->message);
	if (submit_store(d, b, NULL, NULL) == 0)
		daemon_advance(d, b->id); /* its jobs' latest starts may come before */
}

static void on_downloaded(const struct openai_reply *r, void *ctx)
{
	struct work *w = ctx;
	struct daemon *d = w->d;
	const int64_t id = w->batch_id, expected = ((struct download *)w->state)->expected;
	struct openai_reply reply = *r;
	struct batch_row b;
	struct err err;
	char part[4096], path[4096];

	work_free(w);
	if (!read_row(d, id, &b))
		return;
	/* A connection that ends early looks like a short file: both lengths must agree. */
	if (r->outcome.outcome == OUTCOME_DONE &&
	    ((expected >= 0 && r->saved_bytes != expected) ||
	     (r->content_length >= 0 && r->saved_bytes != r->content_length))) {
		reply.outcome.outcome = OUTCOME_LATER;
		snprintf(reply.message, sizeof(reply.message), "cut: %lld bytes of %lld",
			 (long long)r->saved_bytes,
			 (long long)(expected >= 0 ? expected : r->content_length));
	}
	if (reply.outcome.outcome != OUTCOME_DONE) {
		download_failed(d, &b, &reply);
		return;
	}
	spool_path(d, id, "part", part, sizeof(part));
	spool_path(d, id, spool_names[b.harvest_file], path, sizeof(path));
	if (rename(part, path) == 0) {
		start_reading(d, &b);
	} else {
		err_set(&err, ERR_LATER, errno, "cannot rename %s: %s", part, strerror(errno));
		daemon_put_off(d, id, &err);
	}
}

static void on_file_object(const struct openai_reply *r, void *ctx)
{
	struct work *w = ctx;
	struct daemon *d = w->d;
	struct download *dl = w->state;
	struct batch_row b;
	struct err err;
	char part[4096];

	dl->expected = -1;
	if (r->outcome.outcome == OUTCOME_DONE)
		json_get_int(r->body, "bytes", 1, INT64_MAX, &dl->expected);
	if (!read_row(d, w->batch_id, &b)) {
		work_free(w);
		return;
	}
	/* What is cut and says so in its own length looks whole: the file's size is worth a wait. */
	if (r->outcome.outcome == OUTCOME_LATER && b.tries < SIZE_TRIES) {
		work_free(w);
		download_failed(d, &b, r);
		return;
	}
	spool_path(d, b.id, "part", part, sizeof(part));
	if (openai_download(d->openai, file_id(&b), part, work_read_until(w), on_downloaded, w,
			    &err) < 0) {
		work_free(w);
		daemon_put_off(d, b.id, &err);
	}
}

static void start_download(struct daemon *d, const struct batch_row *b)
{
	struct work *w = work_new(d, b->id);
	struct err err;

	w->state = must(calloc(1, sizeof(struct download)));
	w->state_free = free;
	if (openai_get_file(d->openai, file_id(b), on_file_object, w, &err) < 0) {
		work_free(w);
		daemon_put_off(d, b->id, &err);
	}
}

void harvest_go_on(struct daemon *d, struct batch_row *b)
{
	bool skipped;

	if (b->phase == BATCH_RUNNING) {
		batch_row_move(b, BATCH_HARVESTING, daemon_now(d));
		if (submit_store(d, b, "ended", b->remote_status) < 0)
			return;
	}
	skipped = b->harvest_file < FILES && !is_wanted(b);
	while (b->harvest_file < FILES && !is_wanted(b)) {
		b->harvest_file++;
		b->harvest_offset = 0;
	}
	if (b->harvest_file >= FILES && b->phase == BATCH_CLOSED)
		late_done(d, b);
	else if (b->harvest_file >= FILES)
		close_harvested(d, b);
	else if (!skipped ||
		 submit_store(d, b, NULL, NULL) == 0) /* the replies read the row's cursor */
		start_download(d, b);
}
