/* SPDX-License-Identifier: ISC */
/* link: net core */
#include "net/proof.h"
#include "test/test.h"

static uint8_t secret[TICKET_SECRET] = "sixteen bytes ..";
static uint8_t ticket[TICKET_ID] = "8 bytes.";

static struct proof_channel
channel(void)
{
	struct proof_channel c;

	memset(c.exporter, 1, sizeof(c.exporter));
	memset(c.server, 2, sizeof(c.server));
	memset(c.client, 3, sizeof(c.client));
	return c;
}

static void
the_same_twice(void)
{
	struct proof_channel c = channel();
	uint8_t a[IDENT_MAC], b[IDENT_MAC];

	proof_make(PROOF_TLS_CLIENT, secret, ticket, &c, a);
	proof_make(PROOF_TLS_CLIENT, secret, ticket, &c, b);
	CHECK(memcmp(a, b, sizeof(a)) == 0);
}

/* A proof of one stage is none of another: it cannot be sent back. */
static void
stages_differ(void)
{
	struct proof_channel c = channel();
	uint8_t p[4][IDENT_MAC];

	for (int i = 0; i < 4; i++)
		proof_make((enum proof_stage)i, secret, ticket, &c, p[i]);
	for (int i = 0; i < 4; i++)
		for (int j = 0; j < i; j++)
			CHECK(memcmp(p[i], p[j], IDENT_MAC) != 0);
}

/* Every bit of what it is bound to counts. */
static void
bound_to_all(void)
{
	struct proof_channel c = channel();
	const struct {
		const char *what;
		uint8_t *p;
		size_t n;
	} parts[] = {{"exporter", c.exporter, sizeof(c.exporter)},
		     {"server", c.server, sizeof(c.server)},
		     {"client", c.client, sizeof(c.client)},
		     {"secret", secret, sizeof(secret)},
		     {"ticket", ticket, sizeof(ticket)}};
	uint8_t right[IDENT_MAC], other[IDENT_MAC];

	proof_make(PROOF_DTLS_SERVER, secret, ticket, &c, right);
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		for (size_t bit = 0; bit < parts[i].n * 8; bit++) {
			parts[i].p[bit / 8] ^= (uint8_t)(1 << bit % 8);
			proof_make(PROOF_DTLS_SERVER, secret, ticket, &c, other);
			parts[i].p[bit / 8] ^= (uint8_t)(1 << bit % 8);
			if (memcmp(right, other, sizeof(right)) == 0)
				printf("# %s, bit %zu\n", parts[i].what, bit);
			CHECK(memcmp(right, other, sizeof(right)) != 0);
		}
}

/* Who is server and who is client cannot be exchanged. */
static void
sides_differ(void)
{
	struct proof_channel c = channel(), d = channel();
	uint8_t a[IDENT_MAC], b[IDENT_MAC];

	memcpy(d.server, c.client, sizeof(d.server));
	memcpy(d.client, c.server, sizeof(d.client));
	proof_make(PROOF_TLS_CLIENT, secret, ticket, &c, a);
	proof_make(PROOF_TLS_CLIENT, secret, ticket, &d, b);
	CHECK(memcmp(a, b, sizeof(a)) != 0);
}

/* As another implementation computes it: python3 hmac and hashlib, RFC 5869. */
static void
known_value(void)
{
	static const uint8_t want[IDENT_MAC] = {
	    0x12, 0x6b, 0x14, 0xa3, 0x8a, 0xfe, 0x36, 0x6b, 0xa4, 0x5b, 0xdc,
	    0x0c, 0xcd, 0xbb, 0xc7, 0x1a, 0x84, 0x2b, 0x9e, 0x11, 0xfe, 0xba,
	    0x31, 0x70, 0xd6, 0xa2, 0xfa, 0xd8, 0x68, 0xe7, 0x74, 0x2e};
	struct proof_channel c = channel();
	uint8_t got[IDENT_MAC];

	proof_make(PROOF_TLS_CLIENT, secret, ticket, &c, got);
	CHECK(memcmp(got, want, sizeof(want)) == 0);
}

/* A session's next link: another key, session, number or channel is another proof. */
static void
a_resume_is_bound_to_all(void)
{
	uint8_t key[IDENT_MAC] = {1}, id[16] = {2}, exporter[IDENT_MAC] = {3};
	uint8_t right[IDENT_MAC], other[IDENT_MAC];
	uint8_t *const part[] = {key, id, exporter};

	proof_resume(key, id, 5, exporter, right);
	proof_resume(key, id, 5, exporter, other);
	CHECK(memcmp(right, other, sizeof(right)) == 0);
	proof_resume(key, id, 6, exporter, other);
	CHECK(memcmp(right, other, sizeof(right)) != 0);
	proof_resume(key, id, 5 + ((uint64_t)1 << 56), exporter, other);
	CHECK(memcmp(right, other, sizeof(right)) != 0);
	for (size_t i = 0; i < ARRAY_LEN(part); i++) {
		part[i][15] ^= 1;
		proof_resume(key, id, 5, exporter, other);
		CHECK(memcmp(right, other, sizeof(right)) != 0);
		part[i][15] ^= 1;
	}
}

TEST_MAIN(TEST(a_resume_is_bound_to_all), TEST(the_same_twice), TEST(stages_differ),
	  TEST(bound_to_all), TEST(sides_differ), TEST(known_value))
