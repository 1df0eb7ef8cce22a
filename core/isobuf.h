/* SPDX-License-Identifier: ISC */
/*
 * How much of an isochronous stream has to be on its way, so that its device always has
 * some: measured in time, from the distance and from how unevenly its ends come.
 */
#ifndef CORE_ISOBUF_H
#define CORE_ISOBUF_H

#include <stdint.h>

#define ISOBUF_MOST_US 800000u    /* no stream is behind by more */
#define ISOBUF_URBS    512u       /* nor does it keep so many, */
#define ISOBUF_BYTES   (4u << 20) /* or of so many bytes */

struct isobuf {
	uint64_t packet; /* us each */
	uint64_t last;   /* when one ended; 0: none has */
	uint64_t uneven; /* us: how late they are at times */
};

static inline void
isobuf_init(struct isobuf *b, uint64_t packet_us)
{
	b->packet = packet_us;
	b->last = b->uneven = 0;
}

/* One of so many packets has ended. What is seen is forgotten slowly. */
static inline void
isobuf_ended(struct isobuf *b, uint64_t now, uint32_t packets)
{
	uint64_t right = b->last + packets * b->packet;
	uint64_t late = b->last != 0 && now > right ? now - right : 0;

	b->uneven -= b->uneven / 1024;
	b->uneven = late > b->uneven ? late : b->uneven;
	b->last = now;
}

/* The stream stands: what comes next is not late. */
static inline void
isobuf_stop(struct isobuf *b)
{
	b->last = 0;
}

/*
 * us that have to be on their way: a round trip, and two times of getting over a loss;
 * and an urb at each end.
 */
static inline uint64_t
isobuf_us(const struct isobuf *b, uint64_t trip, uint32_t packets)
{
	uint64_t us = 4 * trip + 2 * b->uneven + 2 * packets * b->packet + 10000;

	return us < ISOBUF_MOST_US ? us : ISOBUF_MOST_US;
}

#endif
