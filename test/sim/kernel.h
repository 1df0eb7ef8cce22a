/* SPDX-License-Identifier: ISC */
/*
 * vhci_hcd as an import engine sees it: SUBMIT and UNLINK as bytes in pieces of
 * any size, replies read whenever it has time (drivers/usb/usbip/vhci_rx.c). It
 * keeps the rules of USBIP.md 1.4: one answer to each request, no RET_SUBMIT
 * after an urb was unlinked, RET_SUBMIT before RET_UNLINK(0).
 */
#ifndef TEST_SIM_KERNEL_H
#define TEST_SIM_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/list.h"
#include "core/usbip.h"

struct import;

/* A driver's request. The driver owns it from kernel_submit's done on. */
struct kurb {
	struct list link; /* in kernel.urbs */
	uint8_t ep;       /* bEndpointAddress, 0x80 for control IN */
	uint8_t setup[8];
	uint8_t *buf;
	uint32_t len, actual;
	struct urb_iso *iso; /* of isochronous ones: offset and length are the driver's */
	uint32_t packets;
	int32_t status; /* -LINUX_ECONNRESET: unlinked */
	uint32_t seqnum;
	bool unlinking;
	void (*done)(struct kurb *);
	void *arg; /* the driver's */
};

struct kunlink {
	struct list link; /* in kernel.unlinks */
	uint32_t seqnum, victim;
};

struct kernel {
	struct import *im;
	uint32_t devid;
	uint64_t seed;
	uint32_t seqnum;
	struct list urbs, unlinks;
	uint8_t *in; /* bytes of a reply that is not all there */
	size_t have, room;
	uint64_t read_at;  /* when it reads next */
	const char *wrong; /* the first rule that was broken */
	uint64_t submits, returns, unlinked, late;
};

void kernel_init(struct kernel *, struct import *, uint32_t devid, uint64_t seed);
void kernel_fini(struct kernel *);

void kernel_submit(struct kernel *, struct kurb *);

/* Once for an urb; it is done when a reply to either has come. */
void kernel_unlink(struct kernel *, struct kurb *);

/* UNLINK of a seqnum that nobody has any more. */
void kernel_unlink_past(struct kernel *);

/* Reads some of what has come, if it is time. */
void kernel_run(struct kernel *, uint64_t now);
uint64_t kernel_next(const struct kernel *);

/* Nothing is waited for, nothing is half read. */
bool kernel_idle(const struct kernel *);

#endif
