/* SPDX-License-Identifier: ISC */
/*
 * The rendezvous with its sockets: TCP, TLS (net/tls, each peer known by its key) and
 * core/rdv behind them. It keeps nothing on disk.
 */
#ifndef NET_RDV_SERVER_H
#define NET_RDV_SERVER_H

#include "core/rdv.h"
#include "net/ident.h"

#define RDV_LISTENERS  4
#define RDV_QUEUE      65536 /* bytes that wait for one who does not read */
#define RDV_SECRET     256   /* bytes of the secret that TURN servers share with us */
#define RDV_TURN_TTL_S 3600
#define RDV_HANDSHAKES 400 /* a second */

struct bus;
struct event_base;
struct rdv_server;

struct rdv_server_conf {
	struct rdv_conf limits;
	unsigned handshakes; /* at most so many new connections a second */
	unsigned turns;
	char turn[RDV_SERVERS][RDV_RELAY]; /* URIs; none: no credentials */
	uint8_t secret[RDV_SECRET];
	size_t secret_n;
};

/* All must outlive it. NULL: out of memory. */
struct rdv_server *
rdv_server_new(struct event_base *, const struct ident *, const struct rdv_server_conf *);
void rdv_server_free(struct rdv_server *);

/* Before it listens: together with other nodes, see net/bus.h. */
int
rdv_server_join(struct rdv_server *, const char *url, char *why, size_t cap) MUST_CHECK;

/* NULL: it is alone. */
const struct bus *rdv_server_bus(const struct rdv_server *);

/* As tcp_listen; at most RDV_LISTENERS times (ERR_FULL). */
int rdv_server_listen(struct rdv_server *, const char *where, char *why,
		      size_t cap) MUST_CHECK;

/* The i-th real address, NULL: there are no more. */
const char *rdv_server_where(const struct rdv_server *, unsigned i);

void rdv_server_stats(const struct rdv_server *, struct rdv_stats *);

#endif
