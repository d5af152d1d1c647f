/* SPDX-License-Identifier: ISC */
/*
 * daemon: the one loop of batchd and what its parts share. Everything that is in memory alone can
 * be lost at any instant: rows say what to do next (core/policy.h), and a successor does it.
 */
#ifndef BATCHD_DAEMON_H
#define BATCHD_DAEMON_H

#include <stdbool.h>
#include <stdint.h>

#include "batchd/batch_row.h"
#include "batchd/lease.h"
#include "batchd/openai.h"
#include "batchd/recipe.h"
#include "batchd/unit.h"
#include "common/config.h"
#include "common/db.h"
#include "core/load.h"
#include "core/policy.h"

struct alerts;
struct build;
struct daemon;
struct fallback;
struct incident;
struct files;
struct hold;
struct candidates;
struct planner;
struct remover;
struct requests;
struct teller;
struct stop;
struct watch;

/*
 * Something in hand for a batch: a call in flight, or a piece of work done
 * in slices. One per batch.
 */
struct work {
	int64_t batch_id;
	struct daemon *d;
	/*
	 * Do one slice; NULL while a call is in flight. 1 = more to do, 0 = ended, -1 = failed
	 * (the work is freed); 2 = ended, and it has freed its work itself.
	 */
	int (*step)(struct work *w, struct err *err);
	void *state;
	void (*state_free)(void *state);
	int64_t latest_start; /* by work_latest_start; 0: not read yet */
	bool may_wait;        /* it is put aside where batchd dies under it (batchd/unit.h) */
	struct work *next;
};

/*
 * What the jobs of a batch were last told, so that unchanged news and progress below
 * a minute are not written.
 */
struct told {
	int64_t batch_id, at;
	unsigned warnings;
	enum remote_status remote;
	struct told *next;
};

struct daemon {
	struct told *told;
	struct config *config; /* owned */
	struct db *db;
	struct http *http;
	struct openai *openai;
	struct lease lease;
	struct unit unit;
	struct recipes *recipes;
	struct candidates *candidates;
	struct planner *planner;
	struct build
		*ahead; /* of the batch that the planner fills, or filled last (batchd/build.h) */
	struct fallback *fallback;
	struct load load; /* what calls are asked for, as last read */
	struct requests *requests;
	struct remover *remover;
	struct teller *teller;
	struct stop *stop;
	struct hold *hold;
	struct watch *watch;
	struct vitals *vitals;
	struct files *files;
	struct alerts *alerts;
	struct incident *incident;
	struct mend_pass *mend_pass;
	struct work *works;
	char installation[33];
	bool is_foreign;    /* the state directory is of another installation: nothing is sent */
	int64_t renewed_at; /* batches from before bear another mark */
	/* standby: when another batchd's lease was renewed, as last seen */
	int64_t other_renewed_at;
	char key_fingerprint[17];
	bool trusts_key; /* the operator said that its project is the right one */
	char *spool;     /* folder of files on their way */
	int64_t db_time,
		db_time_boot; /* the database's clock at the last tick, and the boot clock then */
	int64_t steady_since, steady_boot; /* since then both clocks have advanced alike */
	int64_t no_close_before;
	int64_t wake, wake_heeded;
	unsigned db_generation;
	bool one_pass; /* -1 */
	bool stopping, cut;
	bool planner_first; /* it has not had its turn in this tick */
};

/* Takes the configuration; key and path are copied. */
struct daemon *daemon_new(struct config *config, const char *api_key, const char *spool);
/*
 * Another configuration (taken) and key; the database connection and base_url stay until a restart.
 */
void daemon_reload(struct daemon *d, struct config *config, const char *api_key);
void daemon_free(struct daemon **d);
/* Run until a signal of signal_fd says stop. reload is called on SIGHUP. Returns an exit code. */
int daemon_run(struct daemon *d, int signal_fd, void (*reload)(struct daemon *d));

/* The database's clock, carried on by the boot clock since the last tick. */
int64_t daemon_now(const struct daemon *d);
/* The clock jumped a moment ago: nothing ends by it now. */
bool daemon_distrusts_clock(const struct daemon *d);
/* May anything be uploaded or created now? */
bool daemon_may_send(struct daemon *d);
/* A transaction that holds only while the lease is ours. */
int daemon_tx(struct daemon *d, db_tx_fn *fn, void *arg, struct err *err);
/*
 * Read the batch, ask the policy, carry out what is due. Failures are logged:
 * the row says what is next.
 */
void daemon_advance(struct daemon *d, int64_t batch_id);

/*
 * Renew the lease where it is time: called between the parts of what may take long. A
 * loss is noticed by the loop.
 */
void daemon_breathe(struct daemon *d);
/* A step of the batch failed for now: it is tried again after its back-off. */
void daemon_put_off(struct daemon *d, int64_t batch_id, const struct err *why);

/* Work of a batch: NULL where there is none. */
struct work *work_find(struct daemon *d, int64_t batch_id);
struct work *work_new(struct daemon *d, int64_t batch_id);
void work_free(struct work *w);
/*
 * The nearest of the running jobs of its batch, as it was when first asked
 * for; T_NEVER where none runs.
 */
int64_t work_latest_start(struct work *w);
/* Is it put aside now? What moves items at their jobs' times never is. */
bool work_is_aside(const struct work *w);
/*
 * How long a transfer of it may take (boot clock; T_NEVER: as long as it moves), so that one that
 * drips does not keep its items from their synchronous calls: an upload to the latest start, after
 * which its batch is dropped; a download somewhat longer, since what it brings is paid for.
 */
int64_t work_send_until(struct work *w);
int64_t work_read_until(struct work *w);
/*
 * Of the works that are done in slices, and not skipped, the one nearest its latest start; or NULL.
 */
struct work *work_nearest(struct daemon *d);

/* Note a failure that stops all sending (quota, key); the texts are copied. batchd/stop.h */
void daemon_stop_sending(struct daemon *d, const char *code, const char *message);

#endif
