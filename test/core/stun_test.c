/* SPDX-License-Identifier: ISC */
/* link: core */
#include "core/stun.h"
#include "test/test.h"

/* RFC 5769 2.2, 2.3 without the attributes that need a password: same header. */
static const uint8_t tid[STUN_TID] = {0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34,
				      0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae};
#define HEAD(type, len)                                                               \
	(type) >> 8, (type)&0xff, 0, (len), 0x21, 0x12, 0xa4, 0x42, 0xb7, 0xe7, 0xa7, \
	    0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae
#define XOR4 0x00, 0x20, 0, 8, 0, 1, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43
#define XOR6                                                                           \
	0x00, 0x20, 0, 20, 0, 2, 0xa1, 0x47, 0x01, 0x13, 0xa9, 0xfa, 0xa5, 0xd3, 0xf1, \
	    0x79, 0xbc, 0x25, 0xf4, 0xb5, 0xbe, 0xd2, 0xb9, 0xd9
#define OLD4       0x00, 0x01, 0, 8, 0, 1, 0x12, 0x34, 198, 51, 100, 7
#define OTHER4     0x80, 0x2c, 0, 8, 0, 1, 0x0d, 0x97, 192, 0, 2, 3
#define SOFTWARE   0x80, 0x22, 0, 5, 'c', 'o', 't', 'u', 'r', 0, 0, 0

#define BYTES(...) (const uint8_t[]){__VA_ARGS__}, sizeof((uint8_t[]){__VA_ARGS__})

static const uint8_t v6[16] = {0x20, 0x01, 0x0d, 0xb8, 0x12, 0x34, 0x56, 0x78,
			       0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77};

static void
request(void)
{
	static const uint8_t want[] = {HEAD(0x0001, 0)};
	uint8_t out[STUN_REQUEST];

	stun_request(out, tid);
	CHECK(memcmp(out, want, sizeof(want)) == 0);
}

static void
answers(void)
{
	const struct {
		const uint8_t *p;
		size_t n;
		uint16_t port;
		uint8_t family, first;
	} rows[] = {
	    {BYTES(HEAD(0x0101, 12), XOR4), 32853, 4, 192},
	    {BYTES(HEAD(0x0101, 24), SOFTWARE, XOR4), 32853, 4, 192},
	    {BYTES(HEAD(0x0101, 24), XOR6), 32853, 6, 0x20},
	    {BYTES(HEAD(0x0101, 12), OLD4), 0x1234, 4, 198},
	    {BYTES(HEAD(0x0101, 24), OLD4, XOR4), 32853, 4, 192},
	    {BYTES(HEAD(0x0101, 24), XOR4, OLD4), 32853, 4, 192},
	};
	struct stun_answer a;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CHECK_EQ(stun_read(rows[i].p, rows[i].n, tid, &a), ERR_OK);
		CHECK_EQ(a.mapped.port, rows[i].port);
		CHECK_EQ(a.mapped.family, rows[i].family);
		CHECK_EQ(a.mapped.ip[0], rows[i].first);
		CHECK_EQ(a.other.family, 0);
	}
	CHECK_EQ(stun_read(rows[2].p, rows[2].n, tid, &a), ERR_OK);
	CHECK(memcmp(a.mapped.ip, v6, sizeof(v6)) == 0);
	CHECK_EQ(stun_read(BYTES(HEAD(0x0101, 24), XOR4, OTHER4), tid, &a), ERR_OK);
	CHECK_EQ(a.other.port, 3479);
	CHECK_EQ(a.other.ip[3], 3);
}

static void
bad_input(void)
{
	const struct {
		const uint8_t *p;
		size_t n;
		int want;
	} rows[] = {
	    {BYTES(0), ERR_NODEV},
	    {BYTES(HEAD(0x0001, 12), XOR4), ERR_NODEV},
	    {BYTES(HEAD(0x0111, 0)), ERR_REFUSED},
	    {BYTES(HEAD(0x0101, 0)), ERR_PROTO},
	    {BYTES(HEAD(0x0101, 12), SOFTWARE), ERR_PROTO},
	    {BYTES(HEAD(0x0101, 11), XOR4), ERR_PROTO},
	    {BYTES(HEAD(0x0101, 24), XOR4), ERR_PROTO},
	    {BYTES(HEAD(0x0101, 4), 0, 0x20, 0, 8), ERR_PROTO},
	    {BYTES(HEAD(0x0101, 8), 0, 0x20, 0, 4, 0, 1, 1, 1), ERR_PROTO},
	    {BYTES(HEAD(0x0101, 12), 0, 0x20, 0, 8, 0, 2, 1, 1, 1, 1, 1, 1), ERR_PROTO},
	    {BYTES(HEAD(0x0101, 12), 0, 0x20, 0, 8, 0, 3, 1, 1, 1, 1, 1, 1), ERR_PROTO},
	    {BYTES(HEAD(0x0101, 16), XOR4, 0x80, 0x2c, 0, 0), ERR_PROTO},
	};
	static const uint8_t strange[STUN_TID] = {1};
	struct stun_answer a;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int got = stun_read(rows[i].p, rows[i].n, tid, &a);

		if (got != rows[i].want)
			printf("# row %zu\n", i);
		CHECK_EQ(got, rows[i].want);
	}
	CHECK_EQ(stun_read(BYTES(HEAD(0x0101, 12), XOR4), strange, &a), ERR_NODEV);
}

/* Cut short anywhere, and with each byte spoiled: never read past the end. */
static void
cut_and_spoiled(void)
{
	static const uint8_t good[] = {HEAD(0x0101, 36), SOFTWARE, XOR4, OTHER4};
	struct stun_answer a;
	unsigned bad = 0;

	for (size_t n = 0; n < sizeof(good); n++) {
		uint8_t *copy = malloc(n + 1);

		memcpy(copy, good, n);
		CHECK(stun_read(copy, n, tid, &a) != ERR_OK);
		free(copy);
	}
	for (size_t i = 0; i < sizeof(good); i++)
		for (unsigned bit = 0; bit < 8; bit++) {
			uint8_t *copy = malloc(sizeof(good));

			memcpy(copy, good, sizeof(good));
			copy[i] ^= (uint8_t)(1 << bit);
			bad += stun_read(copy, sizeof(good), tid, &a) != ERR_OK;
			free(copy);
		}
	CHECK(bad >= STUN_REQUEST * 8); /* head and lengths */
}

static void
kinds(void)
{
#define NONE              \
	{                 \
		0, {0}, 0 \
	}
#define A(last, p)                      \
	{                               \
		4, {192, 0, 2, last}, p \
	}
	static const struct {
		struct stun_addr seen[3];
		unsigned n;
		enum stun_nat want;
	} rows[] = {
	    {{NONE}, 0, STUN_NAT_BLOCKED},
	    {{NONE, NONE}, 2, STUN_NAT_BLOCKED},
	    {{A(9, 5)}, 1, STUN_NAT_NONE},
	    {{A(9, 5), A(9, 5)}, 2, STUN_NAT_NONE},
	    {{A(11, 5)}, 1, STUN_NAT_UNKNOWN},
	    {{A(9, 6)}, 1, STUN_NAT_UNKNOWN},
	    {{NONE, A(11, 5)}, 2, STUN_NAT_UNKNOWN},
	    {{A(11, 5), A(11, 5)}, 2, STUN_NAT_EASY},
	    {{A(11, 5), NONE, A(11, 5)}, 3, STUN_NAT_EASY},
	    {{A(11, 5), A(11, 6)}, 2, STUN_NAT_HARD},
	    {{A(11, 5), A(12, 5)}, 2, STUN_NAT_HARD},
	    {{A(9, 5), A(11, 5)}, 2, STUN_NAT_HARD},
	};
	static const struct stun_addr local = A(9, 5);

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		CHECK_EQ(stun_nat(rows[i].seen, rows[i].n, &local), rows[i].want);
	CHECK(strcmp(stun_nat_name(STUN_NAT_HARD), "hard") == 0);
	CHECK(strcmp(stun_nat_name(STUN_NAT_BLOCKED), "blocked") == 0);
}

TEST_MAIN(TEST(request), TEST(answers), TEST(bad_input), TEST(cut_and_spoiled),
	  TEST(kinds))
