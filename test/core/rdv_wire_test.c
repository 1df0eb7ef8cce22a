/* SPDX-License-Identifier: ISC */
/* link: core */
#include "core/bucket.h"
#include "core/rdv_uri.h"
#include "core/rdv_wire.h"
#include "core/ticket.h"
#include "test/test.h"

static const struct rdv_address somebody = {{1, 2}, {3, 4}};

static void
put_join(struct wr *w)
{
	rdv_put_join(w, &(struct rdv_join){1, 2, RDV_HOST, {5}});
}

static int
get_join(struct rd *r)
{
	struct rdv_join j;
	int err = rdv_get_join(r, &j);

	CHECK(err != ERR_OK ||
	      (j.major == 1 && j.minor == 2 && j.role == RDV_HOST && j.instance[0] == 5));
	return err;
}

static void
put_joined(struct wr *w)
{
	rdv_put_joined(w, &(struct rdv_joined){1, 2, 0x1234});
}

static int
get_joined(struct rd *r)
{
	struct rdv_joined j;
	int err = rdv_get_joined(r, &j);

	CHECK(err != ERR_OK || j.idle_s == 0x1234);
	return err;
}

static void
put_address(struct wr *w)
{
	rdv_put_address(w, &somebody);
}

static int
get_address(struct rd *r)
{
	struct rdv_address a;
	int err = rdv_get_address(r, &a);

	CHECK(err != ERR_OK || memcmp(&a, &somebody, sizeof(a)) == 0);
	return err;
}

static void
put_parcel(struct wr *w)
{
	rdv_put_parcel(
	    w, &(struct rdv_parcel){somebody, 0x01020304, 1, (const uint8_t *)"ab", 2});
}

static int
get_parcel(struct rd *r)
{
	struct rdv_parcel p;
	int err = rdv_get_parcel(r, &p);

	CHECK(err != ERR_OK || (p.number == 0x01020304 && p.flags == 1 &&
				memcmp(&p.with, &somebody, sizeof(somebody)) == 0));
	return err;
}

static void
put_relays(struct wr *w)
{
	rdv_put_relays(w,
		       &(struct rdv_relays){2, {"turn:a", "turn:b"}, "user", "pass", 77});
}

static int
get_relays(struct rd *r)
{
	struct rdv_relays t;
	int err = rdv_get_relays(r, &t);

	CHECK(err != ERR_OK || (t.n == 2 && strcmp(t.uri[1], "turn:b") == 0 &&
				strcmp(t.user, "user") == 0 &&
				strcmp(t.password, "pass") == 0 && t.ttl_s == 77));
	return err;
}

static void
put_end(struct wr *w)
{
	rdv_put_end(w, RDV_END_SLOW);
}

static int
get_end(struct rd *r)
{
	uint8_t end;
	int err = rdv_get_end(r, &end);

	CHECK(err != ERR_OK || end == RDV_END_SLOW);
	return err;
}

static const struct {
	uint8_t type;
	void (*put)(struct wr *);
	int (*get)(struct rd *);
	size_t n, least;
} rows[] = {
    {RDV_JOIN, put_join, get_join, 19, 19},
    {RDV_JOINED, put_joined, get_joined, 4, 4},
    {RDV_SEND, put_parcel, get_parcel, 55, 53},
    {RDV_ABSENT, put_address, get_address, 48, 48},
    {RDV_RELAYS, put_relays, get_relays, 29, 29},
    {RDV_END, put_end, get_end, 34, 34},
};

/* What is written is read; cut anywhere, or with a byte more, it is not. */
static void
back_and_forth(void)
{
	uint8_t b[256];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct wr w;
		struct rd r;
		size_t n;

		memset(b, 0, sizeof(b));
		wr_init(&w, b, sizeof(b));
		rows[i].put(&w);
		n = (size_t)(w.p - b);
		CHECK_EQ(n, rows[i].n);
		rd_init(&r, b, n);
		CHECK_EQ(rows[i].get(&r), ERR_OK);
		for (size_t k = 0; k < rows[i].least; k++) {
			uint8_t *cut = malloc(k > 0 ? k : 1);

			memcpy(cut, b, k);
			rd_init(&r, cut, k);
			CHECK_EQ(rows[i].get(&r), ERR_PROTO);
			free(cut);
		}
		rd_init(&r, b, n + 1);
		CHECK_EQ(rows[i].get(&r), rows[i].type == RDV_SEND ? ERR_OK : ERR_PROTO);
		for (size_t k = 0; k < n; k++) {
			wr_init(&w, b, k);
			rows[i].put(&w);
			CHECK(w.bad);
		}
	}
}

static void
rows_are_checked(void)
{
	CHECK_EQ(rdv_wire_check(RDV_JOIN, RDV_PEER, 19), ERR_OK);
	CHECK_EQ(rdv_wire_check(RDV_JOIN, RDV_PEER, 18), ERR_PROTO);
	CHECK_EQ(rdv_wire_check(RDV_JOIN, RDV_MIDDLE, 19), ERR_PROTO);
	CHECK_EQ(rdv_wire_check(RDV_DELIVER, RDV_MIDDLE, RDV_BODY), ERR_OK);
	CHECK_EQ(rdv_wire_check(RDV_DELIVER, RDV_MIDDLE, RDV_BODY + 1), ERR_PROTO);
	CHECK_EQ(rdv_wire_check(64, RDV_PEER, 67), ERR_PROTO); /* KNOCK */
	CHECK_EQ(rdv_wire_check(127, RDV_PEER, 0), ERR_PROTO);
	CHECK_EQ(rdv_wire_check(128, RDV_PEER, 0), ERR_NODEV);
	CHECK(strcmp(rdv_wire_name(RDV_ABSENT), "ABSENT") == 0);
	CHECK(strcmp(rdv_wire_name(1), "?") == 0);
	CHECK_EQ(rdv_end_err(RDV_END_REPLACED), ERR_BUSY);
	CHECK_EQ(rdv_end_err(99), ERR_CLOSED);
}

static void
strangers_strings_are_cleaned(void)
{
	const struct rdv_relays t = {1, {"turn:\033[2J"}, "\007", "\n", 1};
	struct rdv_relays got;
	uint8_t b[64];
	struct wr w;
	struct rd r;

	wr_init(&w, b, sizeof(b));
	rdv_put_relays(&w, &t);
	rd_init(&r, b, (size_t)(w.p - b));
	CHECK_EQ(rdv_get_relays(&r, &got), ERR_OK);
	CHECK(strcmp(got.uri[0], "turn:?[2J") == 0);
	CHECK(strcmp(got.user, "?") == 0 && strcmp(got.password, "?") == 0);
	b[0] = RDV_SERVERS + 1;
	rd_init(&r, b, (size_t)(w.p - b));
	CHECK_EQ(rdv_get_relays(&r, &got), ERR_PROTO);
}

/* Somebody who is to be heard all the time cannot be. */
static void
no_time_at_all(void)
{
	const uint8_t b[4] = {RDV_MAJOR, RDV_MINOR, 0, 0};
	struct rdv_joined j;
	struct rd r;

	rd_init(&r, b, sizeof(b));
	CHECK_EQ(rdv_get_joined(&r, &j), ERR_PROTO);
}

static void
uris(void)
{
	static const char *const bad[] = {
	    "",
	    "rdv://",
	    "rdv://h:1",
	    "rdv://h:1#",
	    "h:1#%s",
	    "RDV://h:1#%s",
	    "rdv://h#%s",
	    "rdv://h:0#%s",
	    "rdv://:1#%s",
	    "rdv://h:1#%sA",
	    "rdv://h:1##%s",
	    "rdv://aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa:1#%s",
	};
	static const char no_pin[] = "rdv://h:1";
	struct rdv_uri u = {"[2001:db8::1]:13241", {7, 8, 9}}, v;
	char text[RDV_URI], pin[B32_TEXT(PEERID)], word[256];

	rdv_uri_text(&u, text);
	CHECK(rdv_uri_is(text));
	CHECK_EQ(rdv_uri_read(text, &v), ERR_OK);
	CHECK(rdv_uri_equal(&u, &v));
	v.pin[31] ^= 1;
	CHECK(!rdv_uri_equal(&u, &v));
	b32_encode(u.pin, PEERID, pin, sizeof(pin));
	memcpy(word, no_pin, sizeof(no_pin)); /* nothing behind its end is read */
	memcpy(word + strlen(no_pin) + 1, pin, sizeof(pin));
	CHECK_EQ(rdv_uri_read(word, &v), ERR_USAGE);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		const char *s = strstr(bad[i], "%s");

		snprintf(word, sizeof(word), "%.*s%s%s",
			 s == NULL ? (int)strlen(bad[i]) : (int)(s - bad[i]), bad[i],
			 s == NULL ? "" : pin, s == NULL ? "" : s + 2);
		CHECK_EQ(rdv_uri_read(word, &v), ERR_USAGE);
	}
	/* a mistyped pin */
	text[strlen(text) - 9] ^= 1;
	CHECK_EQ(rdv_uri_read(text, &v), ERR_USAGE);
}

/* Bytes of a ticket with one rendezvous, byte by byte changed where it matters. */
static void
tickets(void)
{
	struct ticket t, got;
	char text[TICKET_TEXT];
	uint8_t b[512];
	size_t n;

	memset(&t, 0, sizeof(t));
	memcpy(t.name, "lab", 4);
	t.rdvs = TICKET_RDVS;
	for (unsigned i = 0; i < t.rdvs; i++) {
		snprintf(t.rdv[i].addr, RDV_ADDR, "r%u.example:13241", i);
		memset(t.rdv[i].pin, (int)i + 1, PEERID);
	}
	CHECK_EQ(ticket_write(&t, text, sizeof(text)), ERR_OK);
	CHECK_EQ(ticket_read(text, &got), ERR_OK);
	CHECK(memcmp(&t, &got, sizeof(t)) == 0);
	CHECK_EQ(b32_decode(text + 7, b, sizeof(b), &n), ERR_OK);
	CHECK(b[37] == TICKET_RDVS && b[38] == 2 && b[39] == PEERID + 16);
	for (unsigned len = 0; len < 256; len++) { /* of the first */
		b[39] = (uint8_t)len;
		b32_encode(b, n, text + 7, sizeof(text) - 7);
		CHECK_EQ(ticket_read(text, &got),
			 len == PEERID + 16 ? ERR_OK : ERR_BADTICKET);
	}
	b[39] = PEERID + 16;
	b[40 + PEERID + 3] = '\0';
	b32_encode(b, n, text + 7, sizeof(text) - 7);
	CHECK_EQ(ticket_read(text, &got), ERR_BADTICKET);
	t.rdv[0].addr[0] = '\0';
	CHECK_EQ(ticket_write(&t, text, sizeof(text)), ERR_USAGE);
}

static void
buckets(void)
{
	const struct bucket_conf c = {3, 2};
	struct bucket b;

	bucket_init(&b, &c, 5);
	CHECK(bucket_take(&b, &c, 3, 5));
	CHECK(!bucket_take(&b, &c, 1, 5));
	CHECK(!bucket_take(&b, &c, 1, 500000 + 4));
	CHECK(bucket_take(&b, &c, 1, 500000 + 5));
	CHECK(!bucket_take(&b, &c, 4, UINT64_MAX));
	CHECK(bucket_take(&b, &c, 3, UINT64_MAX));
	CHECK(!bucket_take(&b, &c, 1, 0)); /* a clock that goes back */
}

TEST_MAIN(TEST(back_and_forth), TEST(no_time_at_all), TEST(rows_are_checked),
	  TEST(strangers_strings_are_cleaned), TEST(uris), TEST(tickets), TEST(buckets))
