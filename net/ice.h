/* SPDX-License-Identifier: ISC */
/*
 * A way to the peer: libnice (RFC 8445), one component, driven from the
 * libevent loop through net/gpump. Data may flow from CONNECTED on, READY is
 * not waited for. Addresses are gathered once. Whether the peer is still there is not
 * asked (RFC 7675): the link does, sooner and behind its keys, and it costs wake-ups.
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

struct gpump;
struct ice;

/* What each side tells the other, in signalling. */
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
};

struct ice_packet {
	const uint8_t *p;
	size_t n;
};

struct ice_ops {
	void (*gathered)(void *arg, const struct ice_desc *); /* once */
	void (*connected)(void *arg);                         /* packets may be sent */
	void (*moved)(void *arg); /* by another pair than when it was told last */
	void (*failed)(void *arg, int err); /* for good: no pair works */
	/* One datagram; also before connected, when the peer is ahead. At most 64 a turn.
	 */
	void (*packet)(void *arg, const uint8_t *, size_t n);
};

/* NULL: out of memory or no address to gather on. No op is called from inside. */
struct ice *
ice_new(struct gpump *, const struct ice_conf *, const struct ice_ops *, void *arg);

/* May be called from inside an op; no op is called afterwards. Before gpump_free. */
void ice_free(struct ice *);

/*
 * What the peer told. Candidates are checked: at most ICE_CANDIDATES are used;
 * those of multicast, unspecified, and (unless we gather on loopback) loopback
 * addresses are left out, and so are TCP and host names. ERR_PROTO: none is left, or one
 * of them or the credentials cannot be read.
 */
int ice_remote(struct ice *, const struct ice_desc *) MUST_CHECK;

/* Sends up to n datagrams; returns how many were taken (the rest: later or lost). */
unsigned ice_send(struct ice *, const struct ice_packet *, unsigned n);

struct sockaddr_storage;

/*
 * The UDP socket that packets go out by, libnice's, and the address they go to, until
 * connected or moved is told the next time. -1: none, or packets go through a relay.
 */
int ice_socket(const struct ice *, struct sockaddr_storage *to);

/* It goes through a relay of ours or the peer's. */
bool ice_relayed(const struct ice *);

/* "host 127.0.0.1:4711 -> host 127.0.0.1:4712", "" before connected. */
void ice_path(const struct ice *, char *buf, size_t cap);

#endif
