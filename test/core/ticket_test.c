/* SPDX-License-Identifier: ISC */
/* link: core */
#include "core/ticket.h"
#include "core/cur.h"
#include "test/test.h"

static struct ticket
sample(void)
{
	struct ticket t;

	memset(&t, 0, sizeof(t));
	memset(t.peer, 0x5a, sizeof(t.peer));
	snprintf(t.name, sizeof(t.name), "lab");
	t.addrs = 2;
	snprintf(t.addr[0], TICKET_ADDR, "192.0.2.7:13240");
	snprintf(t.addr[1], TICKET_ADDR, "[2001:db8::1]:13240");
	t.has_secret = true;
	memset(t.id, 0x11, sizeof(t.id));
	memset(t.secret, 0x22, sizeof(t.secret));
	t.expiry = 1893456000;
	return t;
}

static struct ticket
largest(void)
{
	struct ticket t = sample();

	memset(t.name, 'n', TICKET_NAME - 1);
	for (t.addrs = 0; t.addrs < TICKET_ADDRS; t.addrs++) {
		memset(t.addr[t.addrs], 'h', TICKET_ADDR - 1);
		memcpy(t.addr[t.addrs] + TICKET_ADDR - 7, ":65535", 7);
	}
	t.expiry = UINT64_MAX;
	return t;
}

static void
check_round_trip(const struct ticket *t)
{
	char text[TICKET_TEXT];
	struct ticket back;

	CHECK_EQ(ticket_write(t, text, sizeof(text)), ERR_OK);
	CHECK(ticket_is(text));
	memset(&back, 0xff, sizeof(back));
	CHECK_EQ(ticket_read(text, &back), ERR_OK);
	CHECK(memcmp(t->peer, back.peer, PEERID) == 0);
	CHECK(strcmp(t->name, back.name) == 0);
	CHECK_EQ(back.addrs, t->addrs);
	for (unsigned i = 0; i < t->addrs; i++)
		CHECK(strcmp(t->addr[i], back.addr[i]) == 0);
	CHECK_EQ(back.has_secret, t->has_secret);
	CHECK(memcmp(t->id, back.id, TICKET_ID) == 0);
	CHECK(memcmp(t->secret, back.secret, TICKET_SECRET) == 0);
	CHECK(back.expiry == t->expiry);
}

static void
reads_back(void)
{
	struct ticket t = sample(), large = largest(), none;

	check_round_trip(&t);
	check_round_trip(&large);
	memset(&none, 0, sizeof(none));
	check_round_trip(&none);
}

static void
case_does_not_matter(void)
{
	struct ticket t = sample(), back;
	char text[TICKET_TEXT];

	CHECK_EQ(ticket_write(&t, text, sizeof(text)), ERR_OK);
	for (char *c = text; *c != '\0'; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c |= 0x20;
	CHECK_EQ(ticket_read(text, &back), ERR_OK);
	for (char *c = text; *c != '\0'; c++)
		if (*c >= 'a' && *c <= 'z')
			*c &= ~0x20;
	CHECK(strncmp(text, "USBP2P:", 7) == 0);
	CHECK_EQ(ticket_read(text, &back), ERR_OK);
	CHECK(strcmp(back.name, "lab") == 0);
}

static void
says_when_it_does_not_fit(void)
{
	struct ticket t = sample();
	char text[TICKET_TEXT];
	size_t need;

	CHECK_EQ(ticket_write(&t, text, sizeof(text)), ERR_OK);
	need = strlen(text) + 1;
	CHECK_EQ(ticket_write(&t, text, need - 1), ERR_TOOBIG);
	CHECK_EQ(ticket_write(&t, text, 0), ERR_TOOBIG);
	CHECK_EQ(ticket_write(&t, text, need), ERR_OK);
	snprintf(t.addr[1], TICKET_ADDR, "nowhere");
	CHECK_EQ(ticket_write(&t, text, sizeof(text)), ERR_USAGE);
}

static void
addresses(void)
{
	static const char *const good[] = {"a:1", "192.0.2.7:65535", "[::1]:13240",
					   "[fe80::1%eth0]:1", "lab.example.org:13240"};
	static const char *const bad[] = {
	    "",
	    ":1",
	    "a",
	    "a:",
	    "a:0",
	    "a:65536",
	    "a:1x",
	    "a b:1",
	    "a:1:2",
	    "::1:13240",
	    "[::1]",
	    "[]:1",
	    "[::1:1",
	    "[::1]13240",
	    "a]:1",
	    "\x1b[2J:13",
	    "\xc3:1",
	    "a:-1",
	    "a:99999999999999999999",
	};
	char text[TICKET_ADDR + 1];

	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		CHECK(ticket_addr_ok(good[i]));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (ticket_addr_ok(bad[i])) {
			printf("# %s\n", bad[i]);
			CHECK(0);
		}
	memset(text, 'a', sizeof(text));
	memcpy(text + TICKET_ADDR - 2, ":1", 3);
	CHECK(!ticket_addr_ok(text));
	CHECK(ticket_addr_ok(text + 1));
}

/* Bytes as a ticket with a right check. */
static int
read_bytes(const uint8_t *b, size_t n, struct ticket *t)
{
	char text[TICKET_TEXT] = TICKET_PREFIX;

	b32_encode(b, n, text + 7, sizeof(text) - 7);
	return ticket_read(text, t);
}

/* A version, a peer, the name "n", and what follows. */
static size_t
with_tail(uint8_t *b, const char *tail, size_t n)
{
	b[0] = 1;
	memset(b + 1, 7, PEERID);
	memcpy(b + 33, "\1n", 2);
	memcpy(b + 35, tail, n);
	return 35 + n;
}

#define TAIL(s) s, sizeof(s) - 1

static void
refuses_bad_bytes(void)
{
	static const struct {
		const char *what, *tail;
		size_t n;
		int r;
	} rows[] = {
	    {"no address, no secret", TAIL("\0\0"), ERR_OK},
	    {"one address", TAIL("\1\1\3a:1\0"), ERR_OK},
	    {"unknown kind that may be skipped", TAIL("\2\200\2xx\1\3a:1\0"), ERR_OK},
	    {"unknown kind that may not", TAIL("\1\177\2xx\0"), ERR_BADTICKET},
	    {"kind 0", TAIL("\1\0\3a:1\0"), ERR_BADTICKET},
	    {"skipped kind too long", TAIL("\1\200\7xx\0"), ERR_BADTICKET},
	    {"fewer addresses than said", TAIL("\2\1\3a:1\0"), ERR_BADTICKET},
	    {"address that is none", TAIL("\1\1\3a:x\0"), ERR_BADTICKET},
	    {"address with NUL", TAIL("\1\1\3a\0001\0"), ERR_BADTICKET},
	    {"address too long", TAIL("\1\1\377a:1\0"), ERR_BADTICKET},
	    {"nine addresses",
	     TAIL("\11\1\3a:1\1\3a:1\1\3a:1\1\3a:1\1\3a:1\1\3a:1\1\3a:1\1\3a:1\1\3a:1\0"),
	     ERR_BADTICKET},
	    {"has secret: 2", TAIL("\0\2"), ERR_BADTICKET},
	    {"half a secret", TAIL("\0\1iiiiiiiissss"), ERR_BADTICKET},
	    {"bytes behind it", TAIL("\0\0x"), ERR_BADTICKET},
	    {"no count", TAIL(""), ERR_BADTICKET},
	};
	uint8_t b[256];
	struct ticket t;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		size_t n = with_tail(b, rows[i].tail, rows[i].n);

		if (read_bytes(b, n, &t) != rows[i].r) {
			printf("# %s\n", rows[i].what);
			CHECK(0);
		}
	}
	(void)with_tail(b, "\0\0", 2);
	b[0] = 2;
	CHECK_EQ(read_bytes(b, 37, &t), ERR_BADTICKET); /* another version */
	b[0] = 1;
	CHECK_EQ(read_bytes(b, 37, &t), ERR_OK);
	b[34] = 0x1b;
	CHECK_EQ(read_bytes(b, 37, &t), ERR_OK);
	CHECK(strcmp(t.name, "?") == 0); /* harmless on a terminal */
}

/* Every shorter ticket is none, though its check is right. */
static void
refuses_every_cut(void)
{
	struct ticket t = sample();
	char text[TICKET_TEXT];
	uint8_t b[512];
	size_t n;

	CHECK_EQ(ticket_write(&t, text, sizeof(text)), ERR_OK);
	CHECK_EQ(b32_decode(text + 7, b, sizeof(b), &n), ERR_OK);
	for (size_t i = 0; i < n; i++)
		CHECK_EQ(read_bytes(b, i, &t), ERR_BADTICKET);
	CHECK_EQ(read_bytes(b, n, &t), ERR_OK);
}

/* A typing error, anywhere: each character instead of each. */
static void
refuses_every_changed_character(void)
{
	static const char all[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:-._ +/=?";
	struct ticket t = sample(), back;
	char text[TICKET_TEXT];
	unsigned tried = 0;

	CHECK_EQ(ticket_write(&t, text, sizeof(text)), ERR_OK);
	for (size_t i = 0; text[i] != '\0'; i++) {
		char c = text[i];

		for (const char *p = all; *p != '\0'; p++) {
			if ((*p | 0x20) == (c | 0x20))
				continue;
			text[i] = *p;
			CHECK_EQ(ticket_read(text, &back), ERR_BADTICKET);
			tried++;
		}
		text[i] = c;
	}
	CHECK(tried > 4000);
	CHECK_EQ(ticket_read(text, &back), ERR_OK);
}

static void
refuses_other_text(void)
{
	static const char *const bad[] = {
	    "", "usbp2p", "usbp2p:", "lab", "usbp2p:AAAA", "http://x", "usbp2q:"};
	static char longer[4096];
	struct ticket t;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		CHECK_EQ(ticket_read(bad[i], &t), ERR_BADTICKET);
	CHECK(!ticket_is("usbp2"));
	CHECK(!ticket_is("lab"));
	CHECK(ticket_is("usbp2p:nonsense"));
	memset(longer, 'A', sizeof(longer) - 1);
	memcpy(longer, TICKET_PREFIX, 7);
	CHECK_EQ(ticket_read(longer, &t), ERR_BADTICKET);
}

TEST_MAIN(TEST(reads_back), TEST(case_does_not_matter), TEST(says_when_it_does_not_fit),
	  TEST(addresses), TEST(refuses_bad_bytes), TEST(refuses_every_cut),
	  TEST(refuses_every_changed_character), TEST(refuses_other_text))
