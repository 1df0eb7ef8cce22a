/* SPDX-License-Identifier: ISC */
/* clang-format off */
/* link: core */
/* clang-format on */
#include "core/cur.h"
#include "core/door.h"
#include "core/frame.h"
#include "core/marks.h"
#include "core/session.h"
#include "test/test.h"

#define WINDOW 65536u
#define CAP    1150 /* the smallest packet */

/* One end: a door, and the session that its owner has. */
struct end {
	struct pool pool;
	struct session *session;
	struct door door;
	bool gone; /* the owner has no session */
	unsigned fresh, resumed, lost, messages;
	struct door_resume asked;
};

static int
on_message(void *arg, const struct session_msg *m)
{
	(void)m;
	((struct end *)arg)->messages++;
	return ERR_OK;
}

static int
on_accept(void *arg, uint32_t sid, enum stream_prio *prio)
{
	(void)arg;
	(void)sid;
	*prio = STREAM_PRIO_BULK;
	return ERR_OK;
}

static void
on_wake(void *arg)
{
	(void)arg;
}

static const struct session_ops session_ops = {on_message, on_accept, on_wake};

static struct session *
on_fresh(void *arg)
{
	struct end *e = arg;

	e->fresh++;
	return e->session;
}

static struct session *
on_resume(void *arg, const struct door_resume *q)
{
	struct end *e = arg;

	e->asked = *q;
	return e->gone ? NULL : e->session;
}

static void
on_resumed(void *arg, bool yes)
{
	struct end *e = arg;

	e->resumed += yes;
	e->lost += !yes;
}

static const struct door_ops ops = {on_fresh, on_resume, on_resumed};

static void
setup(struct end *e, bool serve)
{
	memset(e, 0, sizeof(*e));
	e->pool = (struct pool)TEST_POOL(1u << 20);
	e->session = session_new(&e->pool, WINDOW, &session_ops, e);
	door_init(&e->door, serve, &ops, e);
}

static void
teardown(struct end *e)
{
	session_free(e->session);
	CHECK_EQ(e->pool.used, 0);
}

static void
say(struct end *e, uint32_t sid)
{
	struct session_slice v = {"abc", 3};

	CHECK_EQ(session_open(e->session, sid, STREAM_PRIO_BULK), ERR_OK);
	CHECK_EQ(session_send(e->session, sid, 1, &v, 1, NULL), ERR_OK);
}

/* What e would send, in one packet; returns its length and its references. */
static size_t
take(struct end *e, uint8_t *b, struct arq_ref *refs, size_t *n)
{
	*n = ARQ_REFS;
	if (!door_arq_ops.pending(&e->door)) {
		*n = 0;
		return 0;
	}
	return door_arq_ops.fill(&e->door, b, CAP, refs, n);
}

/* All frames of a packet; the first error. */
static int
hear(struct end *e, const uint8_t *b, size_t n)
{
	int err = ERR_OK;
	size_t used;

	while (n > 0 && err == ERR_OK) {
		used = 0;
		if ((err = door_arq_ops.frame(&e->door, b, n, &used)) != ERR_OK)
			return err;
		b += used;
		n -= used;
	}
	return door_arq_ops.turn(&e->door);
}

/* A packet of one to the other; refs are lost or acknowledged afterwards. */
static int
pass(struct end *from, struct end *to)
{
	struct arq_ref refs[ARQ_REFS];
	uint8_t b[CAP];
	size_t n, len = take(from, b, refs, &n);

	return len == 0 ? ERR_NODEV : hear(to, b, len);
}

static const struct door_resume ask = {
    .id = {1, 2, 3}, .generation = 7, .proof = {4, 5, 6}};

static void
a_new_session_opens_the_door(void)
{
	struct end a, s;

	setup(&a, false);
	setup(&s, true);
	CHECK(!door_arq_ops.pending(&s.door));
	door_carry(&a.door, a.session);
	say(&a, 5);
	CHECK_EQ(pass(&a, &s), ERR_OK);
	CHECK_EQ(s.fresh, 1);
	CHECK_EQ(s.messages, 1);
	say(&a, 6);
	CHECK_EQ(pass(&a, &s), ERR_OK);
	CHECK_EQ(s.fresh, 1);
	teardown(&a);
	teardown(&s);
}

static void
it_goes_on_over_the_next(void)
{
	struct end a, s;
	uint8_t b[CAP], early[CAP];
	struct arq_ref refs[ARQ_REFS];
	size_t n, len, early_len;

	setup(&a, false);
	setup(&s, true);
	say(&a, 5);
	say(&s, 9);
	door_ask(&a.door, a.session, &ask);
	len = take(&a, b, refs, &n); /* the question alone: the rest waits */
	CHECK_EQ(n, 1);
	CHECK_EQ(refs[0].kind, FRAME_RESUME);
	CHECK_EQ(b[0], FRAME_RESUME);
	CHECK_EQ(len, 1 + 16 + 8 + 32 + 1);
	CHECK(!door_arq_ops.pending(&a.door));
	door_arq_ops.lost(&a.door, &refs[0]);
	CHECK(door_arq_ops.pending(&a.door));
	CHECK_EQ(hear(&s, b, len), ERR_OK);
	CHECK_EQ(hear(&s, b, len), ERR_OK); /* it was not lost after all */
	CHECK(memcmp(&s.asked, &ask, sizeof(ask)) == 0);
	CHECK_EQ(s.fresh, 0);
	len = take(&s, b, refs, &n); /* the answer, then data behind it */
	CHECK(n >= 2 && refs[0].kind == FRAME_RESUMED);
	door_arq_ops.lost(&s.door, &refs[0]);
	say(&s, 9);
	door_arq_ops.acked(&s.door, &refs[0]);
	s.door.tell = false;
	early_len = take(&s, early, refs, &n);
	CHECK_EQ(hear(&a, early, early_len), ERR_FULL); /* it overtook the answer */
	CHECK_EQ(a.resumed, 0);
	CHECK_EQ(hear(&a, b, len), ERR_OK);
	CHECK_EQ(a.resumed, 1);
	CHECK_EQ(a.messages, 1);
	CHECK_EQ(hear(&a, early, early_len), ERR_OK);
	CHECK_EQ(a.messages, 2);
	CHECK_EQ(hear(&a, b, len), ERR_OK); /* the answer came twice */
	CHECK_EQ(a.resumed, 1);
	CHECK_EQ(a.messages, 2);
	CHECK_EQ(pass(&a, &s), ERR_OK);
	CHECK_EQ(s.messages, 1);
	teardown(&a);
	teardown(&s);
}

/* Bytes that the peer has are not sent again. */
static void
marks_are_believed(void)
{
	struct end a, s;
	uint8_t b[CAP];
	struct arq_ref refs[ARQ_REFS];
	size_t n;

	setup(&a, false);
	setup(&s, true);
	door_carry(&a.door, a.session);
	say(&a, 5);
	CHECK_EQ(pass(&a, &s), ERR_OK); /* not acknowledged: the link ends */
	CHECK_EQ(session_unacked(a.session, 5), 8);
	door_init(&a.door, false, &ops, &a);
	door_init(&s.door, true, &ops, &s);
	door_ask(&a.door, a.session, &ask);
	CHECK_EQ(pass(&a, &s), ERR_OK);
	CHECK_EQ(pass(&s, &a), ERR_OK);
	CHECK_EQ(a.resumed, 1);
	CHECK_EQ(session_unacked(a.session, 5), 0);
	(void)take(&a, b, refs, &n);
	for (size_t i = 0; i < n; i++)
		CHECK(refs[i].kind == FRAME_WINDOW);
	CHECK_EQ(s.messages, 1);
	teardown(&a);
	teardown(&s);
}

/* The server has forgotten: a new session may begin on the same link. */
static void
gone(void)
{
	struct end a, s;

	setup(&a, false);
	setup(&s, true);
	s.gone = true;
	door_ask(&a.door, a.session, &ask);
	CHECK_EQ(pass(&a, &s), ERR_OK);
	CHECK_EQ(pass(&s, &a), ERR_OK);
	CHECK_EQ(a.lost, 1);
	CHECK(!door_arq_ops.pending(&a.door) && !door_arq_ops.pending(&s.door));
	s.gone = false;
	door_carry(&a.door, a.session);
	say(&a, 5);
	CHECK_EQ(pass(&a, &s), ERR_OK);
	CHECK_EQ(s.fresh, 1);
	CHECK_EQ(s.messages, 1);
	teardown(&a);
	teardown(&s);
}

struct writer {
	uint8_t b[CAP];
	struct wr w;
};

static void
resume_frame(struct writer *x, uint64_t generation, uint8_t marks, unsigned written)
{
	wr_init(&x->w, x->b, sizeof(x->b));
	wr_u8(&x->w, FRAME_RESUME);
	wr_bytes(&x->w, ask.id, sizeof(ask.id));
	wr_le64(&x->w, generation);
	wr_bytes(&x->w, ask.proof, sizeof(ask.proof));
	wr_u8(&x->w, marks);
	for (unsigned i = 0; i < written; i++) {
		wr_le32(&x->w, 5);
		wr_le64(&x->w, 1000); /* more than was ever sent */
	}
}

static void
resumed_frame(struct writer *x, uint64_t generation)
{
	wr_init(&x->w, x->b, sizeof(x->b));
	wr_u8(&x->w, FRAME_RESUMED);
	wr_le64(&x->w, generation);
	wr_u8(&x->w, 0);
}

static size_t
length(const struct writer *x)
{
	return (size_t)(x->w.p - x->b);
}

static int
serve_hears(const struct writer *x, size_t n, const struct writer *then)
{
	struct end s;
	int err;

	setup(&s, true);
	say(&s, 5);
	err = hear(&s, x->b, n);
	if (err == ERR_OK && then != NULL)
		err = hear(&s, then->b, length(then));
	teardown(&s);
	return err;
}

static int
attach_hears(const struct writer *x, bool asking)
{
	struct end a;
	int err;

	setup(&a, false);
	if (asking)
		door_ask(&a.door, a.session, &ask);
	else
		door_carry(&a.door, a.session);
	err = hear(&a, x->b, length(x));
	teardown(&a);
	return err;
}

static void
rules_are_kept(void)
{
	struct writer x, y;

	resume_frame(&x, 7, 0, 0);
	for (size_t n = 1; n < length(&x); n++)
		CHECK_EQ(serve_hears(&x, n, NULL), ERR_PROTO);
	CHECK_EQ(serve_hears(&x, length(&x), &x), ERR_OK);
	CHECK_EQ(attach_hears(&x, false), ERR_PROTO); /* only the attach side asks */
	resume_frame(&y, 8, 0, 0);
	CHECK_EQ(serve_hears(&x, length(&x), &y), ERR_PROTO); /* once a link */
	resume_frame(&x, 0, 0, 0);
	CHECK_EQ(serve_hears(&x, length(&x), NULL), ERR_PROTO);
	resume_frame(&x, 7, 3, 2);
	CHECK_EQ(serve_hears(&x, length(&x), NULL), ERR_PROTO);
	resume_frame(&x, 7, MARKS + 1, MARKS + 1);
	CHECK_EQ(serve_hears(&x, length(&x), NULL), ERR_PROTO);
	resume_frame(&x, 7, 1, 1);
	CHECK_EQ(serve_hears(&x, length(&x), NULL), ERR_PROTO);
	resumed_frame(&x, 7);
	CHECK_EQ(serve_hears(&x, length(&x), NULL), ERR_PROTO);
	CHECK_EQ(attach_hears(&x, false), ERR_PROTO); /* nobody asked */
	CHECK_EQ(attach_hears(&x, true), ERR_OK);
	resumed_frame(&x, 6);
	CHECK_EQ(attach_hears(&x, true), ERR_PROTO);
}

TEST_MAIN(TEST(a_new_session_opens_the_door), TEST(it_goes_on_over_the_next),
	  TEST(marks_are_believed), TEST(gone), TEST(rules_are_kept))
