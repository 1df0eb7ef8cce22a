/* SPDX-License-Identifier: ISC */
/* link: net core */
#include <sys/time.h>
#include <unistd.h>

#define ERR_STATE OPENSSL_ERR_STATE /* OpenSSL has a type of that name */
#include <openssl/err.h>
#include <openssl/ssl.h>
#undef ERR_STATE

#include "net/dtls.h"
#include "net/dtls_cipher.h"
#include "test/test.h"

#define MTU     1200
#define FLIGHTS 256
#define LONGEST 17000

/* One datagram on its way. */
struct flight {
	uint8_t p[LONGEST];
	size_t n;
	uint64_t at; /* arrives then */
	bool full;
};

struct side {
	struct dtls *d;
	struct side *other;
	struct flight wire[FLIGHTS]; /* to the other side */
	unsigned sent, longest;
	int ups, packets, up_says, packet_says;
	int answers; /* packets to send from inside `packet` */
	int early;   /* and from inside `up` */
	uint8_t last[LONGEST];
	size_t last_n, bytes;
};

static struct ident *anna, *lab, *eve;
static struct side a, b;

/* The fake network and its clock, which OpenSSL has to believe in as well. */
static uint64_t now, seed;
static unsigned loss, twice, delay_us;
static int64_t wall; /* the wall clock was set: seconds */

int
gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
	(void)zone;
	tv->tv_sec = (time_t)(1700000000 + wall + (int64_t)(now / 1000000));
	tv->tv_usec = (suseconds_t)(now % 1000000);
	return 0;
}

static unsigned
dice(unsigned sides)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)((seed >> 11) % sides);
}

static struct ident *
person(void)
{
	char dir[] = "/tmp/usbp2p-dtls-XXXXXX", name[64], why[256];
	struct ident *id = NULL;

	if (mkdtemp(dir) == NULL || ident_load(&id, dir, why, sizeof(why)) != ERR_OK)
		exit(1);
	snprintf(name, sizeof(name), "%s/key.pem", dir);
	(void)unlink(name);
	snprintf(name, sizeof(name), "%s/cert.pem", dir);
	(void)unlink(name);
	(void)rmdir(dir);
	return id;
}

static void
put(struct side *s, const uint8_t *p, size_t n, uint64_t at)
{
	for (unsigned i = 0; i < FLIGHTS; i++)
		if (!s->wire[i].full) {
			memcpy(s->wire[i].p, p, n);
			s->wire[i].n = n;
			s->wire[i].at = at;
			s->wire[i].full = true;
			return;
		}
	CHECK(!"the wire is full");
}

static void
on_datagram(void *arg, const uint8_t *p, size_t n)
{
	struct side *s = arg;

	s->sent++;
	if (n > s->longest)
		s->longest = (unsigned)n;
	CHECK(n <= LONGEST);
	for (unsigned i = 0; i < 2; i++)
		if ((i == 0 || dice(100) < twice) && dice(100) >= loss)
			put(s, p, n, now + dice(delay_us + 1));
}

static int
on_up(void *arg)
{
	struct side *s = arg;

	s->ups++;
	for (; s->early > 0; s->early--)
		CHECK_EQ(dtls_send(s->d, (const uint8_t *)"early", 5), ERR_OK);
	return s->up_says;
}

static int
on_packet(void *arg, const uint8_t *p, size_t n)
{
	struct side *s = arg;

	CHECK_EQ(s->ups, 1);
	s->packets++;
	s->bytes += n;
	memcpy(s->last, p, n);
	s->last_n = n;
	for (; s->answers > 0; s->answers--)
		CHECK_EQ(dtls_send(s->d, (const uint8_t *)"answer", 6), ERR_OK);
	return s->packet_says;
}

static const struct dtls_ops ops = {on_datagram, on_up, on_packet};

static void
open_side(struct side *s, const struct ident *id, bool server, const struct ident *expect)
{
	memset(s, 0, sizeof(*s));
	s->other = s == &a ? &b : &a;
	s->d = dtls_new(id, server, ident_id(expect), MTU, 20000, &ops, s);
	CHECK(s->d != NULL);
}

static void
network(uint64_t number, unsigned loss_percent, unsigned twice_percent, unsigned us)
{
	seed = number * 0x9e3779b97f4a7c15ull + 1;
	loss = loss_percent;
	twice = twice_percent;
	delay_us = us;
	now = 1000000;
}

static void
close_both(void)
{
	CHECK(ERR_peek_error() == 0);
	dtls_free(a.d);
	dtls_free(b.d);
	a.d = b.d = NULL;
}

/* The datagram of either side that arrives next. */
static struct flight *
next_flight(struct side **to)
{
	struct flight *f = NULL;

	for (int k = 0; k < 2; k++)
		for (unsigned i = 0; i < FLIGHTS; i++) {
			struct side *s = k ? &b : &a;

			if (s->wire[i].full && (f == NULL || s->wire[i].at < f->at)) {
				f = &s->wire[i];
				*to = s->other;
			}
		}
	return f;
}

static void
note(int *err, int r)
{
	if (*err == ERR_OK)
		*err = r;
}

/* Runs clock and wire until all is quiet; false: it did not end. */
static bool
run(int *ra, int *rb)
{
	*ra = *rb = ERR_OK;
	for (int turns = 0; turns < 20000; turns++) {
		struct side *to = NULL;
		struct flight *f = next_flight(&to);
		uint64_t at = f != NULL ? f->at : UINT64_MAX;

		if (dtls_deadline(a.d) < at || dtls_deadline(b.d) < at) {
			bool first = dtls_deadline(a.d) <= dtls_deadline(b.d);
			struct side *s = first ? &a : &b;

			if (dtls_deadline(s->d) > now)
				now = dtls_deadline(s->d);
			note(s == &a ? ra : rb, dtls_tick(s->d, now));
			continue;
		}
		if (f == NULL)
			return true;
		now = f->at > now ? f->at : now;
		f->full = false;
		note(to == &a ? ra : rb, dtls_input(to->d, f->p, f->n, now));
	}
	return false;
}

/* a: anna, client; b: lab, server. */
static void
start_both(const struct ident *a_expects, const struct ident *b_expects)
{
	open_side(&a, anna, false, a_expects);
	open_side(&b, lab, true, b_expects);
	CHECK_EQ(dtls_start(b.d, now), ERR_OK);
	CHECK_EQ(b.sent, 0);
	CHECK_EQ(dtls_start(a.d, now), ERR_OK);
}

static void
connect_both(void)
{
	int ra, rb;

	start_both(lab, anna);
	CHECK(run(&ra, &rb));
	CHECK_EQ(ra, ERR_OK);
	CHECK_EQ(rb, ERR_OK);
	CHECK(a.ups == 1 && b.ups == 1);
	CHECK(dtls_deadline(a.d) == UINT64_MAX && dtls_deadline(b.d) == UINT64_MAX);
}

static void
carries_packets(void)
{
	static const size_t sizes[] = {1, 100, 1200, 9000, 16384};
	static uint8_t big[16385];
	int ra, rb;

	network(1, 0, 0, 0);
	open_side(&a, anna, false, lab);
	CHECK_EQ(dtls_send(a.d, big, 1), ERR_STATE);
	dtls_free(a.d);
	connect_both();
	CHECK(a.longest <= MTU && b.longest <= MTU);
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		unsigned before = a.sent;

		memset(big, (int)i + 1, sizeof(big));
		CHECK_EQ(dtls_send(a.d, big, sizes[i]), ERR_OK);
		CHECK_EQ(a.sent, before + 1); /* one packet, one datagram */
		CHECK_EQ(a.wire[0].n, sizes[i] + DTLS_OVERHEAD);
		b.answers = 2;
		CHECK(run(&ra, &rb));
		CHECK(ra == ERR_OK && rb == ERR_OK);
		CHECK_EQ(b.packets, i + 1);
		CHECK(b.last_n == sizes[i] && memcmp(b.last, big, sizes[i]) == 0);
		CHECK_EQ(a.packets, 2 * (i + 1));
	}
	CHECK_EQ(dtls_send(a.d, big, sizeof(big)), ERR_TOOBIG);
	CHECK(dtls_dropped(a.d) == 0 && dtls_dropped(b.d) == 0);
	close_both();
}

/* ChaCha20 when either wants it; the shortest packet gets through with both. */
static void
agrees_on_a_cipher(void)
{
	static const struct {
		bool client, server;
		const char *cipher;
		size_t overhead;
	} rows[] = {{false, false, "aes128", DTLS_OVERHEAD},
		    {true, false, "chacha20", DTLS_OVERHEAD - 8},
		    {false, true, "chacha20", DTLS_OVERHEAD - 8},
		    {true, true, "chacha20", DTLS_OVERHEAD - 8}};
	int ra, rb;

	(void)dtls_cipher_chacha(); /* this machine's affair; it leaves nothing behind */
	CHECK(ERR_peek_error() == 0);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		network(30, 0, 0, 0);
		open_side(&a, anna, false, lab);
		open_side(&b, lab, true, anna);
		if (rows[i].client)
			dtls_want_chacha(a.d);
		if (rows[i].server)
			dtls_want_chacha(b.d);
		CHECK_EQ(dtls_start(b.d, now), ERR_OK);
		CHECK_EQ(dtls_start(a.d, now), ERR_OK);
		CHECK(run(&ra, &rb) && ra == ERR_OK && rb == ERR_OK);
		CHECK(strcmp(dtls_cipher(a.d), rows[i].cipher) == 0);
		CHECK(strcmp(dtls_cipher(b.d), rows[i].cipher) == 0);
		CHECK_EQ(dtls_send(a.d, (const uint8_t *)"x", 1), ERR_OK);
		CHECK_EQ(a.wire[0].n, 1 + rows[i].overhead);
		CHECK(run(&ra, &rb));
		CHECK(b.packets == 1 && b.last_n == 1);
		close_both();
	}
}

static void
megabytes(void)
{
	static uint8_t p[1200];
	int ra, rb;

	network(2, 0, 0, 0);
	connect_both();
	for (int i = 0; i < 1000; i++) {
		memset(p, i, sizeof(p));
		CHECK_EQ(dtls_send(a.d, p, sizeof(p)), ERR_OK);
		CHECK(run(&ra, &rb));
		CHECK(b.last_n == sizeof(p) && memcmp(b.last, p, sizeof(p)) == 0);
	}
	CHECK_EQ(b.bytes, 1200000);
	CHECK_EQ(dtls_dropped(b.d), 0);
	close_both();
}

static void
small_mtu(void)
{
	int ra, rb;

	network(3, 0, 0, 0);
	memset(&a, 0, sizeof(a));
	memset(&b, 0, sizeof(b));
	a.other = &b;
	b.other = &a;
	a.d = dtls_new(anna, false, ident_id(lab), 256, 0, &ops, &a);
	b.d = dtls_new(lab, true, ident_id(anna), 256, 0, &ops, &b);
	CHECK(dtls_start(b.d, now) == ERR_OK && dtls_start(a.d, now) == ERR_OK);
	CHECK(run(&ra, &rb) && ra == ERR_OK && rb == ERR_OK);
	CHECK(a.ups == 1 && b.ups == 1);
	CHECK(a.longest <= 256 && b.longest <= 256);
	close_both();
}

/* 30 % lost each way, 30 % twice, up to 80 ms late: out of order, in virtual time. */
static void
handshake_survives_the_network(void)
{
	const char *env = getenv("SIM_SEEDS");
	unsigned n = env != NULL ? (unsigned)atoi(env) / 4 : 50, late = 0;
	int ra, rb;

	for (unsigned i = 0; i < n; i++) {
		network(100 + i, 30, 30, 80000);
		start_both(lab, anna);
		CHECK(run(&ra, &rb));
		if (ra == ERR_TIMEOUT || rb == ERR_TIMEOUT) {
			late++;
		} else if (ra != ERR_OK || rb != ERR_OK || a.ups != 1 || b.ups != 1) {
			printf("# seed %u: %d %d\n", 100 + i, ra, rb);
			CHECK(!"the handshake failed");
		}
		close_both();
	}
	printf("# %u of %u took longer than 10 s\n", late, n);
	CHECK(late <= n / 50);
}

static void
gives_up_after_ten_seconds(void)
{
	uint64_t began;
	int ra, rb;

	network(5, 100, 0, 0);
	began = now;
	start_both(lab, anna);
	CHECK(dtls_deadline(a.d) == now + 100000); /* 2 x 20 ms is under the least */
	CHECK(run(&ra, &rb));
	CHECK_EQ(ra, ERR_TIMEOUT);
	CHECK_EQ(rb, ERR_TIMEOUT);
	CHECK_EQ(now - began, 10000000);
	CHECK(a.sent >= 8 && a.sent <= 13); /* 0.1 0.3 0.7 1.5 2.5 ... s */
	CHECK_EQ(b.sent, 0);
	CHECK_EQ(dtls_tick(a.d, now), ERR_TIMEOUT); /* sticky */
	CHECK(dtls_deadline(a.d) == UINT64_MAX);
	close_both();
}

/* Someone sets the clock in the middle. It may take the whole time, not longer. */
static void
wall_clock_may_jump(void)
{
	static const struct {
		int64_t seconds;
		int err;
	} rows[] = {{86400, ERR_OK}, {-1, ERR_OK}, {-86400, ERR_TIMEOUT}};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint64_t began;
		int ra, rb;

		network(30, 100, 0, 0);
		began = now;
		start_both(lab, anna); /* the first hello is lost */
		loss = 0;
		wall = rows[i].seconds;
		CHECK(run(&ra, &rb));
		wall = 0;
		CHECK_EQ(ra, rows[i].err);
		CHECK_EQ(rb, rows[i].err);
		CHECK(now - began <= 10000000);
		close_both();
	}
}

static void
first_wait_follows_the_rtt(void)
{
	static const struct {
		uint64_t rtt, wait;
	} rows[] = {{0, 100000},
		    {50000, 100000},
		    {200000, 400000},
		    {60000000, 3000000},
		    {UINT64_MAX, 3000000}};

	network(6, 100, 0, 0);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		open_side(&b, lab, true, anna);
		memset(&a, 0, sizeof(a));
		a.d = dtls_new(anna, false, ident_id(lab), MTU, rows[i].rtt, &ops, &a);
		CHECK_EQ(dtls_start(a.d, now), ERR_OK);
		CHECK_EQ(dtls_start(a.d, now), ERR_STATE);
		CHECK_EQ(dtls_deadline(a.d), now + rows[i].wait);
		CHECK_EQ(dtls_tick(a.d, now + rows[i].wait - 1), ERR_OK);
		CHECK_EQ(a.sent, 1);
		now += rows[i].wait;
		CHECK_EQ(dtls_tick(a.d, now), ERR_OK);
		CHECK_EQ(a.sent, 2);
		close_both();
	}
}

/* The side that sees the wrong id knows at once, the other when time is up. */
static void
refuses_the_wrong_peer(void)
{
	for (int who = 0; who < 2; who++) {
		struct side *refuser = who ? &b : &a, *refused = who ? &a : &b;
		int ra, rb;

		network(7 + (unsigned)who, 0, 0, 0);
		start_both(who == 0 ? eve : lab, who == 1 ? eve : anna);
		CHECK(run(&ra, &rb));
		CHECK_EQ(ra, ERR_REFUSED);
		CHECK_EQ(rb, ERR_REFUSED);
		CHECK(a.ups == 0 && b.ups == 0);
		CHECK_EQ(dtls_send(refuser->d, (const uint8_t *)"x", 1), ERR_REFUSED);
		CHECK_EQ(dtls_send(refused->d, (const uint8_t *)"x", 1), ERR_REFUSED);
		close_both();
	}
}

static void
exports_the_same_at_both_ends(void)
{
	uint8_t x[IDENT_MAC], y[IDENT_MAC], before[IDENT_MAC] = {0};

	for (unsigned i = 0; i < 2; i++) {
		network(10, 0, 0, 0);
		open_side(&a, anna, false, lab);
		CHECK_EQ(dtls_exporter(a.d, "one", x), ERR_STATE);
		dtls_free(a.d);
		connect_both();
		CHECK_EQ(dtls_exporter(a.d, "one", x), ERR_OK);
		CHECK_EQ(dtls_exporter(b.d, "one", y), ERR_OK);
		CHECK(memcmp(x, y, sizeof(x)) == 0);
		CHECK(memcmp(x, before, sizeof(x)) != 0);
		memcpy(before, x, sizeof(x));
		CHECK_EQ(dtls_exporter(b.d, "two", y), ERR_OK);
		CHECK(memcmp(x, y, sizeof(x)) != 0);
		close_both();
	}
}

/* One packet, taken from the wire. */
static size_t
take_packet(const char *text, uint8_t *p)
{
	CHECK_EQ(dtls_send(a.d, (const uint8_t *)text, strlen(text)), ERR_OK);
	CHECK(a.wire[0].full);
	a.wire[0].full = false;
	memcpy(p, a.wire[0].p, a.wire[0].n);
	return a.wire[0].n;
}

static void
drops_replays_and_forgeries(void)
{
	uint8_t p[100], q[100], first[100];
	size_t n, first_n;
	uint64_t dropped = 0;

	network(11, 0, 0, 0);
	connect_both();
	first_n = take_packet("first", first);
	n = take_packet("hello", p);
	CHECK_EQ(dtls_input(b.d, p, n, now), ERR_OK);
	CHECK_EQ(b.packets, 1);
	for (int i = 0; i < 10; i++) {
		CHECK_EQ(dtls_input(b.d, p, n, now), ERR_OK);
		CHECK_EQ(dtls_dropped(b.d), ++dropped);
	}
	CHECK_EQ(dtls_input(b.d, first, first_n, now), ERR_OK); /* only late */
	CHECK_EQ(b.packets, 2);
	n = take_packet("again", p);
	for (size_t i = 0; i < n; i++) /* every bit of it is checked */
		for (int bit = 0; bit < 8; bit++) {
			memcpy(q, p, n);
			q[i] ^= (uint8_t)(1 << bit);
			CHECK_EQ(dtls_input(b.d, q, n, now), ERR_OK);
			CHECK_EQ(dtls_dropped(b.d), ++dropped);
		}
	for (size_t i = 0; i < n; i++) {
		CHECK_EQ(dtls_input(b.d, p, i, now), ERR_OK);
		CHECK_EQ(dtls_dropped(b.d), ++dropped);
	}
	CHECK_EQ(b.packets, 2);
	CHECK_EQ(dtls_input(b.d, p, n, now), ERR_OK);
	CHECK_EQ(b.packets, 3);
	CHECK(b.last_n == 5 && memcmp(b.last, "again", 5) == 0);
	CHECK(ERR_peek_error() == 0);
	for (int i = 0; i < 100; i++)
		(void)take_packet("far away", q);
	n = take_packet("newest", p);
	CHECK_EQ(dtls_input(b.d, p, n, now), ERR_OK);
	CHECK_EQ(b.packets, 4);
	close_both();
}

static void
drops_are(uint64_t replayed, uint64_t late, uint64_t corrupted)
{
	struct dtls_drops s;

	dtls_drops(b.d, &s);
	CHECK_EQ(s.replayed, replayed);
	CHECK_EQ(s.late, late);
	CHECK_EQ(s.corrupted, corrupted);
	CHECK_EQ(dtls_dropped(b.d), replayed + late + corrupted);
}

/* Real records again, too late and damaged: each is counted as what it is. */
static void
says_why_it_drops(void)
{
	uint8_t old[70][100], p[100];
	size_t n[70], len;

	network(12, 0, 0, 0);
	connect_both();
	drops_are(0, 0, 0);
	for (int i = 0; i < 70; i++)
		n[i] = take_packet("packet", old[i]);
	for (int i = 2; i < 70; i += 3)
		CHECK_EQ(dtls_input(b.d, old[i], n[i], now), ERR_OK);
	drops_are(0, 0, 0);
	CHECK_EQ(b.packets, 23); /* up to 68: 5 is the first of 64 */
	for (int i = 0; i < 5; i++)
		CHECK_EQ(dtls_input(b.d, old[i], n[i], now), ERR_OK);
	drops_are(0, 5, 0); /* the one that was taken is too old to tell */
	for (int i = 5; i < 68; i++)
		CHECK_EQ(dtls_input(b.d, old[i], n[i], now), ERR_OK);
	drops_are(21, 5, 0);
	CHECK_EQ(b.packets, 23 + 42); /* out of order is no fault */
	for (int i = 5; i < 69; i++)
		CHECK_EQ(dtls_input(b.d, old[i], n[i], now), ERR_OK);
	drops_are(21 + 64, 5, 0);
	old[69][n[69] - 1] ^= 1;
	CHECK_EQ(dtls_input(b.d, old[69], n[69], now), ERR_OK);
	drops_are(85, 5, 1);
	CHECK_EQ(dtls_input(b.d, old[69], n[69] - 1, now), ERR_OK); /* not whole */
	old[69][12] = 3;                                            /* too short to be */
	CHECK_EQ(dtls_input(b.d, old[69], 16, now), ERR_OK);
	drops_are(85, 5, 3);
	len = take_packet("last", p); /* a forgery has not moved the window */
	CHECK_EQ(dtls_input(b.d, p, len, now), ERR_OK);
	CHECK_EQ(dtls_input(b.d, p, len, now), ERR_OK);
	drops_are(86, 5, 3);
	close_both();
}

/* We send one record in a datagram; others may send more. */
static void
reads_joined_records(void)
{
	uint8_t p[400];
	size_t n = 0;

	network(14, 0, 0, 0);
	connect_both();
	n += take_packet("one", p + n);
	n += take_packet("two", p + n);
	n += take_packet("three", p + n);
	CHECK_EQ(dtls_input(b.d, p, n, now), ERR_OK);
	CHECK(b.packets == 3 && b.last_n == 5);
	n = take_packet("four", p);
	p[n - 1] ^= 1;
	n += take_packet("five", p + n);
	CHECK_EQ(dtls_input(b.d, p, n, now), ERR_OK);
	CHECK(b.packets == 4 && memcmp(b.last, "five", 4) == 0);
	close_both();
}

/* The server is up first; what it sends at once may overtake its last flight. */
static void
early_packets_are_not_lost_for_good(void)
{
	int ra, rb;

	for (unsigned i = 0; i < 20; i++) {
		network(500 + i, 0, 0, 0);
		start_both(lab, anna);
		b.early = 5;
		delay_us = 1000;
		CHECK(run(&ra, &rb));
		CHECK(ra == ERR_OK && rb == ERR_OK && a.ups == 1);
		CHECK(dtls_dropped(a.d) + (uint64_t)a.packets <= 5);
		CHECK_EQ(dtls_send(b.d, (const uint8_t *)"x", 1), ERR_OK);
		CHECK(run(&ra, &rb));
		CHECK(a.packets >= 1 && a.last_n == 1);
		close_both();
	}
}

/* What anybody may throw at us; none is from the peer. */
static size_t
garbage(uint8_t *p, const uint8_t *sample, size_t sample_n)
{
	static const uint8_t types[] = {20, 21, 22, 23, 24, 0, 64};
	size_t n = 1 + dice(90);

	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)dice(256);
	switch (dice(4)) {
	case 0: /* noise */
		return n;
	case 1: /* noise in a record of ours that is not in clear, or no fragment */
		n += 13;
		memset(p, 0, 13);
		p[0] = types[dice(sizeof(types))];
		p[1] = 0xfe;
		p[2] = dice(2) ? 0xfd : 0xff;
		p[4] = (uint8_t)dice(3);
		p[10] = (uint8_t)dice(256);
		p[12] = (uint8_t)(n - 13);
		if (p[0] == 22 && p[4] == 0)
			p[13] = 99;
		return n;
	case 2: /* a clear fatal alert */
		memcpy(p, "\x15\xfe\xfd\0\0\0\0\0\0\0\0\0\x02\x02", 14);
		p[10] = (uint8_t)dice(256);
		p[14] = (uint8_t)dice(256);
		return 15;
	default: /* a cut record */
		n = dice((unsigned)sample_n);
		memcpy(p, sample, n);
		return n;
	}
}

/* Before, in and after the handshake: all of it comes to nothing. */
static void
garbage_ends_nothing(void)
{
	static uint8_t sample[LONGEST], p[LONGEST];
	size_t sample_n;
	int ra, rb;

	for (unsigned i = 0; i < 40; i++) {
		network(1000 + i, 20, 20, 50000);
		open_side(&a, anna, false, lab);
		open_side(&b, lab, true, anna);
		a.answers = 0;
		CHECK_EQ(dtls_input(b.d, (const uint8_t *)"x", 1, now), ERR_OK);
		CHECK_EQ(dtls_start(b.d, now), ERR_OK);
		CHECK_EQ(dtls_start(a.d, now), ERR_OK);
		sample_n = 0;
		for (int turn = 0; turn < 3000 && (a.ups == 0 || b.ups == 0); turn++) {
			struct side *to = NULL, *victim = dice(2) ? &a : &b;
			struct flight *f = next_flight(&to);
			size_t n;

			if (f != NULL) {
				now = f->at > now ? f->at : now;
				f->full = false;
				sample_n = f->n;
				memcpy(sample, f->p, f->n);
				CHECK_EQ(dtls_input(to->d, f->p, f->n, now), ERR_OK);
			} else {
				now += 50000;
			}
			CHECK_EQ(dtls_tick(a.d, now), ERR_OK);
			CHECK_EQ(dtls_tick(b.d, now), ERR_OK);
			if (sample_n == 0)
				continue;
			n = garbage(p, sample, sample_n);
			CHECK_EQ(dtls_input(victim->d, p, n, now), ERR_OK);
		}
		CHECK(a.ups == 1 && b.ups == 1);
		if (test_failed) {
			printf("# seed %u\n", 1000 + i);
			return;
		}
		network(2000 + i, 0, 0, 0);
		CHECK(run(&ra, &rb));
		for (int k = 0; k < 200; k++) {
			size_t n = garbage(p, sample, sample_n);

			CHECK_EQ(dtls_input(a.d, p, n, now), ERR_OK);
			CHECK_EQ(dtls_input(b.d, p, n, now), ERR_OK);
		}
		CHECK(a.packets == 0 && b.packets == 0);
		CHECK(dtls_dropped(a.d) >= 200 && dtls_dropped(b.d) >= 200);
		CHECK_EQ(dtls_send(a.d, (const uint8_t *)"alive", 5), ERR_OK);
		CHECK_EQ(dtls_send(b.d, (const uint8_t *)"alive", 5), ERR_OK);
		CHECK(run(&ra, &rb));
		CHECK(a.packets == 1 && b.packets == 1);
		close_both();
	}
}

/* Records of the next epoch are kept unseen until there are keys. */
static void
forged_next_epoch_is_harmless(void)
{
	uint8_t p[60] = {22, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 0, 0, 47};
	int ra, rb;

	network(12, 0, 0, 0);
	start_both(lab, anna);
	for (int i = 0; i < 300; i++) { /* as Finished, alert; each number twice */
		p[0] = i & 1 ? 21 : 22;
		p[10] = (uint8_t)(i / 3);
		CHECK_EQ(dtls_input(a.d, p, sizeof(p), now), ERR_OK);
		if (i % 3 != 0)
			CHECK_EQ(dtls_input(b.d, p, sizeof(p), now), ERR_OK);
	}
	CHECK(run(&ra, &rb));
	CHECK(ra == ERR_OK && rb == ERR_OK);
	CHECK(a.ups == 1 && b.ups == 1);
	close_both();
}

static void
ops_errors_stick(void)
{
	int ra, rb;

	network(13, 0, 0, 0);
	connect_both();
	b.packet_says = ERR_GONE;
	CHECK_EQ(dtls_send(a.d, (const uint8_t *)"x", 1), ERR_OK);
	CHECK_EQ(dtls_send(a.d, (const uint8_t *)"y", 1), ERR_OK);
	CHECK(run(&ra, &rb));
	CHECK_EQ(rb, ERR_GONE);
	CHECK_EQ(b.packets, 1);
	CHECK_EQ(dtls_send(b.d, (const uint8_t *)"x", 1), ERR_GONE);
	close_both();

	open_side(&a, anna, false, lab);
	open_side(&b, lab, true, anna);
	b.up_says = ERR_BUSY;
	CHECK_EQ(dtls_start(b.d, now), ERR_OK);
	CHECK_EQ(dtls_start(a.d, now), ERR_OK);
	CHECK(run(&ra, &rb));
	CHECK_EQ(ra, ERR_OK);
	CHECK_EQ(rb, ERR_BUSY);
	close_both();
}

/* A peer that is plain OpenSSL, so that it can misbehave. */
struct raw {
	SSL_CTX *ctx;
	SSL *ssl;
	BIO *in, *out;
};

static void
raw_open(struct raw *r, const struct ident *id, bool server, uint64_t options,
	 const char *ciphers, int version)
{
	r->ctx = SSL_CTX_new(DTLS_method());
	SSL_CTX_set_min_proto_version(r->ctx, version);
	SSL_CTX_set_max_proto_version(r->ctx, version);
	SSL_CTX_set_options(r->ctx, options | SSL_OP_NO_QUERY_MTU);
	SSL_CTX_set_security_level(r->ctx, 0);
	CHECK(SSL_CTX_set_cipher_list(r->ctx, ciphers) == 1);
	SSL_CTX_use_certificate(r->ctx, ident_cert(id));
	SSL_CTX_use_PrivateKey(r->ctx, ident_key(id));
	r->ssl = SSL_new(r->ctx);
	SSL_set_mtu(r->ssl, MTU);
	r->in = BIO_new(BIO_s_mem());
	r->out = BIO_new(BIO_s_mem());
	BIO_set_mem_eof_return(r->in, -1);
	SSL_set_bio(r->ssl, r->in, r->out);
	if (server)
		SSL_set_accept_state(r->ssl);
	else
		SSL_set_connect_state(r->ssl);
}

/* A memory BIO joins datagrams; cut it at the records again. */
static int
raw_deliver(struct raw *r)
{
	uint8_t p[LONGEST];
	int err = ERR_OK;

	while (BIO_ctrl_pending(r->out) >= 13) {
		size_t n;

		CHECK(BIO_read(r->out, p, 13) == 13);
		n = (size_t)p[11] << 8 | p[12];
		CHECK(BIO_read(r->out, p + 13, (int)n) == (int)n);
		note(&err, dtls_input(a.d, p, n + 13, now));
	}
	return err;
}

static int
raw_talk(struct raw *r)
{
	int err = ERR_OK;

	for (int turn = 0; turn < 20; turn++) {
		if (!SSL_is_init_finished(r->ssl))
			(void)SSL_do_handshake(r->ssl);
		ERR_clear_error();
		note(&err, raw_deliver(r));
		for (unsigned i = 0; i < FLIGHTS; i++)
			if (a.wire[i].full) {
				a.wire[i].full = false;
				(void)BIO_write(r->in, a.wire[i].p, (int)a.wire[i].n);
				if (!SSL_is_init_finished(r->ssl))
					(void)SSL_do_handshake(r->ssl);
			}
		ERR_clear_error();
	}
	return err;
}

static void
raw_free(struct raw *r)
{
	SSL_free(r->ssl);
	SSL_CTX_free(r->ctx);
	ERR_clear_error();
	dtls_free(a.d);
}

static void
refuses_other_ways_to_speak(void)
{
	static const char good[] = "ECDHE-ECDSA-AES128-GCM-SHA256";
	static const struct {
		const char *what, *ciphers;
		bool raw_is_server;
		uint64_t options;
		int version, err, ups;
	} rows[] = {
	    {"good client", good, false, 0, DTLS1_2_VERSION, ERR_OK, 1},
	    {"good server", good, true, 0, DTLS1_2_VERSION, ERR_OK, 1},
	    {"ChaCha20", "ECDHE-ECDSA-CHACHA20-POLY1305", false, 0, DTLS1_2_VERSION,
	     ERR_OK, 1},
	    {"client without EMS", good, false, SSL_OP_NO_EXTENDED_MASTER_SECRET,
	     DTLS1_2_VERSION, ERR_PROTO, 0},
	    {"server without EMS", good, true, SSL_OP_NO_EXTENDED_MASTER_SECRET,
	     DTLS1_2_VERSION, ERR_PROTO, 0},
	    {"AES-256", "ECDHE-ECDSA-AES256-GCM-SHA384", false, 0, DTLS1_2_VERSION,
	     ERR_PROTO, 0},
	    {"CBC", "ECDHE-ECDSA-AES128-SHA256", false, 0, DTLS1_2_VERSION, ERR_PROTO, 0},
	    {"DTLS 1.0", "ECDHE-ECDSA-AES128-SHA", false, 0, DTLS1_VERSION, ERR_PROTO, 0},
	};
	struct raw r;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int err;

		network(20, 0, 0, 0);
		raw_open(&r, eve, rows[i].raw_is_server, rows[i].options, rows[i].ciphers,
			 rows[i].version);
		if (rows[i].raw_is_server)
			SSL_set_verify(r.ssl, SSL_VERIFY_NONE, NULL);
		open_side(&a, lab, !rows[i].raw_is_server, eve);
		CHECK_EQ(dtls_start(a.d, now), ERR_OK);
		err = raw_talk(&r);
		if (err != rows[i].err && a.ups != rows[i].ups)
			printf("# %s:\n", rows[i].what);
		/* A server that asks for no certificate gets none, that is its affair. */
		CHECK_EQ(err, rows[i].err);
		CHECK_EQ(a.ups, rows[i].ups);
		if (rows[i].ups == 1)
			CHECK(strcmp(SSL_get_cipher(r.ssl), rows[i].ciphers) == 0);
		raw_free(&r);
	}
}

/* Only the peer can end it. */
static void
genuine_close_ends_it(void)
{
	struct raw r;

	network(21, 0, 0, 0);
	raw_open(&r, eve, false, 0, "ECDHE-ECDSA-AES128-GCM-SHA256", DTLS1_2_VERSION);
	open_side(&a, lab, true, eve);
	CHECK_EQ(dtls_start(a.d, now), ERR_OK);
	CHECK_EQ(raw_talk(&r), ERR_OK);
	CHECK(SSL_write(r.ssl, "bye", 3) == 3);
	CHECK_EQ(raw_talk(&r), ERR_OK);
	CHECK(a.packets == 1 && a.last_n == 3);
	(void)SSL_shutdown(r.ssl);
	CHECK_EQ(raw_deliver(&r), ERR_CLOSED);
	CHECK_EQ(dtls_send(a.d, (const uint8_t *)"x", 1), ERR_CLOSED);
	CHECK_EQ(dtls_input(a.d, (const uint8_t *)"x", 1, now), ERR_CLOSED);
	raw_free(&r);
}

static void
does_not_negotiate_again(void)
{
	struct raw r;
	unsigned sent;

	for (int server = 0; server < 2; server++) {
		network(22, 0, 0, 0);
		raw_open(&r, eve, !server, 0, "ECDHE-ECDSA-AES128-GCM-SHA256",
			 DTLS1_2_VERSION);
		open_side(&a, lab, server, eve);
		CHECK_EQ(dtls_start(a.d, now), ERR_OK);
		CHECK_EQ(raw_talk(&r), ERR_OK);
		sent = a.sent;
		CHECK(SSL_renegotiate(r.ssl) == 1);
		(void)SSL_do_handshake(r.ssl);
		CHECK(BIO_ctrl_pending(r.out) > 0);
		CHECK_EQ(raw_deliver(&r), ERR_OK);
		CHECK_EQ(a.sent, sent + 1); /* the alert that says no */
		CHECK_EQ(a.wire[0].p[0], 21);
		CHECK_EQ(dtls_send(a.d, (const uint8_t *)"x", 1), ERR_OK);
		raw_free(&r);
	}
}

static void
begin(void)
{
	anna = person();
	lab = person();
	eve = person();
	dtls_free(NULL);
}

static void
end(void)
{
	ident_free(anna);
	ident_free(lab);
	ident_free(eve);
}

TEST_MAIN(TEST(begin), TEST(carries_packets), TEST(agrees_on_a_cipher), TEST(megabytes),
	  TEST(small_mtu), TEST(handshake_survives_the_network),
	  TEST(gives_up_after_ten_seconds), TEST(wall_clock_may_jump),
	  TEST(first_wait_follows_the_rtt), TEST(refuses_the_wrong_peer),
	  TEST(exports_the_same_at_both_ends), TEST(drops_replays_and_forgeries),
	  TEST(says_why_it_drops), TEST(reads_joined_records),
	  TEST(early_packets_are_not_lost_for_good), TEST(garbage_ends_nothing),
	  TEST(forged_next_epoch_is_harmless), TEST(ops_errors_stick),
	  TEST(refuses_other_ways_to_speak), TEST(genuine_close_ends_it),
	  TEST(does_not_negotiate_again), TEST(end))
