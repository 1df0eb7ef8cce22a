/* SPDX-License-Identifier: ISC */
/*
 * A host's standing registration at one rendezvous: connects, registers, and again
 * whenever it is lost. Who comes through it is handed over as a struct tcp, like one
 * that a listener accepted, with limits of its own for those who are not admitted.
 */
#ifndef NET_RDV_STAND_H
#define NET_RDV_STAND_H

#include "net/rdv_conn.h"
#include "net/tcp.h"

#define RDV_BACK_US      500000   /* before the second try, doubled each time */
#define RDV_BACK_MAX_US  30000000 /* until here; all of it a quarter more or less */
#define RDV_BACK_TAKE_US 60000000 /* another one has come under our id */

struct rdv_stand;

/*
 * process: the same for all registrations of one serve. accepted as with a listener:
 * take it with tcp_take, or it is closed.
 */
struct rdv_stand *rdv_stand_new(const struct rdv_env *, const struct rdv_uri *,
				const uint8_t process[RDV_PROCESS],
				const struct tcp_listener_ops *, void *arg);

/* Its conversations end; the struct tcps stay for their owners to free. */
void rdv_stand_free(struct rdv_stand *);

/*
 * This machine's addresses (or routes at most) have changed: if ours is gone, the next
 * try is now, and soon if the last ones have failed.
 */
void rdv_stand_moved(struct rdv_stand *, bool addresses);

const struct rdv_uri *rdv_stand_uri(const struct rdv_stand *);

/* Registered now; and why not (the last reason), "" before the first one. */
bool rdv_stand_up(const struct rdv_stand *);
const char *rdv_stand_why(const struct rdv_stand *);

#endif
