/* SPDX-License-Identifier: ISC */
/*
 * download: a whole result, streamed as JSON, NDJSON or CSV. A running job gives what is there.
 */
#ifndef FCGI_APP_DOWNLOAD_H
#define FCGI_APP_DOWNLOAD_H

#include <stdbool.h>

#include "fcgi_app/call.h"
#include "fcgi_app/job.h"
#include "fcgi_app/lot_page.h"

struct download {
	enum lot_format format;
	const char *language; /* tag, or NULL: all */
	bool attachment;      /* a browser is to store it */
};

/* Answers the call, with an error where there is one. */
void download_send(struct call *c, const struct job *job, const struct download *d);

#endif
