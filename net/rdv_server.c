/* SPDX-License-Identifier: ISC */
/*
 * One TLS connection for each peer, at about 20 kB when it is silent, and the
 * rendezvous' engine. What is delivered it can neither read nor change.
 */
#include <sys/socket.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <event2/event.h>

#include "core/log.h"
#include "net/bus.h"
#include "net/clock.h"
#include "net/heap.h"
#include "net/rdv_server.h"
#include "net/tcp.h"
#include "net/tcp_addr.h"
#include "net/tls.h"

#define TICK_US   1000000 /* not sooner after the last one */

/*
 * Those whose key is not known yet. A handshake costs a millisecond and a round trip;
 * all come at once after a restart.
 */
#define STRANGERS GATE_SEATS
#define OF_ONE    32 /* of a network with the usual limits */

static const struct tcp_liveness liveness = {60, 20, 120};

struct rdv_server {
	struct event_base *base;
	const struct ident *ident;
	const struct rdv_server_conf *conf;
	struct tls_ctx *tls;
	struct pool pool;
	struct rdv *rdv;
	struct bus *bus;     /* NULL: no other nodes */
	struct list members; /* member.link */
	struct tcp_listener *listener[RDV_LISTENERS];
	unsigned listeners;
	struct event *timer;
};

struct member {
	struct list link; /* in server.members */
	struct rdv_server *of;
	struct tcp *tcp;
	struct tls *tls;
	struct rdv_peer *peer; /* NULL: its key is not known yet */
	bool ending;
	const char *why; /* of the end, once it is told */
	char name[8];
};

static void
rearm(struct rdv_server *s)
{
	uint64_t now = clock_us(), at = rdv_deadline(s->rdv);
	struct timeval tv;

	if (at == UINT64_MAX || event_pending(s->timer, EV_TIMEOUT, NULL))
		return;
	tv = clock_left(at > now + TICK_US ? at : now + TICK_US, now);
	event_add(s->timer, &tv);
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct rdv_server *s = arg;

	(void)fd;
	(void)what;
	rdv_tick(s->rdv, clock_us());
	rearm(s);
}

/* --- the engine's wishes --- */

static int
on_send(void *arg, uint8_t type, const uint8_t *body, size_t n)
{
	struct member *m = arg;

	if (type == RDV_END)
		m->why = rdv_end_text(body[0]);
	if (tcp_queued(m->tcp) > RDV_QUEUE)
		return ERR_FULL;
	return tls_send(m->tls, type, body, n);
}

static void
on_end(void *arg)
{
	struct member *m = arg;

	m->ending = true;
	log_info("rendezvous ends peer=%s from=%s reason=\"%s\"", m->name,
		 tcp_peer(m->tcp), m->why);
	tls_close(m->tls);
	tcp_finish(m->tcp);
}

static bool
on_relays(void *arg, const uint8_t id[PEERID], struct rdv_relays *t)
{
	struct rdv_server *s = arg;
	char who[B32_TEXT(PEERID)];

	if (s->conf->turns == 0)
		return false;
	b32_encode(id, PEERID, who, sizeof(who));
	t->n = s->conf->turns;
	memcpy(t->uri, s->conf->turn, sizeof(t->uri));
	t->ttl_s = RDV_TURN_TTL_S;
	snprintf(t->user, sizeof(t->user), "%llu:%s",
		 (unsigned long long)time(NULL) + t->ttl_s, who);
	ident_turn_password(s->conf->secret, s->conf->secret_n, t->user, t->password);
	return true;
}

/* --- other nodes --- */

static void
on_came(void *arg, const struct rdv_address *a, bool host)
{
	struct rdv_server *s = arg;

	if (s->bus != NULL)
		bus_came(s->bus, a, host);
}

static void
on_went(void *arg, const struct rdv_address *a, bool host)
{
	struct rdv_server *s = arg;

	if (s->bus != NULL)
		bus_went(s->bus, a, host);
}

static bool
on_elsewhere(void *arg, const struct rdv_address *from, bool host,
	     const struct rdv_parcel *p)
{
	struct rdv_server *s = arg;

	return s->bus != NULL && bus_send(s->bus, from, host, p);
}

static const struct rdv_ops rdv_ops = {on_send, on_end,  on_relays,
				       on_came, on_went, on_elsewhere};

static bool
on_bus_parcel(void *arg, const struct rdv_address *from, bool host,
	      const struct rdv_parcel *p)
{
	return rdv_deliver(((struct rdv_server *)arg)->rdv, from, host, p);
}

static void
on_bus_absent(void *arg, const struct rdv_address *to, bool host,
	      const struct rdv_address *absent)
{
	rdv_absent(((struct rdv_server *)arg)->rdv, to, host, absent);
}

static void
on_bus_replaced(void *arg, const struct rdv_address *a)
{
	rdv_replaced(((struct rdv_server *)arg)->rdv, a);
}

static const struct bus_ops bus_ops = {on_bus_parcel, on_bus_absent, on_bus_replaced};

/* --- TLS --- */

static void
on_tls_output(void *arg, const uint8_t *p, size_t n)
{
	struct member *m = arg;

	tcp_write(m->tcp, p, n);
}

/* The key of its network's account: like net/gate's seats. */
static void
network_of(const char *where, uint8_t key[PEERID])
{
	struct gate_network w = {.family = 0};
	struct sockaddr_storage ss;
	struct tcp_where at;

	if (tcp_where_split(&at, where) == ERR_OK && tcp_where_numeric(&at, &ss))
		w = tcp_addr_network(&ss);
	memset(key, 0, PEERID);
	key[0] = w.family;
	memcpy(key + 1, w.prefix, sizeof(w.prefix));
}

static int
on_tls_up(void *arg, const uint8_t id[IDENT_ID])
{
	struct member *m = arg;
	struct rdv_server *s = m->of;
	const char *where = tcp_peer(m->tcp);
	uint8_t network[PEERID];
	int err;

	peerid_short(id, m->name);
	network_of(where, network);
	err = rdv_enter(s->rdv, &m->peer, id, network, tcp_is_loopback(where), m,
			clock_us());
	if (err != ERR_OK) {
		log_info("rendezvous refuses peer=%s from=%s reason=\"%s\"", m->name,
			 where, err_text(err));
		return err;
	}
	tcp_admitted(m->tcp);
	tcp_set_liveness(m->tcp, &liveness);
	log_debug("rendezvous met peer=%s from=%s", m->name, where);
	rearm(s);
	return ERR_OK;
}

static int
on_tls_message(void *arg, uint8_t type, const uint8_t *body, size_t n)
{
	struct member *m = arg;

	if (!m->ending)
		rdv_input(m->peer, type, body, n, clock_us());
	return ERR_OK;
}

static const struct tls_ops tls_ops = {on_tls_output, on_tls_up, on_tls_message};

/* --- TCP --- */

static void
member_free(struct member *m)
{
	if (m->peer != NULL)
		rdv_leave(m->peer, clock_us());
	tls_free(m->tls);
	tcp_free(m->tcp);
	list_del(&m->link);
	free(m);
}

static int
on_data(void *arg, const uint8_t *p, size_t n)
{
	struct member *m = arg;

	return m->ending ? ERR_OK : tls_input(m->tls, p, n);
}

static void
on_closed(void *arg, int err)
{
	struct member *m = arg;
	struct rdv_server *s = m->of;

	log_debug("rendezvous lost peer=%s reason=\"%s\"", m->name, err_text(err));
	member_free(m);
	rearm(s);
}

static const struct tcp_ops tcp_ops = {.data = on_data, .closed = on_closed};

static void
on_accepted(void *arg, struct tcp *tcp)
{
	struct rdv_server *s = arg;
	struct member *m = calloc(1, sizeof(*m));

	if (m == NULL || (m->tls = tls_new_in(s->tls, true, NULL, &tls_ops, m)) == NULL) {
		free(m);
		return;
	}
	m->of = s;
	m->tcp = tcp;
	snprintf(m->name, sizeof(m->name), "new");
	list_init(&m->link);
	list_add(&s->members, &m->link);
	tcp_take(tcp, &tcp_ops, m);
}

static const struct tcp_listener_ops listener_ops = {on_accepted};

/* --- start and end --- */

struct rdv_server *
rdv_server_new(struct event_base *base, const struct ident *ident,
	       const struct rdv_server_conf *conf)
{
	struct rdv_server *s = calloc(1, sizeof(*s));
	uint64_t seed;

	if (s == NULL)
		return NULL;
	s->base = base;
	s->ident = ident;
	s->conf = conf;
	heap_pool(&s->pool, SIZE_MAX);
	list_init(&s->members);
	ident_random(&seed, sizeof(seed));
	s->tls = tls_ctx_new(ident, TLS_RDV);
	s->timer = evtimer_new(base, on_tick, s);
	s->rdv = rdv_new(&s->pool, &conf->limits, &rdv_ops, s, seed);
	if (s->tls != NULL && s->timer != NULL && s->rdv != NULL)
		return s;
	rdv_server_free(s);
	return NULL;
}

void
rdv_server_free(struct rdv_server *s)
{
	if (s == NULL)
		return;
	for (unsigned i = 0; i < s->listeners; i++)
		tcp_listener_free(s->listener[i]);
	while (!list_empty(&s->members))
		member_free(CONTAINER_OF(s->members.next, struct member, link));
	bus_free(s->bus);
	rdv_free(s->rdv);
	tls_ctx_free(s->tls);
	if (s->timer != NULL)
		event_free(s->timer);
	free(s);
}

int
rdv_server_join(struct rdv_server *s, const char *url, char *why, size_t cap)
{
	return bus_new(&s->bus, s->base, url, &bus_ops, s, why, cap);
}

const struct bus *
rdv_server_bus(const struct rdv_server *s)
{
	return s->bus;
}

/* One network may have all seats when it may have as many connections. */
static struct tcp_limits
strangers(const struct rdv_server_conf *c)
{
	unsigned most = c->limits.network.connections;
	bool many = most > rdv_usual.network.connections;

	return (struct tcp_limits){
	    .gate = {.strangers = STRANGERS,
		     .per_network = many ? STRANGERS : OF_ONE,
		     .per_second = c->handshakes,
		     .burst = c->handshakes},
	    .admit_us = 5000000,
	    .pause_us = 1000000,
	};
}

int
rdv_server_listen(struct rdv_server *s, const char *where, char *why, size_t cap)
{
	const struct tcp_limits limits = strangers(s->conf);
	struct tcp_listener *l;
	int err;

	if (s->listeners == RDV_LISTENERS)
		return ERR_FULL;
	if ((err = tcp_listen(&l, s->base, where, &listener_ops, s, why, cap)) != ERR_OK)
		return err;
	tcp_listener_limit(l, &limits);
	s->listener[s->listeners++] = l;
	return ERR_OK;
}

const char *
rdv_server_where(const struct rdv_server *s, unsigned i)
{
	return i < s->listeners ? tcp_listener_where(s->listener[i]) : NULL;
}

void
rdv_server_stats(const struct rdv_server *s, struct rdv_stats *stats)
{
	rdv_stats(s->rdv, stats);
}
