/* SPDX-License-Identifier: ISC */
#include "core/alert_text.h"

#include <stdbool.h>
#include <string.h>

#include "core/timemath.h"
#include "core/utf8.h"

#define NO_END           "0001-01-01T00:00:00Z"
#define BODY_BYTES       (256u << 10)
#define BASE64_LINE      57 /* bytes: 76 characters */
#define ENCODED_WORD     45 /* bytes: 60 characters, 75 with what is around them */
#define MAIL_TITLE_BYTES 160

const char *alert_status_name(const struct alert_group *g)
{
	for (size_t i = 0; i < g->n; i++)
		if (!g->alerts[i].cleared_at)
			return "firing";
	return "resolved";
}

static const struct alert_word *word(const struct alert_group *g)
{
	return &alert_words[g->alerts[0].kind];
}

/* --- lines for people --- */

static void add_line(const struct alert_message *a, struct strbuf *out)
{
	strbuf_addf(out, "[%s] %s", a->cleared_at ? "RESOLVED" : "FIRING",
		    alert_words[a->kind].name);
	if (a->subject[0])
		strbuf_addf(out, " %s", a->subject);
	if (!a->cleared_at && a->message[0])
		strbuf_addf(out, ": %s", a->message);
	strbuf_addc(out, '\n');
}

/* What it is, a line for each, what to do. */
static void add_lines(const struct alert_group *g, struct strbuf *out)
{
	const bool goes_on = alert_status_name(g)[0] == 'f';

	strbuf_addf(out, "lotscribe on %s: %s%s.\n", g->instance,
		    goes_on ? "" : "over: ", word(g)->summary);
	for (size_t i = 0; i < g->n; i++)
		add_line(&g->alerts[i], out);
	if (goes_on)
		strbuf_addf(out, "What to do: %s.", word(g)->advice);
}

/* Slack takes "<...>" for links and for calls to people. */
static void add_slack(const struct alert_group *g, struct strbuf *out)
{
	struct strbuf lines, text;

	strbuf_init(&lines, BODY_BYTES);
	strbuf_init(&text, 5 * BODY_BYTES);
	add_lines(g, &lines);
	for (const char *s = lines.data; *s; s++) {
		if (*s == '&')
			strbuf_adds(&text, "&amp;");
		else if (*s == '<')
			strbuf_adds(&text, "&lt;");
		else if (*s == '>')
			strbuf_adds(&text, "&gt;");
		else
			strbuf_addc(&text, *s);
	}
	strbuf_add_json(out, text.data, text.len);
	out->failed |= strbuf_failed(&lines) || strbuf_failed(&text);
	strbuf_clear(&lines);
	strbuf_clear(&text);
}

/* --- JSON --- */

static void add_member(struct strbuf *out, const char *name, const char *value)
{
	strbuf_addf(out, "\"%s\":", name);
	strbuf_adds_json(out, value);
	strbuf_addc(out, ',');
}

/* What all of them have: labels of one alert but its subject. */
static void add_common_labels(const struct alert_group *g, struct strbuf *out)
{
	add_member(out, "alertname", word(g)->name);
	add_member(out, "severity", alert_severity_names[word(g)->severity]);
	add_member(out, "service", "lotscribe");
	strbuf_adds(out, "\"instance\":");
	strbuf_adds_json(out, g->instance);
}

static void add_alert(const struct alert_group *g, const struct alert_message *a,
		      struct strbuf *out)
{
	strbuf_addf(out, "{\"status\":\"%s\",\"labels\":{", a->cleared_at ? "resolved" : "firing");
	add_common_labels(g, out);
	if (a->subject[0]) {
		strbuf_adds(out, ",\"subject\":");
		strbuf_adds_json(out, a->subject);
	}
	strbuf_adds(out, "},\"annotations\":{");
	add_member(out, "summary", word(g)->summary);
	add_member(out, "description", a->message);
	strbuf_adds(out, "\"advice\":");
	strbuf_adds_json(out, word(g)->advice);
	strbuf_adds(out, "},\"startsAt\":");
	strbuf_add_time(out, a->first_at);
	strbuf_adds(out, ",\"endsAt\":");
	if (a->cleared_at)
		strbuf_add_time(out, a->cleared_at);
	else
		strbuf_adds(out, "\"" NO_END "\"");
	strbuf_adds(out, ",\"generatorURL\":");
	strbuf_adds_json(out, g->url);
	strbuf_addf(out, ",\"fingerprint\":\"%016llx\"}",
		    (unsigned long long)alert_fingerprint(a->kind, a->subject));
}

void alert_text_json(const struct alert_group *g, struct strbuf *out)
{
	strbuf_adds(out, "{\"version\":\"4\",");
	strbuf_addf(out, "\"groupKey\":\"{}:{alertname=\\\"%s\\\"}\",\"truncatedAlerts\":0,",
		    word(g)->name);
	add_member(out, "status", alert_status_name(g));
	add_member(out, "receiver", "lotscribe");
	strbuf_addf(out, "\"groupLabels\":{\"alertname\":\"%s\"},\"commonLabels\":{",
		    word(g)->name);
	add_common_labels(g, out);
	strbuf_adds(out, "},\"commonAnnotations\":{");
	add_member(out, "summary", word(g)->summary);
	strbuf_adds(out, "\"advice\":");
	strbuf_adds_json(out, word(g)->advice);
	strbuf_adds(out, "},");
	add_member(out, "externalURL", g->url);
	strbuf_adds(out, "\"text\":");
	add_slack(g, out);
	strbuf_adds(out, ",\"alerts\":[");
	for (size_t i = 0; i < g->n; i++) {
		if (i > 0)
			strbuf_addc(out, ',');
		add_alert(g, &g->alerts[i], out);
	}
	strbuf_adds(out, "]}");
}

/* --- mail --- */

bool mail_address_is_plain(const char *text)
{
	const char *at = strchr(text, '@');

	for (const char *s = text; *s; s++)
		if (*s <= 0x20 || *s > 0x7e || strchr("<>\"\\,;:()", *s))
			return false;
	return at && at > text && at[1] && !strchr(at + 1, '@');
}

static bool is_plain(const char *text)
{
	for (; *text; text++)
		if (*text < 0x20 || *text > 0x7e)
			return false;
	return true;
}

/* RFC 2047: words of at most 75 characters, each of whole characters, one a line. */
static void add_header_text(struct strbuf *out, const char *text)
{
	size_t n = strlen(text);

	if (is_plain(text) && !strstr(text, "=?")) {
		strbuf_adds(out, text);
		return;
	}
	while (n > 0) {
		const size_t most = n < ENCODED_WORD ? n : ENCODED_WORD;
		const size_t part = utf8_whole(text, most) ? utf8_whole(text, most) : most;

		strbuf_adds(out, "=?utf-8?B?");
		strbuf_add_base64(out, text, part);
		strbuf_adds(out, part < n ? "?=\r\n " : "?=");
		text += part;
		n -= part;
	}
}

static void add_subject(const struct alert_group *g, struct strbuf *out)
{
	char title[MAIL_TITLE_BYTES] = "";
	struct strbuf text;

	strbuf_init(&text, 1024);
	strbuf_addf(&text, "[lotscribe] %s: %s",
		    alert_status_name(g)[0] == 'f' ? alert_severity_names[word(g)->severity]
						   : "over",
		    word(g)->name);
	if (g->n > 1)
		strbuf_addf(&text, " (%zu)", g->n);
	else if (g->alerts[0].subject[0])
		strbuf_addf(&text, " %s", g->alerts[0].subject);
	utf8_copy(title, sizeof(title), text.data);
	strbuf_clear(&text);
	strbuf_adds(out, "Subject: ");
	add_header_text(out, title);
	strbuf_adds(out, "\r\n");
}

static void add_date(struct strbuf *out, int64_t now)
{
	static const char days[] = "ThuFriSatSunMonTueWed"; /* from 1970-01-01 */
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	const int64_t day = now / T_DAY, second = now % T_DAY / T_S;
	int year, month, date;

	days_to_civil(day, &year, &month, &date);
	strbuf_addf(out, "Date: %.3s, %d %.3s %d %02d:%02d:%02d +0000\r\n", days + 3 * (day % 7),
		    date, months + 3 * (month - 1), year, (int)(second / 3600),
		    (int)(second / 60 % 60), (int)(second % 60));
}

static void add_body(const struct alert_group *g, struct strbuf *out)
{
	struct strbuf body;

	strbuf_init(&body, BODY_BYTES);
	add_lines(g, &body);
	if (g->url[0])
		strbuf_addf(&body, "\n%s", g->url);
	strbuf_addc(&body, '\n');
	for (size_t at = 0; at < body.len; at += BASE64_LINE) {
		const size_t rest = body.len - at;

		strbuf_add_base64(out, body.data + at, rest < BASE64_LINE ? rest : BASE64_LINE);
		strbuf_adds(out, "\r\n");
	}
	out->failed |= strbuf_failed(&body);
	strbuf_clear(&body);
}

void alert_text_mail(const struct alert_group *g, const struct alert_mail *m, struct strbuf *out)
{
	strbuf_addf(out, "From: lotscribe <%s>\r\nTo: <%s>\r\n", m->from, m->to);
	add_subject(g, out);
	add_date(out, m->now);
	strbuf_addf(out, "Message-ID: <%s@%s>\r\n", m->id, strrchr(m->from, '@') + 1);
	strbuf_adds(out, "Auto-Submitted: auto-generated\r\n"
			 "MIME-Version: 1.0\r\n"
			 "Content-Type: text/plain; charset=utf-8\r\n"
			 "Content-Transfer-Encoding: base64\r\n\r\n");
	add_body(g, out);
}
