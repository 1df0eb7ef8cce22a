/* SPDX-License-Identifier: ISC */
/*
 * Whether it pays to compress: what a byte costs on the link, in time that congestion
 * control kept data from leaving, and what it costs to make fewer of them. It knows
 * neither data nor codec; who asks measures, and says what time it is.
 */
#ifndef CORE_SHRINK_H
#define CORE_SHRINK_H

#include <stdbool.h>
#include <stdint.h>

#define SHRINK_LEAST    512      /* bytes of a message; a shorter one is never tried */
#define SHRINK_MOST     1048576u /* and a longer one: both ends need as much memory */

#define SHRINK_FREE_PS  4000    /* a byte that costs no more, on a line of 2 Gbit/s */
#define SHRINK_WINDOW   65536   /* bytes of the link that make a measurement, */
#define SHRINK_SPAN_US  2000000 /* or an eighth of them in this time; else it is idle */
#define SHRINK_STALE_US 5000000 /* a price that was not confirmed is asked for anew */
#define SHRINK_GAIN     2       /* times the effort that must be saved */
#define SHRINK_WINS     4       /* samples in vain that one that pays is worth, */
#define SHRINK_WON      16      /* and all of them at most */
#define SHRINK_FAILS    7       /* in vain for good: then 2^7 go between two samples */

/* What a link says; all of it grows, from its first packet on. */
struct shrink_link {
	uint64_t now_us;
	uint64_t held_us; /* congestion control kept back what wanted to leave */
	uint64_t bytes;   /* that left */
};

/* The price of a byte, of one session; all zero: not known, free. */
struct shrink_price {
	struct shrink_link from; /* where the measurement began */
	uint64_t ps;             /* picoseconds a byte */
	uint64_t at;             /* when that was last seen to be so */
};

/* Returns what a byte costs. Another link than before may be told of. */
uint64_t shrink_look(struct shrink_price *, const struct shrink_link *);

/* Messages of one stream; all zero: nothing known of them. */
struct shrink {
	uint8_t won;    /* samples that may be in vain before any message is skipped */
	uint8_t failed; /* that were, since one has paid */
	uint8_t skip;   /* messages that go as they are before the next sample */
	bool on;        /* the last samples paid, at the price that is */
};

/* Whether a message of n bytes is to be tried, at this price. */
bool shrink_wants(struct shrink *, uint64_t ps, uint64_t n);

/* It was: that saved so many bytes and took so long. Whether it pays. */
bool shrink_pays(struct shrink *, uint64_t ps, uint64_t saved, uint64_t ns);

#endif
