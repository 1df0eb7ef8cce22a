/* SPDX-License-Identifier: ISC */
/*
 * Who a peer of `serve` is and whether it comes in: by its id, which is known, or by a
 * ticket, which it proves twice, on the first channel and inside DTLS.
 */
#include <string.h>
#include <time.h>

#include "cmd/audit.h"
#include "cmd/peers.h"
#include "cmd/server.h"
#include "cmd/tickets.h"
#include "core/log.h"
#include "core/text.h"

/* Its row is filled in. */
static bool
is_known(const struct guest *g)
{
	return g->who.name[0] != '\0';
}

static void
refuse(struct wire_refusal *no, enum wire_reason reason, const char *text)
{
	no->reason = (uint8_t)reason;
	text_copy(no->text, sizeof(no->text), text);
}

static bool
proves(const struct guest *g, const struct issued *t, const struct wire_greet *k,
       enum proof_stage stage)
{
	struct proof_channel c;
	uint8_t want[IDENT_MAC];

	if (link_channel(g->l, &c) != ERR_OK)
		return false;
	proof_make(stage, t->secret, t->id, &c, want);
	return ident_equal(k->proof, want, sizeof(want));
}

/* A client row made of the ticket; its own name for itself if we gave none. */
static int
remember(struct guest *g, const struct issued *t, const char *own_name)
{
	struct access_row *other;
	struct peers p;
	char base[ACCESS_NAME];
	int err;

	g->who.kind = ACCESS_CLIENT;
	memcpy(g->who.id, link_peer(g->l), PEERID);
	if (t->name[0] != '\0' || !is_known(g))
		text_copy(g->who.name, sizeof(g->who.name),
			  t->name[0] != '\0' ? t->name : own_name);
	access_name_clean(g->who.name);
	g->who.words = t->words;
	memcpy(g->who.word, t->word, sizeof(g->who.word));
	if ((err = peers_load(&p, g->of->ctx->dir)) != ERR_OK)
		return err;
	text_copy(base, 48, g->who.name);
	for (unsigned i = 2;
	     (other = peers_by_name(&p, ACCESS_CLIENT, g->who.name)) != NULL &&
	     memcmp(other->id, g->who.id, PEERID) != 0;
	     i++) {
		struct text name;

		text_init(&name, g->who.name, sizeof(g->who.name));
		text_str(&name, base);
		text_char(&name, '-');
		text_u64(&name, i);
	}
	peers_free(&p);
	return peers_put(g->of->ctx->dir, &g->who);
}

static bool
redeemed_before(const struct issued *t, const uint8_t *id)
{
	for (unsigned i = 0; i < t->redeemers; i++)
		if (memcmp(t->redeemer[i], id, PEERID) == 0)
			return true;
	return false;
}

/*
 * The ticket's way in: proved, redeemed on disk, then remembered. A peer that is
 * known comes in whatever its ticket is worth; a new one of its own replaces what
 * it may use.
 */
static int
admit_ticket(struct guest *g, const struct wire_greet *k, struct wire_greet *reply,
	     struct wire_refusal *no)
{
	struct server *s = g->of;
	bool was_known = is_known(g);
	struct proof_channel c;
	struct issued t;
	int err;

	refuse(no, WIRE_BAD_TICKET, "this server did not issue that ticket");
	if (tickets_find(s->ctx->dir, k->ticket, &t) != ERR_OK ||
	    !proves(g, &t, k, PROOF_TLS_CLIENT))
		return was_known ? ERR_OK : ERR_REFUSED;
	refuse(no, WIRE_BAD_TICKET,
	       "the ticket is used up or expired: ask for a new one");
	err = tickets_redeem(s->ctx->dir, t.id, link_peer(g->l), (uint64_t)time(NULL));
	if (err != ERR_OK)
		return was_known ? ERR_OK : ERR_REFUSED;
	refuse(no, WIRE_LIMIT, "this server cannot remember you now");
	if (!(was_known && redeemed_before(&t, link_peer(g->l))) &&
	    (err = remember(g, &t, k->name)) != ERR_OK)
		return err;
	if ((err = link_channel(g->l, &c)) != ERR_OK)
		return err;
	proof_make(PROOF_TLS_SERVER, t.secret, t.id, &c, reply->proof);
	return ERR_OK;
}

static bool
known(struct guest *g)
{
	struct access_row *r;
	struct peers p;

	if (peers_load(&p, g->of->ctx->dir) != ERR_OK)
		return false;
	if ((r = peers_by_id(&p, ACCESS_CLIENT, link_peer(g->l))) != NULL)
		g->who = *r;
	peers_free(&p);
	return r != NULL;
}

static unsigned
links_of(const struct server *s, const uint8_t *id)
{
	unsigned n = 0;
	struct list *l;

	LIST_EACH (&s->guests, l) {
		const struct guest *g = CONTAINER_OF(l, struct guest, link);

		n += g->admitted && (g->l != NULL || guest_held(g)) &&
		     memcmp(g->who.id, id, PEERID) == 0;
	}
	return n;
}

int
guest_knock(void *arg, const struct wire_greet *k, struct wire_greet *reply,
	    struct wire_refusal *no)
{
	static const uint8_t none[TICKET_ID];
	struct guest *g = arg;
	bool ticket = memcmp(k->ticket, none, sizeof(none)) != 0;
	char id[8];
	int err = ERR_OK;

	peerid_short(link_peer(g->l), id);
	if (links_of(g->of, link_peer(g->l)) >= SERVER_GUESTS_PEER)
		guest_shed(g->of, link_peer(g->l));
	if (links_of(g->of, link_peer(g->l)) >= SERVER_GUESTS_PEER) {
		refuse(no, WIRE_LIMIT, "too many connections of yours");
		err = ERR_FULL;
	} else if (!known(g) && !ticket) {
		refuse(no, WIRE_NOT_ALLOWED,
		       "you are not invited: ask the owner for a ticket (usbp2p invite)");
		err = ERR_REFUSED;
	} else if (ticket) {
		err = admit_ticket(g, k, reply, no);
	}
	if (err == ERR_REFUSED && !is_known(g))
		serve_own_asked(g, k->name, "");
	if (err != ERR_OK) {
		log_info("peer %s refused from=%s reason=\"%s\"", id, link_where(g->l),
			 no->text);
		audit(&(struct audit){
		    .event = "refused", .id = link_peer(g->l), .why = no->text});
		return err;
	}
	g->admitted = true;
	audit(
	    &(struct audit){.event = "connected", .peer = g->who.name, .id = g->who.id});
	watch_poke(&g->of->watch);
	log_info("peer %s admitted name=%s from=%s", id, g->who.name, link_where(g->l));
	return ERR_OK;
}

int
guest_judge(struct guest *g, const struct wire_hello *h, struct wire_hello *reply,
	    struct wire_refusal *no)
{
	static const uint8_t none[TICKET_ID];
	struct proof_channel c;
	struct issued t;

	if (h->greet.major != WIRE_MAJOR || h->generation != 1) {
		refuse(no, WIRE_VERSION, "this server speaks protocol version 1");
		return ERR_PROTO;
	}
	if (memcmp(h->greet.ticket, none, sizeof(none)) == 0)
		return ERR_OK;
	if (tickets_find(g->of->ctx->dir, h->greet.ticket, &t) != ERR_OK)
		return ERR_OK; /* known by id already, the ticket was thrown away */
	if (!proves(g, &t, &h->greet, PROOF_DTLS_CLIENT) ||
	    link_channel(g->l, &c) != ERR_OK) {
		refuse(no, WIRE_BAD_TICKET, "wrong proof of the ticket");
		return ERR_REFUSED;
	}
	proof_make(PROOF_DTLS_SERVER, t.secret, t.id, &c, reply->greet.proof);
	return ERR_OK;
}
