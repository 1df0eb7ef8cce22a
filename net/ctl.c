/* SPDX-License-Identifier: ISC */
/*
 * Control sockets, both ends.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

#include "core/list.h"
#include "net/ctl.h"

#define CTL_CONNS  32 /* at once */
#define CTL_ASK_S  5  /* for the request */
#define CTL_GROUPS 64 /* of a client */

struct ctl {
	struct event_base *base;
	int fd;
	struct event *accept;
	struct list conns; /* ctl_conn.link */
	unsigned count;
	uint32_t gid; /* may come, too; or CTL_NOBODY */
	char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	const struct ctl_ops *ops;
	void *arg;
};

struct ctl_conn {
	struct list link; /* in ctl.conns */
	struct ctl *of;
	struct bufferevent *bev;
	bool asked, ending;
};

static void
conn_free(struct ctl_conn *c)
{
	list_del(&c->link);
	c->of->count--;
	bufferevent_free(c->bev);
	free(c);
}

static void
on_read(struct bufferevent *bev, void *arg)
{
	struct ctl_conn *c = arg;
	struct evbuffer *in = bufferevent_get_input(bev);
	size_t n;
	char *line;

	if (c->asked) {
		evbuffer_drain(in, evbuffer_get_length(in));
		return;
	}
	line = evbuffer_readln(in, &n, EVBUFFER_EOL_LF);
	if (line != NULL && n <= CTL_REQUEST_MAX) {
		c->asked = true;
		bufferevent_set_timeouts(bev, NULL, NULL);
		c->of->ops->request(c->of->arg, c, line, n);
	} else if (line != NULL || evbuffer_get_length(in) > CTL_REQUEST_MAX) {
		conn_free(c);
	}
	free(line);
}

static void
on_write(struct bufferevent *bev, void *arg)
{
	struct ctl_conn *c = arg;

	(void)bev;
	if (c->ending)
		conn_free(c);
}

static void
on_event(struct bufferevent *bev, short what, void *arg)
{
	struct ctl_conn *c = arg;

	(void)bev;
	(void)what;
	if (c->asked && !c->ending)
		c->of->ops->gone(c->of->arg, c);
	conn_free(c);
}

/* As it was when it connected. */
static bool
in_group(int fd, gid_t gid)
{
	gid_t of[CTL_GROUPS];
	socklen_t n = sizeof(of);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, of, &n) != 0)
		return false;
	for (unsigned i = 0; i < n / sizeof(of[0]); i++)
		if (of[i] == gid)
			return true;
	return false;
}

/* Same user, root, or of the group. */
static bool
welcome(const struct ctl *s, int fd)
{
	struct ucred cred;
	socklen_t n = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &n) != 0)
		return false;
	return cred.uid == 0 || cred.uid == geteuid() ||
	       (s->gid != CTL_NOBODY && (cred.gid == s->gid || in_group(fd, s->gid)));
}

static void
on_accept(evutil_socket_t fd, short what, void *arg)
{
	struct ctl *s = arg;
	int peer = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	const struct timeval ask = {.tv_sec = CTL_ASK_S};
	struct ctl_conn *c = NULL;

	(void)what;
	if (peer < 0)
		return;
	if (!welcome(s, peer) || s->count == CTL_CONNS ||
	    (c = calloc(1, sizeof(*c))) == NULL ||
	    (c->bev = bufferevent_socket_new(s->base, peer, BEV_OPT_CLOSE_ON_FREE)) ==
		NULL) {
		free(c);
		close(peer);
		return;
	}
	c->of = s;
	list_add(&s->conns, &c->link);
	s->count++;
	bufferevent_setcb(c->bev, on_read, on_write, on_event, c);
	bufferevent_set_timeouts(c->bev, &ask, NULL);
	bufferevent_enable(c->bev, EV_READ | EV_WRITE);
}

int
ctl_group(struct ctl *s, uint32_t gid)
{
	bool nobody = gid == CTL_NOBODY;

	s->gid = CTL_NOBODY;
	if (chown(s->path, (uid_t)-1, nobody ? getegid() : gid) != 0 ||
	    chmod(s->path, nobody ? 0600 : 0660) != 0)
		return ERR_REFUSED;
	s->gid = gid;
	return ERR_OK;
}

static int
bind_path(struct ctl *s)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	mode_t mask;
	int bad;

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", s->path);
	if ((s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) < 0)
		return -1;
	unlink(s->path);
	mask = umask(0177);
	bad = bind(s->fd, (struct sockaddr *)&a, sizeof(a));
	umask(mask);
	return bad != 0 || listen(s->fd, 16) != 0 ? -1 : 0;
}

int
ctl_listen(struct ctl **out, struct event_base *base, const char *path,
	   const struct ctl_ops *ops, void *arg, char *why, size_t cap)
{
	struct ctl *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return ERR_NOMEM;
	s->base = base;
	s->fd = -1;
	s->gid = CTL_NOBODY;
	s->ops = ops;
	s->arg = arg;
	list_init(&s->conns);
	if (strlen(path) >= sizeof(s->path)) {
		snprintf(why, cap,
			 "the path %s is too long for a socket: choose a shorter -s DIR",
			 path);
		free(s);
		return ERR_TOOBIG;
	}
	strcpy(s->path, path);
	if (bind_path(s) != 0 || (s->accept = event_new(base, s->fd, EV_READ | EV_PERSIST,
							on_accept, s)) == NULL) {
		snprintf(why, cap, "cannot make the control socket %s: %s", path,
			 strerror(errno));
		if (s->fd >= 0)
			close(s->fd);
		free(s);
		return ERR_IO;
	}
	event_add(s->accept, NULL);
	*out = s;
	return ERR_OK;
}

void
ctl_free(struct ctl *s)
{
	if (s == NULL)
		return;
	while (!list_empty(&s->conns)) {
		struct ctl_conn *c = CONTAINER_OF(s->conns.next, struct ctl_conn, link);

		struct evbuffer *out = bufferevent_get_output(c->bev);

		/* what was answered gets out: the socket takes it now or never will */
		evbuffer_unfreeze(out, 1);
		evbuffer_write(out, bufferevent_getfd(c->bev));
		conn_free(c);
	}
	event_free(s->accept);
	close(s->fd);
	unlink(s->path);
	free(s);
}

void
ctl_line(struct ctl_conn *c, const char *line)
{
	struct evbuffer *out = bufferevent_get_output(c->bev);

	evbuffer_add(out, line, strlen(line));
	evbuffer_add(out, "\n", 1);
}

size_t
ctl_waiting(const struct ctl_conn *c)
{
	return evbuffer_get_length(bufferevent_get_output(c->bev));
}

void
ctl_end(struct ctl_conn *c)
{
	c->ending = true;
	bufferevent_trigger(c->bev, EV_WRITE, BEV_TRIG_DEFER_CALLBACKS);
}

/* --- the other end --- */

static int
dial(const char *path, unsigned timeout_ms)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	struct timeval tv = {timeout_ms / 1000, (suseconds_t)(timeout_ms % 1000) * 1000};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (strlen(path) < sizeof(a.sun_path)) {
		strcpy(a.sun_path, path);
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
		if (connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
			return fd;
	}
	close(fd);
	return -1;
}

/* No SIGPIPE when the server does not want us. */
static int
send_line(int fd, const char *line)
{
	struct iovec v[] = {{(void *)(uintptr_t)line, strlen(line)},
			    {(void *)(uintptr_t) "\n", 1}};
	struct msghdr m = {.msg_iov = v, .msg_iovlen = 2};

	return sendmsg(fd, &m, MSG_NOSIGNAL) == (ssize_t)(v[0].iov_len + 1) ? ERR_OK
									    : ERR_CLOSED;
}

int
ctl_call(const char *path, const char *request, unsigned timeout_ms,
	 int (*fn)(void *arg, const char *line, size_t n), void *arg)
{
	int err, fd = dial(path, timeout_ms);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;

	if (f == NULL) {
		if (fd >= 0)
			close(fd);
		return ERR_NODEV;
	}
	err = send_line(fd, request);
	while (err == ERR_OK && (n = getline(&line, &cap, f)) > 0)
		err = fn(arg, line, line[n - 1] == '\n' ? (size_t)n - 1 : (size_t)n);
	if (err == ERR_OK && ferror(f))
		err = errno == EAGAIN ? ERR_TIMEOUT : ERR_CLOSED;
	free(line);
	fclose(f);
	return err;
}
