/* SPDX-License-Identifier: ISC */
/*
 * Avahi's main loop on libevent.
 */
#ifndef NET_LAN_POLL_H
#define NET_LAN_POLL_H

struct AvahiPoll;
struct event_base;

/* base must outlive what is made of it. */
void lan_poll_init(struct AvahiPoll *, struct event_base *base);

#endif
