/* SPDX-License-Identifier: MIT */
#ifndef BERTH_BASE_CLOCK_H
#define BERTH_BASE_CLOCK_H
/* Time. Deadlines use CLOCK_MONOTONIC; times that people read use CLOCK_REALTIME. */
#include <stdint.h>
#include <time.h>

static inline int64_t clock_of(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static inline int64_t clock_ns(void)
{
	return clock_of(CLOCK_MONOTONIC);
}

static inline int64_t clock_ms(void)
{
	return clock_ns() / 1000000;
}

static inline int64_t clock_wall_ns(void)
{
	return clock_of(CLOCK_REALTIME);
}

/* <0, 0, >0: @left is earlier, the same, later. */
static inline int clock_compare(const struct timespec *left, const struct timespec *right)
{
	if (left->tv_sec != right->tv_sec)
		return left->tv_sec < right->tv_sec ? -1 : 1;
	return (left->tv_nsec > right->tv_nsec) - (left->tv_nsec < right->tv_nsec);
}

#endif
