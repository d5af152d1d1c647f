/* SPDX-License-Identifier: ISC */
/* The simulator (tests/sim) runs with the configuration as it comes, conf/lotscribe.conf. */
#include "tests/unit/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/config.h"
#include "common/config_private.h"
#include "tests/sim/params.h"

static struct config *as_it_comes(void)
{
	const char *srcdir = getenv("srcdir");
	struct config *c = NULL;
	struct err err = {0};
	char path[4096], text[65536];
	FILE *file;
	size_t n;

	snprintf(path, sizeof(path), "%s/conf/lotscribe.conf", srcdir ? srcdir : ".");
	file = fopen(path, "re");
	assert_non_null(file);
	n = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[n] = '\0';
	if (config_parse(path, text, n, 0, NULL, &c, &err))
		fail_msg("%s", err.text);
	return c;
}

static void is_policy(const struct config_policy *p, const struct policy *sim)
{
	assert_int_equal(p->alert_after, sim->alert_after);
	assert_int_equal(p->stall_after, sim->stall_after);
	assert_int_equal(p->cancel_after, sim->cancel_after);
	assert_int_equal(p->cancel_grace, sim->cancel_grace);
	assert_int_equal(p->validating_after, sim->validating_after);
	assert_int_equal(p->finalizing_after, sim->finalizing_after);
	assert_int_equal(p->batch_retries, sim->batch_retries);
}

static void the_simulator_has_the_defaults(void **state)
{
	const struct settings *s = &params_default.settings;
	struct config *c = as_it_comes();

	(void)state;
	assert_int_equal(c->daemon.tick, s->tick);
	assert_int_equal(c->daemon.lease, s->lease);
	assert_int_equal(c->batch.linger, s->linger);
	assert_int_equal(c->batch.poll_interval, s->poll_interval);
	assert_int_equal(c->batch.settle, s->settle);
	assert_int_equal(c->batch.max_requests, s->max_requests);
	assert_int_equal(c->fallback.concurrency, s->concurrency);
	assert_int_equal(c->fallback.max_attempts, s->max_attempts);
	assert_int_equal(c->fallback.request_timeout, s->request_timeout);
	assert_int_equal(c->fallback.flex_timeout, s->flex_timeout);
	assert_int_equal(c->fallback.estimate, s->estimate);
	assert_int_equal(c->fallback.reserve, s->reserve);
	assert_int_equal(config_model_find(c, c->describe.model)->enqueued_tokens,
			 s->enqueued_tokens);
	assert_int_equal(c->n_policies, 2);
	assert_int_equal(c->policies[0].max_requests, s->small_requests);
	is_policy(&c->policies[0], &s->small);
	is_policy(&c->policies[1], &s->large);
	config_free(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_simulator_has_the_defaults),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
