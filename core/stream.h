/* SPDX-License-Identifier: ISC */
/*
 * Numbers of streams. A session has one stream for itself and one for each
 * endpoint of each imported device; both ends compute the number, nothing is
 * negotiated. Device numbers start at 1, rise, and are never used again in a
 * session, so a late frame of a released device is known as such.
 *
 *	bits 31..5  device number (0: the session itself)
 *	bits  4..1  endpoint number
 *	bit   0     1: IN endpoint (endpoint 0 uses 0 for both directions)
 */
#ifndef CORE_STREAM_H
#define CORE_STREAM_H

#include <stdint.h>

#include "core/urb.h"

#define STREAM_SESSION 0u /* hello, list, import, unlink ... */
#define STREAM_BENCH   1u /* bulk data of `bench`, no device involved */
#define STREAM_ECHO    2u /* round trips of `bench`, interrupt priority */

#define STREAM_DEV_MAX ((1u << 27) - 1)

/* Strict order of sending: lower first. */
enum stream_prio {
	STREAM_PRIO_SESSION,
	STREAM_PRIO_CONTROL,
	STREAM_PRIO_INTERRUPT,
	STREAM_PRIO_ISO,
	STREAM_PRIO_BULK,
	STREAM_PRIOS
};

/* ep as in bEndpointAddress: number in bits 3..0, bit 7 set for IN. */
static inline uint32_t
stream_of(uint32_t dev, uint8_t ep)
{
	uint32_t n = ep & 15u;

	return dev << 5 | n << 1 | (n != 0 && (ep & 0x80) ? 1u : 0u);
}

static inline uint32_t
stream_dev(uint32_t sid)
{
	return sid >> 5;
}

/* bEndpointAddress of a device's stream; 0 for endpoint 0. */
static inline uint8_t
stream_ep(uint32_t sid)
{
	return (uint8_t)((sid >> 1 & 15u) | (sid & 1u ? 0x80u : 0u));
}

/* An endpoint's place in the order, by its type. */
static inline enum stream_prio
stream_prio_of(enum urb_type type)
{
	static const enum stream_prio prio[] = {
	    [URB_CONTROL] = STREAM_PRIO_CONTROL,
	    [URB_ISO] = STREAM_PRIO_ISO,
	    [URB_BULK] = STREAM_PRIO_BULK,
	    [URB_INTERRUPT] = STREAM_PRIO_INTERRUPT,
	};

	return prio[type & 3];
}

#endif
