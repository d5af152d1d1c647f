/* SPDX-License-Identifier: ISC */
/*
 * config: see config.h. The file is read twice, by config_scan for what libconfuse lets
 * pass, then by libconfuse for the values; a third pass looks at what keys say together, and
 * config_files reads the files that they name.
 */
#include "common/config.h"

#include <confuse.h>
#include <stdlib.h>
#include <string.h>

#include "common/config_private.h"
#include "core/timemath.h"

#define FILE_BYTES     (256u << 10) /* of a configuration; ours, with its comments, has 12 KiB */
#define FULL_PRICE_PPM 1000000

static const struct config_policy built_in[] = {
	{.name = NULL, /* large, and what any other section begins with */
	 .max_requests = INT64_MAX,
	 .alert_after = 6 * T_H,
	 .stall_after = 3 * T_H,
	 .cancel_after = 6 * T_H,
	 .cancel_grace = 30 * T_MIN,
	 .batch_retries = 1,
	 .validating_after = 2 * T_H,
	 .finalizing_after = 4 * T_H},
	{.name = NULL, /* small */
	 .max_requests = 100,
	 .alert_after = 2 * T_H,
	 .stall_after = T_H,
	 .cancel_after = 2 * T_H,
	 .cancel_grace = 30 * T_MIN,
	 .batch_retries = 0,
	 .validating_after = T_H,
	 .finalizing_after = 2 * T_H},
};

/* ---- Values. */

void value_fault(struct load *l, const struct key *k, const char *title, const char *why)
{
	int line = scan_line(&l->scan, k->section, title, k->name);

	if (title)
		fault_add(&l->faults, line, "%s %s: %s: %s", k->section, title, k->name, why);
	else
		fault_add(&l->faults, line, "%s.%s: %s", k->section, k->name, why);
}

static void read_value(struct load *l, const struct key *k, cfg_t *sec, const char *title,
		       void *base)
{
	const char *text = cfg_size(sec, k->name) ? cfg_getstr(sec, k->name) : k->def;
	const char *why;
	char buf[200];

	if (text == key_keep)
		return;
	if (!text) {
		value_fault(l, k, title, "is missing and has no default");
		return;
	}
	why = key_read(k, text, base, buf, sizeof(buf));
	if (why)
		value_fault(l, k, title, why);
	else if (k->kind == KEY_PATH)
		config_resolve(l->folder, (char **)(void *)((char *)base + k->at));
}

static void add_text(struct load *l, const struct key *k, const char *text,
		     struct config_list *list)
{
	const char *fault = k->fault(text);
	char why[200];

	if (fault) {
		snprintf(why, sizeof(why), "\"%.60s\" %s", text, fault);
		value_fault(l, k, NULL, why);
		return;
	}
	for (size_t i = 0; i < list->n; i++)
		if (!strcmp(list->texts[i], text)) {
			snprintf(why, sizeof(why), "names \"%.60s\" twice", text);
			value_fault(l, k, NULL, why);
			return;
		}
	list->texts = config_alloc(list->texts, list->n + 1, sizeof(*list->texts));
	list->texts[list->n++] = config_strdup(text);
}

static void read_list(struct load *l, const struct key *k, cfg_t *sec, struct config_list *list)
{
	char *text, *rest, *def;

	if (scan_has(&l->scan, k->section, NULL, k->name)) {
		for (unsigned i = 0; i < cfg_size(sec, k->name); i++)
			add_text(l, k, cfg_getnstr(sec, k->name, i), list);
		return;
	}
	def = config_strdup(k->def);
	for (text = strtok_r(def, " ", &rest); text; text = strtok_r(NULL, " ", &rest))
		add_text(l, k, text, list);
	free(def);
}

static void read_section(struct load *l, const char *name, cfg_t *sec, const char *title,
			 void *base)
{
	for (size_t i = 0; i < n_keys; i++) {
		if (strcmp(keys[i].section, name) != 0)
			continue;
		if (keys[i].kind == KEY_LIST)
			read_list(l, &keys[i], sec, (void *)((char *)base + keys[i].at));
		else
			read_value(l, &keys[i], sec, title, base);
	}
}

static void read_models(struct load *l)
{
	struct config *c = l->c;

	c->n_models = cfg_size(l->cfg, "model");
	c->models = config_alloc(NULL, c->n_models, sizeof(*c->models));
	for (unsigned i = 0; i < c->n_models; i++) {
		cfg_t *sec = cfg_getnsec(l->cfg, "model", i);
		struct config_model *m = &c->models[i];

		*m = (struct config_model){.name = config_strdup(cfg_title(sec)),
					   .price_cached = -1};
		read_section(l, "model", sec, m->name, m);
		if (m->price_cached < 0)
			m->price_cached = m->price_input;
		if (m->max_output_tokens_retry == 0)
			m->max_output_tokens_retry = 2 * m->max_output_tokens;
		if (m->max_output_tokens_retry < m->max_output_tokens)
			value_fault(l, key_find("model", "max_output_tokens_retry"), m->name,
				    "is below max_output_tokens");
	}
}

static struct config_policy *add_policy(struct config *c, const char *name)
{
	struct config_policy *p;

	c->policies = config_alloc(c->policies, c->n_policies + 1, sizeof(*c->policies));
	p = &c->policies[c->n_policies++];
	*p = built_in[!strcmp(name, "small")];
	p->name = config_strdup(name);
	return p;
}

static int by_size(const void *a, const void *b)
{
	int64_t x = ((const struct config_policy *)a)->max_requests;
	int64_t y = ((const struct config_policy *)b)->max_requests;

	return (x > y) - (x < y);
}

static void read_policies(struct load *l)
{
	struct config *c = l->c;
	const struct key *size = key_find("policy", "max_requests");

	for (unsigned i = 0; i < cfg_size(l->cfg, "policy"); i++) {
		cfg_t *sec = cfg_getnsec(l->cfg, "policy", i);

		read_section(l, "policy", sec, cfg_title(sec), add_policy(c, cfg_title(sec)));
	}
	if (!scan_has(&l->scan, "policy", "small", NULL))
		add_policy(c, "small");
	if (!scan_has(&l->scan, "policy", "large", NULL))
		add_policy(c, "large");
	qsort(c->policies, c->n_policies, sizeof(*c->policies), by_size);
	for (size_t i = 1; i < c->n_policies; i++)
		if (c->policies[i].max_requests == c->policies[i - 1].max_requests) {
			bool said = scan_has(&l->scan, "policy", c->policies[i].name, NULL);

			value_fault(l, size, c->policies[i - !said].name,
				    "is the same as another policy's");
		}
}

/* ---- What keys say together. */

static void check_order(struct load *l, const char *section, const char *low, const char *high,
			bool ok)
{
	const struct key *k = key_find(section, low);
	char why[100];

	if (ok)
		return;
	snprintf(why, sizeof(why), "is above %s.%s", section, high);
	/* at the line that the file has */
	if (!scan_has(&l->scan, section, NULL, low)) {
		k = key_find(section, high);
		snprintf(why, sizeof(why), "is below %s.%s", section, low);
	}
	value_fault(l, k, NULL, why);
}

static void check_together(struct load *l)
{
	const struct config *c = l->c;

	check_order(l, "job", "min_deadline", "deadline", c->job.min_deadline <= c->job.deadline);
	check_order(l, "job", "deadline", "max_deadline", c->job.deadline <= c->job.max_deadline);
	check_order(l, "daemon", "tick", "lease", c->daemon.tick <= c->daemon.lease);
	if (*c->database.tls_ca && !*c->database.host)
		value_fault(l, key_find("database", "tls_ca"), NULL, "needs database.host");
	if (*c->alert.mail_to && !*c->alert.smtp_url)
		value_fault(l, key_find("alert", "mail_to"), NULL, "needs alert.smtp_url");
}

/* ---- libconfuse. */

/* Our first reading is the stricter one: what comes here is a difference between the two. */
static void tell_error(cfg_t *cfg, const char *fmt, va_list ap)
{
	char text[200];

	vsnprintf(text, sizeof(text), fmt, ap);
	fprintf(stderr, "line %d: %s\n", cfg->line, text);
}

/* Options of one section, from the table; `out` has room. Returns the next free place. */
static cfg_opt_t *section_options(const char *section, cfg_opt_t *out)
{
	for (size_t i = 0; i < n_keys; i++) {
		if (strcmp(keys[i].section, section) != 0)
			continue;
		if (keys[i].kind == KEY_LIST)
			*out++ = (cfg_opt_t)CFG_STR_LIST(keys[i].name, NULL, CFGF_NODEFAULT);
		else
			*out++ = (cfg_opt_t)CFG_STR(keys[i].name, NULL, CFGF_NODEFAULT);
	}
	*out++ = (cfg_opt_t)CFG_END();
	return out;
}

/* libconfuse copies the options. */
static cfg_t *new_parser(void)
{
	cfg_opt_t *options = config_alloc(NULL, 2 * n_keys, sizeof(*options)), *free_at = options;
	cfg_opt_t *sections = config_alloc(NULL, n_keys + 1, sizeof(*sections)), *s = sections;
	cfg_t *cfg;

	for (size_t i = 0; i < n_keys; i++) {
		const char *name = keys[i].section;
		cfg_opt_t *mine = free_at;

		if (i > 0 && !strcmp(name, keys[i - 1].section))
			continue;
		free_at = section_options(name, free_at);
		if (section_is_titled(name))
			*s++ = (cfg_opt_t)CFG_SEC(name, mine, CFGF_MULTI | CFGF_TITLE);
		else
			*s++ = (cfg_opt_t)CFG_SEC(name, mine, CFGF_NONE);
	}
	*s = (cfg_opt_t)CFG_END();
	cfg = cfg_init(sections, CFGF_NONE);
	free(options);
	free(sections);
	if (!cfg)
		abort();
	cfg_set_error_function(cfg, tell_error);
	return cfg;
}

static void read_all(struct load *l, unsigned needs)
{
	for (size_t i = 0; i < n_keys; i++)
		if ((i == 0 || strcmp(keys[i].section, keys[i - 1].section) != 0) &&
		    !section_is_titled(keys[i].section))
			read_section(l, keys[i].section, cfg_getsec(l->cfg, keys[i].section), NULL,
				     l->c);
	read_models(l);
	read_policies(l);
	if (l->faults.n == 0)
		check_together(l);
	read_files(l, needs);
}

static void tell_faults(const struct load *l, FILE *out, struct err *err)
{
	const char *path = l->c->path;

	for (size_t i = 0; out && i < l->faults.n; i++)
		fprintf(out, "%s:%d: %s\n", path, l->faults.list[i].line, l->faults.list[i].text);
	err_set(err, ERR_NEVER, 0, "%s:%d: %s", path, l->faults.list[0].line,
		l->faults.list[0].text);
}

int config_parse(const char *path, const char *text, size_t n, unsigned needs, FILE *faults,
		 struct config **config, struct err *err)
{
	struct load l = {.folder = config_folder(path)};

	l.c = config_alloc(NULL, 1, sizeof(*l.c));
	*l.c = (struct config){.path = config_strdup(path)};
	scan_file(text, n, &l.scan, &l.faults);
	if (!l.scan.is_broken) {
		l.cfg = new_parser();
		if (cfg_parse_buf(l.cfg, l.scan.text.data) != CFG_SUCCESS)
			fault_add(&l.faults, 1, "the file cannot be read");
		else
			read_all(&l, needs);
		cfg_free(l.cfg);
	}
	scan_clear(&l.scan);
	free(l.folder);
	if (l.faults.n) {
		tell_faults(&l, faults, err);
		config_free(&l.c);
		return -1;
	}
	*config = l.c;
	return 0;
}

int config_load(const char *path, unsigned needs, FILE *faults, struct config **config,
		struct err *err)
{
	struct err e = {0};
	char *text;
	size_t n;
	int rc;

	if (config_read_file(path, FILE_BYTES, &text, &n, &e)) {
		if (faults)
			fprintf(faults, "%s\n", e.text);
		if (err)
			*err = e;
		return -1;
	}
	rc = config_parse(path, text, n, needs, faults, config, err);
	free(text);
	return rc;
}

static void free_titled(struct config *c)
{
	for (size_t i = 0; i < c->n_models; i++)
		free(c->models[i].name);
	free(c->models);
	for (size_t i = 0; i < c->n_policies; i++)
		free(c->policies[i].name);
	free(c->policies);
}

static void free_list(struct config_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		free(list->texts[i]);
	free(list->texts);
}

void config_free(struct config **config)
{
	struct config *c = *config;

	if (!c)
		return;
	for (size_t i = 0; i < n_keys; i++) {
		void *field = (char *)c + keys[i].at;

		if (section_is_titled(keys[i].section))
			continue;
		if (keys[i].kind == KEY_LIST)
			free_list(field);
		else if (keys[i].kind == KEY_TEXT || keys[i].kind == KEY_PATH ||
			 keys[i].kind == KEY_URL)
			free(*(char **)field);
	}
	free_titled(c);
	free(c->describe.prompt);
	free(c->describe.schema);
	free(c->translate.prompt);
	free(c->path);
	free(c);
	*config = NULL;
}

const struct config_model *config_model_find(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->n_models; i++)
		if (!strcmp(config->models[i].name, name))
			return &config->models[i];
	return NULL;
}

struct prices config_model_prices(const struct config_model *model, bool is_full)
{
	if (!model)
		return (struct prices){0};
	return (struct prices){.input = model->price_input,
			       .cached = model->price_cached,
			       .output = model->price_output,
			       .factor_ppm = is_full ? FULL_PRICE_PPM : model->batch_factor_ppm};
}

const struct config_policy *config_policy_for(const struct config *config, int64_t n_requests)
{
	for (size_t i = 0; i < config->n_policies; i++)
		if (n_requests <= config->policies[i].max_requests)
			return &config->policies[i];
	return &config->policies[config->n_policies - 1];
}
