/* SPDX-License-Identifier: ISC */
/*
 * Between lease.c, which opens and closes, and lease_wait.c.
 */
#ifndef CMD_LEASE_WAIT_H
#define CMD_LEASE_WAIT_H

#include "cmd/server.h"

/* lease.c: the user hears no; the lease is over. */
void lease_deny(struct lease *, enum wire_reason, const char *text);

/* The lease of this device that does not wait, or NULL. */
struct lease *lease_holder(const struct server *, const struct usb_dev *);

bool lease_same_peer(const struct lease *, const struct lease *);

/* It waits for its turn, however long that is. */
bool lease_may_queue(const struct lease *);

/* Tells its place, if it does not know it; those of all, after one has left. */
void lease_tell_place(struct lease *);
void lease_tell_places(struct server *, const struct usb_dev *);

/* Asks the holder for a sign of life; lease_on_probe comes in a second. */
void lease_probe(struct lease *, const struct lease *holder);
void lease_on_probe(int fd, short what, void *lease);

/* Its user waits for the same device by another one. */
bool lease_waits_already(const struct lease *);

#endif
