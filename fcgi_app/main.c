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
#include <sysexits.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/config.h"
#include "common/log.h"
#include "common/service.h"
#include "common/store.h"
#include "core/timemath.h"
#include "fcgi_app/call.h"
#include "fcgi_app/door.h"
#include "fcgi_app/generation.h"

#define DEFAULT_CONFIG LOTSCRIBE_SYSCONFDIR "/lotscribe.conf"
/* Of -t; the provider's key is not for this program. */
#define CHECKS (CONFIG_NEED_TASKS | CONFIG_CHECK_LOGIN)
/* What is larger goes back to the system as soon as it is freed. */
#define KEPT_BLOCK_BYTES (512 << 10)
#define MOST_ENDING      4 /* reloads whose requests have not ended */
#define TURN_MS          1000
#define TELL_EVERY       (5 * T_S)

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
	"  -t         check and print the configuration, check the database schema, then end\n"
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

/* What serves, and what has not ended since earlier reloads. */
struct serving {
	struct generation *now, *before[MOST_ENDING];
	int listen_fd;
	int64_t told_at; /* on clock_boot(): the status line */
	bool hangs;      /* told once */
};

static void free_ended(struct serving *s)
{
	for (size_t i = 0; i < MOST_ENDING; i++)
		if (s->before[i] && generation_has_ended(s->before[i]))
			generation_free(&s->before[i]);
}

/* A place for the one that serves now; NULL: too many still end. */
static struct generation **place_to_end(struct serving *s)
{
	free_ended(s);
	for (size_t i = 0; i < MOST_ENDING; i++)
		if (!s->before[i])
			return &s->before[i];
	return NULL;
}

static void reload(struct serving *s)
{
	const char *path = generation_config(s->now)->path;
	struct generation **place = place_to_end(s), *next;
	struct config *config;
	struct err err;

	if (!place) {
		log_err("configuration kept error=\"requests of earlier reloads have not ended\"");
		return;
	}
	if (config_load(path, CONFIG_NEED_TASKS, stderr, &config, &err) < 0 ||
	    !(next = generation_new(config, &err))) {
		log_err("configuration kept error=\"%s\"", err.text);
		return;
	}
	log_set_level(config->log.level);
	generation_start(next, s->listen_fd, s->now);
	generation_end(s->now, false);
	*place = s->now;
	s->now = next;
	log_notice("configuration read again");
}

/* The watchdog is fed while each thread lives, be it at work or not. */
static void tell(struct serving *s)
{
	const int64_t now = clock_boot();
	struct generation_state state;
	char line[200];

	generation_look(s->now, now, &state);
	if (!state.hangs)
		service_notify("WATCHDOG=1");
	else if (!s->hangs)
		log_err("a thread hangs");
	s->hangs = state.hangs;
	if (now < t_add(s->told_at, TELL_EVERY))
		return;
	s->told_at = now;
	snprintf(line, sizeof(line),
		 "STATUS=serving: %zu of %zu workers are busy, %zu polls wait%s", state.busy,
		 state.workers, state.waiting,
		 state.database_is_away ? "; the database is away" : "");
	service_notify(line);
}

static void wait_for_stop(struct serving *s, int signal_fd)
{
	struct pollfd p[2] = {{.fd = signal_fd, .events = POLLIN}, {.events = POLLIN}};
	int number, ms;

	for (;;) {
		struct heads *heads = generation_heads(s->now);

		tell(s);
		free_ended(s);
		p[1].fd = heads->wake_fd;
		ms = heads_check(heads);
		if (poll(p, 2, ms < 0 ? TURN_MS : ms) < 0 && errno != EINTR)
			return;
		while ((number = service_signal_next(signal_fd)) != 0) {
			if (number != SIGHUP) {
				log_notice("stopping signal=%d", number);
				return;
			}
			service_notify("RELOADING=1");
			reload(s);
			service_notify("READY=1");
		}
	}
}

/* Takes the generation. */
static int serve(struct generation *first, const struct options *o, int signal_fd)
{
	struct serving s = {.now = first};
	struct err err;

	s.listen_fd = service_listen(o->listen, &err);
	if (s.listen_fd < 0) {
		log_err("cannot listen error=\"%s\"", err.text);
		generation_free(&s.now);
		return EX_OSERR;
	}
	if (FCGX_Init() != 0)
		abort();
	generation_start(s.now, s.listen_fd, NULL);
	service_notify("READY=1");
	wait_for_stop(&s, signal_fd);
	service_notify("STOPPING=1");
	if (o->listen)
		door_close(o->listen, s.listen_fd);
	generation_end(s.now, o->listen != NULL);
	generation_free(&s.now);
	for (size_t i = 0; i < MOST_ENDING; i++)
		generation_free(&s.before[i]);
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
	struct generation *first;
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
	if (config_load(o.config, o.check ? CHECKS : CONFIG_NEED_TASKS, stderr, &config, &err) < 0)
		return EX_CONFIG;
	log_set_level(config->log.level);
	if (o.check)
		config_print(config, stdout);
	first = generation_new(config, &err);
	if (!first) {
		log_err("schema unusable error=\"%s\"", err.text);
		return EX_CONFIG;
	}
	if (o.check || o.listen)
		code = check_schema(generation_config(first), !o.check);
	if (!o.check && code <= EX_OK)
		return serve(first, &o, signal_fd);
	generation_free(&first);
	return code;
}
