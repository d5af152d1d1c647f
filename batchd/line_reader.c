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
	*r = (struct line_reader){.file = f, .offset = offset, .limit = limit, .head = head};
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

int line_reader_next(struct line_reader *r, struct file_line *line, struct err *err)
{
	int64_t size = 0;
	int c;

	strbuf_reset(&r->buf);
	while ((c = getc_unlocked(r->file)) != EOF && c != '\n') {
		if ((size_t)size < r->limit)
			strbuf_addc(&r->buf, (char)c);
		size++;
	}
	if (ferror(r->file))
		return err_set(err, ERR_LATER, errno, "cannot read a result file: %s",
			       strerror(errno));
	if (c == EOF && size == 0)
		return 0;
	line->offset = r->offset;
	line->size = size;
	line->too_large = (size_t)size > r->limit;
	if (line->too_large)
		strbuf_truncate(&r->buf, r->head);
	line->text = r->buf.data;
	line->n = r->buf.len;
	r->offset += size + (c == '\n');
	return 1;
}
