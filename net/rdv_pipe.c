/* SPDX-License-Identifier: ISC */
/*
 * A conversation: bytes of a socket as parcels, and back. It does not know what the
 * bytes mean; they are TLS between the two that meet.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/b32.h"
#include "core/log.h"
#include "net/rdv_conn.h"
#include "net/rdv_pipe.h"
#include "net/tcp_conn.h"

struct rdv_pipe {
	struct rdv_conn *conn; /* NULL: it is gone */
	struct rdv_address with;
	struct tcp *near; /* our end of the pair */
	uint32_t out, in; /* numbers of the next parcels */
	bool told, heard; /* the last one */
	rdv_pipe_closed *closed;
	void *arg;
};

static void
tell(struct rdv_pipe *p, uint8_t flags, const uint8_t *data, size_t n)
{
	struct rdv_parcel q = {
	    .with = p->with, .number = p->out, .flags = flags, .data = data, .n = n};

	if (p->conn == NULL || p->told)
		return;
	p->out++;
	p->told = flags & RDV_LAST;
	rdv_conn_send(p->conn, &q);
}

static int
on_data(void *arg, const uint8_t *p, size_t n)
{
	for (size_t some; n > 0; p += some, n -= some) {
		some = n < RDV_DATA ? n : RDV_DATA;
		tell(arg, 0, p, some);
	}
	return ERR_OK;
}

static void
on_closed(void *arg, int err)
{
	struct rdv_pipe *p = arg;

	(void)err;
	if (!p->heard)
		tell(p, RDV_LAST, NULL, 0);
	p->told = true;
	p->closed(p->arg);
}

static const struct tcp_ops tcp_ops = {.data = on_data, .closed = on_closed};

struct rdv_pipe *
rdv_pipe_new(struct event_base *base, struct tcp *far, const struct rdv_address *with,
	     uint32_t out, rdv_pipe_closed *closed, void *arg)
{
	struct rdv_pipe *p = calloc(1, sizeof(*p));
	int fd[2];

	if (p == NULL)
		return NULL;
	*p = (struct rdv_pipe){.with = *with, .out = out, .closed = closed, .arg = arg};
	p->near = tcp_new(base, &tcp_ops, p);
	if (p->near == NULL ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd) != 0) {
		rdv_pipe_free(p);
		return NULL;
	}
	if (!tcp_opened(p->near, fd[0])) {
		close(fd[1]);
		rdv_pipe_free(p);
		return NULL;
	}
	if (tcp_opened(far, fd[1]))
		return p;
	rdv_pipe_free(p);
	return NULL;
}

void
rdv_pipe_free(struct rdv_pipe *p)
{
	if (p == NULL)
		return;
	if (!p->heard)
		tell(p, RDV_LAST, NULL, 0);
	tcp_free(p->near);
	free(p);
}

void
rdv_pipe_through(struct rdv_pipe *p, struct rdv_conn *c)
{
	p->conn = c;
}

void
rdv_pipe_greet(struct rdv_pipe *p)
{
	tell(p, 0, NULL, 0);
}

void
rdv_pipe_parcel(struct rdv_pipe *p, const struct rdv_parcel *q)
{
	if (p->heard)
		return;
	if (q->number != p->in) {
		log_warn("rendezvous brings parcel %u instead of %u", q->number, p->in);
		tell(p, RDV_LAST, NULL, 0);
		p->heard = true;
		tcp_finish(p->near);
		return;
	}
	p->in++;
	tcp_write(p->near, q->data, q->n);
	if ((q->flags & RDV_LAST) == 0)
		return;
	p->heard = true;
	tcp_finish(p->near);
}

const struct rdv_address *
rdv_pipe_with(const struct rdv_pipe *p)
{
	return &p->with;
}
