/* SPDX-License-Identifier: ISC */
/*
 * Monotonic time for whoever drives an engine, in microseconds, and for his timers.
 */
#ifndef NET_CLOCK_H
#define NET_CLOCK_H

#include <stdint.h>
#include <sys/time.h>
#include <time.h>

static inline uint64_t
clock_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

static inline struct timeval
clock_tv(uint64_t us)
{
	return (struct timeval){(time_t)(us / 1000000), (suseconds_t)(us % 1000000)};
}

/* None when it is past. */
static inline struct timeval
clock_left(uint64_t at_us, uint64_t now_us)
{
	return clock_tv(at_us > now_us ? at_us - now_us : 0);
}

#endif
