/* SPDX-License-Identifier: ISC */
/*
 * A stock USB/IP server as the far end of an import engine: requests become
 * SUBMIT and UNLINK on a byte stream, RET_SUBMIT and RET_UNLINK become replies.
 * The server is a stranger: what it sends is checked, and what makes no sense
 * breaks the stream (USBIP.md 1.4). One per imported device, behind the OP phase.
 *
 * How an UNLINK ends:
 *
 *	RET_SUBMIT, RET_UNLINK          it came too late: the reply counts
 *	RET_UNLINK, whatever status     unlinked
 *	RET_UNLINK, RET_SUBMIT          unlinked; what comes late is for nobody
 *
 * Linux answers the second way with status 0 when a request had just ended, and
 * can answer the third way; its vhci_hcd gives the urb back in both.
 */
#ifndef CORE_STOCK_CLIENT_H
#define CORE_STOCK_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "core/import.h"

struct pool;
struct stock_client;

/* Who makes the requests: an import engine, or before it core/stock_fetch. */
struct stock_client_user {
	/*
	 * As import_reply and import_reply_end. An error breaks the stream. After
	 * reply the user is asked for nothing else before reply_end.
	 */
	int (*reply)(void *arg, uint8_t ep, uint64_t tag, const struct import_reply *,
		     uint8_t **data, struct urb_iso **iso);
	int (*reply_end)(void *arg);
};

struct stock_client_ops {
	void (*wake)(void *arg); /* stock_client_output has bytes */
};

/* devid: busnum << 16 | devnum as the server said. NULL: no memory. */
struct stock_client *stock_client_new(struct pool *, uint32_t devid,
				      const struct stock_client_ops *, void *arg);

/* Not from inside a call of the user or of ops. NULL is fine. */
void stock_client_free(struct stock_client *);

/* From now on; requests of the one before must have been answered. */
void
stock_client_set_user(struct stock_client *, const struct stock_client_user *, void *arg);

/*
 * As in import_ops; tag: the seqnum. An error means that nothing will be sent:
 * ERR_NOMEM, ERR_GONE after the stream broke. The user's calls may use both.
 */
int stock_client_submit(struct stock_client *, const struct import_request *,
			uint64_t *tag) MUST_CHECK;
int stock_client_unlink(struct stock_client *, uint64_t tag) MUST_CHECK;

/* Bytes of the server; an error is sticky: close the stream. One line is logged. */
int stock_client_input(struct stock_client *, const uint8_t *, size_t n) MUST_CHECK;

/* Lends bytes for the server; 0: none. sent gives back the first n. */
size_t stock_client_output(const struct stock_client *, const uint8_t **);
void stock_client_sent(struct stock_client *, size_t n);

#endif
