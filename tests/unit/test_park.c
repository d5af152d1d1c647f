/* SPDX-License-Identifier: ISC */
#include "fcgi_app/park.h"

#include <fcgiapp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/check.h"

static const uint8_t one[16] = {1};
static const uint8_t two[16] = {2};

/* Requests whose peers are there. */
struct peers {
	FCGX_Request requests[20];
	int ends[20];
};

static struct peers *peers_new(void)
{
	static struct peers p;
	int pair[2];

	for (int i = 0; i < 20; i++) {
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
		p.requests[i].ipcFd = pair[0];
		p.ends[i] = pair[1];
	}
	return &p;
}

static void peers_close(struct peers *p)
{
	for (int i = 0; i < 20; i++) {
		close(p->requests[i].ipcFd);
		if (p->ends[i] >= 0)
			close(p->ends[i]);
	}
}

static bool is_ready(const struct park *p)
{
	struct pollfd ready = {.fd = park_ready_fd(p), .events = POLLIN};

	return poll(&ready, 1, 0) == 1;
}

static void a_change_frees_those_that_have_an_older_version(void **state)
{
	struct peers *peers = peers_new();
	struct park *p = park_new(10);
	FCGX_Request *r = peers->requests;

	(void)state;
	assert_true(park_add(p, &r[0], one, 5, 100));
	assert_true(park_add(p, &r[1], one, 6, 100));
	assert_true(park_add(p, &r[2], two, 5, 100));
	park_changed(p, one, 5);
	assert_false(is_ready(p));
	park_changed(p, one, 6);
	assert_true(is_ready(p));
	assert_ptr_equal(park_take(p), &r[0]);
	assert_false(is_ready(p));
	assert_null(park_take(p));
	assert_int_equal(park_count(p), 2);
	park_end(p);
	assert_non_null(park_take(p));
	assert_non_null(park_take(p));
	park_free(&p);
	peers_close(peers);
}

static void its_time_frees_a_request(void **state)
{
	struct peers *peers = peers_new();
	struct park *p = park_new(10);
	FCGX_Request *r = peers->requests;

	(void)state;
	assert_true(park_add(p, &r[0], one, 5, 100));
	assert_true(park_add(p, &r[1], two, 5, 200));
	park_expire(p, 99);
	assert_false(is_ready(p));
	park_expire(p, 100);
	assert_ptr_equal(park_take(p), &r[0]);
	assert_null(park_take(p));
	park_expire(p, 200);
	assert_ptr_equal(park_take(p), &r[1]);
	park_free(&p);
	peers_close(peers);
}

static void a_peer_that_left_frees_its_place(void **state)
{
	struct peers *peers = peers_new();
	struct park *p = park_new(10);

	(void)state;
	assert_true(park_add(p, &peers->requests[0], one, 5, 100));
	assert_true(park_add(p, &peers->requests[1], one, 5, 100));
	close(peers->ends[1]);
	peers->ends[1] = -1;
	park_expire(p, 1);
	assert_ptr_equal(park_take(p), &peers->requests[1]);
	assert_int_equal(park_count(p), 1);
	park_end(p);
	park_take(p);
	park_free(&p);
	peers_close(peers);
}

/* Each of them is handed back once. */
static void take_once(struct park *p, const struct peers *peers, bool taken[20])
{
	const FCGX_Request *request = park_take(p);

	assert_non_null(request);
	assert_false(taken[request - peers->requests]);
	taken[request - peers->requests] = true;
}

static void of_one_job_only_so_many_wait(void **state)
{
	struct peers *peers = peers_new();
	struct park *p = park_new(18);
	FCGX_Request *r = peers->requests;
	bool taken[20] = {false};

	(void)state;
	for (int i = 0; i < PARK_PER_JOB; i++)
		assert_true(park_add(p, &r[i], one, 5, 100));
	assert_false(park_has_room(p, one));
	assert_false(park_add(p, &r[16], one, 5, 100));
	assert_true(park_add(p, &r[16], two, 5, 100));
	assert_true(park_add(p, &r[17], two, 5, 100));
	assert_false(park_add(p, &r[18], two, 5, 100)); /* full */
	park_expire(p, 100);
	/* What is due takes its place until it is taken. */
	assert_false(park_add(p, &r[18], two, 5, 200));
	take_once(p, peers, taken);
	assert_true(park_add(p, &r[18], two, 5, 200));
	park_end(p);
	for (int i = 0; i < 18; i++)
		take_once(p, peers, taken);
	park_free(&p);
	peers_close(peers);
}

static void after_the_end_nothing_is_parked(void **state)
{
	struct peers *peers = peers_new();
	struct park *p = park_new(10);

	(void)state;
	assert_true(park_add(p, &peers->requests[0], one, 5, 100));
	park_end(p);
	assert_ptr_equal(park_take(p), &peers->requests[0]);
	assert_false(park_has_room(p, one));
	assert_false(park_add(p, &peers->requests[0], one, 5, 100));
	park_free(&p);
	peers_close(peers);
}

static void with_no_room_at_all_nothing_waits(void **state)
{
	struct peers *peers = peers_new();
	struct park *p = park_new(0);

	(void)state;
	assert_false(park_add(p, &peers->requests[0], one, 5, 100));
	park_free(&p);
	peers_close(peers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_change_frees_those_that_have_an_older_version),
		cmocka_unit_test(its_time_frees_a_request),
		cmocka_unit_test(a_peer_that_left_frees_its_place),
		cmocka_unit_test(of_one_job_only_so_many_wait),
		cmocka_unit_test(after_the_end_nothing_is_parked),
		cmocka_unit_test(with_no_room_at_all_nothing_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
