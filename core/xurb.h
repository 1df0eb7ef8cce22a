/* SPDX-License-Identifier: ISC */
/*
 * One request of the export engine, and what its results may be.
 */
#ifndef CORE_XURB_H
#define CORE_XURB_H

#include <stdbool.h>

#include "core/export.h"
#include "core/list.h"
#include "core/urb.h"
#include "core/urbs.h"

enum xurb_state {
	XURB_FILLING, /* the door has it */
	XURB_HELD,    /* waits for the barrier */
	XURB_SENDING, /* ops->submit is running */
	XURB_LENT,    /* the device has it */
	XURB_DONE,    /* the device has given it back */
};

struct xurb {
	struct urb urb;
	struct urbs_node by_tag; /* in export.tags until it is answered */
	struct list link;        /* in one of export's lists, or alone while sending */
	enum xurb_state state;
	bool unlinked;        /* the door does not want it any more */
	bool cancelled;       /* the device was told */
	struct urb_iso iso[]; /* urb.packets of them, then urb.buf */
};

/* With room for its packets and len bytes, in no list; NULL: no memory. */
struct xurb *xurb_new(struct pool *, const struct export_request *);
void xurb_free(struct pool *, struct xurb *);

/*
 * 0, or the status it fails with as things are now. Sets its type. The packets
 * are looked at if they are there, and have no results afterwards.
 */
int32_t xurb_admit(struct urb *, const struct desc *);

/* The first of a list that is not empty. */
struct xurb *xurb_first(const struct list *);

/*
 * Makes a result believable: a device is a stranger too. IN data of isochronous
 * packets lie together afterwards.
 */
void xurb_clean(struct urb *);

/* The result of an urb that ops->submit refused with err. */
void xurb_refused(struct urb *, int err);

#endif
