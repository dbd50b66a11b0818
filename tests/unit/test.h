/* SPDX-License-Identifier: MIT */
#ifndef BERTH_TESTS_UNIT_H
#define BERTH_TESTS_UNIT_H
/* What cmocka.h wants to have included before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#endif
