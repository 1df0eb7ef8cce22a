/* SPDX-License-Identifier: ISC */
/*
 * Asks rendezvous, one after another, for what their TURN servers are to be used with,
 * and nothing else: for a link that found its server without them.
 */
#ifndef NET_RDV_LEND_H
#define NET_RDV_LEND_H

#include <stdbool.h>

#include "net/rdv_conn.h"

struct rdv_lend;

/*
 * The one that lends some is the last: env->relays is told before done, which comes
 * once, from the loop, and may free. uris must stay. NULL: out of memory.
 */
struct rdv_lend *rdv_lend_new(const struct rdv_env *, const struct rdv_uri *, unsigned n,
			      void (*done)(void *arg, bool lent), void *arg);
void rdv_lend_free(struct rdv_lend *);

#endif
