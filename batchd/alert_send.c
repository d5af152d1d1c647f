/* SPDX-License-Identifier: ISC */
#include "batchd/alert_send.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/config.h"
#include "common/must.h"
#include "core/alert_text.h"

#define CONNECT_SECONDS 10L
#define ANSWER_SECONDS  10L
#define SECONDS         30L /* the whole of it */

struct sender {
	pthread_t thread;
	bool has_thread;
	atomic_bool is_over, is_cut;
	CURLcode code; /* these are the thread's until it is over */
	long status;
	char error[CURL_ERROR_SIZE];
	char *url, *from, *to, *text;
	size_t text_n, text_at;
};

struct sender *sender_new(void)
{
	return must(calloc(1, sizeof(struct sender)));
}

static void forget(struct sender *s)
{
	free(s->url);
	free(s->from);
	free(s->to);
	free(s->text);
	s->url = s->from = s->to = s->text = NULL;
}

static void join(struct sender *s)
{
	pthread_join(s->thread, NULL);
	s->has_thread = false;
	forget(s);
}

void sender_free(struct sender **s)
{
	if (!*s)
		return;
	atomic_store(&(*s)->is_cut, true);
	if ((*s)->has_thread)
		join(*s);
	free(*s);
	*s = NULL;
}

/* --- in the thread --- */

static size_t ignore(char *data, size_t one, size_t n, void *arg)
{
	(void)data, (void)one, (void)arg;
	return n;
}

static size_t read_text(char *out, size_t one, size_t n, void *arg)
{
	struct sender *s = arg;
	const size_t left = s->text_n - s->text_at, most = one * n < left ? one * n : left;

	memcpy(out, s->text + s->text_at, most);
	s->text_at += most;
	return most;
}

static int on_progress(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	struct sender *s = arg;

	(void)a, (void)b, (void)c, (void)d;
	return atomic_load(&s->is_cut);
}

static void set_common(CURL *e, struct sender *s)
{
	curl_easy_setopt(e, CURLOPT_URL, s->url);
	curl_easy_setopt(e, CURLOPT_ERRORBUFFER, s->error);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, ignore);
	curl_easy_setopt(e, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(e, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(e, CURLOPT_XFERINFODATA, s);
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT, CONNECT_SECONDS);
	curl_easy_setopt(e, CURLOPT_SERVER_RESPONSE_TIMEOUT, ANSWER_SECONDS);
	curl_easy_setopt(e, CURLOPT_TIMEOUT, SECONDS);
	curl_easy_setopt(e, CURLOPT_USERAGENT, "lotscribe");
	curl_easy_setopt(e, CURLOPT_QUICK_EXIT, 1L); /* a stop waits for no name server */
}

/* A part of a URL, decoded; NULL where it has none. Free with curl_free. */
static char *url_part(const char *url, CURLUPart part)
{
	CURLU *u = must(curl_url());
	char *text = NULL;

	if (curl_url_set(u, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK ||
	    curl_url_get(u, part, &text, CURLU_URLDECODE) != CURLUE_OK)
		text = NULL;
	curl_url_cleanup(u);
	return text;
}

/*
 * A password goes through TLS alone; what has none takes it where it is offered. To this machine
 * itself it is of no use, and certificates there seldom name it.
 */
static long tls_of(const char *url)
{
	char *host = url_part(url, CURLUPART_HOST), *user = url_part(url, CURLUPART_USER);
	const bool is_local = host && host_is_loopback(host, strlen(host));
	const long use = is_local ? CURLUSESSL_NONE : user ? CURLUSESSL_ALL : CURLUSESSL_TRY;

	curl_free(host);
	curl_free(user);
	return use;
}

static struct curl_slist *set_mail(CURL *e, struct sender *s)
{
	struct curl_slist *to = must(curl_slist_append(NULL, s->to));

	set_common(e, s);
	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
	curl_easy_setopt(e, CURLOPT_USE_SSL, tls_of(s->url));
	curl_easy_setopt(e, CURLOPT_MAIL_FROM, s->from);
	curl_easy_setopt(e, CURLOPT_MAIL_RCPT, to);
	curl_easy_setopt(e, CURLOPT_READFUNCTION, read_text);
	curl_easy_setopt(e, CURLOPT_READDATA, s);
	curl_easy_setopt(e, CURLOPT_UPLOAD, 1L);
	return to;
}

static struct curl_slist *set_post(CURL *e, struct sender *s)
{
	struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");

	headers = must(curl_slist_append(must(headers), "Expect:"));
	set_common(e, s);
	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(e, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE, (long)s->text_n);
	curl_easy_setopt(e, CURLOPT_POSTFIELDS, s->text);
	return headers;
}

static void *deliver(void *arg)
{
	struct sender *s = arg;
	CURL *e = must(curl_easy_init());
	struct curl_slist *list = s->to ? set_mail(e, s) : set_post(e, s);

	s->code = curl_easy_perform(e);
	curl_easy_getinfo(e, CURLINFO_RESPONSE_CODE, &s->status);
	curl_easy_cleanup(e);
	curl_slist_free_all(list);
	atomic_store(&s->is_over, true);
	return NULL;
}

/* --- in the loop --- */

void sender_start(struct sender *s, const struct alert_post *post)
{
	s->url = must(strdup(post->url));
	s->from = post->from ? must(strdup(post->from)) : NULL;
	s->to = post->to ? must(strdup(post->to)) : NULL;
	s->text = must(malloc(post->text_n + 1));
	memcpy(s->text, post->text, post->text_n);
	s->text_n = post->text_n;
	s->text_at = 0;
	s->status = 0;
	s->error[0] = '\0';
	atomic_store(&s->is_over, false);
	if (pthread_create(&s->thread, NULL, deliver, s) == 0) {
		s->has_thread = true;
		return;
	}
	forget(s); /* told as a failure, and tried again */
	s->code = CURLE_OUT_OF_MEMORY;
	atomic_store(&s->is_over, true);
}

enum delivery sender_poll(struct sender *s, struct err *err)
{
	const bool is_mail = s->to != NULL;

	if (!s->has_thread && !atomic_load(&s->is_over))
		return DELIVERY_NONE;
	if (!atomic_load(&s->is_over))
		return DELIVERY_ON_ITS_WAY;
	if (s->has_thread)
		join(s);
	atomic_store(&s->is_over, false);
	if (s->code != CURLE_OK)
		err_set(err, ERR_LATER, (int)s->code, "%.200s",
			s->error[0] ? s->error : curl_easy_strerror(s->code));
	else if (!is_mail && (s->status < 200 || s->status > 299))
		err_set(err, ERR_LATER, (int)s->status, "HTTP %ld", s->status);
	else
		return DELIVERY_DONE;
	return DELIVERY_FAILED;
}

void sender_address(const char *smtp_url, const char *instance, char *out, size_t size)
{
	char *user = url_part(smtp_url, CURLUPART_USER);

	if (user && mail_address_is_plain(user))
		snprintf(out, size, "%s", user);
	else
		snprintf(out, size, "lotscribe@%s", instance);
	curl_free(user);
}
