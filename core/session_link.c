/* SPDX-License-Identifier: ISC */
/*
 * The link's side of a session: fills packets with frames, takes frames out of
 * packets, and keeps account of what was acknowledged and lost. Nothing here
 * knows messages; those are in core/session.
 */
#include "core/arq.h"
#include "core/cur.h"
#include "core/frame.h"
#include "core/marks.h"
#include "core/mem.h"
#include "core/session_impl.h"

#define CHUNK_LEAST 32u /* a new frame behind others is worth these bytes */

/* frames that go out */

static size_t
put_window(struct stream *st, struct wr *w, struct arq_ref *ref)
{
	if (wr_left(w) < FRAME_WINDOW_LEN)
		return 0;
	st->tell = false;
	*ref = (struct arq_ref){.sid = st->node.sid, .kind = FRAME_WINDOW};
	ref->off = recvbuf_tell(&st->in);
	wr_u8(w, FRAME_WINDOW);
	wr_le32(w, ref->sid);
	wr_le64(w, ref->off);
	return FRAME_WINDOW_LEN;
}

/* The bytes go straight to their place; the head, which counts them, after. */
static size_t
put_stream(struct session *s, struct stream *st, struct wr *w, struct arq_ref *ref,
	   bool alone)
{
	uint8_t *body = w->p + FRAME_STREAM_HEAD;
	size_t room;

	if (wr_left(w) <= FRAME_STREAM_HEAD)
		return 0;
	room = wr_left(w) - FRAME_STREAM_HEAD;
	room = room < UINT16_MAX ? room : UINT16_MAX;
	if ((room = session_tail_room(s, st, room, alone)) == 0)
		return 0;
	*ref = (struct arq_ref){.sid = st->node.sid, .kind = FRAME_STREAM};
	ref->len = (uint16_t)sendbuf_take(&st->out, &ref->off, body, room);
	wr_u8(w, FRAME_STREAM);
	wr_le32(w, ref->sid);
	wr_le64(w, ref->off);
	wr_le16(w, ref->len);
	w->p += ref->len;
	return FRAME_STREAM_HEAD + (size_t)ref->len;
}

static size_t
fill(void *arg, uint8_t *buf, size_t cap, struct arq_ref *refs, size_t *nrefs)
{
	struct session *s = arg;
	struct sched_item *i;
	size_t room = *nrefs;
	struct wr w;

	*nrefs = 0;
	wr_init(&w, buf, cap);
	while (s->failed == ERR_OK && *nrefs < room &&
	       (i = sched_next(&s->sched)) != NULL) {
		struct stream *st = CONTAINER_OF(i, struct stream, turn);
		bool alone = *nrefs == 0;
		size_t n;

		if (session_tail_expire(s, st))
			continue;
		if (!alone && wr_left(&w) < FRAME_STREAM_HEAD + CHUNK_LEAST)
			break;
		if (st->tell)
			n = put_window(st, &w, &refs[*nrefs]);
		else if (session_tail_first(st) != NULL)
			n = session_tail_put(s, st, &w, &refs[*nrefs], alone);
		else
			n = put_stream(s, st, &w, &refs[*nrefs], alone);
		if (n == 0)
			break;
		(*nrefs)++;
		sched_sent(&s->sched, i, n);
		session_refresh(s, st);
	}
	return cap - wr_left(&w);
}

static bool
pending(const void *arg)
{
	const struct session *s = arg;

	return s->failed == ERR_OK && sched_next(&s->sched) != NULL;
}

static void
acked(void *arg, const struct arq_ref *ref)
{
	struct session *s = arg;
	struct stream *st = session_find(s, ref->sid);

	if (st == NULL || ref->kind != FRAME_STREAM)
		return;
	sendbuf_acked(&st->out, ref->off, ref->len);
	session_refresh(s, st);
}

static void
lost(void *arg, const struct arq_ref *ref)
{
	struct session *s = arg;
	struct stream *st = session_find(s, ref->sid);

	if (st == NULL)
		return;
	if (ref->kind == FRAME_DATAGRAM)
		s->stats.lost++;
	else if (ref->kind == FRAME_STREAM)
		sendbuf_lost(&st->out, ref->off, ref->len);
	else if (ref->off == st->in.told) /* else a later one says more */
		st->tell = true;
	session_refresh(s, st);
}

/* frames that come in */

static int
accept(struct session *s, uint32_t sid, struct stream **st)
{
	enum stream_prio prio = STREAM_PRIO_BULK;
	int r;

	if ((*st = session_find(s, sid)) != NULL)
		return ERR_OK;
	if ((r = s->ops->accept(s->arg, sid, &prio)) != ERR_OK)
		return r;
	*st = session_find(s, sid); /* the callback may have opened it */
	if (*st == NULL && (*st = session_stream_new(s, sid, prio)) == NULL)
		return ERR_FULL;
	return ERR_OK;
}

static int
on_stream(struct session *s, struct rd *r)
{
	uint32_t sid = rd_le32(r);
	uint64_t off = rd_le64(r);
	uint16_t len = rd_le16(r);
	const uint8_t *p = rd_lend(r, len);
	struct stream *st;
	int e;

	if (r->bad)
		return ERR_PROTO;
	if ((e = accept(s, sid, &st)) != ERR_OK)
		return e == ERR_GONE ? ERR_OK : e;
	if ((e = recvbuf_put(&st->in, off, p, len)) == ERR_OK)
		session_look(s, st);
	return e;
}

static int
on_window(struct session *s, struct rd *r)
{
	uint32_t sid = rd_le32(r);
	uint64_t off = rd_le64(r);
	struct stream *st = session_find(s, sid);

	if (r->bad)
		return ERR_PROTO;
	if (st == NULL) /* closed here; who has consumed our bytes had it open */
		return ERR_OK;
	sendbuf_limit(&st->out, off);
	session_refresh(s, st);
	return ERR_OK;
}

/* There is no point in having it once more: whom it has no room for, it is lost for. */
static int
on_datagram(struct session *s, struct rd *r)
{
	uint32_t sid = rd_le32(r);
	uint64_t index = rd_le64(r);
	uint32_t off = rd_le32(r);
	uint16_t len = rd_le16(r);
	const uint8_t *p = rd_lend(r, len);
	struct stream *st;
	int e;

	if (r->bad || !s->tails || len == 0 || off > SESSION_TAIL_MAX - len)
		return ERR_PROTO;
	if ((e = accept(s, sid, &st)) == ERR_OK)
		session_tail_get(s, st, index, off, p, len);
	return e == ERR_GONE || e == ERR_FULL ? ERR_OK : e;
}

static int
turn(void *arg)
{
	return session_turn(arg);
}

static int
frame(void *arg, const uint8_t *p, size_t n, size_t *used)
{
	struct session *s = arg;
	struct rd r;
	int e = ERR_PROTO;

	if (s->failed != ERR_OK)
		return s->failed;
	rd_init(&r, p, n);
	switch (rd_u8(&r)) {
	case FRAME_STREAM:
		e = on_stream(s, &r);
		break;
	case FRAME_WINDOW:
		e = on_window(s, &r);
		break;
	case FRAME_DATAGRAM:
		e = on_datagram(s, &r);
		break;
	}
	*used = n - rd_left(&r);
	return e == ERR_OK || e == ERR_FULL ? e : session_fail(s, e);
}

/* from one link to the next */

void
session_marks(const struct session *s, struct marks *m)
{
	struct sidmap_node *n = NULL;

	m->n = 0;
	while ((n = sidmap_next(&s->streams, n)) != NULL) {
		const struct stream *st = CONTAINER_OF(n, struct stream, node);

		if (st->in.contiguous > 0)
			marks_add(m, n->sid, st->in.contiguous);
	}
}

int
session_continue(struct session *s, const struct marks *m)
{
	struct sidmap_node *n = NULL;

	for (unsigned i = 0; i < m->n; i++) {
		struct stream *st = session_find(s, m->mark[i].sid);

		if (st == NULL)
			continue; /* closed here */
		if (m->mark[i].off > st->out.bytes.end)
			return session_fail(s, ERR_PROTO);
		sendbuf_acked(&st->out, 0, m->mark[i].off);
	}
	session_tail_moved(s);
	while ((n = sidmap_next(&s->streams, n)) != NULL) {
		struct stream *st = CONTAINER_OF(n, struct stream, node);

		sendbuf_rewind(&st->out);
		st->tell = true;
		session_refresh(s, st);
	}
	return s->failed;
}

const struct arq_ops session_arq_ops = {
    .fill = fill,
    .pending = pending,
    .acked = acked,
    .lost = lost,
    .frame = frame,
    .turn = turn,
    .clock = session_tail_clock,
    .deadline = session_tail_deadline,
};
