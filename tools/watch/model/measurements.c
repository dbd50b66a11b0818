/* SPDX-License-Identifier: MIT */
/*
 * Whether a number keeps growing. A server that opens 80 descriptors when it starts does not leak;
 * one that gains ten a minute does. So each quarter of the time must take part in the growth, with
 * at least half its share.
 */
#include "tools/watch/model/measurements.h"

void measurements_add(struct measurements *measurements, int value)
{
	if (++measurements->skipped < measurements->stride)
		return;
	measurements->skipped = 0;
	if (measurements->count == MEASUREMENTS_MAX) {
		for (unsigned int i = 0; i < MEASUREMENTS_MAX / 2; i++)
			measurements->values[i] = measurements->values[2 * i + 1];
		measurements->count = MEASUREMENTS_MAX / 2;
		measurements->stride = measurements->stride ? measurements->stride * 2 : 2;
	}
	measurements->values[measurements->count++] = value;
}

int measurements_growth(const struct measurements *measurements)
{
	const int *values = measurements->values;
	int first, growth, before;

	if (measurements->count < 8)
		return 0;
	first = before = values[0];
	growth = values[measurements->count - 1] - first;
	for (unsigned int quarter = 1; quarter <= 4; quarter++) {
		int at = values[quarter * (measurements->count - 1) / 4];

		if ((at - before) * 8 < growth)
			return 0;
		before = at;
	}
	return growth > 0 ? growth : 0;
}
