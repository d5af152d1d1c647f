/* SPDX-License-Identifier: ISC */
/* Import, repair and undo (batchd/asked.h): of a job's answers in store, some lots at a time. */
#include "batchd/asked.h"
#include "batchd/mend.h"
#include "common/store.h"

typedef int lots_fn(struct mend *m, struct db *db, struct tally *t, struct err *err);

struct asking {
	struct asked *a;
	struct mend m;
	struct tally *tally;
};

static bool is_last(const struct asking *x)
{
	return x->m.last >= x->m.lots - 1;
}

static int tell(const struct asking *x, struct db *db, const char *kind, const char *what,
		struct err *err)
{
	if (x->m.n_mended + x->m.n_refused == 0)
		return 0;
	return store_event(db, x->m.job, 0, x->a->now, kind, x->m.n_mended, err,
			   "%u answers %s, %u could not be", x->m.n_mended, what, x->m.n_refused);
}

static int show(struct asking *x, struct db *db, struct err *err)
{
	tally_patch(x->tally, x->m.job)->is_open = true;
	return db_exec(db, STMT_IMPORT_SHOW, DB_P(db_int(x->m.job)), err) < 0 ? -1 : 0;
}

static int slice(struct asking *x, struct db *db, struct err *err)
{
	struct asked *a = x->a;
	const bool undoes = a->kind == COMMAND_UNDO, imports = a->kind == COMMAND_IMPORT;
	lots_fn *of_lots = undoes ? mend_undo : mend_lots;

	x->m.first = a->place;
	x->m.last = a->place + mend_slice(&x->m) - 1;
	if (of_lots(&x->m, db, x->tally, err) < 0 || tell(x, db,
							  imports  ? "imported"
							  : undoes ? "undone"
								   : "repaired",
							  imports  ? "imported"
							  : undoes ? "are as before"
								   : "repaired",
							  err) < 0)
		return -1;
	return imports && is_last(x) ? show(x, db, err) : 0;
}

/* Where nothing is found the job's row stays as it is: no poller is told of a change. */
static int apply(struct asking *x, struct db *db, struct err *err)
{
	const bool is_shown = x->a->kind == COMMAND_IMPORT && is_last(x);

	if (x->m.n_mended + x->m.n_refused == 0 && !is_shown)
		return 0;
	return tally_apply(x->tally, db, x->a->now, x->a->now, err);
}

enum asked_slice asked_mend(struct db *db, struct asked *a, struct err *err)
{
	struct asking x = {.a = a,
			   .m = {.d = a->d,
				 .job = a->job,
				 .item = a->item,
				 .again = a->kind != COMMAND_IMPORT,
				 .ends = a->kind == COMMAND_IMPORT},
			   .tally = tally_new(a->d)};
	enum asked_slice rc = ASKED_FAILED;

	if (mend_begin(&x.m, db, x.tally, err) == 0) {
		if (a->kind == COMMAND_UNDO && x.m.is_running) {
			rc = ASKED_WAITS; /* its answers are being used */
		} else if (slice(&x, db, err) == 0 && apply(&x, db, err) == 0) {
			rc = is_last(&x) ? ASKED_DONE : ASKED_MORE;
			a->place = x.m.last + 1;
		}
	}
	mend_end(&x.m);
	tally_free(&x.tally);
	return rc;
}
