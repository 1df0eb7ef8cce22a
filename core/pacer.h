/* SPDX-License-Identifier: ISC */
/*
 * Spreads packets over time: a credit that fills at the rate and holds what
 * leaves in a millisecond, or 64 packets if that is less. A packet may leave
 * while any credit is left, so one packet goes over it at most. Who always had
 * something to send and only comes late, as on a busy machine, has what leaves
 * in ten milliseconds, or 64 packets: else each late turn would cost its share. So
 * has a near peer, always: there the turns of the loops count for more than the path.
 * Who had nothing to send has what leaves in half a round trip, or 64 packets: the path
 * is empty, and a driver waits for all of what it sends now.
 */
#ifndef CORE_PACER_H
#define CORE_PACER_H

#include <stdbool.h>
#include <stdint.h>

#define PACER_BURST_NS 1000000
#define PACER_LATE_NS  10000000
#define PACER_PACKETS  64

struct pacer {
	uint64_t next_ns; /* when the credit is no longer overdrawn */
	bool rested, idle;
	bool near;        /* the peer is; its owner says so */
	uint64_t trip_us; /* a round trip; its owner says that, too */
};

bool pacer_ready(const struct pacer *, uint64_t now_us);

/* bytes left at rate (bytes per second, not 0). mtu: of a full packet. */
void
pacer_sent(struct pacer *, uint64_t bytes, uint64_t rate, uint64_t mtu, uint64_t now_us);

/* Nothing leaves now for another reason, that was no lateness; idle: nothing is there. */
void pacer_rest(struct pacer *, bool idle);

/* When a batch may leave, in us: half of the credit is there, or one packet. */
uint64_t pacer_deadline(const struct pacer *, uint64_t rate, uint64_t mtu);

#endif
