/* SPDX-License-Identifier: ISC */
/*
 * inotify tells of sockets that appear; each one is asked to let us watch.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <event2/event.h>

#include "cmd/follow.h"
#include "cmd/sockets.h"
#include "cmd/state.h"
#include "core/list.h"
#include "net/ctl.h"

struct follow {
	struct event_base *base;
	char *dir;
	int fd;    /* inotify */
	int files; /* its watch of the directory itself; the other one is of run/ */
	struct event *ev, *again;
	unsigned tries;    /* a socket is there a moment before somebody listens */
	struct list feeds; /* feed.link */
	unsigned count;
	const struct follow_ops *ops;
	void *arg;
};

#define FOLLOW_TRIES 4

static const struct timeval pause_between = {0, 200000};

struct feed {
	struct list link; /* in follow.feeds */
	struct follow *of;
	struct ctl_watch *w;
	char path[108];
};

static void
on_line(void *arg, const char *line, size_t n)
{
	struct feed *f = arg;

	f->of->ops->line(f->of->arg, f->path, line, n);
}

static void
on_end(void *arg)
{
	struct feed *f = arg;
	struct follow *of = f->of;
	char path[sizeof(f->path)];

	memcpy(path, f->path, sizeof(path));
	list_del(&f->link);
	of->count--;
	ctl_watch_free(f->w);
	free(f);
	of->ops->ended(of->arg, path);
}

static const struct ctl_watch_ops watch_ops = {on_line, on_end};

static bool
followed(const struct follow *of, const char *path)
{
	struct list *l;

	LIST_EACH (&of->feeds, l)
		if (strcmp(CONTAINER_OF(l, struct feed, link)->path, path) == 0)
			return true;
	return false;
}

static void
follow_path(struct follow *of, const char *path)
{
	struct feed *f;

	if (followed(of, path) || (f = calloc(1, sizeof(*f))) == NULL)
		return;
	f->of = of;
	snprintf(f->path, sizeof(f->path), "%s", path);
	f->w = ctl_watch(of->base, path, "{\"cmd\":\"watch\"}", &watch_ops, f);
	if (f->w == NULL) {
		/* left behind by a process that was killed, or too early */
		free(f);
		if (of->tries++ < FOLLOW_TRIES)
			event_add(of->again, &pause_between);
		return;
	}
	list_add(&of->feeds, &f->link);
	of->count++;
}

static void
look(struct follow *of)
{
	struct sockets s;

	sockets_find(&s, of->dir, "");
	for (unsigned i = 0; i < s.n; i++)
		follow_path(of, s.path[i]);
}

static void
on_again(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	look(arg);
}

/* Which of the two has changed: true, a file of the directory; *run: run/. */
static bool
sort_out(const struct follow *of, const char *buf, size_t n, bool *run)
{
	const struct inotify_event *e;
	bool files = false;

	for (size_t i = 0; i + sizeof(*e) <= n; i += sizeof(*e) + e->len) {
		e = (const void *)(buf + i);
		if (e->wd == of->files)
			files = true;
		else
			*run = true;
	}
	return files;
}

static void
on_inotify(evutil_socket_t fd, short what, void *arg)
{
	char buf[4096] __attribute__((aligned(8)));
	bool files = false, run = false;
	struct follow *of = arg;
	ssize_t n;

	(void)what;
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		files |= sort_out(of, buf, (size_t)n, &run);
	if (files && of->ops->written != NULL)
		of->ops->written(of->arg);
	if (!run)
		return;
	of->tries = 0;
	look(of);
}

struct follow *
follow_new(struct event_base *base, const char *dir, const struct follow_ops *ops,
	   void *arg)
{
	struct follow *of = calloc(1, sizeof(*of));
	char run[4096];

	if (of == NULL)
		return NULL;
	*of = (struct follow){.base = base, .fd = -1, .ops = ops, .arg = arg};
	list_init(&of->feeds);
	if ((of->dir = strdup(dir)) == NULL || state_make(dir) != ERR_OK ||
	    state_path(dir, "run", run, sizeof(run)) != ERR_OK ||
	    (of->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) < 0 ||
	    inotify_add_watch(of->fd, run, IN_CREATE | IN_MOVED_TO) < 0 ||
	    (of->files = inotify_add_watch(of->fd, dir, IN_MOVED_TO)) < 0 ||
	    (of->again = evtimer_new(base, on_again, of)) == NULL ||
	    (of->ev = event_new(base, of->fd, EV_READ | EV_PERSIST, on_inotify, of)) ==
		NULL) {
		follow_free(of);
		return NULL;
	}
	event_add(of->ev, NULL);
	look(of);
	return of;
}

void
follow_free(struct follow *of)
{
	if (of == NULL)
		return;
	while (!list_empty(&of->feeds)) {
		struct feed *f = CONTAINER_OF(of->feeds.next, struct feed, link);

		list_del(&f->link);
		ctl_watch_free(f->w);
		free(f);
	}
	if (of->ev != NULL)
		event_free(of->ev);
	if (of->again != NULL)
		event_free(of->again);
	if (of->fd >= 0)
		close(of->fd);
	free(of->dir);
	free(of);
}

unsigned
follow_count(const struct follow *of)
{
	return of->count;
}
