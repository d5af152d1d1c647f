/* SPDX-License-Identifier: ISC */
/*
 * lotscribe.fcgi: the FastCGI responder behind a web server. Takes orders and answers polls; the
 * rest is batchd's. Starts, waits for a signal, lets running requests end.
 */
#include <errno.h>
#include <fcgiapp.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/config.h"
#include "common/log.h"
#include "common/service.h"
#include "common/store.h"
#include "core/timemath.h"
#include "fcgi_app/app.h"
#include "fcgi_app/call.h"
#include "fcgi_app/door.h"
#include "fcgi_app/follower.h"
#include "fcgi_app/worker.h"

#define DEFAULT_CONFIG LOTSCRIBE_SYSCONFDIR "/lotscribe.conf"
/* What is larger goes back to the system as soon as it is freed. */
#define KEPT_BLOCK_BYTES (512 << 10)

struct options {
	const char *config;
	const char *listen; /* -l */
	bool check;         /* -t */
};

static const char usage[] =
	"Usage: lotscribe.fcgi [-c FILE] [-l SOCKET|HOST:PORT] [-t] [-V] [-h]\n"
	"\n"
	"  -c FILE    configuration (" DEFAULT_CONFIG ")\n"
	"  -l WHERE   listen there; else on what systemd or the web server hands over\n"
	"  -t         check configuration and database schema, then end\n"
	"  -V         print the version\n"
	"  -h         print this\n";

/* The exit code where the program ends here, else -1. */
static int read_options(int argc, char **argv, struct options *o)
{
	int letter;

	*o = (struct options){.config = DEFAULT_CONFIG};
	while ((letter = getopt(argc, argv, "c:l:tVh")) != -1) {
		switch (letter) {
		case 'c':
			o->config = optarg;
			break;
		case 'l':
			o->listen = optarg;
			break;
		case 't':
			o->check = true;
			break;
		case 'V':
			puts("lotscribe.fcgi " PACKAGE_VERSION);
			return EX_OK;
		case 'h':
			fputs(usage, stdout);
			return EX_OK;
		default:
			fputs(usage, stderr);
			return EX_USAGE;
		}
	}
	if (optind == argc)
		return -1;
	fputs(usage, stderr);
	return EX_USAGE;
}

/*
 * At start, where a person or a script looks at the exit code. A wrong schema ends the program; a
 * database that is away does so only under -t: it may come back.
 */
static int check_schema(const struct config *config, bool may_be_away)
{
	struct database d;
	struct err err = {0};
	int code = EX_OK;

	database_init(&d, config);
	if (db_connect(d.db, &err) < 0 || store_schema_check(d.db, &err) < 0 ||
	    db_prepare_all(d.db, P_FCGI, &err) < 0)
		code = err.class == ERR_LATER ? (may_be_away ? EX_OK : EX_UNAVAILABLE) : EX_CONFIG;
	if (err.class != ERR_NONE)
		log_err("database check failed error=\"%s\"", err.text);
	database_clear(&d);
	return code;
}

static void wait_for_stop(int signal_fd, struct heads *heads)
{
	struct pollfd p[2] = {
		{.fd = signal_fd, .events = POLLIN},
		{.fd = heads->wake_fd, .events = POLLIN},
	};
	int number;

	for (;;) {
		if (poll(p, 2, heads_check(heads)) < 0 && errno != EINTR)
			return;
		while ((number = service_signal_next(signal_fd)) != 0) {
			if (number != SIGHUP) {
				log_notice("stopping signal=%d", number);
				return;
			}
			log_notice(
				"reload ignored hint=\"restart to read the configuration again\"");
		}
	}
}

static int serve(struct app *app, const struct options *o, int signal_fd)
{
	const int64_t n = app->config->http.workers;
	struct worker *workers;
	struct err err;

	app->listen_fd = service_listen(o->listen, &err);
	if (app->listen_fd < 0) {
		log_err("cannot listen error=\"%s\"", err.text);
		return EX_OSERR;
	}
	workers = calloc((size_t)n, sizeof(*workers));
	app->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (!workers || app->wake_fd < 0 || FCGX_Init() != 0)
		abort();
	app->follower = follower_start(app->config, app->cache, app->park);
	for (int64_t i = 0; i < n; i++)
		worker_start(&workers[i], (size_t)i, app);
	log_notice("serving workers=%lld", (long long)n);
	service_notify("READY=1");
	wait_for_stop(signal_fd, &app->heads);
	service_notify("STOPPING=1");
	if (o->listen)
		door_close(o->listen, app->listen_fd);
	follower_end(app->follower); /* who waits is answered, while there are workers */
	workers_stop(app, o->listen != NULL);
	for (int64_t i = 0; i < n; i++)
		while (!worker_join(&workers[i], HEADS_CHECK_MS * T_MS))
			heads_check(&app->heads);
	follower_free(&app->follower);
	close(app->wake_fd);
	free(workers);
	log_notice("stopped");
	return EX_OK;
}

/*
 * Else the allocator, once it has seen a large block freed, keeps such blocks for the thread that
 * had them: 17 MiB for each worker that ever took a photograph.
 */
static void bound_memory(void)
{
	mallopt(M_MMAP_THRESHOLD, KEPT_BLOCK_BYTES);
	mallopt(M_TRIM_THRESHOLD, 2 * KEPT_BLOCK_BYTES);
}

int main(int argc, char **argv)
{
	struct options o;
	struct config *config;
	struct app app;
	struct err err;
	int signal_fd;
	int code = read_options(argc, argv, &o);

	if (code >= 0)
		return code;
	bound_memory();
	log_init("lotscribe.fcgi", LOG_LEVEL_INFO);
	/* Before any thread: libfcgi's own handlers then never run. */
	signal_fd = service_signals();
	/* How long a finished request waits for the web server to close first; 2 s unless told. */
	setenv("LIBFCGI_OS_CLOSE_POLL_TIMEOUT", "100", 0);
	if (config_load(o.config, CONFIG_NEED_TASKS, stderr, &config, &err) < 0)
		return EX_CONFIG;
	if (app_init(&app, config, &err) < 0) {
		log_err("schema unusable error=\"%s\"", err.text);
		config_free(&config);
		return EX_CONFIG;
	}
	if (o.check || o.listen)
		code = check_schema(config, !o.check);
	if (!o.check && code <= EX_OK)
		code = serve(&app, &o, signal_fd);
	app_clear(&app);
	config_free(&config);
	return code;
}
