/* SPDX-License-Identifier: ISC */
/* batchd: makes and watches OpenAI batches for the jobs in the database. Serves no HTTP. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "batchd/daemon.h"
#include "common/config.h"
#include "common/log.h"
#include "common/service.h"
#include "common/store.h"

#ifndef LOTSCRIBE_SYSCONFDIR
#	define LOTSCRIBE_SYSCONFDIR "/etc/lotscribe"
#endif
#ifndef PACKAGE_VERSION
#	define PACKAGE_VERSION "0"
#endif
#define DEFAULT_CONFIG LOTSCRIBE_SYSCONFDIR "/lotscribe.conf"
/* Of -t. */
#define CHECKS (CONFIG_NEED_TASKS | CONFIG_CHECK_LOGIN | CONFIG_CHECK_KEY)

struct options {
	const char *config;
	bool test, one_pass, verbose;
};

static bool is_verbose; /* -v: whatever the configuration says, also after a reload */

static const char usage[] =
	"usage: batchd [-c FILE] [-t] [-1] [-v] [-V] [-h]\n"
	"  -c FILE  configuration (default " DEFAULT_CONFIG ")\n"
	"  -t       check the configuration and the files that it names, print it and end\n"
	"  -1       one pass: do what is due now, and end\n"
	"  -v       log more\n"
	"  -V       print the version\n"
	"  -h       print this\n"
	"SIGTERM stops: nothing new is begun, calls in flight end; a second one cuts. SIGHUP reads the configuration again.\n";

/* -1: go on; else an exit code. */
static int options_parse(int argc, char **argv, struct options *o)
{
	int c;

	*o = (struct options){.config = DEFAULT_CONFIG};
	while ((c = getopt(argc, argv, "c:t1vVh")) != -1) {
		switch (c) {
		case 'c':
			o->config = optarg;
			break;
		case 't':
			o->test = true;
			break;
		case '1':
			o->one_pass = true;
			break;
		case 'v':
			o->verbose = true;
			break;
		case 'V':
			printf("batchd %s (schema %d)\n", PACKAGE_VERSION, STORE_SCHEMA_VERSION);
			return EX_OK;
		case 'h':
			fputs(usage, stdout);
			return EX_OK;
		default:
			fputs(usage, stderr);
			return EX_USAGE;
		}
	}
	if (optind < argc) {
		fputs(usage, stderr);
		return EX_USAGE;
	}
	return -1;
}

static int spool_make(const char *state_dir, char *out, size_t size)
{
	if ((size_t)snprintf(out, size, "%s/spool", state_dir) >= size)
		return -1;
	if (mkdir(out, 0700) < 0 && errno != EEXIST) {
		log_err("spool not made path=%s error=\"%s\"", out, strerror(errno));
		return -1;
	}
	return access(out, W_OK);
}

static void heed_level(const struct config *c)
{
	if (!is_verbose)
		log_set_level(c->log.level);
}

static void reload(struct daemon *d)
{
	struct config *fresh;
	struct err err;
	char *key;

	service_notify("RELOADING=1");
	if (config_load(d->config->path, CONFIG_NEED_TASKS, stderr, &fresh, &err) < 0) {
		log_err("configuration kept error=\"%s\"", err.text);
	} else if (secret_read("openai_api_key", fresh->openai.api_key_file, &key, &err) < 0) {
		log_err("configuration kept error=\"%s\"", err.text);
		config_free(&fresh);
	} else {
		heed_level(fresh);
		daemon_reload(d, fresh, key);
		secret_free(&key);
		log_notice("configuration read again");
	}
	service_notify("READY=1");
}

/* Wait for the database where it is away; 0, or an exit code where it is not ours. */
static int wait_for_database(struct daemon *d, int signal_fd)
{
	struct err err;
	int s;

	while (store_schema_check(d->db, &err) < 0 || db_prepare_all(d->db, P_BATCHD, &err) < 0) {
		if (err.class == ERR_NEVER || err.class == ERR_BUG) {
			log_err("database refused error=\"%s\"", err.text);
			return EX_CONFIG;
		}
		log_warning("database away error=\"%s\"", err.text);
		http_wait(d->http, signal_fd, 1000000);
		while ((s = service_signal_next(signal_fd)) != 0) {
			if (s != SIGHUP)
				return EX_TEMPFAIL;
		}
	}
	return 0;
}

static int run(const struct options *o, struct config *config)
{
	char spool[4096];
	char *key;
	struct daemon *d;
	struct err err;
	int rc, signals = service_signals();

	if (secret_read("openai_api_key", config->openai.api_key_file, &key, &err) < 0) {
		log_err("no API key error=\"%s\"", err.text);
		return EX_CONFIG;
	}
	if (spool_make(config->daemon.state_dir, spool, sizeof(spool)) < 0) {
		secret_free(&key);
		return EX_CANTCREAT;
	}
	d = daemon_new(config, key, spool);
	secret_free(&key);
	d->one_pass = o->one_pass;
	rc = wait_for_database(d, signals);
	if (rc == 0) {
		service_notify("READY=1");
		log_notice("started version=%s", PACKAGE_VERSION);
		rc = daemon_run(d, signals, reload);
		log_notice("stopped");
	}
	daemon_free(&d);
	return rc;
}

int main(int argc, char **argv)
{
	struct options o;
	struct config *config;
	struct err err;
	int rc = options_parse(argc, argv, &o);

	if (rc >= 0)
		return rc;
	log_init("batchd", o.verbose ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO);
	if (config_load(o.config, o.test ? CHECKS : CONFIG_NEED_TASKS, stderr, &config, &err) < 0)
		return EX_CONFIG;
	is_verbose = o.verbose;
	heed_level(config);
	if (o.test) {
		config_print(config, stdout);
		config_free(&config);
		return EX_OK;
	}
	return run(&o, config);
}
