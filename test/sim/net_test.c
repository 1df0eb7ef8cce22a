/* SPDX-License-Identifier: ISC */
/* link: test/sim/net core */
/* The network itself: if it were kind, the other simulations would prove nothing. */
#include "test/sim/net.h"
#include "test/test.h"

#define N 10000

static uint8_t buf[NET_PACKET_MAX];

static struct net *
way_to_1(uint64_t seed, struct net_conf c)
{
	struct net_conf to[2] = {{.delay_us = 7}, c};

	return net_new(seed, to);
}

static void
put_number(struct net *n, uint32_t i, size_t len, uint64_t now)
{
	memcpy(buf, &i, sizeof(i));
	net_send(n, 0, buf, len, now);
}

static uint32_t
get_number(struct net *n, uint64_t now)
{
	uint32_t i = UINT32_MAX;

	if (net_recv(n, 1, buf, now) > 0)
		memcpy(&i, buf, sizeof(i));
	return i;
}

static void
a_clean_way_delays(void)
{
	struct net *n = way_to_1(1, (struct net_conf){.delay_us = 100});

	CHECK(net_next(n) == UINT64_MAX);
	put_number(n, 5, 10, 1000);
	put_number(n, 6, 10, 1000);
	CHECK_EQ(net_next(n), 1100);
	CHECK_EQ(get_number(n, 1099), UINT32_MAX);
	CHECK_EQ(net_recv(n, 0, buf, 2000), 0);
	CHECK_EQ(get_number(n, 1100), 5);
	CHECK_EQ(get_number(n, 1100), 6);
	net_send(n, 1, buf, 3, 0);
	CHECK_EQ(net_recv(n, 0, buf, 7), 3);
	put_number(n, 7, 10, 1000);
	net_cut(n, true);
	put_number(n, 8, 10, 1000);
	net_cut(n, false);
	CHECK(net_next(n) == UINT64_MAX);
	net_free(n);
}

static void
a_line_has_a_rate_and_a_queue(void)
{
	struct net_conf c = {.rate = 1000000, .queue = 5000};
	struct net *n = way_to_1(1, c);
	struct net_stats s;

	for (uint32_t i = 0; i < 10; i++)
		put_number(n, i, 1000, 0);
	for (uint32_t i = 0; i < 6; i++) {
		CHECK_EQ(net_next(n), 1000 * (i + 1));
		CHECK_EQ(get_number(n, 1000 * (i + 1)), i);
	}
	CHECK(net_next(n) == UINT64_MAX);
	net_stats(n, &s);
	CHECK(s.sent == 10 && s.dropped == 4);
	net_free(n);
}

/* Sends N packets a millisecond apart; a sum of what came, and in what order. */
static uint64_t
bad_way(uint64_t seed, struct net_stats *s)
{
	struct net_conf c = {.delay_us = 5000,
			     .jitter_us = 2000,
			     .loss = 20000,
			     .reorder = 100000,
			     .duplicate = 10000};
	struct net *n = way_to_1(seed, c);
	uint64_t sum = 0, came = 0, behind = 0;
	uint32_t last = 0, i;

	for (uint32_t k = 0; k < N; k++)
		put_number(n, k, 10, k * 1000);
	while ((i = get_number(n, UINT64_MAX)) != UINT32_MAX) {
		sum = sum * 31 + i;
		came++;
		behind += i < last;
		last = i;
	}
	net_stats(n, s);
	CHECK_EQ(came, s->sent - s->lost + s->duplicated);
	CHECK(behind > N / 40);
	net_free(n);
	return sum;
}

static void
a_bad_way_is_bad_and_the_same_again(void)
{
	struct net_stats s;
	uint64_t sum = bad_way(3, &s);

	CHECK(s.lost > N / 67 && s.lost < N / 40);
	CHECK(s.reordered > N / 13 && s.reordered < N / 8);
	CHECK(s.duplicated > N / 150 && s.duplicated < N / 75);
	CHECK(bad_way(3, &s) == sum);
	CHECK(bad_way(4, &s) != sum);
}

TEST_MAIN(TEST(a_clean_way_delays), TEST(a_line_has_a_rate_and_a_queue),
	  TEST(a_bad_way_is_bad_and_the_same_again))
