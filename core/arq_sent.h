/* SPDX-License-Identifier: ISC */
/*
 * Private to core/arq: the packets that left and are not settled, in a ring
 * that grows from the pool. It decides what is lost and measures how fast
 * bytes are delivered; it tells the session through arq_ops.
 *
 *	base        low              newest        next
 *	 | LOST, FREE | FLYING LOST FREE | FLYING FREE |
 * Lost ones are kept a while, to notice when they arrive after all.
 */
#ifndef CORE_ARQ_SENT_H
#define CORE_ARQ_SENT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/arq.h"
#include "core/arq_recv.h"
#include "core/pmtu.h"
#include "core/ranges.h"

struct arq_rtt;
struct cc_ack;
struct cc_loss;

#ifndef ARQ_SENT_FIRST
#define ARQ_SENT_FIRST 64 /* packets; powers of two */
#endif
#ifndef ARQ_SENT_MAX
#define ARQ_SENT_MAX 65536
#endif
#define ARQ_THRESHOLD     3  /* RFC 9002 6.1.1 */
#define ARQ_THRESHOLD_MAX 64 /* DTLS drops what is later than that */

enum arq_state {
	ARQ_FREE, /* acknowledged, or carried nothing that asks for it */
	ARQ_FLYING,
	ARQ_LOST,  /* declared so by number, */
	ARQ_LATE,  /* by time, */
	ARQ_TRIED, /* by a probe */
};

struct arq_packet {
	uint64_t at; /* when it left */
	/* of the last delivery before it left: bytes until then, when, and when
	 * the packet left that was delivered then */
	uint64_t delivered, delivered_at, first_at;
	struct arq_ref refs[ARQ_REFS];
	uint16_t bytes;
	uint8_t nrefs, state;
	bool limited; /* see struct cc_ack */
};

struct arq_sent {
	struct pool *pool;
	const struct arq_ops *ops;
	void *arg;
	struct arq_packet *ring;
	uint32_t size;
	uint32_t threshold; /* lost when so many later ones arrived */
	uint64_t base, low, next;
	uint64_t newest;    /* one more than the largest acknowledged */
	uint64_t inflight;  /* bytes */
	uint64_t lost;      /* packets ever */
	uint32_t flying;    /* packets */
	struct pmtu pmtu;   /* how long they may be */
	struct ranges done; /* acknowledged: not looked at again */
	uint64_t delivered, delivered_at, first_at;
	uint64_t path;          /* packets before it went by another path, */
	uint64_t path_late;     /* and are lost after so many us */
	uint64_t limited_until; /* `delivered` when what leaves counts again; 0: does */
};

/* false: the pool is empty. */
bool arq_sent_init(struct arq_sent *, struct pool *, const struct arq_ops *, void *arg);
void arq_sent_fini(struct arq_sent *);

/*
 * Makes room for one packet; asks: one that wants an ACK (a quarter of a full
 * ring is for those that do not). false: an ACK or a loss has to come first.
 */
bool arq_sent_room(struct arq_sent *, const struct arq_rtt *, bool asks, uint64_t now);

/* The slot of the next packet, to be filled before arq_sent_push(). */
struct arq_packet *arq_sent_slot(struct arq_sent *);

/* The next packet has left; asks: with what is in the slot. */
void
arq_sent_push(struct arq_sent *, bool asks, uint16_t bytes, bool limited, uint64_t now);

/* The application has nothing more although more may leave. */
void arq_sent_limited(struct arq_sent *);

/*
 * Applies an ACK and fills *c but for srtt_us; c->bytes is 0 if it is old news.
 * t learns how late packets can be.
 */
void arq_sent_acked(struct arq_sent *, const struct arq_ack *, struct arq_rtt *t,
		    struct cc_ack *c, uint64_t now);

/*
 * Declares lost what is; l->bytes is 0 if nothing was, or only packets longer than the
 * path takes: that says nothing of congestion.
 */
void arq_sent_detect(struct arq_sent *, const struct arq_rtt *, struct cc_loss *l,
		     uint64_t now);

/*
 * From now on they take another path. Those in flight do not count as that any more, and
 * are lost after late microseconds, once a later one was acknowledged.
 */
void arq_sent_moved(struct arq_sent *, uint64_t late, uint64_t now);

/* Has the session send again what the oldest packet in flight carried. */
void arq_sent_retry(struct arq_sent *, const struct arq_rtt *, uint64_t now);

/* When arq_sent_detect will find something; UINT64_MAX: a probe has to. */
uint64_t arq_sent_deadline(const struct arq_sent *, const struct arq_rtt *);

#endif
