/* SPDX-License-Identifier: ISC */
/*
 * What an endpoint belongs to, by the descriptors, and what is known to be good for
 * such ones.
 */
#ifndef CORE_ASSIST_FACE_H
#define CORE_ASSIST_FACE_H

#include <stdbool.h>
#include <stdint.h>

struct import;

struct assist_face {
	uint16_t vid, pid;
	uint8_t iface, cls, sub, proto; /* of the active alternate setting */
	bool acm;                       /* data of a CDC port (PSTN 1.2 3.6) */
	uint32_t period_us;             /* of the endpoint, if it is isochronous */
};

/* false: there is no such endpoint now. */
bool assist_face_of(struct assist_face *, const struct import *, uint8_t ep);

/*
 * The two endpoints of a disk's interface (USB Mass Storage Bulk-Only Transport 1.0)
 * that ep belongs to. false: it is not one.
 */
bool assist_face_disk(const struct import *, uint8_t ep, uint8_t *in, uint8_t *out,
		      uint8_t *iface);

/* Requests that may be open at an interrupt IN endpoint before they are asked for. */
unsigned assist_face_interrupt(const struct assist_face *);

/*
 * The same for the bulk IN endpoint of a serial port; not 0 for its bulk OUT endpoint:
 * the driver may be told that it is done before it is.
 */
unsigned assist_face_serial(const struct assist_face *);

/* us that a packet of an isochronous endpoint lasts. */
unsigned assist_face_iso(const struct assist_face *);

#endif
