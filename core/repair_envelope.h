/* SPDX-License-Identifier: ISC */
/*
 * repair_envelope: what models put around a document: where the document begins, and whether what
 * is around it is nothing but talk. Private to core/repair*.c.
 */
#ifndef CORE_REPAIR_ENVELOPE_H
#define CORE_REPAIR_ENVELOPE_H

#include "core/repair_reading.h"

/*
 * Leaves out the model's thoughts, which may hold drafts of the document: *s goes behind the last
 * </think>. 0; -1: they have no end.
 */
int envelope_skip_thoughts(const char **s, const char *end);

/*
 * The first bracket from s on that a document in prose may begin with; end where there is none.
 * "[1]" and "[the]" are prose.
 */
const char *envelope_find(const char *s, const char *end);

/*
 * Is what stands before and behind a document [from, to) of the text [s, end) of no account? It is
 * noted then: as a fence, prose or brackets too many. False: it may be part of a document.
 */
bool envelope_is_talk(const char *s, const char *end, struct json_span document,
		      struct repair_report *report);

#endif
