/* SPDX-License-Identifier: ISC */
/*
 * db: connecting, with its deadline, and the session's set-up. See db.h.
 *
 * Facts about Connector/C 3.3 that shaped this:
 *  - its time-outs count in whole seconds and start anew with each read. MARIADB_OPT_IO_WAIT lets
 *    us do the waiting, so every wait ends at one deadline a call, in milliseconds; it has no user
 *    pointer, hence a variable for each thread.
 *  - on a Unix socket whose backlog is full (a stopped server) it sleeps in steps that double,
 *    until a second boundary passes that CONNECT_TIMEOUT allows: 0 makes that one second instead
 *    of two.
 *  - TLS reads block in the socket, past the hook, unless the socket is non-blocking.
 *  - a TLS setting without a CA connects in plain text to a server without TLS; even with all of
 *    them the cipher is looked at before anything else is sent.
 *  - a NULL password falls back to MYSQL_PWD, "localhost" to the Unix socket, commas mean several
 *    hosts.
 *  - auto-reconnect loses the session silently; it stays off.
 * Name resolution is the C library's and knows no deadline: name an address, or keep it in
 * /etc/hosts.
 */
#include "common/db.h"

#include <errmsg.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/db_private.h"
#include "common/service.h"
#include "core/timemath.h"

/* What a server may ask us to authenticate with: nothing that shows it the password. */
#define AUTH_PLUGINS "mysql_native_password,client_ed25519,parsec"
#define SQL_MODE                                                                     \
	"STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO," \
	"NO_ENGINE_SUBSTITUTION"

static _Thread_local int64_t io_deadline; /* on clock_boot() */
/* A connection whose deadline a server that goes on taking a long statement puts off; or NULL. */
static _Thread_local struct db *io_db;

void *db_alloc(void *old, size_t n, size_t size)
{
	void *p = reallocarray(old, n ? n : 1, size);

	if (!p) {
		fputs("out of memory\n", stderr);
		abort();
	}
	return p;
}

static int64_t deadline_after(int64_t from, int timeout_ms)
{
	return timeout_ms > 0 ? t_add(from, timeout_ms * T_MS) : T_NEVER;
}

/* The connector waits for its socket here: until the call's deadline, whatever it asks for. */
static int io_wait(my_socket fd, my_bool is_read, int timeout_ms)
{
	struct pollfd p = {.fd = fd, .events = is_read ? POLLIN : POLLOUT};
	int rc;

	(void)timeout_ms;
	do {
		int64_t left_us = t_sub(io_deadline, clock_boot());
		int64_t left_ms = t_max(0, t_min(left_us, T_H)) / T_MS;

		rc = poll(&p, 1, (int)left_ms);
	} while ((rc < 0 && errno == EINTR) || (rc == 0 && clock_boot() < io_deadline));
	if (rc == 0)
		errno = ETIMEDOUT;
	else if (rc > 0 && !is_read && io_db)
		io_deadline = io_db->deadline =
			t_max(io_deadline, deadline_after(clock_boot(), io_db->opt.io_timeout_ms));
	return rc;
}

/* So long, and not beyond what the caller allows. */
static int64_t wait_until(const struct db *db, int64_t from, int timeout_ms)
{
	return t_min(deadline_after(from, timeout_ms), db->deadline);
}

void db_arm(struct db *db)
{
	io_db = db->deadline == T_NEVER ? NULL : db;
	io_deadline = wait_until(db, clock_boot(), db->opt.io_timeout_ms);
}

void db_deadline(struct db *db, int64_t boot_us)
{
	db->deadline = boot_us;
}

bool db_out_of_time(const struct db *db)
{
	return clock_boot() >= db->deadline;
}

static void library_start(void)
{
	if (mysql_library_init(0, NULL, NULL))
		abort();
}

/* The texts of the options: copied, since a configuration that is read again frees its own. */
#define N_TEXTS 7

static char **text_of(struct db *db, size_t i)
{
	const char **texts[N_TEXTS] = {&db->opt.host,   &db->opt.socket,        &db->opt.name,
				       &db->opt.user,   &db->opt.password_file, &db->opt.tls_ca,
				       &db->opt.program};

	return (char **)(uintptr_t)texts[i];
}

static char *db_text_copy(const char *s)
{
	char *copy = strdup(s ? s : "");

	if (!copy)
		abort();
	return copy;
}

struct db *db_new(const struct db_options *options)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct db *db = db_alloc(NULL, 1, sizeof(*db));

	pthread_once(&once, library_start);
	memset(db, 0, sizeof(*db));
	db->opt = *options;
	db->deadline = T_NEVER;
	for (size_t i = 0; i < N_TEXTS; i++)
		*text_of(db, i) = db_text_copy(*text_of(db, i));
	return db;
}

void db_free(struct db **db)
{
	if (!*db)
		return;
	db_disconnect(*db);
	for (size_t i = 0; i < N_TEXTS; i++)
		free(*text_of(*db, i));
	free(*db);
	*db = NULL;
}

void db_disconnect(struct db *db)
{
	if (!db->mysql)
		return;
	db_arm(db);
	mysql_close(db->mysql); /* first: then closing the statements sends nothing */
	db->mysql = NULL;
	for (size_t i = 0; i < STMT_COUNT; i++)
		if (db->stmts[i]) {
			mysql_stmt_close(db->stmts[i]);
			db->stmts[i] = NULL;
		}
}

bool db_connected(const struct db *db)
{
	return db->mysql != NULL;
}

unsigned db_generation(const struct db *db)
{
	return db->generation;
}

static bool uses_tls(const struct db *db)
{
	return db->opt.host[0] && db->opt.tls_ca[0];
}

static void set_options(struct db *db, MYSQL *m)
{
	const struct db_options *o = &db->opt;
	unsigned connect_s =
		o->connect_timeout_ms >= 2000 ? (unsigned)o->connect_timeout_ms / 1000 : 1;
	unsigned protocol = o->host[0] ? MYSQL_PROTOCOL_TCP : MYSQL_PROTOCOL_SOCKET;
	unsigned off = 0;
	my_bool no = 0, yes = 1;

	if (!o->host[0])
		connect_s = 0;
	mysql_optionsv(m, MYSQL_OPT_CONNECT_TIMEOUT, &connect_s);
	mysql_optionsv(m, MARIADB_OPT_IO_WAIT, io_wait);
	mysql_optionsv(m, MYSQL_OPT_PROTOCOL, &protocol);
	mysql_optionsv(m, MYSQL_OPT_LOCAL_INFILE, &off);
	mysql_optionsv(m, MYSQL_OPT_RECONNECT, &no);
	mysql_optionsv(m, MYSQL_SET_CHARSET_NAME, "utf8mb4");
	mysql_optionsv(m, MARIADB_OPT_RESTRICTED_AUTH, AUTH_PLUGINS);
	mysql_optionsv(m, MYSQL_OPT_CONNECT_ATTR_ADD, "program_name", o->program);
	mysql_optionsv(m, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, uses_tls(db) ? &yes : &no);
	if (uses_tls(db)) {
		mysql_optionsv(m, MYSQL_OPT_SSL_ENFORCE, &yes);
		mysql_optionsv(m, MYSQL_OPT_SSL_CA, o->tls_ca);
		mysql_optionsv(m, MARIADB_OPT_TLS_VERSION, "TLSv1.2,TLSv1.3");
	}
}

/* The account: the configured name, or the OS user's, as unix_socket accounts need. */
static int account_name(const struct db *db, char *out, size_t size, struct err *err)
{
	struct passwd pw, *found = NULL;
	char buf[4096];

	if (db->opt.user[0]) {
		snprintf(out, size, "%s", db->opt.user);
		return 0;
	}
	if (getpwuid_r(geteuid(), &pw, buf, sizeof(buf), &found) || !found)
		return err_set(err, ERR_NEVER, 0, "database: user %ld has no name",
			       (long)geteuid());
	snprintf(out, size, "%s", pw.pw_name);
	return 0;
}

/* TLS that fails in good time is refused: no TLS there, or a certificate that does not hold. */
static int connect_failed(struct db *db, MYSQL *m, struct err *err)
{
	unsigned code = mysql_errno(m);

	db_fail(db, code, mysql_error(m), "connect", err);
	if (err && code == CR_SSL_CONNECTION_ERROR && clock_boot() < io_deadline)
		err->class = ERR_NEVER;
	return -1;
}

/* An empty file is an account without a password. */
static int read_password(const struct db *db, char **password, struct err *err)
{
	const char *path = db->opt.password_file;
	struct stat st;

	if (!*path || (stat(path, &st) == 0 && st.st_size == 0))
		return 0;
	return secret_read("db_password", path, password, err);
}

static int log_in(struct db *db, MYSQL *m, struct err *err)
{
	const struct db_options *o = &db->opt;
	char *password = NULL;
	char user[128];
	MYSQL *ok;

	if (account_name(db, user, sizeof(user), err))
		return -1;
	if (read_password(db, &password, err))
		return -1;
	ok = mysql_real_connect(m, o->host[0] ? o->host : "localhost", user,
				password ? password : "", o->name, o->host[0] ? o->port : 0,
				o->host[0] ? NULL : o->socket,
				CLIENT_FOUND_ROWS | CLIENT_MULTI_STATEMENTS);
	secret_free(&password);
	if (!ok)
		return connect_failed(db, m, err);
	if (uses_tls(db) && !mysql_get_ssl_cipher(m))
		return err_set(err, ERR_NEVER, 0, "connect: the server does not speak TLS");
	return 0;
}

/*
 * One round trip, hence several statements in one text. The last two rows tell a Galera node that
 * is no member of a primary component: it lets clients in and then refuses every statement.
 */
static void set_up_text(const struct db *db, char *out, size_t size)
{
	int io_ms = db->opt.io_timeout_ms > 0 ? db->opt.io_timeout_ms : 0;
	int lock_s = io_ms == 0 || io_ms > 10000 ? 5 : io_ms / 2000;
	int statement_ms = io_ms / 5 * 4; /* the server's own end comes before ours */
	char idle[64] = "";

	if (db->opt.idle_tx_timeout_s > 0)
		snprintf(idle, sizeof(idle), ", idle_transaction_timeout=%d",
			 db->opt.idle_tx_timeout_s);
	snprintf(out, size,
		 "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED;"
		 "SET SESSION time_zone='+00:00', sql_mode='" SQL_MODE "',"
		 " innodb_lock_wait_timeout=%d, max_statement_time=%d.%03d%s;"
		 "SELECT @@max_allowed_packet;"
		 "SHOW VARIABLES LIKE 'wsrep_on';"
		 "SHOW STATUS LIKE 'wsrep_ready'",
		 lock_s > 0 ? lock_s : 1, statement_ms / 1000, statement_ms % 1000, idle);
}

struct session {
	unsigned long long max_packet;
	bool galera, ready;
};

/* One row of the set-up's results: a number alone, or a name and its value. */
static void take_row(MYSQL_RES *res, struct session *s)
{
	MYSQL_ROW row = mysql_fetch_row(res);

	if (!row || !row[0])
		return;
	if (mysql_num_fields(res) == 1)
		s->max_packet = strtoull(row[0], NULL, 10);
	else if (row[1] && !strcmp(row[0], "wsrep_on"))
		s->galera = !strcmp(row[1], "ON");
	else if (row[1] && !strcmp(row[0], "wsrep_ready"))
		s->ready = !strcmp(row[1], "ON");
}

static int set_up(struct db *db, MYSQL *m, struct err *err)
{
	struct session session = {0};
	char text[1024];
	int rc;

	set_up_text(db, text, sizeof(text));
	rc = mysql_real_query(m, text, strlen(text));
	while (rc == 0) {
		MYSQL_RES *res = mysql_store_result(m);

		if (res)
			take_row(res, &session);
		else if (mysql_errno(m))
			break;
		mysql_free_result(res);
		rc = mysql_next_result(m);
	}
	if (mysql_errno(m))
		return db_fail(db, mysql_errno(m), mysql_error(m), "session", err);
	if (session.galera && !session.ready)
		return err_set(err, ERR_LATER, 1047,
			       "session: the node is not ready (wsrep_ready)");
	db->max_packet = (size_t)session.max_packet;
	return 0;
}

/* Also what makes TLS reads come to io_wait. */
static void set_nonblocking(MYSQL *m)
{
	int fd = (int)mysql_get_socket(m);
	int flags = fcntl(fd, F_GETFL);

	if (flags >= 0)
		fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

static int no_time(struct err *err)
{
	return err_set(err, ERR_LATER, 0, "the database has not answered in time");
}

static int connect_until(struct db *db, int64_t deadline, struct err *err)
{
	MYSQL *m;

	if (db_out_of_time(db))
		return no_time(err);
	m = mysql_init(NULL);
	if (!m)
		abort();
	io_db = NULL;
	io_deadline = deadline;
	set_options(db, m);
	if (log_in(db, m, err))
		goto fail;
	set_nonblocking(m);
	if (set_up(db, m, err))
		goto fail;
	db->mysql = m;
	db->generation++;
	return 0;
fail:
	mysql_close(m);
	return -1;
}

int db_connect(struct db *db, struct err *err)
{
	if (db->mysql)
		return 0;
	return connect_until(db, wait_until(db, clock_boot(), db->opt.connect_timeout_ms), err);
}

/* Between statements the server has nothing to say: what can be read is its good-bye. */
static bool is_stale(const struct db *db)
{
	struct pollfd p = {.fd = (int)mysql_get_socket(db->mysql), .events = POLLIN};

	return poll(&p, 1, 0) != 0;
}

int db_ready(struct db *db, struct err *err)
{
	int64_t now = clock_boot(), connect_by, end_by = wait_until(db, now, db->opt.io_timeout_ms);

	if (db->in_tx && db->tx_err.class != ERR_NONE) {
		if (err)
			*err = db->tx_err;
		return -1;
	}
	if (db_out_of_time(db))
		return no_time(err);
	if (db->mysql && !db->in_tx && is_stale(db))
		db_disconnect(db);
	if (!db->mysql) {
		connect_by = wait_until(db, now, db->opt.connect_timeout_ms);
		if (connect_until(db, connect_by, err))
			return -1;
		end_by = t_max(end_by, connect_by);
	}
	io_db = db->deadline == T_NEVER ? NULL : db;
	io_deadline = end_by;
	return 0;
}
