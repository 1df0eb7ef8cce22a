/* SPDX-License-Identifier: ISC */
/*
 * The serve side of one session: answers hello, list, import, release, unlink
 * and bench, and joins each imported device's export engine to its streams.
 * It decides what the protocol allows; who may use what, and the devices
 * themselves, are the outside's (exports_ops).
 */
#ifndef CORE_EXPORTS_H
#define CORE_EXPORTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "core/export.h"
#include "core/wire.h"

struct exports;
struct pool;
struct session;

/* Devices of one session at once. */
#define EXPORTS_DEVS 64

struct exports_ops {
	/*
	 * First contact inside the link: judge the proof, fill in the reply (ERR_OK)
	 * or the refusal (any error).
	 */
	int (*hello)(void *arg, const struct wire_hello *, struct wire_hello *reply,
		     struct wire_refusal *no);

	/* The i-th device that this peer may see; false: there is none. */
	bool (*list)(void *arg, unsigned i, struct wire_device *);

	/* Wants this device; exports_opened() must follow, now or later. */
	void (*open)(void *arg, uint32_t dev, const char *busid, uint8_t flags);

	/* Device calls, as in export_ops; device is what exports_opened was given. */
	int (*submit)(void *device, struct urb *);
	void (*cancel)(void *device, struct urb *);

	/* The session is done with the device: all its urbs are back. */
	void (*close)(void *arg, void *device);

	/*
	 * The peer does not want any more what open() was asked for; exports_opened()
	 * must follow all the same, maybe at once. May be NULL.
	 */
	void (*forgo)(void *arg, uint32_t dev);
};

struct exports_conf {
	struct pool *urbs; /* buffers of this peer's requests: its budget */
	uint32_t urb_max;  /* longest transfer */
};

/* Sends on session, whose messages the caller passes to exports_message. */
struct exports *exports_new(struct pool *, struct session *, const struct exports_conf *,
			    const struct exports_ops *, void *arg);

struct pack_conf;
struct pack_stats;

/* Before the peer's hello: compression (core/pack). Without it there is none. */
void exports_pack(struct exports *, const struct pack_conf *);

/* Whether both know it, and what it did for all devices the session has or had. */
bool exports_packs(const struct exports *, struct pack_stats *);

/* Only when exports_end has let go of every device. */
void exports_free(struct exports *);

struct session_msg;
enum stream_prio;

/* For session_ops. */
int exports_message(struct exports *, const struct session_msg *) MUST_CHECK;
int exports_accept(struct exports *, uint32_t sid, enum stream_prio *) MUST_CHECK;

/* After the link took in packets: bench sends more. */
void exports_turn(struct exports *);

/*
 * The answer to open(): reason WIRE_OK and the device, or why not. When the
 * session let go of the device meanwhile, close() comes at once.
 */
struct exports_device {
	void *device;
	const struct devinfo *info;
	const uint8_t *raw;
	size_t raw_len;
	const uint8_t *cache; /* for desc_cache_check; NULL: none */
	size_t cache_len;
};

void exports_opened(struct exports *, uint32_t dev, const struct wire_refusal *,
		    const struct exports_device *);

/* open() has to wait, and for whom (dev is filled in): tells the peer. */
void exports_queued(struct exports *, uint32_t dev, struct wire_queued *);

/* It will be taken away in so many seconds: tells the peer (dev is filled in). */
void exports_ends(struct exports *, uint32_t dev, struct wire_ends *);

/* The device's urb is done. */
void exports_complete(struct exports *, uint32_t dev, struct urb *);

/* The device is gone or taken away: tells the peer, then close(). */
void exports_remove(struct exports *, uint32_t dev, const struct wire_refusal *);

/* What is shared has changed: an attached peer is told the new list. */
void exports_changed(struct exports *);

/* The link is over: cancels everything; true when every device was let go. */
bool exports_end(struct exports *);

/* Whether the peer has said hello and was welcomed. */
bool exports_open(const struct exports *);

/* Sums over all devices the session has or had. */
void exports_stats(const struct exports *, struct export_stats *);

#endif
