/* SPDX-License-Identifier: ISC */
/* link: core */
#include "core/policy.h"
#include "core/text.h"
#include "test/test.h"

#define MIN(day, h, m) ((day)*POLICY_DAY + (h)*60 + (m))

enum { MON, TUE, WED, THU, FRI, SAT, SUN };

static const struct devinfo disk = {.busid = "1-4",
				    .vid = 0x1d6b,
				    .pid = 0x104,
				    .ifs = 1,
				    .iface = {{.cls = 8, .sub = 6, .proto = 80}}};

/* Minutes that it stays open, with these ranges (commas between them) at that time. */
static long
open_at(const char *ranges, unsigned minute)
{
	struct policy_rule r = {.name = "r"};
	const struct policy_rule *one[] = {&r};
	struct policy p;
	char text[200], *at = text, *word;

	CHECK(text_copy(text, sizeof(text), ranges));
	while ((word = strsep(&at, ",")) != NULL)
		CHECK(policy_add_hours(&r, word));
	policy_look(&p, one, 1, "anna", &disk, minute);
	CHECK((p.closed == &r) == (p.open_min == 0));
	return p.open_min == UINT32_MAX ? -1 : (long)p.open_min;
}

static void
hours(void)
{
	static const struct {
		const char *ranges;
		unsigned minute;
		long open;
	} rows[] = {
	    {"Mon-Fri 08:00-18:00", MIN(MON, 7, 59), 0},
	    {"Mon-Fri 08:00-18:00", MIN(MON, 8, 0), 600},
	    {"mon-fri 08:00-18:00", MIN(FRI, 17, 59), 1},
	    {"Mon-Fri 08:00-18:00", MIN(FRI, 18, 0), 0},
	    {"Mon-Fri 08:00-18:00", MIN(SAT, 12, 0), 0},
	    {"Sat-Mon 10:00-11:00", MIN(SUN, 10, 30), 30},
	    {"Sat-Mon 10:00-11:00", MIN(MON, 10, 30), 30},
	    {"Sat-Mon 10:00-11:00", MIN(TUE, 10, 30), 0},
	    {"22:00-06:00", MIN(TUE, 23, 0), 420},
	    {"22:00-06:00", MIN(WED, 5, 0), 60},
	    {"22:00-06:00", MIN(WED, 6, 0), 0},
	    {"22:00-06:00", MIN(MON, 1, 0), 300}, /* Sunday's night */
	    {"Sun 22:00-06:00", MIN(MON, 1, 0), 300},
	    {"Sun 22:00-06:00", MIN(SUN, 1, 0), 0},
	    {"Wed", MIN(WED, 0, 0), 1440},
	    {"Wed", MIN(THU, 0, 0), 0},
	    {"Wed,Thu 00:00-02:00", MIN(WED, 23, 0), 180}, /* they touch */
	    {"08:00-12:00,12:00-14:00", MIN(SAT, 8, 0), 360},
	    {"00:00-24:00", MIN(SAT, 8, 0), -1},
	    {"Mon-Sun", MIN(SAT, 8, 0), -1},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (open_at(rows[i].ranges, rows[i].minute) != rows[i].open) {
			printf("# %s at %u: %ld\n", rows[i].ranges, rows[i].minute,
			       open_at(rows[i].ranges, rows[i].minute));
			CHECK(false);
		}
}

static void
bad_hours(void)
{
	static const char *const rows[] = {
	    "",
	    "8:00-18:00",
	    "08:00",
	    "08:00-",
	    "08:00-25:00",
	    "24:00-01:00",
	    "08:60-09:00",
	    "08:00-08:00",
	    "Mo 08:00-09:00",
	    "Mon-",
	    "Mon-Fr",
	    "Mon-Fri8:00",
	    "Mon-Fri 08:00",
	    "Mon08:00-09:00",
	    "08:00-09:00x",
	    "24:01-25:00",
	};
	struct policy_rule r = {.name = ""};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (policy_add_hours(&r, rows[i])) {
			printf("# %s\n", rows[i]);
			CHECK(false);
		}
	r.hours = 0;
	CHECK(policy_add_hours(&r, "Mon-Sun") && policy_add_hours(&r, "Mon-Sun"));
	CHECK(!policy_add_hours(&r, "Mon-Sun")); /* too many */
}

static void
rates(void)
{
	static const struct {
		const char *text;
		uint64_t rate; /* 0: none */
	} rows[] = {
	    {"1000", 1000},     {"64k", 64000},
	    {"10M", 10000000},  {"10MB/s", 10000000},
	    {"10MB", 10000000}, {"1.5MB/s", 1500000},
	    {"1G", 1000000000}, {"2000B/s", 2000},
	    {"999", 0},         {"", 0},
	    {"M", 0},           {"1.5.5M", 0},
	    {"10m", 0},         {"10MB/", 0},
	    {"-1M", 0},         {"10 MB/s", 0},
	    {"9999999999G", 0}, {"0.5k", 0},
	};
	uint64_t v;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		bool ok = policy_read_rate(rows[i].text, &v);

		if (ok != (rows[i].rate > 0) || (ok && v != rows[i].rate)) {
			printf("# %s\n", rows[i].text);
			CHECK(false);
		}
	}
}

static void
who_and_what(void)
{
	struct policy_rule a = {.name = "a",
				.peers = 2,
				.peer = {"anna", "ben"},
				.session_us = 50,
				.pause_us = 7,
				.warn_us = 5,
				.rate = 2000},
			   b = {.name = "b",
				.devices = 1,
				.device = {"class=storage"},
				.session_us = 40,
				.rate = 3000},
			   c = {.name = "c",
				.devices = 1,
				.device = {"class=hid"},
				.rate = 1000};
	const struct policy_rule *all[] = {&a, &b, &c};
	struct policy p;

	policy_look(&p, all, 3, "anna", &disk, 0);
	CHECK(p.closed == NULL && p.open_min == UINT32_MAX);
	CHECK(p.session_us == 40 && p.by_session == &b); /* the strictest of all */
	CHECK(p.rate == 2000 && p.warn_us == 5 && p.pause_us == 7);
	policy_look(&p, all, 3, "carl", &disk, 0);
	CHECK(p.session_us == 40 && p.rate == 3000 && p.warn_us == 0);
	policy_look(&p, all, 1, "carl", &disk, 0);
	CHECK(p.session_us == 0 && p.rate == 0 && p.by_session == NULL);
	policy_look(&p, all, 0, "anna", &disk, 0);
	CHECK(p.rate == 0);
}

static void
a_toll(void)
{
	struct policy_toll t = {0};
	uint64_t now = 1000000, moved = 0;

	CHECK_EQ(policy_wait_us(&t, now), 0);
	policy_charge(&t, 0, 1000000, now); /* no limit */
	CHECK_EQ(policy_wait_us(&t, now), 0);
	for (; now < 11000000; now += 1000)
		if (policy_wait_us(&t, now) == 0) {
			policy_charge(&t, 1000000, 65536, now);
			moved += 65536;
		}
	CHECK(moved > 9800000 && moved < 10200000);
	CHECK_EQ(policy_wait_us(&t, now + 100000), 0);
	policy_charge(&t, 1000000, 500000, now + 5000000); /* silence saves nothing up */
	CHECK_EQ(policy_wait_us(&t, now + 5000000), 500000);
}

TEST_MAIN(TEST(hours), TEST(bad_hours), TEST(rates), TEST(who_and_what), TEST(a_toll))
