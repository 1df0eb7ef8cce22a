/* SPDX-License-Identifier: ISC */
/* link: core */
/*
 * Whatever line comes: access_read reads no further than it may, what it takes
 * can be written and read again, its patterns are valid, and any name cleans to
 * a good one. Alone it runs a fixed number of seeded inputs; with -DLIBFUZZER it
 * is libFuzzer's.
 */
#include "core/access.h"
#include "test/fuzz/fuzz.h"

#define MAX 2000

static const struct devinfo disk = {.busid = "1-4",
				    .vid = 0x1d6b,
				    .pid = 0x104,
				    .ifs = 1,
				    .iface = {{8, 6, 0x50}},
				    .product = "Disk",
				    .serial = "1"};

static bool
again(const struct access_row *row)
{
	char line[ACCESS_LINE];
	struct access_row back;

	for (unsigned i = 0; row->kind == ACCESS_CLIENT && i < row->words; i++)
		if (pattern_check(row->word[i]) != ERR_OK)
			return false;
	(void)access_allows(row, &disk);
	return access_write(row, line, sizeof(line)) == ERR_OK &&
	       access_read(line, &back) == ERR_OK &&
	       memcmp(row, &back, sizeof(back)) == 0;
}

static bool
holds(const uint8_t *p, size_t n)
{
	char *line = malloc(n + 1), name[ACCESS_NAME] = {0};
	struct access_row row;
	bool ok = true;

	memcpy(line, p, n);
	line[n] = '\0';
	if (access_read(line, &row) == ERR_OK)
		ok = again(&row);
	(void)pattern_match(line, &disk);
	memcpy(name, line, n < ACCESS_NAME ? n : ACCESS_NAME);
	access_name_clean(name);
	free(line);
	return ok && access_name_ok(name);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	MUST(n > MAX || holds(p, n));
	return 0;
}

#ifndef LIBFUZZER

static uint32_t seed = 1;

static uint32_t
rnd(uint32_t below)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % below;
}

static void
changed_lines(void)
{
	static const char *const words[] = {
	    "1-4",  "v-1",  "1d6b:*", "*:0104",  "class=hid", "!class=08", "serial=1",
	    "disk", "%20a", "%2",     "%00",     "a%25b",     "class=x",   "!",
	    "=",    "1-",   "#",      "[::1]:1", "\t",        "\xc3\xa4",  "1d6b:",
	};
	uint8_t id[PEERID];
	char text[PEERID_TEXT], line[MAX];
	int taken = 0;

	for (int i = 0; i < 20000; i++) {
		struct access_row row;
		int n;

		memset(id, (int)rnd(256), sizeof(id));
		peerid_text(id, text);
		n = snprintf(line, sizeof(line), "%s %s anna%u",
			     rnd(2) ? "client" : "server", text, rnd(9));
		for (uint32_t k = rnd(5); k > 0; k--)
			n += snprintf(line + n, sizeof(line) - (size_t)n, " %s",
				      words[rnd(rnd(4) ? 8 : ARRAY_LEN(words))]);
		if (rnd(3) == 0)
			line[rnd((uint32_t)n)] = (char)(1 + rnd(255));
		taken += access_read(line, &row) == ERR_OK;
		CHECK(holds((const uint8_t *)line, (size_t)n));
	}
	CHECK(taken > 5000 && taken < 15000); /* both ways are walked */
}

static void
noise(void)
{
	static const char some[] = "client server#%20!=:*-.v1dbhasx \t\n";
	uint8_t b[256];

	for (int i = 0; i < 20000; i++) {
		size_t n = rnd(sizeof(b));

		for (size_t k = 0; k < n; k++)
			b[k] = (uint8_t)(i & 1 ? some[rnd(sizeof(some) - 1)]
					       : (char)rnd(256));
		CHECK(holds(b, n));
	}
}

static void
corpus(void)
{
	fuzz_corpus("access");
}

TEST_MAIN(TEST(corpus), TEST(changed_lines), TEST(noise))

#endif
