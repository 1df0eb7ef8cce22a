/* SPDX-License-Identifier: ISC */
/*
 * How long packets may be on this path: sizes are tried with padded packets that carry
 * nothing else (after RFC 8899), and given up when only short packets get through any
 * more. It knows numbers and sizes; when a packet leaves and what an ACK says is told it.
 *
 *	REST -> READY -> OUT -> acknowledged: in use -> READY with the next, or REST
 *		  ^----- lost; at the third time a size is bad and the next one is tried
 */
#ifndef CORE_PMTU_H
#define CORE_PMTU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PMTU_TRIES    3
#define PMTU_HOLE     4 /* long packets lost in a row, and a short one got through */
#define PMTU_AGAIN_US 600000000 /* RFC 8899 5.1.1: PMTU_RAISE_TIMER */
#define PMTU_HOLE_US  1000000   /* after a black hole; doubles with each */

enum pmtu_state { PMTU_REST, PMTU_READY, PMTU_OUT };

struct pmtu {
	size_t size;              /* longest packet in use */
	size_t base, most, extra; /* see pmtu_init */
	size_t bad;               /* shortest that did not get through */
	size_t want;              /* READY, OUT: the size that is tried */
	uint64_t due;             /* REST: the next search; OUT: it is lost */
	uint64_t number;          /* OUT: of the probe */
	enum pmtu_state state;
	unsigned step, tries;
	/* black holes: all of long packets, longer than base */
	uint64_t through; /* one more than the largest number that got through */
	uint64_t missed;  /* the last one that did not, */
	unsigned misses;  /* since one did */
	uint64_t hole_at;
	unsigned holes; /* with little time between them */
};

/*
 * base: bytes that every path takes, at most most, the longest to try; equal: nothing is
 * tried. extra: what the datagram around a packet has more; the sizes that are worth
 * trying are known as datagrams.
 */
void pmtu_init(struct pmtu *, size_t base, size_t most, size_t extra);

/* Another path: everything learned is forgotten. next: number of the next packet. */
void pmtu_reset(struct pmtu *, uint64_t next, uint64_t now);

/* Bytes of the probe that is to leave, 0: none is. */
size_t pmtu_probe(const struct pmtu *);

/* It has left under this number; it is lost when no ACK has come by due. */
void pmtu_probed(struct pmtu *, uint64_t number, uint64_t due);

/* When pmtu_tick has something to do; UINT64_MAX: never. */
uint64_t pmtu_deadline(const struct pmtu *);
void pmtu_tick(struct pmtu *, uint64_t now);

/* Numbers from..to - 1 have arrived; with the probe among them size is larger now. */
void pmtu_arrived(struct pmtu *, uint64_t from, uint64_t to, uint64_t now);

/* A packet that carried something got through, or is given up. */
void pmtu_acked(struct pmtu *, uint64_t number, size_t bytes);
void pmtu_lost(struct pmtu *, uint64_t number, size_t bytes);

/*
 * Whether only short ones get through: then size is base again. shorter: the largest
 * number that got through, of whatever length; next: number of the next packet.
 */
bool pmtu_hole(struct pmtu *, uint64_t shorter, uint64_t next, uint64_t now);

#endif
