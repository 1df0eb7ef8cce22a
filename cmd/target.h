/* SPDX-License-Identifier: ISC */
/*
 * From PEER|TICKET on the command line to a server that can be dialled, and
 * from the first contact to a known name.
 */
#ifndef CMD_TARGET_H
#define CMD_TARGET_H

#include "cmd/cmd.h"
#include "core/access.h"
#include "net/link.h"
#include "net/stock.h"

struct target {
	struct link_target link;
	/* under which the server is known, "" at first contact; HOST:PORT of a stock one
	 */
	char name[STOCK_WHERE];
	char as[ACCESS_NAME]; /* the user's wish, "" if none */
	bool ticket;
};

/*
 * who: a ticket, "-" (a ticket from stdin), or the name of a known server. as:
 * --as or NULL. Errors were printed; returns an enum err.
 */
int target_find(struct target *, const struct ctx *, const char *who,
		const char *as) MUST_CHECK;

/*
 * The server let us in and calls itself name: stores it when it came by ticket.
 * ERR_USAGE (was printed): another server has that name here already.
 */
int target_keep(struct target *, const struct ctx *, const char *name) MUST_CHECK;

#endif
