/* SPDX-License-Identifier: ISC */
/*
 * Bytes a second, as it was in the last whole second or so. Needs no timer: whoever
 * asks says what time it is. So small that it is a header alone.
 */
#ifndef CORE_METER_H
#define CORE_METER_H

#include <stdint.h>

#define METER_US 1000000 /* a window; a rate is believed for two of them */

struct meter {
	uint64_t since; /* us, of the window that is filled; 0: none yet */
	uint64_t bytes; /* in it */
	uint64_t rate;  /* of the one before */
};

/* All zero is a meter that has seen nothing. */
static inline void
meter_add(struct meter *m, uint64_t bytes, uint64_t now)
{
	uint64_t us = now - m->since;

	if (m->since == 0 || us >= METER_US) {
		/* after silence there is no rate */
		m->rate = us < 2 * METER_US ? m->bytes * 1000000 / us : 0;
		m->bytes = 0;
		m->since = now;
	}
	m->bytes += bytes;
}

static inline uint64_t
meter_rate(const struct meter *m, uint64_t now)
{
	uint64_t us = now - m->since;

	if (m->since == 0 || us >= 2 * METER_US)
		return 0;
	if (us < METER_US)
		return m->rate > 0 ? m->rate : m->bytes;
	return m->bytes * 1000000 / us;
}

#endif
