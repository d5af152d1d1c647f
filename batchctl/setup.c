/* SPDX-License-Identifier: ISC */
/*
 * setup: all that a server on this machine needs for lotscribe, as its root over the local socket:
 * database, accounts, schema and grants; then what is left for a person to do. Safe to repeat.
 */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "batchctl/ctl.h"
#include "batchctl/grants.h"

#define SCRIPT_BYTES 65536
/* The users that the units run the programs as (conf/systemd/lotscribe.conf). */
#define FRONT_USER  "lotscribe"
#define DAEMON_USER "batchd"

/* The configured name as SQL; it is from a file that root wrote, and put in between backticks. */
static int quote_database(const char *name, char *out, size_t size, struct err *err)
{
	if (strpbrk(name, "`\\") || snprintf(out, size, "`%s`", name) >= (int)size)
		return err_set(err, ERR_NEVER, 0, "database.name \"%.64s\" cannot be made", name);
	return 0;
}

static int render(const struct ctl *ctl, struct strbuf *out, struct err *err)
{
	char database[128];
	struct strbuf half;
	int rc;

	if (quote_database(ctl->config->database.name, database, sizeof(database), err) < 0)
		return -1;
	strbuf_init(&half, SCRIPT_BYTES);
	text_replace(sql_text_find("setup.sql"), ":database", database, &half);
	rc = grants_render(half.data, ctl->operands[0], ctl->operands[1], out, err);
	strbuf_clear(&half);
	return rc;
}

static void tell_next(const struct ctl *ctl)
{
	if (ctl->json)
		return;
	printf("\nWhat is left:\n"
	       "  - put the provider's key, alone, into %s, mode 0600\n"
	       "  - look at the configuration, and check it: batchd -t\n"
	       "  - start lotscribe-fcgi.socket, lotscribe-fcgi.service, batchd.service and\n"
	       "    lotscribe-retention.timer\n"
	       "  - tell your web server (README, \"Install it\")\n"
	       "  - make a key for who orders: batchctl key add HOUSE\n",
	       ctl->config->openai.api_key_file);
}

int ctl_setup(struct ctl *ctl)
{
	struct strbuf script;
	struct err err;
	int ret;

	if (ctl->n_operands == 1)
		return ctl_error(EX_USAGE, "setup takes two accounts, or none: " FRONT_USER
					   " and " DAEMON_USER);
	if (ctl->n_operands == 0) {
		ctl->operands[0] = FRONT_USER;
		ctl->operands[1] = DAEMON_USER;
	}
	if (!ctl->socket && ctl->config->database.host[0])
		return ctl_error(EX_USAGE,
				 "setup makes accounts of this machine's server, but database.host "
				 "is set: README says how it is done by hand");
	strbuf_init(&script, SCRIPT_BYTES);
	if (render(ctl, &script, &err) < 0 || db_script(ctl->db, script.data, &err) < 0) {
		ret = ctl_fail(&err);
	} else {
		ctl->n_operands = 2;
		ctl->grants = true;
		ret = ctl_migrate(ctl);
	}
	strbuf_clear(&script);
	if (ret == EX_OK)
		tell_next(ctl);
	return ret;
}
