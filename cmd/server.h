/* SPDX-License-Identifier: ISC */
/*
 * The parts of `serve` and how they know one another:
 *
 *	serve.c    options, start and end
 *	guest.c      one connected peer: link, session, exports
 *	guest_hold.c one whose link was lost: its session waits for another
 *	guest_dev.c  the devices in its hands
 *	serve_stock.c  stock USB/IP clients, and the devices in theirs
 *	lease.c      one device in anyone's hands, and who waits for it
 *	serve_ctl.c  the control socket
 */
#ifndef CMD_SERVER_H
#define CMD_SERVER_H

#include "cmd/loop.h"
#include "cmd/share.h"
#include "cmd/watch.h"
#include "core/exports.h"
#include "core/list.h"
#include "usb/bus.h"

#define SERVER_GUESTS      64 /* links at once, admitted or not */
#define SERVER_GUESTS_PEER 8  /* of one id */
#define SERVER_LISTENERS   4

struct ctl;
struct stock_allow;
struct rdv_stand;
struct stock_listener;
struct tcp_listener;

struct server {
	struct loop loop;
	struct ctx *ctx;
	struct usb_bus bus;
	struct share share, extra; /* of the file, of --share */
	struct list guests;        /* guest.link */
	struct list leases;        /* lease.link */
	struct list stocks;        /* stock clients: struct stocker.link */
	unsigned guest_count;
	struct tcp_listener *listener[SERVER_LISTENERS];
	unsigned listeners;
	struct rdv_stand *stand[TICKET_RDVS]; /* a registration at each rendezvous */
	unsigned stands;
	bool hidden;                  /* --listen none */
	struct stock_listener *stock; /* --usbip, or NULL */
	struct ctl *ctl;
	struct watch watch;   /* of the status, by the control socket */
	struct event *reaper; /* guest_reap */
	struct event *teller; /* guest_tell */
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
	bool refused; /* its hello was */

	/* Its session, for the link after this one. */
	uint8_t session_id[WIRE_ID];
	uint64_t generation; /* of the link, 0: no session */
	uint64_t grace_us;
	uint8_t key[IDENT_MAC];
	struct event *grace; /* set while it has no link, but may get one */
	uint64_t lost_at;    /* us */

	bool stale;     /* it has to hear a list */
	uint64_t since; /* unix seconds */
};

/* Who has a device, or wants it; arg is what lease_take was given. */
struct lease;

struct lease_user {
	/* WIRE_OK and the lease; or why not, and NULL. */
	void (*opened)(void *arg, uint32_t number, const struct wire_refusal *,
		       struct lease *);
	void (*complete)(void *arg, uint32_t number, struct urb *);

	/* It is taken away: lease_close must follow, now or soon. */
	void (*taken)(void *arg, uint32_t number, const struct wire_refusal *);

	/* Another one asks for it: give a sign of life within a second. */
	void (*probe)(void *arg);
	uint64_t (*silence_us)(void *arg); /* since the last sign */

	/* None came: taken, and no more to do with this one. */
	void (*abandon)(void *arg, uint32_t number, const struct wire_refusal *);
	const char *(*name)(void *arg);
};

/* One device in (or on its way to) someone's hands. */
enum lease_state {
	LEASE_WAITING, /* for another to let go */
	LEASE_OPENING,
	LEASE_OPEN,
	LEASE_CLOSING
};

struct lease {
	struct list link; /* in server.leases */
	struct server *of;
	const struct lease_user *user; /* NULL: gone, the device is being closed */
	void *arg;
	struct usb_dev *dev;
	uint32_t number; /* the user's, for one that has several */
	enum lease_state state;
	struct event *probe; /* WAITING: when the holder must have answered */
	uint64_t since;      /* unix seconds */
	bool part;           /* opened so (devinfo.part) */
};

/* guest.c */
struct tcp;
void guest_accept(struct server *, struct tcp *);
bool guest_may_see(const struct guest *, const struct usb_dev *);
void guest_end(struct guest *); /* says goodbye */

/* From the loop, soon: frees guests whose link is down and devices are back. */
void guest_reap_soon(struct server *);
void guest_reap(struct server *);
const char *guest_name(const struct guest *);

/* Its session is over: its devices are taken back. */
void guest_leave(struct guest *);

/* guest_hold.c: a session was greeted; from then on it may be held. */
void guest_greeted(struct guest *, const struct wire_hello *);
bool guest_hold(struct guest *, int err); /* its link is gone; false: so is the session */
bool guest_held(const struct guest *);
void guest_shed(struct server *, const uint8_t *id); /* the oldest that this peer has */
struct session *guest_resume(void *guest, const struct door_resume *); /* link_ops */

/* guest_dev.c: exports_ops */
void guest_dev_open(void *guest, uint32_t dev, const char *busid, uint8_t flags);
void guest_dev_close(void *guest, void *lease);
bool guest_dev_list(void *guest, unsigned i, struct wire_device *);

void guest_changed(struct server *); /* what is shared, or who has it: tells soon */
void guest_tell(struct server *);    /* all that are connected */
void guest_dev_turn(struct guest *); /* the one that could not be told before */

/* lease.c: opened follows, maybe at once. */
void lease_take(struct server *, struct usb_dev *, const struct lease_user *, void *arg,
		uint32_t number);
void lease_close(struct lease *); /* of one that was opened; no op any more */
int lease_submit(void *lease, struct urb *);
void lease_cancel(void *lease, struct urb *);

/* Who has the device, as this user (or NULL) may see it. */
void lease_describe(const struct server *, const void *arg, const struct usb_dev *,
		    struct wire_device *);
bool lease_is_free(const struct server *, const struct usb_dev *);

/* Whoever has it has what is shared of it now: all, or a part. */
bool lease_fits(const struct server *, const struct usb_dev *);

/* Takes the device from its holder and those who wait: unplugged, unbound. */
void lease_revoke(struct server *, struct usb_dev *, const char *why);

/* Ends the waiting leases of this user. */
void lease_forget(struct server *, const void *arg);

/* serve_stock.c: where is NULL for 127.0.0.1:3240. Returns an exit code. */
int stocker_listen(struct server *, const char *where, const struct stock_allow *);
void stocker_end_all(struct server *);

/* serve.c: ends the loop once nothing is left to give back. */
void server_check_end(struct server *);
bool server_shares(const struct server *, const struct usb_dev *);
void server_reload(struct server *);

/* serve_ctl.c */
int serve_ctl_start(struct server *) MUST_CHECK;

#endif
