/* SPDX-License-Identifier: ISC */
/*
 * exposition: numbers as Prometheus reads them, in its text format of version 0.0.4
 * (https://prometheus.io/docs/instrumenting/exposition_formats/). Pure but for the buffer: what
 * does not fit is seen in the end, by strbuf_failed().
 *
 * All samples of a family follow its head; each combination of labels stands once.
 */
#ifndef CORE_EXPOSITION_H
#define CORE_EXPOSITION_H

#include <stddef.h>
#include <stdint.h>

#include "core/strbuf.h"

#define EXPOSITION_MEDIA_TYPE "text/plain; version=0.0.4; charset=utf-8"

enum exposition_type {
	EXPOSITION_COUNTER,
	EXPOSITION_GAUGE,
	EXPOSITION_HISTOGRAM,
	EXPOSITION_TYPE_COUNT
};

struct exposition_label {
	const char *name;
	const char *value; /* UTF-8; escaped here */
};

/* The labels of a sample: EXPOSITION_LABELS({"code", code}, {"method", method}). */
#define EXPOSITION_LABELS(...)                                            \
	((const struct exposition_label[]){__VA_ARGS__}),                 \
		(sizeof((const struct exposition_label[]){__VA_ARGS__}) / \
		 sizeof(struct exposition_label))
#define EXPOSITION_NO_LABELS NULL, 0

/* The head of a family: a name by Prometheus' rules, and a sentence for a person. */
void exposition_family(struct strbuf *out, const char *name, enum exposition_type type,
		       const char *help);
/* One sample. */
void exposition_int(struct strbuf *out, const char *name, const struct exposition_label *labels,
		    size_t n, int64_t value);
/* Likewise of millionths, so that seconds are told of microseconds, exactly. */
void exposition_micro(struct strbuf *out, const char *name, const struct exposition_label *labels,
		      size_t n, int64_t micro);
/*
 * The samples of a histogram: how many there were in each bucket, the last one being that above all
 * bounds (n_bounds + 1 in all), and their sum. Bounds and sum are in millionths, bounds ascending.
 */
struct exposition_histogram {
	const int64_t *bounds;
	size_t n_bounds;
	const uint64_t *buckets;
	uint64_t sum;
};
void exposition_histogram(struct strbuf *out, const char *name,
			  const struct exposition_label *labels, size_t n,
			  const struct exposition_histogram *h);

#endif
