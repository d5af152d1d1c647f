/* SPDX-License-Identifier: ISC */
#include "batchd/line_reader.h"

#include <errno.h>
#include <string.h>

int line_reader_open(struct line_reader *r, const char *path, int64_t offset, size_t limit,
		     size_t head, struct err *err)
{
	FILE *f = fopen(path, "re");

	if (!f)
		return err_set(err, ERR_LATER, errno, "cannot read %s: %s", path, strerror(errno));
	if (fseeko(f, (off_t)offset, SEEK_SET) != 0) {
		fclose(f);
		return err_set(err, ERR_LATER, errno, "cannot seek in %s", path);
	}
	memset(r, 0, sizeof(*r));
	r->file = f;
	r->offset = offset;
	r->limit = limit;
	r->head = head;
	strbuf_init(&r->buf, limit + 1);
	return 0;
}

void line_reader_close(struct line_reader *r)
{
	if (r->file)
		fclose(r->file);
	r->file = NULL;
	strbuf_clear(&r->buf);
}

/* The next block, where the last one is used up: false at the end, and after an error. */
static bool fill(struct line_reader *r)
{
	if (r->at == r->end) {
		r->at = 0;
		r->end = fread(r->block, 1, sizeof(r->block), r->file);
	}
	return r->at < r->end;
}

/* The rest of a line into buf, as much as the limit lets; its size, and whether it has an end. */
static int64_t take_line(struct line_reader *r, bool *is_ended)
{
	int64_t size = 0;

	*is_ended = false;
	while (!*is_ended && fill(r)) {
		const char *from = r->block + r->at;
		const char *newline = memchr(from, '\n', r->end - r->at);
		const size_t n = newline ? (size_t)(newline - from) : r->end - r->at;
		const size_t room = r->limit - r->buf.len;

		strbuf_add(&r->buf, from, n < room ? n : room);
		size += (int64_t)n;
		*is_ended = newline != NULL;
		r->at += n + *is_ended;
	}
	return size;
}

int line_reader_next(struct line_reader *r, struct file_line *line, struct err *err)
{
	int64_t size;
	bool is_ended;

	strbuf_reset(&r->buf);
	size = take_line(r, &is_ended);
	if (ferror(r->file))
		return err_set(err, ERR_LATER, errno, "cannot read a result file: %s",
			       strerror(errno));
	if (!is_ended && size == 0)
		return 0;
	line->offset = r->offset;
	line->size = size;
	line->too_large = (size_t)size > r->limit;
	if (line->too_large)
		strbuf_truncate(&r->buf, r->head);
	line->text = r->buf.data;
	line->n = r->buf.len;
	r->offset += size + is_ended;
	return 1;
}
