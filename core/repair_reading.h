/* SPDX-License-Identifier: ISC */
/*
 * repair_reading: what the readers of core/repair share: the text and the place in it, the document
 * as it grows, and the containers that are open. Private to core/repair*.c.
 *
 * A member (or element) is begun before its first byte is read and whole after its last, so that a
 * text that ends in between can be closed: what is not whole is taken back.
 */
#ifndef CORE_REPAIR_READING_H
#define CORE_REPAIR_READING_H

#include <stdint.h>

#include "core/repair.h"

struct repair_frame {
	char kind;        /* the reader's own */
	char close;       /* of the document; 0: it has no brackets of its own */
	bool is_begun;    /* a member is being read */
	bool needs_key;   /* a member has one */
	bool has_key;     /* and it is there */
	bool is_unsure;   /* what kind it is depends on what follows */
	size_t open_at;   /* place of the bracket in the document */
	size_t member_at; /* of the member at hand, with its comma */
	size_t token_at;  /* behind that comma */
	const char *from; /* where that member begins in the text */
	size_t n;         /* whole members */
};

struct reading {
	const char *start, *p, *end;
	struct strbuf *out;
	struct repair_report report;
	struct json_fault fault;
	bool has_ended; /* it failed where the text ended */
	bool is_strict; /* it pauses where anything is noted */
	bool is_noted;  /* something is in the report */
	bool is_nulled; /* the last value was no null in the text */
	size_t depth;
	struct repair_frame frames[JSON_SCAN_DEPTH]; /* the last member: see reading_begin_at() */
};

/* A text from p on; `start` is what offsets are counted from. */
struct reading_place {
	const char *start, *p, *end;
};

/* Begin anew: the document that was in r->out, which must be set, is thrown away. */
void reading_begin_at(struct reading *r, const struct reading_place *place);

/* These return -1, for the caller to return. */
int reading_refuse(struct reading *r, const char *what);
int reading_ended(struct reading *r);

void reading_note(struct reading *r, enum repair_class class, const char *at, size_t dropped);

/* The innermost container; there must be one. */
static inline struct repair_frame *reading_top(struct reading *r)
{
	return &r->frames[r->depth - 1];
}

static inline bool reading_at_end(const struct reading *r)
{
	return r->p == r->end;
}

/* The next byte is c: step over it. */
static inline bool reading_take(struct reading *r, char c)
{
	if (r->p == r->end || *r->p != c)
		return false;
	r->p++;
	return true;
}

/* A container is opened: `open` goes into the document, or nothing where it is 0. 0, or -1. */
int reading_open(struct reading *r, char kind, char open, char close);
void reading_begin(struct reading *r); /* a member of the innermost one */
void reading_whole(struct reading *r);
void reading_close(struct reading *r);
/* The text has ended: the document is closed. False where nothing is whole. */
bool reading_cut(struct reading *r);

/* One character into a string of the document; a surrogate as an escape. */
void reading_put_char(struct reading *r, uint32_t c);
/* Bytes from r->p on that a string of JSON holds as they are, up to a quote or backslash. */
void reading_put_run(struct reading *r);
/* `digits` hexadecimal digits at p, or -1: those are not there. */
int64_t reading_hex(struct reading *r, size_t digits);

enum number_form { NUMBER_PYTHON, NUMBER_LENIENT };
/* A number with its sign, at r->p. 0, or -1. */
int reading_number(struct reading *r, enum number_form form);

/*
 * A value and, where it is a container, all that is in it: value() returns 1 where another value
 * must follow, behind() the same after each value, 0 where the outermost container is over; both -1
 * on a fault. 0, -1, or 1: a strict reading pauses, and may go on.
 */
int reading_all(struct reading *r, int (*value)(struct reading *r),
		int (*behind)(struct reading *r));

/*
 * The readers: one value from r->p on, which is then behind it. 0, 1: see reading_all(), or -1 and
 * r->fault; r->has_ended where more text might have made it whole.
 */
int repair_read_lenient(struct reading *r);
int repair_read_python(struct reading *r);

#endif
