/* SPDX-License-Identifier: ISC */
/*
 * target: REQUEST_URI, the one variable that all web servers hand over raw, as path segments and
 * query parameters. Fixed size, no allocation.
 *
 * Segments are of [A-Za-z0-9._~-] alone: percent signs, empty and dot segments are refused, so that
 * a server that decodes or normalises differently cannot matter. Query parameters are decoded once
 * (percent and plus) and are UTF-8 without control characters; none is given twice.
 */
#ifndef CORE_TARGET_H
#define CORE_TARGET_H

#include <stdbool.h>
#include <stddef.h>

#include "core/err.h"
#include "core/limits.h"

#define TARGET_SEGMENTS   8 /* the deepest path of ours has 6 */
#define TARGET_PARAMETERS 16

struct target {
	size_t segment_count;
	const char *segments[TARGET_SEGMENTS]; /* into text; without the base path */
	bool trailing_slash;                   /* "/" itself has it, and no segment */
	size_t parameter_count;
	struct {
		const char *name;
		const char *value; /* "" for a name without a value */
	} parameters[TARGET_PARAMETERS];
	/* the strings above: never copy the struct. Each loses its separator to its NUL. */
	char text[LIMIT_TARGET_BYTES + 2];
};

/*
 * Take uri (n bytes) apart. base_path is "" or begins with a slash and does not end with one.
 * 0, or -1 and *err of class ERR_NEVER, its detail the HTTP status: 400 malformed, 404 outside the
 * base path or too many segments, 414 longer than LIMIT_TARGET_BYTES.
 */
int target_parse(const char *uri, size_t n, const char *base_path, struct target *target,
		 struct err *err);

/* The value of a query parameter, or NULL where it was not given. */
const char *target_parameter(const struct target *target, const char *name);
/* Segment i, or "" beyond the last. */
const char *target_segment(const struct target *target, size_t i);

#endif
