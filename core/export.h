/* SPDX-License-Identifier: ISC */
/*
 * Engine of the side that has a device: requests in, urbs to the device,
 * replies out. One per imported device. It knows neither who asked nor what
 * carries it: the peer link's door is core/wire's SUBMIT and COMPLETE, a stock
 * client's will be USB/IP itself.
 *
 * Any number of urbs is in flight, endpoints do not wait for one another. A
 * control request that changes the device (enum urb_job) is a barrier: later
 * urbs of the device wait until it has ended. Each request gets exactly one
 * reply; a bad one fails alone.
 */
#ifndef CORE_EXPORT_H
#define CORE_EXPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/desc.h"
#include "core/err.h"
#include "core/urb.h"

struct export;
struct pool;

/* A request as a door has read it; strangers' numbers, not yet checked. */
struct export_request {
	uint64_t tag;   /* the door's, unique among those in flight and unlinked */
	uint8_t ep;     /* bEndpointAddress, 0x80 for control IN */
	uint32_t flags; /* URB_* */
	uint32_t len;   /* transfer_buffer_length */
	uint32_t start_frame, interval;
	uint32_t packets; /* of isochronous ones; 0xffffffff counts as 0 */
	uint8_t setup[8];
};

struct export_ops {
	/*
	 * Device: take the urb (ERR_OK, export_complete follows) or not
	 * (ERR_GONE: -ESHUTDOWN, ERR_NOMEM: -ENOMEM, else urb->status or -EIO).
	 */
	int (*submit)(void *dev, struct urb *);
	void (*cancel)(void *dev, struct urb *);

	/*
	 * Door: the one reply. unlinked: it was cancelled and moved no data (its
	 * driver must not see a completion). After return the urb is gone. IN data
	 * of an isochronous urb lie together, not at their offsets; iso is NULL
	 * if no packet has a result, though packets is the request's.
	 */
	void (*reply)(void *door, uint64_t tag, const struct urb *, bool unlinked);

	/* Door: export_end was called and the last urb has come back. */
	void (*ended)(void *door);
};

struct export_conf {
	uint32_t urb_max; /* longest transfer, 16 bytes a packet included; a longer one
			     fails alone (-ENOMEM) */
	const uint8_t *raw;
	size_t raw_len; /* descriptors, copied */
	uint8_t config; /* active configuration */
};

/*
 * Buffers come from pool (one per peer, so a peer can only starve itself):
 * over budget the request fails alone with -ENOMEM. ERR_PROTO: descriptors.
 */
int export_new(struct export **, struct pool *, const struct export_conf *,
	       const struct export_ops *, void *dev, void *door) MUST_CHECK;

/* Only after (or in) ended(), or when the device has no urb. */
void export_free(struct export *);

/*
 * Takes a request. *buf lends the buffer for its OUT data (len bytes, NULL if
 * there is none or the request failed): fill it, then export_go. A request that
 * fails was replied to already when this returns, and *handle is NULL then.
 */
void export_prepare(struct export *, const struct export_request *, void **handle,
		    uint8_t **buf);
void export_go(struct export *, void *handle);

/* The packets of a prepared request: fill offset and length before export_go. */
struct urb_iso *export_iso(void *handle);

/*
 * Cancels by tag; a tag that has not come yet is cancelled on arrival. Of those
 * the last TOMBS_MAX (core/tombs.h) are remembered.
 */
void export_unlink(struct export *, uint64_t tag);

/* From the device. */
void export_complete(struct export *, struct urb *);

/* The device is gone: later requests get -ESHUTDOWN. */
void export_gone(struct export *);

/*
 * Cancels everything, replies to nothing more, handles are void; then
 * ops->ended, maybe at once. ended is the last thing that a call does, so the
 * engine may be freed there.
 */
void export_end(struct export *);

/* What an endpoint is now; URB_BULK if there is none. */
enum urb_type export_type(const struct export *, uint8_t ep);

struct export_stats {
	uint64_t urbs, failed, unlinked, bytes_in, bytes_out;
	uint32_t inflight;
};

void export_stats(const struct export *, struct export_stats *);

#endif
