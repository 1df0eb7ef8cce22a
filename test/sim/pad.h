/* SPDX-License-Identifier: ISC */
/*
 * A HID device that is always moved: interface 2 of the disk (test/sim/disk). Each
 * report has a number, one after the other, and tells how often something changed the
 * endpoint before it was made (another protocol, setting or configuration, a reset, the
 * end of a halt). It makes one at its pace when it is asked, and halts now and then.
 */
#ifndef TEST_SIM_PAD_H
#define TEST_SIM_PAD_H

#include <stdbool.h>
#include <stdint.h>

#include "core/urb.h"

#define PAD_IN      0x86
#define PAD_IFACE   2
#define PAD_REPORT  8u
#define PAD_QUEUE   256
#define PAD_CHANGES 4096

struct pad {
	uint64_t seed;
	uint8_t ep, iface; /* another's, if it is not a HID device */
	uint32_t size;     /* bytes of a report, PAD_REPORT at least */
	uint64_t every;    /* us from one report to the next */
	uint32_t stalls;   /* chances in a thousand of a halt instead of a report */
	uint32_t noise;    /* and of a transfer that fails */
	uint64_t until;    /* when it is moved no more */
	bool guarded;      /* nothing changes it while it has a transfer */
	void (*complete)(void *arg, struct urb *);
	void *arg;

	struct urb *urb[PAD_QUEUE], *control[8];
	unsigned n, controls, most; /* most: urbs at once */
	struct {
		struct urb *urb;
		uint64_t at;
	} dying[PAD_QUEUE];
	unsigned dyings;
	uint64_t ready, control_ready;
	bool halted, unplugged;
	uint32_t number, changes;
	uint32_t first[PAD_CHANGES]; /* number of the first report after so many */
	const char *wrong;
};

void pad_init(struct pad *, uint64_t seed, void (*complete)(void *arg, struct urb *),
	      void *arg);

/* Whether it is for the pad. */
bool pad_takes(const struct pad *, const struct urb *);

/* As export_ops. */
int pad_submit(struct pad *, struct urb *, uint64_t now);
void pad_cancel(struct pad *, struct urb *, uint64_t now);

void pad_run(struct pad *, uint64_t now);
uint64_t pad_next(const struct pad *);
bool pad_idle(const struct pad *);

#endif
