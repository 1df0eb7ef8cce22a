/* SPDX-License-Identifier: ISC */
/*
 * The parts of `serve` and how they know one another:
 *
 *	serve.c    options, start and end
 *	guest.c    one connected peer: link, session, exports
 *	lease.c    one device in a peer's hands, and who waits for it
 *	serve_ctl.c  the control socket
 */
#ifndef CMD_SERVER_H
#define CMD_SERVER_H

#include "cmd/loop.h"
#include "cmd/share.h"
#include "core/exports.h"
#include "core/list.h"
#include "usb/bus.h"

#define SERVER_GUESTS      64 /* links at once, admitted or not */
#define SERVER_GUESTS_PEER 8  /* of one id */
#define SERVER_LISTENERS   4

struct ctl;
struct tcp_listener;

struct server {
	struct loop loop;
	struct ctx *ctx;
	struct usb_bus bus;
	struct share share, extra; /* of the file, of --share */
	struct list guests;        /* guest.link */
	struct list leases;        /* lease.link */
	unsigned guest_count;
	struct tcp_listener *listener[SERVER_LISTENERS];
	unsigned listeners;
	bool any; /* a listener is on a wildcard address */
	struct ctl *ctl;
	struct event *reaper; /* guest_reap */
	bool ending;
	uint64_t started; /* unix seconds */
};

/* One connected peer. */
struct guest {
	struct list link; /* in server.guests */
	struct server *of;
	struct link *l; /* NULL: the link is down */
	struct session *session;
	struct exports *exports;
	struct pool pool, urbs;
	struct access_row who; /* name and patterns; valid once admitted */
	bool admitted;
	bool refused;   /* its hello was */
	uint64_t since; /* unix seconds */
};

/* One device in (or on its way to) a guest's hands. */
enum lease_state {
	LEASE_WAITING, /* for another to let go */
	LEASE_OPENING,
	LEASE_OPEN,
	LEASE_CLOSING
};

struct lease {
	struct list link; /* in server.leases */
	struct server *of;
	struct guest *guest; /* NULL: it is gone, the device is being closed */
	struct usb_dev *dev;
	uint32_t number; /* of the session */
	enum lease_state state;
	struct event *probe; /* WAITING: when the holder must have answered */
	uint64_t since;      /* unix seconds */
};

/* guest.c */
struct tcp;
void guest_accept(struct server *, struct tcp *);
void guest_changed(struct server *); /* what is shared has changed */
bool guest_may_see(const struct guest *, const struct usb_dev *);
void guest_end(struct guest *); /* says goodbye */

/* From the loop, soon: frees guests whose link is down and devices are back. */
void guest_reap_soon(struct server *);
void guest_reap(struct server *);
const char *guest_name(const struct guest *);

/* lease.c: exports_ops */
void lease_open(void *guest, uint32_t dev, const char *busid, uint8_t flags);
void lease_close(void *guest, void *lease);
int lease_submit(void *lease, struct urb *);
void lease_cancel(void *lease, struct urb *);
/* Who has the device, as this guest may see it. */
void lease_describe(const struct guest *, const struct usb_dev *, struct wire_device *);
bool lease_list(void *guest, unsigned i, struct wire_device *);

/* Takes the device from its holder and those who wait: unplugged, unbound. */
void lease_revoke(struct server *, struct usb_dev *, const char *why);

/* Ends the guest's waiting leases. */
void lease_forget_guest(struct guest *);

/* serve.c: ends the loop once nothing is left to give back. */
void server_check_end(struct server *);
bool server_shares(const struct server *, const struct usb_dev *);
void server_reload(struct server *);

/* serve_ctl.c */
int serve_ctl_start(struct server *) MUST_CHECK;

#endif
