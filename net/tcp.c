/* SPDX-License-Identifier: ISC */
/*
 * A TCP connection once it is one: bytes both ways, and its end. It does not
 * know who made it (tcp_dial, tcp_listen).
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/event.h>

#include "core/mem.h"
#include "net/clock.h"
#include "net/tcp_addr.h"
#include "net/tcp_conn.h"

#define READ_BYTES 16384 /* a turn */
#define FINISH_US  2000000

static const struct tcp_liveness usual = {10, 5, 25};

static const struct {
	int number, err;
} errors[] = {
    {ECONNRESET, ERR_CLOSED},       {EPIPE, ERR_CLOSED},
    {ETIMEDOUT, ERR_TIMEOUT},       {EHOSTUNREACH, ERR_UNREACHABLE},
    {ENETUNREACH, ERR_UNREACHABLE},
};

static int
error_of(int number)
{
	for (size_t i = 0; i < ARRAY_LEN(errors); i++)
		if (errors[i].number == number)
			return errors[i].err;
	return ERR_IO;
}

void
tcp_drop_fd(struct tcp *t)
{
	if (t->rd != NULL)
		event_free(t->rd);
	if (t->wr != NULL)
		event_free(t->wr);
	t->rd = t->wr = NULL;
	if (t->fd >= 0)
		close(t->fd);
	t->fd = -1;
}

void
tcp_unmake(struct tcp *t)
{
	void (*made)(struct tcp *) = t->made;

	t->made = NULL;
	if (made != NULL)
		made(t);
}

/* Nothing comes or goes any more. */
static void
stop(struct tcp *t)
{
	t->state = TCP_CLOSED;
	event_del(t->timer);
	tcp_unmake(t);
	tcp_drop_fd(t);
}

static void
destroy(struct tcp *t)
{
	if (t->timer != NULL) {
		stop(t);
		event_free(t->timer);
	}
	if (t->out != NULL)
		evbuffer_free(t->out);
	free(t);
}

void
tcp_enter(struct tcp *t)
{
	ASSERT(!t->inside);
	t->inside = true;
}

void
tcp_leave(struct tcp *t)
{
	t->inside = false;
	if (t->dead)
		destroy(t);
}

void
tcp_close(struct tcp *t, int err)
{
	if (t->state == TCP_CLOSED)
		return;
	stop(t);
	t->ops->closed(t->arg, err);
}

static void
close_for_err(struct tcp *t)
{
	tcp_close(t, t->err);
}

/* Closes it from the loop: for those who may be inside an op's caller. */
static void
fail(struct tcp *t, int err)
{
	if (t->err != ERR_OK || t->state == TCP_CLOSED)
		return;
	t->err = err;
	tcp_after(t, 0, close_for_err);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct tcp *t = arg;

	(void)fd;
	(void)what;
	tcp_enter(t);
	t->then(t);
	tcp_leave(t);
}

void
tcp_after(struct tcp *t, uint64_t us, void (*then)(struct tcp *))
{
	struct timeval tv = clock_tv(us);

	t->then = then;
	event_add(t->timer, &tv);
}

/* Everything is written: says so to the other end, and waits for its end. */
static void
written(struct tcp *t)
{
	if (t->state != TCP_FINISHING)
		return;
	if (t->eof || shutdown(t->fd, SHUT_WR) != 0)
		fail(t, ERR_CLOSED);
}

static ssize_t
send_some(struct tcp *t)
{
	struct evbuffer_iovec v[8];
	int n = evbuffer_peek(t->out, -1, NULL, v, ARRAY_LEN(v));
	struct msghdr h = {.msg_iov = v};

	h.msg_iovlen = n < (int)ARRAY_LEN(v) ? (size_t)n : ARRAY_LEN(v);
	return sendmsg(t->fd, &h, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void
on_write(evutil_socket_t fd, short what, void *arg)
{
	struct tcp *t = arg;
	ssize_t n = send_some(t);

	(void)fd;
	(void)what;
	/* What the other end said before it left is still to be read; that ends us. */
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		n = (ssize_t)evbuffer_get_length(t->out);
	if (n > 0)
		evbuffer_drain(t->out, (size_t)n);
	if (evbuffer_get_length(t->out) > 0)
		event_add(t->wr, NULL);
	else
		written(t);
}

static void
input(struct tcp *t, const uint8_t *p, size_t n)
{
	int r;

	if (t->state != TCP_OPEN || t->err != ERR_OK)
		return;
	if ((r = t->ops->data(t->arg, p, n)) != ERR_OK && !t->dead)
		tcp_close(t, r);
}

static void
ended(struct tcp *t)
{
	if (t->state == TCP_FINISHING && evbuffer_get_length(t->out) > 0) {
		t->eof = true;
		event_del(t->rd);
		return;
	}
	tcp_close(t, ERR_CLOSED);
}

static void
on_read(evutil_socket_t fd, short what, void *arg)
{
	struct tcp *t = arg;
	uint8_t buf[READ_BYTES];
	ssize_t n = recv(fd, buf, sizeof(buf), 0);

	(void)what;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	tcp_enter(t);
	if (n > 0)
		input(t, buf, (size_t)n);
	else if (n == 0)
		ended(t);
	else
		tcp_close(t, error_of(errno));
	tcp_leave(t);
}

struct tcp *
tcp_new(struct event_base *base, const struct tcp_ops *ops, void *arg)
{
	struct tcp *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->base = base;
	t->ops = ops;
	t->arg = arg;
	t->fd = -1;
	t->out = evbuffer_new();
	t->timer = event_new(base, -1, 0, on_timer, t);
	if (t->out == NULL || t->timer == NULL) {
		destroy(t);
		return NULL;
	}
	return t;
}

static void
names(struct tcp *t)
{
	struct sockaddr_storage ss;
	socklen_t n = sizeof(ss);

	if (getpeername(t->fd, (struct sockaddr *)&ss, &n) == 0) {
		tcp_addr_text(&ss, true, t->peer);
		t->direct = ss.ss_family != AF_UNIX;
	}
	n = sizeof(ss);
	if (getsockname(t->fd, (struct sockaddr *)&ss, &n) == 0)
		tcp_addr_text(&ss, false, t->local);
}

static void
set_options(int fd, const struct tcp_liveness *l)
{
	const struct {
		int level, name, value;
	} o[] = {
	    {IPPROTO_TCP, TCP_NODELAY, 1},
	    {SOL_SOCKET, SO_KEEPALIVE, 1},
	    {IPPROTO_TCP, TCP_KEEPIDLE, l->idle_s},
	    {IPPROTO_TCP, TCP_KEEPINTVL, l->interval_s},
	    {IPPROTO_TCP, TCP_KEEPCNT, 3},
	    {IPPROTO_TCP, TCP_USER_TIMEOUT, l->limit_s * 1000}, /* ms; data likewise */
	};

	for (size_t i = 0; i < ARRAY_LEN(o); i++)
		setsockopt(fd, o[i].level, o[i].name, &o[i].value, sizeof(o[i].value));
}

bool
tcp_opened(struct tcp *t, int fd)
{
	t->fd = fd;
	set_options(fd, &usual);
	names(t);
	t->rd = event_new(t->base, fd, EV_READ | EV_PERSIST, on_read, t);
	t->wr = event_new(t->base, fd, EV_WRITE, on_write, t);
	if (t->rd == NULL || t->wr == NULL)
		return false;
	t->state = TCP_OPEN;
	if (evbuffer_get_length(t->out) > 0)
		event_add(t->wr, NULL);
	return t->ops == NULL || event_add(t->rd, NULL) == 0;
}

void
tcp_take(struct tcp *t, const struct tcp_ops *ops, void *arg)
{
	t->ops = ops;
	t->arg = arg;
	if (t->state == TCP_OPEN)
		event_add(t->rd, NULL);
}

void
tcp_free(struct tcp *t)
{
	if (t == NULL)
		return;
	t->dead = true;
	if (t->inside)
		stop(t);
	else
		destroy(t);
}

void
tcp_write(struct tcp *t, const void *p, size_t n)
{
	if (t->state > TCP_OPEN || t->err != ERR_OK || n == 0)
		return;
	if (n > TCP_OUT_MAX - evbuffer_get_length(t->out))
		fail(t, ERR_FULL);
	else if (evbuffer_add(t->out, p, n) != 0)
		fail(t, ERR_NOMEM);
	else if (t->state == TCP_OPEN)
		event_add(t->wr, NULL);
}

size_t
tcp_queued(const struct tcp *t)
{
	return evbuffer_get_length(t->out);
}

void
tcp_flush(struct tcp *t)
{
	ssize_t n = t->state == TCP_OPEN && tcp_queued(t) > 0 ? send_some(t) : 0;

	if (n > 0)
		evbuffer_drain(t->out, (size_t)n);
}

static void
finished(struct tcp *t)
{
	tcp_close(t, ERR_CLOSED);
}

void
tcp_finish(struct tcp *t)
{
	if (t->state > TCP_OPEN || t->err != ERR_OK)
		return;
	if (t->state == TCP_MAKING) {
		fail(t, ERR_CLOSED);
		return;
	}
	t->state = TCP_FINISHING;
	tcp_after(t, t->patience_us != 0 ? t->patience_us : FINISH_US, finished);
	if (evbuffer_get_length(t->out) == 0)
		written(t);
}

void
tcp_admitted(struct tcp *t)
{
	if (t->state == TCP_MAKING)
		return;
	tcp_unmake(t);
	if (t->state == TCP_OPEN && t->err == ERR_OK)
		event_del(t->timer);
}

void
tcp_set_patience(struct tcp *t, uint64_t us)
{
	t->patience_us = us;
}

void
tcp_set_liveness(struct tcp *t, const struct tcp_liveness *l)
{
	if (t->state == TCP_OPEN)
		set_options(t->fd, l);
}

int
tcp_release(struct tcp *t)
{
	size_t left = evbuffer_get_length(t->out);
	int fd = t->fd;

	if (t->state != TCP_OPEN || t->err != ERR_OK ||
	    (left > 0 && send_some(t) != (ssize_t)left))
		return -1;
	evbuffer_drain(t->out, left);
	t->fd = -1; /* stays open; its events go */
	stop(t);
	return fd;
}

const char *
tcp_peer(const struct tcp *t)
{
	return t->peer;
}

bool
tcp_is_direct(const struct tcp *t)
{
	return t->direct;
}

const char *
tcp_local_ip(const struct tcp *t)
{
	return t->local;
}
