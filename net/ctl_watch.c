/* SPDX-License-Identifier: ISC */
/*
 * Control sockets, from the side of a program that stays and looks on.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

#include "net/ctl.h"

struct ctl_watch {
	struct bufferevent *bev;
	const struct ctl_watch_ops *ops;
	void *arg;
	bool calling; /* the owner, in line() */
	bool dead;    /* freed there */
};

static void
destroy(struct ctl_watch *w)
{
	bufferevent_free(w->bev);
	free(w);
}

static void
on_read(struct bufferevent *bev, void *arg)
{
	struct ctl_watch *w = arg;
	struct evbuffer *in = bufferevent_get_input(bev);
	size_t n;
	char *line;

	w->calling = true;
	while (!w->dead && (line = evbuffer_readln(in, &n, EVBUFFER_EOL_LF)) != NULL) {
		w->ops->line(w->arg, line, n);
		free(line);
	}
	w->calling = false;
	if (w->dead)
		destroy(w);
	else if (evbuffer_get_length(in) > CTL_LINE_MAX)
		w->ops->end(w->arg);
}

static void
on_event(struct bufferevent *bev, short what, void *arg)
{
	struct ctl_watch *w = arg;

	(void)bev;
	(void)what;
	w->ops->end(w->arg);
}

struct ctl_watch *
ctl_watch(struct event_base *base, const char *path, const char *request,
	  const struct ctl_watch_ops *ops, void *arg)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	struct ctl_watch *w = calloc(1, sizeof(*w));
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (w == NULL || fd < 0 || strlen(path) >= sizeof(a.sun_path))
		goto fail;
	strcpy(a.sun_path, path);
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) != 0)
		goto fail;
	w->bev = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (w->bev == NULL)
		goto fail;
	w->ops = ops;
	w->arg = arg;
	bufferevent_setcb(w->bev, on_read, NULL, on_event, w);
	bufferevent_enable(w->bev, EV_READ | EV_WRITE);
	evbuffer_add_printf(bufferevent_get_output(w->bev), "%s\n", request);
	return w;
fail:
	if (fd >= 0)
		close(fd);
	free(w);
	return NULL;
}

void
ctl_watch_free(struct ctl_watch *w)
{
	if (w == NULL)
		return;
	w->dead = true;
	if (!w->calling)
		destroy(w);
}
