/* SPDX-License-Identifier: ISC */
/*
 * log: see log.h. A line is built in one buffer and written by one call,
 * so that threads do not mix.
 */
#include "common/log.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LINE_SIZE 4096 /* the journal splits longer lines */

static const char *log_program = "lotscribe";
static enum log_level log_level = LOG_LEVEL_INFO;
static bool log_to_terminal;

void log_init(const char *program, enum log_level level)
{
	log_program = program;
	log_level = level;
	log_to_terminal = isatty(STDERR_FILENO);
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

__attribute__((format(printf, 2, 0))) static void log_line(enum log_level level, const char *fmt,
							   va_list ap)
{
	char line[LINE_SIZE];
	int head, n;

	if (level > log_level)
		return;
	if (log_to_terminal)
		head = snprintf(line, sizeof(line), "%s: ", log_program);
	else
		head = snprintf(line, sizeof(line), "<%d>", (int)level);
	if (head < 0 || (size_t)head >= sizeof(line) / 2)
		head = 0;
	n = vsnprintf(line + head, sizeof(line) - (size_t)head - 1, fmt, ap);
	if (n < 0)
		return;
	escape_controls(line);
	log_redact(line);
	n = (int)strlen(line);
	line[n++] = '\n';
	if (write(STDERR_FILENO, line, (size_t)n) < 0)
		return; /* nowhere to tell it */
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
