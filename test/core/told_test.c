/* SPDX-License-Identifier: ISC */
/* link: core */
#include "core/told.h"
#include "test/test.h"

static struct told q;
static struct told_urb urb[3];

static void
setup(void)
{
	told_init(&q);
	for (unsigned i = 0; i < 3; i++) {
		urb[i] = (struct told_urb){.tag = 10 + i, .far = 20 + i, .amount = 1 + i};
		urb[i].is_sent = i != 1;
		told_add(&q, &urb[i]);
		told_named(&q);
	}
}

static void
in_their_order(void)
{
	told_init(&q);
	told_named(&q);
	CHECK(told_first(&q) == NULL && told_next(&q) == NULL);
	setup();
	CHECK(told_first(&q) == &urb[0] && told_next(&q) == &urb[0]);
	told_tell(&q, &urb[0]);
	CHECK(told_first(&q) == &urb[0] && told_next(&q) == &urb[1]);
	told_del(&q, &urb[0]);
	CHECK(told_first(&q) == &urb[1] && told_next(&q) == &urb[1]);
	told_tell(&q, &urb[1]);
	told_tell(&q, &urb[2]);
	CHECK(told_next(&q) == NULL);
}

static void
those_told_are_summed(void)
{
	setup();
	told_tell(&q, &urb[0]);
	told_tell(&q, &urb[1]);
	CHECK_EQ(q.n, 2);
	CHECK_EQ(q.amount, 3);
	told_del(&q, &urb[2]); /* was not */
	CHECK_EQ(q.amount, 3);
	told_del(&q, &urb[0]);
	CHECK_EQ(q.n, 1);
	CHECK_EQ(q.amount, 2);
}

static void
by_their_names(void)
{
	setup();
	CHECK(urb[0].named && urb[1].named && urb[2].named);
	CHECK(told_by_tag(&q, 10) == &urb[0] && told_by_tag(&q, 20) == NULL);
	told_tell(&q, &urb[0]);
	CHECK(told_by_tag(&q, 10) == NULL); /* it is not the driver's any more */
	CHECK(told_by_far(&q, 20) == &urb[0]);
	CHECK(told_by_far(&q, 21) == NULL); /* not sent */
	CHECK(told_by_far(&q, 22) == &urb[2]);
}

TEST_MAIN(TEST(in_their_order), TEST(those_told_are_summed), TEST(by_their_names))
