/* SPDX-License-Identifier: ISC */
/*
 * log_journal: lines of the log as entries of the journal, with fields of their own: what is asked of
 * one job is `journalctl LOTSCRIBE_JOB_ID=...`. Does nothing where libsystemd is not built in.
 */
#ifndef COMMON_LOG_JOURNAL_H
#define COMMON_LOG_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>

#define LOG_FIELD_SIZE 160
#define LOG_FIELDS     8

/* Is this descriptor the journal's, as $JOURNAL_STREAM says? systemd.exec(5) */
bool log_journal_is(int fd);
/* 0, or -1: the journal did not take it. level: as syslog's. */
int log_journal_send(const char *program, int level, const char *line);
/*
 * The fields of a line, each "LOTSCRIBE_NAME=value": the event's name, and of job (a public id alone),
 * batch, item, account, key, kind and code the first of each. Longer values are left out. How many.
 */
size_t log_fields(const char *line, char out[LOG_FIELDS][LOG_FIELD_SIZE]);

#endif
