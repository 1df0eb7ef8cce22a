/* SPDX-License-Identifier: ISC */
/* link: core */
#include "core/json.h"
#include "test/test.h"

static void
writes(void)
{
	char b[256];
	struct json j;

	json_init(&j, b, sizeof(b));
	json_open(&j, NULL);
	json_str(&j, "schema", "usbp2p/1");
	json_array(&j, "list");
	json_u64(&j, NULL, 1);
	json_open(&j, NULL);
	json_close(&j);
	json_end(&j);
	json_dec(&j, "ms", 1234, 3);
	json_dec(&j, "none", 7, 0);
	json_bool(&j, "ok", true);
	json_str(&j, "s", "a\"b\\c\n");
	json_close(&j);
	CHECK(strcmp(b,
		     "{\"schema\":\"usbp2p/1\",\"list\":[1,{}],\"ms\":1.234,\"none\":7,"
		     "\"ok\":true,\"s\":\"a\\\"b\\\\c\\u000a\"}") == 0);
	CHECK(!j.t.full);
}

static void
reads(void)
{
	static const char text[] = " {\"a\" : {\"b\":[1, \"x\\u000ay\\\"\" "
				   ",{\"c\":true}]}, \"n\":18446744073709551615} ";
	struct json_val v = json_read(text, strlen(text)), b;
	uint64_t n = 0;
	char s[8];

	CHECK(v.n > 0);
	CHECK(json_get_u64(v, "n", &n) && n == UINT64_MAX);
	b = json_get(json_get(v, "a"), "b");
	CHECK(json_get_bool(json_at(b, 2), "c") && !json_get_bool(json_at(b, 2), "d"));
	CHECK(json_at(b, 3).n == 0 && json_get(b, "a").n == 0);
	CHECK(!json_get_str(v, "n", s, sizeof(s)) && !json_get_u64(v, "a", &n));
	v = json_read("{\"k\":\"x\\u000ay\\\"\"}", 18);
	CHECK(json_get_str(v, "k", s, sizeof(s)) && strcmp(s, "x\ny\"") == 0);
	CHECK(!json_get_str(v, "k", s, 4));
}

static void
refuses_bad_input(void)
{
	static const char *const bad[] = {
	    "",       "{",     "{]",
	    "}",      "\"abc", "\"a\\",
	    "{} {}",  ",",     "[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]",
	    "\"\n\"", "\x01",
	};
	static const char *const empty[] = {"{\"a\" 1}", "{a:1}", "{\"b\":1 \"a\":2}",
					    "[1]", "\"a\""};
	char s[8];

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		CHECK(json_read(bad[i], strlen(bad[i])).n == 0);
	for (size_t i = 0; i < ARRAY_LEN(empty); i++)
		CHECK(json_get(json_read(empty[i], strlen(empty[i])), "a").n == 0);
	CHECK(!json_get_str(json_read("{\"a\":\"\\u0000\"}", 14), "a", s, sizeof(s)));
	CHECK(!json_get_str(json_read("{\"a\":\"\\q\"}", 10), "a", s, sizeof(s)));
}

/* Every cut and every changed byte of a message: no crash, no read past the end. */
static void
survives_noise(void)
{
	static const char text[] = "{\"cmd\":\"at\\u0009t\",\"l\":[{\"x\":[]},2]}";
	char s[16];
	uint64_t n;

	for (size_t len = 0; len < sizeof(text); len++)
		for (int c = 1; c < 256; c += 7) {
			char *copy = malloc(len + 1);

			memcpy(copy, text, len);
			if (len > 0)
				copy[len * (size_t)c % len] = (char)c;
			struct json_val v = json_read(copy, len);

			json_get_str(v, "cmd", s, sizeof(s));
			json_get_u64(json_at(json_get(v, "l"), 1), "x", &n);
			free(copy);
		}
	CHECK(true);
}

TEST_MAIN(TEST(writes), TEST(reads), TEST(refuses_bad_input), TEST(survives_noise))
