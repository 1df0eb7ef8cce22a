/* SPDX-License-Identifier: ISC */
/*
 * One link's packets: numbers that are never reused, ranges of acknowledged
 * ones, loss by packet and time threshold, probes (PTO), congestion control
 * and pacing (after RFC 9002, draft-cardwell-iccrg-bbr-congestion-control).
 * What the packets carry belongs to the session, asked for through arq_ops.
 *
 * A packet (the plaintext of one DTLS record, little-endian):
 *	u32 packet number (low bits) | frames ...
 * Frames:
 *	0 PAD     the rest of the packet is padding, nothing is read (so that a packet
 *		  has a size that is tried, see core/pmtu.h)
 *	1 PING    asks for an acknowledgement
 *	2 ACK     u32 delay us | u8 n | n x { u32 last, u32 first } newest first
 *	3 CLOSE   u8 reason (enum arq_close): the link ends now
 *	16..     the session's: STREAM, WINDOW, DATAGRAM (core/frame.h)
 */
#ifndef CORE_ARQ_H
#define CORE_ARQ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

struct pool;
struct arq;

/* What one packet carried for the session, kept until acked or lost. */
struct arq_ref {
	uint32_t sid;
	uint64_t off;
	uint16_t len;
	uint8_t kind; /* the session's frame type */
};

#define ARQ_REFS       6    /* frames of the session in one packet */
#define ARQ_PACKET_MIN 1150 /* smallest mtu that arq_new takes */
#define ARQ_PACKET_MAX 9000
#define ARQ_BURST      64 /* packets per turn of the loop, in and out */

enum arq_close {
	ARQ_CLOSE_DONE,    /* orderly */
	ARQ_CLOSE_REFUSED, /* the reason came as a message before */
	ARQ_CLOSE_PROTO,   /* you broke the protocol */
	ARQ_CLOSE_LOST,    /* only the link ends: the session may go on over another */
};

/*
 * What the link asks of the session. Only turn may call arq_ functions, and
 * not arq_input, arq_tick or arq_free; the others are called in the middle.
 */
struct arq_ops {
	/*
	 * Writes frames into buf, at most cap bytes and *refs (in: room, out:
	 * used) references. Lost data first, then by priority. Returns bytes.
	 */
	size_t (*fill)(void *arg, uint8_t *buf, size_t cap, struct arq_ref *,
		       size_t *refs);
	bool (*pending)(const void *arg); /* fill would write something */
	void (*acked)(void *arg, const struct arq_ref *);
	void (*lost)(void *arg, const struct arq_ref *);

	/*
	 * One frame of the session at p; *used gets its length. ERR_FULL: no
	 * room, the packet is then not acknowledged and comes again.
	 */
	int (*frame)(void *arg, const uint8_t *p, size_t n, size_t *used);

	/* A whole packet was accepted, or the deadline is there: deliver what is
	 * complete. */
	int (*turn)(void *arg);

	/* NULL, or: the time, told before all else; when turn has to be called next. */
	void (*clock)(void *arg, uint64_t now);
	uint64_t (*deadline)(const void *arg);
};

struct arq_conf {
	size_t mtu;     /* bytes of a packet, as encrypted into one record */
	size_t mtu_max; /* longer ones are tried, up to this; 0: none is */
	size_t extra;   /* what the datagram has more than the packet */
	/*
	 * PING when nothing was asked and nothing heard for this long, a bit later if
	 * the last to ask was this side; 0: never. Better not the same for both sides.
	 */
	uint64_t keepalive_us;
	/*
	 * Nothing heard while asking for this long, or three timeouts if that is
	 * longer: dead; 0: never.
	 */
	uint64_t dead_us;
	bool cubic; /* CUBIC instead of the rate-based controller */
};

struct arq_stats {
	uint64_t sent, received;   /* packets */
	uint64_t lost, duplicates; /* packets */
	uint64_t bytes_out, bytes_in, probes;
	uint64_t srtt_us, min_rtt_us; /* 0: not measured yet */
	uint64_t cwnd, inflight;      /* bytes */
	uint64_t held_us;     /* congestion control kept back what wanted to leave */
	uint64_t mtu;         /* bytes of a full packet's datagram */
	uint64_t rate;        /* bytes per second that pacing allows */
	const char *cc;       /* the congestion controller's name */
	const char *cc_state; /* and of what it does: "startup" */
};

/* NULL when the pool is empty. now: microseconds, monotonic, everywhere. */
struct arq *arq_new(struct pool *, const struct arq_conf *, const struct arq_ops *,
		    void *arg, uint64_t now);
void arq_free(struct arq *);

/*
 * One decrypted packet. ERR_OK also for duplicates and for packets dropped for
 * lack of room. Other codes are sticky: the link is over (ERR_CLOSED: the peer
 * said CLOSE; ERR_PROTO: it broke the protocol; or the session's code).
 */
int arq_input(struct arq *, const uint8_t *, size_t n, uint64_t now) MUST_CHECK;

/*
 * Builds the next packet into buf (cap >= mtu and mtu_max); 0: nothing may or need be
 * sent now. Call until 0 or ARQ_BURST times, then arm a timer at arq_deadline().
 */
size_t arq_output(struct arq *, uint8_t *buf, size_t cap, uint64_t now);

/* When to call arq_tick and arq_output next; UINT64_MAX: never. */
uint64_t arq_deadline(const struct arq *);

/* Loss and probe timers. ERR_TIMEOUT (sticky): the peer is dead. */
int arq_tick(struct arq *, uint64_t now) MUST_CHECK;

/*
 * Packets take another path: what was learned of the one before is forgotten, what is
 * on its way there says nothing of the new one, and is given time to arrive.
 */
void arq_moved(struct arq *, uint64_t now);

/* Asks for an acknowledgement, to see whether the peer is there. */
void arq_ping(struct arq *);

/* When the last packet of the peer came, duplicates apart. */
uint64_t arq_heard(const struct arq *);

/*
 * Makes the next packet end the link, also after a failure of arq_input;
 * output it, then free. Packets that still arrive are ignored.
 */
void arq_close(struct arq *, enum arq_close);

/* Why the peer closed, once arq_input or arq_tick said ERR_CLOSED. */
enum arq_close arq_close_reason(const struct arq *);

/* Every byte that was sent has been acknowledged, nothing is pending. */
bool arq_idle(const struct arq *);

/* Bytes of packets that the peer has not acknowledged. */
uint64_t arq_inflight(const struct arq *);

void arq_stats(const struct arq *, struct arq_stats *);

/* Bytes a second of packets that arrived, repetitions not counted: ours and theirs. */
void arq_goodput(const struct arq *, uint64_t now, uint64_t *out, uint64_t *in);

#endif
