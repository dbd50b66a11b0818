/* SPDX-License-Identifier: MIT */
/*
 * How long a client waits before it asks a server again: the growth, the bounds and the spread of
 * the pauses.
 */
#include "tests/unit/test.h"

#include "tools/base/cleanup.h"
#include "tools/db/rename/retry.h"

static void pauses_grow_to_a_maximum(void **state)
{
	static const int wanted[] = { 50, 100, 200, 400, 800, 1600, 3000, 3000, 3000 };
	int ms = RETRY_FIRST_MS;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
		assert_int_equal(ms, wanted[i]);
		ms = retry_grown_ms(ms, RETRY_MAX_MS);
	}
	/* it grows to the maximum and never beyond, from every start */
	for (ms = 1; ms < 100000; ms++) {
		int next = retry_grown_ms(ms, 200);

		assert_in_range(next, ms < 200 ? ms + 1 : 200, 200);
	}
}

static void pauses_are_spread_around_their_length(void **state)
{
	(void)state;
	for (int ms = RETRY_FIRST_MS;; ms = retry_grown_ms(ms, RETRY_MAX_MS)) {
		int before = -1;

		for (int random = 0; random < 256; random++) {
			int pause = retry_spread_ms(ms, (uint8_t)random);

			assert_in_range(pause, ms / 2, ms / 2 + ms);
			assert_true(pause >= before);
			before = pause;
		}
		assert_int_equal(retry_spread_ms(ms, 0), ms / 2);
		assert_int_equal(before, ms / 2 + ms);
		if (ms == RETRY_MAX_MS)
			break;
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(pauses_grow_to_a_maximum),
		cmocka_unit_test(pauses_are_spread_around_their_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
