/* SPDX-License-Identifier: ISC */
/*
 * "host:port" and socket addresses: texts in, numbers out, and back. Asks nobody.
 */
#ifndef NET_TCP_ADDR_H
#define NET_TCP_ADDR_H

#include <stdbool.h>
#include <stdint.h>

#include "core/err.h"
#include "net/tcp.h"

#define TCP_PORT 13240 /* when none is said */
#define TCP_HOST 256   /* a host name with NUL */

struct sockaddr_storage;

struct tcp_where {
	char host[TCP_HOST]; /* without brackets; may be empty */
	uint16_t port;
};

/*
 * Cuts "host", "host:port", "[::1]:port", "::1", ":port". ERR_USAGE: the port is
 * no number up to 65535, or it is none of these.
 */
int tcp_where_split(struct tcp_where *, const char *where) MUST_CHECK;

/* The same with another port than 13240 where none is said. */
int tcp_where_split_or(struct tcp_where *, const char *where, uint16_t usual) MUST_CHECK;

/* The address when the host is numeric (a scope as in fe80::1%eth0 is fine). */
bool tcp_where_numeric(const struct tcp_where *, struct sockaddr_storage *);

/* Whether it could be a host name (RFC 1123): letters, digits, - _ and dots. */
bool tcp_where_is_name(const struct tcp_where *);

/* "localhost", which is this machine without asking anybody (RFC 6761 6.3). */
bool tcp_where_is_localhost(const struct tcp_where *);

bool tcp_addr_is_loopback(const struct sockaddr_storage *);

/* Of an address of IP: whose limits count for it. */
struct gate_network tcp_addr_network(const struct sockaddr_storage *);

/* "127.0.0.1:80", "[::1]:80"; with port false "127.0.0.1", "::1". IPv4 mapped into
 * IPv6 is shown as IPv4. */
void tcp_addr_text(const struct sockaddr_storage *, bool port, char buf[TCP_ADDR_TEXT]);

#endif
