/* SPDX-License-Identifier: ISC */
/* item_code: why an item has no answer, in words for the client. */
#ifndef FCGI_APP_ITEM_CODE_H
#define FCGI_APP_ITEM_CODE_H

/* A sentence without its full stop; for a code that is not known a general one. */
const char *item_code_message(const char *code);

#endif
