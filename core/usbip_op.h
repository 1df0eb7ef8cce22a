/* SPDX-License-Identifier: ISC */
/*
 * USB/IP 1.1.1 before its URB phase: "which devices have you" and "give me this
 * one", for the side that answers and the side that asks
 * (Documentation/usb/usbip_protocol.rst; usbip_network.h of the stock tools).
 * Bytes in, bytes out; who may have what is the outside's.
 */
#ifndef CORE_USBIP_OP_H
#define CORE_USBIP_OP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/devinfo.h"
#include "core/err.h"

struct pool;

#define USBIP_OP_VERSION 0x0111 /* compared for equality */
#define USBIP_OP_HEADER  8      /* version, code, status */
#define USBIP_OP_BUSID   32     /* with NUL */
#define USBIP_OP_PATH    256
#define USBIP_OP_DEVICE  0x138
#define USBIP_OP_ASK_MAX (USBIP_OP_HEADER + USBIP_OP_BUSID)

#define USBIP_OP_REQUEST 0x8000 /* in the code of a request */

enum usbip_op_code { USBIP_OP_IMPORT = 3, USBIP_OP_DEVLIST = 5 };

enum usbip_op_status {
	USBIP_OP_OK,
	USBIP_OP_NA,
	USBIP_OP_BUSY,
	USBIP_OP_DEV_ERR,
	USBIP_OP_NODEV,
	USBIP_OP_ERROR
};

/* --- the side that has devices: one connection, one request --- */

struct usbip_op_export_ops {
	/* The i-th device that may be had now; NULL: there is none. */
	const struct devinfo *(*list)(void *arg, unsigned i);

	/*
	 * Wants the device with this busid, or nickname, by which a list shows those
	 * that have one: grant or refuse must follow, now or later.
	 */
	void (*import)(void *arg, const char *busid);
};

enum usbip_op_state {
	USBIP_OP_READING,
	USBIP_OP_DECIDING,
	USBIP_OP_GRANTED, /* behind the reply the URB phase begins */
	USBIP_OP_OVER     /* behind the reply the connection ends */
};

struct usbip_op_export {
	struct pool *pool;
	const struct usbip_op_export_ops *ops;
	void *arg;
	enum usbip_op_state state;
	uint8_t in[USBIP_OP_ASK_MAX + 1]; /* the last one stays 0 */
	size_t have;
	uint8_t *out; /* the reply, or NULL */
	size_t len, sent;
	int failed; /* sticky */
};

void usbip_op_export_init(struct usbip_op_export *, struct pool *,
			  const struct usbip_op_export_ops *, void *arg);
void usbip_op_export_fini(struct usbip_op_export *);

/*
 * Any number of bytes at a time. ERR_PROTO: another version, an unknown code, or
 * bytes behind the request (who asks waits for the answer); ERR_NOMEM. No reply
 * follows an error.
 */
int usbip_op_export_input(struct usbip_op_export *, const uint8_t *, size_t n) MUST_CHECK;

/*
 * The answer to ops->import: yes, under the name that was asked for; or why not (not
 * USBIP_OP_OK).
 */
int usbip_op_export_grant(struct usbip_op_export *, const struct devinfo *) MUST_CHECK;
void usbip_op_export_refuse(struct usbip_op_export *, enum usbip_op_status);

/* Lends bytes; sent gives back the first n. */
size_t usbip_op_export_output(const struct usbip_op_export *, const uint8_t **);
void usbip_op_export_sent(struct usbip_op_export *, size_t n);

/* --- the side that wants one --- */

struct usbip_op_import {
	enum usbip_op_code code;
	char busid[USBIP_OP_BUSID]; /* asked for */
	void (*device)(void *arg, const struct devinfo *);
	void *arg;
	uint8_t in[USBIP_OP_DEVICE];
	size_t have, want; /* bytes of what comes next */
	void (*next)(struct usbip_op_import *);
	uint32_t devices; /* that are still to come */
	unsigned ifs;     /* likewise, of this device */
	struct devinfo info;
	bool done;
	int failed; /* sticky */
};

/*
 * busid NULL: asks for the list, device is called for each; else for that device,
 * and device is called once, when it is ours. ERR_USAGE: cannot be a busid.
 */
int usbip_op_import_init(struct usbip_op_import *, const char *busid,
			 void (*device)(void *arg, const struct devinfo *),
			 void *arg) MUST_CHECK;

/* The request; returns its length. */
size_t
usbip_op_import_request(const struct usbip_op_import *, uint8_t buf[USBIP_OP_ASK_MAX]);

/*
 * Bytes of the reply. ->done when all of it has come. ERR_PROTO: it makes no sense,
 * or goes on behind its end; ERR_BUSY, ERR_NODEV, ERR_REFUSED, ERR_FAIL: the other
 * side said no.
 */
int usbip_op_import_input(struct usbip_op_import *, const uint8_t *, size_t n) MUST_CHECK;

#endif
