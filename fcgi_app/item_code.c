/* SPDX-License-Identifier: ISC */
/* item_code: see item_code.h. */
#include "fcgi_app/item_code.h"

#include <stddef.h>
#include <string.h>

/* clang-format off */
static const struct {
	const char *code, *message;
} messages[] = {
	{ "bad_image",		"a photograph could not be read" },
	{ "budget",		"the budget was spent" },
	{ "cancelled",		"the job was cancelled before the answer came" },
	{ "content_filter",	"the provider's content filter held the answer back" },
	{ "content_policy",	"the provider refused the request by its content policy" },
	{ "cut_off",		"the answer was longer than allowed and was cut off" },
	{ "deadline",		"the deadline passed before the answer came" },
	{ "description_failed",	"there is no description to translate" },
	{ "empty",		"the answer was empty" },
	{ "finished",		"the job was finished before the answer came" },
	{ "imported",		"the earlier system's result was not read yet" },
	{ "invalid_json",	"the answer was not JSON and could not be repaired" },
	{ "not_imported",	"the earlier system had no result" },
	{ "refused",		"the model refused to answer" },
	{ "schema_mismatch",	"the answer did not have the form that was asked for" },
	{ "too_long",		"the request is too long for the model" },
	{ "undone",		"its repair was undone by an operator" },
};
/* clang-format on */

const char *item_code_message(const char *code)
{
	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++)
		if (strcmp(messages[i].code, code) == 0)
			return messages[i].message;
	return "the request failed at the provider";
}
