/* SPDX-License-Identifier: MIT */
#ifndef BERTH_WATCH_MEASUREMENTS_H
#define BERTH_WATCH_MEASUREMENTS_H
/*
 * One number over time. When the array is full, every second value is dropped, and from then on
 * every second one skipped.
 */
enum { MEASUREMENTS_MAX = 64 };

/* {0} is empty */
struct measurements {
	int values[MEASUREMENTS_MAX];
	unsigned int count, stride, skipped;
};

void measurements_add(struct measurements *measurements, int value);

/** Return: how many values were added, those that were dropped included. */
static inline unsigned int measurements_taken(const struct measurements *measurements)
{
	return measurements->count * (measurements->stride ? measurements->stride : 1);
}

/** Return: by how much the number grew; 0 if it did not grow steadily. */
int measurements_growth(const struct measurements *measurements);

#endif
