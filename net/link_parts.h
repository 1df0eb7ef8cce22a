/* SPDX-License-Identifier: ISC */
/*
 * What net/link.c and the net/link_*.c share; nobody else includes this.
 */
#ifndef NET_LINK_PARTS_H
#define NET_LINK_PARTS_H

#include "core/keyuse.h"
#include "core/link.h"
#include "net/ice.h"
#include "net/link.h"
#include "net/tcp.h"
#include "net/tls.h"
#include "net/twin.h"

#define LINK_EARLY 4
#define LINK_SLOT  (LINK_MTU_MAX + 64) /* room for one datagram of a batch */

struct event;
struct dtls;
struct dtls_ops;
struct rdv_lend;

#define LINK_PLACES (TICKET_ADDRS + TICKET_RDVS)

/* One way to the server's signalling: an address, or a rendezvous behind those. */
struct link_place {
	struct link *of;
	struct tcp *tcp; /* NULL: not now */
	bool bad;        /* it was tried */
};

struct link {
	const struct link_env *env;
	const struct link_ops *ops;
	void *arg;
	bool serve;
	enum link_state state;
	char name[24];  /* short peer id, for logs */
	uint8_t number; /* of DESIGN.md 9: first byte is 32 + number */
	uint8_t peer[IDENT_ID];
	int err; /* why it ends */
	char why[WIRE_TEXT];

	struct link_target target;            /* attach */
	struct link_place place[LINK_PLACES]; /* serve: the first alone */
	struct event *pace;                   /* attach: until the next is tried, too */
	struct tcp *tcp;                      /* of the place that was taken */
	struct tls *tls;
	char where[TICKET_ADDR];
	bool knocked;  /* serve: the one KNOCK has come */
	bool rejected; /* serve: and we said no */
	int err_dial;  /* attach: of the places tried, the one that says most */
	char why_dial[WIRE_TEXT];
	unsigned weight_dial;

	struct ice *ice;
	struct rdv_lend *lend; /* relays for it are asked for, or NULL */
	struct ice_desc ours, theirs;
	bool offered;  /* theirs is filled in */
	bool all_ours; /* candidates have been told, and the peer has told all of its */
	bool all_theirs;
	unsigned more; /* TRICKLEs that came */
	bool settled;  /* signalling has done its part, or is gone */
	size_t unread; /* bytes that came since then */

	struct dtls *dtls;
	struct {
		uint8_t p[2048];
		size_t n;
	} early[LINK_EARLY];
	unsigned earlies;

	struct door door; /* to the session, which is the owner's */
	struct door_resume ask;
	bool asking;  /* attach: the session goes on */
	bool dropped; /* it went on elsewhere */
	struct arq *arq;
	struct keyuse keys;
	char path[200];             /* as ice_path; "" before UP */
	char source[TCP_ADDR_TEXT]; /* where the kernel sent from when it was chosen */
	struct twin *twin;          /* packets go by it; NULL: through libnice */
	uint8_t *out;               /* ARQ_BURST slots */
	struct ice_packet batch[ARQ_BURST];
	unsigned batched, gone; /* of batch; gone: sent already */
	unsigned burst;         /* packets of one turn */
	uint64_t came;          /* when the packet that is being read did */

	uint64_t setup_end;
	struct event *timer, *work, *reaper;
};

void link_event(struct link *, enum link_event);
void link_fail(struct link *, int err, const char *why);

/* net/link_dial.c */
void link_signal_dial(struct link *);
void link_signal_accept(struct link *, struct tcp *);
void link_hang_up(struct link *); /* signalling has done its part */

/* net/link_ice.c */
void link_gather(struct link *); /* action GATHER */
void link_check(struct link *);  /* action CHECK */

/* net/link_signal.c */
void link_greet(struct link *);    /* action GREET */
void link_describe(struct link *); /* action DESCRIBE */

/* One more candidate of ours; NULL: that was the last. */
void link_tell_candidate(struct link *, const char *);

/* Signalling has done its part once nothing that is told could make the way better. */
void link_settle(struct link *);

/* net/link_door.c */
void link_carry(struct link *); /* action CARRY */

/* net/link_flow.c */
extern const struct dtls_ops link_dtls_ops;

/* Sends what may be sent, at most a burst a turn of the loop. */
void link_flush(struct link *);

/* The timer, for whoever of setup, DTLS and ARQ wants it first. */
void link_rearm(struct link *);

/* Up, or on another pair: by the fast socket if that can be had. */
void link_choose_way(struct link *);

/* net/link_ice.c: the kernel's choice of our address for this way; "": not known. */
void link_source(const struct link *, char ip[TCP_ADDR_TEXT]);

/* A datagram from ICE. */
void link_packet(void *link, const uint8_t *, size_t n);

/* We give up on a peer that may be well: it need not wait for our silence. */
void link_tell_end(struct link *);

#endif
