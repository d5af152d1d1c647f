/* SPDX-License-Identifier: ISC */
#include "batchd/daemon.h"

#include <dirent.h>
#include <openssl/evp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "batchd/alert.h"
#include "batchd/build.h"
#include "batchd/candidates.h"
#include "batchd/close.h"
#include "batchd/fallback.h"
#include "batchd/files.h"
#include "batchd/hold.h"
#include "batchd/incident.h"
#include "batchd/installation.h"
#include "batchd/orphan.h"
#include "batchd/mend.h"
#include "batchd/planner.h"
#include "batchd/remove.h"
#include "batchd/repeat.h"
#include "batchd/request.h"
#include "batchd/stop.h"
#include "batchd/sweep.h"
#include "batchd/tell.h"
#include "batchd/tick.h"
#include "batchd/vitals.h"
#include "batchd/watch.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/must.h"
#include "common/service.h"
#include "core/timemath.h"

/* --- transactions --- */

struct guarded {
	struct daemon *d;
	db_tx_fn *fn;
	void *arg;
};

static int guarded_tx(struct db *db, void *arg, struct err *err)
{
	const struct guarded *g = arg;

	if (lease_guard(&g->d->lease, db, err) < 0) {
		if (err->class == ERR_NEVER)
			g->d->lease.epoch = 0; /* the loop notices, and drops what is in hand */
		return -1;
	}
	return g->fn(db, g->arg, err);
}

int daemon_tx(struct daemon *d, db_tx_fn *fn, void *arg, struct err *err)
{
	struct guarded g = {.d = d, .fn = fn, .arg = arg};

	return db_tx(d->db, guarded_tx, &g, err);
}

/* --- the loop --- */

static void advance_due(struct daemon *d)
{
	int64_t ids[200];
	size_t n = 0;
	struct db_rows *r;
	struct err err;

	if (db_query(d->db, STMT_BATCH_DUE, DB_P(db_time(daemon_now(d))), &r, &err) < 0) {
		log_warning("batches not read error=\"%s\"", err.text);
		return;
	}
	while (n < 200 && db_next(r))
		ids[n++] = db_get_int(r, 0);
	db_rows_free(&r);
	for (size_t i = 0; i < n && lease_held(&d->lease); i++) {
		daemon_advance(d, ids[i]);
		daemon_breathe(d);
	}
}

/* All of them, in this tick; the lease is renewed in between. */
static void close_due_jobs(struct daemon *d)
{
	struct err err;
	int rc;

	while ((rc = close_overdue_jobs(d, &err)) > 0 && lease_held(&d->lease))
		daemon_breathe(d);
	if (rc < 0)
		log_warning("jobs not closed error=\"%s\"", err.text);
}

static void tick(struct daemon *d)
{
	struct err err;

	if (tick_read(d, &err) < 0) {
		log_warning("database away error=\"%s\"", err.text);
		return;
	}
	if (!lease_held(&d->lease))
		return;
	alerts_tick(d);
	watch_heed_node(d);
	tick_heed_installation(d);
	stop_tick(d);
	if (fallback_load(d, &err) < 0)
		log_warning("load not read error=\"%s\"", err.text);
	incident_tick(d);
	close_due_jobs(d);
	if (repeats_step(d, &err) < 0)
		log_warning("repeats not ended error=\"%s\"", err.text);
	planner_wake(d->planner);
	d->planner_first = true;
	advance_due(d);
	watch_tick(d);
	if (close_unfinished_orders(d, &err) < 0)
		log_warning("order not removed error=\"%s\"", err.text);
	tell_tick(d);
	if (!d->stopping) {
		mend_pass_tick(d);
		remover_tick(d);
	}
	if (d->is_foreign)
		return;
	orphan_adopt_asked(d);
	if (!d->stopping) {
		fallback_wake(d->fallback);
		sweep_closed(d);
		files_tick(d);
	}
}

static void drop_works(struct daemon *d)
{
	http_abort(d->http); /* their callbacks free most */
	while (d->works)
		work_free(d->works);
}

static void lease_lost(struct daemon *d)
{
	log_warning("lease lost");
	d->lease.epoch = 0;
	d->lease.renewed_boot = 0;
	planner_reset(d->planner);
	build_ahead_drop(d);
	drop_works(d); /* synchronous calls go on */
	stop_reset(d->stop);
	hold_reset(d->hold);
	tell_forget(d, 0);
	watch_reset(d->watch);
}

/*
 * The clock is watched, so that a jump before the takeover is seen; the active
 * one may vouch for the mark.
 */
static void look_as_standby(struct daemon *d)
{
	struct err err;

	if (tick_read(d, &err) < 0 || installation_look(d, &err) < 0)
		log_warning("standby cannot look error=\"%s\"", err.text);
}

/* Files of an earlier life: what is still needed is built or downloaded anew. */
static void spool_clean(const struct daemon *d)
{
	DIR *dir = opendir(d->spool);
	const struct dirent *e;

	while (dir && (e = readdir(dir))) {
		if (strncmp(e->d_name, "batch-", 6) == 0 && unlinkat(dirfd(dir), e->d_name, 0) < 0)
			log_warning("spool file not removed name=%s", e->d_name);
	}
	if (dir)
		closedir(dir);
}

static void lease_taken(struct daemon *d)
{
	struct err err;

	if (installation_check(d, &err) < 0 || tick_read(d, &err) < 0 ||
	    (lease_held(&d->lease) && unit_taken(&d->unit, d->db, d->lease.epoch, &err) < 0)) {
		log_warning("lease given back error=\"%s\"", err.text);
		lease_release(&d->lease, d->db);
	}
	if (!lease_held(&d->lease))
		return; /* or the clock jumped */
	spool_clean(d);
	log_notice("lease taken epoch=%lld", (long long)d->lease.epoch);
	watch_reset(d->watch);
	planner_reset(d->planner);
	build_ahead_drop(d);
	requests_reset(d->requests);
	remover_reset(d->remover);
	fallback_taken(d->fallback);
	alerts_reset(d->alerts);
	stop_reset(d->stop);
	hold_reset(d->hold);
	incident_reset(d->incident);
	mend_pass_reset(d->mend_pass);
}

static void keep_lease(struct daemon *d)
{
	struct err err;
	int rc;

	if (!lease_held(&d->lease)) {
		/* A transaction found it gone, or it was given back with work in hand. */
		if (d->lease.renewed_boot || d->works || http_in_flight(d->http) > 0)
			lease_lost(d);
		if (d->stopping)
			return;
		rc = lease_take(&d->lease, d->db, &err);
		if (rc == 1)
			lease_taken(d);
		else if (rc == 0)
			look_as_standby(d);
		else
			log_warning("lease not taken error=\"%s\"", err.text);
		return;
	}
	/* Also past its end: where the row is still ours, nobody else had it. */
	daemon_breathe(d);
	if (!lease_held(&d->lease))
		lease_lost(d);
}

void daemon_breathe(struct daemon *d)
{
	struct err err;

	if (lease_held(&d->lease) &&
	    clock_boot() >= t_add(d->lease.renewed_boot, d->lease.length / 3) &&
	    lease_renew(&d->lease, d->db, &err) < 0)
		log_warning("lease not renewed error=\"%s\"", err.text);
}

/* One slice of that work. */
static void step_work(struct daemon *d, struct work *w)
{
	const int64_t id = w->batch_id;
	struct err err;
	int rc;

	unit_begin(&d->unit, d->db, id);
	rc = w->step(w, &err);
	if (rc != 1)
		unit_end(&d->unit, d->db, rc < 0 ? 0 : id);
	if (rc > 0)
		return; /* more to do, or it freed itself */
	work_free(w);
	if (rc == 0)
		daemon_advance(d, id);
	else
		daemon_put_off(d, id, &err);
}

/*
 * One slice of what is nearest its latest start. Once a tick the planner has a turn before that:
 * what it would find may be nearer still. True where more can be done at once.
 */
static bool slice(struct daemon *d)
{
	struct work *w = work_nearest(d);
	struct err err;
	int rc;

	if (!d->stopping &&
	    (!w || d->planner_first || planner_latest_start(d->planner) < work_latest_start(w))) {
		d->planner_first = false;
		rc = planner_step(d, &err);
		if (rc < 0)
			log_warning("planner failed error=\"%s\"", err.text);
		if (rc > 0 || !w)
			return rc > 0;
	}
	if (w)
		step_work(d, w);
	return w;
}

/* One slice of what was asked of jobs, between the others. True where more can be done at once. */
static bool carry_out_requests(struct daemon *d)
{
	struct err err;
	int rc;

	if (d->stopping || !lease_held(&d->lease))
		return false;
	rc = requests_step(d, &err);
	if (rc < 0)
		log_warning("request failed error=\"%s\"", err.text);
	daemon_breathe(d);
	return rc > 0;
}

static bool is_idle(const struct daemon *d)
{
	return !d->works && http_in_flight(d->http) == 0 && fallback_is_idle(d->fallback);
}

/* Without the lease only synchronous calls in flight are waited for. */
static bool is_drained(const struct daemon *d)
{
	return lease_held(&d->lease) ? is_idle(d) : fallback_is_idle(d->fallback);
}

static void handle_signals(struct daemon *d, int fd, void (*reload)(struct daemon *d),
			   int64_t *stop_by)
{
	int s;

	while ((s = service_signal_next(fd)) != 0) {
		if (s == SIGHUP) {
			reload(d);
			continue;
		}
		d->cut = d->stopping;
		if (!d->stopping) {
			log_notice("stopping");
			service_notify("STOPPING=1");
			http_refuse_new(d->http);
			*stop_by = t_add(clock_boot(), d->config->daemon.stop_grace);
		}
		d->stopping = true;
	}
}

static void store_calls(struct daemon *d)
{
	if (lease_held(&d->lease))
		fallback_store(d);
	else
		fallback_keep(d);
}

static void serve_calls(struct daemon *d)
{
	if (lease_held(&d->lease))
		fallback_step(d);
	else
		fallback_keep(d);
}

int daemon_run(struct daemon *d, int fd, void (*reload)(struct daemon *d))
{
	int64_t next_tick = 0, stop_by = T_NEVER;
	bool more = false;

	while (!(d->stopping && (d->cut || is_drained(d) || clock_boot() >= stop_by))) {
		const int64_t now = clock_boot();

		vitals_turn(d);
		handle_signals(d, fd, reload, &stop_by);
		keep_lease(d);
		if (now >= next_tick) {
			if (lease_held(&d->lease))
				tick(d);
			next_tick = t_add(now, d->config->daemon.tick);
		}
		more = carry_out_requests(d);
		serve_calls(d);
		more |= lease_held(&d->lease) && slice(d);
		if (lease_held(&d->lease))
			hold_step(d);
		if (d->one_pass && !more && is_idle(d) &&
		    ((watch_is_reconciled(d->watch) && alerts_are_idle(d->alerts) &&
		      tell_is_idle(d) && remover_is_idle(d->remover)) ||
		     !lease_held(&d->lease)))
			break;
		http_wait(d->http, fd, more ? 0 : t_sub(next_tick, clock_boot()));
		http_drain(d->http);
	}
	drop_works(d);
	http_abort_all(d->http);
	store_calls(d); /* what was cut is booked as lost */
	if (lease_held(&d->lease))
		alerts_tick(d);
	lease_release(&d->lease, d->db);
	return EX_OK;
}

/* The key of all calls from now on; another one than before is looked at anew. */
static void set_key(struct daemon *d, const char *api_key)
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	char fingerprint[sizeof(d->key_fingerprint)];
	unsigned n = 0;

	if (EVP_Digest(api_key, strlen(api_key), hash, &n, EVP_sha256(), NULL) != 1)
		abort();
	for (int i = 0; i < 8; i++)
		snprintf(fingerprint + 2 * i, 3, "%02x", hash[i]);
	if (strcmp(fingerprint, d->key_fingerprint) == 0)
		return;
	/* Another key may see another project: reconciling comes first. */
	memcpy(d->key_fingerprint, fingerprint, sizeof(fingerprint));
	http_set_bearer(d->http, api_key);
	watch_reset(d->watch);
	d->trusts_key = false;
}

void daemon_reload(struct daemon *d, struct config *config, const char *api_key)
{
	config_free(&d->config);
	d->config = config;
	d->lease.length = config->daemon.lease;
	set_key(d, api_key);
}

struct daemon *daemon_new(struct config *c, const char *api_key, const char *spool)
{
	struct daemon *d = must(calloc(1, sizeof(*d)));
	const int quarter_ms = (int)t_max(c->daemon.lease / 4 / T_MS, 250);
	const struct db_options o = {
		.host = c->database.host,
		.port = (unsigned)c->database.port,
		.socket = c->database.socket,
		.name = c->database.name,
		.user = c->database.user,
		.password_file = c->database.password_file,
		.tls_ca = c->database.tls_ca,
		.program = "batchd",
		.connect_timeout_ms = quarter_ms,
		.io_timeout_ms = quarter_ms,
		.idle_tx_timeout_s = quarter_ms >= 1000 ? quarter_ms / 1000 : 1,
	};

	d->spool = must(strdup(spool));
	d->config = c;
	d->db = db_new(&o);
	d->http = http_new(api_key);
	d->openai = openai_new(d->http, c->openai.base_url);
	d->recipes = recipes_new();
	d->candidates = candidates_new();
	d->planner = planner_new();
	d->fallback = fallback_new();
	load_init(&d->load, c->fallback.estimate, false);
	d->requests = requests_new();
	d->remover = remover_new();
	d->teller = teller_new();
	d->stop = stop_new();
	d->hold = hold_new();
	d->watch = watch_new();
	d->files = files_new();
	d->alerts = alerts_new();
	d->incident = incident_new();
	d->mend_pass = mend_pass_new();
	d->vitals = vitals_new();
	lease_init(&d->lease, c->daemon.lease);
	set_key(d, api_key);
	return d;
}

void daemon_free(struct daemon **at)
{
	struct daemon *d = *at;

	if (!d)
		return;
	drop_works(d);
	tell_forget(d, 0);
	teller_free(&d->teller);
	openai_free(&d->openai);
	http_free(&d->http);
	watch_free(&d->watch);
	files_free(&d->files);
	alerts_free(&d->alerts);
	incident_free(&d->incident);
	mend_pass_free(&d->mend_pass);
	vitals_free(&d->vitals);
	candidates_free(&d->candidates);
	planner_free(&d->planner);
	build_ahead_drop(d);
	fallback_free(&d->fallback);
	requests_free(&d->requests);
	remover_free(&d->remover);
	stop_free(&d->stop);
	hold_free(&d->hold);
	recipes_free(&d->recipes);
	db_free(&d->db);
	config_free(&d->config);
	free(d->spool);
	free(d);
	*at = NULL;
}
