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
		return err_set(err, ERR_LATER, errno, "cannot write %s: %s", fresh,
			       strerror(errno));
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

static int take(struct daemon *d, const struct row *row, struct err *err)
{
	if (file_write(d, row->mark, err) < 0 ||
	    (row->keep_next &&
	     db_exec(d->db, STMT_INSTALLATION_KEPT, DB_P(db_text(row->mark)), err) < 0))
		return -1;
	log_notice("installation taken mark=%s", row->mark);
	return 0;
}

int installation_check(struct daemon *d, struct err *err)
{
	struct row row;
	char ours[33];
	bool same;

	if (row_read(d, &row, err) < 0)
		return -1;
	file_read(d, ours);
	same = strcmp(ours, row.mark) == 0;
	if (!same && (row.keep_next || (!ours[0] && !row.any_batch))) {
		if (take(d, &row, err) < 0)
			return -1;
		same = true;
	}
	if (!same && !d->is_foreign)
		log_err("state directory is of another installation database=%s directory=%s: nothing is sent until "
			"`batchctl installation keep` or `new`",
			row.mark, ours[0] ? ours : "empty");
	snprintf(d->installation, sizeof(d->installation), "%s", row.mark);
	d->is_foreign = !same;
	return 0;
}

int installation_look(struct daemon *d, struct err *err)
{
	struct db_rows *r;
	struct row row;
	char ours[33];
	int64_t renewed_at = 0;
	bool renews;

	file_read(d, ours);
	if (ours[0])
		return 0;
	if (db_query(d->db, STMT_LEASE_RENEWED, DB_P(db_text(d->lease.owner)), &r, err) < 0)
		return -1;
	if (db_next(r))
		renewed_at = db_get_time(r, 0);
	db_rows_free(&r);
	renews = renewed_at && d->other_renewed_at && renewed_at != d->other_renewed_at;
	d->other_renewed_at = renewed_at;
	if (!renews)
		return 0;
	return row_read(d, &row, err) < 0 ? -1 : take(d, &row, err);
}
