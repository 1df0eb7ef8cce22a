/* SPDX-License-Identifier: ISC */
/*
 * A way to the peer: libnice (RFC 8445), one component, driven from the
 * libevent loop through net/gpump. Data may flow from CONNECTED on, READY is
 * not waited for. Addresses are gathered once and told as they are found (RFC 8838).
 * Whether the peer still wants our packets is not asked here (RFC 7675): the link does,
 * sooner and behind its keys, and it costs wake-ups.
 */
#ifndef NET_ICE_H
#define NET_ICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

#define ICE_CANDIDATES     20 /* of one side, the rest is ignored */
#define ICE_CANDIDATE_TEXT 200
#define ICE_ADDRESSES      16
#define ICE_HOST           256 /* a name or a number, with NUL */
#define ICE_SECRET         256 /* a user's name or password, with NUL */
#define ICE_TURNS          4
#define ICE_PORT           3478 /* of STUN and TURN, when none is said */

struct event_base;
struct evdns_base;
struct gpump;
struct ice;

/* A server that tells us our address as others see it (RFC 8489); host "": none. */
struct ice_stun {
	char host[ICE_HOST];
	uint16_t port;
};

enum ice_transport { ICE_UDP, ICE_TCP };

/* A server that relays (RFC 8656), and what we may use it with. */
struct ice_turn {
	char host[ICE_HOST];
	uint16_t port;
	enum ice_transport transport; /* from us to it; the peer always sees UDP */
	char username[ICE_SECRET], password[ICE_SECRET];
};

struct ice_servers {
	struct ice_stun stun;
	struct ice_turn turn[ICE_TURNS]; /* the ones we prefer first */
	unsigned turns;
	unsigned lent;       /* the last ones of turn: by a rendezvous, */
	uint64_t lent_until; /* us, until then */
};

/* What each side tells the other first, in signalling; more candidates may follow. */
struct ice_desc {
	char ufrag[64], pwd[128];
	unsigned n;
	char candidate[ICE_CANDIDATES][ICE_CANDIDATE_TEXT]; /* "candidate:..." lines */
};

struct ice_conf {
	bool controlling; /* the attach side */
	/*
	 * Addresses to gather on (numeric, no port); none: all of the machine.
	 * For peers on loopback this is {"127.0.0.1"} or {"::1"}, because libnice
	 * leaves loopback out by itself.
	 */
	const char *address[ICE_ADDRESSES];
	unsigned addresses;
	uint16_t port_min, port_max; /* 0, 0: any */
	bool link_local; /* the peer was reached by such an address: they may be used */
	bool relay_only; /* tell and use only relayed addresses of ours */
	bool direct;     /* relays may say what our address is, and are not used */
	bool lend;       /* servers has no relay, but ops->wanted may find some */
	const struct ice_servers *servers; /* copied; NULL: nobody is asked */

	/* For servers; dns to look up their names, NULL: those with names are left out.
	 */
	struct event_base *base;
	struct evdns_base *dns;
};

struct ice_packet {
	const uint8_t *p;
	size_t n;
};

struct ice_ops {
	void (*gathered)(void *arg,
			 const struct ice_desc *); /* once: what is there now */
	/* After it: another candidate of ours, or NULL: that was the last. */
	void (*found)(void *arg, const char *candidate);
	void (*connected)(void *arg); /* packets may be sent */
	void (*moved)(void *arg);     /* by another pair than when it was told last */
	void (*failed)(void *arg, int err); /* for good: no pair works */
	/* Once: relays are needed now; ice_relays answers. May be NULL without conf.lend.
	 */
	void (*wanted)(void *arg);
	/* One datagram; also before connected, when the peer is ahead. At most 64 a turn.
	 */
	void (*packet)(void *arg, const uint8_t *, size_t n);
};

/* NULL: out of memory or no address to gather on (if names
 * have to be looked up before: failed). No op is called from inside. */
struct ice *
ice_new(struct gpump *, const struct ice_conf *, const struct ice_ops *, void *arg);

/* May be called from inside an op; no op is called afterwards. Before gpump_free. */
void ice_free(struct ice *);

/*
 * What the peer told first, after gathered. Candidates are checked: at most
 * ICE_CANDIDATES are used; those of multicast, unspecified, and (unless we gather on
 * them) loopback and link-local addresses are left out, and so are TCP and host names.
 * ERR_PROTO: one of them or the credentials cannot be read.
 */
int ice_remote(struct ice *, const struct ice_desc *) MUST_CHECK;

/* One more that the peer found, checked in the same way. After ice_remote. */
int ice_remote_more(struct ice *, const char *candidate) MUST_CHECK;

/* The peer has no more: without a pair that works, failed may be told from now on. */
void ice_remote_last(struct ice *);

/* After wanted, once: the TURN servers there are (copied); NULL: none. */
void ice_relays(struct ice *, const struct ice_servers *);

/* Sends up to n datagrams; returns how many were taken (the rest: later or lost). */
unsigned ice_send(struct ice *, const struct ice_packet *, unsigned n);

struct sockaddr_storage;

/*
 * The UDP socket that packets go out by, libnice's, and the address they go to, until
 * connected or moved is told the next time. -1: none, or packets go through a relay.
 */
int ice_socket(const struct ice *, struct sockaddr_storage *to);

/*
 * The address of this machine that packets leave from, and that they go to; false: not
 * connected, or through a relay of ours.
 */
bool
ice_ends(const struct ice *, struct sockaddr_storage *from, struct sockaddr_storage *to);

/* It goes through a relay of ours or the peer's. */
bool ice_relayed(const struct ice *);

/* The farther end's kind: "host", "srflx", "prflx", "relay"; "" before connected. */
const char *ice_kind(const struct ice *);

/* "host 127.0.0.1:4711 -> host 127.0.0.1:4712", "" before connected. */
void ice_path(const struct ice *, char *buf, size_t cap);

#endif
