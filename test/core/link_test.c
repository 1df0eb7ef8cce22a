/* SPDX-License-Identifier: ISC */
/* link: core */
#include "core/link.h"
#include "test/test.h"

/* The whole table as text; a review sees what changed in a link's life. */
static void
table_is_as_agreed(void)
{
	static char now[8192], then[8192];
	size_t n = 0;
	FILE *f = fopen("test/core/link_table.txt", "r");

	for (int s = 0; s < LINK_STATE_COUNT; s++)
		for (int e = 0; e < LINK_EVENT_COUNT; e++) {
			enum link_state to = (enum link_state)s;
			enum link_action a = link_step(&to, (enum link_event)e, "test");

			n += (size_t)snprintf(now + n, sizeof(now) - n,
					      "%-9s %-8s -> %-9s %s\n",
					      link_state_name((enum link_state)s),
					      link_event_name((enum link_event)e),
					      link_state_name(to), link_action_name(a));
		}
	CHECK(f != NULL);
	if (f == NULL)
		return;
	then[fread(then, 1, sizeof(then) - 1, f)] = '\0';
	fclose(f);
	if (strcmp(now, then) != 0)
		printf("# the table now:\n%s", now);
	CHECK(strcmp(now, then) == 0);
}

static void
down_is_final(void)
{
	for (int e = 0; e < LINK_EVENT_COUNT; e++) {
		enum link_state s = LINK_DOWN;

		CHECK_EQ(link_step(&s, (enum link_event)e, "test"), LINK_DO_NOTHING);
		CHECK_EQ(s, LINK_DOWN);
	}
}

static void
failure_always_ends_it(void)
{
	for (int i = 0; i < LINK_DOWN; i++) {
		enum link_state s = (enum link_state)i;

		CHECK_EQ(link_step(&s, LINK_EV_FAILED, "test"), LINK_DO_TEARDOWN);
		CHECK_EQ(s, LINK_DOWN);
	}
}

static void
both_ways_up(void)
{
	static const enum link_event attach[] = {LINK_EV_DIALED,   LINK_EV_ADMITTED,
						 LINK_EV_GATHERED, LINK_EV_ANSWERED,
						 LINK_EV_PAIRED,   LINK_EV_SECURED};
	static const enum link_event serve[] = {LINK_EV_OFFERED, LINK_EV_GATHERED,
						LINK_EV_ANSWERED, LINK_EV_PAIRED,
						LINK_EV_SECURED};
	enum link_state a = LINK_DIALING, s = LINK_GREETING;

	for (size_t i = 0; i < ARRAY_LEN(attach); i++)
		CHECK(link_step(&a, attach[i], "test") != LINK_DO_TEARDOWN);
	for (size_t i = 0; i < ARRAY_LEN(serve); i++)
		CHECK(link_step(&s, serve[i], "test") != LINK_DO_TEARDOWN);
	CHECK_EQ(a, LINK_UP);
	CHECK_EQ(s, LINK_UP);
}

TEST_MAIN(TEST(table_is_as_agreed), TEST(down_is_final), TEST(failure_always_ends_it),
	  TEST(both_ways_up))
