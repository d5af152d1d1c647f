/* SPDX-License-Identifier: ISC */
/*
 * Fuzz target of core/target.c: REQUEST_URI as any client can make it. The first byte chooses the
 * base path. Besides the sanitizers' rules it holds what the router relies on.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "core/target.h"
#include "core/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *text)
{
	const size_t n = strlen(text);

	for (size_t i = 0, step; i < n; i += step) {
		step = utf8_sequence(text + i, n - i);
		assert(step > 0);
		assert(step > 1 || ((unsigned char)text[i] >= 0x20 && text[i] != 0x7f));
	}
}

static void check_target(const struct target *target)
{
	assert(target->segment_count <= TARGET_SEGMENTS);
	assert(target->parameter_count <= TARGET_PARAMETERS);
	for (size_t i = 0; i < target->segment_count; i++) {
		const char *segment = target_segment(target, i);

		assert(segment[0] != '\0' && strcmp(segment, ".") != 0 &&
		       strcmp(segment, "..") != 0);
		assert(strpbrk(segment, "/%?&= +\\:;") == NULL);
		check_text(segment);
	}
	for (size_t i = 0; i < target->parameter_count; i++) {
		const char *name = target->parameters[i].name;

		assert(name[0] != '\0');
		check_text(name);
		check_text(target->parameters[i].value);
		/* the first of a name is the only one */
		assert(target_parameter(target, name) == target->parameters[i].value);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const bases[] = {"", "/lots", "/a/b"};
	struct target target;
	struct err err;

	if (size == 0)
		return 0;
	if (target_parse((const char *)data + 1, size - 1, bases[data[0] % 3], &target, &err) == 0)
		check_target(&target);
	else
		assert(err.class == ERR_NEVER && err.detail >= 400 && err.detail < 500);
	return 0;
}
