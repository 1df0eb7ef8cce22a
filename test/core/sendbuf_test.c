/* SPDX-License-Identifier: ISC */
/* link: core */
/*
 * The two halves of a stream, sendbuf and recvbuf: offsets, windows, and what
 * happens when there is no room to remember.
 */
#include "core/ranges.h"
#include "core/recvbuf.h"
#include "core/sendbuf.h"
#include "test/test.h"

static uint8_t text[100000];

static void
sender(struct sendbuf *b, struct pool *pool, size_t n, uint64_t limit)
{
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (uint8_t)(i * 13 + (i >> 8));
	sendbuf_init(b, pool, limit);
	CHECK_EQ(sendbuf_room(b, n), ERR_OK);
	sendbuf_append(b, text, n);
}

/* Takes once; the offset must be off. Returns how many. */
static size_t
take(struct sendbuf *b, uint64_t off, size_t cap)
{
	uint8_t buf[10000];
	uint64_t at = 0;
	size_t n = sendbuf_take(b, &at, buf, cap);

	CHECK_EQ(at, off);
	CHECK(memcmp(buf, text + at, n) == 0);
	return n;
}

static void
lost_bytes_go_first(void)
{
	struct pool pool = TEST_POOL(1 << 20);
	struct sendbuf b;

	sender(&b, &pool, 10000, 6000);
	CHECK_EQ(take(&b, 0, 5000), 5000);
	sendbuf_lost(&b, 1000, 500);
	sendbuf_lost(&b, 100, 50);
	sendbuf_lost(&b, 150, 50); /* touches: one range */
	CHECK(sendbuf_has_lost(&b));
	CHECK_EQ(take(&b, 100, 5000), 100);
	CHECK_EQ(take(&b, 1000, 200), 200);
	sendbuf_acked(&b, 1200, 100); /* the first copy came after all */
	CHECK_EQ(take(&b, 1300, 5000), 200);
	CHECK(!sendbuf_has_lost(&b));
	CHECK_EQ(sendbuf_new(&b), 1000);
	CHECK_EQ(take(&b, 5000, 5000), 1000);
	CHECK_EQ(sendbuf_new(&b), 0);
	sendbuf_limit(&b, 100);
	CHECK_EQ(sendbuf_new(&b), 0);
	sendbuf_limit(&b, UINT64_MAX);
	CHECK_EQ(take(&b, 6000, 5000), 4000);
	sendbuf_fini(&b);
	CHECK_EQ(pool.used, 0);
}

static void
acks_in_any_order(void)
{
	struct pool pool = TEST_POOL(1 << 20);
	struct sendbuf b;

	sender(&b, &pool, 10000, 10000);
	CHECK_EQ(take(&b, 0, 10000), 10000);
	sendbuf_acked(&b, 5000, 1000);
	sendbuf_acked(&b, 1000, 1000);
	CHECK_EQ(sendbuf_unacked(&b), 10000);
	sendbuf_lost(&b, 1200, 100); /* acked already */
	CHECK(!sendbuf_has_lost(&b));
	sendbuf_lost(&b, 500, 100);
	sendbuf_acked(&b, 0, 1000);
	CHECK(!sendbuf_has_lost(&b));
	CHECK_EQ(sendbuf_unacked(&b), 8000);
	sendbuf_acked(&b, 0, 1000);
	sendbuf_acked(&b, 9000, 2000); /* more than there is: of an older stream */
	sendbuf_lost(&b, 9000, 2000);
	sendbuf_lost(&b, 0, 2000);
	CHECK(!sendbuf_has_lost(&b));
	sendbuf_acked(&b, 1500, 8500);
	CHECK_EQ(sendbuf_unacked(&b), 0);
	CHECK_EQ(pool.used, 0);
	sendbuf_fini(&b);
}

static void
without_room_to_remember_it_asks_again(void)
{
	struct pool pool = TEST_POOL(1 << 20);
	struct sendbuf b;

	sender(&b, &pool, 10000, 10000);
	CHECK_EQ(take(&b, 0, 10000), 10000);
	pool.budget = pool.used;
	sendbuf_acked(&b, 5000, 1000); /* cannot be noted: sent again, and what follows */
	CHECK_EQ(sendbuf_new(&b), 5000);
	sendbuf_lost(&b, 2000, 1000);
	CHECK_EQ(sendbuf_new(&b), 8000);
	sendbuf_lost(&b, 4000, 1000);
	CHECK_EQ(take(&b, 2000, 500), 500);
	sendbuf_acked(&b, 0, 4000);
	CHECK_EQ(take(&b, 4000, 9000), 6000);
	sendbuf_acked(&b, 4000, 6000);
	CHECK_EQ(pool.used, 0);

	pool.budget = 1 << 20;
	sender(&b, &pool, 10000, 10000);
	CHECK_EQ(take(&b, 0, 10000), 10000);
	for (uint64_t o = 1; o < 2 * RANGES_MAX; o += 2)
		sendbuf_lost(&b, o, 1);
	CHECK_EQ(sendbuf_new(&b), 0);
	sendbuf_lost(&b, 100, 1); /* joins two: there is room again */
	sendbuf_lost(&b, 3000, 1);
	sendbuf_lost(&b, 4000, 1);
	CHECK_EQ(sendbuf_new(&b), 6000);
	sendbuf_lost(&b, 0, 10000);
	CHECK_EQ(take(&b, 0, 5000), 4000);
	CHECK_EQ(take(&b, 4000, 9000), 6000);
	for (uint64_t o = 5001; o < 5000 + 2 * RANGES_MAX; o += 2)
		sendbuf_lost(&b, o, 1);
	sendbuf_lost(&b, 100, 1); /* no room: from there on, once and in order */
	CHECK(!sendbuf_has_lost(&b));
	CHECK_EQ(take(&b, 100, 9900), 9900);
	sendbuf_fini(&b);
	CHECK_EQ(pool.used, 0);
}

static void
receives_in_any_order(void)
{
	struct pool pool = TEST_POOL(1 << 20);
	struct recvbuf b;
	uint8_t got[3000];

	recvbuf_init(&b, &pool, 10000);
	CHECK_EQ(recvbuf_put(&b, 2000, text + 2000, 500), ERR_OK);
	CHECK_EQ(recvbuf_put(&b, 1000, text + 1000, 500), ERR_OK);
	CHECK_EQ(recvbuf_put(&b, 2000, text + 2000, 500), ERR_OK);
	CHECK_EQ(b.contiguous, 0);
	CHECK_EQ(recvbuf_put(&b, 0, text, 1200), ERR_OK);
	CHECK_EQ(b.contiguous, 1500);
	CHECK_EQ(recvbuf_put(&b, 1400, text + 1400, 700), ERR_OK);
	CHECK_EQ(b.contiguous, 2500);
	CHECK_EQ(recvbuf_put(&b, 100, text + 100, 100), ERR_OK);
	recvbuf_get(&b, 0, got, 2500);
	CHECK(memcmp(got, text, 2500) == 0);
	recvbuf_consume(&b, 2500);
	CHECK_EQ(pool.used, 0);
	CHECK_EQ(recvbuf_put(&b, 2400, text + 2400, 200), ERR_OK);
	CHECK_EQ(b.contiguous, 2600);
	recvbuf_get(&b, 2500, got, 100);
	CHECK(memcmp(got, text + 2500, 100) == 0);
	recvbuf_fini(&b);
	CHECK_EQ(pool.used, 0);
}

static void
tells_its_window_in_time(void)
{
	struct pool pool = TEST_POOL(1 << 20);
	struct recvbuf b;

	recvbuf_init(&b, &pool, 10000);
	CHECK_EQ(recvbuf_put(&b, 9999, text, 2), ERR_PROTO);
	CHECK_EQ(recvbuf_put(&b, 0, text, 10000), ERR_OK);
	CHECK(!recvbuf_due(&b, 20000)); /* nothing to give */
	recvbuf_consume(&b, 2499);
	CHECK(!recvbuf_due(&b, 10000));
	CHECK(recvbuf_due(&b, 10001));
	recvbuf_consume(&b, 1);
	CHECK(recvbuf_due(&b, 0));
	CHECK_EQ(recvbuf_tell(&b), 12500);
	CHECK(!recvbuf_due(&b, 12500));
	CHECK_EQ(recvbuf_put(&b, 12499, text, 1), ERR_OK);
	CHECK_EQ(recvbuf_put(&b, 12499, text, 2), ERR_PROTO);
	recvbuf_fini(&b);
	CHECK_EQ(pool.used, 0);
}

static void
without_room_nothing_is_taken(void)
{
	struct pool pool = TEST_POOL(0);
	struct recvbuf b;

	recvbuf_init(&b, &pool, 10000);
	CHECK_EQ(recvbuf_put(&b, 0, text, 100), ERR_FULL);
	pool.budget = BYTES_BLOCK; /* a block, but no ranges */
	CHECK_EQ(recvbuf_put(&b, 100, text + 100, 100), ERR_FULL);
	CHECK_EQ(recvbuf_put(&b, 0, text, 100), ERR_OK);
	CHECK_EQ(b.contiguous, 100);
	pool.budget = 1 << 20;
	for (uint64_t o = 0; o < RANGES_MAX; o++)
		CHECK_EQ(recvbuf_put(&b, 102 + 2 * o, text, 1), ERR_OK);
	CHECK_EQ(recvbuf_put(&b, 5000, text, 1), ERR_FULL);
	CHECK_EQ(recvbuf_put(&b, 100, text, 2), ERR_OK); /* closes a gap */
	CHECK_EQ(recvbuf_put(&b, 5000, text, 1), ERR_OK);
	recvbuf_fini(&b);
	CHECK_EQ(pool.used, 0);
}

TEST_MAIN(TEST(lost_bytes_go_first), TEST(acks_in_any_order),
	  TEST(without_room_to_remember_it_asks_again), TEST(receives_in_any_order),
	  TEST(tells_its_window_in_time), TEST(without_room_nothing_is_taken))
