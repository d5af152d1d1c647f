/* SPDX-License-Identifier: ISC */
#include "fcgi_app/meter.h"

#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/check.h"

#define LAYOUT  UINT64_C(0x1234)
#define NOW     INT64_C(1700000000000000)
#define THREADS 4
#define EACH    20000

static char folder[] = "/tmp/test_meter.XXXXXX";
static char path[64], file[96];
static struct err err;

static int begin(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/test_meter.XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/m", folder);
	snprintf(file, sizeof(file), "%s.%016" PRIx64, path, LAYOUT);
	return 0;
}

static int end(void **state)
{
	(void)state;
	unlink(file);
	return rmdir(folder);
}

static struct meter *open_shared(int64_t now)
{
	struct meter *m = meter_open(path, LAYOUT, now, &err);

	if (!m)
		fail_msg("%s", err.text);
	return m;
}

static struct meter_living living(const struct meter *m)
{
	struct meter_living l;

	meter_living(m, &l);
	return l;
}

static void memory_of_one_process_counts(void **state)
{
	struct meter *m = meter_open("", LAYOUT, NOW, &err);
	struct meter_requests r;

	(void)state;
	assert_false(meter_requests(m, 1, 2, &r));
	meter_request(m, 1, 2, 3, meter_bounds[0]);
	meter_request(m, 1, 2, 3, meter_bounds[0] + 1);
	meter_request(m, 1, 2, 4, meter_bounds[METER_BUCKETS - 2] + 1);
	assert_true(meter_requests(m, 1, 2, &r));
	assert_int_equal(r.statuses[3], 2);
	assert_int_equal(r.statuses[4], 1);
	assert_int_equal(r.buckets[0], 1);
	assert_int_equal(r.buckets[1], 1);
	assert_int_equal(r.buckets[METER_BUCKETS - 1], 1);
	assert_int_equal(r.us, 2 * meter_bounds[0] + 2 + meter_bounds[METER_BUCKETS - 2]);
	assert_false(meter_requests(m, 2, 1, &r));
	meter_count(m, METER_BYTES_OUT, 5);
	meter_count(m, METER_BYTES_OUT, 6);
	assert_int_equal(meter_counted(m, METER_BYTES_OUT), 11);
	meter_problem(m, METER_PROBLEMS - 1);
	assert_int_equal(meter_problems(m, METER_PROBLEMS - 1), 1);
	meter_move(m, METER_BUSY, 3);
	meter_move(m, METER_BUSY, -1);
	assert_int_equal(living(m).gauges[METER_BUSY], 2);
	assert_int_equal(living(m).processes, 1);
	assert_int_equal(living(m).newest_at, NOW);
	assert_int_equal(meter_began_at(m), NOW);
	meter_close(&m);
	assert_null(m);
	meter_close(&m);
}

static void parts_of_a_process_share_it_until_the_last_one_closes_it(void **state)
{
	struct meter *a = meter_open("", LAYOUT, NOW, &err), *b = meter_share(a);

	(void)state;
	assert_true(meter_is_of(a, ""));
	assert_false(meter_is_of(a, "elsewhere"));
	meter_count(a, METER_CACHE_HIT, 1);
	meter_close(&a);
	assert_null(a);
	meter_count(b, METER_CACHE_HIT, 1);
	assert_int_equal(meter_counted(b, METER_CACHE_HIT), 2);
	assert_int_equal(living(b).processes, 1);
	meter_close(&b);
	assert_null(b);
}

static void bounds_ascend(void **state)
{
	(void)state;
	for (size_t i = 1; i < METER_BUCKETS - 1; i++)
		assert_true(meter_bounds[i - 1] < meter_bounds[i]);
}

/* Two openings in one process are as two processes: the locks are of the open file. */
static void processes_with_one_file_tell_the_same(void **state)
{
	struct meter *a = open_shared(NOW), *b = open_shared(NOW + 5);
	struct stat st;

	(void)state;
	meter_count(a, METER_CACHE_HIT, 2);
	meter_count(b, METER_CACHE_HIT, 3);
	meter_move(a, METER_WORKERS, 8);
	meter_move(b, METER_WORKERS, 1);
	assert_int_equal(meter_counted(a, METER_CACHE_HIT), 5);
	assert_int_equal(meter_counted(b, METER_CACHE_HIT), 5);
	assert_int_equal(living(a).gauges[METER_WORKERS], 9);
	assert_int_equal(living(b).gauges[METER_WORKERS], 9);
	assert_int_equal(living(a).processes, 2);
	assert_true(meter_is_of(a, path));
	assert_int_equal(living(a).newest_at, NOW + 5);
	assert_int_equal(meter_began_at(b), NOW);
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	meter_close(&b);
	assert_int_equal(living(a).processes, 1);
	assert_int_equal(living(a).gauges[METER_WORKERS], 8);
	assert_int_equal(meter_counted(a, METER_CACHE_HIT), 5);
	meter_close(&a);
}

/* A child that counts until it is killed; tells in a pipe when it has begun. */
static pid_t start_counting(int *begun)
{
	int ends[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	if (pid == 0) {
		struct meter *m = meter_open(path, LAYOUT, NOW, NULL);

		/* Also where a claim of its parent fails. */
		if (!m || prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
			_exit(1);
		meter_move(m, METER_BUSY, 7);
		meter_request(m, 0, 0, 0, 1);
		if (write(ends[1], "x", 1) != 1)
			_exit(1);
		for (;;) {
			meter_move(m, METER_PARKED, 1);
			meter_request(m, 0, 0, 0, 1);
		}
	}
	close(ends[1]);
	assert_int_equal(read(ends[0], &byte, 1), 1);
	*begun = ends[0];
	return pid;
}

static void kill_and_wait(pid_t pid, int begun)
{
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	close(begun);
}

static void a_process_that_is_killed_takes_its_gauges_along_and_no_count(void **state)
{
	struct meter *m = open_shared(NOW);
	struct meter_requests before, after;
	uint64_t last = 0;

	(void)state;
	for (int round = 0; round < 20; round++) {
		int begun[2];
		const pid_t a = start_counting(&begun[0]), b = start_counting(&begun[1]);

		assert_int_equal(living(m).processes, 3);
		assert_int_equal(living(m).gauges[METER_BUSY], 14);
		kill_and_wait(a, begun[0]);
		assert_int_equal(living(m).processes, 2);
		assert_int_equal(living(m).gauges[METER_BUSY], 7);
		assert_true(meter_requests(m, 0, 0, &before));
		assert_true(before.statuses[0] > last);
		kill_and_wait(b, begun[1]);
		assert_true(meter_requests(m, 0, 0, &after));
		assert_true(after.statuses[0] >= before.statuses[0]);
		last = after.statuses[0];
		assert_int_equal(living(m).gauges[METER_BUSY], 0);
		assert_int_equal(living(m).gauges[METER_PARKED], 0);
		assert_int_equal(living(m).processes, 1);
		/* At most the one request at hand is in one cell and not in the next. */
		assert_in_range(after.statuses[0] - after.buckets[0], 0, 2 * (round + 1));
	}
	meter_close(&m);
}

static void a_slot_is_used_again_from_zero(void **state)
{
	int begun;
	const pid_t pid = start_counting(&begun);
	struct meter *m;

	(void)state;
	kill_and_wait(pid, begun);
	m = open_shared(NOW);
	assert_int_equal(living(m).processes, 1);
	assert_int_equal(living(m).gauges[METER_BUSY], 0);
	meter_close(&m);
}

static void more_processes_than_slots_still_count(void **state)
{
	static struct meter *all[METER_PROCESSES + 2];

	(void)state;
	for (size_t i = 0; i < METER_PROCESSES + 2; i++) {
		all[i] = open_shared(NOW);
		meter_count(all[i], METER_ABORTED, 1);
		meter_move(all[i], METER_BUSY, 1);
	}
	assert_int_equal(meter_counted(all[0], METER_ABORTED), METER_PROCESSES + 2);
	assert_int_equal(living(all[0]).gauges[METER_BUSY], METER_PROCESSES);
	assert_int_equal(living(all[METER_PROCESSES + 1]).processes, METER_PROCESSES);
	for (size_t i = 0; i < METER_PROCESSES + 2; i++)
		meter_close(&all[i]);
}

static void counts_outlive_all_processes(void **state)
{
	struct meter *m = open_shared(NOW);

	(void)state;
	meter_count(m, METER_CACHE_MISS, 3);
	meter_close(&m);
	m = open_shared(NOW + 9);
	assert_int_equal(meter_counted(m, METER_CACHE_MISS), 3);
	assert_int_equal(meter_began_at(m), NOW);
	meter_close(&m);
}

static void another_layout_is_another_file(void **state)
{
	struct meter *a = open_shared(NOW), *b = meter_open(path, LAYOUT + 1, NOW, &err);
	char other[96];

	(void)state;
	assert_non_null(b);
	meter_count(a, METER_CACHE_HIT, 1);
	assert_int_equal(meter_counted(b, METER_CACHE_HIT), 0);
	assert_int_equal(living(b).processes, 1);
	meter_close(&a);
	meter_close(&b);
	snprintf(other, sizeof(other), "%s.%016" PRIx64, path, LAYOUT + 1);
	assert_int_equal(unlink(other), 0);
}

static void put(const char *bytes, size_t n)
{
	const int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_int_equal(write(fd, bytes, n), n);
	close(fd);
}

static void refuses(const char *why)
{
	err.text[0] = '\0';
	assert_null(meter_open(path, LAYOUT, NOW, &err));
	if (!strstr(err.text, why) || strncmp(err.text, file, strlen(file)) != 0)
		fail_msg("%s", err.text);
}

static void what_is_no_file_of_ours_is_refused(void **state)
{
	struct meter *m = open_shared(NOW);
	char target[96];

	(void)state;
	meter_close(&m);
	put("something else that was here before", 35);
	refuses("is not of this program");
	m = NULL;
	unlink(file);
	m = open_shared(NOW);
	meter_close(&m);
	assert_int_equal(truncate(file, 4096), 0);
	refuses("is not of this program");
	unlink(file);
	snprintf(target, sizeof(target), "%s/target", folder);
	assert_int_equal(symlink(target, file), 0);
	refuses("cannot be opened");
	unlink(file);
	assert_int_equal(mkfifo(file, 0600), 0);
	refuses("is no file of this user");
	unlink(file);
	assert_int_equal(mkdir(file, 0700), 0);
	refuses("cannot be opened");
	rmdir(file);
	assert_null(meter_open("/nowhere/at/all", LAYOUT, NOW, &err));
	assert_non_null(strstr(err.text, "No such file"));
}

/* Its maker died before the head was written: all that is there is nothing, of any length. */
static void a_file_that_was_not_begun_is_made(void **state)
{
	static const char nothing[5000];

	(void)state;
	for (size_t n = 0; n <= sizeof(nothing); n += 2500) {
		struct meter *m;

		put(nothing, n);
		m = open_shared(NOW);
		meter_count(m, METER_ABORTED, 1);
		assert_int_equal(meter_counted(m, METER_ABORTED), 1);
		meter_close(&m);
	}
}

static void *count(void *arg)
{
	struct meter *m = arg;

	for (int i = 0; i < EACH; i++) {
		meter_move(m, METER_BUSY, 1);
		meter_request(m, 1, 1, 1, i);
		meter_count(m, METER_BYTES_IN, 2);
		meter_move(m, METER_BUSY, -1);
	}
	return NULL;
}

static void threads_lose_nothing(void **state)
{
	struct meter *m = open_shared(NOW);
	pthread_t threads[THREADS];
	struct meter_requests r;

	(void)state;
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, count, m), 0);
	for (int i = 0; i < THREADS; i++) {
		assert_in_range(living(m).gauges[METER_BUSY], 0, THREADS);
		pthread_join(threads[i], NULL);
	}
	assert_true(meter_requests(m, 1, 1, &r));
	assert_int_equal(r.statuses[1], THREADS * EACH);
	assert_int_equal(r.us, (uint64_t)THREADS * EACH * (EACH - 1) / 2);
	assert_int_equal(meter_counted(m, METER_BYTES_IN), 2 * THREADS * EACH);
	assert_int_equal(living(m).gauges[METER_BUSY], 0);
	meter_close(&m);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_of_one_process_counts),
		cmocka_unit_test(parts_of_a_process_share_it_until_the_last_one_closes_it),
		cmocka_unit_test(bounds_ascend),
		IN_FOLDER(processes_with_one_file_tell_the_same),
		IN_FOLDER(a_process_that_is_killed_takes_its_gauges_along_and_no_count),
		IN_FOLDER(a_slot_is_used_again_from_zero),
		IN_FOLDER(more_processes_than_slots_still_count),
		IN_FOLDER(counts_outlive_all_processes),
		IN_FOLDER(another_layout_is_another_file),
		IN_FOLDER(what_is_no_file_of_ours_is_refused),
		IN_FOLDER(a_file_that_was_not_begun_is_made),
		IN_FOLDER(threads_lose_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
