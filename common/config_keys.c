/* SPDX-License-Identifier: ISC */
/*
 * config_keys: every key of lotscribe.conf in one table, with its default and its range, and the
 * reading and writing of single values.
 */
#include <arpa/inet.h>
#include <confuse.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/config_private.h"
#include "common/log.h"
#include "core/alert_text.h"
#include "core/timemath.h"
#include "core/url.h"

/* ---- Texts of a certain form. */

static const char *fault_host(const char *s)
{
	return strpbrk(s, ", \t/") ? "is one name or address" : NULL;
}

static const char *fault_name(const char *s)
{
	size_t n = strlen(s);

	return n == 0 || n > 64 || strpbrk(s, "`'\" \t/\\.") ? "is no name of a database" : NULL;
}

/* Paths are compared byte by byte with what the web server passes. */
static const char *fault_base_path(const char *s)
{
	size_t n = strlen(s);

	if (n == 0)
		return NULL;
	if (s[0] != '/' || s[n - 1] == '/' || strstr(s, "//"))
		return "begins with / and does not end with it";
	for (; *s; s++)
		if (!isalnum((unsigned char)*s) && !strchr("/-._~", *s))
			return "is of letters, digits and - . _ ~ between slashes";
	return NULL;
}

static const char *fault_url(const char *s)
{
	const char *why = *s ? url_fault(s, strlen(s), false) : NULL;

	return why ? why : strpbrk(s, "?#") ? "has a query or a fragment" : NULL;
}

static const char *fault_webhook(const char *s)
{
	return *s ? url_fault(s, strlen(s), false) : NULL;
}

bool host_is_loopback(const char *host, size_t n)
{
	char text[INET6_ADDRSTRLEN + 2];
	struct in_addr a;

	if (n >= sizeof(text))
		return false;
	memcpy(text, host, n);
	text[n] = '\0';
	if (!strcmp(text, "localhost") || !strcmp(text, "[::1]"))
		return true;
	return inet_pton(AF_INET, text, &a) == 1 && ntohl(a.s_addr) >> 24 == 127;
}

/* The key travels there. */
static const char *fault_base_url(const char *s)
{
	const char *why = *s ? fault_url(s) : "must not be empty", *host = s + strlen("http://");
	size_t n;

	if (why || strncasecmp(s, "http://", strlen("http://")) != 0)
		return why;
	n = *host == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":/");
	return host_is_loopback(host, n)
		       ? NULL
		       : "must be https (http is for this machine's own addresses)";
}

/* smtp://[NAME:PASSWORD@]HOST[:PORT] */
static const char *fault_smtp(const char *s)
{
	const char *host;

	if (!*s)
		return NULL;
	if (strncmp(s, "smtp://", 7) && strncmp(s, "smtps://", 8))
		return "begins with smtp:// or smtps://";
	s = strstr(s, "://") + 3;
	host = strrchr(s, '@') ? strrchr(s, '@') + 1 : s;
	for (const char *p = s; *p; p++)
		if (!isgraph((unsigned char)*p) || strchr("\"<>\\/?#", *p))
			return "has a character that is to be written as % and two hexadecimal digits";
	if (host != s && strchr(s, '@') != host - 1)
		return "has one @, and %40 in the name or the password";
	return *host && *host != ':' ? NULL : "names no server";
}

static const char *fault_mail(const char *s)
{
	return !*s || mail_address_is_plain(s) ? NULL : "is one mail address";
}

static const char *fault_level(const char *s)
{
	return log_level_find(s) >= 0
		       ? NULL
		       : "is none of \"error\", \"warning\", \"notice\", \"info\" and \"debug\"";
}

static const char *fault_tier(const char *s)
{
	return !strcmp(s, "flex") || !strcmp(s, "default") ? NULL
							   : "is none of \"flex\" and \"default\"";
}

/* Compared byte by byte with what browsers send. */
static const char *fault_origin(const char *s)
{
	const char *why, *host = strstr(s, "://");
	size_t n = strlen(s);

	if (!strcmp(s, "*"))
		return NULL;
	why = url_fault(s, n, false);
	if (why)
		return why;
	for (const char *p = s; *p; p++)
		if (isupper((unsigned char)*p) || (unsigned char)*p >= 0x80)
			return "is in lower case, and of ASCII, as browsers send it";
	if (strpbrk(host + 3, "/?#"))
		return "ends with the host or the port";
	if (s[4] == ':' ? !strcmp(s + n - 3, ":80") : !strcmp(s + n - 4, ":443"))
		return "has a port that browsers leave out";
	return NULL;
}

/* ---- The table. */

const char key_keep[] = "(kept)";

#define GENERAL(s, n) #s, #n, offsetof(struct config, s.n)
#define MODEL(n)      "model", #n, KEY_INT, offsetof(struct config_model, n)
#define PRICE(n)      "model", #n, KEY_MONEY, offsetof(struct config_model, n)
#define POLICY(n) \
	"policy", #n, KEY_DURATION, offsetof(struct config_policy, n), key_keep, LEAST, 30 * T_DAY
#define TEXT(s, n, def, fault)                                                                   \
	{                                                                                        \
#		s, #                n, KEY_TEXT, offsetof(struct config, s.n), def, 0, 0, fault \
	}
#define PATH(s, n, def)                                                                         \
	{                                                                                       \
#		s, #                n, KEY_PATH, offsetof(struct config, s.n), def, 0, 0, NULL \
	}
#define URL(s, n, def, fault)                                                                   \
	{                                                                                       \
#		s, #                n, KEY_URL, offsetof(struct config, s.n), def, 0, 0, fault \
	}
#define INT(s, n, def, min, max)                                                                   \
	{                                                                                          \
#		s, #                n, KEY_INT, offsetof(struct config, s.n), def, min, max, NULL \
	}
#define SPAN(s, n, def, max)                                                                              \
	{                                                                                                 \
#		s, #                n, KEY_DURATION, offsetof(struct config, s.n), def, LEAST, max, NULL \
	}
#define LEAST      (100 * T_MS) /* of any duration: tests and rehearsals use it */
#define DOLLARS(n) (INT64_C(1000000) * (n))

/* clang-format off */
const struct key keys[] = {
	TEXT(http, base_path, "", fault_base_path),
	{"http", "public_read", KEY_BOOL, offsetof(struct config, http.public_read), "true", 0, 0, NULL},
	URL(http, public_url, "", fault_url),
	SPAN(http, wait_max, "25s", 25 * T_S),
	INT(http, workers, "8", 1, 512),
	INT(http, max_waiting, "1024", 0, 100000),
	INT(http, rate, "1200", 0, 1000000),
	{"http", "cors_origins", KEY_LIST, offsetof(struct config, http.cors_origins), "", 0, 0, fault_origin},
	INT(http, cache, "134217728", 0, INT64_C(1) << 40),
	{"http", "metrics_public", KEY_BOOL, offsetof(struct config, http.metrics_public), "false", 0, 0, NULL},
	PATH(http, metrics_file, ""),

	TEXT(database, host, "", fault_host),
	INT(database, port, "3306", 1, 65535),
	PATH(database, socket, "/run/mysqld/mysqld.sock"),
	TEXT(database, name, "lotscribe", fault_name),
	TEXT(database, user, "", NULL),
	PATH(database, password_file, ""),
	PATH(database, tls_ca, ""),

	SPAN(daemon, lease, "30s", T_H),
	SPAN(daemon, tick, "1s", T_MIN),
	SPAN(daemon, stop_grace, "120s", T_DAY),
	PATH(daemon, state_dir, "/var/lib/batchd"),

	URL(openai, base_url, "https://api.openai.com/v1", fault_base_url),
	PATH(openai, api_key_file, "/etc/lotscribe/openai.key"),

	TEXT(describe, model, "", NULL),
	PATH(describe, prompt_file, "describe.prompt"),
	PATH(describe, schema_file, "lot-description.schema.json"),

	TEXT(translate, model, "", NULL),
	PATH(translate, prompt_file, "translate.prompt"),

	{MODEL(max_output_tokens), "4096", 1, 10000000, NULL},
	{MODEL(max_output_tokens_retry), key_keep, 1, 20000000, NULL},
	{MODEL(enqueued_tokens), "0", 0, INT64_C(1000000000000000), NULL},
	{PRICE(price_input), NULL, 0, DOLLARS(1000000), NULL},
	{PRICE(price_cached), key_keep, 0, DOLLARS(1000000), NULL},
	{PRICE(price_output), NULL, 0, DOLLARS(1000000), NULL},
	{"model", "batch_factor", KEY_PART, offsetof(struct config_model, batch_factor_ppm), "0.5", 0, 1000000, NULL},

	SPAN(batch, linger, "30s", T_DAY),
	SPAN(batch, poll_interval, "30s", T_H),
	SPAN(batch, settle, "2m", T_DAY),
	INT(batch, max_requests, "50000", 1, 50000),
	INT(batch, max_bytes, "200000000", 1000, 200000000),

	{"policy", "max_requests", KEY_INT, offsetof(struct config_policy, max_requests), key_keep, 1, 50000, NULL},
	{POLICY(alert_after), NULL},
	{POLICY(stall_after), NULL},
	{POLICY(cancel_after), NULL},
	{POLICY(cancel_grace), NULL},
	{"policy", "batch_retries", KEY_INT, offsetof(struct config_policy, batch_retries), key_keep, 0, 100, NULL},
	{POLICY(validating_after), NULL},
	{POLICY(finalizing_after), NULL},

	{"fallback", "tiers", KEY_LIST, offsetof(struct config, fallback.tiers), "flex default", 0, 0, fault_tier},
	INT(fallback, concurrency, "16", 1, 1000),
	SPAN(fallback, request_timeout, "120s", T_H),
	SPAN(fallback, flex_timeout, "900s", T_DAY),
	SPAN(fallback, estimate, "15s", T_H),
	SPAN(fallback, reserve, "15m", T_DAY),
	INT(fallback, max_attempts, "4", 1, 100),

	{"budget", "job", KEY_MONEY, offsetof(struct config, budget.job), "50", 0, DOLLARS(1000000000), NULL},
	{"budget", "day", KEY_MONEY, offsetof(struct config, budget.day), "200", 0, DOLLARS(1000000000), NULL},

	SPAN(job, deadline, "24h", 365 * T_DAY),
	SPAN(job, min_deadline, "5m", 365 * T_DAY),
	SPAN(job, max_deadline, "72h", 365 * T_DAY),
	INT(job, max_lots, "50000", 1, 50000),
	INT(job, max_items, "250000", 1, 10000000),
	INT(job, max_body, "67108864", 1024, 1 << 30),
	SPAN(job, retention, "90d", 36500 * T_DAY),
	SPAN(job, image_retention, "7d", 36500 * T_DAY),

	{"alert", "webhook_url", KEY_TEXT, offsetof(struct config, alert.webhook_url), "", 0, 0, fault_webhook},
	TEXT(alert, command, "", NULL),
	TEXT(alert, mail_to, "", fault_mail),
	TEXT(alert, smtp_url, "", fault_smtp),
	SPAN(alert, repeat, "6h", 365 * T_DAY),

	TEXT(log, level, "info", fault_level),
};
/* clang-format on */

const size_t n_keys = sizeof(keys) / sizeof(keys[0]);

const struct key *key_find(const char *section, const char *name)
{
	for (size_t i = 0; i < n_keys; i++)
		if (!strcmp(keys[i].section, section) && !strcmp(keys[i].name, name))
			return &keys[i];
	return NULL;
}

bool section_is_known(const char *section)
{
	for (size_t i = 0; i < n_keys; i++)
		if (!strcmp(keys[i].section, section))
			return true;
	return false;
}

bool section_is_titled(const char *section)
{
	return !strcmp(section, "model") || !strcmp(section, "policy");
}

/* ---- Values. */

int money_parse(const char *s, int64_t *micro)
{
	int64_t value = 0;
	int decimals = -1; /* none, until a point was seen */

	if (!isdigit((unsigned char)*s))
		return -1;
	for (; *s; s++) {
		if (*s == '.' && decimals < 0 && isdigit((unsigned char)s[1])) {
			decimals = 0;
			continue;
		}
		if (!isdigit((unsigned char)*s) || decimals == 6 ||
		    __builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, *s - '0', &value))
			return -1;
		decimals += decimals >= 0;
	}
	for (decimals = decimals < 0 ? 0 : decimals; decimals < 6; decimals++)
		if (__builtin_mul_overflow(value, 10, &value))
			return -1;
	*micro = value;
	return 0;
}

static int int_parse(const char *s, int64_t *value)
{
	size_t n = strlen(s);

	if (n == 0 || n > 18 || strspn(s, "0123456789") != n)
		return -1;
	*value = strtoll(s, NULL, 10);
	return 0;
}

/* What a number must look like, for the message. */
static const char *form_of(enum key_kind kind)
{
	switch (kind) {
	case KEY_INT:
		return "a whole number";
	case KEY_DURATION:
		return "a duration such as \"250ms\", \"30s\", \"15m\", \"2h\", \"7d\"";
	case KEY_MONEY:
		return "an amount in USD such as \"12.50\"";
	case KEY_PART:
		return "a number from 0 to 1 such as 0.5";
	case KEY_BOOL:
		return "true or false";
	case KEY_TEXT:
	case KEY_PATH:
	case KEY_URL:
	case KEY_LIST:
		break;
	}
	return "a text";
}

static int number_parse(enum key_kind kind, const char *text, int64_t *value)
{
	if (kind == KEY_INT)
		return int_parse(text, value);
	if (kind == KEY_DURATION)
		return duration_parse(text, strlen(text), value);
	return money_parse(text, value);
}

static void number_write(enum key_kind kind, int64_t v, struct strbuf *out)
{
	if (kind == KEY_INT) {
		strbuf_addi(out, v);
	} else if (kind == KEY_DURATION) {
		duration_write(v, out);
	} else {
		int decimals = 6;
		int64_t part = v % 1000000;

		for (; decimals > 0 && part % 10 == 0; decimals--)
			part /= 10;
		strbuf_addi(out, v / 1000000);
		if (decimals)
			strbuf_addf(out, ".%0*lld", decimals, (long long)part);
	}
}

static const char *number_read(const struct key *k, const char *text, int64_t *field, char *why,
			       size_t size)
{
	struct strbuf range;
	int64_t value;

	if (number_parse(k->kind, text, &value)) {
		snprintf(why, size, "\"%.60s\" is not %s", text, form_of(k->kind));
		return why;
	}
	if (value >= k->min && value <= k->max) {
		*field = value;
		return NULL;
	}
	strbuf_init(&range, 128);
	number_write(k->kind, k->min, &range);
	strbuf_adds(&range, " to ");
	number_write(k->kind, k->max, &range);
	snprintf(why, size, "%.60s is out of range (%s)", text, range.data);
	strbuf_clear(&range);
	return why;
}

static void text_store(const struct key *k, const char *text, char **field)
{
	size_t n = strlen(text);

	free(*field);
	*field = config_strdup(text);
	while (k->kind == KEY_URL && n > 0 && (*field)[n - 1] == '/')
		(*field)[--n] = '\0';
}

const char *key_read(const struct key *k, const char *text, void *base, char *why, size_t size)
{
	void *field = (char *)base + k->at;
	const char *fault = k->fault ? k->fault(text) : NULL;
	int b;

	if (fault) {
		if (!strcmp(k->section, "alert") && strstr(k->name, "_url"))
			return fault; /* a token or a login may be in it, and faults are logged */
		snprintf(why, size, "\"%.60s\" %s", text, fault);
		return why;
	}
	switch (k->kind) {
	case KEY_INT:
	case KEY_DURATION:
	case KEY_MONEY:
	case KEY_PART:
		return number_read(k, text, field, why, size);
	case KEY_BOOL:
		b = cfg_parse_boolean(text);
		if (b >= 0) {
			*(bool *)field = b;
			return NULL;
		}
		snprintf(why, size, "\"%.60s\" is not %s", text, form_of(k->kind));
		return why;
	case KEY_TEXT:
	case KEY_PATH:
	case KEY_URL:
		text_store(k, text, field);
		break;
	case KEY_LIST:
		break;
	}
	return NULL;
}

void duration_write(int64_t us, struct strbuf *out)
{
	static const struct {
		int64_t us;
		const char *name;
	} units[] = {{T_DAY, "d"}, {T_H, "h"}, {T_MIN, "m"}, {T_S, "s"}, {T_MS, "ms"}};
	size_t i = 0;

	while (i < 4 && us % units[i].us != 0)
		i++;
	strbuf_addf(out, "%lld%s", (long long)(us / units[i].us), units[i].name);
}

void text_write(const char *s, struct strbuf *out)
{
	strbuf_addc(out, '"');
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			strbuf_addc(out, '\\');
		strbuf_addc(out, *s);
	}
	strbuf_addc(out, '"');
}

void key_write(const struct key *k, const void *base, struct strbuf *out)
{
	const void *field = (const char *)base + k->at;

	switch (k->kind) {
	case KEY_TEXT:
	case KEY_PATH:
	case KEY_URL:
		text_write(*(char *const *)field, out);
		break;
	case KEY_BOOL:
		strbuf_adds(out, *(const bool *)field ? "true" : "false");
		break;
	case KEY_DURATION:
	case KEY_MONEY:
		strbuf_addc(out, '"');
		number_write(k->kind, *(const int64_t *)field, out);
		strbuf_addc(out, '"');
		break;
	case KEY_INT:
	case KEY_PART:
		number_write(k->kind, *(const int64_t *)field, out);
		break;
	case KEY_LIST:
		break;
	}
}
