/* SPDX-License-Identifier: ISC */
/*
 * installation: the verbs that tell batchd what it may not decide by itself: whose
 * batches these are, which unknown ones to adopt, that sending may go on. They write
 * requests; batchd carries them out.
 */
#include <inttypes.h>
#include <stdio.h>
#include <sysexits.h>

#include "batchctl/ctl.h"
#include "common/clock.h"
#include "common/store.h"

#define MARK_BYTES 16

static const struct table_column installation_columns[] = {
	{"mark", "mark", TABLE_TEXT},
	{"created_at", "made", TABLE_TIME},
	{"renewed_at", "renewed", TABLE_TIME},
	{"keep_next", "kept by the next batchd", TABLE_BOOL},
	{"open_batches", "open batches", TABLE_INT},
	{"lost_batches", "of these from before it was renewed", TABLE_INT},
};

static const struct table_column orphan_columns[] = {
	{"remote_id", "remote id", TABLE_TEXT}, {"batch_key", "key", TABLE_TEXT},
	{"task", "task", TABLE_TEXT},           {"remote_status", "provider", TABLE_TEXT},
	{"seen_at", "seen", TABLE_AGE},         {"adopt_at", "adoption asked", TABLE_AGE},
	{"adopted_at", "adopted", TABLE_AGE},   {"batch", "batch", TABLE_INT},
};

struct change {
	enum stmt stmt;
	const char *operand; /* or NULL: without one */
	bool drops_orphans;
	int64_t n; /* rows changed */
};

static int change_tx(struct db *db, void *arg, struct err *err)
{
	struct change *c = arg;
	const struct db_val operand = db_text(c->operand);

	c->n = db_exec(db, c->stmt, &operand, c->operand ? 1 : 0, err);
	if (c->n < 0)
		return -1;
	if (c->drops_orphans && db_exec(db, STMT_CTL_ORPHANS_DROP, DB_NONE, err) < 0)
		return -1;
	return c->n > 0 ? store_wake(db, err) : 0;
}

/* The record with the remote batches that have no row, after what was done about it. */
static int show(struct ctl *ctl)
{
	struct ctl_section sections[] = {
		{"orphans", "Batches at the provider that bear its mark and had no row", NULL},
	};
	struct table *record;
	struct err err;

	if (ctl_table(ctl, STMT_CTL_INSTALLATION, DB_NONE, CTL_COLUMNS(installation_columns),
		      &record, &err) != 0)
		return ctl_fail(&err);
	if (ctl_table(ctl, STMT_CTL_ORPHANS, DB_NONE, CTL_COLUMNS(orphan_columns),
		      &sections[0].table, &err) != 0) {
		table_free(&record);
		return ctl_fail(&err);
	}
	return ctl_print_record(ctl, &record, sections, 1);
}

int ctl_installation(struct ctl *ctl)
{
	return show(ctl);
}

int ctl_installation_keep(struct ctl *ctl)
{
	struct change c = {.stmt = STMT_CTL_INSTALLATION_KEEP};
	struct err err;

	if (db_tx(ctl->db, change_tx, &c, &err) != 0)
		return ctl_fail(&err);
	if (!ctl->json)
		puts("The next batchd whose state directory differs takes the mark, and sends.\n");
	return show(ctl);
}

int ctl_installation_new(struct ctl *ctl)
{
	unsigned char random[MARK_BYTES];
	char mark[2 * MARK_BYTES + 1];
	struct change c = {.stmt = STMT_CTL_INSTALLATION_NEW,
			   .operand = mark,
			   .drops_orphans = true};
	struct err err;

	clock_random(random, sizeof(random));
	for (size_t i = 0; i < MARK_BYTES; i++)
		snprintf(mark + 2 * i, 3, "%02x", random[i]);
	if (db_tx(ctl->db, change_tx, &c, &err) != 0)
		return ctl_fail(&err);
	if (!ctl->json)
		puts("A new mark. batchd closes the batches from before as lost, touches none of them at the\n"
		     "provider, and sends what was in them anew.\n");
	return show(ctl);
}

int ctl_adopt(struct ctl *ctl)
{
	struct change c = {.stmt = STMT_CTL_ADOPT, .operand = ctl->operands[0]};
	struct table *record;
	struct err err;

	if (db_tx(ctl->db, change_tx, &c, &err) != 0)
		return ctl_fail(&err);
	if (c.n == 0)
		return ctl_error(EX_NOINPUT,
				 "there is no unknown batch \"%.80s\" (batchctl "
				 "installation lists them by their remote ids)",
				 c.operand);
	if (ctl_table(ctl, STMT_CTL_ORPHAN, DB_P(db_text(c.operand)), CTL_COLUMNS(orphan_columns),
		      &record, &err) != 0)
		return ctl_fail(&err);
	return ctl_print_record(ctl, &record, NULL, 0);
}

int ctl_resume(struct ctl *ctl)
{
	struct change c = {.stmt = STMT_CTL_RESUME};
	struct err err;

	if (db_tx(ctl->db, change_tx, &c, &err) != 0)
		return ctl_fail(&err);
	if (ctl->json)
		puts("{\"resumed\":true}");
	else
		puts("batchd sends again, whatever had stopped it.");
	return EX_OK;
}
