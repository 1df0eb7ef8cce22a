/* SPDX-License-Identifier: ISC */
/* link: core/behind core/mem */
#include "core/behind.h"
#include "core/usbip.h"
#include "test/test.h"

#define MOST 256

static struct pool pool;
static struct behind *x;
static struct ahead_stats stats;
static struct {
	uint64_t tag;
	int32_t status;
	uint32_t actual;
	bool unlinked;
} said[MOST];
static unsigned says, sent, unlinks;
static uint64_t unlinked, now, trip;
static int submit_says;

static int
on_submit(void *arg, const struct import_request *q, uint64_t *tag)
{
	(void)arg;
	(void)q;
	*tag = 1000 + sent;
	sent += submit_says == ERR_OK;
	return submit_says;
}

static int
on_unlink(void *arg, uint8_t ep, uint64_t tag)
{
	(void)arg;
	CHECK_EQ(ep, 2);
	unlinks++;
	unlinked = tag;
	return ERR_OK;
}

static void
on_answer(void *arg, uint8_t ep, uint64_t tag, const struct import_reply *r,
	  const uint8_t *data)
{
	(void)arg;
	CHECK_EQ(ep, 2);
	CHECK(data == NULL);
	CHECK(says < MOST);
	said[says].tag = tag;
	said[says].status = r->status;
	said[says].unlinked = r->unlinked;
	said[says++].actual = r->actual;
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

static const struct ahead_ops ops = {on_submit, on_unlink, on_answer,
				     NULL,      on_now,    on_trip};

static void
setup(void)
{
	pool = (struct pool)TEST_POOL(1 << 20);
	stats = (struct ahead_stats){0};
	says = sent = unlinks = 0;
	submit_says = ERR_OK;
	now = 1000000;
	trip = 50000;
	x = behind_new(&pool, 2, &stats, &ops, NULL);
	CHECK(x != NULL);
}

static void
teardown(void)
{
	behind_free(x);
	CHECK_EQ(pool.used, 0);
}

static int
writes(uint64_t tag, uint32_t len)
{
	const struct import_request q = {.ep = 2, .type = URB_BULK, .len = len};
	int err = behind_take(x, &q, tag);

	if (err == ERR_OK)
		behind_go(x);
	return err;
}

static int
ends(uint64_t far, struct import_reply r)
{
	int err = behind_reply(x, far, &r);

	if (err == ERR_OK)
		behind_reply_end(x);
	return err;
}

static void
goes_well(uint64_t far, uint32_t n)
{
	CHECK_EQ(ends(far, (struct import_reply){.actual = n}), ERR_OK);
}

static void
fails(uint64_t far, int32_t status)
{
	CHECK_EQ(ends(far, (struct import_reply){.status = status}), ERR_OK);
}

/* The last answer, of so many. */
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

static void
told_at_once(void)
{
	setup();
	CHECK_EQ(writes(1, 64), ERR_OK);
	heard(1, 1, 0, 64);
	CHECK(!behind_quiet(x) && !behind_idle(x));
	CHECK_EQ(writes(2, 0), ERR_OK);
	heard(2, 2, 0, 0);
	goes_well(1000, 64);
	CHECK(!behind_quiet(x));
	goes_well(1001, 0);
	CHECK_EQ(says, 2);
	CHECK_EQ(stats.hits, 2);
	CHECK_EQ(stats.saved, 2);
	CHECK(behind_quiet(x) && behind_idle(x));
	teardown();
}

/* All are sent; as many are told as fit, and one if it is larger than that. */
static void
no_more_than_a_window(void)
{
	setup();
	CHECK_EQ(writes(1, BEHIND_START - 1), ERR_OK);
	CHECK_EQ(writes(2, 1), ERR_OK);
	CHECK_EQ(writes(3, 1), ERR_OK);
	CHECK_EQ(sent, 3);
	heard(2, 2, 0, 1);
	goes_well(1001, 1);
	heard(3, 3, 0, 1);
	CHECK_EQ(writes(4, BEHIND_MOST * 2), ERR_OK);
	goes_well(1000, BEHIND_START - 1);
	CHECK_EQ(says, 3);
	goes_well(1002, 1);
	heard(4, 4, 0, BEHIND_MOST * 2);
	goes_well(1003, BEHIND_MOST * 2);
	teardown();
}

/* One that is done before it is told has its own answer. */
static void
done_before_told(void)
{
	setup();
	CHECK_EQ(writes(1, BEHIND_START), ERR_OK);
	CHECK_EQ(writes(2, 10), ERR_OK);
	fails(1001, -LINUX_EPIPE);
	heard(2, 2, -LINUX_EPIPE, 0);
	CHECK_EQ(writes(3, 10), ERR_OK);
	CHECK_EQ(ends(1002, (struct import_reply){.actual = 10}), ERR_OK);
	heard(3, 3, 0, 10);
	goes_well(1000, BEHIND_START);
	CHECK_EQ(stats.fallbacks, 0);
	teardown();
}

static void
a_failure_is_told_next(void)
{
	setup();
	CHECK_EQ(writes(1, 64), ERR_OK);
	fails(1000, -LINUX_EPROTO);
	CHECK_EQ(stats.fallbacks, 1);
	CHECK(behind_quiet(x) && !behind_idle(x));
	CHECK_EQ(writes(2, 64), ERR_OK);
	CHECK_EQ(sent, 1);
	heard(2, 2, -LINUX_EPROTO, 0);
	CHECK_EQ(writes(3, 64), ERR_OK);
	CHECK_EQ(sent, 2);
	heard(3, 3, 0, 64);
	CHECK_EQ(ends(1001, (struct import_reply){.actual = 63}), ERR_OK);
	CHECK_EQ(writes(4, 64), ERR_OK);
	heard(4, 4, -LINUX_EPROTO, 0);
	CHECK(behind_idle(x));
	teardown();
}

/* If the next one is on its way already, it is sent and yet it fails. */
static void
a_failure_is_told_to_who_waits(void)
{
	setup();
	CHECK_EQ(writes(1, BEHIND_START), ERR_OK);
	CHECK_EQ(writes(2, 64), ERR_OK);
	fails(1000, -LINUX_EPIPE);
	CHECK_EQ(says, 1);
	CHECK_EQ(writes(3, 64), ERR_OK);
	CHECK_EQ(sent, 3);
	goes_well(1001, 64);
	CHECK_EQ(said[1].tag, 2);
	CHECK_EQ(said[1].status, -LINUX_EPIPE);
	heard(3, 3, 0, 64);
	goes_well(1002, 64);
	CHECK(behind_idle(x));
	teardown();
}

static void
taken_back(void)
{
	setup();
	CHECK_EQ(writes(1, BEHIND_START), ERR_OK);
	CHECK_EQ(writes(2, 64), ERR_OK);
	CHECK_EQ(writes(3, 64), ERR_OK);
	behind_unlink(x, 1); /* is told */
	behind_unlink(x, 77);
	CHECK_EQ(unlinks, 0);
	behind_unlink(x, 2);
	behind_unlink(x, 2);
	CHECK_EQ(unlinks, 1);
	CHECK_EQ(unlinked, 1001);
	goes_well(1000, BEHIND_START);
	CHECK_EQ(says, 1); /* in their order */
	CHECK_EQ(ends(1001, (struct import_reply){.status = -LINUX_ECONNRESET,
						  .unlinked = true}),
		 ERR_OK);
	CHECK_EQ(said[1].tag, 2);
	CHECK(said[1].unlinked);
	heard(3, 3, 0, 64);
	goes_well(1002, 64);
	teardown();
}

static void
barred(void)
{
	setup();
	CHECK_EQ(writes(1, 64), ERR_OK);
	behind_bar(x);
	behind_bar(x);
	CHECK_EQ(writes(2, 64), ERR_OK);
	CHECK_EQ(sent, 2);
	CHECK_EQ(says, 1);
	CHECK(!behind_quiet(x));
	fails(1000, -LINUX_EPIPE);
	CHECK(behind_quiet(x));
	behind_unbar(x, true);
	CHECK_EQ(says, 1);
	behind_unbar(x, false);
	heard(2, 2, 0, 64); /* what failed before is of no concern */
	goes_well(1001, 64);
	CHECK(behind_idle(x));
	teardown();
}

/* So many urbs of 64 bytes are told at once, of a device that takes one each so many us.
 */
static unsigned
open_at(uint64_t us_each)
{
	uint64_t tag = 0, done = 0, told = 0;

	for (unsigned i = 0; i < 4000; i++) {
		while (told == tag) {
			says = 0;
			CHECK_EQ(writes(tag++, 64), ERR_OK);
			told += says;
		}
		says = 0;
		now += us_each;
		goes_well(1000 + done++, 64);
		told += says;
	}
	while (done < tag)
		goes_well(1000 + done++, 64);
	return (unsigned)(told - 4000);
}

/* What the device takes in two round trips, and 20 ms: 120 ms here. */
static void
the_window_follows_the_pace(void)
{
	static const struct {
		uint64_t us_each;
		unsigned least, most;
	} at[] = {{1000, 115, 125}, {500, 230, 250}, {100, 1020, 1024}, {60000, 8, 8}};

	for (size_t i = 0; i < ARRAY_LEN(at); i++) {
		unsigned n;

		setup();
		n = open_at(at[i].us_each);
		printf("# %u\n", n);
		CHECK(n >= at[i].least && n <= at[i].most);
		CHECK(!behind_idle(x)); /* it has learned something, */
		behind_bar(x);
		behind_unbar(x, true);
		CHECK(behind_idle(x)); /* which is void now */
		teardown();
	}
}

static void
impossible_replies(void)
{
	static const struct import_reply bad[] = {
	    {.actual = 65},
	    {.actual = 64, .packets = 1},
	    {.unlinked = true, .status = -LINUX_ECONNRESET},
	};

	setup();
	CHECK_EQ(writes(1, 64), ERR_OK);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		CHECK_EQ(ends(1000, bad[i]), ERR_PROTO);
	CHECK_EQ(ends(1001, (struct import_reply){.actual = 64}), ERR_NODEV);
	goes_well(1000, 64);
	CHECK_EQ(ends(1000, (struct import_reply){.actual = 64}), ERR_NODEV);
	teardown();
}

static void
nothing_can_be_sent(void)
{
	setup();
	submit_says = ERR_GONE;
	CHECK_EQ(writes(1, 64), ERR_GONE);
	submit_says = ERR_OK;
	pool.budget = pool.used;
	CHECK_EQ(writes(1, 64), ERR_NOMEM);
	CHECK_EQ(says, 0);
	CHECK(behind_new(&pool, 2, &stats, &ops, NULL) == NULL);
	CHECK(behind_idle(x));
	teardown();
}

TEST_MAIN(TEST(told_at_once), TEST(no_more_than_a_window), TEST(done_before_told),
	  TEST(a_failure_is_told_next), TEST(a_failure_is_told_to_who_waits),
	  TEST(taken_back), TEST(barred), TEST(the_window_follows_the_pace),
	  TEST(impossible_replies), TEST(nothing_can_be_sent))
