/* SPDX-License-Identifier: ISC */
/* clang-format off */
/* link: test/sim/driver test/sim/stack test/sim/disk test/sim/mic test/sim/pad test/sim/port test/sim/kernel test/sim/ends core/door test/sim/net core/bridge core/assist core/assist_held core/assist_face core/ahead core/ahead_fetch core/behind core/assist_way core/isoin core/isoout core/imports core/imports_msg core/wire_tail core/wire_iso core/import core/iurb core/iurb_iso core/iso core/retq core/exports core/exported core/export core/xurb core/tombs core/urbs core/bench core/wire core/usbip core/desc core/text core/log core/err core/session core/session_link core/session_tail core/tail_in core/tail_out core/marks core/sendbuf core/recvbuf core/bytes core/spans core/ranges core/sched core/sidmap core/arq core/arq_path core/arq_in core/arq_recv core/arq_rtt core/arq_sent core/pmtu core/cc core/cc_bbr core/cc_cubic core/pacer core/cur core/mem core/enumerate core/desc_edit core/desc_cache core/stock_client core/stock_out test/sim/scsi core/bot core/bot_csw core/bot_far core/bot_late core/bot_take core/unit core/unit_watch core/unit_row core/unit_mend core/unit_own core/after */
/* clang-format on */
/*
 * What is urgent beside what is much: a keyboard beside a disk that is copied, on a
 * line that is full, and an isochronous stream there, where packets are lost.
 *	SIM_SEEDS=n runs n of them, SIM_SEED=n runs that one.
 */
#include "core/cur.h"
#include "core/sched.h"
#include "test/sim/driver.h"
#include "test/test.h"

#define DELAY  10000 /* us, each way */
#define FAR    30000
#define RATE   4000000
#define WARM   2000000  /* until the line is known */
#define RUN_US 12000000 /* half of the line is the disk's */
#define SEEN   65536
#define COPIED (20u << 20) /* by whoever shares the line with the disk */

struct latencies {
	uint64_t us[SEEN];
	unsigned n;
};

static int
by_size(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Of a thousand so many are shorter. */
static uint64_t
permille(struct latencies *l, unsigned k)
{
	qsort(l->us, l->n, sizeof(l->us[0]), by_size);
	return l->n > 0 ? l->us[(uint64_t)(l->n - 1) * k / 1000] : UINT64_MAX;
}

static void
say(const char *what, struct latencies *l)
{
	printf("# %s: %u, p50 %llu, p99 %llu, at most %llu us\n", what, l->n,
	       (unsigned long long)permille(l, 500), (unsigned long long)permille(l, 990),
	       (unsigned long long)permille(l, 1000));
}

static void
note(struct latencies *l, uint64_t us)
{
	if (l->n < SEEN)
		l->us[l->n++] = us;
}

static uint64_t
seeds(uint64_t *first)
{
	const char *one = getenv("SIM_SEED"), *many = getenv("SIM_SEEDS");
	uint64_t n = many != NULL ? strtoull(many, NULL, 10) : 5;

	*first = one != NULL ? strtoull(one, NULL, 10) : 1;
	return one != NULL ? 1 : n < 50 ? n : 50; /* each is seconds of a full line */
}

/* --- the keyboard --- */

static struct ends_conf
full_line(uint64_t delay, uint32_t loss)
{
	const struct net_conf way = {
	    .delay_us = delay, .loss = loss, .rate = RATE, .queue = 256 << 10};
	struct ends_conf c = {.to = {way, way}, .arq = ends_arq};

	c.window = 8 << 20;
	c.budget = 64 << 20;
	return c;
}

/* Reports that the device has made, and those that the driver has. */
static void
watch(const struct stack *s, const struct driver *d, uint64_t at[SEEN], unsigned n[2],
      struct latencies *l, uint64_t now, uint64_t warm)
{
	for (; n[0] < s->disk.report && n[0] < SEEN; n[0]++)
		at[n[0]] = now;
	for (; n[1] < d->reports && n[1] < n[0]; n[1]++)
		if (now >= warm)
			note(l, now - at[n[1]]);
}

static bool
begin(struct stack *s, struct driver *d, uint64_t seed)
{
	struct stack_conf c = {
	    .urb_max = 1 << 20, .import_budget = 16 << 20, .export_budget = 16 << 20};
	uint8_t source[8];
	struct session_slice v = {source, sizeof(source)};
	struct session *me;
	struct wr w;

	wr_init(&w, source, sizeof(source));
	wr_le64(&w, COPIED);
	c.ends = full_line(DELAY, 0);
	c.plain = true; /* each urb that is taken back makes the device report */
	stack_init(s, seed, &c);
	memset(d, 0, sizeof(*d));
	me = s->ends.end[0].session;
	if (!stack_attach(s) ||
	    session_open(me, STREAM_BENCH, STREAM_PRIO_BULK) != ERR_OK ||
	    session_send(me, STREAM_BENCH, WIRE_SOURCE, &v, 1, NULL) != ERR_OK)
		return false;
	driver_init(d, s, 1 << 20, 1 << 30);
	return true;
}

/* Finishes the command it is at. */
static bool
finish(struct stack *s, struct driver *d)
{
	d->to_read = d->to_write = 0;
	while (driver_run(d) && d->wrong == NULL && !stack_bad(s))
		stack_step(s, s->ends.now + 1000);
	if (d->wrong == NULL && !stack_bad(s))
		driver_end(d);
	return d->wrong == NULL && !stack_bad(s) && stack_detach(s);
}

static bool
copy(uint64_t seed, struct latencies *l)
{
	static struct stack s;
	static struct driver d;
	static uint64_t at[SEEN];
	unsigned n[2] = {0, 0};
	uint64_t warm, end;
	bool ok = begin(&s, &d, seed);

	warm = s.ends.now + WARM;
	end = s.ends.now + RUN_US;
	while (ok && s.benched < COPIED && driver_run(&d) && !stack_bad(&s)) {
		stack_step(&s, s.ends.now + 200);
		watch(&s, &d, at, n, l, s.ends.now, warm);
		ok = s.ends.now < end && d.wrong == NULL;
	}
	ok = ok && finish(&s, &d);
	return stack_fini(&s) && ok;
}

/*
 * A key is felt as soon as it may be: the way, the packet that is being sent, what
 * congestion control leaves in the line's queue, and up to 3 ms of the reader's.
 */
static void
a_keyboard_beside_a_disk(void)
{
	static struct latencies l;
	uint64_t first, n = seeds(&first);

	l.n = 0;
	for (uint64_t i = first; i < first + n; i++)
		CHECK(copy(i, &l));
	say("reports", &l);
	CHECK(l.n > 20 * n);
	CHECK(permille(&l, 500) < DELAY + 6000);
	CHECK(permille(&l, 1000) < DELAY + 30000);
}

/* --- isochronous data --- */

#define ISO_SID  stream_of(1, 0x84)
#define BULK_SID stream_of(1, 0x81)
#define ISO_US   4000 /* a message each */
#define ISO_LEN  3000

struct camera {
	struct ends ends;
	struct latencies *l;
	uint64_t warm;
	unsigned sent, came;
	uint64_t broken; /* until warm */
	uint64_t bulk;
};

static int
on_message(void *arg, const struct session_msg *m)
{
	struct camera *c = arg;
	uint8_t head[8];
	struct rd r;

	if (m->sid == BULK_SID) {
		c->bulk += m->len;
		return ERR_OK;
	}
	session_msg_read(m, 0, head, sizeof(head));
	rd_init(&r, head, sizeof(head));
	CHECK_EQ(m->index, c->came);
	CHECK_EQ(m->len, 8 + ISO_LEN);
	c->came++;
	if (c->ends.now >= c->warm)
		note(c->l, c->ends.now - rd_le64(&r));
	return ERR_OK;
}

static int
on_accept(void *arg, uint32_t sid, enum stream_prio *prio)
{
	(void)arg;
	*prio = sid == BULK_SID ? STREAM_PRIO_BULK : STREAM_PRIO_ISO;
	return ERR_OK;
}

static void
on_wake(void *arg)
{
	(void)arg;
}

static const struct session_ops camera_ops = {on_message, on_accept, on_wake};

/* A picture's worth, and the disk's data as far as the window takes them. */
static void
take_picture(struct session *s, uint64_t now, bool tails)
{
	static const uint8_t zeros[65536];
	uint8_t head[8];
	struct session_slice v[2] = {{head, sizeof(head)}, {zeros, ISO_LEN}};
	struct session_slice bulk = {zeros, sizeof(zeros)};
	struct wr w;

	wr_init(&w, head, sizeof(head));
	wr_le64(&w, now);
	if (tails) {
		CHECK_EQ(session_send_tail(s, ISO_SID, 1, v, 1, ISO_LEN, 50000, NULL),
			 ERR_OK);
		for (uint32_t i = 0; i < ISO_LEN; i += ISO_LEN / 3)
			session_piece(s, ISO_SID, i, zeros, ISO_LEN / 3);
	} else {
		CHECK_EQ(session_send(s, ISO_SID, 1, v, 2, NULL), ERR_OK);
	}
	while (session_unacked(s, BULK_SID) < 1 << 20)
		CHECK_EQ(session_send(s, BULK_SID, 1, &bulk, 1, NULL), ERR_OK);
}

/* Returns how many messages were not whole. */
static uint64_t
film(uint64_t seed, uint32_t loss, bool tails, struct latencies *l)
{
	static struct camera c;
	static const struct session_ops *const ops[2] = {&camera_ops, &camera_ops};
	void *const arg[2] = {&c, &c};
	struct ends_conf conf = full_line(FAR, loss);
	struct session_stats st;
	uint64_t end, next;

	memset(&c, 0, sizeof(c));
	c.l = l;
	ends_init(&c.ends, seed, &conf, ops, arg);
	for (int i = 0; tails && i < 2; i++)
		session_tails(c.ends.end[i].session);
	c.warm = c.ends.now + WARM;
	end = c.ends.now + RUN_US / 2;
	CHECK_EQ(session_open(c.ends.end[0].session, ISO_SID, STREAM_PRIO_ISO), ERR_OK);
	CHECK_EQ(session_open(c.ends.end[0].session, BULK_SID, STREAM_PRIO_BULK), ERR_OK);
	for (next = c.ends.now; next < end; next += ISO_US, c.sent++) {
		session_stats(c.ends.end[1].session, &st);
		if (next < c.warm)
			c.broken = st.broken;
		take_picture(c.ends.end[0].session, next, tails);
		while (ends_step(&c.ends, next + ISO_US))
			;
	}
	CHECK_EQ(ends_failed(&c.ends), ERR_OK);
	CHECK(c.came + 50 > c.sent);
	CHECK(c.bulk > (uint64_t)RATE * RUN_US / 2000000 / 2); /* the line is full */
	session_stats(c.ends.end[1].session, &st);
	CHECK(ends_fini(&c.ends));
	return st.broken - c.broken;
}

/*
 * What is lost is lost, and the next comes in time; where everything is sent again, all
 * that follows waits for it.
 */
static void
a_camera_on_a_bad_line(void)
{
	static struct latencies l, old;
	uint64_t first, n = seeds(&first), broken = 0, whole = 0;

	l.n = old.n = 0;
	for (uint64_t i = first; i < first + n; i++) {
		broken += film(i, 10000, true, &l);
		whole += film(i, 10000, false, &old);
	}
	say("datagrams", &l);
	say("one stream", &old);
	printf("# %llu messages were not whole\n", (unsigned long long)broken);
	CHECK(permille(&l, 999) < FAR + 30000);
	CHECK(permille(&old, 990) > permille(&l, 999) + 20000);
	CHECK(broken > 0 && broken < l.n / 10);
	CHECK_EQ(whole, 0);
}

static void
a_camera_on_a_good_line(void)
{
	static struct latencies l;
	uint64_t first, n = seeds(&first);

	l.n = 0;
	for (uint64_t i = first; i < first + n; i++)
		CHECK_EQ(film(i, 0, true, &l), 0);
	say("datagrams", &l);
	CHECK(permille(&l, 1000) < FAR + 30000);
}

TEST_MAIN(TEST(a_keyboard_beside_a_disk), TEST(a_camera_on_a_bad_line),
	  TEST(a_camera_on_a_good_line))
