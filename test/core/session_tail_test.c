/* SPDX-License-Identifier: ISC */
/* clang-format off */
/* link: core */
/* clang-format on */
/*
 * Messages whose ends may be lost: two sessions, and packets between them that the
 * tests lose, hold back and turn round by hand.
 */
#include <stdbool.h>

#include "core/arq.h"
#include "core/cur.h"
#include "core/frame.h"
#include "core/marks.h"
#include "core/session.h"
#include "core/tail_in.h"
#include "core/tail_out.h"
#include "test/test.h"

#define SID      stream_of(1, 0x84)
#define MTU      1158
#define LONG     3000 /* a tail of three pieces */
#define KEPT     64
#define PATIENCE 30000

static const struct arq_ops *const ops = &session_arq_ops;

struct got {
	uint64_t index;
	uint32_t len, tail;
	bool whole, right; /* what has come is what was sent */
	bool has[3];       /* of its pieces */
};

static struct {
	struct pool pool[2];
	struct session *s[2];
	struct got got[KEPT];
	unsigned n, fails_after, gets;
	uint64_t now;
	bool closes, refuses;
} t;

struct packet {
	uint8_t p[ARQ_PACKET_MAX];
	size_t n, refs;
	struct arq_ref ref[ARQ_REFS];
};

static uint8_t
byte(uint64_t index, uint32_t i)
{
	return (uint8_t)(index * 31 + i * 7 + (i >> 8) + 1);
}

/* Its body is two bytes and the tail. */
static int
message(void *arg, const struct session_msg *m)
{
	static uint8_t body[2 << 20];
	struct got *g = &t.got[t.n % KEPT];

	if (arg != t.s)
		return ERR_OK;
	if (t.refuses)
		return ERR_FULL;
	if (t.closes)
		session_close(t.s[1], m->sid);
	*g = (struct got){m->index, m->len, m->tail, true, true, {false}};
	session_msg_read(m, 0, body, m->len);
	for (uint32_t i = m->len - m->tail; i < m->len; i++) {
		bool here = session_msg_has(m, i, 1);

		g->whole &= here;
		g->right &= body[i] == (here ? byte(m->index, i - 2) : 0);
	}
	for (uint32_t i = 0, n = m->tail; i < 3 && n > 0; i++) {
		uint32_t k = n < SESSION_PIECE ? n : SESSION_PIECE;

		g->has[i] = session_msg_has(m, m->len - n, k);
		n -= k;
	}
	CHECK_EQ(session_msg_has(m, 0, m->len), g->whole);
	t.n++;
	return ERR_OK;
}

static int
accept(void *arg, uint32_t sid, enum stream_prio *prio)
{
	(void)arg;
	*prio = STREAM_PRIO_ISO;
	return sid == SID ? ERR_OK : ERR_GONE;
}

static void
wake(void *arg)
{
	(void)arg;
}

static const struct session_ops owner = {message, accept, wake};

static void *
get(void *arg, size_t n)
{
	(void)arg;
	return t.fails_after > 0 && ++t.gets >= t.fails_after ? NULL : malloc(n);
}

static void
put(void *arg, void *p, size_t n)
{
	(void)arg;
	(void)n;
	free(p);
}

static bool
start(void)
{
	for (int i = 0; i < 2; i++) {
		t.pool[i] = (struct pool){get, put, NULL, 16 << 20, 0};
		t.s[i] = session_new(&t.pool[i], 1 << 20, &owner, i == 1 ? t.s : NULL);
		if (t.s[i] == NULL)
			return false;
		session_peer_window(t.s[i], 1 << 20);
		session_tails(t.s[i]);
	}
	return session_open(t.s[0], SID, STREAM_PRIO_ISO) == ERR_OK;
}

static void
fresh(void)
{
	memset(&t, 0, sizeof(t));
	CHECK(start());
}

static void
finish(void)
{
	for (int i = 0; i < 2; i++) {
		session_free(t.s[i]);
		CHECK_EQ(t.pool[i].used, 0);
	}
}

/* The next message, with a tail or without one. */
static int
say(uint32_t tail)
{
	static uint8_t bytes[SESSION_TAIL_MAX];
	struct session_slice sl = {"ab", 2};
	uint64_t index;
	int r = session_send_tail(t.s[0], SID, 1, &sl, 1, tail, PATIENCE, &index);

	if (r != ERR_OK)
		return r;
	for (uint32_t i = 0; i < tail; i++)
		bytes[i] = byte(index, i);
	for (uint32_t i = 0, n; i < tail; i += n) {
		n = tail - i < SESSION_PIECE ? tail - i : SESSION_PIECE;
		session_piece(t.s[0], SID, i, bytes + i, n);
	}
	return ERR_OK;
}

static bool
pack_up_to(struct packet *k, size_t cap)
{
	k->refs = ARQ_REFS;
	k->n = ops->fill(t.s[0], k->p, cap, k->ref, &k->refs);
	return k->n > 0;
}

static bool
pack(struct packet *k)
{
	return pack_up_to(k, MTU);
}

static int
arrive(const struct packet *k)
{
	const uint8_t *p = k->p;
	size_t n = k->n, used;
	int r = ERR_OK;

	for (; n > 0 && r == ERR_OK; p += used, n -= used) {
		used = 0;
		if ((r = ops->frame(t.s[1], p, n, &used)) != ERR_OK)
			break;
	}
	if (r == ERR_OK)
		r = ops->turn(t.s[1]);
	for (size_t i = 0; i < k->refs && r == ERR_OK; i++)
		ops->acked(t.s[0], &k->ref[i]);
	return r;
}

static void
lose(const struct packet *k)
{
	for (size_t i = 0; i < k->refs; i++)
		ops->lost(t.s[0], &k->ref[i]);
}

static void
flush(void)
{
	static struct packet k;

	while (pack(&k))
		CHECK_EQ(arrive(&k), ERR_OK);
}

static int
later(uint64_t us)
{
	t.now += us;
	ops->clock(t.s[0], t.now);
	ops->clock(t.s[1], t.now);
	return ops->deadline(t.s[1]) <= t.now ? ops->turn(t.s[1]) : ERR_OK;
}

static struct session_stats
stats(int i)
{
	struct session_stats st;

	session_stats(t.s[i], &st);
	return st;
}

/* Whether that message has come, and how. */
static bool
came(unsigned i, uint64_t index, uint32_t tail, bool whole)
{
	const struct got *g = &t.got[i];

	return i < t.n && g->index == index && g->len == tail + 2 && g->tail == tail &&
	       g->right && g->whole == whole;
}

static void
tails_come_whole(void)
{
	static const uint32_t n[] = {1, 1023, 1024, 1025, LONG, 0, 100000, 7};

	fresh();
	for (unsigned i = 0; i < ARRAY_LEN(n); i++)
		CHECK_EQ(say(n[i]), ERR_OK);
	flush();
	CHECK_EQ(t.n, ARRAY_LEN(n));
	for (unsigned i = 0; i < ARRAY_LEN(n); i++)
		CHECK(came(i, i, n[i], true));
	CHECK_EQ(stats(0).sent, 1 + 1 + 1 + 2 + 3 + 98 + 1);
	CHECK_EQ(stats(1).received, stats(0).sent);
	CHECK(stats(1).broken == 0 && stats(1).late == 0 && stats(0).lost == 0);
	CHECK_EQ(ops->deadline(t.s[1]), UINT64_MAX);
	finish();
}

/* The largest tail is taken, in packets that are too short for a piece. */
static void
pieces_are_cut(void)
{
	static struct packet k;

	fresh();
	CHECK_EQ(say(LONG), ERR_OK);
	while (pack_up_to(&k, 300))
		CHECK_EQ(arrive(&k), ERR_OK);
	CHECK(t.n == 1 && came(0, 0, LONG, true));
	CHECK(stats(0).sent > 10);
	CHECK_EQ(say(SESSION_TAIL_MAX), ERR_OK);
	flush();
	CHECK(t.n == 2 && came(1, 1, SESSION_TAIL_MAX, true));
	finish();
}

static void
a_lost_piece_is_missed(void)
{
	static struct packet k;

	for (unsigned lost = 0; lost < 3; lost++) {
		fresh();
		CHECK_EQ(later(1000), ERR_OK);
		CHECK_EQ(say(LONG), ERR_OK);
		CHECK_EQ(say(5), ERR_OK);
		for (unsigned i = 0; i < lost; i++)
			CHECK(pack_up_to(&k, 19 + 1024) && arrive(&k) == ERR_OK);
		CHECK(pack_up_to(&k, 19 + (lost < 2 ? 1024 : 952)));
		CHECK(k.refs == 1 && k.p[0] == FRAME_DATAGRAM);
		lose(&k);
		flush();
		CHECK_EQ(t.n, 0); /* it may have been overtaken */
		CHECK_EQ(ops->deadline(t.s[1]), 1000 + SESSION_LATE_US);
		CHECK_EQ(later(SESSION_LATE_US - 1), ERR_OK);
		CHECK_EQ(t.n, 0);
		CHECK_EQ(later(1), ERR_OK);
		CHECK(t.n == 2 && came(0, 0, LONG, false) && came(1, 1, 5, true));
		for (unsigned i = 0; i < 3; i++)
			CHECK_EQ(t.got[0].has[i], i != lost);
		CHECK(stats(0).lost == 1 && stats(1).broken == 1);
		CHECK_EQ(ops->deadline(t.s[1]), UINT64_MAX);
		finish();
	}
}

static void
one_that_was_overtaken_is_not(void)
{
	static struct packet k;

	fresh();
	CHECK_EQ(say(LONG), ERR_OK);
	CHECK(pack(&k));
	flush();
	CHECK_EQ(t.n, 0);
	CHECK_EQ(later(SESSION_LATE_US - 1), ERR_OK);
	CHECK_EQ(arrive(&k), ERR_OK);
	CHECK(t.n == 1 && came(0, 0, LONG, true) && stats(1).broken == 0);
	CHECK_EQ(arrive(&k), ERR_OK); /* twice */
	CHECK_EQ(stats(1).late, 1);
	CHECK_EQ(ops->deadline(t.s[1]), UINT64_MAX);
	finish();
}

static void
one_that_comes_too_late_is_dropped(void)
{
	static struct packet k;
	size_t before;

	fresh();
	CHECK_EQ(say(LONG), ERR_OK);
	CHECK(pack(&k));
	flush();
	CHECK_EQ(later(SESSION_LATE_US), ERR_OK);
	CHECK(t.n == 1 && came(0, 0, LONG, false));
	before = t.pool[1].used;
	CHECK_EQ(arrive(&k), ERR_OK);
	CHECK(t.n == 1 && stats(1).late == 1 && t.pool[1].used == before);
	finish();
}

/* Who was nearly given up is a warning. */
static void
who_came_late_but_in_time_is_waited_for(void)
{
	static const struct {
		uint64_t after, next;
	} row[] = {
	    {SESSION_LATE_US / 8, SESSION_LATE_US},
	    {SESSION_LATE_US / 8 + 1, 4 * SESSION_LATE_US},
	};
	static struct packet k;

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		fresh();
		CHECK_EQ(say(LONG), ERR_OK);
		CHECK(pack(&k));
		flush();
		CHECK_EQ(later(row[i].after), ERR_OK);
		CHECK_EQ(arrive(&k), ERR_OK);
		CHECK(t.n == 1 && came(0, 0, LONG, true));
		CHECK_EQ(say(LONG), ERR_OK);
		CHECK(pack(&k));
		lose(&k);
		flush();
		CHECK_EQ(later(row[i].next - 1), ERR_OK);
		CHECK_EQ(t.n, 1);
		CHECK_EQ(later(1), ERR_OK);
		CHECK_EQ(t.n, 2);
		finish();
	}
}

/* Where packets come in another order the next message waits longer; a loss changes
 * little. */
static void
who_was_overtaken_once_is_waited_for(void)
{
	static struct packet k;

	fresh();
	CHECK_EQ(say(LONG), ERR_OK);
	CHECK(pack(&k));
	flush();
	CHECK_EQ(later(SESSION_LATE_US), ERR_OK);
	CHECK_EQ(t.n, 1);
	CHECK_EQ(arrive(&k), ERR_OK);
	CHECK_EQ(say(LONG), ERR_OK);
	CHECK(pack(&k));
	flush();
	CHECK_EQ(later(4 * SESSION_LATE_US - 1), ERR_OK);
	CHECK_EQ(t.n, 1);
	CHECK_EQ(arrive(&k), ERR_OK);
	CHECK(t.n == 2 && came(1, 1, LONG, true));
	CHECK_EQ(say(LONG), ERR_OK);
	CHECK(pack(&k));
	lose(&k);
	flush();
	CHECK_EQ(later(4 * SESSION_LATE_US), ERR_OK);
	CHECK_EQ(t.n, 3);
	CHECK_EQ(say(LONG), ERR_OK);
	CHECK(pack(&k));
	flush();
	CHECK_EQ(later(4 * SESSION_LATE_US - 3 * SESSION_LATE_US / 256 - 1), ERR_OK);
	CHECK_EQ(t.n, 3);
	CHECK_EQ(later(1), ERR_OK);
	CHECK_EQ(t.n, 4);
	for (int i = 0; i < 9; i++)
		CHECK_EQ(arrive(&k), ERR_OK); /* the same, or one that is doubled */
	CHECK_EQ(say(LONG), ERR_OK);
	CHECK(pack(&k));
	flush();
	CHECK_EQ(later(SESSION_LATE_MOST - 1), ERR_OK);
	CHECK_EQ(t.n, 4);
	CHECK_EQ(later(1), ERR_OK);
	CHECK_EQ(t.n, 5);
	finish();
}

/* What waits too long for its turn does not go; the message does. */
static void
old_pieces_do_not_leave(void)
{
	for (unsigned old = 0; old < 2; old++) {
		fresh();
		CHECK_EQ(later(1000000), ERR_OK); /* the clock of a session that slept */
		CHECK_EQ(say(LONG), ERR_OK);
		CHECK_EQ(later(5000000), ERR_OK); /* it is told the time: now it counts */
		CHECK_EQ(later(PATIENCE / 2), ERR_OK);
		CHECK_EQ(say(LONG), ERR_OK);
		CHECK_EQ(later(PATIENCE / 2 - 1 + old), ERR_OK);
		flush();
		CHECK_EQ(later(SESSION_LATE_US), ERR_OK);
		CHECK_EQ(stats(0).expired, old ? 3 : 0);
		CHECK_EQ(stats(0).sent, old ? 3 : 6);
		CHECK(t.n == 2 && came(0, 0, LONG, !old) && came(1, 1, LONG, true));
		finish();
	}
}

static void
of_too_many_the_oldest_go(void)
{
	unsigned n = TAIL_OUT_MAX / 100000 + 3;

	fresh();
	for (unsigned i = 0; i < n; i++)
		CHECK_EQ(say(100000), ERR_OK);
	CHECK(stats(0).expired > 0);
	CHECK(t.pool[0].used < TAIL_OUT_MAX + 200000);
	flush();
	CHECK_EQ(later(SESSION_LATE_US), ERR_OK); /* all have waited then */
	CHECK_EQ(t.n, n);
	CHECK(came(0, 0, 100000, false));
	CHECK(came(n - 1, n - 1, 100000, true));
	finish();
}

/* The bytes of the stream before a piece's message go first, its own after it. */
static void
pieces_have_their_place(void)
{
	static struct packet k;
	static const uint8_t want[] = {FRAME_DATAGRAM, FRAME_STREAM, FRAME_DATAGRAM,
				       FRAME_STREAM};

	fresh();
	CHECK(say(100) == ERR_OK && say(0) == ERR_OK && say(100) == ERR_OK);
	CHECK(pack(&k) && k.refs == ARRAY_LEN(want));
	for (unsigned i = 0; i < ARRAY_LEN(want); i++)
		CHECK_EQ(k.ref[i].kind, want[i]);
	CHECK_EQ(k.ref[1].len, 11 + 7);
	CHECK_EQ(arrive(&k), ERR_OK);
	CHECK(t.n == 3 && came(0, 0, 100, true) && came(1, 1, 0, true));
	CHECK(came(2, 2, 100, true));
	finish();
}

/* A message that is lost comes again with the next one, without a word from there. */
static void
messages_are_said_twice(void)
{
	static struct packet k;

	fresh();
	CHECK_EQ(say(100), ERR_OK);
	flush();
	CHECK_EQ(say(100), ERR_OK);
	CHECK(pack(&k) && !pack(&k)); /* nobody knows yet that it is lost */
	CHECK_EQ(say(100), ERR_OK);
	flush();
	CHECK_EQ(later(SESSION_LATE_US), ERR_OK);
	CHECK(t.n == 3 && came(1, 1, 100, false) && came(2, 2, 100, true));
	finish();
}

/* Nothing is repeated without need: a stream that has no tails goes as ever. */
static void
others_are_said_once(void)
{
	struct session_slice sl = {"ab", 2};
	static struct packet k;

	fresh();
	CHECK_EQ(session_open(t.s[0], 32, STREAM_PRIO_BULK), ERR_OK);
	for (int i = 0; i < 2; i++) {
		CHECK_EQ(session_send(t.s[0], 32, 1, &sl, 1, NULL), ERR_OK);
		CHECK(pack(&k) && k.refs == 1 && k.ref[0].len == 7);
	}
	finish();
}

static void
another_link_begins_with_the_new(void)
{
	static struct packet k;
	struct marks m = {0};

	fresh();
	CHECK(say(LONG) == ERR_OK && say(100) == ERR_OK);
	CHECK(pack(&k) && pack(&k));
	session_marks(t.s[1], &m);
	CHECK_EQ(session_continue(t.s[0], &m), ERR_OK);
	CHECK_EQ(stats(0).sent + stats(0).expired, 4);
	CHECK(stats(0).expired > 0);
	CHECK_EQ(say(50), ERR_OK);
	flush();
	CHECK_EQ(later(SESSION_LATE_US), ERR_OK);
	CHECK(t.n == 3 && came(0, 0, LONG, false) && came(1, 1, 100, false));
	CHECK(came(2, 2, 50, true));
	finish();
}

static void
readers_may_wait_and_close(void)
{
	static struct packet k;

	fresh();
	t.refuses = true;
	CHECK(say(LONG) == ERR_OK && say(100) == ERR_OK);
	CHECK(pack(&k)); /* lost */
	flush();
	CHECK_EQ(later(2 * SESSION_LATE_US), ERR_OK);
	CHECK_EQ(t.n, 0);
	t.refuses = false;
	session_retry(t.s[1], SID);
	CHECK(t.n == 2 && came(0, 0, LONG, false) && came(1, 1, 100, true));
	CHECK_EQ(say(LONG), ERR_OK);
	CHECK(pack(&k));
	t.closes = true;
	flush();
	CHECK_EQ(later(SESSION_LATE_US), ERR_OK);
	CHECK(t.n == 3 && came(2, 2, LONG, false)); /* read after it was closed */
	CHECK_EQ(ops->deadline(t.s[1]), UINT64_MAX);
	CHECK_EQ(say(LONG), ERR_OK);
	session_close(t.s[0], SID); /* with pieces that wait */
	CHECK(!ops->pending(t.s[0]));
	session_piece(t.s[0], SID, 0, "x", 1);
	finish();
}

/* --- a peer that breaks it --- */

static void
datagram(struct packet *k, uint64_t index, uint32_t off, uint16_t n)
{
	struct wr w;

	wr_init(&w, k->p, sizeof(k->p));
	wr_u8(&w, FRAME_DATAGRAM);
	wr_le32(&w, SID);
	wr_le64(&w, index);
	wr_le32(&w, off);
	wr_le16(&w, n);
	memset(w.p, 0, n);
	k->n = (size_t)(w.p - k->p) + n;
	k->refs = 0;
}

static void
stub(struct packet *k, uint32_t len, uint32_t tail)
{
	struct wr w;

	wr_init(&w, k->p, sizeof(k->p));
	wr_u8(&w, FRAME_STREAM);
	wr_le32(&w, SID);
	wr_le64(&w, 0);
	wr_le16(&w, 11);
	wr_le32(&w, len);
	wr_u8(&w, 1);
	wr_le32(&w, tail);
	wr_le16(&w, 0);
	k->n = (size_t)(w.p - k->p);
	k->refs = 0;
}

static void
bad_datagrams(void)
{
	static const struct {
		const char *what;
		bool tails;
		uint64_t index;
		uint32_t off, n, len, tail;
		int stub, datagram;
	} row[] = {
	    {"good", true, 0, 5, 2, 0x80000006, 7, ERR_OK, ERR_OK},
	    {"not agreed", false, 0, 0, 2, 6, 0, ERR_OK, ERR_PROTO},
	    {"empty", true, 0, 0, 0, 6, 0, ERR_OK, ERR_PROTO},
	    {"behind the longest", true, 9, SESSION_TAIL_MAX - 1, 2, 6, 0, ERR_OK,
	     ERR_PROTO},
	    {"overflow", true, 9, UINT32_MAX, 2, 6, 0, ERR_OK, ERR_PROTO},
	    {"behind its tail", true, 0, 6, 2, 0x80000006, 7, ERR_PROTO, ERR_OK},
	    {"without a tail", true, 0, 0, 2, 6, 0, ERR_PROTO, ERR_OK},
	    {"tail not agreed", false, 0, 0, 0, 0x80000006, 7, ERR_PROTO, ERR_PROTO},
	    {"tail of nothing", true, 1, 0, 1, 0x80000006, 0, ERR_PROTO, ERR_OK},
	    {"tail too long", true, 1, 0, 1, 0x80000006, SESSION_TAIL_MAX + 1, ERR_PROTO,
	     ERR_OK},
	    {"no room for its length", true, 1, 0, 1, 0x80000003, 7, ERR_PROTO, ERR_OK},
	};
	static struct packet k;

	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		int r;

		memset(&t, 0, sizeof(t));
		CHECK(start());
		session_free(t.s[1]);
		t.s[1] = session_new(&t.pool[1], 1 << 20, &owner, t.s);
		if (row[i].tails)
			session_tails(t.s[1]);
		datagram(&k, row[i].index, row[i].off, (uint16_t)row[i].n);
		r = row[i].n == 0 && row[i].stub != ERR_OK ? ERR_PROTO : arrive(&k);
		CHECK_EQ(r, row[i].datagram);
		if (r != ERR_OK && row[i].stub == ERR_OK) {
			CHECK_EQ(session_failed(t.s[1]), ERR_PROTO);
		} else {
			stub(&k, row[i].len, row[i].tail);
			CHECK_EQ(arrive(&k), row[i].stub);
		}
		if (test_failed)
			printf("# %s\n", row[i].what);
		finish();
	}
}

static void
a_flood_has_an_end(void)
{
	static struct packet k;

	fresh();
	for (uint32_t i = 0; i < 3 * TAIL_IN_PIECES; i++) {
		datagram(&k, i, 2 * i % 4096, 1);
		CHECK_EQ(arrive(&k), ERR_OK);
	}
	CHECK_EQ(stats(1).received, TAIL_IN_PIECES);
	for (uint32_t i = 0; i < 300; i++) {
		datagram(&k, 100000 + i, 0, 8000);
		CHECK_EQ(arrive(&k), ERR_OK);
	}
	CHECK(t.pool[1].used < TAIL_IN_MAX + 65536);
	finish();
	fresh();
	for (uint32_t i = 0; i < 300; i++) {
		datagram(&k, 100000 - i, 0, 8000);
		CHECK_EQ(arrive(&k), ERR_OK);
	}
	CHECK(stats(1).received >= 100 && stats(1).late >= 100);
	CHECK(t.pool[1].used < TAIL_IN_MAX + 65536);
	finish();
}

/* Pieces one over the other: the first stays. */
static void
overlaps_are_dropped(void)
{
	static const struct {
		uint32_t off, n;
		bool taken;
	} row[] = {{10, 10, true}, {0, 11, false}, {19, 5, false}, {10, 10, false},
		   {12, 3, false}, {5, 30, false}, {0, 10, true},  {20, 1, true}};
	static struct packet k;

	fresh();
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		uint64_t before = stats(1).received;

		datagram(&k, 3, row[i].off, (uint16_t)row[i].n);
		CHECK_EQ(arrive(&k), ERR_OK);
		CHECK_EQ(stats(1).received - before, row[i].taken);
	}
	CHECK_EQ(stats(1).late, 5);
	finish();
}

/* Memory that runs out costs pieces, never a message, and never what was counted. */
static void
without_memory(void)
{
	static struct packet k;

	for (unsigned n = 1; n < 60; n++) {
		memset(&t, 0, sizeof(t));
		t.fails_after = n;
		if (start() && say(LONG) == ERR_OK && say(100) == ERR_OK) {
			for (unsigned i = 0; i < 100 && t.n < 2; i++) {
				if (!pack(&k))
					CHECK_EQ(later(SESSION_LATE_US), ERR_OK);
				else if (arrive(&k) == ERR_FULL)
					lose(&k);
				t.fails_after = i > 10 ? 0 : t.fails_after;
			}
			CHECK_EQ(t.n, 2);
			CHECK(t.got[0].right && t.got[1].right);
		}
		finish();
	}
}

TEST_MAIN(TEST(tails_come_whole), TEST(pieces_are_cut), TEST(a_lost_piece_is_missed),
	  TEST(one_that_was_overtaken_is_not), TEST(one_that_comes_too_late_is_dropped),
	  TEST(who_was_overtaken_once_is_waited_for),
	  TEST(who_came_late_but_in_time_is_waited_for), TEST(old_pieces_do_not_leave),
	  TEST(of_too_many_the_oldest_go), TEST(pieces_have_their_place),
	  TEST(messages_are_said_twice), TEST(others_are_said_once),
	  TEST(another_link_begins_with_the_new), TEST(readers_may_wait_and_close),
	  TEST(bad_datagrams), TEST(a_flood_has_an_end), TEST(overlaps_are_dropped),
	  TEST(without_memory))
