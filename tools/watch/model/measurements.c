/* SPDX-License-Identifier: MIT */
/*
 * Does a number keep growing? A server that opens 80 descriptors when it starts has not leaked any; one that gains ten a
 * minute has. So growth counts only when every quarter of the time took part in it, and the last as much as half its share.
 */
#include "tools/watch/model/model.h"

void measurements_add(struct measurements *series, int value)
{
	if (++series->skipped < series->stride)
		return;
	series->skipped = 0;
	if (series->count == MEASUREMENTS_MAX) {
		for (unsigned int i = 0; i < MEASUREMENTS_MAX / 2; i++)
			series->of[i] = series->of[2 * i + 1];
		series->count = MEASUREMENTS_MAX / 2;
		series->stride = series->stride ? series->stride * 2 : 2;
	}
	series->of[series->count++] = value;
}

int measurements_growth(const struct measurements *series)
{
	int first, last, before;

	if (series->count < 8)
		return 0;
	first = before = series->of[0];
	last = series->of[series->count - 1];
	for (unsigned int quarter = 1; quarter <= 4; quarter++) {
		int at = series->of[quarter * (series->count - 1) / 4];

		if ((at - before) * 8 < last - first)
			return 0;
		before = at;
	}
	return last > first ? last - first : 0;
}
