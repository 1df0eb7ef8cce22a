/* SPDX-License-Identifier: ISC */
/*
 * Makes a connection: name to addresses (evdns, or nobody for numbers and
 * localhost), then one address after another. It knows nothing of what is said.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/dns.h>
#include <event2/event.h>
#include <event2/util.h>

#include "core/text.h"
#include "net/tcp_addr.h"
#include "net/tcp_conn.h"

#define ADDRESSES 8 /* of a name; the rest is not tried */

/* evdns answers in the end, even when it is cancelled and we are long gone. */
struct lookup {
	struct tcp *tcp; /* NULL: nobody waits */
	struct evdns_getaddrinfo_request *request;
};

/* tcp.maker while it is made */
struct dial {
	struct evdns_base *dns;
	struct tcp_where where;
	bool usable; /* the text is an address */
	struct lookup *lookup;
	struct sockaddr_storage addr[ADDRESSES];
	unsigned n, next; /* of addr */
};

static void
made(struct tcp *t)
{
	struct dial *d = t->maker;

	t->maker = NULL;
	if (d->lookup != NULL) {
		d->lookup->tcp = NULL;
		evdns_getaddrinfo_cancel(d->lookup->request);
	}
	free(d);
}

static uint64_t
patience(const struct tcp *t)
{
	return t->patience_us != 0 ? t->patience_us : TCP_DIAL_US;
}

static void next(struct tcp *);

static void
connected(struct tcp *t)
{
	int fd = t->fd;

	t->fd = -1; /* stays open; its events go */
	tcp_drop_fd(t);
	tcp_unmake(t);
	if (tcp_opened(t, fd))
		t->ops->connected(t->arg);
	else
		tcp_close(t, ERR_NOMEM);
}

static void
on_connect(evutil_socket_t fd, short what, void *arg)
{
	struct tcp *t = arg;
	int err = 0;
	socklen_t n = sizeof(err);

	(void)what;
	if (t->err != ERR_OK) /* the timer is about to end it */
		return;
	event_del(t->timer);
	tcp_enter(t);
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &n) == 0 && err == 0)
		connected(t);
	else
		next(t);
	tcp_leave(t);
}

/* Begins to connect; false: not to this one. */
static bool
try(struct tcp *t, const struct sockaddr_storage *ss)
{
	const socklen_t n = ss->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6)
						      : sizeof(struct sockaddr_in);

	t->fd = socket(ss->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (t->fd < 0)
		return false;
	if (connect(t->fd, (const struct sockaddr *)ss, n) != 0 && errno != EINPROGRESS)
		return false;
	t->wr = event_new(t->base, t->fd, EV_WRITE, on_connect, t);
	return t->wr != NULL && event_add(t->wr, NULL) == 0;
}

static void
next(struct tcp *t)
{
	struct dial *d = t->maker;

	tcp_drop_fd(t);
	while (d->next < d->n) {
		if (try(t, &d->addr[d->next++])) {
			tcp_after(t, patience(t), next);
			return;
		}
		tcp_drop_fd(t);
	}
	tcp_close(t, ERR_UNREACHABLE);
}

static void
add(struct dial *d, const struct sockaddr *sa, size_t n)
{
	if (d->n < ADDRESSES && (sa->sa_family == AF_INET || sa->sa_family == AF_INET6))
		memcpy(&d->addr[d->n++], sa, n);
}

/* Calls no op: evdns may call it from inside our own call. */
static void
on_addresses(int err, struct evutil_addrinfo *res, void *arg)
{
	struct lookup *l = arg;
	struct tcp *t = l->tcp;

	free(l);
	if (t != NULL) {
		struct dial *d = t->maker;

		d->lookup = NULL;
		for (struct evutil_addrinfo *a = res; err == 0 && a != NULL;
		     a = a->ai_next)
			add(d, a->ai_addr, a->ai_addrlen);
		if (t->err == ERR_OK)
			tcp_after(t, 0, next);
	}
	if (res != NULL)
		evutil_freeaddrinfo(res);
}

static void
unknown(struct tcp *t)
{
	tcp_close(t, ERR_UNREACHABLE);
}

static void
look_up(struct tcp *t)
{
	const struct evutil_addrinfo hints = {.ai_family = AF_UNSPEC,
					      .ai_socktype = SOCK_STREAM};
	struct dial *d = t->maker;
	struct evdns_getaddrinfo_request *request;
	char port[8];
	struct text x;

	if (d->dns == NULL || (d->lookup = calloc(1, sizeof(*d->lookup))) == NULL) {
		tcp_close(t, ERR_UNREACHABLE);
		return;
	}
	text_init(&x, port, sizeof(port));
	text_u64(&x, d->where.port);
	tcp_after(t, patience(t), unknown);
	d->lookup->tcp = t;
	request = evdns_getaddrinfo(d->dns, d->where.host, port, &hints, on_addresses,
				    d->lookup);
	if (request != NULL) /* else it has called back, and the lookup is gone */
		d->lookup->request = request;
}

static void
begin(struct tcp *t)
{
	static const char *const loopback[] = {"::1", "127.0.0.1"};
	struct dial *d = t->maker;
	struct sockaddr_storage ss;

	if (!d->usable) {
		tcp_close(t, ERR_USAGE);
	} else if (tcp_where_numeric(&d->where, &ss)) {
		add(d, (struct sockaddr *)&ss, sizeof(ss));
		next(t);
	} else if (tcp_where_is_localhost(&d->where)) {
		for (unsigned i = 0; i < 2; i++) {
			text_copy(d->where.host, sizeof(d->where.host), loopback[i]);
			if (tcp_where_numeric(&d->where, &ss))
				add(d, (struct sockaddr *)&ss, sizeof(ss));
		}
		next(t);
	} else {
		look_up(t);
	}
}

static bool
usable(const struct tcp_where *w)
{
	struct sockaddr_storage ss;

	return w->port != 0 && (tcp_where_numeric(w, &ss) || tcp_where_is_name(w));
}

struct tcp *
tcp_dial(struct event_base *base, struct evdns_base *dns, const char *where,
	 const struct tcp_ops *ops, void *arg)
{
	struct tcp *t = tcp_new(base, ops, arg);
	struct dial *d = calloc(1, sizeof(*d));

	if (t == NULL || d == NULL) {
		tcp_free(t);
		free(d);
		return NULL;
	}
	d->dns = dns;
	d->usable = tcp_where_split(&d->where, where) == ERR_OK && usable(&d->where);
	t->maker = d;
	t->made = made;
	text_copy(t->peer, sizeof(t->peer), where);
	tcp_after(t, 0, begin);
	return t;
}
