/* SPDX-License-Identifier: ISC */
/*
 * A listener that strangers may knock at. The limits are net/gate's; here they
 * meet sockets. It knows nothing of what is said.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>

#include "core/list.h"
#include "core/log.h"
#include "net/clock.h"
#include "net/gate.h"
#include "net/tcp_addr.h"
#include "net/tcp_conn.h"

#define BACKLOG 1024 /* all come at once when they have lost their rendezvous */

static const struct tcp_limits usual = {
    .gate = {.strangers = 64, .per_network = 8, .per_second = 20, .burst = 40},
    .admit_us = 5000000,
    .pause_us = 1000000,
};

struct tcp_listener {
	struct event_base *base;
	const struct tcp_listener_ops *ops;
	void *arg;
	int fd;
	struct event *rd;
	struct event *pause; /* no file descriptors left: accept again then */
	struct tcp_limits limits;
	struct gate gate;
	struct list strangers; /* stranger.link */
	char where[TCP_ADDR_TEXT];
};

/* tcp.maker until it is admitted */
struct stranger {
	struct list link;              /* in listener.strangers */
	struct tcp_listener *listener; /* NULL: it is gone */
	int seat;
};

static void
stranger_leaves(struct tcp *t)
{
	struct stranger *s = t->maker;

	t->maker = NULL;
	list_del(&s->link);
	if (s->listener != NULL)
		gate_leave(&s->listener->gate, s->seat);
	free(s);
}

static void
too_late(struct tcp *t)
{
	tcp_close(t, ERR_TIMEOUT);
}

/* Owns fd; NULL: closed. */
static struct tcp *
welcome(struct tcp_listener *l, int fd, int seat)
{
	struct tcp *t = tcp_new(l->base, NULL, NULL);
	struct stranger *s = calloc(1, sizeof(*s));

	if (t == NULL || s == NULL) {
		tcp_free(t);
		free(s);
		close(fd);
		gate_leave(&l->gate, seat);
		return NULL;
	}
	*s = (struct stranger){.listener = l, .seat = seat};
	list_init(&s->link);
	list_add(&l->strangers, &s->link);
	t->maker = s;
	t->made = stranger_leaves;
	if (!tcp_opened(t, fd)) {
		tcp_free(t);
		return NULL;
	}
	tcp_after(t, l->limits.admit_us, too_late);
	return t;
}

/* The listener may be freed by the op. */
static void
offer(struct tcp_listener *l, struct tcp *t)
{
	tcp_enter(t);
	l->ops->accepted(l->arg, t);
	if (t->ops == NULL)
		t->dead = true;
	tcp_leave(t);
}

static void
pause_for_a_while(struct tcp_listener *l)
{
	uint64_t us = l->limits.pause_us;
	struct timeval tv = clock_tv(us);

	log_warn("listener %s pauses reason=\"%s\"", l->where, strerror(errno));
	event_del(l->rd);
	event_add(l->pause, &tv);
}

static void
on_pause_over(evutil_socket_t fd, short what, void *arg)
{
	struct tcp_listener *l = arg;

	(void)fd;
	(void)what;
	event_add(l->rd, NULL);
}

/* One a turn. */
static void
on_knock(evutil_socket_t lfd, short what, void *arg)
{
	struct tcp_listener *l = arg;
	struct sockaddr_storage ss = {0};
	struct gate_network w;
	struct tcp *t;
	socklen_t n = sizeof(ss);
	int seat, fd;

	(void)what;
	fd = accept4(lfd, (struct sockaddr *)&ss, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0) {
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
		    errno == ENOMEM)
			pause_for_a_while(l);
		return;
	}
	w = tcp_addr_network(&ss);
	if ((seat = gate_enter(&l->gate, &w, clock_us())) < 0) {
		log_debug("listener %s refuses a stranger", l->where);
		close(fd);
		return;
	}
	if ((t = welcome(l, fd, seat)) != NULL)
		offer(l, t);
}

/* What bind or listen said, for people. */
static int
explain(int number, const char *where, char *why, size_t cap)
{
	static const struct {
		int number, err;
	} known[] = {
	    {EADDRINUSE, ERR_BUSY},
	    {EADDRNOTAVAIL, ERR_USAGE},
	    {EACCES, ERR_LACKING},
	};
	int err = ERR_IO;

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (known[i].number == number)
			err = known[i].err;
	snprintf(why, cap, "cannot listen on %s: %s", where, strerror(number));
	return err;
}

static int
address(const char *where, struct sockaddr_storage *ss, char *why, size_t cap)
{
	struct tcp_where w;

	if (tcp_where_split(&w, where) == ERR_OK) {
		if (w.host[0] == '\0')
			memcpy(w.host, "::", sizeof("::"));
		if (tcp_where_numeric(&w, ss))
			return ERR_OK;
	}
	snprintf(why, cap, "%s is no numeric ADDRESS:PORT to listen on", where);
	return ERR_USAGE;
}

/* A machine without IPv6 still has all of IPv4. */
static int
socket_for(struct sockaddr_storage *ss)
{
	struct sockaddr_in6 six = *(struct sockaddr_in6 *)ss;
	int fd = socket(ss->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd >= 0 || errno != EAFNOSUPPORT || ss->ss_family != AF_INET6 ||
	    !IN6_IS_ADDR_UNSPECIFIED(&six.sin6_addr))
		return fd;
	*(struct sockaddr_in *)ss =
	    (struct sockaddr_in){.sin_family = AF_INET, .sin_port = six.sin6_port};
	return socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

static int
open_socket(struct tcp_listener *l, struct sockaddr_storage *ss)
{
	const int on = 1, off = 0;
	socklen_t n;

	if ((l->fd = socket_for(ss)) < 0)
		return errno;
	n = ss->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6)
				      : sizeof(struct sockaddr_in);
	setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (ss->ss_family == AF_INET6)
		setsockopt(l->fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if (bind(l->fd, (struct sockaddr *)ss, n) != 0 || listen(l->fd, BACKLOG) != 0)
		return errno;
	n = sizeof(*ss);
	if (getsockname(l->fd, (struct sockaddr *)ss, &n) != 0)
		return errno;
	tcp_addr_text(ss, true, l->where);
	return 0;
}

static int
open_events(struct tcp_listener *l)
{
	l->rd = event_new(l->base, l->fd, EV_READ | EV_PERSIST, on_knock, l);
	l->pause = event_new(l->base, -1, 0, on_pause_over, l);
	if (l->rd == NULL || l->pause == NULL || event_add(l->rd, NULL) != 0)
		return ENOMEM;
	return 0;
}

int
tcp_listen(struct tcp_listener **listener, struct event_base *base, const char *where,
	   const struct tcp_listener_ops *ops, void *arg, char *why, size_t cap)
{
	struct sockaddr_storage ss;
	struct tcp_listener *l;
	int number, r = address(where, &ss, why, cap);

	*listener = NULL;
	if (r != ERR_OK)
		return r;
	if ((l = calloc(1, sizeof(*l))) == NULL)
		return ERR_NOMEM;
	*l = (struct tcp_listener){.base = base, .ops = ops, .arg = arg, .fd = -1};
	list_init(&l->strangers);
	tcp_listener_limit(l, &usual);
	if ((number = open_socket(l, &ss)) != 0 || (number = open_events(l)) != 0) {
		r = explain(number, where, why, cap);
		tcp_listener_free(l);
		return r;
	}
	*listener = l;
	return ERR_OK;
}

void
tcp_listener_limit(struct tcp_listener *l, const struct tcp_limits *limits)
{
	l->limits = *limits;
	gate_init(&l->gate, &limits->gate, clock_us());
}

void
tcp_listener_free(struct tcp_listener *l)
{
	struct list *i, *n;

	if (l == NULL)
		return;
	LIST_EACH_SAFE (&l->strangers, i, n) {
		CONTAINER_OF(i, struct stranger, link)->listener = NULL;
		list_del(i);
	}
	if (l->rd != NULL)
		event_free(l->rd);
	if (l->pause != NULL)
		event_free(l->pause);
	if (l->fd >= 0)
		close(l->fd);
	free(l);
}

const char *
tcp_listener_where(const struct tcp_listener *l)
{
	return l->where;
}
