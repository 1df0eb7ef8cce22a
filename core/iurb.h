/* SPDX-License-Identifier: ISC */
/*
 * The urbs of the import engine: from a SUBMIT's header until its reply is
 * queued. The reply's memory is made with the urb, so that answering cannot
 * fail. Whom an urb is sent to is not known here.
 */
#ifndef CORE_IURB_H
#define CORE_IURB_H

#include <stdbool.h>
#include <stdint.h>

#include "core/import.h"
#include "core/list.h"
#include "core/retq.h"
#include "core/urbs.h"

enum iurb_state {
	IURB_FILLING,  /* OUT data and packets are coming from the kernel */
	IURB_HELD,     /* answered here once those of endpoint 0 before it are */
	IURB_SENDING,  /* ops->submit is running */
	IURB_SENT,     /* the far end has it */
	IURB_REPLYING, /* import_reply was called, import_reply_end not yet */
};

struct iurb {
	struct list link; /* in iurbs.all */
	struct urbs_node by_seqnum, by_tag;
	enum iurb_state state;
	bool unlinking;      /* the far end was asked to unlink it */
	bool resetting;      /* a RESET went in its place (core/enumerate) */
	bool here;           /* answered by us: its data did not cross */
	struct list unlinks; /* struct ret of each UNLINK that waits for this urb */
	struct ret *ret;
	struct import_request req;
	uint32_t packets; /* number_of_packets as it came: the kernel gets it back */
	uint64_t tag;
	const uint8_t *data; /* OUT data, req.len bytes: out, or lent to iurb_fill */
	uint8_t *out;        /* room for what comes in pieces */
	uint64_t have;
	uint64_t skip;  /* bytes that come before all others and that nobody wants */
	int32_t doomed; /* the status it ends with when its bytes have come, or 0 */
	struct import_reply reply; /* while replying */
	struct urb_iso *iso;       /* req.packets of them, or NULL (core/iurb_iso) */
	bool results;              /* iso has what the far end said, and it is right */
};

struct iurbs {
	struct pool *pool;
	uint32_t urb_max;
	uint64_t budget, reserve; /* as in import_conf */
	struct list all;
	struct urbs by_seqnum, by_tag;
	struct list early; /* UNLINKs that have overtaken their SUBMIT (iurb_early) */
	struct retq q;
	struct import_stats stats;
};

#define IURB_TAG_BITS 59 /* of a tag: with the endpoint it makes a 64-bit key */

int iurbs_init(struct iurbs *, struct pool *) MUST_CHECK;
void iurbs_fini(struct iurbs *);

/*
 * A new urb, with room for its data, its reply and the reply's data. *status: 0,
 * or it is refused already. NULL: *status says why. An isochronous urb that is
 * refused is kept, if that is not too much to ask, until its bytes (`follow` in
 * all) have come, for its driver wants its packets back: it is `doomed`.
 */
struct iurb *iurb_accept(struct iurbs *, const struct import_request *, uint32_t seqnum,
			 uint64_t follow, int32_t *status);

/*
 * Bytes that follow its header; gives how many it took. Data that comes in one piece
 * is not copied: if the urb is full then, they are lent until it is sent.
 */
size_t iurb_fill(struct iurbs *, struct iurb *, const uint8_t *, size_t n);
bool iurb_is_full(const struct iurb *);

/*
 * vhci_tx sends all its SUBMITs, then all its UNLINKs; an urb that comes and is taken
 * back between the two is unlinked before it was sent (vhci_tx.c, vhci_tx_loop).
 * ERR_NOMEM: r stays the caller's.
 */
int iurb_early(struct iurbs *, uint32_t victim, struct ret *r) MUST_CHECK;

/* A SUBMIT has come: what waits for it goes to the list, for older ones in vain. */
void iurb_early_take(struct iurbs *, uint32_t seqnum, struct list *unlinks);

/* The OUT data is not needed any more. */
void iurb_drop_data(struct iurbs *, struct iurb *);

/* The far end has it, under this tag of its endpoint. */
void iurb_sent(struct iurbs *, struct iurb *, uint64_t tag);

struct iurb *iurb_by_seqnum(const struct iurbs *, uint32_t seqnum);
struct iurb *iurb_by_tag(const struct iurbs *, uint8_t ep, uint64_t tag);

/*
 * What the kernel is told for the far end's status. "Cancelled" for an urb that
 * nobody cancelled would be taken for an empty success (libusb does): -EPROTO.
 */
int32_t iurb_status(const struct iurb *, int32_t status);

/*
 * Ends it with a RET_SUBMIT; its UNLINKs came too late. It is gone then. The
 * packets of an isochronous one were not run unless u->results is set.
 */
void iurb_finish(struct iurbs *, struct iurb *, int32_t status, uint32_t actual);

/* Ends it without one: the kernel must not see it complete. It is gone then. */
void iurb_finish_unlinked(struct iurbs *, struct iurb *);

static inline bool
iurb_in(const struct iurb *u)
{
	return (u->req.ep & 0x80) != 0;
}

#endif
