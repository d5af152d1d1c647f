/* SPDX-License-Identifier: ISC */
/*
 * meter_text: what the numbers of the meter mean, and what this process says of itself, for
 * Prometheus. Names are of this program: no job, account or key is among them.
 */
#ifndef FCGI_APP_METER_TEXT_H
#define FCGI_APP_METER_TEXT_H

#include <stdint.h>

#include "core/strbuf.h"

struct app;

/* Of all that gives the numbers their meaning: another program has another one. */
uint64_t meter_text_layout(void);
/* Append all families. */
void meter_text_render(const struct app *app, struct strbuf *out);

#endif
