/* SPDX-License-Identifier: ISC */
/*
 * Devices that `serve` has taken from the kernel's drivers: the file `claims`, by which
 * the next serve gives them back when this one was killed; and what became of the last
 * ones, for the status.
 */
#ifndef CMD_CLAIMS_H
#define CMD_CLAIMS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/access.h"
#include "core/devinfo.h"

#define CLAIMS_PAST    32 /* kept */
#define CLAIMS_WHY     96
#define CLAIMS_DRIVERS 200

struct json;
struct lease;
struct server;
struct usb_dev;

struct claim_past {
	char busid[DEVINFO_BUSID];
	char by[ACCESS_NAME];
	uint64_t since, until; /* unix seconds */
	uint64_t open_ms;      /* until the device was ours */
	bool failed;           /* it never was */
	char why[CLAIMS_WHY];  /* it ended */
};

struct claims {
	unsigned n; /* so far: past[(n - 1) % CLAIMS_PAST] is the last */
	struct claim_past past[CLAIMS_PAST];
};

/* Before a lease opens its device, and when it is over. Writes the file. */
void claims_take(struct lease *);
void claims_end(struct lease *);

/* For the audit: it is lent; it was not. */
void claims_opened(const struct lease *);
void claims_denied(const struct lease *, const char *why);

/* Why it ends; the first reason counts. */
void claims_why(struct lease *, const char *why);

/* At start, when devices are known: gives back what the last serve had not. */
void claims_recover(struct server *);

/* Members of a device in the status: "claimed" and "claims", the newest first. */
void claims_put(const struct server *, const struct usb_dev *, struct json *);

#endif
