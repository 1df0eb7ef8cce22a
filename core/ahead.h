/* SPDX-License-Identifier: ISC */
/*
 * Reads ahead of a driver on one IN endpoint: once the driver has asked, more
 * requests than its own are kept open at the far end, and its next urb is answered
 * with what has come, without a round trip. Whatever the device said comes to the
 * driver once and in order, for as long as nothing discards it (ahead_bar).
 *
 * How many are open grows with a driver that always comes back before there is more,
 * and shrinks with one that lets things lie, so that what it gets is never old; of a
 * bulk endpoint, which is a stream, as many as the distance asks for. The
 * device is asked for nothing while nobody reads: without an urb of the driver no
 * request is sent, and when it takes its last one back, those that are open are too.
 */
#ifndef CORE_AHEAD_H
#define CORE_AHEAD_H

#include <stdbool.h>
#include <stdint.h>

#include "core/import.h"
#include "core/list.h"

struct ahead;
struct pool;

#define AHEAD_BYTES 65536u /* of room for what was not asked for */

struct ahead_ops {
	/* As in import_ops, to the far end. */
	int (*submit)(void *arg, const struct import_request *, uint64_t *tag);
	int (*unlink)(void *arg, uint8_t ep, uint64_t tag);

	/* The end of a driver's urb; data: reply->actual bytes. */
	void (*answer)(void *arg, uint8_t ep, uint64_t tag, const struct import_reply *,
		       const uint8_t *data);

	/* The same of an isochronous one; iso: reply->packets results. */
	void (*answer_iso)(void *arg, uint8_t ep, uint64_t tag,
			   const struct import_reply *, const uint8_t *data,
			   const struct urb_iso *iso);

	/* The time, and a round trip to the far end: us. */
	uint64_t (*now)(void *arg);
	uint64_t (*trip)(void *arg);
};

struct ahead_stats {
	uint64_t hits;      /* urbs whose answer was on its way before they came */
	uint64_t saved;     /* round trips that no driver waited for */
	uint64_t fallbacks; /* times that it went back to one request for each urb */
};

/* most: requests open beside those that the driver waits for, and that. NULL: no memory.
 */
struct ahead *ahead_new(struct pool *, uint8_t ep, unsigned most, struct ahead_stats *,
			const struct ahead_ops *, void *arg);
void ahead_free(struct ahead *); /* answers nothing */

/*
 * An urb of the driver, which calls it tag. It may be answered from ahead_go on, which
 * must follow.
 */
int ahead_take(struct ahead *, const struct import_request *, uint64_t tag) MUST_CHECK;
void ahead_go(struct ahead *);

/* The driver takes it back; the answer comes, maybe at once. */
void ahead_unlink(struct ahead *, uint64_t tag);

/*
 * The far end's reply. ERR_NODEV: to no request from here. ERR_PROTO: impossible. *data
 * lends room for reply->actual bytes, then ahead_reply_end; one that is not ended before
 * the next has not happened.
 */
int ahead_reply(struct ahead *, uint64_t tag, const struct import_reply *,
		uint8_t **data) MUST_CHECK;
void ahead_reply_end(struct ahead *);

/*
 * Something that changes the endpoint is about to be sent: open requests are taken back,
 * and none is sent until ahead_unbar; urbs that come meanwhile wait. If it was changed,
 * what no urb had waited for by then is discarded. Nests.
 */
void ahead_bar(struct ahead *);
void ahead_unbar(struct ahead *, bool changed);

/* Nothing is open at the far end. */
bool ahead_quiet(const struct ahead *);

/* Nor is anything kept, waited for or learned: it may be freed. */
bool ahead_idle(const struct ahead *);

#endif
