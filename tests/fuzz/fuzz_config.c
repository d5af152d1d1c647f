/* SPDX-License-Identifier: ISC */
/*
 * Fuzz target of common/config.c: a configuration file. Besides the sanitizers' rules: a fault has
 * a text, and what is accepted is printed in a form that is accepted again and printed alike.
 */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/config.h"
#include "common/config_private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *printed(const struct config *c)
{
	char *text = NULL;
	size_t n;
	FILE *out = open_memstream(&text, &n);

	assert(out != NULL);
	config_print(c, out);
	fclose(out);
	return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config *c = NULL;
	struct err err = {0};
	char *first, *second;

	if (config_parse("/f", (const char *)data, size, 0, NULL, &c, &err) != 0) {
		assert(err.class == ERR_NEVER);
		assert(strncmp(err.text, "/f:", 3) == 0);
		/* the first reading is never the more lenient one */
		assert(strcmp(err.text, "/f:1: the file cannot be read") != 0);
		return 0;
	}
	assert(config_policy_for(c, 1) != NULL);
	first = printed(c);
	config_free(&c);
	assert(config_parse("/f", first, strlen(first), 0, NULL, &c, &err) == 0);
	second = printed(c);
	config_free(&c);
	assert(strcmp(first, second) == 0);
	free(first);
	free(second);
	return 0;
}
