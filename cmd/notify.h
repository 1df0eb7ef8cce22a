/* SPDX-License-Identifier: ISC */
/*
 * Tells a service manager how we are, in the words of sd_notify(3): a datagram to the
 * socket that NOTIFY_SOCKET names. Where it does not, nothing is told.
 */
#ifndef CMD_NOTIFY_H
#define CMD_NOTIFY_H

struct event_base;
struct notify;

/*
 * NULL: there is nobody to tell, or no memory. Where WATCHDOG_USEC asks for signs of
 * life, the loop gives one each half of it, so that none comes when the loop hangs. The
 * variables are taken out of the environment: children are not the service.
 */
struct notify *notify_new(struct event_base *);
void notify_free(struct notify *); /* NULL is fine */

/* "READY=1", "STOPPING=1"; NULL is fine. */
void notify_say(const struct notify *, const char *state);

#endif
