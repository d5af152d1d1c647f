/* SPDX-License-Identifier: ISC */
/*
 * files: once a day, deletes files of ours at the provider that nothing names any more (uploads
 * whose answer was lost): older than 48 hours, without a row that names them, and named by no
 * batch of the provider's list.
 */
#ifndef BATCHD_FILES_H
#define BATCHD_FILES_H

#include "batchd/daemon.h"

struct files *files_new(void);
void files_free(struct files **f);
/* Called each tick; begins a sweep where one is due. */
void files_tick(struct daemon *d);

#endif
