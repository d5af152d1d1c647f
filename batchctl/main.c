/* SPDX-License-Identifier: ISC */
/*
 * batchctl: the operator's command line over lotscribe's database. This file owns the command line:
 * options, the table of verbs, what each needs before it runs. The verbs are in the other files of
 * this folder.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "batchctl/ctl.h"
#include "common/log.h"
#include "common/store.h"
#include "core/timemath.h"

#ifndef LOTSCRIBE_SYSCONFDIR
#	define LOTSCRIBE_SYSCONFDIR "/etc/lotscribe"
#endif
#ifndef PACKAGE_VERSION
#	define PACKAGE_VERSION "unknown"
#endif

#define CONNECT_TIMEOUT_MS 5000
#define QUERY_TIMEOUT_MS   (60 * 1000)
#define LONG_TIMEOUT_MS    (3600 * 1000) /* migrations and checks of large databases */

enum verb_option {
	OPT_ROLE = 1,
	OPT_STATUS = 2,
	OPT_LIMIT = 4,
	OPT_OPEN = 8,
	OPT_PRINT = 16,
	OPT_GRANTS = 32,
	OPT_DEADLINE = 64,
	OPT_ALL = 128,
	OPT_DAY = 256,
	OPT_JOB = 512,
	OPT_ACCOUNT = 1024,
	OPT_LANGUAGES = 2048,
	OPT_UNDO = 4096,
	OPT_DRY_RUN = 8192,
};

enum need {
	NEED_SCHEMA,        /* a database of the right version */
	NEED_DATABASE,      /* a connection */
	NEED_DATABASE_LONG, /* that may take long, but not the schema */
	NEED_SCHEMA_LONG,
	NEED_SERVER,       /* a connection as its root, to no database; that may take long */
	NEED_SCHEMA_TASKS, /* and the configuration's prompts; that may take long */
};

struct verb {
	const char *name, *second; /* "key", "add" */
	int operands_min, operands_max;
	unsigned options;
	enum need need;
	int (*run)(struct ctl *ctl);
};

/* clang-format off */
static const struct verb verbs[] = {
	{"setup",   NULL,     0, 2, 0,				NEED_SERVER,	    ctl_setup},
	{"migrate", NULL,     0, 2, OPT_PRINT | OPT_GRANTS,	NEED_DATABASE_LONG, ctl_migrate},
	{"account", NULL,     1, 1, OPT_DAY | OPT_JOB,		NEED_SCHEMA,	    ctl_account},
	{"key",	    "add",    1, 1, OPT_ROLE,			NEED_SCHEMA,	    ctl_key_add},
	{"key",	    "list",   0, 0, 0,				NEED_SCHEMA,	    ctl_key_list},
	{"key",	    "revoke", 1, 1, 0,				NEED_SCHEMA,	    ctl_key_revoke},
	{"jobs",    NULL,     0, 0, OPT_STATUS | OPT_LIMIT,	NEED_SCHEMA,	    ctl_jobs},
	{"job",	    NULL,     1, 1, 0,				NEED_SCHEMA,	    ctl_job},
	{"batches", NULL,     0, 0, OPT_OPEN | OPT_LIMIT,	NEED_SCHEMA,	    ctl_batches},
	{"batch",   NULL,     1, 1, 0,				NEED_SCHEMA,	    ctl_batch},
	{"events",  NULL,     1, 1, 0,				NEED_SCHEMA,	    ctl_events},
	{"explain", NULL,     1, 1, 0,				NEED_SCHEMA,	    ctl_explain},
	{"alerts",  NULL,     0, 0, OPT_ALL | OPT_LIMIT,	NEED_SCHEMA,	    ctl_alerts},
	{"adopt",   NULL,     1, 1, 0,				NEED_SCHEMA,	    ctl_adopt},
	{"installation", "keep", 0, 0, 0,			NEED_SCHEMA,	    ctl_installation_keep},
	{"installation", "new",	 0, 0, 0,			NEED_SCHEMA,	    ctl_installation_new},
	{"installation", NULL,	 0, 0, 0,			NEED_SCHEMA,	    ctl_installation},
	{"cancel",  NULL,     1, 1, 0,				NEED_SCHEMA,	    ctl_cancel},
	{"finish",  NULL,     1, 1, 0,				NEED_SCHEMA,	    ctl_finish},
	{"retry",   NULL,     1, 1, OPT_DEADLINE,		NEED_SCHEMA,	    ctl_retry},
	{"import",  NULL,     1, 1, OPT_ACCOUNT | OPT_LANGUAGES | OPT_DEADLINE, NEED_SCHEMA_TASKS, ctl_import},
	{"repair",  NULL,     0, 0, OPT_JOB | OPT_DRY_RUN | OPT_UNDO, NEED_SCHEMA_LONG, ctl_repair},
	{"retention", NULL,   0, 0, OPT_DRY_RUN,		NEED_SCHEMA_LONG,   ctl_retention},
	{"resume",  NULL,     0, 0, 0,				NEED_SCHEMA,	    ctl_resume},
	{"check",   NULL,     0, 0, 0,				NEED_SCHEMA_LONG,   ctl_check},
};
/* clang-format on */

static const char help[] =
	"Usage: batchctl [OPTIONS] VERB [OPERANDS]\n"
	"\n"
	"  setup [FRONT DAEMON]      as root on this machine's server: make the database, the two accounts\n"
	"                              (lotscribe and batchd without), schema and grants; safe to repeat\n"
	"  migrate                   bring the database to this program's version; safe to repeat\n"
	"      --grants FRONT DAEMON   then grant the two accounts (NAME or NAME@HOST, of localhost\n"
	"                              without HOST) what lotscribe.fcgi and batchd need\n"
	"      --print                 print the SQL instead, without a database\n"
	"  account NAME              make an account where there is none, and show it\n"
	"      --day USD, --job USD    the most that its sendings of a day (UTC), and each of its jobs, may\n"
	"                              cost from now on; \"default\": as the configuration says\n"
	"  key add ACCOUNT           make a key, and the account where there is none; the key is the last\n"
	"      --role ROLE             line, printed this once; ROLE is submit (default), read or admin\n"
	"  key list                  all keys, without their secrets\n"
	"  key revoke ID             refuse a key from now on; its running jobs go on\n"
	"  jobs                      the newest jobs\n"
	"      --status STATUS         only those\n"
	"      --limit N               so many; 20 without\n"
	"  job ID                    one job: what it waits for, its languages, its batches\n"
	"  batches                   the newest batches\n"
	"      --open, --limit N       only those that are not closed; so many, 20 without\n"
	"  batch ID                  one batch: its phase here and at the provider, its counts, its jobs\n"
	"  events ID                 the timeline of a job or a batch\n"
	"  explain ID                what happens next to a job or a batch, why and when: the verdict of the\n"
	"                              policy, as far as the database tells (not: which calls are under way)\n"
	"  alerts                    what needs a person now: open alerts, and who was told of them\n"
	"      --all, --limit N        those that are over too, the newest first; so many, 1000 without\n"
	"  cancel ID                 end a job at once; what was paid for is still harvested\n"
	"  cancel batch:42           cancel one batch at the provider; what it lacks at its end is sent again\n"
	"  finish ID                 end a job at once with what is there, as at its deadline\n"
	"  retry ID                  run an ended job again for what it lacks\n"
	"      --deadline WHEN         from now (PT6H) or an instant; job.deadline without\n"
	"  retry batch:42            cancel one batch, and send what it lacks again without waiting for its end\n";

static const char help_more[] =
	"  adopt ID                  make a row for a batch of ours that the database does not know (it was\n"
	"                              restored from a backup), harvest it and go on; ID is the provider's\n"
	"  installation              the mark that files and batches bear, and the batches to adopt\n"
	"  installation keep         this database is the one that made its batches: the next batchd whose\n"
	"                              state directory differs takes the mark and sends\n"
	"  installation new          it is a copy: another mark, open batches are closed as lost, and what was\n"
	"                              in them is sent anew\n"
	"  import FILE               take over results of an earlier system: JSON lines of {\"job_id\":\n"
	"                              UUID, \"lot\": TEXT, \"language\": TAG, \"result\": as it was stored};\n"
	"                              batchd repairs what is no JSON; job ids are kept\n"
	"      --account NAME          whose jobs they become\n"
	"      --languages fr,de       order these translations now, where they are missing\n"
	"      --deadline WHEN         of these: from now (PT6H) or an instant; job.deadline without\n"
	"  repair                    repair stored answers that are no JSON, and show what becomes of them;\n"
	"                              batchd does so by itself with what nobody looked at yet\n"
	"      --dry-run               show it only\n"
	"      --job ID                of one job\n"
	"      --undo ID               undo that, of a job that has ended or of one item (item:42)\n"
	"  retention                 remove what is older than job.retention and job.image_retention say, and\n"
	"                              show how much; batchd does it in the background\n"
	"      --dry-run               show it only\n"
	"  resume                    send again after a stop (quota, key, wrong project), held recipes too\n"
	"  check                     run the invariant queries; exit 1 where one fails\n"
	"\n"
	"ID: job:UUID or a UUID; batch:42, or 42 where only a batch can be meant.\n"
	"\n"
	"  -c FILE                   configuration, of which the section database is used\n"
	"                            (default " LOTSCRIBE_SYSCONFDIR "/lotscribe.conf)\n"
	"      --user NAME           database account instead of the configuration's; migrate needs one that\n"
	"                            may create tables (and grant), such as root; without a password,\n"
	"                            but for:\n"
	"      --password-file FILE  its password\n"
	"      --socket PATH         the database server's socket instead of the configured address\n"
	"  -j                        JSON, one document\n"
	"  -V                        version\n"
	"  -h                        this help\n";

static const char exit_codes[] =
	"Exit codes: 0; 1 a check failed; 64 wrong usage; 65 a file to import is wrong; 66 no such row; 69 database away, photographs\n"
	"that a retry needs, or a job that runs (--undo); 70 a fault of this program; 74 the output cannot be written; 75 try again; 77 the\n"
	"database account lacks a right; 78 configuration or schema wrong.\n";

enum long_option {
	LONG_USER = 256,
	LONG_SOCKET,
	LONG_PASSWORD_FILE,
	LONG_ROLE,
	LONG_STATUS,
	LONG_LIMIT,
	LONG_OPEN,
	LONG_PRINT,
	LONG_GRANTS,
	LONG_DEADLINE,
	LONG_ALL,
	LONG_DAY,
	LONG_JOB,
	LONG_ACCOUNT,
	LONG_LANGUAGES,
	LONG_UNDO,
	LONG_DRY_RUN
};

static const struct option long_options[] = {
	{"user", required_argument, NULL, LONG_USER},
	{"socket", required_argument, NULL, LONG_SOCKET},
	{"password-file", required_argument, NULL, LONG_PASSWORD_FILE},
	{"role", required_argument, NULL, LONG_ROLE},
	{"status", required_argument, NULL, LONG_STATUS},
	{"limit", required_argument, NULL, LONG_LIMIT},
	{"open", no_argument, NULL, LONG_OPEN},
	{"print", no_argument, NULL, LONG_PRINT},
	{"grants", no_argument, NULL, LONG_GRANTS},
	{"deadline", required_argument, NULL, LONG_DEADLINE},
	{"all", no_argument, NULL, LONG_ALL},
	{"day", required_argument, NULL, LONG_DAY},
	{"job", required_argument, NULL, LONG_JOB},
	{"account", required_argument, NULL, LONG_ACCOUNT},
	{"languages", required_argument, NULL, LONG_LANGUAGES},
	{"undo", required_argument, NULL, LONG_UNDO},
	{"dry-run", no_argument, NULL, LONG_DRY_RUN},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'V'},
	{NULL, 0, NULL, 0},
};

struct command_line {
	const char *config_path;
	unsigned given; /* of enum verb_option */
	bool done;      /* -V, -h: nothing more to do */
};

static int usage(const char *what, const char *detail)
{
	ctl_error(EX_USAGE, "%s%s%s (batchctl -h explains)", what, detail ? ": " : "",
		  detail ? detail : "");
	return -1;
}

static int parse_limit(const char *text, int64_t *limit)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(text, &end, 10);
	if (errno != 0 || *end != '\0' || end == text || n < 1 || n > 1000000)
		return usage("--limit is a number from 1 to 1000000, not", text);
	*limit = n;
	return 0;
}

static int take_verb_option(int c, struct ctl *ctl, struct command_line *line)
{
	switch (c) {
	case LONG_ROLE:
		ctl->role = optarg;
		line->given |= OPT_ROLE;
		return 0;
	case LONG_STATUS:
		ctl->status = optarg;
		line->given |= OPT_STATUS;
		return 0;
	case LONG_LIMIT:
		line->given |= OPT_LIMIT;
		return parse_limit(optarg, &ctl->limit);
	case LONG_OPEN:
		ctl->open_only = true;
		line->given |= OPT_OPEN;
		return 0;
	case LONG_PRINT:
		ctl->print_sql = true;
		line->given |= OPT_PRINT;
		return 0;
	case LONG_GRANTS:
		ctl->grants = true;
		line->given |= OPT_GRANTS;
		return 0;
	case LONG_DEADLINE:
		ctl->deadline = optarg;
		line->given |= OPT_DEADLINE;
		return 0;
	case LONG_ALL:
		ctl->all = true;
		line->given |= OPT_ALL;
		return 0;
	case LONG_DAY:
		ctl->budget_day = optarg;
		line->given |= OPT_DAY;
		return 0;
	case LONG_JOB:
		ctl->job = optarg;
		line->given |= OPT_JOB;
		return 0;
	case LONG_ACCOUNT:
		ctl->account = optarg;
		line->given |= OPT_ACCOUNT;
		return 0;
	case LONG_LANGUAGES:
		ctl->languages = optarg;
		line->given |= OPT_LANGUAGES;
		return 0;
	case LONG_UNDO:
		ctl->undo = optarg;
		line->given |= OPT_UNDO;
		return 0;
	case LONG_DRY_RUN:
		ctl->dry_run = true;
		line->given |= OPT_DRY_RUN;
		return 0;
	default: /* getopt has told what is wrong */
		return -1;
	}
}

static int take_option(int c, struct ctl *ctl, struct command_line *line)
{
	switch (c) {
	case 'c':
		line->config_path = optarg;
		return 0;
	case 'j':
		ctl->json = true;
		return 0;
	case 'V':
		puts("batchctl " PACKAGE_VERSION);
		line->done = true;
		return 0;
	case 'h':
		printf("%s%s\n%s", help, help_more, exit_codes);
		line->done = true;
		return 0;
	case LONG_USER:
		ctl->user = optarg;
		return 0;
	case LONG_SOCKET:
		ctl->socket = optarg;
		return 0;
	case LONG_PASSWORD_FILE:
		ctl->password_file = optarg;
		return 0;
	default:
		return take_verb_option(c, ctl, line);
	}
}

static const struct verb *find_verb(char **words, int n)
{
	const size_t n_verbs = sizeof(verbs) / sizeof(verbs[0]);

	for (size_t i = 0; n > 0 && i < n_verbs; i++)
		if (strcmp(verbs[i].name, words[0]) == 0 &&
		    (!verbs[i].second || (n > 1 && strcmp(verbs[i].second, words[1]) == 0)))
			return &verbs[i];
	return NULL;
}

/* The verb with its operands, which follow the options in argv. */
static const struct verb *take_words(struct ctl *ctl, const struct command_line *line, char **words,
				     int n)
{
	const struct verb *verb = find_verb(words, n);

	if (!verb) {
		usage(n > 0 ? "no such verb" : "a verb is missing", n > 0 ? words[0] : NULL);
		return NULL;
	}
	words += verb->second ? 2 : 1;
	n -= verb->second ? 2 : 1;
	if (n < verb->operands_min || n > verb->operands_max) {
		usage(n < verb->operands_min ? "something is missing after" : "too much after",
		      verb->name);
		return NULL;
	}
	if (line->given & ~verb->options) {
		usage("an option that does not belong to", verb->name);
		return NULL;
	}
	for (int i = 0; i < n; i++)
		ctl->operands[i] = words[i];
	ctl->n_operands = n;
	return verb;
}

static const struct verb *parse(int argc, char **argv, struct ctl *ctl, struct command_line *line)
{
	int c;

	while ((c = getopt_long(argc, argv, "c:jVh", long_options, NULL)) != -1) {
		if (take_option(c, ctl, line) != 0)
			return NULL;
		if (line->done)
			return NULL;
	}
	return take_words(ctl, line, argv + optind, argc - optind);
}

static struct db *new_db(const struct ctl *ctl, enum need need)
{
	const char *own_user = need == NEED_SERVER ? "root" : ctl->config->database.user;
	const char *user = ctl->user ? ctl->user : own_user;
	const bool is_long = need != NEED_SCHEMA && need != NEED_DATABASE;
	const struct db_options options = {
		.host = ctl->socket || need == NEED_SERVER ? "" : ctl->config->database.host,
		.port = (unsigned)ctl->config->database.port,
		.socket = ctl->socket ? ctl->socket : ctl->config->database.socket,
		.name = need == NEED_SERVER ? "" : ctl->config->database.name,
		.user = user,
		.password_file = ctl->password_file ? ctl->password_file
				 : user != ctl->config->database.user
					 ? ""
					 : ctl->config->database.password_file,
		.tls_ca = ctl->config->database.tls_ca,
		.program = "batchctl",
		.connect_timeout_ms = CONNECT_TIMEOUT_MS,
		.io_timeout_ms = is_long ? LONG_TIMEOUT_MS : QUERY_TIMEOUT_MS,
	};

	return db_new(&options);
}

static int prepare(struct ctl *ctl, enum need need, struct err *err)
{
	ctl->db = new_db(ctl, need);
	if (db_connect(ctl->db, err) != 0)
		return -1;
	if (need == NEED_DATABASE_LONG || need == NEED_SERVER)
		return 0;
	if (store_schema_check(ctl->db, err) != 0)
		return -1;
	return store_now(ctl->db, &ctl->now, err);
}

static int run(struct ctl *ctl, const struct verb *verb, const char *config_path)
{
	struct config *config = NULL;
	struct err err;
	int ret;

	if (ctl->print_sql) /* needs neither */
		return verb->run(ctl);
	if (config_load(config_path, verb->need == NEED_SCHEMA_TASKS ? CONFIG_NEED_TASKS : 0, NULL,
			&config, &err) != 0)
		return ctl_error(EX_CONFIG, "%s", err.text);
	ctl->config = config;
	if (prepare(ctl, verb->need, &err) == 0)
		ret = verb->run(ctl);
	else
		ret = ctl_fail(&err);
	db_free(&ctl->db);
	config_free(&config);
	return ret;
}

int main(int argc, char **argv)
{
	struct ctl ctl = {0};
	struct command_line line = {.config_path = LOTSCRIBE_SYSCONFDIR "/lotscribe.conf"};
	const struct verb *verb;
	int ret;

	log_init("batchctl", LOG_LEVEL_WARNING);
	verb = parse(argc, argv, &ctl, &line);
	if (!verb)
		return line.done ? EX_OK : EX_USAGE;
	ret = run(&ctl, verb, line.config_path);
	/* A full disk or a closed pipe must not look like success. */
	if (fflush(stdout) != 0)
		return ctl_error(EX_IOERR, "cannot write the output");
	return ret;
}
