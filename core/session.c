/* SPDX-License-Identifier: ISC */
/*
 * The owner's side of a session: streams that come and go, messages in and out.
 * Nothing here knows frames, packets, time or the network; the frames are in
 * core/session_link.
 */
#include "core/session.h"
#include "core/cur.h"
#include "core/mem.h"
#include "core/session_impl.h"

#define WINDOW_LEAST 65536u /* what every peer assumes before hello */

struct stream *
session_find(const struct session *s, uint32_t sid)
{
	struct sidmap_node *n = sidmap_find(&s->streams, sid);

	return n != NULL ? CONTAINER_OF(n, struct stream, node) : NULL;
}

int
session_fail(struct session *s, int code)
{
	if (s->failed == ERR_OK)
		s->failed = code;
	s->ops->wake(s->arg);
	return s->failed;
}

void
session_refresh(struct session *s, struct stream *st)
{
	bool urgent = st->tell || sendbuf_has_lost(&st->out);

	if (sched_want(&s->sched, &st->turn, urgent, sendbuf_new(&st->out) > 0))
		s->ops->wake(s->arg);
}

/* streams that come and go */

struct stream *
session_stream_new(struct session *s, uint32_t sid, enum stream_prio prio)
{
	struct stream *st = pool_zget(s->pool, sizeof(*st));

	if (st == NULL)
		return NULL;
	st->node.sid = sid;
	st->need = SESSION_MSG_HEAD;
	list_init(&st->todo);
	sched_join(&st->turn, prio);
	sendbuf_init(&st->out, s->pool, s->peer_window);
	recvbuf_init(&st->in, s->pool, s->window);
	sidmap_add(&s->streams, &st->node);
	return st;
}

static void
stream_free(struct session *s, struct stream *st)
{
	sendbuf_fini(&st->out);
	recvbuf_fini(&st->in);
	pool_put(s->pool, st, sizeof(*st));
}

static void
stream_leave(struct session *s, struct stream *st)
{
	sidmap_del(&s->streams, &st->node);
	sched_leave(&st->turn);
	list_del(&st->todo);
	st->closed = true;
}

/* messages that have arrived */

void
session_look(struct session *s, struct stream *st)
{
	if (!st->waits && st->in.contiguous >= st->need && list_empty(&st->todo))
		list_add(&s->todo, &st->todo);
}

/* Fills m with the next message; false: it is not all there, or no message. */
static bool
next_message(struct session *s, struct stream *st, struct session_msg *m)
{
	uint8_t head[SESSION_MSG_HEAD];
	uint64_t at = recvbuf_at(&st->in);
	struct rd r;

	if (st->in.contiguous < st->need)
		return false;
	recvbuf_get(&st->in, at, head, sizeof(head));
	rd_init(&r, head, sizeof(head));
	m->sid = st->node.sid;
	m->len = rd_le32(&r);
	m->type = rd_u8(&r);
	m->index = st->delivered;
	m->from = s;
	m->at = at + SESSION_MSG_HEAD;
	if (m->len > SESSION_MSG_MAX || m->len > s->window - SESSION_MSG_HEAD) {
		(void)session_fail(s, ERR_PROTO);
		return false;
	}
	st->need = m->at + m->len;
	return st->in.contiguous >= st->need;
}

static void
consumed(struct stream *st)
{
	recvbuf_consume(&st->in, (size_t)(st->need - recvbuf_at(&st->in)));
	st->need += SESSION_MSG_HEAD;
	st->delivered++;
}

/* Hands out messages until there is none or the reader does not want one. */
static void
deliver(struct session *s, struct stream *st)
{
	struct session_msg m;
	int r = ERR_OK;

	while (r == ERR_OK && s->failed == ERR_OK && next_message(s, st, &m)) {
		st->waits = true; /* now, since the reader may call session_retry */
		s->current = st;
		r = s->ops->message(s->arg, &m);
		s->current = NULL;
		if (st->closed)
			break;
		if (r == ERR_OK) {
			st->waits = false;
			consumed(st);
		}
	}
	if (r != ERR_OK && r != ERR_FULL)
		(void)session_fail(s, r);
	if (st->closed) {
		stream_free(s, st);
		return;
	}
	st->tell = st->tell || recvbuf_due(&st->in, st->need);
	session_refresh(s, st);
}

int
session_turn(struct session *s)
{
	if (s->delivering) /* a reader calls: the loop it is called from goes on */
		return s->failed;
	s->delivering = true;
	while (s->failed == ERR_OK && !list_empty(&s->todo)) {
		struct stream *st = CONTAINER_OF(s->todo.next, struct stream, todo);

		list_del(&st->todo);
		deliver(s, st);
	}
	s->delivering = false;
	return s->failed;
}

/* the owner's calls */

struct session *
session_new(struct pool *pool, uint32_t window, const struct session_ops *ops, void *arg)
{
	struct session *s = pool_zget(pool, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->pool = pool;
	s->ops = ops;
	s->arg = arg;
	s->window = window > WINDOW_LEAST ? window : WINDOW_LEAST;
	s->peer_window = WINDOW_LEAST;
	sidmap_init(&s->streams, pool);
	sched_init(&s->sched);
	list_init(&s->todo);
	return s;
}

void
session_free(struct session *s)
{
	struct sidmap_node *n;

	if (s == NULL)
		return;
	ASSERT(!s->delivering);
	while ((n = sidmap_next(&s->streams, NULL)) != NULL)
		session_close(s, n->sid);
	sidmap_fini(&s->streams);
	pool_put(s->pool, s, sizeof(*s));
}

void
session_peer_window(struct session *s, uint32_t window)
{
	struct sidmap_node *n = NULL;

	if (window <= s->peer_window)
		return;
	s->peer_window = window;
	while ((n = sidmap_next(&s->streams, n)) != NULL) {
		struct stream *st = CONTAINER_OF(n, struct stream, node);

		sendbuf_limit(&st->out, window);
		session_refresh(s, st);
	}
}

int
session_open(struct session *s, uint32_t sid, enum stream_prio prio)
{
	if (session_find(s, sid) != NULL)
		return ERR_OK;
	return session_stream_new(s, sid, prio) != NULL ? ERR_OK : ERR_NOMEM;
}

void
session_close(struct session *s, uint32_t sid)
{
	struct stream *st = session_find(s, sid);

	if (st == NULL)
		return;
	stream_leave(s, st);
	if (st != s->current)
		stream_free(s, st);
}

int
session_send(struct session *s, uint32_t sid, uint8_t type,
	     const struct session_slice *slice, size_t slices, uint64_t *index)
{
	struct stream *st = session_find(s, sid);
	uint8_t head[SESSION_MSG_HEAD];
	uint64_t n = 0;
	struct wr w;

	if (st == NULL || s->failed != ERR_OK)
		return ERR_STATE;
	for (size_t i = 0; i < slices; i++)
		n += slice[i].n;
	if (n > SESSION_MSG_MAX || n > s->peer_window - SESSION_MSG_HEAD)
		return ERR_TOOBIG;
	if (sendbuf_room(&st->out, SESSION_MSG_HEAD + (size_t)n) != ERR_OK)
		return ERR_NOMEM;
	wr_init(&w, head, sizeof(head));
	wr_le32(&w, (uint32_t)n);
	wr_u8(&w, type);
	sendbuf_append(&st->out, head, sizeof(head));
	for (size_t i = 0; i < slices; i++)
		sendbuf_append(&st->out, slice[i].p, slice[i].n);
	if (index != NULL)
		*index = st->sent;
	st->sent++;
	session_refresh(s, st);
	return ERR_OK;
}

void
session_msg_read(const struct session_msg *m, uint32_t off, void *dst, uint32_t n)
{
	const struct stream *st = m->from->current;

	ASSERT(st != NULL && st->node.sid == m->sid && off <= m->len &&
	       n <= m->len - off);
	recvbuf_get(&st->in, m->at + off, dst, n);
}

void
session_retry(struct session *s, uint32_t sid)
{
	struct stream *st = session_find(s, sid);

	if (st == NULL)
		return;
	st->waits = false;
	session_look(s, st);
	(void)session_turn(s);
}

uint64_t
session_unacked(const struct session *s, uint32_t sid)
{
	const struct stream *st = session_find(s, sid);

	return st != NULL ? sendbuf_unacked(&st->out) : 0;
}

uint64_t
session_unsent(const struct session *s, uint32_t sid)
{
	const struct stream *st = session_find(s, sid);

	return st != NULL ? sendbuf_unsent(&st->out) : 0;
}

int
session_failed(const struct session *s)
{
	return s->failed;
}
