/* SPDX-License-Identifier: ISC */
/*
 * As much of STUN (RFC 8489) as it takes to learn how a NAT treats us: a binding
 * request, its answer, and what several answers to one socket mean (RFC 5780 4.3).
 * Connecting to peers is not done with this, but by libnice (net/ice).
 */
#ifndef CORE_STUN_H
#define CORE_STUN_H

#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

#define STUN_TID     12
#define STUN_REQUEST 20 /* bytes of a binding request */

struct stun_addr {
	uint8_t family; /* 4 or 6; 0: none */
	uint8_t ip[16]; /* the first 4 or all */
	uint16_t port;
};

struct stun_answer {
	struct stun_addr mapped; /* how the server sees us */
	struct stun_addr other;  /* OTHER-ADDRESS: where else it listens */
};

void stun_request(uint8_t out[STUN_REQUEST], const uint8_t tid[STUN_TID]);

/*
 * ERR_NODEV: it is no answer to this request. ERR_REFUSED: an error response.
 * ERR_PROTO: broken, or without an address.
 */
int stun_read(const void *, size_t n, const uint8_t tid[STUN_TID],
	      struct stun_answer *) MUST_CHECK;

#define STUN_NAT_LIST(X)                                           \
	X(UNKNOWN, "unknown") /* behind one, asked at one place */ \
	X(BLOCKED, "blocked") /* no answer to UDP */               \
	X(NONE, "none")       /* our address is public */          \
	X(EASY, "easy")       /* one port for all destinations */  \
	X(HARD, "hard")       /* another one for each */

enum stun_nat {
#define STUN_NAT_ENUM(name, text) STUN_NAT_##name,
	STUN_NAT_LIST(STUN_NAT_ENUM)
#undef STUN_NAT_ENUM
};

/* For people and JSON; never NULL. */
const char *stun_nat_name(enum stun_nat);

/*
 * What the answers of n places to one socket mean; seen[i].family 0: none came.
 * local: the socket's own address and port, as that of a route to them.
 */
enum stun_nat
stun_nat(const struct stun_addr *seen, unsigned n, const struct stun_addr *local);

#endif
