/* SPDX-License-Identifier: ISC */
/*
 * The ends of messages that may be lost. A message's pieces leave before the rest
 * of it, which goes in the stream like any other message; so when the rest has come
 * the pieces have, too, or are lost, unless packets were turned round: then they
 * are waited for a little. The streams that have such messages are repeated a bit,
 * for a packet that is lost must not keep back those after it.
 */
#include "core/arq.h"
#include "core/cur.h"
#include "core/frame.h"
#include "core/mem.h"
#include "core/session_impl.h"

#define REPEAT_MAX 1024u /* bytes: about two messages are said again with a third */

void
session_tails(struct session *s)
{
	s->tails = true;
}

bool
session_has_tails(const struct session *s)
{
	return s->tails;
}

void
session_stats(const struct session *s, struct session_stats *st)
{
	*st = s->stats;
}

/* --- pieces that go out --- */

static void
expire(struct session *s, struct tail_piece *k)
{
	struct stream *st = k->of;

	s->stats.expired++;
	tail_out_took(&s->pieces, k, k->len);
	session_refresh(s, st);
}

void
session_piece(struct session *s, uint32_t sid, uint32_t off, const void *p, size_t n)
{
	struct stream *st = session_find(s, sid);
	struct tail_piece k = {.of = st, .off = off, .len = (uint32_t)n}, *old;

	ASSERT(n > 0 && n <= SESSION_PIECE);
	if (st == NULL || s->failed != ERR_OK)
		return;
	k.index = st->sent - 1;
	k.before = st->last;
	k.patience = st->patience;
	if (tail_out_add(&s->pieces, &k, p, &st->pieces))
		session_refresh(s, st);
	else
		s->stats.expired++;
	while ((old = tail_out_surplus(&s->pieces)) != NULL)
		expire(s, old);
}

bool
session_tail_expire(struct session *s, struct stream *st)
{
	struct tail_piece *k = tail_out_first(&st->pieces);

	if (k == NULL || k->until > s->now)
		return false;
	expire(s, k);
	return true;
}

struct tail_piece *
session_tail_first(const struct stream *st)
{
	struct tail_piece *k = tail_out_first(&st->pieces);

	if (k == NULL || sendbuf_has_lost(&st->out))
		return NULL;
	return sendbuf_new(&st->out) == 0 || k->before <= st->out.next ? k : NULL;
}

size_t
session_tail_put(struct session *s, struct stream *st, struct wr *w, struct arq_ref *ref,
		 bool alone)
{
	struct tail_piece *k = session_tail_first(st);
	size_t room = wr_left(w), n = k->len;

	if (room <= FRAME_DATAGRAM_HEAD)
		return 0;
	room -= FRAME_DATAGRAM_HEAD;
	if (n > room && !alone)
		return 0;
	n = n < room ? n : room;
	*ref = (struct arq_ref){.sid = st->node.sid,
				.off = k->off,
				.len = (uint16_t)n,
				.kind = FRAME_DATAGRAM};
	wr_u8(w, FRAME_DATAGRAM);
	wr_le32(w, st->node.sid);
	wr_le64(w, k->index);
	wr_le32(w, k->off);
	wr_le16(w, (uint16_t)n);
	wr_bytes(w, k->p, n);
	s->stats.sent++;
	tail_out_took(&s->pieces, k, (uint32_t)n);
	return FRAME_DATAGRAM_HEAD + n;
}

static uint64_t
least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

size_t
session_tail_room(const struct session *s, struct stream *st, size_t room, bool alone)
{
	struct tail_piece *k = tail_out_first(&st->pieces);
	uint64_t next = st->out.next, fresh = sendbuf_new(&st->out), again;

	if (sendbuf_has_lost(&st->out))
		return room;
	if (k != NULL)
		fresh = least(fresh, k->before - next);
	if (!s->tails || st->turn.prio != STREAM_PRIO_ISO)
		return (size_t)least(fresh, room);
	again = least(least(2 * fresh, REPEAT_MAX), next - st->out.bytes.start);
	if (fresh + again > room && !alone)
		return 0;
	again = fresh < room ? least(again, room - fresh) : 0;
	sendbuf_repeat(&st->out, again);
	return (size_t)least(fresh + again, room);
}

void
session_tail_leave(struct session *s, struct stream *st)
{
	struct tail_piece *k;

	while ((k = tail_out_first(&st->pieces)) != NULL)
		tail_out_took(&s->pieces, k, k->len);
	list_del(&st->late);
}

void
session_tail_moved(struct session *s)
{
	while (!list_empty(&s->pieces.all))
		expire(s, CONTAINER_OF(s->pieces.all.next, struct tail_piece, all));
}

/* --- pieces that come in --- */

/* One came after its message: the next ones are waited for so much longer. */
static void
wait_longer(struct session *s)
{
	s->late_us =
	    s->late_us * 4 < SESSION_LATE_MOST ? s->late_us * 4 : SESSION_LATE_MOST;
}

/* One did not come at all: waiting is not worth so much. */
static void
wait_less(struct session *s)
{
	s->late_us -= (s->late_us - SESSION_LATE_US) / 256;
}

void
session_tail_get(struct session *s, struct stream *st, uint64_t index, uint32_t off,
		 const uint8_t *p, uint32_t n)
{
	if (index < st->delivered)
		wait_longer(s);
	if (index < st->delivered || !tail_in_add(&st->tail, index, off, p, n)) {
		s->stats.late++;
		return;
	}
	s->stats.received++;
	if (index == st->delivered)
		session_look(s, st);
}

static void
start_waiting(struct session *s, struct stream *st)
{
	st->late_at = s->now + s->late_us;
	list_add(&s->late, &st->late);
	s->ops->wake(s->arg); /* there is a deadline now */
}

bool
session_tail_ready(struct session *s, struct stream *st, const struct session_msg *m)
{
	if (m->tail > SESSION_TAIL_MAX || tail_in_end(&st->tail, m->index) > m->tail) {
		(void)session_fail(s, ERR_PROTO);
		return false;
	}
	if (tail_in_have(&st->tail, m->index, m->tail) == m->tail)
		return true;
	if (st->late_at == 0 && st->need > st->waited)
		start_waiting(s, st);
	if (st->need > st->waited && s->now >= st->late_at)
		st->waited =
		    st->in.contiguous; /* those behind it do not wait once more */
	st->broken = st->need <= st->waited;
	return st->broken;
}

void
session_tail_done(struct session *s, struct stream *st)
{
	tail_in_drop(&st->tail, st->delivered);
	s->stats.broken += st->broken;
	if (st->broken)
		wait_less(s);
	st->broken = false;
	st->late_at = 0;
	list_del(&st->late);
}

/* Who began to wait first, or NULL. */
static struct stream *
first_late(const struct session *s)
{
	if (list_empty(&s->late))
		return NULL;
	return CONTAINER_OF(s->late.next, struct stream, late);
}

void
session_tail_late(struct session *s)
{
	struct stream *st;

	while ((st = first_late(s)) != NULL && st->late_at <= s->now) {
		list_del(&st->late);
		session_look(s, st);
	}
}

/* --- time --- */

void
session_tail_clock(void *arg, uint64_t now)
{
	struct session *s = arg;

	s->now = now;
	tail_out_clock(&s->pieces, now);
}

uint64_t
session_tail_deadline(const void *arg)
{
	const struct session *s = arg;
	const struct stream *st = first_late(s);

	return st != NULL && s->failed == ERR_OK ? st->late_at : UINT64_MAX;
}

/* --- for who reads a message --- */

/* The stream whose message it is; n bytes from off are in it. */
static const struct stream *
reading(const struct session_msg *m, uint32_t off, uint32_t n)
{
	const struct stream *st = m->from->current;

	ASSERT(st != NULL && st->node.sid == m->sid && off <= m->len &&
	       n <= m->len - off);
	return st;
}

void
session_msg_read(const struct session_msg *m, uint32_t off, void *dst, uint32_t n)
{
	const struct stream *st = reading(m, off, n);
	uint32_t body = m->len - m->tail, head = 0;

	if (m->body != NULL) {
		memcpy(dst, m->body + off, n);
		return;
	}
	if (off < body) {
		head = n < body - off ? n : body - off;
		recvbuf_get(&st->in, m->at + off, dst, head);
	}
	if (head < n)
		(void)tail_in_read(&st->tail, m->index, off + head - body,
				   (uint8_t *)dst + head, n - head);
}

bool
session_msg_has(const struct session_msg *m, uint32_t off, uint32_t n)
{
	const struct stream *st = reading(m, off, n);
	uint32_t body = m->len - m->tail;

	if (off < body) {
		n = n > body - off ? n - (body - off) : 0;
		off = body;
	}
	return n == 0 || tail_in_read(&st->tail, m->index, off - body, NULL, n);
}
