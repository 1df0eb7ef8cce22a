/* SPDX-License-Identifier: ISC */
/*
 * The attach side of one session: says hello, asks for lists and devices, sends
 * requests to imported devices and takes their replies. Who makes the requests
 * (the kernel through core/import, or `bench` itself) is a user of one device.
 */
#ifndef CORE_IMPORTS_H
#define CORE_IMPORTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "core/import.h"
#include "core/wire.h"

struct imports;
struct pack_conf;
struct pack_stats;
struct pool;
struct session;
struct session_msg;
enum stream_prio;

struct imports_ops {
	/* WELCOME (err ERR_OK): judge the server's proof; or REFUSED. */
	int (*welcome)(void *arg, int err, const struct wire_hello *,
		       const struct wire_refusal *);

	/* One of the list; then NULL: that was all. Also when the list changed. */
	void (*device)(void *arg, const struct wire_device *);

	/* bench: a message of STREAM_BENCH or STREAM_ECHO. */
	int (*bench)(void *arg, const struct session_msg *);
};

/* The user of one device; arg is what imports_import was given. */
struct imports_user {
	/*
	 * err ERR_OK: it is ours; descriptors and cache are borrowed and were
	 * checked. Else i->no says why.
	 */
	void (*imported)(void *arg, int err, const struct wire_imported *i);

	/*
	 * The reply to (ep, tag); body: reply.packets results and reply.actual
	 * bytes of IN data, or none, to be read with the functions below; NULL if
	 * there is neither. ERR_PROTO when the reply is impossible.
	 */
	int (*reply)(void *arg, uint8_t ep, uint64_t tag, const struct import_reply *,
		     const struct session_msg *body);

	/* The server took it away; the user is forgotten. */
	void (*removed)(void *arg, const struct wire_refusal *);

	/* It is not ours yet: others are before us. May be NULL. */
	void (*queued)(void *arg, const struct wire_queued *);

	/* The server will take it away. May be NULL. */
	void (*ends)(void *arg, const struct wire_ends *);
};

struct imports *
imports_new(struct pool *, struct session *, const struct imports_ops *, void *arg);
void imports_free(struct imports *);

/* Before hello: compression (core/pack). Without it there is none. */
void imports_pack(struct imports *, const struct pack_conf *);

/* Whether both know it, and what it did for this device. */
bool imports_packs(const struct imports *, uint32_t dev, struct pack_stats *);

/* For session_ops. */
int imports_message(struct imports *, const struct session_msg *) MUST_CHECK;
int imports_accept(struct imports *, uint32_t sid, enum stream_prio *) MUST_CHECK;

/* The first message. */
int imports_hello(struct imports *, const struct wire_hello *) MUST_CHECK;

/* After welcome. */
int imports_list(struct imports *) MUST_CHECK;
int imports_import(struct imports *, const char *busid, uint8_t flags,
		   const struct imports_user *, void *arg, uint32_t *dev) MUST_CHECK;

/* Gives a device back; the user is forgotten. */
void imports_release(struct imports *, uint32_t dev);

/* As in import_ops. ERR_TOOBIG: longer than the server takes. */
int imports_submit(struct imports *, uint32_t dev, const struct import_request *,
		   uint64_t *tag) MUST_CHECK;
int imports_unlink(struct imports *, uint32_t dev, uint8_t ep, uint64_t tag) MUST_CHECK;

/* Reads a COMPLETE's head; ERR_PROTO when the length is not what it says. */
int imports_complete(const struct session_msg *, struct wire_complete *) MUST_CHECK;

/*
 * Of isochronous packets whose data did not come: from now on c->actual is what came.
 * ERR_PROTO when their lengths are not what the data are.
 */
int imports_came(const struct session_msg *, struct wire_complete *c) MUST_CHECK;

/* What is behind the head: all its packets, and the first n bytes of its data. */
void imports_packets(const struct session_msg *, struct urb_iso *, uint32_t packets);
void imports_data(const struct session_msg *, uint8_t *dst, uint32_t n);

/* What the welcome said; 0 before. */
uint32_t imports_urb_max(const struct imports *);
uint32_t imports_window(const struct imports *);

/* Whether both know import_request.after. */
bool imports_orders(const struct imports *);

#endif
