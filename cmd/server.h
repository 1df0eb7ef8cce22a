/* SPDX-License-Identifier: ISC */
/*
 * The parts of `serve` and how they know one another:
 *
 *	serve.c    options, start and end
 *	serve_door.c where peers come in
 *	guest.c      one connected peer: link, session, exports
 *	guest_knock.c who it is, and whether it comes in
 *	guest_hold.c one whose link was lost: its session waits for another
 *	guest_dev.c  the devices in its hands
 *	guest_may.c  what it may use, looked at again and again
 *	serve_stock.c  stock USB/IP clients, and the devices in theirs
 *	lease.c      one device in anyone's hands
 *	lease_wait.c  who waits for it
 *	lease_policy.c  for how long, when, how fast
 *	lease_guard.c  one that is shared read-only
 *	claims.c     what was taken from the kernel, also after a crash
 *	serve_ctl.c  the control socket
 *	serve_ask.c  what it changes
 *	serve_conf.c the configuration, read again
 *	serve_own.c  what the owner asks there: one device reset, a peer refused
 */
#ifndef CMD_SERVER_H
#define CMD_SERVER_H

#include "cmd/asked.h"
#include "cmd/claims.h"
#include "cmd/loop.h"
#include "cmd/share.h"
#include "cmd/watch.h"
#include "core/exports.h"
#include "core/json.h"
#include "core/list.h"
#include "usb/bus.h"

#define SERVER_GUESTS      64 /* links at once, admitted or not */
#define SERVER_GUESTS_PEER 8  /* of one id */
#define SERVER_LISTENERS   4
#define SERVER_PAUSES      32

struct ctl;
struct lan;
struct moves;
struct nowrite;
struct stock_allow;
struct rdv_stand;
struct stock_listener;
struct tcp_listener;

/* A peer that had a device for as long as it may: when it may again. */
struct pause_row {
	char peer[ACCESS_NAME], busid[DEVINFO_BUSID];
	uint64_t until; /* us */
};

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
	struct moves *moves;
	bool hidden;                  /* --listen none */
	struct stock_listener *stock; /* --usbip, or NULL */
	struct ctl *ctl;
	struct lan *lan;    /* --lan, or NULL */
	struct watch watch; /* of the status, by the control socket */
	struct claims claims;
	struct pause_row pause[SERVER_PAUSES];
	struct event *clock;  /* lease_clock */
	struct event *reaper; /* guest_reap */
	struct event *teller; /* guest_tell */
	struct asked asked;   /* what peers would like to use */
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
	bool barred;  /* not allowed any more */

	/* Its session, for the link after this one. */
	uint8_t session_id[WIRE_ID];
	uint64_t generation; /* of the link, 0: no session */
	uint64_t links;      /* that have carried it */
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

	/* Whether it may have the device, as things are now. NULL: whoever asks. */
	bool (*may)(void *arg, const struct usb_dev *);

	/* It waits for its turn, at this place. NULL: it does not, it is refused. */
	void (*queued)(void *arg, uint32_t number, struct wire_queued *);

	/* Its id, or NULL: it has none. */
	const uint8_t *(*id)(void *arg);

	/* It will be taken in so many seconds. NULL: it cannot be told. */
	void (*ends)(void *arg, uint32_t number, uint32_t seconds, const char *why);
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
	struct event *probe;        /* WAITING: when the holder must have answered */
	uint64_t probed_us;         /* when it was asked */
	unsigned unanswered;        /* times in a row */
	uint64_t since;             /* unix seconds */
	bool part, read_only;       /* opened so (devinfo) */
	bool takeover;              /* also from a live session of the same peer */
	unsigned told;              /* WAITING: the place that the user knows of, or 0 */
	const struct lease *behind; /* and who had the device then */
	struct nowrite *guard;      /* read_only: what may pass, or NULL */
	const uint8_t *raw;         /* OPEN: descriptors that the user is to see */
	size_t raw_len;

	/* For lease_policy.c. */
	uint64_t opened_us;
	bool warned;      /* that it ends */
	uint64_t back_us; /* the owner takes it back; 0: not said */
	uint64_t rate;    /* bytes a second; 0: no limit */
	struct policy_toll toll;
	struct event *gate;           /* held urbs go on */
	struct urb *held, *held_last; /* by urb.device; until the toll is paid */
	struct urb *unheld;           /* cancelled meanwhile */

	/* For claims.c. */
	char drivers[CLAIMS_DRIVERS]; /* taken from the kernel: "0=usb-storage", or "" */
	char by[ACCESS_NAME];         /* whose it is, or was */
	char why[CLAIMS_WHY];         /* it ends, or "" */
	bool was_open;
	uint64_t asked_us, open_ms;
};

/* guest.c */
struct tcp;
void guest_accept(struct server *, struct tcp *);
void guest_end(struct guest *); /* says goodbye */

/* From the loop, soon: frees guests whose link is down and devices are back. */
void guest_reap_soon(struct server *);
void guest_reap(struct server *);
const char *guest_name(const struct guest *);

/* Its session is over: its devices are taken back. */
void guest_leave(struct guest *);

/*
 * guest_knock.c, when it comes and when its session begins: link_ops and exports_ops.
 * An error: refused, and why. The reply gets our proof of its ticket.
 */
int guest_knock(void *guest, const struct wire_greet *, struct wire_greet *reply,
		struct wire_refusal *) MUST_CHECK;
int guest_judge(struct guest *, const struct wire_hello *, struct wire_hello *reply,
		struct wire_refusal *) MUST_CHECK;

/*
 * guest_may.c. The file of peers as it is now: false, this one is not in it any more.
 * After a change of what is shared with whom all are looked at, and lose what they
 * may not have.
 */
bool guest_may_see(const struct guest *, const struct usb_dev *);
bool guest_is_welcome(struct guest *);
void guest_review(struct server *);

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
void guest_dev_forgo(void *guest, uint32_t dev);

void guest_changed(struct server *); /* what is shared, or who has it: tells soon */
void guest_tell(struct server *);    /* all that are connected */
void guest_dev_turn(struct guest *); /* the one that could not be told before */

/* lease.c: opened follows, maybe at once. */
void lease_take(struct server *, struct usb_dev *, const struct lease_user *, void *arg,
		uint32_t number, bool takeover);
void lease_forgo(struct server *, const void *arg, uint32_t number); /* if it waits */
void lease_close(struct lease *); /* of one that was opened; no op any more */
int lease_submit(void *lease, struct urb *);
void lease_cancel(void *lease, struct urb *);

/* Who has the device, as this user (or NULL) may see it. */
void lease_describe(const struct server *, const void *arg, const struct usb_dev *,
		    struct wire_device *);
bool lease_is_free(const struct server *, const struct usb_dev *);

/*
 * lease_guard.c: of a device that is shared read-only and was opened: what the user
 * sees, and what passes. ERR_LACKING: it has no disk that could be shared so.
 */
bool lease_can_guard(const struct usb_dev *);
int lease_guard(struct lease *) MUST_CHECK;
void lease_unguard(struct lease *);

/*
 * lease_policy.c: rules of the configuration. Nobody gets it; not this one, not now,
 * and why; limits of all that are open, looked at now and from then on.
 */
bool lease_never(const struct server *, const struct usb_dev *);
bool lease_barred(const struct lease *, char *why, size_t cap);
void lease_clock(struct server *);
void lease_on_clock(int fd, short what, void *server);

/* The owner takes it from its holder, who is told so, when that time (us) is over. */
void lease_call_back(struct server *, const struct usb_dev *, uint64_t us);

/*
 * A urb has to wait: it is kept (true). One that is kept is cancelled (true). One is
 * done: it is paid for. lease_pass (lease.c) is what comes after the waiting.
 */
bool lease_hold(struct lease *, struct urb *);
bool lease_unhold(struct lease *, const struct urb *);
void lease_pay(struct lease *, const struct urb *);
void lease_on_gate(int fd, short what, void *lease);
int lease_pass(struct lease *, struct urb *) MUST_CHECK;

/* The name of the i-th that waits for it; NULL: there is none. */
const char *lease_waiting(const struct server *, const struct usb_dev *, unsigned i);

/* Whoever has it has what is shared of it now: all, or a part; to write, or not. */
bool lease_fits(const struct server *, const struct usb_dev *);

/* Takes the device from its holder and those who wait: unplugged, unbound. */
void lease_revoke(struct server *, struct usb_dev *, const char *why);

/* Takes what its user may not have any more. */
void lease_review(struct server *);

/* Ends the waiting leases of this user. */
void lease_forget(struct server *, const void *arg);

/* serve_stock.c. Returns an exit code. */
int stocker_listen(struct server *, const char *where, const struct stock_allow *);
void stocker_end_all(struct server *);

/* serve.c: ends the loop once nothing is left to give back. */
void server_check_end(struct server *);
bool server_shares(const struct server *, const struct usb_dev *);
void server_reload(struct server *);

/* serve_door.c: exit codes. Once all is said that options and settings do. */
int serve_door_listen(struct server *, const char *where); /* "none": nowhere */
int serve_door_rendezvous(struct server *, const char *uri);
int serve_door_register(struct server *); /* at each of these */
int serve_door_announce(struct server *);
void serve_door_close(struct server *); /* of all but the announcement */

/* serve_conf.c: SIGHUP */
void server_reread(void *server);

/* serve_ask.c: requests of the control socket. */
void serve_ask_bind(struct server *, struct json_val request, struct json *);
void serve_ask_unbind(struct server *, struct json_val request, struct json *);
void serve_ask_detach(struct server *, struct json_val request, struct json *);

/* serve_ctl.c */
int serve_ctl_start(struct server *) MUST_CHECK;
void serve_ctl_error(struct json *, const char *text);

/* serve_own.c: requests of the control socket, and the answers. */
void serve_own_refuse(struct server *, struct json_val request, struct json *);
void serve_own_reset(struct server *, struct json_val request, struct json *);
void serve_own_descriptors(struct server *, struct json_val request, struct json *);

/* serve_own.c: a peer asks for what it may not use; busid "": to come in. */
void serve_own_asked(struct guest *, const char *name, const char *busid);
/* Those whose wish is granted by now. */
struct peers;
void serve_own_review(struct server *, const struct peers *);

#endif
