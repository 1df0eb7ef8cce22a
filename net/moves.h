/* SPDX-License-Identifier: ISC */
/*
 * Tells when this machine's addresses or routes have changed (rtnetlink(7)): what was
 * the way to a peer may be none any more.
 */
#ifndef NET_MOVES_H
#define NET_MOVES_H

#include <stdbool.h>

#include "net/tcp.h"

#define MOVES_REST_US 50000 /* changes come in groups: told so long after the first */

struct event_base;
struct moves;
struct sockaddr_storage;

/* addresses: there are other ones now; false: routes at most. NULL: cannot be known. */
struct moves *
moves_new(struct event_base *, void (*changed)(void *arg, bool addresses), void *arg);
void moves_free(struct moves *);

/* Whether this address ("10.1.0.2", no port) is one of ours now. */
bool moves_have(const char *ip);

/* The address that what goes there comes from, as things are now; false: no way. */
bool moves_source(const struct sockaddr_storage *to, char ip[TCP_ADDR_TEXT]);

#endif
