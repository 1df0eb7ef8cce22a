/* SPDX-License-Identifier: ISC */
/*
 * A GMainContext inside the libevent loop. It knows nothing of ICE.
 *
 * libevent sees one fd: an epoll set of our own with GLib's fds in it. GLib's
 * users close and open sockets as they like; were those watched by libevent
 * directly, a number that is used again before we look would be shared with
 * someone else's event and never be heard of again.
 */
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <event2/event.h>
#include <glib.h>

#include "core/log.h"
#include "core/mem.h"
#include "net/gpump.h"

struct gpump {
	GMainContext *context;
	struct event *io, *timer;
	int set; /* the epoll set */
	GPollFD *fds;
	int n, cap; /* of fds: what GLib asked for last */
	int *old;   /* cap: the fds it asked for before */
	gint priority;
	struct list jobs; /* gpump_job.link */
	bool running;     /* in a turn that has not asked GLib again yet */
	uint64_t turns;
	int lingering;
};

static bool
wanted(const struct gpump *p, int fd)
{
	for (int i = 0; i < p->n; i++)
		if (p->fds[i].fd == fd)
			return true;
	return false;
}

/* The set forgets closed fds by itself; so every fd is told again, every time. */
static void
watch(struct gpump *p, int olds)
{
	for (int i = 0; i < olds; i++)
		if (!wanted(p, p->old[i]))
			(void)epoll_ctl(p->set, EPOLL_CTL_DEL, p->old[i], NULL);
	for (int i = 0; i < p->n; i++) {
		/* poll's and epoll's bits are the same numbers (Linux) */
		struct epoll_event e = {.events = p->fds[i].events};

		if (epoll_ctl(p->set, EPOLL_CTL_MOD, p->fds[i].fd, &e) != 0 &&
		    epoll_ctl(p->set, EPOLL_CTL_ADD, p->fds[i].fd, &e) != 0)
			log_error("gpump watch fd=%d reason=\"%s\"", p->fds[i].fd,
				  strerror(errno));
	}
}

static int
query(struct gpump *p)
{
	gint timeout_ms = -1;

	while ((p->n = g_main_context_query(p->context, p->priority, &timeout_ms, p->fds,
					    p->cap)) > p->cap) {
		p->cap = p->n;
		p->fds = g_renew(GPollFD, p->fds, p->cap);
		p->old = g_renew(int, p->old, p->cap);
	}
	return timeout_ms;
}

static void
arm(struct gpump *p)
{
	int olds = p->n, timeout_ms;
	bool ready;

	p->running = false;
	for (int i = 0; i < olds; i++)
		p->old[i] = p->fds[i].fd;
	ready = g_main_context_prepare(p->context, &p->priority);
	timeout_ms = query(p);
	if (ready)
		timeout_ms = 0;
	watch(p, olds);
	if (timeout_ms >= 0) {
		struct timeval tv = {timeout_ms / 1000, timeout_ms % 1000 * 1000};

		event_add(p->timer, &tv);
	} else {
		event_del(p->timer);
	}
	if (!list_empty(&p->jobs))
		gpump_kick(p);
}

/* Jobs that are added meanwhile wait for the next turn. */
static void
run_jobs(struct gpump *p)
{
	struct list todo;

	list_init(&todo);
	list_add(&p->jobs, &todo); /* todo takes the head's place ... */
	list_del(&p->jobs);        /* ... and all its members */
	while (!list_empty(&todo)) {
		struct gpump_job *job = CONTAINER_OF(todo.next, struct gpump_job, link);

		list_del(&job->link);
		job->run(job);
	}
}

static void
turn(evutil_socket_t fd, short what, void *arg)
{
	struct gpump *p = arg;

	(void)fd;
	(void)what;
	p->turns++;
	p->running = true;
	g_main_context_acquire(p->context);
	g_poll(p->fds, (guint)p->n, 0);
	if (g_main_context_check(p->context, p->priority, p->fds, p->n))
		g_main_context_dispatch(p->context);
	run_jobs(p);
	arm(p);
	g_main_context_release(p->context);
}

struct gpump *
gpump_new(struct event_base *base)
{
	struct gpump *p = g_new0(struct gpump, 1);

	list_init(&p->jobs);
	p->context =
	    g_main_context_new_with_flags(G_MAIN_CONTEXT_FLAGS_OWNERLESS_POLLING);
	p->set = epoll_create1(EPOLL_CLOEXEC);
	p->timer = event_new(base, -1, 0, turn, p);
	if (p->set >= 0)
		p->io = event_new(base, p->set, EV_READ | EV_PERSIST, turn, p);
	if (p->timer == NULL || p->io == NULL || event_add(p->io, NULL) != 0) {
		gpump_free(p);
		return NULL;
	}
	gpump_kick(p);
	return p;
}

void
gpump_free(struct gpump *p)
{
	if (p == NULL)
		return;
	run_jobs(p);
	if (p->io != NULL)
		event_free(p->io);
	if (p->timer != NULL)
		event_free(p->timer);
	if (p->set >= 0)
		close(p->set);
	g_main_context_unref(p->context);
	g_free(p->fds);
	g_free(p->old);
	g_free(p);
}

GMainContext *
gpump_context(struct gpump *p)
{
	return p->context;
}

void
gpump_kick(struct gpump *p)
{
	if (!p->running)
		event_active(p->timer, EV_TIMEOUT, 0);
}

void
gpump_later(struct gpump *p, struct gpump_job *job)
{
	if (!list_empty(&job->link))
		return;
	list_add(&p->jobs, &job->link);
	gpump_kick(p);
}

void
gpump_linger(struct gpump *p, int change)
{
	p->lingering += change;
}

bool
gpump_lingers(const struct gpump *p)
{
	return p->lingering > 0;
}

uint64_t
gpump_turns(const struct gpump *p)
{
	return p->turns;
}
