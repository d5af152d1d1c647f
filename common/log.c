/* SPDX-License-Identifier: ISC */
/*
 * log: see log.h. A line is built in one buffer and written by one call,
 * so that threads do not mix.
 */
#include "common/log.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/log_journal.h"

#define HEAD_SIZE 64
#define LINE_SIZE (4096 - HEAD_SIZE) /* with its head: what a pipe takes in one piece */
#define KEPT_SIZE 16384

static const char *log_program = "lotscribe";
static atomic_int log_level = LOG_LEVEL_INFO;
static bool log_to_terminal, log_to_journal;

/* Of the transaction at hand, each with its NUL. */
static _Thread_local struct {
	bool open;
	size_t n;
	char lines[KEPT_SIZE];
} kept;

void log_init(const char *program, enum log_level level)
{
	log_program = program;
	atomic_store(&log_level, (int)level);
	log_to_terminal = isatty(STDERR_FILENO);
	log_to_journal = log_journal_is(STDERR_FILENO);
}

bool log_is_on(enum log_level level)
{
	return (int)level <= atomic_load(&log_level);
}

int log_level_find(const char *name)
{
	static const char *const names[] = {"error", "warning", "notice", "info", "debug"};

	for (int i = 0; i < 5; i++)
		if (!strcmp(name, names[i]))
			return LOG_LEVEL_ERR + i;
	return -1;
}

void log_set_level(const char *name)
{
	atomic_store(&log_level, log_level_find(name));
}

static bool is_key_char(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '-' || c == '.' || c == '~' ||
	       c == '+' || c == '/' || c == '=';
}

static bool is_word_char(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* What follows these is secret. A short rest is none: prose and ids say "sk-" too. */
static const struct mark {
	const char *text;
	size_t min_rest;
} marks[] = {
	{"sk-", 8},
	{"lot_", 12},
	{"Bearer ", 1},
	{"bearer ", 1},
};

/* The length of the mark that begins here and is followed by a secret, or 0. */
static size_t mark_at(const char *line, size_t pos, size_t *secret_len)
{
	if (pos > 0 && is_word_char(line[pos - 1]))
		return 0;
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		size_t n = strlen(marks[i].text), rest = 0;

		if (strncmp(line + pos, marks[i].text, n))
			continue;
		while (is_key_char(line[pos + n + rest]))
			rest++;
		*secret_len = rest;
		if (rest >= marks[i].min_rest)
			return n;
	}
	return 0;
}

void log_redact(char *line)
{
	char *to = line;

	for (size_t pos = 0; line[pos];) {
		size_t secret, n = mark_at(line, pos, &secret);

		if (n == 0) {
			*to++ = line[pos++];
			continue;
		}
		memmove(to, line + pos, n);
		to += n;
		*to++ = '*'; /* a secret has one character at least: never longer than it was */
		pos += n + secret;
	}
	*to = '\0';
}

/* A line stays one line, and does not command a terminal. */
static void escape_controls(char *line)
{
	for (; *line; line++)
		if ((unsigned char)*line < 0x20 || *line == 0x7f)
			*line = ' ';
}

static void write_line(enum log_level level, const char *text)
{
	char line[HEAD_SIZE + LINE_SIZE];
	int n;

	if (log_to_journal && log_journal_send(log_program, (int)level, text) == 0)
		return;
	if (log_to_terminal)
		n = snprintf(line, sizeof(line), "%.*s: %s\n", HEAD_SIZE - 4, log_program, text);
	else
		n = snprintf(line, sizeof(line), "<%d>%s\n", (int)level, text);
	if (write(STDERR_FILENO, line, (size_t)n) < 0)
		return; /* nowhere to tell it */
}

/* false: not to be written. */
__attribute__((format(printf, 3, 0))) static bool
make_line(enum log_level level, char line[LINE_SIZE], const char *fmt, va_list ap)
{
	if (!log_is_on(level) || vsnprintf(line, LINE_SIZE, fmt, ap) < 0)
		return false;
	escape_controls(line);
	log_redact(line);
	return true;
}

__attribute__((format(printf, 2, 0))) static void log_line(enum log_level level, const char *fmt,
							   va_list ap)
{
	char line[LINE_SIZE];

	if (make_line(level, line, fmt, ap))
		write_line(level, line);
}

void log_when_committed(const char *fmt, ...)
{
	char line[LINE_SIZE];
	size_t size;
	va_list ap;
	bool is_made;

	va_start(ap, fmt);
	is_made = make_line(LOG_LEVEL_INFO, line, fmt, ap);
	va_end(ap);
	if (!is_made)
		return;
	size = strlen(line) + 1;
	if (!kept.open) {
		write_line(LOG_LEVEL_INFO, line);
	} else if (size <= sizeof(kept.lines) - kept.n) {
		memcpy(kept.lines + kept.n, line, size);
		kept.n += size;
	}
}

void log_tx_begin(void)
{
	kept.open = true;
	kept.n = 0;
}

void log_tx_end(bool committed)
{
	kept.open = false;
	for (size_t at = 0; committed && at < kept.n; at += strlen(kept.lines + at) + 1)
		write_line(LOG_LEVEL_INFO, kept.lines + at);
}

#define LOG_FUNCTION(name, level)         \
	void name(const char *fmt, ...)   \
	{                                 \
		va_list ap;               \
                                          \
		va_start(ap, fmt);        \
		log_line(level, fmt, ap); \
		va_end(ap);               \
	}

LOG_FUNCTION(log_err, LOG_LEVEL_ERR)
LOG_FUNCTION(log_warning, LOG_LEVEL_WARNING)
LOG_FUNCTION(log_notice, LOG_LEVEL_NOTICE)
LOG_FUNCTION(log_info, LOG_LEVEL_INFO)
LOG_FUNCTION(log_debug, LOG_LEVEL_DEBUG)
