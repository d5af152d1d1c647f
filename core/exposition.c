/* SPDX-License-Identifier: ISC */
/* exposition: see exposition.h. */
#include "core/exposition.h"

#include <inttypes.h>
#include <stdio.h>

#define MILLION    1000000
#define VALUE_SIZE 32

static const char *const type_names[EXPOSITION_TYPE_COUNT] = {
	[EXPOSITION_COUNTER] = "counter",
	[EXPOSITION_GAUGE] = "gauge",
	[EXPOSITION_HISTOGRAM] = "histogram",
};

/* A quote is escaped in labels alone. */
static void add_escaped(struct strbuf *out, const char *text, bool is_label)
{
	for (; *text; text++) {
		if (*text == '\n')
			strbuf_adds(out, "\\n");
		else if (*text == '\\' || (*text == '"' && is_label))
			strbuf_addf(out, "\\%c", *text);
		else
			strbuf_addc(out, *text);
	}
}

void exposition_family(struct strbuf *out, const char *name, enum exposition_type type,
		       const char *help)
{
	strbuf_addf(out, "# HELP %s ", name);
	add_escaped(out, help, false);
	strbuf_addf(out, "\n# TYPE %s %s\n", name, type_names[type]);
}

static void add_label(struct strbuf *out, const struct exposition_label *label)
{
	strbuf_addf(out, "%s=\"", label->name);
	add_escaped(out, label->value, true);
	strbuf_addc(out, '"');
}

static void add_labels(struct strbuf *out, const struct exposition_label *labels, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			strbuf_addc(out, ',');
		add_label(out, &labels[i]);
	}
}

static void add_sample(struct strbuf *out, const char *name, const char *suffix,
		       const struct exposition_label *labels, size_t n)
{
	strbuf_adds(out, name);
	strbuf_adds(out, suffix);
	if (n > 0) {
		strbuf_addc(out, '{');
		add_labels(out, labels, n);
		strbuf_addc(out, '}');
	}
	strbuf_addc(out, ' ');
}

/* As a decimal number without final zeros: every double that is read from it is the nearest. */
static void format_micro(uint64_t micro, bool is_negative, char out[VALUE_SIZE])
{
	int n = snprintf(out, VALUE_SIZE, "%s%" PRIu64 ".%06" PRIu64, is_negative ? "-" : "",
			 micro / MILLION, micro % MILLION);

	while (out[n - 1] == '0')
		n--;
	if (out[n - 1] == '.')
		n--;
	out[n] = '\0';
}

void exposition_int(struct strbuf *out, const char *name, const struct exposition_label *labels,
		    size_t n, int64_t value)
{
	add_sample(out, name, "", labels, n);
	strbuf_addi(out, value);
	strbuf_addc(out, '\n');
}

void exposition_micro(struct strbuf *out, const char *name, const struct exposition_label *labels,
		      size_t n, int64_t micro)
{
	char value[VALUE_SIZE];

	format_micro(micro < 0 ? -(uint64_t)micro : (uint64_t)micro, micro < 0, value);
	add_sample(out, name, "", labels, n);
	strbuf_addf(out, "%s\n", value);
}

static void add_bucket(struct strbuf *out, const char *name, const struct exposition_label *labels,
		       size_t n, const char *bound, uint64_t count)
{
	const struct exposition_label le = {"le", bound};

	strbuf_addf(out, "%s_bucket{", name);
	add_labels(out, labels, n);
	if (n > 0)
		strbuf_addc(out, ',');
	add_label(out, &le);
	strbuf_addf(out, "} %" PRIu64 "\n", count);
}

void exposition_histogram(struct strbuf *out, const char *name,
			  const struct exposition_label *labels, size_t n,
			  const struct exposition_histogram *h)
{
	uint64_t count = 0;
	char value[VALUE_SIZE];

	for (size_t i = 0; i < h->n_bounds; i++) {
		count += h->buckets[i];
		format_micro((uint64_t)h->bounds[i], false, value);
		add_bucket(out, name, labels, n, value, count);
	}
	count += h->buckets[h->n_bounds];
	add_bucket(out, name, labels, n, "+Inf", count);
	format_micro(h->sum, false, value);
	add_sample(out, name, "_sum", labels, n);
	strbuf_addf(out, "%s\n", value);
	add_sample(out, name, "_count", labels, n);
	strbuf_addf(out, "%" PRIu64 "\n", count);
}
