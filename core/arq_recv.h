/* SPDX-License-Identifier: ISC */
/*
 * Private to core/arq: the numbers of the packets that arrived, and the ACK
 * frame made of them. Also numbers on the wire: the low 32 bits of 64.
 */
#ifndef CORE_ARQ_RECV_H
#define CORE_ARQ_RECV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "core/ranges.h"

struct rd;
struct wr;

#define ARQ_ACK_SEND  24      /* ranges in an ACK of ours */
#define ARQ_ACK_TAKE  64      /* ranges in an ACK of the peer's */
#define ARQ_ACK_SPAN  1048576 /* numbers that an ACK looks back: 16 full rings */
#define ARQ_ACK_BYTES (1 + 4 + 1 + 8 * ARQ_ACK_SEND)
#define ARQ_ACK_WAIT  1000 /* us that a lone ACK waits for a packet to ride on */

/* How a packet asks for an ACK. */
enum arq_asks { ARQ_ASKS_NOT, ARQ_ASKS_SOON, ARQ_ASKS_NOW };

struct arq_recv {
	struct ranges got;
	uint64_t floor;   /* below it everything counts as received */
	uint64_t next;    /* one more than the largest received */
	uint64_t newest;  /* when the largest arrived */
	bool ack_pending; /* something that asks for an ACK arrived: it goes with the */
	uint64_t ack_at;  /* next packet, or then alone */
};

/* An ACK frame as read, newest range first. */
struct arq_ack {
	uint64_t delay_us;
	unsigned n;
	struct range r[ARQ_ACK_TAKE];
};

/* The number whose low bits these are and that is nearest to next. */
uint64_t arq_recv_number(uint64_t next, uint32_t low);

void arq_recv_init(struct arq_recv *);

/* Whether this packet was here before, or is too old to tell. */
bool arq_recv_seen(struct arq_recv *, uint64_t number);

/*
 * Remembers it. Only after arq_recv_seen() said no. The ACK for the second that asks,
 * or for one that is not the next, does not wait.
 */
void arq_recv_add(struct arq_recv *, uint64_t number, enum arq_asks, uint64_t now);

/* When an ACK has to leave at the latest; UINT64_MAX: nothing asks for one. */
uint64_t arq_recv_deadline(const struct arq_recv *);

/* The ACK frame; what has arrived is no longer pending. */
void arq_recv_write(struct arq_recv *, struct wr *, uint64_t now);

/*
 * Reads an ACK behind its type. next: the number of the next packet of ours.
 * ERR_PROTO: ranges out of order, or of packets that were never sent.
 */
int arq_recv_ack(struct rd *, uint64_t next, struct arq_ack *) MUST_CHECK;

#endif
