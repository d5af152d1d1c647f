/* SPDX-License-Identifier: ISC */
/*
 * alert_text: alerts as receivers read them. Messages hold text from outside: each form escapes it.
 *
 * The JSON is what Alertmanager POSTs to webhooks, version "4", as documented at
 * https://prometheus.io/docs/alerting/latest/configuration/#webhook_config and as its template.Data
 * is serialized (an alert that fires has the year 1 as endsAt); beside its members stands "text",
 * which is all that Slack and its like read (https://api.slack.com/messaging/webhooks).
 */
#ifndef CORE_ALERT_TEXT_H
#define CORE_ALERT_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "core/alert.h"
#include "core/strbuf.h"

struct alert_message { /* texts are borrowed */
	enum alert_kind kind;
	const char *subject, *message;
	int64_t first_at, cleared_at; /* 0: it goes on */
};

/* Of one kind, at least one. */
struct alert_group {
	const struct alert_message *alerts;
	size_t n;
	const char *instance; /* the machine's name */
	const char *url;      /* of the service; "" = none */
};

/* "firing" while one of them goes on, or "resolved". */
const char *alert_status_name(const struct alert_group *g);
/* Append; what does not fit marks the buffer as failed, as in all three. */
void alert_text_json(const struct alert_group *g, struct strbuf *out);

/* One address without a display name: name@host of printable ASCII, nothing that needs quotes. */
bool mail_address_is_plain(const char *text);

struct alert_mail {
	const char *from, *to; /* plain */
	const char *id;        /* unique, before the @ of the Message-ID */
	int64_t now;
};
/* A whole message of RFC 5322 with CRLF; the body is base64, the subject in encoded words. */
void alert_text_mail(const struct alert_group *g, const struct alert_mail *m, struct strbuf *out);

#endif
