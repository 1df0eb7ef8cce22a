/* SPDX-License-Identifier: ISC */
/*
 * A session under test and a peer that says whatever the test wants and keeps
 * what it hears; packets go straight over. For tests of what is built on a
 * session. The pool of the side under test can be made to fail once.
 */
#ifndef TEST_CORE_PAIR_H
#define TEST_CORE_PAIR_H

#include "core/arq.h"
#include "core/session.h"
#include "test/test.h"

#define PAIR_GOTS 256
#define PAIR_BODY 2048

struct pair_got {
	uint32_t sid, len;
	uint8_t type, body[PAIR_BODY];
};

struct pair {
	struct pool pool, far_pool;
	struct session *near, *far;
	struct pair_got got[PAIR_GOTS]; /* what far heard, the first ones */
	unsigned gots;
	unsigned gets, fail_at; /* calls of pool_get, the one that fails; 0: none */
	uint64_t now;           /* as near knows it */
	bool deaf;              /* nothing of near arrives, nothing is acknowledged */
};

static void *
pair_get(void *arg, size_t n)
{
	struct pair *p = arg;

	return ++p->gets == p->fail_at ? NULL : malloc(n);
}

static int
pair_heard(void *arg, const struct session_msg *m)
{
	struct pair *p = arg;
	struct pair_got *g;

	if (p->gots++ >= PAIR_GOTS)
		return ERR_OK;
	g = &p->got[p->gots - 1];
	g->sid = m->sid;
	g->type = m->type;
	g->len = m->len;
	session_msg_read(m, 0, g->body, m->len < PAIR_BODY ? m->len : PAIR_BODY);
	return ERR_OK;
}

static int
pair_accept(void *arg, uint32_t sid, enum stream_prio *prio)
{
	(void)arg;
	(void)sid;
	*prio = STREAM_PRIO_BULK;
	return ERR_OK;
}

static void
pair_wake(void *arg)
{
	(void)arg;
}

static inline void
pair_init(struct pair *p, uint32_t window, const struct session_ops *ops, void *arg)
{
	static const struct session_ops far_ops = {pair_heard, pair_accept, pair_wake};
	size_t budget = 8 << 20;

	memset(p, 0, sizeof(*p));
	p->pool = (struct pool){pair_get, test_heap_put, p, budget, 0};
	p->far_pool = (struct pool)TEST_POOL(64 << 20);
	p->near = session_new(&p->pool, window, ops, arg);
	p->far = session_new(&p->far_pool, window, &far_ops, p);
	CHECK(p->near != NULL && p->far != NULL);
	session_peer_window(p->far, window);
}

static inline void
pair_fini(struct pair *p)
{
	session_free(p->near);
	session_free(p->far);
	CHECK_EQ(p->pool.used, 0);
	CHECK_EQ(p->far_pool.used, 0);
}

enum pair_went { PAIR_NOTHING, PAIR_OVER, PAIR_FULL };

/* One packet. PAIR_FULL: to had no memory for it, it will be sent again. */
static inline enum pair_went
pair_step(struct session *from, struct session *to, bool arrives)
{
	const struct arq_ops *ops = &session_arq_ops;
	uint8_t b[ARQ_PACKET_MAX];
	struct arq_ref ref[ARQ_REFS];
	size_t refs = ARQ_REFS, n = ops->fill(from, b, sizeof(b), ref, &refs), at = 0;
	int err = ERR_OK;

	while (arrives && at < n && err == ERR_OK) {
		size_t used = 0;

		if ((err = ops->frame(to, b + at, n - at, &used)) == ERR_OK)
			at += used;
	}
	if (arrives && err == ERR_OK)
		err = ops->turn(to);
	for (size_t i = 0; i < refs && arrives; i++)
		(err == ERR_FULL ? ops->lost : ops->acked)(from, &ref[i]);
	return n == 0 ? PAIR_NOTHING : err == ERR_FULL ? PAIR_FULL : PAIR_OVER;
}

/*
 * Until nobody has anything to say, or the side under test has no memory to
 * listen; what it says of it.
 */
static inline int
pair_flush(struct pair *p)
{
	unsigned turns = 0, full = 0;
	bool more = true;

	for (; turns < 100000 && more && full < 3; turns++) {
		enum pair_went in = pair_step(p->far, p->near, true);

		full += in == PAIR_FULL;
		more = in != PAIR_NOTHING;
		if (!p->deaf)
			more |= pair_step(p->near, p->far, true) != PAIR_NOTHING;
		if (session_failed(p->near) != ERR_OK)
			break;
	}
	CHECK(turns < 100000);
	CHECK_EQ(session_failed(p->far), ERR_OK);
	return session_failed(p->near);
}

/* The peer says it. */
static inline int
pair_say(struct pair *p, uint32_t sid, uint8_t type, const void *body, size_t n)
{
	struct session_slice v = {body, n};

	CHECK_EQ(session_open(p->far, sid, STREAM_PRIO_BULK), ERR_OK);
	CHECK_EQ(session_send(p->far, sid, type, &v, 1, NULL), ERR_OK);
	return pair_flush(p);
}

/*
 * The same where the last tail bytes may get lost, and those of [from, to) do, which
 * the side under test knows some time later.
 */
static inline int
pair_say_tail(struct pair *p, uint32_t sid, uint8_t type, const uint8_t *body, size_t n,
	      uint32_t tail, uint32_t from, uint32_t to)
{
	struct session_slice v = {body, n - tail};

	session_tails(p->far);
	CHECK_EQ(session_open(p->far, sid, STREAM_PRIO_ISO), ERR_OK);
	CHECK_EQ(session_send_tail(p->far, sid, type, &v, 1, tail, 1000000, NULL),
		 ERR_OK);
	if (from > 0)
		session_piece(p->far, sid, 0, body + n - tail, from);
	if (to < tail)
		session_piece(p->far, sid, to, body + n - tail + to, tail - to);
	if (pair_flush(p) != ERR_OK)
		return session_failed(p->near);
	session_arq_ops.clock(p->near, p->now += SESSION_LATE_US);
	(void)session_arq_ops.turn(p->near);
	return pair_flush(p);
}

/* The last that far heard is of this type: it, or an empty one. */
static inline const struct pair_got *
pair_last(const struct pair *p, uint8_t type)
{
	static const struct pair_got none;
	const struct pair_got *g;

	CHECK(p->gots > 0 && p->gots <= PAIR_GOTS);
	if (p->gots == 0 || p->gots > PAIR_GOTS)
		return &none;
	g = &p->got[p->gots - 1];
	CHECK_EQ(g->type, type);
	return g;
}

#endif
