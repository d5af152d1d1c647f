/* SPDX-License-Identifier: ISC */
/*
 * timemath: instants and durations as signed microseconds, UTC. All arithmetic saturates.
 *
 * An instant of 0 means "not set", T_NEVER means "at no time". Nothing here reads a clock.
 */
#ifndef CORE_TIMEMATH_H
#define CORE_TIMEMATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/strbuf.h"

#define T_NEVER INT64_MAX
#define T_MS    INT64_C(1000)
#define T_S     INT64_C(1000000)
#define T_MIN   (60 * T_S)
#define T_H     (60 * T_MIN)
#define T_DAY   (24 * T_H)

/* a + b, at most T_NEVER, at least INT64_MIN; T_NEVER stays T_NEVER. */
int64_t t_add(int64_t a, int64_t b);
/* a - b, saturating; T_NEVER - b is T_NEVER. */
int64_t t_sub(int64_t a, int64_t b);
/* a * k for k >= 0, saturating. */
int64_t t_mul(int64_t a, int64_t k);
static inline int64_t t_min(int64_t a, int64_t b)
{
	return a < b ? a : b;
}
static inline int64_t t_max(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* Days since 1970-01-01 of a proleptic Gregorian date, and back. */
int64_t civil_to_days(int year, int month, int day);
void days_to_civil(int64_t days, int *year, int *month, int *day);

/* "2026-11-24T22:13:45Z" to 30 bytes including NUL; fraction (.123456) only where it is not 0. */
#define RFC3339_SIZE 32
void rfc3339_format(int64_t t_us, char out[RFC3339_SIZE]);
/* Append the instant as a JSON string, or null where it is 0 or T_NEVER. */
int strbuf_add_time(struct strbuf *b, int64_t t_us);
/* RFC 3339 with Z or offset, 0 to 9 digits of fraction, years 1970 to 9999. 0 or -1. */
int rfc3339_parse(const char *s, size_t n, int64_t *t_us);
/*
 * ISO 8601 duration of weeks, days, hours, minutes, seconds ("PT6H", "P1DT12H", "PT0.5S"). Years
 * and months are refused (no fixed length). 0 or -1.
 */
int iso8601_duration_parse(const char *s, size_t n, int64_t *d_us);
/* The configuration's form: "250ms" "30s" "15m" "2h" "7d", one unit, integer. 0 or -1. */
int duration_parse(const char *s, size_t n, int64_t *d_us);
/* A duration for people: "7h 12m", "45s", "250ms". */
void duration_format(int64_t d_us, char *out, size_t size);

#endif
