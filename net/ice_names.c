/* SPDX-License-Identifier: ISC */
/*
 * Looking up the names of STUN and TURN servers.
 */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <event2/dns.h>
#include <event2/event.h>
#include <event2/util.h>

#include "core/log.h"
#include "core/text.h"
#include "net/ice_names.h"
#include "net/tcp_addr.h"

/* The server of STUN, and those of TURN. */
#define QUESTIONS (1 + ICE_TURNS)

/* evdns answers in the end, even when it is cancelled and we are long gone. */
struct question {
	struct ice_names *of; /* NULL: nobody waits */
	struct evdns_getaddrinfo_request *request;
	unsigned which; /* 0: STUN, else the number of turn, from 1 */
};

struct ice_names {
	struct ice_servers *servers;
	void (*done)(void *arg);
	void *arg;
	struct question *open[QUESTIONS];
	char four[QUESTIONS][ICE_HOST], six[QUESTIONS][ICE_HOST];
	struct event *timer;
};

static bool
is_name(const char *host)
{
	struct tcp_where w = {.port = 1};
	struct sockaddr_storage ss;

	return host[0] != '\0' && text_copy(w.host, sizeof(w.host), host) &&
	       !tcp_where_numeric(&w, &ss);
}

static char *
host_of(struct ice_servers *s, unsigned which)
{
	return which == 0 ? s->stun.host : s->turn[which - 1].host;
}

bool
ice_names_any(const struct ice_servers *s)
{
	bool any = is_name(s->stun.host);

	for (unsigned i = 0; i < s->turns; i++)
		any |= is_name(s->turn[i].host);
	return any;
}

static void
keep(char host[ICE_HOST], const struct sockaddr *a, size_t n)
{
	struct sockaddr_storage ss = {0};

	if (host[0] != '\0' || n > sizeof(ss))
		return;
	memcpy(&ss, a, n);
	tcp_addr_text(&ss, false, host);
}

static void
finish_later(struct ice_names *q, long s)
{
	struct timeval tv = {s, 0};

	event_add(q->timer, &tv);
}

static bool
waits(const struct ice_names *q)
{
	for (unsigned i = 0; i < QUESTIONS; i++)
		if (q->open[i] != NULL)
			return true;
	return false;
}

/* evdns may call it from inside our own call. */
static void
on_addresses(int err, struct evutil_addrinfo *res, void *arg)
{
	struct question *x = arg;
	struct ice_names *q = x->of;
	unsigned which = x->which;

	free(x);
	for (struct evutil_addrinfo *a = res; q != NULL && err == 0 && a != NULL;
	     a = a->ai_next) {
		if (a->ai_family == AF_INET)
			keep(q->four[which], a->ai_addr, a->ai_addrlen);
		else if (a->ai_family == AF_INET6)
			keep(q->six[which], a->ai_addr, a->ai_addrlen);
	}
	if (res != NULL)
		evutil_freeaddrinfo(res);
	if (q == NULL)
		return;
	q->open[which] = NULL;
	if (!waits(q))
		finish_later(q, 0);
}

static void
ask(struct ice_names *q, struct evdns_base *dns, unsigned which)
{
	const struct evutil_addrinfo hints = {.ai_family = AF_UNSPEC,
					      .ai_socktype = SOCK_DGRAM};
	const char *host = host_of(q->servers, which);
	struct evdns_getaddrinfo_request *request;
	struct question *x;

	if (strcmp(host, "localhost") == 0) {
		text_copy(q->four[which], ICE_HOST, "127.0.0.1");
		return;
	}
	if (dns == NULL || (x = calloc(1, sizeof(*x))) == NULL)
		return;
	*x = (struct question){.of = q, .which = which};
	q->open[which] = x;
	request = evdns_getaddrinfo(dns, host, "1", &hints, on_addresses, x);
	if (request != NULL) /* else it has called back, and x is gone */
		x->request = request;
}

/* STUN is asked because of NAT, so IPv4 goes first. */
static void
put_stun(struct ice_names *q)
{
	const char *ip = q->four[0][0] != '\0' ? q->four[0] : q->six[0];

	if (ip[0] == '\0')
		log_warn("ice stun %s left out reason=\"no such name\"",
			 q->servers->stun.host);
	text_copy(q->servers->stun.host, ICE_HOST, ip);
}

static void
put_turn(struct ice_names *q, struct ice_servers *to, const struct ice_turn *t,
	 unsigned which)
{
	const char *const ip[] = {q->four[which], q->six[which]};

	if (ip[0][0] == '\0' && ip[1][0] == '\0')
		log_warn("ice turn %s left out reason=\"no such name\"", t->host);
	for (unsigned i = 0; i < 2; i++) {
		if (ip[i][0] == '\0' || to->turns == ICE_TURNS)
			continue;
		to->turn[to->turns] = *t;
		text_copy(to->turn[to->turns++].host, ICE_HOST, ip[i]);
	}
}

static void
put(struct ice_names *q)
{
	struct ice_servers *s = q->servers, was = *s;

	if (is_name(s->stun.host))
		put_stun(q);
	s->turns = 0;
	for (unsigned i = 0; i < was.turns; i++) {
		if (is_name(was.turn[i].host))
			put_turn(q, s, &was.turn[i], 1 + i);
		else if (s->turns < ICE_TURNS)
			s->turn[s->turns++] = was.turn[i];
	}
}

static void
forget(struct ice_names *q)
{
	for (unsigned i = 0; i < QUESTIONS; i++) {
		struct question *x = q->open[i];

		q->open[i] = NULL;
		if (x == NULL)
			continue;
		x->of = NULL;
		evdns_getaddrinfo_cancel(x->request);
	}
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct ice_names *q = arg;

	(void)fd;
	(void)what;
	forget(q);
	put(q);
	q->done(q->arg);
}

struct ice_names *
ice_names_ask(struct event_base *base, struct evdns_base *dns, struct ice_servers *s,
	      void (*done)(void *arg), void *arg)
{
	struct ice_names *q = calloc(1, sizeof(*q));

	if (q == NULL || (q->timer = evtimer_new(base, on_timer, q)) == NULL) {
		free(q);
		return NULL;
	}
	q->servers = s;
	q->done = done;
	q->arg = arg;
	for (unsigned i = 0; i < 1 + s->turns; i++)
		if (is_name(host_of(s, i)))
			ask(q, dns, i);
	finish_later(q, waits(q) ? ICE_NAMES_US / 1000000 : 0);
	return q;
}

void
ice_names_free(struct ice_names *q)
{
	if (q == NULL)
		return;
	forget(q);
	event_free(q->timer);
	free(q);
}
