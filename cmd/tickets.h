/* SPDX-License-Identifier: ISC */
/*
 * The file `tickets` of the state directory: what this server has issued, and
 * who redeemed it. One line a ticket:
 *
 *	ID SECRET EXPIRY USES NAME|- WORDS PATTERN... REDEEMER...
 *
 * hexadecimal id and secret, unix seconds (0: never), redemptions left.
 */
#ifndef CMD_TICKETS_H
#define CMD_TICKETS_H

#include "core/access.h"
#include "core/ticket.h"

#define TICKETS_MAX       1024
#define TICKETS_REDEEMERS 8 /* most uses of one ticket */

struct issued {
	uint8_t id[TICKET_ID], secret[TICKET_SECRET];
	uint64_t expiry;
	unsigned uses;          /* left */
	char name[ACCESS_NAME]; /* for the client; "": what it calls itself */
	unsigned words;         /* device patterns */
	char word[ACCESS_WORDS][PATTERN_TEXT];
	unsigned redeemers;
	uint8_t redeemer[TICKETS_REDEEMERS][PEERID];
};

/* ERR_FULL: TICKETS_MAX that have not expired (now: unix seconds). */
int tickets_add(const char *dir, const struct issued *, uint64_t now) MUST_CHECK;

/* ERR_NODEV: no such ticket. */
int
tickets_find(const char *dir, const uint8_t id[TICKET_ID], struct issued *) MUST_CHECK;

/*
 * Makes the ticket this client's: idempotent for one that redeemed it before.
 * ERR_REFUSED when it is used up, or expired (now: unix seconds). On disk when
 * this returns.
 */
int tickets_redeem(const char *dir, const uint8_t id[TICKET_ID],
		   const uint8_t client[PEERID], uint64_t now) MUST_CHECK;

/*
 * This client is not welcome any more: the tickets that it redeemed, whose secrets it
 * knows, let nobody in any more, but are good for those who redeemed them, too.
 */
int tickets_forget(const char *dir, const uint8_t client[PEERID]) MUST_CHECK;

#endif
