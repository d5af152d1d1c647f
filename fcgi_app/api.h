/* SPDX-License-Identifier: ISC */
/* api: the handlers of the HTTP API, one file each; router.c has the table. */
#ifndef FCGI_APP_API_H
#define FCGI_APP_API_H

#include "fcgi_app/call.h"

void api_order(struct call *c);  /* POST /api/v1/jobs */
void api_list(struct call *c);   /* GET /api/v1/jobs */
void api_status(struct call *c); /* GET /api/v1/jobs/{id}/status */
void api_job(struct call *c);    /* GET /api/v1/jobs/{id} */
void api_events(struct call *c); /* GET /api/v1/jobs/{id}/events */
/* POST /api/v1/jobs/{id}/cancel and so on, DELETE /api/v1/jobs/{id} */
void api_cancel(struct call *c);
void api_finish(struct call *c);
void api_retry(struct call *c);
void api_languages(struct call *c);
void api_delete(struct call *c);
void api_healthz(struct call *c);
void api_readyz(struct call *c);
void api_metrics(struct call *c); /* GET /metrics */
void api_openapi(struct call *c);

#endif
