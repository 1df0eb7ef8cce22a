/* SPDX-License-Identifier: ISC */
/*
 * The names of STUN and TURN servers as numbers, by evdns. Nothing blocks.
 */
#ifndef NET_ICE_NAMES_H
#define NET_ICE_NAMES_H

#include "net/ice.h"

#define ICE_NAMES_US 2000000 /* then those that were not found are left out */

struct ice_names;

/* Whether a server is given by its name. */
bool ice_names_any(const struct ice_servers *);

/*
 * Puts numbers in the place of names; a TURN server with addresses of both families
 * becomes two if there is room, one that is not found goes. Then calls done, once, from
 * the loop. dns NULL: none is found. NULL: out of memory.
 */
struct ice_names *ice_names_ask(struct event_base *, struct evdns_base *,
				struct ice_servers *, void (*done)(void *arg), void *arg);
void ice_names_free(struct ice_names *); /* done is not called any more */

#endif
