/* SPDX-License-Identifier: ISC */
#include "common/statements.h"

#define STMT(name, programs, sql) {#name, (programs), sql},
const struct stmt_text statements[STMT_COUNT] = {
#include "common/statements.def"
};
