/* SPDX-License-Identifier: ISC */
/*
 * Whom this machine reaches, in three steps: every rendezvous, which may lend TURN
 * servers; the names of all servers; then NAT and relays at once.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "cmd/doctor.h"
#include "cmd/loop.h"
#include "cmd/sockets.h"
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

struct relay {
	struct nurse *of;
	const struct ice_turn *turn;
	struct ice_servers servers;
	struct ice *ice; /* NULL: decided */
	char where[ICE_HOST + 24];
};

struct nurse {
	struct doctor *d;
	struct loop loop;
	struct meeting meeting[TICKET_RDVS];
	struct relay relay[ICE_TURNS];
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
relay_end(struct relay *r, bool good)
{
	if (r->ice == NULL)
		return;
	ice_free(r->ice);
	r->ice = NULL;
	r->of->relayed |= good;
	doctor_say(r->of->d, "turn", good ? DOCTOR_OK : DOCTOR_MISSING,
		   good ? "%s relays" : "%s does not relay: not reached, or it refused",
		   r->where);
	if (!good)
		doctor_fix(r->of->d, "systemctl restart coturn, there; user, password "
				     "and secret have to be the same");
	done_one(r->of);
}

static void
on_found(void *arg, const char *candidate)
{
	struct relay *r = arg;

	if (candidate == NULL || strstr(candidate, " typ relay") != NULL)
		relay_end(r, candidate != NULL);
}

static void
on_gathered(void *arg, const struct ice_desc *desc)
{
	for (unsigned i = 0; i < desc->n; i++)
		if (strstr(desc->candidate[i], " typ relay") != NULL) {
			relay_end(arg, true);
			return;
		}
}

static void
on_nothing(void *arg)
{
	(void)arg;
}

static void
on_failed(void *arg, int err)
{
	(void)err;
	relay_end(arg, false);
}

static void
on_packet(void *arg, const uint8_t *p, size_t n)
{
	(void)arg;
	(void)p;
	(void)n;
}

static const struct ice_ops ice_ops = {on_gathered, on_found,   on_nothing, on_nothing,
				       on_failed,   on_nothing, on_packet};

static void
on_late(evutil_socket_t fd, short what, void *arg)
{
	struct nurse *s = arg;

	(void)fd;
	(void)what;
	for (unsigned i = 0; i < ICE_TURNS; i++)
		relay_end(&s->relay[i], false);
}

static void
try_relay(struct nurse *s, unsigned i)
{
	struct relay *r = &s->relay[i];
	struct ice_conf conf = {.relay_only = true,
				.base = s->loop.base,
				.dns = s->loop.dns,
				.servers = &r->servers};
	struct text where;

	r->of = s;
	r->turn = &s->loop.servers.turn[i];
	r->servers = (struct ice_servers){.turns = 1};
	r->servers.turn[0] = *r->turn;
	text_init(&where, r->where, sizeof(r->where));
	text_str(&where, "turn:");
	text_str(&where, r->turn->host);
	text_char(&where, ':');
	text_u64(&where, r->turn->port);
	text_str(&where, r->turn->transport == ICE_TCP ? " by TCP" : " by UDP");
	if (tcp_is_loopback(r->turn->host))
		conf.address[conf.addresses++] =
		    strchr(r->turn->host, ':') != NULL ? "::1" : "127.0.0.1";
	s->waiting++;
	r->ice = ice_new(s->loop.pump, &conf, &ice_ops, r);
	if (r->ice == NULL) {
		doctor_say(s->d, "turn", DOCTOR_UNKNOWN, "%s cannot be tried", r->where);
		done_one(s);
	}
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
	for (unsigned i = 0; i < all->turns; i++)
		try_relay(s, i);
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
on_up(void *arg)
{
	(void)arg;
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
on_parcel(void *arg, const struct rdv_parcel *p)
{
	(void)arg;
	(void)p;
}

static void
on_absent(void *arg, const struct rdv_address *a)
{
	(void)arg;
	(void)a;
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

static const struct rdv_conn_ops conn_ops = {on_up, on_joined, on_parcel, on_absent,
					     on_closed};

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

/* --- the door --- */

static bool
serves(const struct doctor *d)
{
	struct sockets found;

	sockets_find(&found, d->ctx->dir, "serve");
	return found.n > 0;
}

static void
door(struct doctor *d)
{
	struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_port = htons(TCP_PORT)};
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const int one = 1;
	bool busy;

	if (fd >= 0) /* as tcp_listen: those that are closing do not count */
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	busy = fd >= 0 &&
	       (bind(fd, (struct sockaddr *)&a, sizeof(a)) != 0 || listen(fd, 1) != 0) &&
	       errno == EADDRINUSE;
	if (busy && !serves(d)) {
		doctor_say(d, "port", DOCTOR_WARN,
			   "another program has TCP port %u, where serve listens",
			   TCP_PORT);
		doctor_fix(d, "ss -Hltnp 'sport = :%u'", TCP_PORT);
	} else {
		doctor_say(d, "port", DOCTOR_OK, "TCP port %u is %s", TCP_PORT,
			   busy ? "serve's" : "free");
	}
	if (fd >= 0)
		close(fd);
}

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
		if (s->relay[i].ice != NULL)
			ice_free(s->relay[i].ice);
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

	if ((d->side & DOCTOR_SERVE) != 0)
		door(d);
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
