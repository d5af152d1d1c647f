/* SPDX-License-Identifier: ISC */
/* Messages in the form of their receiver, sent off (batchd/alert_tell.h). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "batchd/alert_private.h"
#include "batchd/alert_tell.h"
#include "common/clock.h"
#include "common/must.h"
#include "core/timemath.h"

#define MESSAGE_BYTES (2u << 20)
#define ADDRESS_SIZE  320
#define ENTRIES       9

static int post(const struct daemon *d, const struct alert_group *g, struct strbuf *text,
		struct err *err)
{
	struct alert_post p = {.url = d->config->alert.webhook_url};

	alert_text_json(g, text);
	if (strbuf_failed(text))
		return err_set(err, ERR_BUG, 0, "the message does not fit");
	p.text = text->data;
	p.text_n = text->len;
	sender_start(d->alerts->tellers->webhook, &p);
	return 0;
}

static int mail(const struct daemon *d, const struct alert_group *g, struct strbuf *text,
		struct err *err)
{
	char from[ADDRESS_SIZE], id[33];
	unsigned char random[16];
	const struct alert_mail m = {.from = from,
				     .to = d->config->alert.mail_to,
				     .id = id,
				     .now = daemon_now(d)};
	struct alert_post p = {.url = d->config->alert.smtp_url, .from = from, .to = m.to};

	sender_address(p.url, g->instance, from, sizeof(from));
	clock_random(random, sizeof(random));
	for (size_t i = 0; i < sizeof(random); i++)
		snprintf(id + 2 * i, 3, "%02x", random[i]);
	alert_text_mail(g, &m, text);
	if (strbuf_failed(text))
		return err_set(err, ERR_BUG, 0, "the message does not fit");
	p.text = text->data;
	p.text_n = text->len;
	sender_start(d->alerts->tellers->mail, &p);
	return 0;
}

/* "LOTSCRIBE_ALERT_<name>=<value>" */
static char *entry(const char *name, const char *value)
{
	const size_t size = strlen(name) + strlen(value) + 2;
	char *text = must(malloc(size));

	snprintf(text, size, "%s=%s", name, value);
	return text;
}

static void time_text(int64_t at, char out[RFC3339_SIZE])
{
	out[0] = '\0';
	if (at)
		rfc3339_format(at, out);
}

/* Of one alert: in the environment for a shell, on standard input for a program. */
static int run(const struct daemon *d, const struct alert_group *g, struct strbuf *text,
	       struct err *err)
{
	const struct alert_message *a = &g->alerts[0];
	const struct alert_word *w = &alert_words[a->kind];
	const char *path = getenv("PATH");
	char since[RFC3339_SIZE], until[RFC3339_SIZE];
	int rc;

	time_text(a->first_at, since);
	time_text(a->cleared_at, until);
	char *entries[ENTRIES + 1] = {
		entry("PATH", path ? path : "/usr/local/bin:/usr/bin:/bin"),
		entry("LOTSCRIBE_ALERT_STATUS", alert_status_name(g)),
		entry("LOTSCRIBE_ALERT_KIND", w->name),
		entry("LOTSCRIBE_ALERT_SUBJECT", a->subject),
		entry("LOTSCRIBE_ALERT_SEVERITY", alert_severity_names[w->severity]),
		entry("LOTSCRIBE_ALERT_SUMMARY", w->summary),
		entry("LOTSCRIBE_ALERT_MESSAGE", a->message),
		entry("LOTSCRIBE_ALERT_SINCE", since),
		entry("LOTSCRIBE_ALERT_UNTIL", until),
	};

	alert_text_json(g, text);
	rc = strbuf_failed(text)
		     ? err_set(err, ERR_BUG, 0, "the message does not fit")
		     : runner_start(d->alerts->tellers->command, d->config->alert.command, entries,
				    text->data, text->len, err);
	for (size_t i = 0; i < ENTRIES; i++)
		free(entries[i]);
	return rc;
}

int alert_dispatch(struct daemon *d, enum receiver receiver, const struct alert_message *messages,
		   size_t n, struct err *err)
{
	const struct alert_group g = {.alerts = messages,
				      .n = n,
				      .instance = d->alerts->tellers->instance,
				      .url = d->config->http.public_url};
	struct strbuf text;
	int rc = 0;

	strbuf_init(&text, MESSAGE_BYTES);
	if (receiver == RECEIVER_WEBHOOK)
		rc = post(d, &g, &text, err);
	else if (receiver == RECEIVER_MAIL)
		rc = mail(d, &g, &text, err);
	else
		rc = run(d, &g, &text, err);
	strbuf_clear(&text);
	return rc;
}
