/* SPDX-License-Identifier: ISC */
/* clang-format off */
/* link: core */
/* clang-format on */
#include "core/arq_link.h"
#include "test/core/arq_sim.h"

#define SECOND 1000000u

static const struct arq_conf plain = {.mtu = 1200};
static const struct sim_net wire = {.delay_us = 1000}; /* 2 ms there and back */

/* One packet by hand: number, then frames. */
static int
give(struct sim_end *e, uint32_t number, const uint8_t *frames, size_t n)
{
	uint8_t *b = malloc(4 + n);
	struct wr w;
	int r;

	wr_init(&w, b, 4 + n);
	wr_le32(&w, number);
	wr_bytes(&w, frames, n);
	r = arq_input(e->a, b, 4 + n, e->sim->now);
	free(b);
	return r;
}

static void
send_bytes(struct sim *s, int i, uint64_t n)
{
	s->end[i].total += n;
	sim_flush(s, i);
}

static struct arq_stats
stats(const struct sim_end *e)
{
	struct arq_stats st;

	arq_stats(e->a, &st);
	return st;
}

static void
silent_when_idle(void)
{
	struct sim s;

	sim_init(&s, &wire, &plain, 1);
	CHECK_EQ(arq_deadline(s.end[0].a), SIM_NEVER);
	CHECK(arq_idle(s.end[0].a));
	send_bytes(&s, 0, 5000);
	CHECK(!arq_idle(s.end[0].a));
	sim_run(&s, 10 * SECOND);
	CHECK(sim_all_acked(&s.end[0]) && arq_idle(s.end[0].a) && arq_idle(s.end[1].a));
	CHECK_EQ(arq_deadline(s.end[0].a), SIM_NEVER);
	CHECK_EQ(arq_deadline(s.end[1].a), SIM_NEVER);
	CHECK_EQ(s.end[0].numbers, 5); /* none to acknowledge the ACK */
	CHECK_EQ(s.end[1].numbers, 1); /* one ACK for the batch */
	CHECK(s.end[1].turns == 5 && s.end[0].turns == 0);
	CHECK_EQ(stats(&s.end[0]).srtt_us, 2000);
	CHECK_EQ(stats(&s.end[0]).min_rtt_us, 2000);
	CHECK(stats(&s.end[0]).bytes_out == s.end[0].out_bytes &&
	      stats(&s.end[1]).bytes_in == s.end[0].out_bytes);
	CHECK(stats(&s.end[0]).sent == 5 && stats(&s.end[1]).received == 5);
	CHECK_EQ(arq_heard(s.end[0].a), SECOND + 2000);
	sim_fini(&s);
}

static void
refuses_bad_packets(void)
{
#define ACK(n, ...) 2, 0, 0, 0, 0, n, __VA_ARGS__
#define N32(x)      x, 0, 0, 0
#define ROW(...)    {__VA_ARGS__}, sizeof((uint8_t[]){__VA_ARGS__})
	static const struct {
		const char *what;
		uint8_t b[40];
		size_t n;
	} bad[] = {
	    {"no frames", {0}, 0},
	    {"unknown frame", ROW(4)},
	    {"unknown frame of the link", ROW(15)},
	    {"unknown frame of the session", ROW(99)},
	    {"session frame cut short", ROW(16, 7, 0, 0)},
	    {"ACK of the next packet", ROW(ACK(1, N32(3), N32(0)))},
	    {"ACK from long ago",
	     ROW(ACK(1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff))},
	    {"ACK from the other half", ROW(ACK(1, 2, 0, 0, 0x80, N32(0)))},
	    {"ACK of nothing", ROW(ACK(0, 1))},
	    {"ACK of 65 ranges", ROW(ACK(65, N32(2), N32(2)))},
	    {"range upside down", ROW(ACK(1, N32(1), N32(2)))},
	    {"ranges overlap", ROW(ACK(2, N32(2), N32(1), N32(1), N32(0)))},
	    {"oldest first", ROW(ACK(2, N32(0), N32(0), N32(2), N32(2)))},
	    {"ACK cut short", ROW(ACK(2, N32(2), N32(2), N32(0), 0, 0, 0))},
	    {"ACK head cut short", ROW(2, 0, 0)},
	    {"two ACKs", ROW(ACK(1, N32(1), N32(1)), ACK(1, N32(2), N32(2)))},
	    {"unknown reason", ROW(3, 4)},
	    {"no reason", ROW(3)},
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct sim s;
		uint8_t b[1200];

		sim_init(&s, &wire, &plain, 1);
		send_bytes(&s, 0, 3 * 1100); /* packets 0, 1, 2 */
		CHECK_EQ(s.end[0].numbers, 3);
		if (give(&s.end[0], 0, bad[i].b, bad[i].n) != ERR_PROTO) {
			CHECK(!"was taken");
			printf("# %s\n", bad[i].what);
		}
		CHECK_EQ(give(&s.end[0], 1, (const uint8_t[]){1}, 1),
			 ERR_PROTO); /* sticky */
		CHECK_EQ(arq_tick(s.end[0].a, s.now), ERR_PROTO);
		CHECK_EQ(arq_deadline(s.end[0].a), SIM_NEVER);
		CHECK_EQ(arq_output(s.end[0].a, b, sizeof(b), s.now), 0);
		arq_close(s.end[0].a, ARQ_CLOSE_PROTO); /* the peer may know why */
		CHECK_EQ(arq_output(s.end[0].a, b, sizeof(b), s.now), 6);
		CHECK(b[0] == 3 && b[4] == FRAME_CLOSE && b[5] == ARQ_CLOSE_PROTO);
		sim_fini(&s);
	}
}

static void
too_short_or_too_long(void)
{
	static const size_t sizes[] = {0, 1, 3, 4, ARQ_PACKET_MAX + 1};
	static uint8_t b[ARQ_PACKET_MAX + 1];

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		struct sim s;

		sim_init(&s, &wire, &plain, 1);
		CHECK_EQ(arq_input(s.end[0].a, b, sizes[i], s.now), ERR_PROTO);
		sim_fini(&s);
	}
}

static void
what_has_no_room_comes_again(void)
{
	/* a PING, an ACK of packet 0, then three bytes at offset 0 */
	static const uint8_t f[] = {1, 2, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 16, 7,
				    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 3, 7};
	struct sim s;
	uint8_t b[1200];

	sim_init(&s, &wire, &plain, 1);
	send_bytes(&s, 0, 100);
	s.end[0].full = 1;
	CHECK_EQ(give(&s.end[0], 9, f, sizeof(f)), ERR_OK);
	CHECK(s.end[0].turns == 0 && stats(&s.end[0]).received == 0);
	CHECK(sim_pending(&s.end[0]) == false && stats(&s.end[0]).inflight == 0);
	CHECK_EQ(arq_output(s.end[0].a, b, sizeof(b), s.now), 0); /* no ACK */
	CHECK_EQ(give(&s.end[0], 9, f, sizeof(f)), ERR_OK);
	CHECK(s.end[0].turns == 1 && s.end[0].got == 3);
	CHECK_EQ(arq_output(s.end[0].a, b, sizeof(b), s.now), 18);
	CHECK_EQ(give(&s.end[0], 9, f, sizeof(f)), ERR_OK); /* now it is one */
	CHECK_EQ(stats(&s.end[0]).duplicates, 1);
	CHECK(s.end[0].turns == 1 && s.end[0].frames == 1);
	CHECK_EQ(arq_output(s.end[0].a, b, sizeof(b), s.now), 0);
	sim_fini(&s);
}

static void
padding_is_not_read(void)
{
	struct sim s;
	uint8_t b[1200];

	sim_init(&s, &wire, &plain, 1);
	CHECK_EQ(give(&s.end[0], 0, (const uint8_t[]){0, 4, 4}, 3), ERR_OK);
	CHECK_EQ(arq_output(s.end[0].a, b, sizeof(b), s.now), 0);
	CHECK_EQ(give(&s.end[0], 1, (const uint8_t[]){1, 0, 4, 4}, 4), ERR_OK);
	CHECK_EQ(arq_deadline(s.end[0].a), 0); /* the ACK goes at once */
	CHECK(arq_output(s.end[0].a, b, sizeof(b), s.now) > 0);
	sim_fini(&s);
}

/* Ten packets; the last five arrive, so five are lost; then all arrive. */
static void
late_is_not_lost(void)
{
	static const uint8_t half[] = {2, 0, 0, 0, 0, 1, 9, 0, 0, 0, 5, 0, 0, 0};
	static const uint8_t all[] = {2, 0, 0, 0, 0, 1, 9, 0, 0, 0, 0, 0, 0, 0};
	struct sim s;
	struct sim_end *e = &s.end[0];

	sim_init(&s, &wire, &plain, 1);
	send_bytes(&s, 0, 10 * 1181);
	CHECK_EQ(e->numbers, 10);
	s.now += 2000;
	CHECK_EQ(give(e, 0, half, sizeof(half)), ERR_OK);
	CHECK(stats(e).lost == 5 && stats(e).inflight == 0 && e->lost.n == 1);
	CHECK(!ranges_has(&e->acked, 0) && ranges_covers(&e->acked, 5 * 1181, e->total));
	CHECK_EQ(give(e, 1, all, sizeof(all)), ERR_OK);
	CHECK(ranges_covers(&e->acked, 0, e->total) && e->lost.n == 0);
	CHECK(arq_idle(e->a) && e->a->sent.threshold == 10);
	sim_fini(&s);
}

static void
a_lost_tail_costs_a_probe(void)
{
	struct sim s;
	uint64_t left;

	sim_init(&s, &(struct sim_net){.delay_us = 10000}, &plain, 1);
	for (int i = 0; i < 20; i++) { /* the round trip becomes known */
		send_bytes(&s, 0, 100);
		sim_run(&s, SECOND);
	}
	left = s.now;
	s.end[0].drop = 2;
	send_bytes(&s, 0, 2000);
	while (!sim_all_acked(&s.end[0]) && sim_step(&s, left + SECOND))
		;
	CHECK(sim_all_acked(&s.end[0]));
	CHECK(s.now - left < 3 * 20000);
	CHECK_EQ(stats(&s.end[0]).probes, 1);
	CHECK_EQ(stats(&s.end[0]).lost, 0); /* what a probe sends again is not counted */
	sim_fini(&s);
}

/* While nothing gets through probes slow down, but not below two a second. */
static void
an_outage_is_probed(void)
{
	struct sim s;
	uint64_t before, last = 0, most = 0;

	sim_init(&s, &(struct sim_net){.delay_us = 10000}, &plain, 1);
	send_bytes(&s, 0, 2000000);
	sim_run(&s, 40000);
	CHECK(s.end[0].got == 0 && !sim_all_acked(&s.end[0]));
	s.net.cut = true;
	sim_run(&s, 30000); /* what was under way arrives */
	before = s.end[0].numbers;
	for (uint64_t end = s.now + 20 * SECOND; sim_step(&s, end);) {
		if (last != 0 && s.end[0].out_at - last > most)
			most = s.end[0].out_at - last;
		last = s.end[0].out_at;
	}
	CHECK(most <= SECOND / 2 && most > SECOND / 4);
	CHECK(s.end[0].numbers - before < 100 && s.end[0].numbers - before > 60);
	s.net.cut = false;
	sim_run(&s, 3 * SECOND);
	CHECK(sim_all_acked(&s.end[0]) && s.end[0].err == ERR_OK);
	CHECK_EQ(s.end[0].a->rtt.backoff, 0);
	sim_fini(&s);
}

static void
keepalive_and_death(void)
{
	static const struct arq_conf conf = {
	    .mtu = 1200, .keepalive_us = SECOND, .dead_us = 3 * SECOND};
	struct sim s;
	uint64_t cut;

	sim_init(&s, &wire, &conf, 1);
	s.end[0].drop = 1; /* the first PING has to be asked again */
	sim_run(&s, 20 * SECOND + SECOND / 2);
	CHECK(s.end[0].err == ERR_OK && s.end[1].err == ERR_OK);
	CHECK(s.end[0].numbers + s.end[1].numbers > 38);
	CHECK(s.end[0].numbers + s.end[1].numbers < 88);
	CHECK(s.now - arq_heard(s.end[0].a) <= SECOND);
	s.net.cut = true;
	cut = arq_heard(s.end[0].a);
	while (s.end[0].err == ERR_OK && sim_step(&s, cut + 9 * SECOND))
		;
	CHECK_EQ(s.end[0].err, ERR_TIMEOUT);
	CHECK(s.now - cut >= 3 * SECOND && s.now - cut <= 4 * SECOND + 10000);
	CHECK_EQ(arq_tick(s.end[0].a, s.now), ERR_TIMEOUT);
	sim_fini(&s);
}

static void
answered_is_not_asking(void)
{
	static const struct arq_conf conf = {.mtu = 1200, .dead_us = 3 * SECOND};
	struct sim s;

	sim_init(&s, &wire, &conf, 1);
	sim_run(&s, 30 * SECOND); /* nobody asked: nobody is dead */
	s.now += 30 * SECOND;
	s.end[0].drop = 1;
	arq_ping(s.end[0].a);
	sim_flush(&s, 0);
	sim_run(&s, 30 * SECOND);
	CHECK(s.end[0].err == ERR_OK && arq_idle(s.end[0].a));
	CHECK_EQ(s.end[0].numbers, 3); /* a timeout sends two */
	CHECK_EQ(arq_deadline(s.end[0].a), SIM_NEVER);
	sim_fini(&s);
}

/*
 * Round trips that take longer than the dead may be silent, and than what was sent is
 * asked for again: from the start, and all at once.
 */
static void
slow_is_not_dead(void)
{
	static const struct arq_conf conf = {.mtu = 1200, .dead_us = SECOND};
	struct sim s;

	for (int late = 0; late < 2; late++) {
		sim_init(&s, &wire, late ? &plain : &conf, 1);
		if (late) {
			send_bytes(&s, 0, 5000);
			sim_run(&s, SECOND);
		}
		s.net.delay_us = 900000;
		for (int i = 0; i < 5; i++) {
			send_bytes(&s, 0, 5000);
			sim_run(&s, 10 * SECOND);
			CHECK(s.end[0].err == ERR_OK && arq_idle(s.end[0].a));
			CHECK(sim_all_acked(&s.end[0]));
		}
		CHECK(s.end[0].a->rtt.smooth > SECOND);
		sim_fini(&s);
	}
}

static void
close_goes_past_everything(void)
{
	struct sim s;
	uint8_t b[1200];
	size_t n;

	sim_init(&s, &wire, &plain, 1);
	send_bytes(&s, 0, 1000000);
	CHECK_EQ(arq_output(s.end[0].a, b, sizeof(b), s.now), 0); /* window full */
	CHECK_EQ(give(&s.end[0], 5, (const uint8_t[]){1}, 1), ERR_OK);
	arq_close(s.end[0].a, ARQ_CLOSE_REFUSED);
	arq_close(s.end[0].a, ARQ_CLOSE_DONE); /* the first one counts */
	CHECK_EQ(arq_deadline(s.end[0].a), 0);
	n = arq_output(s.end[0].a, b, sizeof(b), s.now);
	CHECK(n == 4 + 14 + 2 && b[4] == FRAME_ACK && b[10] == 5 && b[18] == FRAME_CLOSE);
	memmove(b + 4, b + 18, 2); /* the other end sent no packet 5 */
	n = 6;
	CHECK_EQ(arq_output(s.end[0].a, b, sizeof(b), s.now), 0);
	CHECK_EQ(arq_deadline(s.end[0].a), SIM_NEVER);
	CHECK_EQ(arq_input(s.end[1].a, b, n, s.now), ERR_CLOSED);
	CHECK_EQ(arq_close_reason(s.end[1].a), ARQ_CLOSE_REFUSED);
	CHECK_EQ(arq_tick(s.end[1].a, s.now), ERR_CLOSED);
	CHECK_EQ(arq_output(s.end[1].a, b, sizeof(b), s.now), 0);
	CHECK_EQ(give(&s.end[0], 0, (const uint8_t[]){4}, 1), ERR_OK); /* ignored */
	sim_fini(&s);
}

/* What comes in the packet that closes is delivered. */
static void
last_words_are_heard(void)
{
	static const uint8_t f[] = {16, 7, 0, 0, 0, 0, 0, 0, 0, 0,
				    0,  0, 0, 1, 0, 0, 3, 0, 4};
	struct sim s;

	sim_init(&s, &wire, &plain, 1);
	CHECK_EQ(give(&s.end[0], 0, f, sizeof(f)), ERR_CLOSED);
	CHECK(s.end[0].turns == 1 && s.end[0].got == 1);
	sim_fini(&s);
}

static void
numbers_wrap_on_the_wire(void)
{
	const uint64_t x = 0x100000000ull - 100;
	struct sim s;

	sim_init(&s, &(struct sim_net){.delay_us = 1000, .loss = 500}, &plain, 1);
	for (int i = 0; i < 2; i++) {
		struct arq_sent *t = &s.end[i].a->sent;

		t->base = t->low = t->next = t->newest = s.end[i].numbers = x;
		s.end[i].a->recv.next = x;
		send_bytes(&s, i, 400000);
	}
	sim_run(&s, 10 * SECOND);
	CHECK(sim_all_acked(&s.end[0]) && sim_all_acked(&s.end[1]));
	CHECK(s.end[0].numbers > x + 300);
	sim_fini(&s);
}

static void
needs_its_memory(void)
{
	static const struct arq_conf conf = {.mtu = 1200};
	struct sim s;

	sim_init(&s, &wire, &conf, 1);
	for (unsigned n = 1; n <= 2; n++) {
		struct sim_end *e = &s.end[0];

		arq_free(e->a);
		e->pool_gets = 0;
		e->pool_fail = n;
		e->a = arq_new(&e->pool, &conf, &sim_ops, e, s.now);
		CHECK(e->a == NULL);
		CHECK_EQ(e->pool.used, 0);
	}
	sim_fini(&s);
}

/* A ring that cannot grow and a network that eats everything: still no ASSERT. */
static void
a_full_ring_waits(void)
{
	struct sim s;

	sim_init(&s, &wire, &plain, 1);
	s.end[0].pool_fail = s.end[1].pool_fail = 1;
	send_bytes(&s, 0, 20000000);
	send_bytes(&s, 1, 20000000);
	for (int i = 0; i < 6; i++) {
		s.net.cut = i % 2 == 0;
		sim_run(&s, SECOND / 3);
		CHECK(stats(&s.end[0]).inflight <= ARQ_SENT_FIRST * 1200);
	}
	CHECK(s.end[0].got > 1000000 && s.end[1].got > 1000000);
	CHECK(s.end[0].err == ERR_OK && s.end[1].err == ERR_OK);
	sim_fini(&s);
}

static void
fits_the_smaller_buffer(void)
{
	static const struct arq_conf conf = {.mtu = 1400};
	struct sim s;
	uint8_t b[1400];

	sim_init(&s, &wire, &conf, 1);
	s.end[0].total = 5000;
	CHECK_EQ(arq_output(s.end[0].a, b, sizeof(b), s.now), 1400);
	CHECK_EQ(arq_output(s.end[0].a, b, 1200, s.now), 1200);
	sim_fini(&s);
}

TEST_MAIN(TEST(silent_when_idle), TEST(refuses_bad_packets), TEST(too_short_or_too_long),
	  TEST(what_has_no_room_comes_again), TEST(padding_is_not_read),
	  TEST(late_is_not_lost), TEST(a_lost_tail_costs_a_probe),
	  TEST(an_outage_is_probed), TEST(keepalive_and_death),
	  TEST(answered_is_not_asking), TEST(slow_is_not_dead),
	  TEST(close_goes_past_everything), TEST(last_words_are_heard),
	  TEST(numbers_wrap_on_the_wire), TEST(needs_its_memory), TEST(a_full_ring_waits),
	  TEST(fits_the_smaller_buffer))
