/* SPDX-License-Identifier: ISC */
/*
 * One connected peer of `serve`: who it is and what it may do, its session, and
 * its end.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <event2/event.h>

#include "cmd/audit.h"
#include "cmd/heap.h"
#include "cmd/packing.h"
#include "cmd/peers.h"
#include "cmd/server.h"
#include "cmd/tickets.h"
#include "core/log.h"
#include "core/session.h"
#include "core/text.h"
#include "net/tcp.h"

const char *
guest_name(const struct guest *g)
{
	return g->admitted ? g->who.name : "stranger";
}

/* --- who it is --- */

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

static int
on_knock(void *arg, const struct wire_greet *k, struct wire_greet *reply,
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

/* --- session --- */

static int
judge_hello(struct guest *g, const struct wire_hello *h, struct wire_hello *reply,
	    struct wire_refusal *no)
{
	static const uint8_t none[TICKET_ID];
	struct proof_channel c;
	struct issued t;

	reply->greet.major = WIRE_MAJOR;
	reply->greet.minor = WIRE_MINOR;
	reply->greet.caps = WIRE_CAPS;
	memcpy(reply->greet.instance, g->of->loop.env.instance,
	       sizeof(reply->greet.instance));
	text_copy(reply->greet.name, sizeof(reply->greet.name), g->of->loop.env.name);
	memcpy(reply->session, h->session, sizeof(reply->session));
	reply->generation = h->generation;
	reply->window = LOOP_WINDOW;
	reply->urb_max = LOOP_URB_MAX;
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

static int
on_hello(void *arg, const struct wire_hello *h, struct wire_hello *reply,
	 struct wire_refusal *no)
{
	struct guest *g = arg;
	int err = judge_hello(g, h, reply, no);

	g->refused = err != ERR_OK;
	if (err == ERR_OK)
		guest_greeted(g, h);
	return err;
}

static const struct exports_ops exports_ops = {
    on_hello,     guest_dev_list,  guest_dev_open, lease_submit,
    lease_cancel, guest_dev_close, guest_dev_forgo};

static int
on_message(void *arg, const struct session_msg *m)
{
	struct guest *g = arg;

	return exports_message(g->exports, m);
}

static int
on_accept(void *arg, uint32_t sid, enum stream_prio *prio)
{
	struct guest *g = arg;

	return exports_accept(g->exports, sid, prio);
}

static void
on_wake(void *arg)
{
	struct guest *g = arg;

	if (g->l != NULL)
		link_wake(g->l);
}

static const struct session_ops session_ops = {on_message, on_accept, on_wake};

/* --- link --- */

static struct session *
on_up(void *arg)
{
	struct guest *g = arg;
	struct exports_conf conf = {.urbs = &g->urbs, .urb_max = LOOP_URB_MAX};
	struct pack_conf pack;
	char path[200];

	heap_pool(&g->pool, LOOP_SESSION);
	heap_pool(&g->urbs, LOOP_URBS * 2);
	g->session = session_new(&g->pool, LOOP_WINDOW, &session_ops, g);
	if (g->session != NULL)
		g->exports = exports_new(&g->pool, g->session, &conf, &exports_ops, g);
	packing_conf(&pack, &g->l);
	if (g->exports != NULL && g->of->ctx->conf.link_compression)
		exports_pack(g->exports, &pack);
	link_path(g->l, path, sizeof(path));
	log_info("peer %s connected path=\"%s\"", g->who.name, path);
	return g->exports == NULL ? NULL : g->session;
}

static void
on_turn(void *arg)
{
	struct guest *g = arg;

	watch_poke(&g->of->watch);
	exports_turn(g->exports);
	guest_dev_turn(g);
	if (g->refused && session_unacked(g->session, STREAM_SESSION) == 0)
		link_close(g->l); /* it has heard why */
}

static void
guest_free(struct guest *g)
{
	if (g->admitted && g->generation > 0)
		audit(&(struct audit){
		    .event = "disconnected", .peer = g->who.name, .id = g->who.id});
	exports_free(g->exports);
	if (g->session != NULL)
		session_free(g->session);
	list_del(&g->link);
	g->of->guest_count--;
	free(g);
}

void
guest_reap_soon(struct server *s)
{
	event_active(s->reaper, EV_TIMEOUT, 1);
}

void
guest_reap(struct server *s)
{
	struct list *l, *n;

	LIST_EACH_SAFE (&s->guests, l, n) {
		struct guest *g = CONTAINER_OF(l, struct guest, link);

		if (g->l == NULL && !guest_held(g) &&
		    (g->exports == NULL || exports_end(g->exports)))
			guest_free(g);
	}
	server_check_end(s);
}

/* It is here by another link: this one was a try for a better one (cmd/seek). */
static bool
is_here(const struct guest *g)
{
	struct list *l;

	LIST_EACH (&g->of->guests, l) {
		const struct guest *o = CONTAINER_OF(l, struct guest, link);

		if (o != g && o->l != NULL && o->session != NULL &&
		    memcmp(o->who.id, g->who.id, sizeof(g->who.id)) == 0)
			return true;
	}
	return false;
}

static void
on_down(void *arg, int err, const char *why)
{
	struct guest *g = arg;

	g->l = NULL;
	watch_poke(&g->of->watch);
	if (guest_hold(g, err)) {
		log_info("peer %s lost, its session waits reason=\"%s\"", guest_name(g),
			 why);
		return;
	}
	if (g->session != NULL)
		log_info("peer %s disconnected reason=\"%s\"", guest_name(g),
			 err == ERR_OK ? "closed here" : why);
	else if (g->admitted && is_here(g))
		log_debug("peer %s has no other link yet reason=\"%s\"", guest_name(g),
			  why);
	else if (g->admitted)
		log_warn("peer %s did not get through reason=\"%s\"", guest_name(g), why);
	else
		log_debug("stranger left reason=\"%s\"", why);
	guest_leave(g);
}

static const struct link_ops link_ops = {.knock = on_knock,
					 .up = on_up,
					 .resume = guest_resume,
					 .turn = on_turn,
					 .down = on_down};

void
guest_accept(struct server *s, struct tcp *tcp)
{
	struct guest *g;

	if (s->ending || s->guest_count == SERVER_GUESTS ||
	    (g = calloc(1, sizeof(*g))) == NULL) {
		tcp_free(tcp);
		return;
	}
	g->of = s;
	g->since = (uint64_t)time(NULL);
	if ((g->l = link_accept(&s->loop.env, tcp, &link_ops, g)) == NULL) {
		tcp_free(tcp);
		free(g);
		return;
	}
	list_add(&s->guests, &g->link);
	s->guest_count++;
	log_debug("stranger came from=%s", link_where(g->l));
}

void
guest_end(struct guest *g)
{
	if (g->l != NULL)
		link_close(g->l);
	else if (guest_held(g))
		guest_leave(g);
}
