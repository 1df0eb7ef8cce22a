/* SPDX-License-Identifier: ISC */
/*
 * Servers on the local network, by mDNS (RFC 6762) through this machine's Avahi
 * daemon. What is announced is a name, a port and the short id, which is no secret and
 * proves nothing. Whoever is on the network can announce anything: what is found is
 * good for showing, a ticket is still needed.
 */
#ifndef NET_LAN_H
#define NET_LAN_H

#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

#define LAN_NAME 64
#define LAN_ID   8
#define LAN_ADDR 64

struct event_base;
struct lan;

/* Strings are cleaned (text_clean); id is "" when it is none. */
struct lan_found {
	char name[LAN_NAME], id[LAN_ID], where[LAN_ADDR]; /* "192.0.2.7:13240" */
};

struct lan_ops {
	/* One address of one server; the same may come again. */
	void (*found)(void *arg, const struct lan_found *);

	/* What was there has been found; or err, and why. May be NULL: publishing. */
	void (*done)(void *arg, int err, const char *why);
};

/* ERR_LACKING: no Avahi daemon answers. why says what to do. */
int lan_publish(struct lan **, struct event_base *, const char *name, const char *id,
		uint16_t port, char *why, size_t cap) MUST_CHECK;
int lan_browse(struct lan **, struct event_base *, const struct lan_ops *, void *arg,
	       char *why, size_t cap) MUST_CHECK;
void lan_free(struct lan *); /* not from inside; NULL is fine */

#endif
