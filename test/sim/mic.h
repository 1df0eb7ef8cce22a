/* SPDX-License-Identifier: ISC */
/*
 * A microphone and a loudspeaker: isochronous endpoints whose streams run on by
 * the clock, a packet each millisecond, whether or not an urb waits. What the
 * microphone says when nobody listens is lost, and counted; each packet bears a
 * number, and bytes that follow from it.
 */
#ifndef TEST_SIM_MIC_H
#define TEST_SIM_MIC_H

#include <stdbool.h>
#include <stdint.h>

#include "core/urb.h"

#define MIC_IN      0x84
#define MIC_OUT     0x05
#define MIC_PACKET  192u /* bytes of one at most */
#define MIC_US      1000
#define MIC_QUEUE   256
#define MIC_NOTHING UINT32_MAX

struct mic_ep {
	struct urb *urb[MIC_QUEUE];
	unsigned n, most;   /* urbs, and at once */
	uint32_t at;        /* packets of the first that are done */
	uint64_t next;      /* frame of the next packet */
	uint32_t first;     /* number of the first packet that went well, */
	uint32_t last;      /* and of the last */
	unsigned delivered; /* packets that went well */
	unsigned missed;    /* numbers between them that nobody has, or only with */
	unsigned errors;    /* a status */
	unsigned gaps;      /* frames that passed without an urb after it began */
	uint64_t gap_at;    /* us, the last of them */
	unsigned empty;     /* OUT: packets that did not come in time */
};

struct mic {
	uint64_t seed;
	uint64_t us;    /* from a packet to the next; its clock may be wrong */
	uint32_t noise; /* chances in a thousand that a packet fails */
	void (*complete)(void *arg, struct urb *);
	void *arg;
	struct mic_ep in, out;
	bool unplugged;
	const char *wrong;
};

void mic_init(struct mic *, uint64_t seed, void (*complete)(void *arg, struct urb *),
	      void *arg);

/* As export_ops. */
int mic_submit(struct mic *, struct urb *, uint64_t now);
void mic_cancel(struct mic *, struct urb *, uint64_t now);

void mic_run(struct mic *, uint64_t now);
uint64_t mic_next(const struct mic *);
bool mic_idle(const struct mic *);

/* Packet number k: makes it (returns its length), or tells whether it is that. */
uint32_t mic_make(uint8_t *, uint32_t k);
bool mic_read(const uint8_t *, uint32_t n, uint32_t *k);

#endif
