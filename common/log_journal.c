/* SPDX-License-Identifier: ISC */
/* log_journal: see log_journal.h. */
#include "common/log_journal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/uuid.h"

#if HAVE_SYSTEMD
#	define SD_JOURNAL_SUPPRESS_LOCATION
#	include <systemd/sd-journal.h>
#endif

static const struct field {
	const char *key, *name;
} fields[] = {
	{"job", "LOTSCRIBE_JOB_ID"},   {"batch", "LOTSCRIBE_BATCH_ID"},
	{"item", "LOTSCRIBE_ITEM_ID"}, {"account", "LOTSCRIBE_ACCOUNT_ID"},
	{"key", "LOTSCRIBE_KEY_ID"},   {"kind", "LOTSCRIBE_KIND"},
	{"code", "LOTSCRIBE_CODE"},
};

#define N_FIELDS (sizeof(fields) / sizeof(fields[0]))
_Static_assert(N_FIELDS < LOG_FIELDS, "the event's name comes first");

static bool is_told(const struct field *f, const char *value, size_t n)
{
	if (n == 0 || (n == 1 && (*value == '-' || *value == '0')))
		return false;
	return strcmp(f->key, "job") != 0 || uuid_is_valid(value, n);
}

/* "key=value" from here, to the blank behind it or the end. Sets the two lengths; false: it is none. */
static bool pair_at(const char *s, size_t *key, size_t *value)
{
	const char *v;

	*key = strspn(s, "abcdefghijklmnopqrstuvwxyz_");
	if (*key == 0 || s[*key] != '=')
		return false;
	v = s + *key + 1;
	*value = *v == '"' ? 1 + strcspn(v + 1, "\"") : strcspn(v, " ");
	*value += *v == '"' && v[*value] == '"';
	return true;
}

static const struct field *field_of(const char *key, size_t n)
{
	for (size_t i = 0; i < N_FIELDS; i++)
		if (strlen(fields[i].key) == n && strncmp(fields[i].key, key, n) == 0)
			return &fields[i];
	return NULL;
}

size_t log_fields(const char *line, char out[LOG_FIELDS][LOG_FIELD_SIZE])
{
	bool has[N_FIELDS] = {false};
	size_t n = 0, key, value;
	const char *s = line;

	while (*s && !pair_at(s, &key, &value)) {
		s += strcspn(s, " ");
		s += strspn(s, " ");
	}
	if (s > line && s - line < 64)
		snprintf(out[n++], LOG_FIELD_SIZE, "LOTSCRIBE_EVENT=%.*s",
			 (int)(s - line) - (*s ? 1 : 0), line);
	while (*s) {
		if (pair_at(s, &key, &value)) {
			const struct field *f = field_of(s, key);
			const char *v = s + key + 1;

			if (f && !has[f - fields] && *v != '"' && value < LOG_FIELD_SIZE / 2 &&
			    is_told(f, v, value)) {
				has[f - fields] = true;
				snprintf(out[n++], LOG_FIELD_SIZE, "%s=%.*s", f->name, (int)value,
					 v);
			}
			s = v + value;
		} else {
			s += strcspn(s, " ");
		}
		s += strspn(s, " ");
	}
	return n;
}

#if HAVE_SYSTEMD
bool log_journal_is(int fd)
{
	const char *stream = getenv("JOURNAL_STREAM");
	char mine[64];
	struct stat st;

	if (!stream || fstat(fd, &st) < 0)
		return false;
	snprintf(mine, sizeof(mine), "%llu:%llu", (unsigned long long)st.st_dev,
		 (unsigned long long)st.st_ino);
	return strcmp(stream, mine) == 0;
}

static struct iovec text(char *s)
{
	return (struct iovec){.iov_base = s, .iov_len = strlen(s)};
}

int log_journal_send(const char *program, int level, const char *line)
{
	char message[4096 + 16], priority[16], identifier[64], more[LOG_FIELDS][LOG_FIELD_SIZE];
	struct iovec v[3 + LOG_FIELDS];
	const size_t n = log_fields(line, more);

	snprintf(message, sizeof(message), "MESSAGE=%s", line);
	snprintf(priority, sizeof(priority), "PRIORITY=%d", level);
	snprintf(identifier, sizeof(identifier), "SYSLOG_IDENTIFIER=%s", program);
	v[0] = text(message);
	v[1] = text(priority);
	v[2] = text(identifier);
	for (size_t i = 0; i < n; i++)
		v[3 + i] = text(more[i]);
	return sd_journal_sendv(v, (int)(3 + n)) < 0 ? -1 : 0;
}
#else
bool log_journal_is(int fd)
{
	(void)fd;
	return false;
}

int log_journal_send(const char *program, int level, const char *line)
{
	(void)program;
	(void)level;
	(void)line;
	return -1;
}
#endif
