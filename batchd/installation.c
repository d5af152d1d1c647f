/* SPDX-License-Identifier: ISC */
#include "batchd/installation.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"

struct row {
	char mark[33];
	bool keep_next, any_batch;
};

static void file_path(const struct daemon *d, char *out, size_t size)
{
	snprintf(out, size, "%s/installation", d->config->daemon.state_dir);
}

/* "" where there is no file or nothing in it. */
static void file_read(const struct daemon *d, char mark[33])
{
	char path[4096];
	FILE *f;

	mark[0] = '\0';
	file_path(d, path, sizeof(path));
	f = fopen(path, "re");
	if (!f)
		return;
	if (fscanf(f, "%32[0-9a-f]", mark) != 1)
		mark[0] = '\0';
	fclose(f);
}

static int file_write(const struct daemon *d, const char *mark, struct err *err)
{
	char path[4096], fresh[4104];
	int fd;
	bool ok;

	file_path(d, path, sizeof(path));
	snprintf(fresh, sizeof(fresh), "%s.new", path);
	fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set(err, ERR_LATER, errno, "cannot write %s: %s", fresh, strerror(errno));
	ok = dprintf(fd, "%s\n", mark) > 0 && fsync(fd) == 0;
	close(fd);
	if (!ok || rename(fresh, path) < 0)
		return err_set(err, ERR_LATER, errno, "cannot write %s: %s", path, strerror(errno));
	return 0;
}

static int row_read(struct daemon *d, struct row *row, struct err *err)
{
	struct db_rows *r;
	int rc = 0;

	if (db_query(d->db, STMT_INSTALLATION, DB_NONE, &r, err) < 0)
		return -1;
	if (db_next(r)) {
		snprintf(row->mark, sizeof(row->mark), "%s", db_get_text(r, 0, NULL));
		row->keep_next = db_get_int(r, 1) != 0;
		d->renewed_at = db_get_time(r, 2);
		row->any_batch = db_get_int(r, 3) != 0;
	} else {
		rc = err_set(err, ERR_BUG, 0, "the database has no installation row");
	}
	db_rows_free(&r);
	return rc;
}

int installation_check(struct daemon *d, bool other_is_active, struct err *err)
{
	struct row row;
	char ours[33];
	bool take;

	if (row_read(d, &row, err) < 0)
		return -1;
	file_read(d, ours);
	take = row.keep_next || (!ours[0] && (!row.any_batch || other_is_active));
	if (strcmp(ours, row.mark) != 0 && take) {
		if (file_write(d, row.mark, err) < 0)
			return -1;
		if (row.keep_next && db_exec(d->db, STMT_INSTALLATION_KEPT, DB_P(db_text(row.mark)), err) < 0)
			return -1;
		log_notice("installation taken mark=%s", row.mark);
		snprintf(ours, sizeof(ours), "%s", row.mark);
	}
	snprintf(d->installation, sizeof(d->installation), "%s", row.mark);
	if (strcmp(ours, row.mark) != 0 && !d->is_foreign)
		log_err("state directory is of another installation database=%s directory=%s: nothing is sent until "
			"`batchctl installation keep` or `new`", row.mark, ours[0] ? ours : "empty");
	d->is_foreign = strcmp(ours, row.mark) != 0;
	return 0;
}
