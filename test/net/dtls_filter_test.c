/* SPDX-License-Identifier: ISC */
/* link: net core */
#include "net/dtls_filter.h"
#include "test/test.h"

/* A record's head and a handshake fragment's. */
#define HEAD(type, minor, epoch, n) \
	type, 0xfe, minor, 0, epoch, 0, 0, 0, 0, 0, 1, (n) >> 8, (n)&0xff
#define FRAG(type, all, seq, off, len) \
	type, 0, (all) >> 8, (all)&0xff, 0, seq, 0, (off) >> 8, (off)&0xff, 0, 0, len

struct row {
	const char *what;
	bool to_server, to_client; /* passes */
	uint8_t alert;
	size_t n;
	uint8_t p[64];
};

static const struct row rows[] = {
    {"nothing", false, false, 0, 0, {0}},
    {"encrypted data", true, true, 0, 14, {HEAD(23, 0xfd, 1, 1), 9}},
    {"encrypted alert", true, true, 0, 15, {HEAD(21, 0xfd, 1, 2), 2, 49}},
    {"encrypted, version 1.0", false, false, 0, 14, {HEAD(23, 0xff, 1, 1), 9}},
    {"epoch 2", false, false, 0, 14, {HEAD(23, 0xfd, 2, 1), 9}},
    {"no type of ours", false, false, 0, 14, {HEAD(24, 0xfd, 1, 1), 9}},
    {"no type either", false, false, 0, 14, {HEAD(19, 0xfd, 1, 1), 9}},
    {"TLS version", false, false, 0, 14, {22, 3, 3, 0, 1, 0, 0, 0, 0, 0, 1, 0, 1, 9}},
    {"empty record", false, false, 0, 13, {HEAD(23, 0xfd, 1, 0)}},
    {"cut in the head", false, false, 0, 12, {HEAD(23, 0xfd, 1, 1)}},
    {"cut in the body", false, false, 0, 14, {HEAD(23, 0xfd, 1, 2), 9}},
    {"something behind", false, false, 0, 15, {HEAD(23, 0xfd, 1, 1), 9, 9}},
    {"two records", true, true, 0, 28, {HEAD(23, 0xfd, 1, 1), 9, HEAD(22, 0xfd, 1, 1)}},
    {"clear data", false, false, 0, 14, {HEAD(23, 0xfd, 0, 1), 9}},
    {"change of cipher", true, true, 0, 14, {HEAD(20, 0xfd, 0, 1), 1}},
    {"long change", false, false, 0, 15, {HEAD(20, 0xfd, 0, 2), 1, 1}},
    {"other change", false, false, 0, 14, {HEAD(20, 0xfd, 0, 1), 2}},
    {"clear fatal alert", false, false, 49, 15, {HEAD(21, 0xfd, 0, 2), 2, 49}},
    {"clear warning", false, false, 0, 15, {HEAD(21, 0xfd, 0, 2), 1, 49}},
    {"long alert", false, false, 0, 16, {HEAD(21, 0xfd, 0, 3), 2, 49, 0}},
    {"hello", true, false, 0, 26, {HEAD(22, 0xff, 0, 13), FRAG(1, 1, 0, 0, 1), 9}},
    {"answer", false, true, 0, 26, {HEAD(22, 0xfd, 0, 13), FRAG(2, 1, 0, 0, 1), 9}},
    {"certificate", true, true, 0, 26, {HEAD(22, 0xfd, 0, 13), FRAG(11, 300, 1, 299, 1)}},
    {"hello done, empty",
     false,
     true,
     0,
     25,
     {HEAD(22, 0xfd, 0, 12), FRAG(14, 0, 5, 0, 0)}},
    {"two fragments",
     true,
     false,
     0,
     38,
     {HEAD(22, 0xfd, 0, 25), FRAG(16, 0, 2, 0, 0), FRAG(15, 1, 3, 0, 1)}},
    {"hello request", false, false, 0, 25, {HEAD(22, 0xfd, 0, 12), FRAG(0, 0, 0, 0, 0)}},
    {"cookie", false, false, 0, 26, {HEAD(22, 0xff, 0, 13), FRAG(3, 1, 0, 0, 1)}},
    {"clear finished",
     false,
     false,
     0,
     26,
     {HEAD(22, 0xfd, 0, 13), FRAG(20, 1, 5, 0, 1)}},
    {"ticket", false, false, 0, 26, {HEAD(22, 0xfd, 0, 13), FRAG(4, 1, 5, 0, 1)}},
    {"fragment behind the end",
     false,
     false,
     0,
     26,
     {HEAD(22, 0xfd, 0, 13), FRAG(11, 300, 1, 300, 1)}},
    {"empty fragment of something",
     false,
     false,
     0,
     25,
     {HEAD(22, 0xfd, 0, 12), FRAG(11, 300, 1, 0, 0)}},
    {"fragment is cut",
     false,
     false,
     0,
     26,
     {HEAD(22, 0xfd, 0, 13), FRAG(11, 300, 1, 0, 2)}},
    {"fragment's head is cut",
     false,
     false,
     0,
     24,
     {HEAD(22, 0xfd, 0, 11), FRAG(11, 300, 1, 0, 0)}},
    {"longest message",
     true,
     true,
     0,
     26,
     {HEAD(22, 0xfd, 0, 13), FRAG(11, 8192, 1, 0, 1)}},
    {"message too long",
     false,
     false,
     0,
     26,
     {HEAD(22, 0xfd, 0, 13), FRAG(11, 8193, 1, 0, 1)}},
    {"message far ahead",
     false,
     false,
     0,
     26,
     {HEAD(22, 0xfd, 0, 13), FRAG(11, 300, 16, 0, 1)}},
    {"good, then bad",
     false,
     false,
     49,
     29,
     {HEAD(20, 0xfd, 0, 1), 1, HEAD(21, 0xfd, 0, 2), 2, 49}},
};

static void
passes_what_peers_send(void)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		for (int server = 0; server < 2; server++) {
			uint8_t alert = 77;
			uint8_t *p =
			    malloc(rows[i].n + 1); /* the sanitizer sees its end */
			bool want = server ? rows[i].to_server : rows[i].to_client;

			memcpy(p + 1, rows[i].p, rows[i].n);
			if (dtls_filter(server, 1, p + 1, rows[i].n, &alert) != want) {
				printf("# %s\n", rows[i].what);
				CHECK(!"the filter is wrong");
			}
			CHECK_EQ(alert, rows[i].alert);
			free(p);
		}
}

static void
longest_record(void)
{
	static uint8_t p[17000] = {HEAD(23, 0xfd, 1, 16640)};
	uint8_t alert;

	CHECK(dtls_filter(true, 1, p, 16653, &alert));
	p[12]++;
	CHECK(!dtls_filter(true, 1, p, 16654, &alert));
}

/* Of sealed records: those in clear may be short. */
static void
shortest_record(void)
{
	static uint8_t p[] = {HEAD(20, 0xfd, 0, 1), 1, HEAD(23, 0xfd, 1, 3), 1, 2, 3};
	uint8_t alert;

	CHECK(dtls_filter(true, 3, p, sizeof(p), &alert));
	CHECK(!dtls_filter(true, 4, p, sizeof(p), &alert));
	CHECK_EQ(alert, 0);
}

TEST_MAIN(TEST(passes_what_peers_send), TEST(longest_record), TEST(shortest_record))
