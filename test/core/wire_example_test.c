/* SPDX-License-Identifier: ISC */
/* clang-format off */
/* link: core */
/* clang-format on */
/*
 * The byte examples of man/usbp2p-protocol.7 are what the code makes. In the
 * page a line "example NAME" begins one; each line after it is bytes, two
 * spaces, a comment; ".Ed" ends it. "text NAME" is followed by one line of text.
 */
#include "core/arq.h"
#include "core/arq_recv.h"
#include "core/b32.h"
#include "core/cur.h"
#include "core/frame.h"
#include "core/imports.h"
#include "core/session.h"
#include "core/ticket.h"
#include "core/usbip.h"
#include "core/wire.h"
#include "core/wire_tail.h"
#include "test/test.h"

#define PAGE    "man/usbp2p-protocol.7"
#define CONTROL 32u /* stream of device 1, endpoint 0 */

struct bytes_of {
	uint8_t p[2048];
	size_t n;
};

/* --- the page --- */

static unsigned used; /* examples that some test has asked for */

/* The page behind the line "KIND NAME"; NULL when there is none. */
static FILE *
page_at(const char *kind, const char *name)
{
	char line[1024], want[64];
	FILE *f = fopen(PAGE, "r");

	snprintf(want, sizeof(want), "%s %s\n", kind, name);
	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (strcmp(line, want) == 0)
			return f;
	printf("# %s has no \"%s %s\" (run from the top of the tree)\n", PAGE, kind,
	       name);
	if (f != NULL)
		fclose(f);
	return NULL;
}

/* The bytes in front of a line's comment; false: there is something else. */
static bool
read_bytes(const char *line, struct bytes_of *b)
{
	unsigned v;
	int k;

	while (sscanf(line, "%2x%n", &v, &k) == 1 && k == 2 && b->n < sizeof(b->p)) {
		b->p[b->n++] = (uint8_t)v;
		line += 2;
		if (line[0] != ' ' || line[1] == ' ')
			break;
		line++;
	}
	return *line == '\n' || (line[0] == ' ' && line[1] == ' ');
}

static void
example(const char *name, struct bytes_of *b)
{
	char line[1024];
	FILE *f = page_at("example", name);

	b->n = 0;
	used++;
	CHECK(f != NULL);
	if (f == NULL)
		return;
	while (fgets(line, sizeof(line), f) != NULL && strcmp(line, ".Ed\n") != 0)
		if (!read_bytes(line, b)) {
			printf("# %s: not bytes and a comment: %s", name, line);
			CHECK(!"the page");
		}
	fclose(f);
}

static void
shows(const char *name, const uint8_t *p, size_t n)
{
	struct bytes_of b;
	size_t i = 0;

	example(name, &b);
	while (i < n && i < b.n && p[i] == b.p[i])
		i++;
	if (i == n && i == b.n)
		return;
	printf("# %s: the page has %zu bytes, the code makes %zu; byte %zu differs:\n#",
	       name, b.n, n, i);
	for (i = 0; i < n; i++)
		printf(" %02x", p[i]);
	printf("\n");
	CHECK(!"as the page says");
}

static void
shows_text(const char *name, const char *text)
{
	char line[2048] = "";
	FILE *f = page_at("text", name);

	used++;
	CHECK(f != NULL && fgets(line, sizeof(line), f) != NULL);
	line[strcspn(line, "\n")] = '\0';
	if (strcmp(line, text) != 0) {
		printf("# %s: the code makes %s\n", name, text);
		CHECK(!"as the page says");
	}
	if (f != NULL)
		fclose(f);
}

/* --- a session that sends into the void --- */

static int
on_message(void *arg, const struct session_msg *m)
{
	(void)arg;
	(void)m;
	return ERR_OK;
}

static int
on_accept(void *arg, uint32_t sid, enum stream_prio *prio)
{
	(void)arg;
	(void)sid;
	(void)prio;
	return ERR_OK;
}

static void
on_wake(void *arg)
{
	(void)arg;
}

static const struct session_ops session_ops = {on_message, on_accept, on_wake};

static size_t
fill(struct session *s, uint8_t *p, size_t cap)
{
	struct arq_ref refs[ARQ_REFS];
	size_t n = ARQ_REFS;

	return session_arq_ops.fill(s, p, cap, refs, &n);
}

/* What the session has to send must be one STREAM frame: shows its bytes. */
static void
shows_sent(const char *name, struct session *s)
{
	uint8_t p[2048];
	size_t n = fill(s, p, sizeof(p));

	CHECK(n > FRAME_STREAM_HEAD && p[0] == FRAME_STREAM);
	if (n > FRAME_STREAM_HEAD)
		shows(name, p + FRAME_STREAM_HEAD, n - FRAME_STREAM_HEAD);
}

static void
shows_message(const char *name, uint32_t sid, uint8_t type,
	      const struct session_slice *slice, size_t slices)
{
	struct pool pool = TEST_POOL(1 << 20);
	struct session *s = session_new(&pool, 65536, &session_ops, NULL);

	CHECK_EQ(session_open(s, sid, STREAM_PRIO_CONTROL), ERR_OK);
	CHECK_EQ(session_send(s, sid, type, slice, slices, NULL), ERR_OK);
	shows_sent(name, s);
	session_free(s);
	CHECK_EQ(pool.used, 0);
}

static struct session_slice
slice_of(const uint8_t *b, const struct wr *w)
{
	CHECK(!w->bad);
	return (struct session_slice){b, (size_t)(w->p - b)};
}

static void
count_up(uint8_t *p, size_t n, uint8_t from)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)(from + i);
}

/* --- examples --- */

/* Its head is that of net/tls, which is laid out like a stream's. */
static void
knock(void)
{
	struct wire_greet g = {.major = WIRE_MAJOR, .minor = WIRE_MINOR, .name = "anna"};
	uint8_t body[128], b[160];
	struct session_slice v;
	struct wr w;

	count_up(g.instance, sizeof(g.instance), 0);
	wr_init(&w, body, sizeof(body));
	wire_put_greet(&w, &g);
	v = slice_of(body, &w);
	wr_init(&w, b, sizeof(b));
	wr_le32(&w, (uint32_t)v.n);
	wr_u8(&w, WIRE_KNOCK);
	wr_bytes(&w, v.p, v.n);
	shows("KNOCK", b, slice_of(b, &w).n);
}

static void
import(void)
{
	const struct wire_import i = {.dev = 1, .busid = "1-4"};
	uint8_t b[64];
	struct session_slice v;
	struct wr w;

	wr_init(&w, b, sizeof(b));
	wire_put_import(&w, &i);
	v = slice_of(b, &w);
	shows_message("IMPORT", STREAM_SESSION, WIRE_IMPORT, &v, 1);
}

static void
submit(void)
{
	const struct wire_submit s = {.len = 18, .setup = {0x80, 6, 0, 1, 0, 0, 18, 0}};
	uint8_t b[64];
	struct session_slice v;
	struct wr w;

	CHECK_EQ(stream_of(1, 0x80), CONTROL);
	wr_init(&w, b, sizeof(b));
	wire_put_submit(&w, &s);
	v = slice_of(b, &w);
	shows_message("SUBMIT", CONTROL, WIRE_SUBMIT, &v, 1);
}

static void
complete(void)
{
	static const uint8_t descriptor[18] = {
	    18, 1, 0, 2, 0, 0, 0, 64, 0x6b, 0x1d, 0x04, 0x01, 0x00, 0x01, 1, 2, 3, 1};
	const struct wire_complete c = {.actual = 18};
	uint8_t b[64];
	struct session_slice v[2];
	struct wr w;

	wr_init(&w, b, sizeof(b));
	wire_put_complete(&w, &c);
	v[0] = slice_of(b, &w);
	v[1] = (struct session_slice){descriptor, sizeof(descriptor)};
	shows_message("COMPLETE", CONTROL, WIRE_COMPLETE, v, 2);
}

/* A COMPLETE with n bytes at b and the data "abc", of which that may be lost. */
static void
shows_tailed(const uint8_t *b, size_t n, const struct urb_iso *iso)
{
	const size_t table = 2 * WIRE_PACKET;
	const struct session_slice v[3] = {
	    {b, n - table}, {b + n - table, table}, {"abc", 3}};
	struct pool pool = TEST_POOL(1 << 20);
	struct session *s = session_new(&pool, 65536, &session_ops, NULL);
	uint8_t p[1200];

	session_tails(s);
	CHECK_EQ(session_open(s, stream_of(1, 0x84), STREAM_PRIO_ISO), ERR_OK);
	CHECK_EQ(wire_tail_send(s, stream_of(1, 0x84), WIRE_COMPLETE, v, iso, 2, 2, NULL),
		 ERR_OK);
	n = fill(s, p, FRAME_DATAGRAM_HEAD + 3);
	shows("DATAGRAM", p, n);
	shows_sent("TAILED", s);
	session_free(s);
	CHECK_EQ(pool.used, 0);
}

static void
isochronous(void)
{
	const struct wire_submit s = {.flags = 2, .len = 64, .interval = 1, .packets = 2};
	const struct wire_complete c = {.actual = 3, .error_count = 1, .packets = 2};
	struct urb_iso iso[2] = {{.length = 32}, {.offset = 32, .length = 32}};
	uint8_t b[128];
	struct session_slice v;
	struct wr w;

	wr_init(&w, b, sizeof(b));
	wire_put_submit(&w, &s);
	wire_put_packet(&w, &iso[0]);
	wire_put_packet(&w, &iso[1]);
	v = slice_of(b, &w);
	shows_message("ISO SUBMIT", stream_of(1, 0x84), WIRE_SUBMIT, &v, 1);
	iso[0].actual = 3;
	iso[1].status = -LINUX_EXDEV;
	wr_init(&w, b, sizeof(b));
	wire_put_complete(&w, &c);
	wire_put_packet(&w, &iso[0]);
	wire_put_packet(&w, &iso[1]);
	wr_bytes(&w, "abc", 3);
	v = slice_of(b, &w);
	shows_message("ISO COMPLETE", stream_of(1, 0x84), WIRE_COMPLETE, &v, 1);
	shows_tailed(b, v.n - 3, iso);
}

/* test/net/squeeze_test says that the block is what liblz4 makes of the zeros. */
static void
compressed(void)
{
	static const uint8_t block[12] = {0x1f, 0, 1, 0, 0xff, 0xe8, 0x50};
	const struct wire_complete c = {.index = 4, .actual = 512};
	uint8_t b[64];
	struct session_slice v[2];
	struct wr w;

	wr_init(&w, b, sizeof(b));
	wire_put_complete(&w, &c);
	v[0] = slice_of(b, &w);
	v[1] = (struct session_slice){block, sizeof(block)};
	shows_message("COMPLETE_LZ4", stream_of(1, 0x81), WIRE_COMPLETE_LZ4, v, 2);
}

static void
unlinked(void)
{
	const struct wire_complete c = {.index = 5, .flags = 1, .status = -104};
	uint8_t b[64];
	struct session_slice v;
	struct wr w;

	wr_init(&w, b, sizeof(b));
	wire_put_complete(&w, &c);
	v = slice_of(b, &w);
	shows_message("UNLINKED", stream_of(1, 0x81), WIRE_COMPLETE, &v, 1);
}

/* One message of the session stream, alone and then in a whole packet. */
static void
unlink_and_packet(void)
{
	static const struct imports_ops none = {0};
	const struct arq_conf conf = {.mtu = ARQ_PACKET_MIN};
	struct pool pool = TEST_POOL(1 << 20);
	uint8_t p[ARQ_PACKET_MIN];
	struct session *s;
	struct imports *m;
	struct arq *a;
	size_t n;

	for (int whole = 0; whole < 2; whole++) {
		s = session_new(&pool, 65536, &session_ops, NULL);
		m = imports_new(&pool, s, &none, NULL);
		CHECK_EQ(imports_unlink(m, 1, 0x81, 5), ERR_OK);
		if (whole) {
			a = arq_new(&pool, &conf, &session_arq_ops, s, 1000);
			n = arq_output(a, p, sizeof(p), 1000);
			shows("PACKET", p, n);
			arq_free(a);
		} else {
			shows_sent("UNLINK", s);
		}
		imports_free(m);
		session_free(s);
	}
	CHECK_EQ(pool.used, 0);
}

static void
ack(void)
{
	static const uint8_t arrived[] = {0, 1, 2, 3, 5};
	struct arq_recv v;
	struct arq_ack read;
	uint8_t b[64];
	struct wr w;
	struct rd r;

	arq_recv_init(&v);
	for (size_t i = 0; i < sizeof(arrived); i++)
		arq_recv_add(&v, arrived[i], true, 1000);
	wr_init(&w, b, sizeof(b));
	arq_recv_write(&v, &w, 1250);
	shows("ACK", b, slice_of(b, &w).n);
	rd_init(&r, b + 1, slice_of(b, &w).n - 1);
	CHECK_EQ(arq_recv_ack(&r, 6, &read), ERR_OK);
	CHECK(read.delay_us == 250 && read.n == 2 && read.r[1].to == 4);
}

/* A message of 16384 bytes with its head comes in and is read. */
static void
window(void)
{
	static uint8_t frame[FRAME_STREAM_HEAD + 16384];
	struct pool pool = TEST_POOL(1 << 20);
	struct session *s = session_new(&pool, 65536, &session_ops, NULL);
	size_t took, n;
	struct wr w;

	CHECK_EQ(session_open(s, CONTROL, STREAM_PRIO_CONTROL), ERR_OK);
	wr_init(&w, frame, sizeof(frame));
	wr_u8(&w, FRAME_STREAM);
	wr_le32(&w, CONTROL);
	wr_le64(&w, 0);
	wr_le16(&w, 16384);
	wr_le32(&w, 16384 - SESSION_MSG_HEAD);
	wr_u8(&w, WIRE_COMPLETE);
	CHECK_EQ(session_arq_ops.frame(s, frame, sizeof(frame), &took), ERR_OK);
	CHECK_EQ(session_arq_ops.turn(s), ERR_OK);
	n = fill(s, frame, sizeof(frame));
	shows("WINDOW", frame, n);
	session_free(s);
	CHECK_EQ(pool.used, 0);
}

static void
ticket(void)
{
	struct ticket t = {.name = "lab",
			   .addrs = 1,
			   .addr = {"192.0.2.7:13240"},
			   .has_secret = true,
			   .expiry = 946684800};
	char text[TICKET_TEXT], id[PEERID_TEXT];
	uint8_t b[256];
	size_t n = 0;

	count_up(t.peer, sizeof(t.peer), 0);
	count_up(t.id, sizeof(t.id), 0xa0);
	count_up(t.secret, sizeof(t.secret), 0xc0);
	CHECK_EQ(ticket_write(&t, text, sizeof(text)), ERR_OK);
	CHECK_EQ(b32_decode(text + strlen(TICKET_PREFIX), b, sizeof(b), &n), ERR_OK);
	shows("TICKET", b, n);
	shows_text("TICKET", text);
	peerid_text(t.peer, id);
	shows_text("PEERID", id);
}

/* Runs last: the page has no example that nothing here makes. */
static void
every_example_was_made(void)
{
	FILE *f = fopen(PAGE, "r");
	char line[1024];
	unsigned n = 0;

	CHECK(f != NULL);
	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		n += strncmp(line, "example ", 8) == 0 || strncmp(line, "text ", 5) == 0;
	if (f != NULL)
		fclose(f);
	CHECK_EQ(n, used);
}

TEST_MAIN(TEST(knock), TEST(import), TEST(submit), TEST(complete), TEST(isochronous),
	  TEST(compressed), TEST(unlinked), TEST(unlink_and_packet), TEST(ack),
	  TEST(window), TEST(ticket), TEST(every_example_was_made))
