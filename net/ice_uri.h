/* SPDX-License-Identifier: ISC */
/*
 * How STUN and TURN servers are written in settings and on the wire. Pure.
 */
#ifndef NET_ICE_URI_H
#define NET_ICE_URI_H

#include "net/ice.h"

/* "host", "host:port", "[::1]:port"; ERR_USAGE: none of these. */
int ice_uri_stun(struct ice_stun *, const char *) MUST_CHECK;

/*
 * Appends what a URI as of RFC 7065 means, without user and password: "turn:host",
 * "turn:host:port?transport=tcp". Without a transport it is two, UDP and then TCP.
 * ERR_USAGE: none of these; ERR_FULL: there is no room; nothing was appended then.
 */
int ice_uri_turn(struct ice_servers *, const char *) MUST_CHECK;

#endif
