/* SPDX-License-Identifier: ISC */
/*
 * db: transactions, lost connections and servers that do not answer, against a real MariaDB
 * (tests/unit/db_table.h).
 */
#include "tests/unit/db_table.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/timemath.h"

struct tx {
	struct db *other;
	int runs, fail_until, fail_with;
	int64_t id;
	pthread_barrier_t *both_hold;
};

static void kill_connection(struct db *killer, struct db *victim)
{
	struct err err = {0};
	int64_t id = query_int(victim, S(T_MY_ID), DB_NONE);

	must(db_exec(killer, S(T_KILL), DB_P(db_int(id)), &err), 0, &err);
}

static int insert_and_fail(struct db *db, void *arg, struct err *err)
{
	struct tx *tx = arg;

	tx->runs++;
	if (db_exec(db, S(T_INSERT),
		    DB_P(db_int(tx->runs), db_null(), db_null(), db_null(), db_null(), db_null()),
		    err) < 0)
		return -1;
	return tx->runs < tx->fail_until ? err_set(err, (enum err_class)tx->fail_with, 0, "no") : 0;
}

static void a_failed_transaction_leaves_nothing(void **state)
{
	struct db *db = connect_new();
	struct tx tx = {.fail_until = 9, .fail_with = ERR_CONFLICT};
	struct err err = {0};

	(void)state;
	assert_int_equal(db_tx(db, insert_and_fail, &tx, &err), -1);
	assert_int_equal(err.class, ERR_CONFLICT);
	assert_int_equal(tx.runs, 1); /* a conflict that fn saw itself is its caller's */
	assert_int_equal(query_int(db, S(T_COUNT), DB_NONE), 0);
	tx = (struct tx){0};
	must(db_tx(db, insert_and_fail, &tx, &err), 0, &err);
	assert_int_equal(query_int(db, S(T_COUNT), DB_NONE), 1);
	db_free(&db);
}

static int insert_and_lose(struct db *db, void *arg, struct err *err)
{
	struct tx *tx = arg;

	if (insert_and_fail(db, tx, err))
		return -1;
	if (tx->runs == 1)
		kill_connection(tx->other, db);
	tx->id = db_exec(db, S(T_SET_N), DB_P(db_int(1), db_int(tx->runs)), err);
	if (tx->runs == 1) { /* nothing may reach a new connection outside the transaction */
		assert_int_equal(tx->id, -1);
		assert_int_equal(db_exec(db, S(T_ADD), DB_P(db_text("astray")), err), -1);
		return 0; /* even where fn takes no notice */
	}
	return tx->id == 1 ? 0 : -1;
}

static void a_transaction_whose_connection_dies_runs_again(void **state)
{
	struct db *db = connect_new();
	struct tx tx = {.other = connect_new()};
	unsigned generation = db_generation(db);
	struct err err = {0};

	(void)state;
	must(db_tx(db, insert_and_lose, &tx, &err), 0, &err);
	assert_int_equal(tx.runs, 2);
	assert_int_equal(db_generation(db), generation + 1);
	assert_int_equal(query_int(db, S(T_COUNT), DB_NONE), 1);
	db_free(&db);
	db_free(&tx.other);
}

static void a_dead_connection_is_replaced_in_silence(void **state)
{
	struct db *db = connect_new(), *other = connect_new();
	struct db_rows *rows;
	struct err err = {0};
	int64_t id = query_int(db, S(T_MY_ID), DB_NONE), there = 1;
	char sql[100];

	(void)state;
	snprintf(sql, sizeof(sql),
		 "SELECT COUNT(*) FROM information_schema.processlist WHERE id = %lld",
		 (long long)id);
	must(db_exec(other, S(T_KILL), DB_P(db_int(id)), &err), 0, &err);
	while (there) { /* until the server is done with it */
		must(db_query_text(other, sql, &rows, &err), 0, &err);
		assert_true(db_next(rows));
		there = db_get_int(rows, 0);
		db_rows_free(&rows);
	}
	insert_n(db, 1, 1); /* a write: it must not end as unknown */
	assert_int_equal(db_generation(db), 2);
	db_free(&db);
	db_free(&other);
}

static int lock_both(struct db *db, void *arg, struct err *err)
{
	struct tx *tx = arg;
	struct db_rows *rows;
	int64_t second = 3 - tx->id;

	if (db_query(db, S(T_LOCK), DB_P(db_int(tx->id)), &rows, err))
		return -1;
	db_rows_free(&rows);
	if (tx->runs++ == 0)
		pthread_barrier_wait(tx->both_hold);
	if (db_query(db, S(T_LOCK), DB_P(db_int(second)), &rows, err))
		return -1;
	tx->fail_with = (int)(db_next(rows) ? db_get_int(rows, 0) : -1);
	db_rows_free(&rows);
	return db_exec(db, S(T_SET_N), DB_P(db_int(tx->fail_with + 1), db_int(second)), err) == 1
		       ? 0
		       : -1;
}

static void *lock_both_thread(void *arg)
{
	struct db *db = connect_new();
	struct err err = {0};
	int rc = db_tx(db, lock_both, arg, &err);

	db_free(&db);
	return rc ? arg : NULL;
}

static void the_loser_of_a_deadlock_runs_again(void **state)
{
	struct db *db = connect_new();
	pthread_barrier_t both_hold;
	struct tx tx[2] = {{.id = 1, .both_hold = &both_hold}, {.id = 2, .both_hold = &both_hold}};
	pthread_t threads[2];
	void *failed;

	(void)state;
	insert_n(db, 1, 0);
	insert_n(db, 2, 0);
	pthread_barrier_init(&both_hold, NULL, 2);
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, lock_both_thread, &tx[i]), 0);
	for (int i = 0; i < 2; i++) {
		pthread_join(threads[i], &failed);
		assert_null(failed);
	}
	pthread_barrier_destroy(&both_hold);
	assert_true(tx[0].runs + tx[1].runs >= 3);
	assert_int_equal(query_int(db, S(T_SUM), DB_NONE), 2);
	db_free(&db);
}

static void a_write_that_times_out_is_unknown(void **state)
{
	struct db_options o = options;
	struct db *db, *other = connect_new();
	struct db_rows *rows;
	struct err err = {0};

	(void)state;
	o.io_timeout_ms = 1000;
	db = db_new(&o);
	must(db_connect(db, &err), 0, &err);
	must(db_script(
		     db,
		     "SET SESSION max_statement_time = 0;\nSET SESSION innodb_lock_wait_timeout = 60;\n",
		     &err),
	     0, &err);
	insert_n(other, 1, 1);
	must(db_script(other, "START TRANSACTION;\nUPDATE t SET n = 2;\n", &err), 0, &err);
	assert_int_equal(db_exec(db, S(T_SET_N), DB_P(db_int(3), db_int(1)), &err), -1);
	assert_int_equal(err.class, ERR_UNKNOWN);
	assert_false(db_connected(db));
	must(db_script(other, "ROLLBACK;\n", &err), 0, &err);
	assert_int_equal(db_query(db, S(T_SLEEP), DB_P(db_int(5)), &rows, &err),
			 -1); /* max_statement_time */
	assert_int_equal(err.class, ERR_LATER);
	db_free(&db);
	db_free(&other);
}

static void a_refused_write_says_read_only(void **state)
{
	struct db *db = connect_new();
	struct err err = {0};

	(void)state;
	must(db_exec(db, S(T_READONLY_ON), DB_NONE, &err), 0, &err);
	assert_int_equal(db_exec(db, S(T_ADD), DB_P(db_text("x")), &err), -1);
	assert_int_equal(err.class, ERR_LATER);
	assert_true(db_err_is_readonly(&err));
	assert_false(
		db_connected(db)); /* behind a proxy the next one may lead to the new primary */
	must(db_exec(db, S(T_ADD), DB_P(db_text("x")), &err), 1, &err);
	db_free(&db);
}

/* Between client and server; hangs up instead of passing on the answer to COMMIT. */
struct relay {
	int listener, client, server;
	struct sockaddr_un at;
};

static int local_socket(struct sockaddr_un *a, const char *path)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	a->sun_family = AF_UNIX;
	snprintf(a->sun_path, sizeof(a->sun_path), "%s", path);
	assert_true(fd >= 0);
	return fd;
}

/* Pass on what came. 1, or 0 at an end; *commit where the client sent COMMIT. */
static int relay_once(int from, int to, bool *commit)
{
	char buf[65536];
	ssize_t n = read(from, buf, sizeof(buf));

	if (n <= 0 || write(to, buf, (size_t)n) != n)
		return 0;
	*commit = memmem(buf, (size_t)n,
			 "\x03"
			 "COMMIT",
			 7) != NULL; /* COM_QUERY; not READ COMMITTED */
	return 1;
}

static void *relay_run(void *arg)
{
	struct relay *r = arg;
	bool commit = false, ignored, alive = true;
	char answer;

	r->client = accept(r->listener, NULL, NULL);
	while (alive && !commit) {
		struct pollfd p[2] = {{.fd = r->client, .events = POLLIN},
				      {.fd = r->server, .events = POLLIN}};

		poll(p, 2, -1);
		if (p[0].revents)
			alive = relay_once(r->client, r->server, &commit);
		else
			alive = relay_once(r->server, r->client, &ignored);
	}
	if (commit && read(r->server, &answer, 1) < 0) /* it is committed now */
		perror("relay");
	close(r->client);
	close(r->server);
	return NULL;
}

static void a_lost_answer_to_commit_is_unknown(void **state)
{
	struct db_options o = options;
	struct sockaddr_un server;
	struct tx tx = {0};
	struct err err = {0};
	struct relay relay;
	pthread_t thread;
	char path[64];
	struct db *db;

	(void)state;
	snprintf(path, sizeof(path), "/tmp/lotscribe-relay.%ld", (long)getpid());
	relay.listener = local_socket(&relay.at, path);
	relay.server = local_socket(&server, options.socket);
	assert_int_equal(bind(relay.listener, (struct sockaddr *)&relay.at, sizeof(relay.at)), 0);
	assert_int_equal(listen(relay.listener, 1), 0);
	assert_int_equal(connect(relay.server, (struct sockaddr *)&server, sizeof(server)), 0);
	assert_int_equal(pthread_create(&thread, NULL, relay_run, &relay), 0);
	o.socket = path;
	db = db_new(&o);
	assert_int_equal(db_tx(db, insert_and_fail, &tx, &err), -1);
	assert_int_equal(err.class, ERR_UNKNOWN);
	assert_int_equal(tx.runs, 1); /* never blindly again */
	assert_false(db_connected(db));
	pthread_join(thread, NULL);
	close(relay.listener);
	unlink(path);
	db_free(&db);
	db = connect_new();
	assert_int_equal(query_int(db, S(T_COUNT), DB_NONE), 1);
	db_free(&db);
}

/* ---- Servers that do not answer. Without a deadline these would wait for ever. */

static void must_end(const struct db_options *o)
{
	struct db *db = db_new(o);
	struct err err = {0};

	assert_int_equal(db_connect(db, &err), -1);
	assert_int_equal(err.class, ERR_LATER);
	assert_false(db_connected(db));
	db_free(&db);
}

static void a_hung_server_is_given_up(void **state)
{
	struct db_options o = options;
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	socklen_t n = sizeof(in);
	int tcp = socket(AF_INET, SOCK_STREAM, 0), local = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)state;
	snprintf(un.sun_path, sizeof(un.sun_path), "/tmp/lotscribe-hung.%ld", (long)getpid());
	assert_int_equal(bind(tcp, (struct sockaddr *)&in, sizeof(in)), 0);
	assert_int_equal(listen(tcp, 5), 0);
	assert_int_equal(getsockname(tcp, (struct sockaddr *)&in, &n), 0);
	assert_int_equal(bind(local, (struct sockaddr *)&un, sizeof(un)), 0);
	assert_int_equal(listen(local, 0), 0);
	o.connect_timeout_ms = 300;
	o.socket = un.sun_path;
	must_end(&o);
	must_end(&o); /* now its backlog is full: another path in the connector */
	o.host = "127.0.0.1";
	o.port = ntohs(in.sin_port);
	must_end(&o);
	close(tcp);
	must_end(&o); /* refused */
	close(local);
	unlink(un.sun_path);
}

/* ---- The caller's deadline. */

static int insert_until_late(struct db *db, void *arg, struct err *err)
{
	struct tx *tx = arg;

	if (insert_and_fail(db, tx, err))
		return -1;
	db_deadline(db, 1);
	return tx->id ? (int)db_exec(db, S(T_SET_N), DB_P(db_int(1), db_int(1)), err) : 0;
}

static void nothing_is_sent_after_the_deadline(void **state)
{
	struct db *db = connect_new();
	struct tx at_commit = {0}, before = {.id = 1};
	struct err err = {0};

	(void)state;
	assert_int_equal(db_tx(db, insert_until_late, &at_commit, &err), -1);
	assert_int_equal(err.class, ERR_LATER); /* and not unknown */
	assert_int_equal(at_commit.runs, 1);
	assert_true(db_out_of_time(db));
	assert_int_equal(db_connect(db, &err), -1);
	assert_int_equal(err.class, ERR_LATER);
	db_deadline(db, T_NEVER);
	assert_int_equal(db_tx(db, insert_until_late, &before, &err), -1);
	assert_int_equal(err.class, ERR_LATER);
	assert_int_equal(before.runs, 1);
	db_deadline(db, T_NEVER);
	assert_int_equal(query_int(db, S(T_COUNT), DB_NONE), 0);
	db_free(&db);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_failed_transaction_leaves_nothing, empty_table),
		cmocka_unit_test_setup(a_transaction_whose_connection_dies_runs_again, empty_table),
		cmocka_unit_test_setup(a_dead_connection_is_replaced_in_silence, empty_table),
		cmocka_unit_test_setup(the_loser_of_a_deadlock_runs_again, empty_table),
		cmocka_unit_test_setup(a_write_that_times_out_is_unknown, empty_table),
		cmocka_unit_test_setup(a_lost_answer_to_commit_is_unknown, empty_table),
		cmocka_unit_test_setup(a_refused_write_says_read_only, empty_table),
		cmocka_unit_test(a_hung_server_is_given_up),
		cmocka_unit_test_setup(nothing_is_sent_after_the_deadline, empty_table),
	};

	return run_db_tests("db_tx", tests, sizeof(tests) / sizeof(tests[0]));
}
