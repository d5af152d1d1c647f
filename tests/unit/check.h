/* SPDX-License-Identifier: ISC */
/*
 * The headers of a unit test, in the one order that <cmocka.h> allows.
 */
#ifndef TESTS_UNIT_CHECK_H
#define TESTS_UNIT_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#endif
