/* SPDX-License-Identifier: ISC */
/*
 * db_error: what an error number of the server or of the connector means for the caller.
 *
 * Owns the table. A number that is not in it is a bug of ours where the server sent it, and a lost
 * connection where the connector made it.
 */
#include <errmsg.h>
#include <mysqld_error.h>
#include <stdlib.h>

#include "common/db_private.h"

enum {
	DROP = 1,     /* the connection is dead, or leads to a server of no use */
	READONLY = 2, /* the server refuses writes */
};

struct meaning {
	unsigned code;
	enum err_class class;
	unsigned flags;
};

/* clang-format off */
static const struct meaning meanings[] = { /* by code */
	{1020, ERR_CONFLICT, 0},	/* record changed since it was read */
	{1021, ERR_LATER, 0},		/* disk full */
	{1030, ERR_LATER, 0},		/* storage engine, e.g. disk */
	{1037, ERR_LATER, 0},		/* server out of memory */
	{1038, ERR_LATER, 0},
	{1040, ERR_LATER, DROP},	/* too many connections */
	{1041, ERR_LATER, 0},
	{1044, ERR_NEVER, DROP},	/* account refused for this database */
	{1045, ERR_NEVER, DROP},	/* account refused */
	{1047, ERR_LATER, DROP | READONLY}, /* WSREP not ready */
	{1049, ERR_NEVER, DROP},	/* no such database */
	{1053, ERR_LATER, DROP},	/* shutdown in progress */
	{1062, ERR_NEVER, 0},		/* duplicate key: the caller may expect it */
	{1077, ERR_LATER, DROP},	/* normal shutdown */
	{1079, ERR_LATER, DROP},	/* shutdown complete */
	{1114, ERR_LATER, 0},		/* table full: disk */
	{1129, ERR_LATER, DROP},	/* host blocked after many connection errors */
	{1130, ERR_NEVER, DROP},	/* host not allowed */
	{1152, ERR_LATER, DROP},	/* aborted connection */
	{1153, ERR_NEVER, DROP},	/* packet too large: the server hangs up */
	{1158, ERR_LATER, DROP},	/* network, four kinds */
	{1159, ERR_LATER, DROP},
	{1160, ERR_LATER, DROP},
	{1161, ERR_LATER, DROP},
	{1180, ERR_LATER, 0},		/* error during COMMIT */
	{1184, ERR_LATER, DROP},	/* aborted connection */
	{1203, ERR_LATER, DROP},	/* account has too many connections */
	{1205, ERR_CONFLICT, 0},	/* lock wait */
	{1206, ERR_LATER, 0},		/* lock table full */
	{1213, ERR_CONFLICT, 0},	/* deadlock, or Galera's certification */
	{1226, ERR_LATER, DROP},	/* account's resource limit */
	{1243, ERR_BUG, DROP},		/* unknown prepared statement */
	{1251, ERR_NEVER, DROP},	/* authentication method */
	{1264, ERR_NEVER, 0},		/* value out of range */
	{1290, ERR_LATER, DROP | READONLY}, /* --read-only */
	{1292, ERR_NEVER, 0},		/* wrong value */
	{1317, ERR_LATER, 0},		/* statement interrupted */
	{1366, ERR_NEVER, 0},		/* wrong text */
	{1406, ERR_NEVER, 0},		/* too long */
	{1412, ERR_CONFLICT, 0},	/* table definition changed in the transaction */
	{1451, ERR_NEVER, 0},		/* foreign key */
	{1452, ERR_NEVER, 0},		/* foreign key */
	{1461, ERR_LATER, 0},		/* too many prepared statements */
	{1615, ERR_LATER, DROP},	/* statement must be prepared anew */
	{1698, ERR_NEVER, DROP},	/* account refused */
	{1792, ERR_LATER, DROP | READONLY}, /* read-only transaction */
	{1820, ERR_NEVER, DROP},	/* password expired */
	{1836, ERR_LATER, DROP | READONLY}, /* read-only mode */
	{1862, ERR_NEVER, DROP},	/* password expired */
	{1927, ERR_LATER, DROP},	/* connection killed */
	{1969, ERR_LATER, 0},		/* max_statement_time */
	{2002, ERR_LATER, DROP},	/* cannot connect, socket */
	{2003, ERR_LATER, DROP},	/* cannot connect, TCP */
	{2005, ERR_LATER, DROP},	/* unknown host: name service may be away */
	{2006, ERR_LATER, DROP},	/* gone before we sent */
	{2013, ERR_LATER, DROP},	/* lost, or time-out */
	{2014, ERR_BUG, DROP},		/* commands out of step */
	{2026, ERR_LATER, DROP},	/* TLS; db.c tells a refusal apart */
	{2031, ERR_BUG, 0},		/* no data for parameters */
	{2034, ERR_BUG, 0},		/* wrong number of parameters */
	{2059, ERR_NEVER, DROP},	/* authentication plugin */
	{2061, ERR_NEVER, DROP},	/* authentication plugin failed */
	{4025, ERR_NEVER, 0},		/* CHECK constraint */
	{4031, ERR_LATER, DROP},	/* idle transaction or connection cut by the server */
};
/* clang-format on */

static int by_code(const void *key, const void *entry)
{
	unsigned a = *(const unsigned *)key, b = ((const struct meaning *)entry)->code;

	return (a > b) - (a < b);
}

static const struct meaning *find_meaning(unsigned code)
{
	return bsearch(&code, meanings, sizeof(meanings) / sizeof(meanings[0]), sizeof(meanings[0]),
		       by_code);
}

static bool is_connectors(unsigned code)
{
	return (code >= CR_MIN_ERROR && code <= CR_MAX_ERROR) ||
	       (code >= CER_MIN_ERROR && code <= CER_MAX_ERROR);
}

enum err_class db_classify(unsigned code, bool *drop)
{
	const struct meaning *m = find_meaning(code);

	if (m) {
		*drop = m->flags & DROP;
		return m->class;
	}
	*drop = is_connectors(code);
	return *drop ? ERR_LATER : ERR_BUG;
}

bool db_code_is_lost(unsigned code)
{
	return code == CR_SERVER_LOST || code == CR_SSL_CONNECTION_ERROR ||
	       code == CR_MALFORMED_PACKET;
}

int db_fail(struct db *db, unsigned code, const char *text, const char *what, struct err *err)
{
	bool drop;
	struct err e = {0};

	e.class = db_classify(code, &drop);
	err_set(&e, e.class, (int)code, "%s: %s (%u)", what, text, code);
	if (db->in_tx && db->tx_err.class == ERR_NONE && (drop || e.class == ERR_CONFLICT))
		db->tx_err = e;
	if (drop)
		db_disconnect(db);
	if (err)
		*err = e;
	return -1;
}

/*
 * An error that comes among the rows is told by the connection and not by the statement. Outside a
 * transaction a write commits by itself: a lost answer leaves it unknown.
 */
int db_fail_stmt(struct db *db, enum stmt s, struct err *err)
{
	unsigned code = mysql_stmt_errno(db->stmts[s]);

	if (code) {
		db_fail(db, code, mysql_stmt_error(db->stmts[s]), statements[s].name, err);
	} else {
		code = mysql_errno(db->mysql);
		db_fail(db, code, mysql_error(db->mysql), statements[s].name, err);
	}
	if (err && !db->in_tx && db_code_is_lost(code) && db_is_write(statements[s].sql))
		err->class = ERR_UNKNOWN;
	return -1;
}

bool db_err_is_readonly(const struct err *err)
{
	const struct meaning *m = find_meaning((unsigned)err->detail);

	return m && (m->flags & READONLY);
}

bool db_err_is_duplicate(const struct err *err)
{
	return err->detail == ER_DUP_ENTRY;
}

bool db_err_is_refusal(const struct err *err)
{
	static const int ours[] = {1054, 1064, 1142, 1146, 1243};

	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
		if (err->detail == ours[i])
			return false;
	}
	return err->class == ERR_NEVER || (err->class == ERR_BUG && err->detail != 0);
}
