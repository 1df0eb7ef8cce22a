/* SPDX-License-Identifier: ISC */
/*
 * Engine of the side that uses a device: USB/IP bytes of the kernel (or of a
 * stock client) on one side, requests for the far end on the other. One per
 * attached device. Both directions are parsed and checked; the kernel gets only
 * what this engine wrote itself, each header and its data in one piece.
 */
#ifndef CORE_IMPORT_H
#define CORE_IMPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/desc.h"
#include "core/err.h"
#include "core/urb.h"

struct import;
struct pool;

/* A request for the far end (core/wire SUBMIT). */
struct import_request {
	uint8_t ep;   /* bEndpointAddress, 0x80 for control IN */
	uint8_t type; /* enum urb_type, from the descriptors */
	uint32_t flags, len, start_frame, interval, packets;
	uint32_t after; /* core/after.h; the far end must know it */
	bool if_well;   /* else it comes back, unlinked */
	uint8_t setup[8];
	const uint8_t *data;       /* OUT: len bytes, lent until submit returns */
	const struct urb_iso *iso; /* packets of them, lent likewise; checked */
};

/* A reply of the far end (core/wire COMPLETE), not yet checked. */
struct import_reply {
	bool unlinked;
	int32_t status; /* 0 or -LINUX_E... */
	uint32_t actual, start_frame;
	uint32_t packets; /* with a result: all of the request's, or 0 if it failed */
};

/*
 * Whether it is possible for a request of len bytes and so many packets (0: not
 * isochronous). cancelled: UNLINK was sent.
 */
bool import_reply_fits(const struct import_reply *, uint32_t len, uint32_t packets,
		       bool cancelled);

struct import_ops {
	/*
	 * Sends a request; *tag gets the far end's name for it (its message index
	 * in the endpoint's stream, below 2^59). An error fails the urb alone
	 * (ERR_NOMEM: -ENOMEM, else -ESHUTDOWN).
	 */
	int (*submit)(void *arg, const struct import_request *, uint64_t *tag);

	/* Asked for once per urb; if it fails, the reply or import_gone decides. */
	int (*unlink)(void *arg, uint8_t ep, uint64_t tag);
	void (*wake)(void *arg); /* import_output has bytes */

	/* From now on the last request to ep may be answered. May be NULL. */
	void (*sent)(void *arg, uint8_t ep);
};

struct import_conf {
	uint32_t devid;     /* busnum << 16 | devnum that the kernel was told */
	uint32_t urb_max;   /* longest transfer, 16 bytes a packet included; a longer
			       one fails alone */
	uint64_t budget;    /* bytes of urbs that may be out (USBIP.md 1.4) */
	uint64_t reserve;   /* of it, kept for control and interrupt urbs */
	const uint8_t *raw; /* descriptors as in usb_dev.raw, copied */
	size_t raw_len;
	const uint8_t *cache; /* for desc_cache_check, copied; NULL: none */
	size_t cache_len;
	uint8_t config;
	uint8_t speed; /* enum devinfo_speed */
};

/*
 * The kernel's requests for what raw and cache hold are answered here
 * (core/enumerate), so the far end need not know them. ERR_PROTO: raw or cache.
 */
int import_new(struct import **, struct pool *, const struct import_conf *,
	       const struct import_ops *, void *arg) MUST_CHECK;
void import_free(struct import *);

/*
 * Bytes from the kernel, any number at a time; all are taken. An error means
 * the stream cannot be understood any more (sticky): close it. An urb that
 * fails alone is answered when its data has come, not before: until then the
 * kernel still reads from it.
 */
int import_input(struct import *, const uint8_t *, size_t n) MUST_CHECK;

/*
 * Lends bytes for the kernel; 0: none. import_sent gives back the first n. The
 * budget is charged until an urb's reply was sent.
 */
size_t import_output(struct import *, const uint8_t **);
void import_sent(struct import *, size_t n);

/*
 * The far end's reply to (ep, tag). *data lends room for actual bytes of IN
 * data (NULL if there are none or it is not wanted any more), those of
 * isochronous packets without gaps; *iso room for reply->packets results (or
 * NULL), of which only actual and status count. Fill both, then
 * import_reply_end. A reply that is not ended before the next has not happened.
 * ERR_PROTO: no such request, more than was asked for, unlinked though nobody
 * asked, or packets that do not add up; the urb is still in flight then.
 */
int import_reply(struct import *, uint8_t ep, uint64_t tag, const struct import_reply *,
		 uint8_t **data, struct urb_iso **iso) MUST_CHECK;
int import_reply_end(struct import *) MUST_CHECK;

/*
 * The far end is gone: fails every urb with -ESHUTDOWN, and those that come. Room
 * lent by import_reply is void, and later replies are for nobody.
 */
void import_gone(struct import *);

/* What the device is now, and its descriptors as the kernel knows them. */
const struct desc *import_desc(const struct import *);
const uint8_t *import_raw(const struct import *, size_t *n);

uint8_t import_speed(const struct import *); /* enum devinfo_speed */

/* Bytes are those of the far end, without what was answered here. */
struct import_stats {
	uint64_t urbs, failed, unlinked, bytes_in, bytes_out;
	uint32_t inflight;
	uint64_t charged; /* bytes against the budget */
};

void import_stats(const struct import *, struct import_stats *);

#endif
