/* SPDX-License-Identifier: ISC */
/*
 * Tickets and names of servers.
 */
#include <stdio.h>
#include <string.h>

#include "cmd/peers.h"
#include "cmd/target.h"
#include "core/text.h"
#include "core/ticket.h"

static int
from_ticket(struct target *t, const char *text)
{
	struct ticket k;

	if (ticket_read(text, &k) != ERR_OK) {
		cmd_fail(ERR_BADTICKET, "this ticket cannot be read: a character is "
					"missing or mistyped; copy it again");
		return ERR_BADTICKET;
	}
	t->ticket = true;
	memcpy(t->link.id, k.peer, sizeof(t->link.id));
	t->link.addrs = k.addrs;
	memcpy(t->link.addr, k.addr, sizeof(t->link.addr));
	t->link.rdvs = k.rdvs;
	memcpy(t->link.rdv, k.rdv, sizeof(t->link.rdv));
	t->link.has_secret = k.has_secret;
	memcpy(t->link.ticket, k.id, sizeof(t->link.ticket));
	memcpy(t->link.secret, k.secret, sizeof(t->link.secret));
	return ERR_OK;
}

static int
from_stdin(struct target *t)
{
	char line[TICKET_TEXT * 2], *text = line;

	if (fgets(line, sizeof(line), stdin) == NULL) {
		cmd_fail(ERR_BADTICKET, "no ticket on standard input");
		return ERR_BADTICKET;
	}
	text += strspn(text, " \t");
	text[strcspn(text, " \t\r\n")] = '\0';
	return from_ticket(t, text);
}

static void
take_word(struct link_target *t, const char *word)
{
	if (rdv_uri_is(word)) {
		if (t->rdvs < TICKET_RDVS &&
		    rdv_uri_read(word, &t->rdv[t->rdvs]) == ERR_OK)
			t->rdvs++;
	} else if (t->addrs < TICKET_ADDRS &&
		   text_copy(t->addr[t->addrs], TICKET_ADDR, word)) {
		t->addrs++;
	}
}

static void
take_row(struct target *t, const struct access_row *r)
{
	memcpy(t->link.id, r->id, sizeof(t->link.id));
	t->link.addrs = t->link.rdvs = 0;
	for (unsigned i = 0; i < r->words; i++)
		take_word(&t->link, r->word[i]);
	text_copy(t->name, sizeof(t->name), r->name);
}

static int
from_name(struct target *t, const struct ctx *ctx, const char *name)
{
	struct access_row *r;
	struct peers p;
	int err = peers_load(&p, ctx->dir);

	if (err != ERR_OK)
		return err;
	if ((r = peers_by_name(&p, ACCESS_SERVER, name)) != NULL) {
		take_row(t, r);
	} else {
		err = ERR_NOPEER;
		cmd_fail(err,
			 "no server is known as \"%s\": ask its owner for a ticket "
			 "(usbp2p invite), "
			 "and use that the first time",
			 name);
	}
	peers_free(&p);
	return err;
}

int
target_find(struct target *t, const struct ctx *ctx, const char *who, const char *as)
{
	memset(t, 0, sizeof(*t));
	if (as != NULL && (!access_name_ok(as) || !text_copy(t->as, sizeof(t->as), as))) {
		cmd_fail(ERR_USAGE,
			 "\"%s\" cannot be a name: letters, digits, - _ . only", as);
		return ERR_USAGE;
	}
	if (strcmp(who, "-") == 0)
		return from_stdin(t);
	if (ticket_is(who))
		return from_ticket(t, who);
	return from_name(t, ctx, who);
}

static void
make_row(const struct target *t, const char *name, struct access_row *r)
{
	memset(r, 0, sizeof(*r));
	r->kind = ACCESS_SERVER;
	memcpy(r->id, t->link.id, sizeof(r->id));
	text_copy(r->name, sizeof(r->name), name);
	for (unsigned i = 0; i < t->link.addrs && i < ACCESS_WORDS; i++)
		text_copy(r->word[r->words++], sizeof(r->word[0]), t->link.addr[i]);
	for (unsigned i = 0; i < t->link.rdvs && r->words < ACCESS_WORDS; i++)
		rdv_uri_text(&t->link.rdv[i], r->word[r->words++]);
}

int
target_keep(struct target *t, const struct ctx *ctx, const char *name)
{
	char wish[ACCESS_NAME];
	struct access_row *known, *other, row;
	struct peers p;
	int err;

	if (!t->ticket && t->as[0] == '\0')
		return ERR_OK;
	if ((err = peers_load(&p, ctx->dir)) != ERR_OK)
		return err;
	known = peers_by_id(&p, ACCESS_SERVER, t->link.id);
	text_copy(wish, sizeof(wish),
		  t->as[0] != '\0' ? t->as
		  : known != NULL  ? known->name
				   : name);
	access_name_clean(wish);
	other = peers_by_name(&p, ACCESS_SERVER, wish);
	if (other != NULL && memcmp(other->id, t->link.id, PEERID) != 0) {
		cmd_fail(ERR_USAGE,
			 "another server is known as \"%s\" already: choose a name with "
			 "--as NAME",
			 wish);
		err = ERR_USAGE;
	} else {
		make_row(t, wish, &row);
		text_copy(t->name, sizeof(t->name), wish);
		err = peers_put(ctx->dir, &row);
	}
	peers_free(&p);
	return err;
}
