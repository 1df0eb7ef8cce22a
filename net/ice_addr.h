/* SPDX-License-Identifier: ISC */
/*
 * The addresses of this machine that a socket can be bound to now: libnice gives up
 * when one of them cannot, as an IPv6 address whose uniqueness is still being checked
 * (RFC 4862 5.4).
 */
#ifndef NET_ICE_ADDR_H
#define NET_ICE_ADDR_H

#include <stdbool.h>
#include <sys/socket.h>

/*
 * Of interfaces that are up, without loopback and, unless told, link-local ones;
 * returns how many, at most cap.
 */
unsigned ice_addr_list(struct sockaddr_storage *, unsigned cap, bool link_local);

#endif
