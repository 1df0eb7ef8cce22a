/* SPDX-License-Identifier: ISC */
/*
 * Whom this machine reaches, in three steps: every rendezvous, which may lend TURN
 * servers; the names of all servers; then NAT and relays at once.
 */
#include <stdlib.h>

#include <event2/event.h>

#include "cmd/doctor.h"
#include "cmd/doctor_relay.h"
#include "core/text.h"
#include "net/ice_names.h"
#include "net/natkind.h"
#include "net/rdv_conn.h"
#include "net/tcp_addr.h"

#define RELAY_US 8000000 /* libnice's own patience is shorter */

struct nurse;

struct meeting {
	struct nurse *of;
	struct rdv_env env;
	struct rdv_conn *conn; /* NULL: decided */
	const struct rdv_uri *uri;
	bool joined;
};

struct nurse {
	struct doctor *d;
	struct loop loop;
	struct meeting meeting[TICKET_RDVS];
	struct doctor_relay relay[ICE_TURNS];
	struct ice_names *names;
	struct natkind *natkind;
	struct natkind_result nat;
	struct event *timer;
	unsigned waiting; /* answers of this step */
	unsigned asked;   /* servers with names, before those not found went */
	bool relayed;     /* one relay works */
};

/* --- NAT and relays --- */

static void
say_nat(struct nurse *s)
{
	const struct natkind_result *r = &s->nat;
	const char *name = stun_nat_name(r->kind);
	unsigned places = 0;

	for (unsigned i = 0; i < r->n; i++)
		places += r->seen[i].family != 0;
	if (r->kind == STUN_NAT_BLOCKED) {
		doctor_say(s->d, "nat", DOCTOR_WARN,
			   "NAT %s: no server answers by UDP, so only relays by TCP can "
			   "be used",
			   name);
		doctor_fix(s->d,
			   "nft insert rule inet filter output udp dport 1024-65535 "
			   "accept");
	} else if (r->kind == STUN_NAT_NONE) {
		doctor_say(s->d, "nat", DOCTOR_OK, "NAT %s: this address is public",
			   name);
	} else if (r->kind == STUN_NAT_EASY) {
		doctor_say(s->d, "nat", DOCTOR_OK,
			   "NAT %s: the same port for %u destinations, direct paths work",
			   name, places);
	} else if (r->kind == STUN_NAT_HARD) {
		doctor_say(s->d, "nat", s->relayed ? DOCTOR_OK : DOCTOR_WARN,
			   "NAT %s: another port for each destination, direct paths only "
			   "to peers without such a NAT, a relay to others",
			   name);
		if (!s->relayed)
			doctor_fix(s->d, "usbp2p -o ice.turn=turn:HOST -o "
					 "ice.turn.user=NAME -o ice.turn.password=TEXT "
					 "serve");
	} else {
		doctor_say(s->d, "nat", DOCTOR_UNKNOWN,
			   "NAT %s: there is one, but one server alone cannot tell its "
			   "kind",
			   name);
	}
}

static void
done_one(struct nurse *s)
{
	if (--s->waiting > 0)
		return;
	if (s->nat.n > 0)
		say_nat(s);
	loop_exit(&s->loop, 0);
}

static void
on_nat(void *arg, const struct natkind_result *r)
{
	struct nurse *s = arg;

	s->nat = *r;
	done_one(s);
}

static void
on_relay(void *arg, bool good)
{
	struct nurse *s = arg;

	s->relayed |= good;
	done_one(s);
}

static void
on_late(evutil_socket_t fd, short what, void *arg)
{
	struct nurse *s = arg;

	(void)fd;
	(void)what;
	for (unsigned i = 0; i < ICE_TURNS; i++)
		doctor_relay_late(&s->relay[i]);
}

static unsigned
add_place(struct sockaddr_storage *place, unsigned n, const char *host, uint16_t port)
{
	struct tcp_where w = {.port = port};

	if (host[0] == '\0' || !text_copy(w.host, sizeof(w.host), host) ||
	    !tcp_where_numeric(&w, &place[n]))
		return n;
	return n + 1;
}

/* Third step. */
static void
try_ways(struct nurse *s)
{
	const struct ice_servers *all = &s->loop.servers;
	const struct timeval tv = {RELAY_US / 1000000, 0};
	struct sockaddr_storage place[1 + ICE_TURNS];
	unsigned n = add_place(place, 0, all->stun.host, all->stun.port);

	for (unsigned i = 0; i < all->turns; i++)
		if (all->turn[i].transport == ICE_UDP)
			n = add_place(place, n, all->turn[i].host, all->turn[i].port);
	s->waiting = 1;
	if (n > 0 &&
	    (s->natkind = natkind_start(s->loop.base, place, n, s->loop.conf->port_min,
					s->loop.conf->port_max, on_nat, s)) != NULL)
		s->waiting++;
	s->waiting += all->turns;
	for (unsigned i = 0; i < all->turns; i++)
		doctor_relay_try(&s->relay[i], s->d, &s->loop, &all->turn[i], on_relay,
				 s);
	event_add(s->timer, &tv);
	done_one(s);
}

/* --- names --- */

static unsigned
servers_in(const struct nurse *s)
{
	return s->loop.servers.turns + (s->loop.servers.stun.host[0] != '\0');
}

static void
on_names(void *arg)
{
	struct nurse *s = arg;

	if (servers_in(s) < s->asked) {
		doctor_say(s->d, "names", DOCTOR_MISSING,
			   "names of STUN or TURN servers are not found");
		doctor_fix(s->d, "resolvectl query NAME");
	}
	try_ways(s);
}

/* Second step. */
static void
look_up(struct nurse *s)
{
	s->asked = servers_in(s);
	if (!ice_names_any(&s->loop.servers)) {
		try_ways(s);
		return;
	}
	s->names =
	    ice_names_ask(s->loop.base, s->loop.dns, &s->loop.servers, on_names, s);
	if (s->names == NULL)
		loop_exit(&s->loop, 0);
}

/* --- rendezvous --- */

static void
met(struct meeting *m)
{
	rdv_conn_free(m->conn);
	m->conn = NULL;
	if (--m->of->waiting == 0)
		look_up(m->of);
}

static void
on_joined(void *arg)
{
	struct meeting *m = arg;

	m->joined = true;
	doctor_say(m->of->d, "rendezvous", DOCTOR_OK, "%s lets us in", m->uri->addr);
}

/* The answer behind JOINED: none are an answer, too. */
static void
on_relays(void *arg, const struct rdv_relays *r)
{
	struct meeting *m = arg;
	const struct rdv_env *loop = &m->of->loop.env.rdv;

	if (r->n > 0)
		loop->relays(loop->arg, r);
	met(m);
}

static void
on_closed(void *arg, int err, const char *why)
{
	struct meeting *m = arg;

	if (!m->joined) {
		doctor_say(m->of->d, "rendezvous", DOCTOR_MISSING, "%s: %s", m->uri->addr,
			   why);
		if (err == ERR_REFUSED)
			doctor_fix(m->of->d, "usbp2p -o serve.rendezvous=URI, with the "
					     "URI that it prints now");
		else
			doctor_fix(m->of->d, "systemctl start usbp2p-rendezvous, there");
	}
	met(m);
}

static const struct rdv_conn_ops conn_ops = {.joined = on_joined, .closed = on_closed};

/* First step. */
static void
meet(struct nurse *s)
{
	const struct conf *c = s->loop.conf;
	uint8_t instance[RDV_INSTANCE];

	s->waiting = 1;
	for (unsigned i = 0; i < c->rdvs; i++) {
		struct meeting *m = &s->meeting[i];

		m->of = s;
		m->uri = &c->rdv[i];
		m->env = s->loop.env.rdv;
		m->env.relays = on_relays;
		m->env.arg = m;
		ident_random(instance, sizeof(instance));
		m->conn =
		    rdv_conn_new(&m->env, m->uri, RDV_GUEST, instance, &conn_ops, m);
		s->waiting += m->conn != NULL;
	}
	if (--s->waiting == 0)
		look_up(s);
}

/* --- start and end --- */

static void
on_stop(void *arg)
{
	struct nurse *s = arg;

	loop_exit(&s->loop, 1);
}

static void
end(struct nurse *s)
{
	for (unsigned i = 0; i < TICKET_RDVS; i++)
		rdv_conn_free(s->meeting[i].conn);
	for (unsigned i = 0; i < ICE_TURNS; i++)
		doctor_relay_stop(&s->relay[i]);
	ice_names_free(s->names);
	natkind_free(s->natkind);
	if (s->timer != NULL)
		event_free(s->timer);
	loop_end(&s->loop);
}

void
doctor_net(struct doctor *d)
{
	const struct conf *c = &d->ctx->conf;
	struct nurse *s = calloc(1, sizeof(*s));

	if (c->rdvs == 0 && c->ice.turns == 0 && c->ice.stun.host[0] == '\0')
		doctor_say(d, "nat", DOCTOR_UNKNOWN,
			   "no rendezvous, STUN or TURN server is set, so nobody was "
			   "asked");
	else if (s != NULL && loop_start(&s->loop, d->ctx, on_stop, s) == ERR_OK) {
		s->d = d;
		s->timer = evtimer_new(s->loop.base, on_late, s);
		if (s->timer != NULL) {
			meet(s);
			loop_run(&s->loop);
		}
		end(s);
	}
	free(s);
}
