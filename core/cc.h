/* SPDX-License-Identifier: ISC */
/*
 * Congestion control: how many bytes may be in flight and how fast they may
 * leave, learned from what was acknowledged and lost. Two controllers behind
 * one table of functions: a rate-based one after BBR (random loss does not
 * slow it) and CUBIC (RFC 9438). They know nothing of packets and numbers.
 * Integers only: rates are bytes per second, gains thousandths.
 */
#ifndef CORE_CC_H
#define CORE_CC_H

#include <stdbool.h>
#include <stdint.h>

#define CC_FIRST_PACKETS 32 /* in flight before anything was measured */
#define CC_MIN_PACKETS   4
#define CC_BW_ROUNDS     10       /* the bandwidth is the best of so many rounds */
#define CC_MIN_RTT_US    10000000 /* so long a smallest round trip is believed */
#define CC_NEAR_US       2000 /* below it turns of the loop count for more than the path */

/* What one ACK frame told. */
struct cc_ack {
	uint64_t now;
	uint64_t bytes;         /* newly acknowledged */
	uint64_t inflight;      /* still in flight behind it */
	uint64_t rtt_us;        /* newest packet's round trip; 0: no sample */
	uint64_t srtt_us;       /* smoothed, with this one */
	uint64_t sent_at;       /* when the newest acknowledged packet left */
	uint64_t delivered;     /* bytes ever acknowledged */
	uint64_t was_delivered; /* the same, when that packet left */
	uint64_t rate;          /* measured delivery rate; 0: no sample */
	bool limited;           /* the sender could have sent more, but did not */
};

/* Packets declared lost together. */
struct cc_loss {
	uint64_t now;
	uint64_t bytes;
	uint64_t sent_at; /* when the newest of them left */
	bool persistent;  /* nothing came through for long: RFC 9002 7.6 */
};

struct cc;

struct cc_algo {
	const char *name;
	void (*init)(struct cc *);
	void (*acked)(struct cc *, const struct cc_ack *);
	void (*lost)(struct cc *, const struct cc_loss *);
	const char *(*state)(const struct cc *); /* its name, for people */
};

extern const struct cc_algo cc_bbr, cc_cubic;

struct cc_bbr_state {
	uint64_t bw[CC_BW_ROUNDS]; /* best rate of each round */
	uint64_t round_end;        /* `delivered` at which the round is over */
	uint64_t round_start, round_lost;
	uint64_t full_bw;  /* what the last growing round of the start reached */
	uint64_t phase_at; /* when the phase of the cycle began */
	uint64_t probe_min, probe_until;
	uint64_t cycle_min; /* smallest round trip of this cycle */
	uint64_t probed_bw; /* the estimate when the last probe began */
	uint8_t slot, state, phase, full_rounds;
	bool full; /* the start has filled the pipe */
};

struct cc_cubic_state {
	uint64_t ssthresh, wmax;
	uint64_t epoch_at; /* when growth began; 0: not yet */
	uint64_t k_ms;     /* so long to reach wmax again */
	uint64_t cut_at;   /* when the window was last cut; 0: never */
	uint64_t ack_at;   /* last acknowledgement */
	uint64_t reno, reno_part;
};

/* Read cwnd, rate, min_rtt_us and held; the rest is the controller's. */
struct cc {
	const struct cc_algo *algo;
	uint64_t mtu;
	uint64_t cwnd;                   /* bytes */
	uint64_t rate;                   /* bytes per second, never 0 */
	uint64_t min_rtt_us, min_rtt_at; /* 0: not measured */
	bool held; /* sends less than it could, on purpose: do not measure */
	union {
		struct cc_bbr_state bbr;
		struct cc_cubic_state cubic;
	} u;
};

/* mtu: bytes of a full packet. */
void cc_init(struct cc *, const struct cc_algo *, uint64_t mtu);
void cc_acked(struct cc *, const struct cc_ack *);
void cc_lost(struct cc *, const struct cc_loss *);

/* The path is shorter than what the loops at its ends take, or not known yet. */
bool cc_near(const struct cc *);

/* For the controllers. */

/* x times gain thousandths. */
uint64_t cc_gain(uint64_t x, uint64_t gain);

/* What flows in us microseconds at rate; and the rate of bytes in us. */
uint64_t cc_bytes(uint64_t rate, uint64_t us);
uint64_t cc_rate(uint64_t bytes, uint64_t us);

/* Sets the rate, but to four packets a round trip at least. */
void cc_set_rate(struct cc *, uint64_t rate, uint64_t srtt_us);

/* Takes the sample if it is the smallest; false: that is too old. */
bool cc_min_rtt(struct cc *, const struct cc_ack *);

#endif
