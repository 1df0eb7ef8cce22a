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

	bool plain = sendbuf_new(&st->out) > 0 || !list_empty(&st->pieces);

	if (sched_want(&s->sched, &st->turn, urgent, plain))
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
	list_init(&st->pieces);
	list_init(&st->late);
	tail_in_init(&st->tail, s->pool);
	sched_join(&st->turn, prio);
	sendbuf_init(&st->out, s->pool, s->peer_window);
	recvbuf_init(&st->in, s->pool, s->window);
	sidmap_add(&s->streams, &st->node);
	return st;
}

static void
stream_free(struct session *s, struct stream *st)
{
	tail_in_fini(&st->tail);
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
	session_tail_leave(s, st);
	st->closed = true;
}

/* messages that have arrived */

void
session_look(struct session *s, struct stream *st)
{
	if (!st->waits && st->in.contiguous >= st->need && list_empty(&st->todo))
		list_add(&s->todo, &st->todo);
}

/* All of it but its tail is here. */
static bool
with_tail(struct session *s, struct stream *st, struct session_msg *m)
{
	uint8_t head[SESSION_TAIL];
	struct rd r;

	recvbuf_get(&st->in, m->at, head, sizeof(head));
	rd_init(&r, head, sizeof(head));
	m->tail = rd_le32(&r);
	m->at += SESSION_TAIL;
	m->len = m->len - SESSION_TAIL + m->tail;
	if (m->tail == 0) {
		(void)session_fail(s, ERR_PROTO);
		return false;
	}
	return session_tail_ready(s, st, m);
}

/* Fills m with the next message; false: it is not all there, or no message. */
static bool
next_message(struct session *s, struct stream *st, struct session_msg *m)
{
	uint8_t head[SESSION_MSG_HEAD];
	uint64_t at = recvbuf_at(&st->in);
	bool tailed;
	struct rd r;

	if (st->in.contiguous < st->need)
		return false;
	recvbuf_get(&st->in, at, head, sizeof(head));
	rd_init(&r, head, sizeof(head));
	m->sid = st->node.sid;
	m->len = rd_le32(&r);
	tailed = s->tails && (m->len & SESSION_TAILED) != 0;
	m->len &= tailed ? ~SESSION_TAILED : UINT32_MAX;
	m->tail = 0;
	m->body = NULL;
	m->type = rd_u8(&r);
	m->index = st->delivered;
	m->from = s;
	m->at = at + SESSION_MSG_HEAD;
	if (m->len > SESSION_MSG_MAX || m->len > s->window - SESSION_MSG_HEAD ||
	    (tailed && m->len < SESSION_TAIL)) {
		(void)session_fail(s, ERR_PROTO);
		return false;
	}
	st->need = m->at + m->len;
	if (st->in.contiguous < st->need)
		return false;
	return tailed ? with_tail(s, st, m) : session_tail_ready(s, st, m);
}

static void
consumed(struct session *s, struct stream *st)
{
	recvbuf_consume(&st->in, (size_t)(st->need - recvbuf_at(&st->in)));
	st->need += SESSION_MSG_HEAD;
	st->delivered++;
	session_tail_done(s, st);
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
			consumed(s, st);
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
	session_tail_late(s);
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
	list_init(&s->late);
	s->late_us = SESSION_LATE_US;
	tail_out_init(&s->pieces, pool);
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

static int
queue(struct session *s, struct stream *st, uint8_t type,
      const struct session_slice *slice, size_t slices, uint32_t tail)
{
	uint8_t head[SESSION_MSG_HEAD + SESSION_TAIL];
	uint64_t n = tail > 0 ? SESSION_TAIL : 0;
	struct wr w;

	for (size_t i = 0; i < slices; i++)
		n += slice[i].n;
	if (n > SESSION_MSG_MAX || n > s->peer_window - SESSION_MSG_HEAD)
		return ERR_TOOBIG;
	if (sendbuf_room(&st->out, SESSION_MSG_HEAD + (size_t)n) != ERR_OK)
		return ERR_NOMEM;
	st->last = st->out.bytes.end;
	wr_init(&w, head, sizeof(head));
	wr_le32(&w, (uint32_t)n | (tail > 0 ? SESSION_TAILED : 0));
	wr_u8(&w, type);
	if (tail > 0)
		wr_le32(&w, tail);
	sendbuf_append(&st->out, head, (size_t)(w.p - head));
	for (size_t i = 0; i < slices; i++)
		sendbuf_append(&st->out, slice[i].p, slice[i].n);
	return ERR_OK;
}

int
session_send_tail(struct session *s, uint32_t sid, uint8_t type,
		  const struct session_slice *slice, size_t slices, uint32_t tail,
		  uint64_t patience, uint64_t *index)
{
	struct stream *st = session_find(s, sid);
	int err;

	ASSERT(tail <= (s->tails ? SESSION_TAIL_MAX : 0));
	if (st == NULL || s->failed != ERR_OK)
		return ERR_STATE;
	if ((err = queue(s, st, type, slice, slices, tail)) != ERR_OK)
		return err;
	st->patience = patience;
	if (index != NULL)
		*index = st->sent;
	st->sent++;
	session_refresh(s, st);
	return ERR_OK;
}

int
session_send(struct session *s, uint32_t sid, uint8_t type,
	     const struct session_slice *slice, size_t slices, uint64_t *index)
{
	return session_send_tail(s, sid, type, slice, slices, 0, 0, index);
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
