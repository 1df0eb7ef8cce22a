/* SPDX-License-Identifier: ISC */
/*
 * Watches and timeouts of Avahi are libevent's events. Avahi may free them in their
 * own callbacks.
 */
#include <stdlib.h>
#include <sys/time.h>

#include <avahi-common/watch.h>
#include <event2/event.h>

#include "net/lan_poll.h"

struct AvahiWatch {
	struct event_base *base;
	struct event *ev;
	int fd;
	AvahiWatchEvent want, is;
	AvahiWatchCallback call;
	void *arg;
};

struct AvahiTimeout {
	struct event *ev;
	AvahiTimeoutCallback call;
	void *arg;
};

static void
on_ready(evutil_socket_t fd, short what, void *arg)
{
	AvahiWatch *w = arg;

	w->is = (AvahiWatchEvent)((what & EV_READ ? POLLIN : 0) |
				  (what & EV_WRITE ? POLLOUT : 0));
	w->call(w, fd, w->is, w->arg);
}

static void
watch_update(AvahiWatch *w, AvahiWatchEvent want)
{
	short what = EV_PERSIST;

	if (want & AVAHI_WATCH_IN)
		what |= EV_READ;
	if (want & AVAHI_WATCH_OUT)
		what |= EV_WRITE;
	w->want = want;
	event_del(w->ev);
	event_assign(w->ev, w->base, w->fd, what, on_ready, w);
	if (what != EV_PERSIST)
		event_add(w->ev, NULL);
}

static AvahiWatch *
watch_new(const AvahiPoll *p, int fd, AvahiWatchEvent want, AvahiWatchCallback call,
	  void *arg)
{
	AvahiWatch *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	w->base = p->userdata;
	w->fd = fd;
	w->call = call;
	w->arg = arg;
	if ((w->ev = event_new(w->base, fd, EV_PERSIST, on_ready, w)) == NULL) {
		free(w);
		return NULL;
	}
	watch_update(w, want);
	return w;
}

static AvahiWatchEvent
watch_get_events(AvahiWatch *w)
{
	return w->is;
}

static void
watch_free(AvahiWatch *w)
{
	event_free(w->ev);
	free(w);
}

static void
on_time(evutil_socket_t fd, short what, void *arg)
{
	AvahiTimeout *t = arg;

	(void)fd;
	(void)what;
	t->call(t, t->arg);
}

/* Avahi's times are of the day. */
static void
timeout_update(AvahiTimeout *t, const struct timeval *at)
{
	struct timeval now, in = {0, 0};

	event_del(t->ev);
	if (at == NULL)
		return;
	gettimeofday(&now, NULL);
	if (timercmp(at, &now, >))
		timersub(at, &now, &in);
	event_add(t->ev, &in);
}

static AvahiTimeout *
timeout_new(const AvahiPoll *p, const struct timeval *at, AvahiTimeoutCallback call,
	    void *arg)
{
	AvahiTimeout *t = calloc(1, sizeof(*t));

	if (t == NULL || (t->ev = evtimer_new(p->userdata, on_time, t)) == NULL) {
		free(t);
		return NULL;
	}
	t->call = call;
	t->arg = arg;
	timeout_update(t, at);
	return t;
}

static void
timeout_free(AvahiTimeout *t)
{
	event_free(t->ev);
	free(t);
}

void
lan_poll_init(AvahiPoll *p, struct event_base *base)
{
	*p = (AvahiPoll){.userdata = base,
			 .watch_new = watch_new,
			 .watch_update = watch_update,
			 .watch_get_events = watch_get_events,
			 .watch_free = watch_free,
			 .timeout_new = timeout_new,
			 .timeout_update = timeout_update,
			 .timeout_free = timeout_free};
}
