/* SPDX-License-Identifier: ISC */
/*
 * Asks STUN servers, all from one UDP socket, how they see it: what kind of NAT is
 * between. A server that names another address of its own is asked there, too.
 */
#ifndef NET_NATKIND_H
#define NET_NATKIND_H

#include <sys/socket.h>

#include "core/stun.h"

#define NATKIND_PLACES 8
#define NATKIND_US     3000000 /* then who has not answered will not */

struct event_base;
struct natkind;

struct natkind_result {
	enum stun_nat kind;
	struct stun_addr local;
	unsigned n; /* places that were asked */
	struct stun_addr
	    seen[NATKIND_PLACES]; /* as given, then the others; family 0: none */
};

typedef void natkind_done(void *arg, const struct natkind_result *);

/*
 * At most half of NATKIND_PLACES, those of the first one's family count. From a port of
 * this range (0, 0: any). done is called once, from the loop. NULL: no socket.
 */
struct natkind *
natkind_start(struct event_base *, const struct sockaddr_storage *place, unsigned n,
	      uint16_t port_min, uint16_t port_max, natkind_done *, void *arg);
void natkind_free(struct natkind *); /* also from inside done */

#endif
