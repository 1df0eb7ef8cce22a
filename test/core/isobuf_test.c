/* SPDX-License-Identifier: ISC */
/* link: core/isoin core/isoout core/mem */
/*
 * Streams that do not wait for their driver, each end of them alone: a driver that
 * submits, a far end that says what the test wants. Whole runs are test/sim/iso_test's.
 */
#include "core/isobuf.h"
#include "core/isoin.h"
#include "core/isoout.h"
#include "core/usbip.h"
#include "test/test.h"

#define MOST    1024
#define PACKETS 8u
#define SIZE    16u /* bytes of a packet */
#define LEN     (PACKETS * SIZE)
#define URB_US  8000u
#define TRIP    50000u

static struct pool pool;
static struct isoin *in;
static struct isoout *out;
static struct ahead_stats stats;
static struct {
	uint64_t tag;
	int32_t status;
	uint32_t actual, packets;
	unsigned bad; /* packets with a status */
	bool unlinked;
	uint8_t byte;
} said[MOST];
static struct {
	uint32_t flags, packets, len;
	uint8_t byte;
} far[MOST];
static unsigned says, fars, unlinks;
static uint64_t unlinked[MOST], now, trip;
static int submit_says;

static int
on_submit(void *arg, const struct import_request *q, uint64_t *tag)
{
	(void)arg;
	if (submit_says != ERR_OK)
		return submit_says;
	CHECK(fars < MOST);
	far[fars].flags = q->flags;
	far[fars].packets = q->packets;
	far[fars].len = q->len;
	far[fars].byte = q->data != NULL ? q->data[0] : 0;
	for (uint32_t i = 0; i < q->packets; i++)
		CHECK(q->iso[i].length == q->len / q->packets);
	*tag = 1000 + fars++;
	return ERR_OK;
}

static int
on_unlink(void *arg, uint8_t ep, uint64_t tag)
{
	(void)arg;
	(void)ep;
	unlinked[unlinks++] = tag;
	return ERR_OK;
}

static void
on_answer(void *arg, uint8_t ep, uint64_t tag, const struct import_reply *r,
	  const uint8_t *data, const struct urb_iso *iso)
{
	(void)arg;
	(void)ep;
	CHECK(says < MOST);
	said[says].tag = tag;
	said[says].status = r->status;
	said[says].actual = r->actual;
	said[says].packets = r->packets;
	said[says].unlinked = r->unlinked;
	said[says].byte = data != NULL ? data[0] : 0;
	said[says].bad = 0;
	for (uint32_t i = 0; i < r->packets; i++)
		said[says].bad += iso[i].status != 0;
	says++;
}

static uint64_t
on_now(void *arg)
{
	(void)arg;
	return now;
}

static uint64_t
on_trip(void *arg)
{
	(void)arg;
	return trip;
}

static const struct ahead_ops ops = {on_submit, on_unlink, NULL,
				     on_answer, on_now,    on_trip};

static void
setup(void)
{
	pool = (struct pool)TEST_POOL(8 << 20);
	stats = (struct ahead_stats){0};
	says = fars = unlinks = 0;
	submit_says = ERR_OK;
	now = 1000000;
	trip = TRIP;
	in = isoin_new(&pool, 0x81, 1000, &stats, &ops, NULL);
	out = isoout_new(&pool, 0x01, 1000, &stats, &ops, NULL);
	CHECK(in != NULL && out != NULL);
}

static void
teardown(void)
{
	isoin_free(in);
	isoout_free(out);
	CHECK_EQ(pool.used, 0);
}

/* --- the driver --- */

static int
urb(uint64_t tag, bool is_in, uint32_t packets)
{
	struct urb_iso iso[PACKETS];
	uint8_t data[LEN];
	struct import_request q = {.ep = is_in ? 0x81 : 0x01,
				   .type = URB_ISO,
				   .len = packets * SIZE,
				   .packets = packets,
				   .iso = iso};
	int err;

	for (uint32_t i = 0; i < packets; i++)
		iso[i] = (struct urb_iso){.offset = i * SIZE, .length = SIZE};
	memset(data, (int)tag, sizeof(data));
	q.data = is_in ? NULL : data;
	err = is_in ? isoin_take(in, &q, tag) : isoout_take(out, &q, tag);
	if (err == ERR_OK && is_in)
		isoin_go(in);
	else if (err == ERR_OK)
		isoout_go(out);
	return err;
}

static void
heard(unsigned n, uint64_t tag, int32_t status, uint32_t actual)
{
	CHECK_EQ(says, n);
	CHECK(n > 0);
	CHECK_EQ(said[n - 1].tag, tag);
	CHECK_EQ(said[n - 1].status, status);
	CHECK_EQ(said[n - 1].actual, actual);
	CHECK_EQ(said[n - 1].unlinked, status == -LINUX_ECONNRESET);
}

/* --- the far end --- */

/* Request n ends; the first `bad` packets failed. */
static int
ends(unsigned n, struct import_reply r, unsigned bad, uint8_t byte, bool is_in)
{
	struct urb_iso *iso;
	uint8_t *data = NULL;
	int err = is_in ? isoin_reply(in, 1000 + n, &r, &data, &iso)
			: isoout_reply(out, 1000 + n, &r, &iso);

	if (err != ERR_OK)
		return err;
	if (data != NULL)
		memset(data, byte, r.actual);
	for (uint32_t i = 0; i < r.packets; i++)
		iso[i] = (struct urb_iso){.actual = i < bad ? 0 : SIZE,
					  .status = i < bad ? -LINUX_EXDEV : 0};
	return is_in ? isoin_reply_end(in) : isoout_reply_end(out);
}

static struct import_reply
fine(unsigned bad)
{
	return (struct import_reply){.actual = (PACKETS - bad) * SIZE,
				     .packets = PACKETS};
}

static void
comes(unsigned n, uint8_t byte)
{
	CHECK_EQ(ends(n, fine(0), 0, byte, true), ERR_OK);
}

static void
done(unsigned n, unsigned bad)
{
	CHECK_EQ(ends(n, fine(bad), bad, 0, false), ERR_OK);
}

static const struct import_reply back = {.status = -LINUX_ECONNRESET, .unlinked = true};

/* --- from the device --- */

/* Four round trips, an urb at each end, and a little. */
#define OPEN ((4 * TRIP + 2 * URB_US + 10000) / URB_US + 1)

static void
in_keeps_it_running(void)
{
	setup();
	CHECK_EQ(urb(1, true, PACKETS), ERR_OK);
	CHECK_EQ(fars, OPEN);
	CHECK_EQ(far[0].flags, 0);
	CHECK_EQ(far[1].flags, URB_ISO_ASAP);
	comes(0, 'a');
	heard(1, 1, 0, LEN);
	CHECK_EQ(said[0].byte, 'a');
	CHECK_EQ(said[0].packets, PACKETS);
	CHECK_EQ(ends(1, fine(2), 2, 'b', true), ERR_OK);
	CHECK_EQ(urb(2, true, PACKETS), ERR_OK);
	heard(2, 2, 0, LEN - 2 * SIZE);
	CHECK_EQ(said[1].bad, 2);
	CHECK_EQ(stats.hits, 1);
	CHECK_EQ(urb(3, true, PACKETS), ERR_OK);
	CHECK_EQ(fars, OPEN + 2);
	teardown();
}

/* What comes late makes more of them; and as many as there may be. */
static void
in_learns_what_is_late(void)
{
	setup();
	for (unsigned i = 0; i < 20; i++) {
		CHECK_EQ(urb(i, true, PACKETS), ERR_OK);
		now += i == 10 ? URB_US + 40000 : URB_US;
		comes(i, 'a');
	}
	CHECK_EQ(urb(20, true, PACKETS), ERR_OK);
	CHECK(fars - 20 >= OPEN + 9 && fars - 20 <= OPEN + 11); /* 2 x 40 ms */
	teardown();
	setup();
	trip = 100000000;
	CHECK_EQ(urb(1, true, PACKETS), ERR_OK);
	CHECK_EQ(fars, ISOBUF_MOST_US / URB_US + 1);
	teardown();
}

static void
in_stops(void)
{
	setup();
	CHECK_EQ(urb(1, true, PACKETS), ERR_OK);
	CHECK_EQ(urb(2, true, PACKETS), ERR_OK);
	comes(0, 'a');
	isoin_unlink(in, 77);
	CHECK_EQ(says, 1);
	CHECK_EQ(unlinks, 0);
	isoin_unlink(in, 2);
	heard(2, 2, -LINUX_ECONNRESET, 0);
	CHECK_EQ(unlinks, fars - 1);
	CHECK_EQ(unlinked[0], 1000 + fars - 1);
	comes(1, 'b'); /* nobody's */
	CHECK(!isoin_quiet(in));
	for (unsigned i = 2; i < OPEN; i++)
		CHECK_EQ(ends(i, back, 0, 0, true), ERR_OK);
	CHECK_EQ(ends(OPEN, back, 0, 0, true), ERR_OK);
	CHECK(isoin_quiet(in) && isoin_idle(in));
	CHECK_EQ(says, 2);
	teardown();
}

/* One that begins again does not get what was before. */
static void
in_begins_again(void)
{
	unsigned n;

	setup();
	CHECK_EQ(urb(1, true, PACKETS), ERR_OK);
	isoin_unlink(in, 1);
	n = fars;
	CHECK_EQ(urb(2, true, PACKETS), ERR_OK);
	comes(0, 'a');
	CHECK_EQ(says, 1);
	comes(n, 'b');
	heard(2, 2, 0, LEN);
	CHECK_EQ(said[1].byte, 'b');
	teardown();
}

/* Of urbs that are others each gets its own. */
static void
in_changes(void)
{
	struct import_reply half = {.actual = LEN / 2, .packets = PACKETS / 2};
	unsigned n;

	setup();
	CHECK_EQ(urb(1, true, PACKETS), ERR_OK);
	n = fars;
	CHECK_EQ(urb(2, true, PACKETS / 2), ERR_OK);
	CHECK_EQ(unlinks, n - 1);
	CHECK(fars > n);
	CHECK_EQ(far[n].packets, PACKETS / 2);
	comes(0, 'a');
	heard(1, 1, 0, LEN);
	comes(1, 'x');
	CHECK_EQ(says, 1);
	CHECK_EQ(ends(n, half, 0, 'b', true), ERR_OK);
	heard(2, 2, 0, LEN / 2);
	CHECK_EQ(stats.fallbacks, 1);
	teardown();
}

static void
in_is_barred(void)
{
	unsigned n;

	setup();
	CHECK_EQ(urb(1, true, PACKETS), ERR_OK);
	n = fars;
	isoin_bar(in);
	CHECK_EQ(unlinks, n);
	CHECK_EQ(urb(2, true, PACKETS), ERR_OK);
	for (unsigned i = 0; i < n; i++)
		CHECK_EQ(ends(i, back, 0, 0, true), ERR_OK);
	CHECK(isoin_quiet(in));
	CHECK_EQ(fars, n);
	CHECK_EQ(says, 0);
	isoin_unbar(in, true);
	CHECK(fars > n);
	comes(n, 'a');
	heard(1, 1, 0, LEN);
	teardown();
}

static void
in_has_no_room(void)
{
	const struct import_reply full = {.status = -LINUX_ENOMEM};
	unsigned n;

	setup();
	CHECK_EQ(urb(1, true, PACKETS), ERR_OK);
	n = fars;
	CHECK_EQ(ends(n - 1, full, 0, 0, true), ERR_OK);
	CHECK_EQ(stats.fallbacks, 1);
	CHECK_EQ(fars, n);
	comes(0, 'a');
	CHECK_EQ(urb(2, true, PACKETS), ERR_OK);
	CHECK_EQ(fars, n); /* less than before */
	CHECK_EQ(ends(1, full, 0, 0, true), ERR_OK);
	teardown();
	setup();
	submit_says = ERR_NOMEM;
	CHECK_EQ(urb(1, true, PACKETS), ERR_OK);
	heard(1, 1, -LINUX_ENOMEM, 0);
	teardown();
}

/* --- to the device --- */

/* The driver keeps two out; it is told as time goes by, and nothing is sent until then.
 */
static void
out_begins_half_full(void)
{
	uint64_t tag = 3, half = (4 * TRIP + 2 * URB_US + 10000) / 2, at;

	setup();
	CHECK_EQ(urb(1, false, PACKETS), ERR_OK);
	CHECK_EQ(urb(2, false, PACKETS), ERR_OK);
	CHECK_EQ(says, 0);
	while (fars == 0 && tag < 50) {
		at = isoout_turn(out);
		CHECK(at > now && at <= now + URB_US);
		now = at;
		(void)isoout_turn(out);
		while (fars == 0 && says + 2 >= tag)
			CHECK_EQ(urb(tag++, false, PACKETS), ERR_OK);
	}
	CHECK(now - 1000000 >= half - 2 * URB_US && now - 1000000 <= half);
	CHECK(fars >= says && fars <= says + 2);
	for (unsigned i = 0; i < says; i++) {
		CHECK_EQ(said[i].tag, i + 1);
		CHECK(said[i].status == 0 && said[i].actual == LEN && said[i].bad == 0);
		CHECK_EQ(far[i].byte, i + 1);
	}
	CHECK_EQ(far[0].flags, 0);
	CHECK_EQ(far[1].flags, URB_ISO_ASAP);
	teardown();
}

#define RUN 800u

/*
 * A stream that runs: it is told a little quicker than it is played, until as much is on
 * its way as may be. Returns how many urbs that are.
 */
static unsigned
running(void)
{
	uint64_t tag = 1;
	unsigned done_n = 0, left = 0;

	while (done_n < RUN) {
		while (tag <= says + 2u)
			CHECK_EQ(urb(tag++, false, PACKETS), ERR_OK);
		now += URB_US;
		(void)isoout_turn(out);
		if (fars > 0)
			done(done_n++, 0);
	}
	left = fars - done_n;
	return left;
}

static void
out_is_told_as_one_ends(void)
{
	unsigned n, before;

	setup();
	n = running();
	CHECK(n >= OPEN - 4 && n <= OPEN + 4);
	before = says;
	now += 1000;
	(void)isoout_turn(out);
	CHECK_EQ(says, before); /* as much is on its way as may be */
	done(RUN, 0);
	CHECK_EQ(says, before + 1);
	teardown();
}

/* Packets that got lost are told in the next urb, also more than it has. */
static void
out_tells_what_was_lost(void)
{
	unsigned told;

	setup();
	(void)running();
	told = says;
	CHECK(urb(says + 3, false, PACKETS) == ERR_OK);
	CHECK(urb(says + 4, false, PACKETS) == ERR_OK);
	done(RUN, 3);
	CHECK_EQ(says, told + 1);
	CHECK_EQ(said[told].bad, 3);
	CHECK_EQ(said[told].actual, LEN - 3 * SIZE);
	done(RUN + 1, 0);
	CHECK_EQ(said[told + 1].bad, 0);
	CHECK_EQ(stats.fallbacks, 0);
	teardown();
}

static void
out_fails(void)
{
	const struct import_reply gone = {.status = -LINUX_EPIPE};
	unsigned told;
	bool failed = false;

	setup();
	(void)running();
	told = says;
	CHECK_EQ(ends(RUN, gone, 0, 0, false), ERR_OK);
	CHECK_EQ(stats.fallbacks, 1);
	for (unsigned i = RUN + 1; i < fars; i++)
		done(i, 0);
	CHECK_EQ(urb(5000, false, PACKETS), ERR_OK);
	for (unsigned i = told; i < says; i++)
		failed |= said[i].status == -LINUX_EPIPE && said[i].packets == 0;
	CHECK(failed);
	teardown();
}

/* What was held goes when nothing more comes, and a request waits for it. */
static void
out_ends_early(void)
{
	setup();
	CHECK_EQ(urb(1, false, PACKETS), ERR_OK);
	CHECK_EQ(urb(2, false, PACKETS), ERR_OK);
	now += URB_US;
	(void)isoout_turn(out);
	heard(1, 1, 0, LEN);
	CHECK(!isoout_ends(out));
	isoout_unlink(out, 1); /* is told */
	isoout_unlink(out, 2);
	heard(2, 2, -LINUX_ECONNRESET, 0);
	CHECK_EQ(unlinks, 0);
	CHECK_EQ(fars, 1);
	CHECK(isoout_ends(out) && !isoout_quiet(out));
	done(0, 0);
	CHECK(!isoout_ends(out) && isoout_quiet(out) && isoout_idle(out));
	CHECK_EQ(urb(3, false, PACKETS), ERR_OK);
	isoout_bar(out);
	CHECK_EQ(fars, 2);
	CHECK(isoout_quiet(out));
	done(1, 2);
	heard(3, 3, 0, LEN - 2 * SIZE); /* its own */
	CHECK_EQ(said[2].bad, 2);
	isoout_unbar(out, true);
	CHECK(isoout_idle(out));
	teardown();
}

static void
out_is_taken_back(void)
{
	unsigned told;

	setup();
	(void)running();
	told = says;
	isoout_unlink(out, told + 1);
	isoout_unlink(out, told + 1);
	CHECK_EQ(unlinks, 1);
	CHECK_EQ(ends((unsigned)(unlinked[0] - 1000), back, 0, 0, false), ERR_OK);
	CHECK_EQ(said[told].tag, told + 1);
	CHECK(said[told].unlinked);
	teardown();
}

/* --- far ends that lie --- */

static void
impossible_replies(void)
{
	static const struct import_reply bad[] = {
	    {.actual = LEN + 1, .packets = PACKETS},
	    {.actual = LEN},
	    {.packets = 0},
	    {.actual = LEN, .packets = PACKETS - 1},
	    {.actual = LEN, .packets = PACKETS + 1},
	    {.actual = LEN - 1, .packets = PACKETS},
	    {.actual = 1, .packets = 0, .status = -LINUX_EPIPE},
	    {.unlinked = true, .status = -LINUX_ECONNRESET},
	};

	setup();
	CHECK_EQ(urb(1, true, PACKETS), ERR_OK);
	isoout_bar(out);
	fars = 500;
	CHECK_EQ(urb(1, false, PACKETS), ERR_OK);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		CHECK_EQ(ends(0, bad[i], 0, 0, true), ERR_PROTO);
		CHECK_EQ(ends(500, bad[i], 0, 0, false), ERR_PROTO);
	}
	CHECK_EQ(ends(0, fine(1), 0, 0, true), ERR_PROTO); /* do not add up */
	CHECK_EQ(ends(500, fine(1), 0, 0, false), ERR_PROTO);
	CHECK_EQ(ends(700, fine(0), 0, 0, true), ERR_NODEV);
	CHECK_EQ(ends(700, fine(0), 0, 0, false), ERR_NODEV);
	comes(0, 'a');
	done(500, 0);
	CHECK_EQ(says, 2);
	CHECK_EQ(ends(0, fine(0), 0, 0, true), ERR_NODEV);
	teardown();
}

static void
without_memory(void)
{
	for (size_t room = 0; room < 8000; room += 40) {
		setup();
		pool.budget = pool.used + room;
		for (uint64_t i = 0; i < 3; i++) {
			unsigned before = says;

			if (urb(10 + i, true, PACKETS) == ERR_OK)
				CHECK(says > before || fars > 0);
			(void)urb(20 + i, false, PACKETS);
			now += URB_US;
			(void)isoout_turn(out);
		}
		for (unsigned i = 0; i < fars; i++)
			if (ends(i, fine(0), 0, 0, true) == ERR_NODEV)
				CHECK_EQ(ends(i, fine(0), 0, 0, false), ERR_OK);
		teardown();
	}
}

TEST_MAIN(TEST(in_keeps_it_running), TEST(in_learns_what_is_late), TEST(in_stops),
	  TEST(in_begins_again), TEST(in_changes), TEST(in_is_barred),
	  TEST(in_has_no_room), TEST(out_begins_half_full), TEST(out_is_told_as_one_ends),
	  TEST(out_tells_what_was_lost), TEST(out_fails), TEST(out_ends_early),
	  TEST(out_is_taken_back), TEST(impossible_replies), TEST(without_memory))
