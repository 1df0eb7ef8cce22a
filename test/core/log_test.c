/* SPDX-License-Identifier: ISC */
/* link: core */
#include "core/log.h"
#include "test/test.h"

static char line[100];
static enum log_level level;
static unsigned lines;

static void
sink(enum log_level l, const char *fmt, va_list ap)
{
	level = l;
	lines++;
	vsnprintf(line, sizeof(line), fmt, ap);
}

static void
nothing_without_a_sink(void)
{
	lines = 0;
	log_to(NULL);
	log_error("device %s lost", "1-4");
	log_debug("x");
	CHECK_EQ(lines, 0);
}

static void
each_level_reaches_the_sink(void)
{
	lines = 0;
	log_to(sink);
	log_error("device %s lost reason=\"%s\"", "1-4", "unplugged");
	CHECK(level == LOG_LEVEL_ERROR && lines == 1);
	CHECK(strcmp(line, "device 1-4 lost reason=\"unplugged\"") == 0);
	log_warn("n=%u", 7u);
	CHECK(level == LOG_LEVEL_WARN && strcmp(line, "n=7") == 0);
	log_info("plain");
	CHECK(level == LOG_LEVEL_INFO && strcmp(line, "plain") == 0);
	log_debug("%d %d", -1, 2);
	CHECK(level == LOG_LEVEL_DEBUG && strcmp(line, "-1 2") == 0);
	CHECK_EQ(lines, 4);
	log_to(NULL);
	log_warn("gone");
	CHECK_EQ(lines, 4);
}

TEST_MAIN(TEST(nothing_without_a_sink), TEST(each_level_reaches_the_sink))
