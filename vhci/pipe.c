/* SPDX-License-Identifier: ISC */
/*
 * The socket to the kernel. Bytes go to and come from the ops; what they mean
 * is not known here. Work per turn of the loop is bounded; what is left over is
 * still readable or writable in the next turn, so the loop comes back by itself.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>

#include "core/mem.h"
#include "vhci/pipe.h"

#define CHUNK (64 * 1024)
#define TURN  (256 * 1024) /* bytes a turn, each way */
#define DEAF  (1 << 20)    /* bytes taken from who takes none: no more, until it does */

struct vhci_pipe {
	const struct vhci_pipe_ops *ops;
	void *arg;
	int fd;
	struct event *rd; /* waits, unless the other side is deaf */
	struct event *wr; /* waits when the socket was full; else activated by hand */
	unsigned inside;  /* callbacks of ours that still run */
	size_t taken;     /* bytes that came since the socket was full */
	bool deaf;
	bool closed; /* no op is called any more */
	bool dead;   /* freed by an op: the outermost callback does it */
	uint8_t buf[CHUNK];
};

static void
destroy(struct vhci_pipe *p)
{
	if (p->rd != NULL)
		event_free(p->rd);
	if (p->wr != NULL)
		event_free(p->wr);
	free(p);
}

static void
leave(struct vhci_pipe *p)
{
	if (--p->inside == 0 && p->dead)
		destroy(p);
}

static void
stop(struct vhci_pipe *p)
{
	p->closed = true;
	event_del(p->rd);
	event_del(p->wr);
}

static void
fail(struct vhci_pipe *p, int err)
{
	if (p->closed)
		return;
	stop(p);
	p->ops->closed(p->arg, err);
}

/* After a failed send or recv: not now, or never again. */
static void
fail_errno(struct vhci_pipe *p)
{
	if (errno == EPIPE || errno == ECONNRESET)
		fail(p, ERR_CLOSED);
	else if (errno == ETIMEDOUT || errno == EHOSTUNREACH)
		fail(p, ERR_TIMEOUT); /* a TCP socket whose other end is silent */
	else if (errno != EAGAIN && errno != EINTR)
		fail(p, ERR_IO);
}

/* It takes something again. */
static void
hear(struct vhci_pipe *p)
{
	p->taken = 0;
	if (p->deaf && !p->closed)
		event_add(p->rd, NULL);
	p->deaf = false;
}

/* Each byte may ask for many: they are not kept for who never takes them. */
static void
watch_deaf(struct vhci_pipe *p, size_t n)
{
	if (p->closed || !event_pending(p->wr, EV_WRITE, NULL))
		return;
	p->taken += n;
	p->deaf = p->taken >= DEAF;
	if (p->deaf)
		event_del(p->rd);
}

/* Writes what there is until the kernel is full or had its share of the turn. */
static void
flush(struct vhci_pipe *p)
{
	const uint8_t *b;
	ssize_t w = 0;

	for (size_t done = 0; done < TURN && w >= 0; done += (size_t)w) {
		size_t n = p->closed ? 0 : p->ops->output(p->arg, &b);

		if (n == 0 || p->closed)
			return;
		if (n > TURN - done)
			n = TURN - done;
		w = send(p->fd, b, n, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (w < 0) {
			fail_errno(p);
		} else {
			hear(p);
			p->ops->sent(p->arg, (size_t)w);
		}
	}
	if (!p->closed)
		event_add(p->wr, NULL);
}

static void
drain(struct vhci_pipe *p)
{
	ssize_t n = CHUNK;

	/* fewer than asked for: it is empty now */
	for (size_t done = 0; done < TURN && n == CHUNK && !p->closed && !p->deaf;
	     done += CHUNK) {
		int r = ERR_CLOSED;

		n = recv(p->fd, p->buf, CHUNK, MSG_DONTWAIT);
		if (n < 0) {
			fail_errno(p);
			return;
		}
		if (n > 0)
			r = p->ops->input(p->arg, p->buf, (size_t)n);
		if (r != ERR_OK)
			fail(p, r);
		else
			watch_deaf(p, (size_t)n);
	}
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct vhci_pipe *p = arg;

	(void)fd;
	(void)what;
	p->inside++;
	drain(p);
	flush(p); /* most input has an answer */
	leave(p);
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct vhci_pipe *p = arg;

	(void)fd;
	(void)what;
	p->inside++;
	flush(p);
	leave(p);
}

struct vhci_pipe *
vhci_pipe_new(struct event_base *base, int fd, const struct vhci_pipe_ops *ops, void *arg)
{
	struct vhci_pipe *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	p->ops = ops;
	p->arg = arg;
	p->fd = fd;
	p->rd = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, p);
	p->wr = event_new(base, fd, EV_WRITE, on_writable, p);
	if (p->rd != NULL && p->wr != NULL && event_add(p->rd, NULL) == 0)
		return p;
	destroy(p);
	return NULL;
}

void
vhci_pipe_free(struct vhci_pipe *p)
{
	if (p == NULL)
		return;
	ASSERT(!p->dead);
	stop(p);
	close(p->fd);
	p->dead = true;
	if (p->inside == 0)
		destroy(p);
}

void
vhci_pipe_wake(struct vhci_pipe *p)
{
	/* a callback of ours ends with a flush; one that waits will come */
	if (p->inside == 0 && !event_pending(p->wr, EV_WRITE, NULL))
		event_active(p->wr, EV_WRITE, 0);
}
