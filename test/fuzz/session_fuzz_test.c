/* SPDX-License-Identifier: ISC */
/* clang-format off */
/* link: core */
/* clang-format on */
/*
 * A session with a hostile peer and a forgetful owner: the input chooses frames
 * (made up, or real ones with bits turned), sends, losses, closed streams and
 * memory that runs out. Nothing may crash, leak, or be delivered that is no
 * message.
 */
#include <stdbool.h>

#include "core/arq.h"
#include "core/cur.h"
#include "core/frame.h"
#include "core/session.h"
#include "test/fuzz/fuzz.h"

#define MTU     1200
#define FLYING  32 /* packets whose fate is open */
#define STREAMS 8u

static const struct arq_ops *const ops = &session_arq_ops;

struct packet {
	uint8_t p[MTU];
	size_t n, refs;
	struct arq_ref ref[ARQ_REFS];
};

struct fuzz {
	struct dice dice;
	struct pool pool;
	struct session *s, *peer; /* the peer makes frames that are nearly right */
	struct packet flying[FLYING];
	uint64_t next[STREAMS]; /* index of the next message */
	uint64_t now;
};

static uint32_t
rnd(struct fuzz *f, uint32_t below)
{
	return (below <= 256 ? dice_u8(&f->dice)
			     : dice_u16(&f->dice) << 4 | dice_u8(&f->dice)) %
	       below;
}

/* Both ends forget the stream, or its bytes would be beyond every window. */
static void
forget(struct fuzz *f, uint32_t sid)
{
	session_close(f->s, sid);
	session_close(f->peer, sid);
	f->next[sid] = 0;
}

static int
message(void *arg, const struct session_msg *m)
{
	struct fuzz *f = arg;
	uint8_t body[64];

	if (m->from != f->s)
		return ERR_OK;
	MUST(m->sid < STREAMS && m->index == f->next[m->sid]);
	MUST(m->len <= SESSION_MSG_MAX);
	MUST(m->tail <= SESSION_TAIL_MAX && m->tail <= m->len);
	session_msg_read(m, 0, body, m->len < sizeof(body) ? m->len : sizeof(body));
	if (m->len > 0) {
		uint32_t at = rnd(f, m->len), n = rnd(f, m->len - at + 1);

		if (n <= sizeof(body))
			session_msg_read(m, at, body, n);
		MUST(session_msg_has(m, at, n) || m->tail > 0);
	}
	switch (rnd(f, 40)) {
	case 0:
	case 4:
	case 5:
		return ERR_FULL;
	case 1:
		forget(f, m->sid);
		return ERR_OK;
	case 2:
		forget(f, (m->sid + 1) % STREAMS);
		break;
	case 3:
		session_retry(f->s, rnd(f, STREAMS));
		break;
	}
	f->next[m->sid]++;
	return ERR_OK;
}

static int
accept(void *arg, uint32_t sid, enum stream_prio *prio)
{
	struct fuzz *f = arg;

	*prio = (enum stream_prio)(sid % STREAM_PRIOS);
	if (sid >= STREAMS)
		return rnd(f, 200) ? ERR_GONE : ERR_REFUSED;
	return rnd(f, 4) ? ERR_OK : ERR_FULL;
}

static void
wake(void *arg)
{
	(void)arg;
}

static const struct session_ops owner = {message, accept, wake};

static int
feed_to(struct session *s, const uint8_t *p, size_t n)
{
	int r = ERR_OK;

	while (n > 0 && r == ERR_OK) {
		size_t used = 0;

		if ((r = ops->frame(s, p, n, &used)) == ERR_OK) {
			MUST(used > 0 && used <= n);
			p += used;
			n -= used;
		}
	}
	if (r == ERR_OK)
		r = ops->turn(s);
	MUST(r == ERR_OK || r == ERR_FULL || r == session_failed(s));
	return r;
}

static void
feed(struct fuzz *f, const uint8_t *p, size_t n)
{
	(void)feed_to(f->s, p, n);
}

/* One message, maybe with a tail, all or most of which goes. */
static int
send_to(struct fuzz *f, struct session *s, uint32_t sid, const struct session_slice *sl)
{
	uint32_t tail = rnd(f, 3) ? 0 : rnd(f, 5000);

	if (tail == 0)
		return session_send(s, sid, 1, sl, 1, NULL);
	if (session_send_tail(s, sid, 1, sl, 1, tail, 1000000, NULL) != ERR_OK)
		return ERR_NOMEM;
	for (uint32_t at = 0, n; at < tail; at += n) {
		static const uint8_t bytes[SESSION_PIECE];

		n = 1 + rnd(f, SESSION_PIECE);
		n = n < tail - at ? n : tail - at;
		if (rnd(f, 8))
			session_piece(s, sid, at, bytes, n);
	}
	return ERR_OK;
}

/* Frames of a real session, some bits of which are turned. */
static void
feed_mutated(struct fuzz *f)
{
	uint8_t p[MTU], body[2000] = {0};
	struct session_slice sl = {body, rnd(f, sizeof(body))};
	struct arq_ref ref[ARQ_REFS];
	size_t refs = ARQ_REFS, n;
	uint32_t sid = rnd(f, STREAMS);

	if (session_open(f->peer, sid, STREAM_PRIO_ISO) != ERR_OK ||
	    send_to(f, f->peer, sid, &sl) != ERR_OK)
		return;
	n = ops->fill(f->peer, p, 30 + rnd(f, MTU - 30), ref, &refs);
	for (size_t i = 0; i < refs; i++)
		(rnd(f, 10) ? ops->acked : ops->lost)(f->peer, &ref[i]);
	for (uint32_t i = rnd(f, 100) ? 0 : 3; i > 0 && n > 0; i--)
		p[rnd(f, (uint32_t)n)] ^= (uint8_t)(1u << rnd(f, 8));
	feed(f, p, rnd(f, 200) || n == 0 ? n : rnd(f, (uint32_t)n));
}

/* A frame with fields near the edges. */
static void
feed_made(struct fuzz *f)
{
	static const uint64_t edge[] = {
	    0, 1, 5, 4096, 65535, 65536, 0x7fffffff, UINT32_MAX, 1ull << 40, UINT64_MAX};
	static const uint8_t types[] = {
	    FRAME_STREAM, FRAME_WINDOW, FRAME_DATAGRAM, 0, 15, 18, 21, 255};
	uint8_t p[MTU] = {0};
	uint16_t len = (uint16_t)rnd(f, 1000);
	struct wr w;

	wr_init(&w, p, sizeof(p));
	wr_u8(&w, types[rnd(f, rnd(f, 200) ? 3 : ARRAY_LEN(types))]);
	wr_le32(&w, rnd(f, STREAMS + 2));
	wr_le64(&w, edge[rnd(f, rnd(f, 300) ? 5 : ARRAY_LEN(edge))] + rnd(f, 3));
	if (p[0] == FRAME_DATAGRAM)
		wr_le32(&w, rnd(f, 100) ? rnd(f, 5000) : SESSION_TAIL_MAX - rnd(f, 2000));
	if (p[0] == FRAME_STREAM || p[0] == FRAME_DATAGRAM) {
		wr_le16(&w, (uint16_t)(rnd(f, 200) ? len : len + 1));
		w.p += len;
	}
	feed(f, p, (size_t)(w.p - p));
}

static void
send_some(struct fuzz *f)
{
	static const uint8_t body[70000];
	struct session_slice sl = {body, rnd(f, rnd(f, 8) ? 3000 : sizeof(body))};
	uint32_t sid = rnd(f, STREAMS);

	if (session_open(f->s, sid, (enum stream_prio)rnd(f, STREAM_PRIOS)) == ERR_OK)
		(void)!send_to(f, f->s, sid, &sl);
}

static void
fly(struct fuzz *f)
{
	struct packet *k = &f->flying[rnd(f, FLYING)];
	bool arrived = rnd(f, 4) > 0 && feed_to(f->peer, k->p, k->n) == ERR_OK;

	for (size_t i = 0; i < k->refs; i++)
		(arrived ? ops->acked : ops->lost)(f->s, &k->ref[i]);
	k->refs = ARQ_REFS;
	k->n = ops->fill(f->s, k->p, 20 + rnd(f, MTU - 20), k->ref, &k->refs);
	MUST(k->n <= MTU && k->refs <= ARQ_REFS);
	MUST((k->n > 0) == (k->refs > 0));
}

static void
one_step(struct fuzz *f)
{
	uint32_t sid = rnd(f, STREAMS);

	switch (rnd(f, 11)) {
	case 0:
		feed_made(f);
		break;
	case 1:
	case 2:
	case 3:
		feed_mutated(f);
		break;
	case 4:
	case 5:
		send_some(f);
		break;
	case 6:
	case 7:
		fly(f);
		break;
	case 8:
		session_retry(f->s, sid);
		f->pool.budget = rnd(f, 4) ? 2 << 20 : f->pool.used + rnd(f, 20000);
		break;
	case 9:
		if (rnd(f, 10) == 0)
			forget(f, sid);
		session_peer_window(f->s, rnd(f, 1 << 20));
		break;
	case 10:
		f->now += rnd(f, 8000);
		ops->clock(f->s, f->now);
		ops->clock(f->peer, f->now);
		if (ops->deadline(f->s) <= f->now)
			(void)!ops->turn(f->s);
		MUST(session_failed(f->s) != ERR_OK || ops->deadline(f->s) > f->now);
		break;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static struct fuzz f;
	struct pool peers = TEST_POOL(8 << 20);

	memset(&f, 0, sizeof(f));
	f.dice = (struct dice){p, p + n};
	f.pool = (struct pool)TEST_POOL(2 << 20);
	f.s = session_new(&f.pool, 100000, &owner, &f);
	f.peer = session_new(&peers, 100000, &owner, &f);
	MUST(f.s != NULL && f.peer != NULL);
	session_tails(f.s);
	session_tails(f.peer);
	while (f.dice.p < f.dice.end && session_failed(f.s) == ERR_OK)
		one_step(&f);
	session_free(f.s);
	session_free(f.peer);
	MUST(f.pool.used == 0);
	MUST(peers.used == 0);
	return 0;
}

#ifndef LIBFUZZER
static void
corpus(void)
{
	fuzz_corpus("session");
}

static void
short_lives(void)
{
	fuzz_noise(4000, 200);
}

static void
long_lives(void)
{
	fuzz_noise(2000, FUZZ_CAP);
}

TEST_MAIN(TEST(corpus), TEST(short_lives), TEST(long_lives))
#endif
