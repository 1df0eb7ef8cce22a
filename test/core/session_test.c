/* SPDX-License-Identifier: ISC */
/* clang-format off */
/* link: core */
/* clang-format on */
/*
 * Two sessions and a pipe of packets between them, which the tests lose, turn
 * round and repeat by hand.
 */
#include <stdbool.h>

#include "core/arq.h"
#include "core/cur.h"
#include "core/frame.h"
#include "core/session.h"
#include "test/test.h"

#define S1   stream_of(1, 0x02)
#define S2   stream_of(2, 0x81)
#define S3   stream_of(3, 0x00)
#define MTU  1180
#define BODY (1u << 20)

static const struct arq_ops *const ops = &session_arq_ops;

struct end {
	struct pool pool;
	struct session *s;
	struct session_msg last;
	uint8_t body[BODY]; /* of the last message */
	unsigned got, woken;
	int answer, accepts;
	bool opens; /* in its accept */
	enum stream_prio prio;
	void (*hook)(struct end *, const struct session_msg *);
};

struct packet {
	uint8_t p[ARQ_PACKET_MAX];
	size_t n, refs;
	struct arq_ref ref[ARQ_REFS];
};

static int
message(void *arg, const struct session_msg *m)
{
	struct end *e = arg;

	if (e->hook != NULL)
		e->hook(e, m);
	if (e->answer != ERR_OK)
		return e->answer;
	CHECK(m->len <= BODY);
	session_msg_read(m, 0, e->body, m->len);
	e->last = *m;
	e->got++;
	return ERR_OK;
}

static int
accept(void *arg, uint32_t sid, enum stream_prio *prio)
{
	struct end *e = arg;

	*prio = e->prio;
	if (e->opens)
		CHECK_EQ(session_open(e->s, sid, e->prio), ERR_OK);
	return e->accepts;
}

static void
wake(void *arg)
{
	((struct end *)arg)->woken++;
}

static const struct session_ops owner = {message, accept, wake};

static void
end_init(struct end *e, uint32_t window)
{
	memset(e, 0, sizeof(*e));
	e->pool = (struct pool)TEST_POOL(64 << 20);
	e->prio = STREAM_PRIO_BULK;
	e->s = session_new(&e->pool, window, &owner, e);
	CHECK(e->s != NULL);
}

static void
end_fini(struct end *e)
{
	session_free(e->s);
	CHECK_EQ(e->pool.used, 0);
}

static int
send_one(struct end *e, uint32_t sid, uint8_t type, const void *p, size_t n)
{
	struct session_slice sl = {p, n};

	return session_send(e->s, sid, type, &sl, 1, NULL);
}

static bool
pack(struct end *e, struct packet *k, size_t cap)
{
	bool had = ops->pending(e->s);

	k->refs = ARQ_REFS;
	k->n = ops->fill(e->s, k->p, cap, k->ref, &k->refs);
	CHECK_EQ(had, k->n > 0);
	CHECK(k->n <= cap && k->refs <= ARQ_REFS);
	return k->n > 0;
}

static int
unpack(struct end *e, const uint8_t *p, size_t n)
{
	int r = ERR_OK;

	while (n > 0 && r == ERR_OK) {
		size_t used = 0;

		if ((r = ops->frame(e->s, p, n, &used)) == ERR_OK) {
			CHECK(used > 0 && used <= n);
			p += used;
			n -= used;
		}
	}
	return r == ERR_OK ? ops->turn(e->s) : r;
}

static void
answer(struct end *e, const struct packet *k, bool arrived)
{
	for (size_t i = 0; i < k->refs; i++)
		(arrived ? ops->acked : ops->lost)(e->s, &k->ref[i]);
}

/* One packet over, acknowledged unless the far end has no room. */
static int
step(struct end *from, struct end *to, size_t cap)
{
	static struct packet k;
	int r;

	if (!pack(from, &k, cap))
		return ERR_GONE;
	r = unpack(to, k.p, k.n);
	answer(from, &k, r == ERR_OK);
	return r;
}

static void
flush(struct end *a, struct end *b)
{
	while (ops->pending(a->s) || ops->pending(b->s)) {
		CHECK(step(a, b, MTU) <= ERR_OK);
		CHECK(step(b, a, MTU) <= ERR_OK);
		if (session_failed(a->s) != ERR_OK || session_failed(b->s) != ERR_OK)
			break;
	}
}

static struct end ea, eb;

static void
two_ends(uint32_t window)
{
	end_init(&ea, window);
	end_init(&eb, window);
	session_peer_window(ea.s, window);
	session_peer_window(eb.s, window);
	CHECK_EQ(session_open(ea.s, S1, STREAM_PRIO_BULK), ERR_OK);
}

static void
no_ends(void)
{
	end_fini(&ea);
	end_fini(&eb);
}

static void
a_message_goes_over(void)
{
	struct session_slice sl[] = {{"he", 2}, {NULL, 0}, {"llo", 3}};
	uint64_t index = 9;

	two_ends(100000);
	CHECK_EQ(session_send(ea.s, S1, 7, sl, ARRAY_LEN(sl), &index), ERR_OK);
	CHECK(index == 0 && ea.woken == 1);
	CHECK_EQ(session_unacked(ea.s, S1), 10);
	flush(&ea, &eb);
	CHECK(eb.got == 1 && eb.last.type == 7 && eb.last.len == 5 && eb.last.sid == S1);
	CHECK(memcmp(eb.body, "hello", 5) == 0);
	CHECK_EQ(session_unacked(ea.s, S1), 0);
	CHECK_EQ(session_send(ea.s, S1, 8, NULL, 0, &index), ERR_OK);
	CHECK_EQ(send_one(&eb, S1, 9, "back", 4), ERR_OK);
	flush(&ea, &eb);
	CHECK(index == 1 && eb.got == 2 && eb.last.len == 0 && eb.last.index == 1);
	CHECK(ea.got == 1 && ea.last.type == 9 && ea.last.index == 0);
	no_ends();
}

static void
one_byte_a_packet(void)
{
	two_ends(100000);
	CHECK_EQ(send_one(&ea, S1, 1, "abcdef", 6), ERR_OK);
	CHECK_EQ(send_one(&ea, S1, 2, "ghi", 3), ERR_OK);
	for (int i = 0; i < 19; i++) {
		CHECK_EQ(eb.got, i < 11 ? 0 : 1);
		CHECK_EQ(step(&ea, &eb, FRAME_STREAM_HEAD + 1), ERR_OK);
	}
	CHECK(eb.got == 2 && memcmp(eb.body, "ghi", 3) == 0);
	CHECK_EQ(step(&ea, &eb, FRAME_STREAM_HEAD + 1), ERR_GONE);
	no_ends();
}

static uint32_t
rnd(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*seed >> 33);
}

/* A body that says which it is. */
static void
draw(uint8_t *p, uint32_t n, uint32_t nr)
{
	for (uint32_t i = 0; i < n; i++)
		p[i] = (uint8_t)(nr * 31 + i * 7 + (i >> 8));
}

static uint32_t expect_next;

static void
check_drawn(struct end *e, const struct session_msg *m)
{
	static uint8_t want[BODY], have[BODY];

	(void)e;
	draw(want, m->len, expect_next);
	session_msg_read(m, 0, have, m->len);
	CHECK(memcmp(want, have, m->len) == 0);
	CHECK_EQ(m->index, expect_next);
	expect_next++;
}

/* A link that holds 400 packets and lets go of any one, or of none of it. */
static void
any_order_any_loss(void)
{
	static struct packet k[400];
	static uint8_t body[30000];
	uint32_t sent = 0, kept = 0;
	uint64_t seed = 5;

	two_ends(300000);
	eb.hook = check_drawn;
	expect_next = 0;
	while (sent < 300 || kept > 0 || ops->pending(ea.s)) {
		uint32_t n = rnd(&seed) % sizeof(body), i;

		if (sent < 300 && session_unacked(ea.s, S1) < 600000) {
			draw(body, n, sent++);
			CHECK_EQ(send_one(&ea, S1, 1, body, n), ERR_OK);
		}
		while (kept < ARRAY_LEN(k) && pack(&ea, &k[kept], 400 + n % 800))
			kept++;
		if (kept == 0)
			continue;
		i = rnd(&seed) % kept;
		if (rnd(&seed) % 10 == 0) {
			answer(&ea, &k[i], false);
		} else {
			CHECK_EQ(unpack(&eb, k[i].p, k[i].n), ERR_OK);
			if (rnd(&seed) % 8 == 0)
				continue; /* stays: comes twice, or is "lost" yet */
			answer(&ea, &k[i], true);
		}
		k[i] = k[--kept];
		while (step(&eb, &ea, MTU) == ERR_OK)
			;
	}
	CHECK_EQ(eb.got, 300);
	CHECK_EQ(session_unacked(ea.s, S1), 0);
	no_ends();
}

static unsigned order_n;
static uint32_t order_sid[64];

static void
note_order(struct end *e, const struct session_msg *m)
{
	(void)e;
	if (order_n < ARRAY_LEN(order_sid))
		order_sid[order_n++] = m->sid;
}

static void
priorities_are_strict(void)
{
	static const enum stream_prio prio[] = {STREAM_PRIO_BULK, STREAM_PRIO_INTERRUPT,
						STREAM_PRIO_CONTROL, STREAM_PRIO_ISO,
						STREAM_PRIO_SESSION};
	static const uint32_t want[] = {5, 3, 2, 4, 1};
	uint8_t body[900] = {0};

	two_ends(100000);
	eb.hook = note_order;
	order_n = 0;
	for (uint32_t i = 0; i < ARRAY_LEN(prio); i++) {
		CHECK_EQ(session_open(ea.s, (i + 1) << 5, prio[i]), ERR_OK);
		CHECK_EQ(send_one(&ea, (i + 1) << 5, 1, body, sizeof(body)), ERR_OK);
	}
	flush(&ea, &eb);
	CHECK_EQ(order_n, ARRAY_LEN(want));
	for (unsigned i = 0; i < ARRAY_LEN(want); i++)
		CHECK_EQ(order_sid[i], want[i] << 5);
	no_ends();
}

static void
equals_take_turns(void)
{
	uint8_t body[1160] = {0}; /* a packet each */

	two_ends(100000);
	eb.hook = note_order;
	order_n = 0;
	CHECK_EQ(session_open(ea.s, S2, STREAM_PRIO_BULK), ERR_OK);
	for (int i = 0; i < 4; i++)
		CHECK_EQ(send_one(&ea, S1, 1, body, sizeof(body)), ERR_OK);
	for (int i = 0; i < 4; i++)
		CHECK_EQ(send_one(&ea, S2, 1, body, sizeof(body)), ERR_OK);
	flush(&ea, &eb);
	for (unsigned i = 0; i < 8; i++)
		CHECK_EQ(order_sid[i], i % 2 ? S2 : S1);
	no_ends();
}

/* Bytes of stream sid among those of 400 packets that others would fill. */
static void
bulk_keeps_a_twentieth(void)
{
	static uint8_t body[60000];
	static struct packet k;
	uint64_t bulk = 0, all = 0;

	two_ends(4 << 20);
	CHECK_EQ(session_open(ea.s, S3, STREAM_PRIO_CONTROL), ERR_OK);
	for (int i = 0; i < 20; i++) {
		CHECK_EQ(send_one(&ea, S3, 1, body, sizeof(body)), ERR_OK);
		CHECK_EQ(send_one(&ea, S1, 1, body, sizeof(body)), ERR_OK);
	}
	for (int i = 0; i < 400; i++) {
		CHECK(pack(&ea, &k, MTU));
		for (size_t j = 0; j < k.refs; j++) {
			all += k.ref[j].len;
			bulk += k.ref[j].sid == S1 ? k.ref[j].len : 0;
		}
		answer(&ea, &k, true);
	}
	CHECK(bulk * 20 >= all);
	CHECK(bulk * 20 < all + all / 10);
	no_ends();
}

static void
the_window_stops_and_moves_on(void)
{
	static uint8_t body[30000];
	uint64_t sent;

	two_ends(65536);
	for (int i = 0; i < 10; i++)
		CHECK_EQ(send_one(&ea, S1, 1, body, sizeof(body)), ERR_OK);
	eb.answer = ERR_FULL;
	flush(&ea, &eb);
	CHECK_EQ(session_unacked(ea.s, S1), 300050 - 65536);
	CHECK(!ops->pending(ea.s) && !ops->pending(eb.s));
	eb.answer = ERR_OK;
	session_retry(eb.s, S1);
	CHECK_EQ(eb.got, 2);
	CHECK(ops->pending(eb.s)); /* a WINDOW */
	flush(&ea, &eb);
	CHECK_EQ(eb.got, 10);
	sent = session_unacked(ea.s, S1);
	CHECK_EQ(sent, 0);
	no_ends();
}

/* Less than a quarter is free again, but the next message needs it. */
static void
a_large_message_moves_the_window(void)
{
	static uint8_t body[65531];

	two_ends(65536);
	CHECK_EQ(send_one(&ea, S1, 1, body, 100), ERR_OK);
	flush(&ea, &eb);
	CHECK(!ops->pending(eb.s));
	CHECK_EQ(send_one(&ea, S1, 1, body, sizeof(body)), ERR_OK);
	flush(&ea, &eb);
	CHECK(eb.got == 2 && eb.last.len == sizeof(body));
	CHECK_EQ(send_one(&ea, S1, 1, body, sizeof(body) + 1), ERR_TOOBIG);
	no_ends();
}

static void
a_lost_window_is_sent_again(void)
{
	static uint8_t body[30000];
	static struct packet old, k;
	struct rd r;

	two_ends(65536);
	CHECK_EQ(send_one(&ea, S1, 1, body, sizeof(body)), ERR_OK);
	while (step(&ea, &eb, MTU) == ERR_OK)
		;
	CHECK(pack(&eb, &old, MTU));
	CHECK(old.n == FRAME_WINDOW_LEN && old.ref[0].kind == FRAME_WINDOW);
	CHECK_EQ(send_one(&ea, S1, 1, body, sizeof(body)), ERR_OK);
	while (step(&ea, &eb, MTU) == ERR_OK)
		;
	CHECK(pack(&eb, &k, MTU));
	CHECK(!ops->pending(eb.s));
	answer(&eb, &old, false); /* k says more: nothing to do */
	CHECK(!ops->pending(eb.s));
	answer(&eb, &k, false);
	CHECK(pack(&eb, &k, MTU));
	rd_init(&r, k.p, k.n);
	CHECK_EQ(rd_u8(&r), FRAME_WINDOW);
	CHECK_EQ(rd_le32(&r), S1);
	CHECK_EQ(rd_le64(&r), 65536 + 60010);
	no_ends();
}

static void
the_peers_window_only_grows(void)
{
	static uint8_t body[90000];

	end_init(&ea, 1 << 20);
	end_init(&eb, 1 << 20);
	CHECK_EQ(session_open(ea.s, S1, STREAM_PRIO_BULK), ERR_OK);
	CHECK_EQ(send_one(&ea, S1, 1, body, 40000), ERR_OK);
	CHECK_EQ(send_one(&ea, S1, 1, body, 40000), ERR_OK);
	CHECK_EQ(send_one(&ea, S1, 1, body, sizeof(body)), ERR_TOOBIG);
	while (step(&ea, &eb, MTU) == ERR_OK)
		;
	CHECK_EQ(session_unacked(ea.s, S1), 80010 - 65536);
	ea.woken = 0;
	session_peer_window(ea.s, 1000);
	CHECK_EQ(ea.woken, 0);
	session_peer_window(ea.s, 1 << 20);
	CHECK_EQ(ea.woken, 1);
	CHECK_EQ(send_one(&ea, S1, 1, body, sizeof(body)), ERR_OK);
	flush(&ea, &eb);
	CHECK_EQ(eb.got, 3);
	no_ends();
}

static size_t
stream_frame(uint8_t *p, uint32_t sid, uint64_t off, uint16_t len, size_t there)
{
	struct wr w;

	wr_init(&w, p, 200);
	wr_u8(&w, FRAME_STREAM);
	wr_le32(&w, sid);
	wr_le64(&w, off);
	wr_le16(&w, len);
	memset(w.p, 1, there);
	return FRAME_STREAM_HEAD + there;
}

static void
bad_frames(void)
{
	static const struct {
		const char *name;
		uint64_t off;
		uint16_t len;
		size_t there;
		int want;
	} bad[] = {
	    {"up to the window", 65526, 10, 10, ERR_OK},
	    {"beyond the window", 65527, 10, 10, ERR_PROTO},
	    {"nothing, beyond the window", 65537, 0, 0, ERR_PROTO},
	    {"nothing, far", 60000, 0, 0, ERR_OK},
	    {"offset turns over", UINT64_MAX - 5, 10, 10, ERR_PROTO},
	    {"last offset", UINT64_MAX, 0, 0, ERR_PROTO},
	    {"bytes are missing", 0, 10, 9, ERR_PROTO},
	    {"length of a message", 0, 5, 5, ERR_PROTO}, /* 0x01010101 */
	};
	uint8_t p[200];

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		int r;

		two_ends(65536);
		r = unpack(&eb, p,
			   stream_frame(p, S1, bad[i].off, bad[i].len, bad[i].there));
		if (r != bad[i].want)
			printf("# %s\n", bad[i].name);
		CHECK_EQ(r, bad[i].want);
		CHECK_EQ(session_failed(eb.s), bad[i].want);
		no_ends();
	}
	for (size_t n = 1; n < FRAME_WINDOW_LEN; n++) {
		size_t used;

		two_ends(65536);
		memset(p, 0, sizeof(p));
		p[0] = n % 2 ? FRAME_WINDOW : FRAME_STREAM;
		CHECK_EQ(ops->frame(eb.s, p, n, &used), ERR_PROTO);
		p[0] = 18;
		CHECK_EQ(ops->frame(ea.s, p, n, &used), ERR_PROTO);
		no_ends();
	}
}

/* No sender of ours makes these: one byte more than the window, or the limit. */
static void
too_long_messages(void)
{
	static const struct {
		uint32_t window, len;
		int want;
	} bad[] = {
	    {65536, 65531, ERR_OK},
	    {65536, 65532, ERR_PROTO},
	    {1u << 30, SESSION_MSG_MAX, ERR_OK},
	    {1u << 30, SESSION_MSG_MAX + 1, ERR_PROTO},
	    {UINT32_MAX, UINT32_MAX, ERR_PROTO},
	};
	uint8_t p[200];

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct wr w;

		two_ends(bad[i].window);
		(void)stream_frame(p, S1, 0, SESSION_MSG_HEAD, SESSION_MSG_HEAD);
		wr_init(&w, p + FRAME_STREAM_HEAD, SESSION_MSG_HEAD);
		wr_le32(&w, bad[i].len);
		CHECK_EQ(unpack(&eb, p, FRAME_STREAM_HEAD + SESSION_MSG_HEAD),
			 bad[i].want);
		no_ends();
	}
}

static void
a_failed_session_stays_failed(void)
{
	static struct packet k;
	size_t used;
	uint8_t p[200];

	two_ends(65536);
	CHECK_EQ(send_one(&ea, S1, 1, "x", 1), ERR_OK);
	ea.woken = 0;
	CHECK_EQ(unpack(&ea, p, stream_frame(p, S1, 65536, 1, 1)), ERR_PROTO);
	CHECK(ea.woken > 0);
	CHECK(!ops->pending(ea.s));
	CHECK(!pack(&ea, &k, MTU));
	CHECK_EQ(send_one(&ea, S1, 1, "x", 1), ERR_STATE);
	CHECK_EQ(ops->frame(ea.s, p, stream_frame(p, S1, 0, 1, 1), &used), ERR_PROTO);
	CHECK_EQ(ops->turn(ea.s), ERR_PROTO);
	no_ends();
	two_ends(65536);
	eb.answer = ERR_REFUSED; /* the reader's word */
	CHECK_EQ(send_one(&ea, S1, 1, "x", 1), ERR_OK);
	CHECK_EQ(step(&ea, &eb, MTU), ERR_REFUSED);
	CHECK_EQ(session_failed(eb.s), ERR_REFUSED);
	no_ends();
}

static void
streams_are_accepted_or_not(void)
{
	uint8_t p[200];

	two_ends(65536);
	eb.accepts = ERR_GONE;
	CHECK_EQ(unpack(&eb, p, stream_frame(p, S2, 5, 10, 10)), ERR_OK);
	eb.accepts = ERR_FULL;
	CHECK_EQ(unpack(&eb, p, stream_frame(p, S2, 5, 10, 10)), ERR_FULL);
	eb.accepts = ERR_OK;
	eb.pool.budget = eb.pool.used;
	CHECK_EQ(unpack(&eb, p, stream_frame(p, S2, 5, 10, 10)), ERR_FULL);
	CHECK_EQ(session_failed(eb.s), ERR_OK);
	CHECK_EQ(send_one(&eb, S2, 1, "", 0), ERR_STATE);
	eb.pool.budget = 1 << 20;
	CHECK_EQ(unpack(&eb, p, stream_frame(p, S2, 5, 10, 10)), ERR_OK);
	CHECK_EQ(send_one(&eb, S2, 1, "", 0), ERR_OK);
	eb.opens = true;
	CHECK_EQ(unpack(&eb, p, stream_frame(p, S3, 5, 10, 10)), ERR_OK);
	session_close(eb.s, S3);
	CHECK_EQ(send_one(&eb, S3, 1, "", 0), ERR_STATE);
	eb.opens = false;
	eb.accepts = ERR_REFUSED;
	CHECK_EQ(unpack(&eb, p, stream_frame(p, S2 + 64, 0, 10, 10)), ERR_REFUSED);
	CHECK_EQ(session_failed(eb.s), ERR_REFUSED);
	no_ends();
}

static void
close_own_stream(struct end *e, const struct session_msg *m)
{
	char c[3];

	session_close(e->s, m->sid);
	session_msg_read(m, 1, c, 3);
	CHECK(memcmp(c, "bcd", 3) == 0);
	CHECK_EQ(send_one(e, m->sid, 1, "x", 1), ERR_STATE);
}

static void
close_the_others(struct end *e, const struct session_msg *m)
{
	session_close(e->s, m->sid == S1 ? S2 : S1);
	for (uint32_t d = 10; d < 60; d++) { /* moves the table */
		CHECK_EQ(session_open(e->s, d << 5, STREAM_PRIO_CONTROL), ERR_OK);
		CHECK_EQ(send_one(e, d << 5, 2, "open", 4), ERR_OK);
	}
	CHECK_EQ(send_one(e, m->sid, 3, "reply", 5), ERR_OK);
}

static void
readers_may_do_anything(void)
{
	two_ends(65536);
	eb.hook = close_own_stream;
	CHECK_EQ(send_one(&ea, S1, 1, "abcd", 4), ERR_OK);
	CHECK_EQ(send_one(&ea, S1, 1, "efgh", 4), ERR_OK);
	CHECK_EQ(step(&ea, &eb, MTU), ERR_OK);
	CHECK_EQ(eb.got, 1);
	eb.answer = ERR_FULL; /* cannot be kept: the stream is gone */
	CHECK_EQ(session_open(ea.s, S2, STREAM_PRIO_BULK), ERR_OK);
	CHECK_EQ(send_one(&ea, S2, 1, "abcd", 4), ERR_OK);
	CHECK_EQ(step(&ea, &eb, MTU), ERR_OK);
	session_retry(eb.s, S2);
	CHECK_EQ(eb.got, 1);
	no_ends();

	two_ends(65536);
	CHECK_EQ(session_open(ea.s, S2, STREAM_PRIO_BULK), ERR_OK);
	eb.hook = close_the_others;
	CHECK_EQ(send_one(&ea, S1, 1, "abcd", 4), ERR_OK);
	CHECK_EQ(send_one(&ea, S2, 1, "abcd", 4), ERR_OK);
	CHECK_EQ(step(&ea, &eb, MTU), ERR_OK);
	CHECK_EQ(eb.got, 1);
	flush(&ea, &eb);
	CHECK_EQ(ea.got, 51);
	no_ends();
}

static void
retry_myself(struct end *e, const struct session_msg *m)
{
	session_retry(e->s, m->sid);
	e->answer = e->answer == ERR_FULL ? ERR_OK : ERR_FULL;
}

static void
full_readers_are_asked_again(void)
{
	two_ends(65536);
	eb.answer = ERR_FULL;
	eb.hook = note_order;
	order_n = 0;
	for (uint8_t i = 0; i < 5; i++)
		CHECK_EQ(send_one(&ea, S1, i, "abcd", 4), ERR_OK);
	flush(&ea, &eb);
	session_retry(eb.s, S1);
	session_retry(eb.s, S2);
	CHECK_EQ(eb.got, 0);
	CHECK_EQ(order_n, 2); /* at first, and by the retry */
	CHECK_EQ(send_one(&ea, S1, 5, "abcd", 4), ERR_OK);
	flush(&ea, &eb);
	CHECK_EQ(order_n, 2);
	eb.answer = ERR_OK;
	CHECK_EQ(ops->turn(eb.s), ERR_OK);
	CHECK_EQ(eb.got, 0); /* waits for us, not for packets */
	session_retry(eb.s, S1);
	CHECK(eb.got == 6 && eb.last.type == 5 && eb.last.index == 5);
	eb.hook = retry_myself; /* says FULL each second time */
	for (uint8_t i = 0; i < 5; i++)
		CHECK_EQ(send_one(&ea, S1, i, "abcd", 4), ERR_OK);
	flush(&ea, &eb);
	CHECK_EQ(eb.got, 11);
	no_ends();
}

static void
closed_streams_are_forgotten(void)
{
	static struct packet k, l, m;
	static uint8_t body[30000];
	size_t idle;

	two_ends(65536);
	session_close(ea.s, S1);
	idle = ea.pool.used;
	CHECK_EQ(session_open(ea.s, S1, STREAM_PRIO_BULK), ERR_OK);
	CHECK_EQ(send_one(&ea, S1, 1, body, sizeof(body)), ERR_OK);
	CHECK(pack(&ea, &k, MTU) && pack(&ea, &l, MTU) && pack(&ea, &m, MTU));
	answer(&ea, &l, true);
	answer(&ea, &m, false);
	CHECK_EQ(unpack(&eb, l.p, l.n), ERR_OK);
	session_close(ea.s, S1);
	CHECK_EQ(ea.pool.used, idle);
	CHECK(!ops->pending(ea.s));
	answer(&ea, &k, true);
	answer(&ea, &k, false);
	session_close(ea.s, S1);
	CHECK_EQ(session_unacked(ea.s, S1), 0);
	session_close(eb.s, S1);
	eb.accepts = ERR_GONE;
	CHECK_EQ(unpack(&eb, k.p, k.n), ERR_OK);
	no_ends();
}

static void
a_send_without_memory_is_no_send(void)
{
	static uint8_t body[40000];
	size_t used;
	int r = ERR_NOMEM;

	two_ends(1 << 20);
	CHECK_EQ(send_one(&ea, S1, 1, "first", 5), ERR_OK);
	used = ea.pool.used;
	for (size_t budget = 0; r != ERR_OK; budget += 64) {
		ea.pool.budget = used + budget;
		r = send_one(&ea, S1, 2, body, sizeof(body));
		CHECK(r == ERR_OK || (r == ERR_NOMEM && session_unacked(ea.s, S1) == 10));
		CHECK(r == ERR_OK || ea.pool.used <= used + 16 * sizeof(void *));
	}
	flush(&ea, &eb);
	CHECK(eb.got == 2 && eb.last.index == 1 && eb.last.len == sizeof(body));
	no_ends();
}

/* Every allocation of either side fails once or more; nothing is lost. */
static void
little_memory_is_slow(void)
{
	static uint8_t body[20000];

	for (size_t budget = 0; budget < 90000; budget += 1500) {
		int r = ERR_OK;

		two_ends(65536);
		draw(body, sizeof(body), 0);
		CHECK_EQ(send_one(&ea, S1, 1, body, sizeof(body)), ERR_OK);
		eb.pool.budget = eb.pool.used + budget;
		for (int i = 0; i < 100 && r != ERR_GONE; i++)
			r = step(&ea, &eb, MTU);
		CHECK_EQ(session_failed(eb.s), ERR_OK);
		eb.pool.budget = 1 << 20;
		flush(&ea, &eb);
		CHECK(eb.got == 1 && memcmp(eb.body, body, sizeof(body)) == 0);
		no_ends();
	}
}

/* More gaps than a set of ranges holds, on both sides at once. */
static void
more_gaps_than_we_can_count(void)
{
	static struct packet k[2000];
	static uint8_t body[60000];
	size_t n = 0;

	two_ends(1 << 20);
	draw(body, sizeof(body), 3);
	for (int i = 0; i < 2; i++)
		CHECK_EQ(send_one(&ea, S1, 1, body, sizeof(body)), ERR_OK);
	while (n < ARRAY_LEN(k) && pack(&ea, &k[n], 80))
		n++;
	for (size_t i = 1; i < n; i += 2) {
		int r = unpack(&eb, k[i].p, k[i].n);

		CHECK_EQ(r, i < 513 ? ERR_OK : ERR_FULL);
		answer(&ea, &k[i], r == ERR_OK);
	}
	for (size_t i = 0; i < n; i += 2) /* spoils the set of lost ones, too */
		answer(&ea, &k[i], false);
	CHECK_EQ(eb.got, 0);
	flush(&ea, &eb);
	CHECK(eb.got == 2 && memcmp(eb.body, body, sizeof(body)) == 0);
	CHECK_EQ(session_unacked(ea.s, S1), 0);
	no_ends();
}

static void
sender_without_memory_for_ranges(void)
{
	static struct packet k[100];
	static uint8_t body[60000];
	size_t n = 0;

	two_ends(1 << 20);
	draw(body, sizeof(body), 3);
	CHECK_EQ(send_one(&ea, S1, 1, body, sizeof(body)), ERR_OK);
	ea.pool.budget = ea.pool.used;
	while (n < ARRAY_LEN(k) && pack(&ea, &k[n], MTU))
		n++;
	for (size_t i = 1; i < n; i++) {
		CHECK_EQ(unpack(&eb, k[i].p, k[i].n), ERR_OK);
		answer(&ea, &k[i], i % 3 != 0);
	}
	CHECK_EQ(eb.got, 0);
	CHECK(ops->pending(ea.s));
	answer(&ea, &k[0], false);
	flush(&ea, &eb);
	CHECK(eb.got == 1 && memcmp(eb.body, body, sizeof(body)) == 0);
	CHECK_EQ(session_unacked(ea.s, S1), 0);
	no_ends();
}

static void
idle_streams_cost_little(void)
{
	size_t before;

	two_ends(64 << 20);
	before = ea.pool.used;
	for (uint32_t d = 1; d <= 500; d++) {
		CHECK_EQ(session_open(ea.s, d << 5, STREAM_PRIO_BULK), ERR_OK);
		CHECK_EQ(send_one(&ea, d << 5, 1, "abcd", 4), ERR_OK);
	}
	flush(&ea, &eb);
	CHECK_EQ(eb.got, 500);
	CHECK((ea.pool.used - before) / 500 < 512);
	for (uint32_t d = 1; d <= 500; d++)
		session_close(ea.s, d << 5);
	no_ends();
}

static void
without_memory_no_session(void)
{
	struct pool pool = TEST_POOL(100);

	CHECK(session_new(&pool, 65536, &owner, NULL) == NULL);
	CHECK_EQ(pool.used, 0);
	session_free(NULL);
}

TEST_MAIN(TEST(a_message_goes_over), TEST(one_byte_a_packet), TEST(any_order_any_loss),
	  TEST(priorities_are_strict), TEST(equals_take_turns),
	  TEST(bulk_keeps_a_twentieth), TEST(the_window_stops_and_moves_on),
	  TEST(a_large_message_moves_the_window), TEST(a_lost_window_is_sent_again),
	  TEST(the_peers_window_only_grows), TEST(bad_frames), TEST(too_long_messages),
	  TEST(a_failed_session_stays_failed), TEST(streams_are_accepted_or_not),
	  TEST(readers_may_do_anything), TEST(full_readers_are_asked_again),
	  TEST(closed_streams_are_forgotten), TEST(a_send_without_memory_is_no_send),
	  TEST(little_memory_is_slow), TEST(more_gaps_than_we_can_count),
	  TEST(sender_without_memory_for_ranges), TEST(idle_streams_cost_little),
	  TEST(without_memory_no_session))
