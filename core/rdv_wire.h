/* SPDX-License-Identifier: ISC */
/*
 * What a rendezvous and those who meet there say, over net/tls; the table in
 * man/usbp2p-protocol.7 is its specification. Little-endian.
 *
 * A host (serve) is found under its id, a guest (attach) under its id and the
 * instance it chose. What they tell one another is a stream of bytes in numbered
 * parcels, which is TLS between the two: opaque here, and in no need of trust.
 */
#ifndef CORE_RDV_WIRE_H
#define CORE_RDV_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/b32.h"
#include "core/cur.h"
#include "core/err.h"

#define RDV_MAJOR    1 /* must be equal */
#define RDV_MINOR    0

/* Who sends: those who meet, or the rendezvous. */
#define RDV_PEER     1
#define RDV_MIDDLE   2

#define RDV_INSTANCE 16
#define RDV_DATA     4096 /* bytes of one parcel */
#define RDV_PARCEL   53   /* bytes before them */
#define RDV_SERVERS  4    /* of TURN */
#define RDV_RELAY    128  /* "turn:host:port?transport=udp" with NUL */
#define RDV_USER     96   /* with NUL */
#define RDV_PASSWORD 64   /* with NUL */
#define RDV_TEXT     120
#define RDV_BODY     (RDV_PARCEL + RDV_DATA) /* the longest body */

/* name, number, sender, shortest and longest body */
#define RDV_LIST(X)                              \
	X(JOIN, 96, RDV_PEER, 19, 19)            \
	X(JOINED, 97, RDV_MIDDLE, 4, 4)          \
	X(SEND, 98, RDV_PEER, 53, RDV_BODY)      \
	X(DELIVER, 99, RDV_MIDDLE, 53, RDV_BODY) \
	X(ABSENT, 100, RDV_MIDDLE, 48, 48)       \
	X(PING, 101, RDV_PEER, 0, 0)             \
	X(PONG, 102, RDV_MIDDLE, 0, 0)           \
	X(TURN, 103, RDV_PEER, 0, 0)             \
	X(RELAYS, 104, RDV_MIDDLE, 7, RDV_BODY)  \
	X(END, 105, RDV_MIDDLE, 2, RDV_TEXT + 2)

enum rdv_type {
#define RDV_ENUM(name, number, who, min, max) RDV_##name = number,
	RDV_LIST(RDV_ENUM)
#undef RDV_ENUM
};

/*
 * What the other side (who) sent: ERR_OK; ERR_NODEV: unknown but to be skipped;
 * ERR_PROTO: not known, not from there, not so long.
 */
int rdv_wire_check(uint8_t type, uint8_t who, size_t len) MUST_CHECK;
const char *rdv_wire_name(uint8_t type);

/* Why END: name, number, text, what it means to who is told */
#define RDV_ENDS(X)                                                               \
	X(REPLACED, 1, "another connection has come under the same id", ERR_BUSY) \
	X(LIMIT, 2, "too much: a limit of the rendezvous was reached", ERR_FULL)  \
	X(VERSION, 3, "the rendezvous speaks another version of the protocol",    \
	  ERR_PROTO)                                                              \
	X(IDLE, 4, "nothing was heard for too long", ERR_TIMEOUT)                 \
	X(SLOW, 5, "it did not take what came for it", ERR_FULL)                  \
	X(BROKEN, 6, "it broke the protocol", ERR_PROTO)

enum rdv_end {
#define RDV_ENUM(name, number, text, err) RDV_END_##name = number,
	RDV_ENDS(RDV_ENUM)
#undef RDV_ENUM
};

const char *rdv_end_text(uint8_t end);
int rdv_end_err(uint8_t end);

/* One end of what they say to one another. */
struct rdv_address {
	uint8_t id[PEERID];
	uint8_t instance[RDV_INSTANCE]; /* zeros: whoever is the host of that id */
};

enum rdv_role { RDV_GUEST, RDV_HOST };

struct rdv_join {
	uint8_t major, minor;
	uint8_t role; /* enum rdv_role */
	uint8_t instance[RDV_INSTANCE];
};

struct rdv_joined {
	uint8_t major, minor;
	uint16_t idle_s; /* who is silent for longer is gone */
};

#define RDV_LAST 1    /* flag: no more parcels from the sender */
#define RDV_NEAR 0x80 /* flag in DELIVER: the sender is on the rendezvous' machine */

/* SEND: with is the receiver; DELIVER: the sender, its id from its certificate */
struct rdv_parcel {
	struct rdv_address with;
	uint32_t number; /* from 0, one more each time */
	uint8_t flags;
	const uint8_t *data; /* borrowed */
	size_t n;
};

struct rdv_relays {
	unsigned n;
	char uri[RDV_SERVERS][RDV_RELAY];
	char user[RDV_USER], password[RDV_PASSWORD];
	uint32_t ttl_s;
};

/*
 * put: appends the body, w->bad if it does not fit. get: ERR_PROTO if it is not
 * well-formed to its last byte. Strings come out cleaned.
 */
void rdv_put_join(struct wr *, const struct rdv_join *);
int rdv_get_join(struct rd *, struct rdv_join *) MUST_CHECK;
void rdv_put_joined(struct wr *, const struct rdv_joined *);
int rdv_get_joined(struct rd *, struct rdv_joined *) MUST_CHECK;
void rdv_put_address(struct wr *, const struct rdv_address *);
int rdv_get_address(struct rd *, struct rdv_address *) MUST_CHECK;
void rdv_put_parcel(struct wr *, const struct rdv_parcel *);
int rdv_get_parcel(struct rd *, struct rdv_parcel *) MUST_CHECK;
void rdv_put_relays(struct wr *, const struct rdv_relays *);
int rdv_get_relays(struct rd *, struct rdv_relays *) MUST_CHECK;
void rdv_put_end(struct wr *, uint8_t end);
int rdv_get_end(struct rd *, uint8_t *end) MUST_CHECK;

#endif
