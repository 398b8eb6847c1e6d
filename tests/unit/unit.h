/* unit.h - what every unit test includes: cmocka and a scratch folder. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"

#define assert_done(call, err)                                                                     \
	do {                                                                                       \
		if (!(call))                                                                       \
			fail_msg("%s: %s", #call, (err)->text ? (err)->text : "(no text)");        \
	} while (0)
#define assert_error(call, err, wanted)                                                            \
	do {                                                                                       \
		assert_false(call);                                                                \
		assert_int_equal((err)->kind, (wanted));                                           \
	} while (0)
#define assert_part(text, part)                                                                    \
	do {                                                                                       \
		if (!(text) || !strstr((text), (part)))                                            \
			fail_msg("'%s' is not part of '%s'", (part), (text) ? (text) : "(null)");  \
	} while (0)
