/* SPDX-License-Identifier: ISC */
/*
 * A link's signalling once it is connected: TLS, who may come in, and the candidates of
 * both sides (KNOCK, ADMIT or REJECT, OFFER, ANSWER).
 */
#include <string.h>
#include <sys/socket.h>

#include "core/b32.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/text.h"
#include "net/ice_cand.h"
#include "net/link_parts.h"
#include "net/tcp.h"
#include "net/tcp_addr.h"

static int
signal_send(struct link *l, uint8_t type, const uint8_t *body, const struct wr *w)
{
	if (w->bad)
		return ERR_TOOBIG;
	return tls_send(l->tls, type, body, (size_t)(w->p - body));
}

/* --- attach --- */

static int
send_knock(struct link *l)
{
	struct wire_greet g = {.major = WIRE_MAJOR, .minor = WIRE_MINOR};
	struct proof_channel c;
	uint8_t b[WIRE_SMALL];
	struct wr w;
	int err;

	memcpy(g.instance, l->env->instance, sizeof(g.instance));
	text_copy(g.name, sizeof(g.name), l->env->name);
	if (l->target.has_secret) {
		if ((err = link_channel(l, &c)) != ERR_OK)
			return err;
		memcpy(g.ticket, l->target.ticket, sizeof(g.ticket));
		proof_make(PROOF_TLS_CLIENT, l->target.secret, l->target.ticket, &c,
			   g.proof);
	}
	wr_init(&w, b, sizeof(b));
	wire_put_greet(&w, &g);
	return signal_send(l, WIRE_KNOCK, b, &w);
}

/* A server that knew us already confirms nothing: its key was pinned anyway. */
static bool
confirmed(struct link *l, const struct wire_greet *g)
{
	static const uint8_t none[IDENT_MAC];
	struct proof_channel c;
	uint8_t want[IDENT_MAC];

	if (!l->target.has_secret || ident_equal(g->proof, none, sizeof(none)))
		return true;
	if (link_channel(l, &c) != ERR_OK)
		return false;
	proof_make(PROOF_TLS_SERVER, l->target.secret, l->target.ticket, &c, want);
	return ident_equal(g->proof, want, sizeof(want));
}

static int
on_admit(struct link *l, struct rd *r)
{
	struct wire_greet g;
	int err;

	if (wire_get_greet(r, &g) != ERR_OK || l->state != LINK_GREETING)
		return ERR_PROTO;
	if (g.major != WIRE_MAJOR) {
		link_fail(l, ERR_PROTO,
			  "the server speaks another version of the protocol");
		return ERR_PROTO;
	}
	if (!confirmed(l, &g)) {
		link_fail(l, ERR_REFUSED,
			  "the server does not know this ticket's secret");
		return ERR_REFUSED;
	}
	if (l->ops->admitted != NULL && (err = l->ops->admitted(l->arg, &g)) != ERR_OK)
		return err;
	link_event(l, LINK_EV_ADMITTED);
	return l->err;
}

static int
on_reject(struct link *l, struct rd *r)
{
	struct wire_refusal no;
	int err;

	if (wire_get_refusal(r, &no) != ERR_OK)
		return ERR_PROTO;
	if ((err = wire_reason_err(no.reason)) == ERR_OK)
		err = ERR_PROTO;
	link_fail(l, err, no.text);
	return err;
}

static void
take_offer(struct link *l, const struct wire_offer *o)
{
	struct ice_desc *d = &l->theirs;

	memset(d, 0, sizeof(*d));
	text_copy(d->ufrag, sizeof(d->ufrag), o->ufrag);
	text_copy(d->pwd, sizeof(d->pwd), o->pwd);
	d->n = o->n < ICE_CANDIDATES ? o->n : ICE_CANDIDATES;
	for (unsigned i = 0; i < d->n; i++)
		text_copy(d->candidate[i], sizeof(d->candidate[i]), o->candidate[i]);
	l->offered = true;
}

/*
 * A router at an address where the server may be found may forward UDP ports to it, the
 * same ones (DESIGN.md 9): what it has on its own addresses is tried there as well.
 */
static void
add_forwarded(struct link *l, const char *where)
{
	struct ice_desc *d = &l->theirs;
	unsigned n = d->n;
	struct sockaddr_storage ss;
	struct tcp_where w;
	char ip[TCP_ADDR_TEXT];

	if (tcp_where_split(&w, where) != ERR_OK || !tcp_where_numeric(&w, &ss))
		return;
	tcp_addr_text(&ss, false, ip);
	for (unsigned i = 0; i < n; i++)
		if (ice_cand_is_at(d->candidate[i], ip))
			return;
	for (unsigned i = 0; i < n && d->n < ICE_CANDIDATES; i++)
		if (ice_cand_forwarded(d->candidate[i], ip, d->candidate[d->n]))
			d->n++;
}

static int
on_answer(struct link *l, struct rd *r)
{
	struct wire_offer o;

	if (wire_get_offer(r, &o) != ERR_OK || l->state != LINK_ASKING ||
	    o.link != l->number)
		return ERR_PROTO;
	take_offer(l, &o);
	add_forwarded(l, l->where);
	for (unsigned i = 0; i < l->target.addrs; i++)
		add_forwarded(l, l->target.addr[i]);
	link_event(l, LINK_EV_ANSWERED);
	return l->err;
}

/* --- both --- */

static int
on_trickle(struct link *l, struct rd *r)
{
	char text[WIRE_CANDIDATE];
	struct ice_desc *d = &l->theirs;

	if (wire_get_trickle(r, text) != ERR_OK || !l->offered || l->all_theirs ||
	    l->more++ > ICE_CANDIDATES)
		return ERR_PROTO;
	l->all_theirs = text[0] == '\0';
	if (l->state < LINK_CHECKING) {
		if (!l->all_theirs && d->n < ICE_CANDIDATES)
			text_copy(d->candidate[d->n++], ICE_CANDIDATE_TEXT, text);
		return ERR_OK;
	}
	if (!l->all_theirs)
		return ice_remote_more(l->ice, text);
	ice_remote_last(l->ice);
	link_settle(l);
	return ERR_OK;
}

void
link_tell_candidate(struct link *l, const char *candidate)
{
	uint8_t b[WIRE_CANDIDATE];
	struct wr w;
	int err;

	l->all_ours = candidate == NULL;
	if (l->settled)
		return;
	wr_init(&w, b, sizeof(b));
	wire_put_trickle(&w, l->all_ours ? "" : candidate);
	if ((err = signal_send(l, WIRE_TRICKLE, b, &w)) != ERR_OK)
		link_fail(l, err, NULL);
	else
		link_settle(l);
}

/*
 * A connection of its own stays open: it costs nothing, and its end says that the process
 * at the other end may be gone, long before silence does.
 */
void
link_settle(struct link *l)
{
	static const struct tcp_liveness idle = {
	    .idle_s = 60, .interval_s = 20, .limit_s = 120};

	if (l->settled || l->state != LINK_UP || l->tcp == NULL ||
	    (ice_relayed(l->ice) && !(l->all_ours && l->all_theirs)))
		return;
	l->settled = true;
	if (!tcp_is_direct(l->tcp))
		tcp_finish(l->tcp);
	else
		tcp_set_liveness(l->tcp, &idle);
}

/* --- serve --- */

static int
on_knock(struct link *l, struct rd *r)
{
	struct wire_greet g, reply = {.major = WIRE_MAJOR, .minor = WIRE_MINOR};
	struct wire_refusal no = {.reason = WIRE_NOT_ALLOWED};
	uint8_t b[WIRE_SMALL];
	struct wr w;
	int err;

	if (l->knocked || wire_get_greet(r, &g) != ERR_OK)
		return ERR_PROTO;
	l->knocked = true;
	memcpy(reply.instance, l->env->instance, sizeof(reply.instance));
	text_copy(reply.name, sizeof(reply.name), l->env->name);
	wr_init(&w, b, sizeof(b));
	if (g.major != WIRE_MAJOR) {
		no.reason = WIRE_VERSION;
		text_copy(no.text, sizeof(no.text),
			  "this server speaks protocol version 1");
		err = ERR_PROTO;
	} else {
		err = l->ops->knock(l->arg, &g, &reply, &no);
	}
	if (err == ERR_OK) {
		tcp_admitted(l->tcp);
		wire_put_greet(&w, &reply);
		return signal_send(l, WIRE_ADMIT, b, &w);
	}
	wire_put_refusal(&w, &no);
	if (signal_send(l, WIRE_REJECT, b, &w) == ERR_OK)
		tls_close(l->tls);
	l->rejected = true;
	tcp_finish(l->tcp);
	return ERR_OK;
}

static int
on_offer(struct link *l, struct rd *r)
{
	struct wire_offer o;

	if (wire_get_offer(r, &o) != ERR_OK || !l->knocked || l->rejected || l->offered)
		return ERR_PROTO;
	l->number = o.link;
	take_offer(l, &o);
	link_event(l, LINK_EV_OFFERED);
	return l->err;
}

void
link_describe(struct link *l)
{
	struct wire_offer o = {.link = l->number, .n = l->ours.n};
	uint8_t b[8192];
	struct wr w;
	int err;

	text_copy(o.ufrag, sizeof(o.ufrag), l->ours.ufrag);
	text_copy(o.pwd, sizeof(o.pwd), l->ours.pwd);
	for (unsigned i = 0; i < o.n; i++)
		text_copy(o.candidate[i], sizeof(o.candidate[i]), l->ours.candidate[i]);
	wr_init(&w, b, sizeof(b));
	wire_put_offer(&w, &o);
	err = signal_send(l, l->serve ? WIRE_ANSWER : WIRE_OFFER, b, &w);
	if (err != ERR_OK)
		link_fail(l, err, NULL);
	else if (l->serve)
		link_event(l, LINK_EV_ANSWERED);
}

/* --- TLS --- */

static void
on_tls_output(void *arg, const uint8_t *p, size_t n)
{
	struct link *l = arg;

	if (l->tcp != NULL)
		tcp_write(l->tcp, p, n);
}

static int
on_tls_up(void *arg, const uint8_t id[IDENT_ID])
{
	struct link *l = arg;

	memcpy(l->peer, id, IDENT_ID);
	peerid_short(id, l->name);
	return l->serve ? ERR_OK : send_knock(l);
}

static int
on_tls_message(void *arg, uint8_t type, const uint8_t *body, size_t n)
{
	static const struct {
		uint8_t type;
		int (*run)(struct link *, struct rd *);
	} handlers[] = {
	    {WIRE_KNOCK, on_knock}, {WIRE_ADMIT, on_admit},   {WIRE_REJECT, on_reject},
	    {WIRE_OFFER, on_offer}, {WIRE_ANSWER, on_answer}, {WIRE_TRICKLE, on_trickle},
	};
	struct link *l = arg;
	const struct wire_row *row;
	struct rd r;
	int err = wire_check(type, l->serve ? WIRE_ATTACH : WIRE_SERVE, WIRE_SIGNAL,
			     (uint32_t)n, &row);

	if (err == ERR_NODEV)
		return ERR_OK;
	rd_init(&r, body, n);
	for (size_t i = 0; err == ERR_OK && i < ARRAY_LEN(handlers); i++)
		if (handlers[i].type == type)
			return handlers[i].run(l, &r);
	return ERR_PROTO;
}

static const struct tls_ops tls_ops = {on_tls_output, on_tls_up, on_tls_message};

void
link_greet(struct link *l)
{
	int err;

	l->tls =
	    tls_new(l->env->ident, l->serve, l->serve ? NULL : l->target.id, &tls_ops, l);
	if (l->tls == NULL)
		link_fail(l, ERR_NOMEM, NULL);
	else if ((err = tls_start(l->tls)) != ERR_OK)
		link_fail(l, err, NULL);
}
