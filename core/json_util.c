/* SPDX-License-Identifier: ISC */
/* json_util: see json_util.h. */
#include "core/json_util.h"

#include <json-c/json.h>
#include <limits.h>
#include <string.h>

#include "core/ascii.h"
#include "core/timemath.h"

static int make_tree(const char *s, size_t n, unsigned int depth, struct json_object **out,
		     struct err *err)
{
	/* json-c counts a level for the scalars too */
	struct json_tokener *tok = json_tokener_new_ex((int)depth + 2);
	struct json_object *root;
	enum json_tokener_error status;

	if (tok == NULL)
		return err_set(err, ERR_LATER, 0, "no memory for a JSON document");
	json_tokener_set_flags(tok, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	root = json_tokener_parse_ex(tok, s, (int)n);
	status = json_tokener_get_error(tok);
	/* a number or literal ends only where something follows it */
	if (status == json_tokener_continue) {
		root = json_tokener_parse_ex(tok, "", 1);
		status = json_tokener_get_error(tok);
	}
	json_tokener_free(tok);
	if (status != json_tokener_success) {
		json_object_put(root);
		/* the scan took it, so that only memory can be the reason */
		return err_set(err, ERR_LATER, 0, "json-c gives up: %s",
			       json_tokener_error_desc(status));
	}
	*out = root;
	return 0;
}

int json_parse(const char *s, size_t n, const struct json_rules *rules, struct json_object **out,
	       struct err *err)
{
	struct json_rules limited = *rules;
	struct json_fault fault;
	struct json_span value;

	if (limited.values == 0 || limited.values > JSON_TREE_VALUES)
		limited.values = JSON_TREE_VALUES;
	if (n > INT_MAX)
		return err_set(err, ERR_NEVER, 0, "a JSON document of %zu bytes", n);
	if (json_scan(s, n, &limited, &fault) != 0)
		return json_fault_err(&fault, err);
	value = json_span_of(s, n);
	return make_tree(value.p, value.n, limited.depth, out, err);
}

/* The value under key; NULL where it is absent or null. */
static struct json_object *member(const struct json_object *object, const char *key)
{
	struct json_object *value = NULL;

	if (json_object_is_type(object, json_type_object))
		json_object_object_get_ex(object, key, &value);
	return value;
}

const char *json_get_text(const struct json_object *object, const char *key)
{
	const char *s;
	size_t n;

	if (json_get_string(object, key, &s, &n) != 1 || n == 0 || strlen(s) != n)
		return NULL;
	return s;
}

int json_get_string(const struct json_object *object, const char *key, const char **s, size_t *n)
{
	struct json_object *value = member(object, key);

	if (value == NULL)
		return 0;
	if (!json_object_is_type(value, json_type_string))
		return -1;
	*s = json_object_get_string(value);
	*n = (size_t)json_object_get_string_len(value);
	return 1;
}

/* A JSON number as an int64_t: false where it is none, not whole or out of range. */
static bool whole_number(const struct json_object *value, int64_t *out)
{
	double d;

	if (json_object_is_type(value, json_type_int)) {
		*out = json_object_get_int64(value);
		/* what json-c clamped; the two true extremes go with it, no count of ours is one */
		return *out != INT64_MAX && *out != INT64_MIN;
	}
	if (!json_object_is_type(value, json_type_double))
		return false;
	d = json_object_get_double(value);
	if (!(d > -9e18 && d < 9e18))
		return false;
	*out = (int64_t)d;
	return (double)*out == d;
}

int json_get_int(const struct json_object *object, const char *key, int64_t min, int64_t max,
		 int64_t *out)
{
	struct json_object *value = member(object, key);
	int64_t number;

	if (value == NULL)
		return 0;
	if (!whole_number(value, &number) || number < min || number > max)
		return -1;
	*out = number;
	return 1;
}

int json_get_bool(const struct json_object *object, const char *key, bool *out)
{
	struct json_object *value = member(object, key);

	if (value == NULL)
		return 0;
	if (!json_object_is_type(value, json_type_boolean))
		return -1;
	*out = json_object_get_boolean(value) != 0;
	return 1;
}

struct json_object *json_get_object(const struct json_object *object, const char *key)
{
	struct json_object *value = member(object, key);

	return json_object_is_type(value, json_type_object) ? value : NULL;
}

struct json_object *json_get_array(const struct json_object *object, const char *key)
{
	struct json_object *value = member(object, key);

	return json_object_is_type(value, json_type_array) ? value : NULL;
}

#define SECONDS_YEAR_10000 INT64_C(253402300800)

/* Digits alone: seconds since 1970. */
static bool seconds_in_text(const char *s, size_t n, int64_t *seconds)
{
	int64_t value = 0;

	if (n == 0 || n > 12)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!ascii_is_digit(s[i]))
			return false;
		value = value * 10 + (s[i] - '0');
	}
	*seconds = value;
	return true;
}

/* ISO 8601 in a string, brought into RFC 3339's form. */
static int time_in_text(const char *s, size_t n, int64_t *t_us)
{
	char text[40];

	if (n > sizeof(text) - 2)
		return -1;
	memcpy(text, s, n);
	if (n > 10 && text[10] == ' ')
		text[10] = 'T';
	if (rfc3339_parse(text, n, t_us) == 0)
		return 0;
	text[n] = 'Z';
	return rfc3339_parse(text, n + 1, t_us);
}

/* A fraction of a second is noise here. */
static bool number_of_seconds(const struct json_object *value, int64_t *seconds)
{
	double d;

	if (!json_object_is_type(value, json_type_double))
		return whole_number(value, seconds);
	d = json_object_get_double(value);
	if (!(d >= 0 && d < (double)SECONDS_YEAR_10000))
		return false;
	*seconds = (int64_t)d;
	return true;
}

int json_get_time(const struct json_object *object, const char *key, int64_t *t_us)
{
	struct json_object *value = member(object, key);
	int64_t seconds;
	const char *s;
	size_t n;

	if (value == NULL)
		return 0;
	if (json_get_string(object, key, &s, &n) == 1) {
		if (n == 0)
			return 0;
		if (!seconds_in_text(s, n, &seconds))
			return time_in_text(s, n, t_us) == 0 ? 1 : -1;
	} else if (!number_of_seconds(value, &seconds)) {
		return -1;
	}
	if (seconds < 0 || seconds >= SECONDS_YEAR_10000)
		return -1;
	if (seconds == 0)
		return 0;
	*t_us = seconds * T_S;
	return 1;
}

int json_string_decode(struct json_span string, struct strbuf *out)
{
	size_t before = out->len;
	size_t at = 1;

	while (at + 1 < string.n) {
		size_t left = string.n - 1 - at;
		const char *slash = memchr(string.p + at, '\\', left);
		size_t run = slash == NULL ? left : (size_t)(slash - (string.p + at));
		char decoded[4];
		size_t len = 0;

		strbuf_add(out, string.p + at, run);
		at += run;
		if (slash != NULL)
			len = json_string_next(string, &at, decoded);
		strbuf_add(out, decoded, len);
	}
	if (strbuf_failed(out)) {
		strbuf_truncate(out, before);
		return -1;
	}
	return 0;
}
