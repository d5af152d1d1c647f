/* SPDX-License-Identifier: ISC */
/* target: see target.h. */
#include "core/target.h"

#include <string.h>

#include "core/ascii.h"
#include "core/utf8.h"

static int malformed(struct err *err, const char *what)
{
	return err_set(err, ERR_NEVER, 400, "%s", what);
}

/* Take one segment of len bytes, NUL-terminated by the caller. */
static int add_segment(struct target *t, const char *segment, size_t len, struct err *err)
{
	for (size_t i = 0; i < len; i++)
		if (!ascii_is_alnum(segment[i]) && strchr("._~-", segment[i]) == NULL)
			return malformed(err, "the path has a character that is not allowed here");
	if (strcmp(segment, ".") == 0 || strcmp(segment, "..") == 0)
		return malformed(err, "the path has a dot segment");
	if (t->segment_count == TARGET_SEGMENTS)
		return err_set(err, ERR_NEVER, 404, "the path has too many segments");
	t->segments[t->segment_count++] = segment;
	return 0;
}

/* path is NUL-terminated and begins with a slash. */
static int split_path(struct target *t, char *path, struct err *err)
{
	char *segment = path + 1;

	while (*segment != '\0') {
		size_t len = strcspn(segment, "/");
		bool last = segment[len] == '\0';

		if (len == 0)
			return malformed(err, "the path has an empty segment");
		segment[len] = '\0';
		if (add_segment(t, segment, len, err) != 0)
			return -1;
		if (last)
			return 0;
		segment += len + 1;
	}
	t->trailing_slash = true;
	return 0;
}

/* Decode in place, NUL-terminated before and after. False where it is no clean text. */
static bool decode(char *s)
{
	size_t len = 0;

	for (const char *p = s; *p != '\0'; p++) {
		char c = *p == '+' ? ' ' : *p;

		if (*p == '%') {
			int high = ascii_hex(p[1]);
			int low = high < 0 ? -1 : ascii_hex(p[2]);

			if (low < 0)
				return false;
			c = (char)(high * 16 + low);
			p += 2;
		}
		if (ascii_is_control(c))
			return false;
		s[len++] = c;
	}
	s[len] = '\0';
	for (size_t at = 0; at < len;) {
		size_t sequence = utf8_sequence(s + at, len - at);

		if (sequence == 0)
			return false;
		at += sequence;
	}
	return true;
}

static int add_parameter(struct target *t, char *text, struct err *err)
{
	char *equals = strchr(text, '=');
	char *value = text + strlen(text);

	if (equals != NULL) {
		*equals = '\0';
		value = equals + 1;
	}
	if (!decode(text) || !decode(value))
		return malformed(err, "a query parameter is not percent-encoded UTF-8 text");
	if (*text == '\0')
		return malformed(err, "a query parameter has no name");
	if (target_parameter(t, text) != NULL)
		return malformed(err, "a query parameter is given twice");
	if (t->parameter_count == TARGET_PARAMETERS)
		return malformed(err, "too many query parameters");
	t->parameters[t->parameter_count].name = text;
	t->parameters[t->parameter_count++].value = value;
	return 0;
}

static int split_query(struct target *t, char *query, struct err *err)
{
	while (*query != '\0') {
		size_t len = strcspn(query, "&");
		bool last = query[len] == '\0';

		query[len] = '\0';
		if (len != 0 && add_parameter(t, query, err) != 0)
			return -1;
		if (last)
			return 0;
		query += len + 1;
	}
	return 0;
}

/* The path behind the base path, or NULL where it lies elsewhere. */
static char *strip_base(char *path, const char *base_path)
{
	size_t len = strlen(base_path);

	if (strncmp(path, base_path, len) != 0)
		return NULL;
	if (path[len] == '/')
		return path + len;
	if (path[len] != '\0')
		return NULL;
	/* the base path itself: keep one of its bytes to stand for "/" */
	path[len - 1] = '/';
	return path + len - 1;
}

int target_parse(const char *uri, size_t n, const char *base_path, struct target *target,
		 struct err *err)
{
	char *path = target->text;
	char *query;

	target->segment_count = target->parameter_count = 0;
	target->trailing_slash = false;
	if (n > LIMIT_TARGET_BYTES)
		return err_set(err, ERR_NEVER, 414, "the address is longer than %d bytes",
			       LIMIT_TARGET_BYTES);
	if (n == 0 || uri[0] != '/')
		return malformed(err, "the address does not begin with a slash");
	for (size_t i = 0; i < n; i++)
		if (uri[i] <= 0x20 || uri[i] >= 0x7f)
			return malformed(err, "the address has a character that is not allowed");
	memcpy(path, uri, n);
	path[n] = '\0';
	query = path + strcspn(path, "?");
	if (*query != '\0')
		*query++ = '\0';
	path = strip_base(path, base_path);
	if (path == NULL)
		return err_set(err, ERR_NEVER, 404, "nothing is served here");
	if (split_path(target, path, err) != 0)
		return -1;
	return split_query(target, query, err);
}

const char *target_parameter(const struct target *target, const char *name)
{
	for (size_t i = 0; i < target->parameter_count; i++)
		if (strcmp(target->parameters[i].name, name) == 0)
			return target->parameters[i].value;
	return NULL;
}

const char *target_segment(const struct target *target, size_t i)
{
	return i < target->segment_count ? target->segments[i] : "";
}
