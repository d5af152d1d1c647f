/* SPDX-License-Identifier: ISC */
/*
 * line_reader: lines of a file with their byte offsets, in bounded memory. A line above the limit
 * is handed out as its head, with its true size.
 */
#ifndef BATCHD_LINE_READER_H
#define BATCHD_LINE_READER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "core/err.h"
#include "core/strbuf.h"

struct line_reader {
	FILE *file;
	int64_t offset; /* of the next line */
	size_t limit, head;
	struct strbuf buf;
	char block[16384]; /* read from the file; bytes from at to end are still to be looked at */
	size_t at, end;
};

struct file_line {
	int64_t offset;
	int64_t size;     /* bytes without the newline */
	const char *text; /* NUL-terminated; min(size, head) bytes where too_large */
	size_t n;
	bool too_large;
};

/* Open at an offset. 0 or -1. */
int line_reader_open(struct line_reader *r, const char *path, int64_t offset, size_t limit,
		     size_t head, struct err *err);
void line_reader_close(struct line_reader *r);
/* 1 and the next line (text lives until the next call), 0 at the end, -1. */
int line_reader_next(struct line_reader *r, struct file_line *line, struct err *err);

#endif
