/* SPDX-License-Identifier: ISC */
/*
 * Dialling a server through a rendezvous: as tcp_dial, for whoever has the struct tcp.
 */
#ifndef NET_RDV_DIAL_H
#define NET_RDV_DIAL_H

#include "net/rdv_conn.h"
#include "net/tcp.h"

/*
 * Connected when the host of that id is there and has answered; closed(ERR_NOPEER)
 * when it is not there, closed(ERR_REFUSED) when the rendezvous has another key. No op
 * from inside. NULL: out of memory. env must stay until it is freed.
 */
struct tcp *rdv_dial(const struct rdv_env *, const struct rdv_uri *,
		     const uint8_t host[PEERID], const struct tcp_ops *, void *arg);

#endif
