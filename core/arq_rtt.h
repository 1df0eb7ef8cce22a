/* SPDX-License-Identifier: ISC */
/*
 * Private to core/arq: round trips and what follows from them, the probe
 * timeout and when a packet behind an acknowledged one counts as lost
 * (RFC 9002 5 and 6). Microseconds.
 */
#ifndef CORE_ARQ_RTT_H
#define CORE_ARQ_RTT_H

#include <stdint.h>

#define ARQ_RTT_FIRST_PTO 200000
#define ARQ_RTT_MAX_PTO   500000 /* so often a dead path is tried, if its RTT is less */
#define ARQ_RTT_GRAIN     1000   /* RFC 9002 6.1.2: kGranularity */
#define ARQ_RTT_ACK_DELAY 1000   /* what a peer may need for an ACK */
#define ARQ_RTT_LATE_MAX  4      /* eighths of a round trip */

struct arq_rtt {
	uint64_t latest, smooth, var; /* 0: nothing measured */
	unsigned late;                /* eighths that packets may be late by, from 1 */
	unsigned backoff;             /* probes without an answer */
};

void arq_rtt_init(struct arq_rtt *);

/* rtt of the newest acknowledged packet; delay: what the peer kept it for. */
void arq_rtt_sample(struct arq_rtt *, uint64_t rtt, uint64_t delay, uint64_t min_rtt);

/* From the last packet that asks to the probe, without and with the back-off. */
uint64_t arq_rtt_pto(const struct arq_rtt *);
uint64_t arq_rtt_backed_off(const struct arq_rtt *);

/* So long after it left a packet is lost, once a later one was acknowledged. */
uint64_t arq_rtt_loss(const struct arq_rtt *);

#endif
