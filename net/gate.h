/* SPDX-License-Identifier: ISC */
/*
 * How many strangers a listener lets in: seats in all, seats per network, and a
 * token bucket. Pure; the caller keeps the clock and the sockets.
 */
#ifndef NET_GATE_H
#define NET_GATE_H

#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

#define GATE_SEATS 512

struct gate_conf {
	unsigned strangers;         /* at once, at most GATE_SEATS */
	unsigned per_network;       /* of them, from one IPv4 address or IPv6 /64 */
	unsigned per_second, burst; /* how fast they may come */
};

/* An IPv4 address (also one mapped into IPv6), or the first half of an IPv6. */
struct gate_network {
	uint8_t family; /* 0: seat is free, else 4 or 6 */
	uint8_t prefix[8];
};

struct gate {
	struct gate_conf conf;
	struct gate_network seat[GATE_SEATS];
	uint64_t level;   /* of the bucket, millionths of a stranger */
	uint64_t last_us; /* when it was filled last */
};

/* The bucket is full at first. */
void gate_init(struct gate *, const struct gate_conf *, uint64_t now_us);

/* n: 4 or 16 bytes in network order. */
struct gate_network gate_network(const uint8_t *address, size_t n);

/*
 * The seat (>= 0) of one who may come in; give it back with gate_leave.
 * ERR_FULL: no seat for anybody, or not that fast. ERR_BUSY: too many from that
 * network. Only who comes in takes from the bucket.
 */
int gate_enter(struct gate *, const struct gate_network *, uint64_t now_us) MUST_CHECK;
void gate_leave(struct gate *, int seat);

#endif
