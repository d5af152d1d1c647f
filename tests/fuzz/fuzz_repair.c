/* SPDX-License-Identifier: ISC */
/*
 * Fuzz target of core/repair*.c: whatever a model wrote. A document that comes of it is strict JSON
 * and stays as it is, the work is linear, and valid JSON passes.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "core/json_scan.h"
#include "core/repair.h"

#define STEPS_PER_BYTE 16
#define STEPS_MORE     64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_again(const struct repaired *r, const struct repair_rules *rules)
{
	struct repaired again;

	repair_text(r->text.data, r->text.len, rules, &again);
	assert(again.verdict == REPAIR_UNCHANGED);
	repaired_clear(&again);
}

static void check(const char *text, size_t n, const struct repair_rules *rules)
{
	struct json_fault fault;
	struct repaired r;

	repair_text(text, n, rules, &r);
	assert(r.steps <= STEPS_PER_BYTE * n + STEPS_MORE);
	if (json_scan(text, n, &json_rules_provider, &fault) == 0 && !rules->object)
		assert(r.verdict == REPAIR_UNCHANGED);
	if (r.verdict == REPAIR_MENDED || r.verdict == REPAIR_SALVAGED) {
		assert(!repair_is_clean(&r.report));
		check_again(&r, rules);
	} else {
		assert(r.text.len == 0);
	}
	repaired_clear(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct repair_rules any = {.object = false}, object = {.object = true};

	check((const char *)data, size, &any);
	check((const char *)data, size, &object);
	return 0;
}
