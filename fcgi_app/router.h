/* SPDX-License-Identifier: ISC */
/*
 * router: from a request to its handler. The table names method, path, handler and what a call must
 * satisfy before its handler runs; handlers start with valid input.
 */
#ifndef FCGI_APP_ROUTER_H
#define FCGI_APP_ROUTER_H

#include "fcgi_app/app.h"
#include "fcgi_app/call.h"

struct FCGX_Request;

/*
 * Answer one accepted request, whatever it is; does not finish it. False: it was parked and belongs
 * to the park, which gives it back to be served once more, as `resumed`.
 */
bool router_serve(struct app *app, struct database *database, struct FCGX_Request *fcgx,
		  bool resumed);

/*
 * The addresses of the API by number, from 0: append the i-th as it is documented, such as
 * /api/v1/jobs/{id}; "none" for what is served nowhere. False after the last.
 */
bool router_address(size_t i, struct strbuf *out);

#endif
