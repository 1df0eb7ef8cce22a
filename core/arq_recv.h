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

struct arq_recv {
	struct ranges got;
	uint64_t floor;   /* below it everything counts as received */
	uint64_t next;    /* one more than the largest received */
	uint64_t newest;  /* when the largest arrived */
	bool ack_pending; /* something that asks for an ACK arrived */
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

/* Remembers it; asks: it wants an ACK. Only after arq_recv_seen() said no. */
void arq_recv_add(struct arq_recv *, uint64_t number, bool asks, uint64_t now);

/* The ACK frame; what has arrived is no longer pending. */
void arq_recv_write(struct arq_recv *, struct wr *, uint64_t now);

/*
 * Reads an ACK behind its type. next: the number of the next packet of ours.
 * ERR_PROTO: ranges out of order, or of packets that were never sent.
 */
int arq_recv_ack(struct rd *, uint64_t next, struct arq_ack *) MUST_CHECK;

#endif
