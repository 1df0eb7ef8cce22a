/* SPDX-License-Identifier: ISC */
/* clang-format off */
/* link: core/arq core/arq_in core/arq_sent core/arq_recv core/arq_rtt core/cc core/cc_bbr core/cc_cubic core/pacer core/ranges core/cur core/mem */
/* clang-format on */
/*
 * Packets that a broken or hostile peer sends, from a seed: noise, frames with
 * wild fields, and real packets of another link with bytes changed. FUZZ_ROUNDS
 * sets how many links are tried.
 */
#include "core/arq_link.h"
#include "test/core/arq_sim.h"

static const struct arq_conf conf = {
    .mtu = 1200, .keepalive_us = 1000000, .dead_us = 5000000};
static const struct sim_net net = {.delay_us = 500, .loss = 500, .dup = 500};

/* Whatever came, the books are right. */
static void
sound(const struct sim_end *e)
{
	const struct arq_sent *s = &e->a->sent;
	uint64_t bytes = 0, flying = 0;

	CHECK(s->base <= s->low && s->low <= s->next && s->newest <= s->next);
	CHECK(s->next - s->base <= s->size);
	for (uint64_t n = s->base; n < s->next; n++) {
		const struct arq_packet *p = &s->ring[n & (s->size - 1)];

		CHECK(p->state != ARQ_FLYING || n >= s->low);
		flying += p->state == ARQ_FLYING;
		bytes += p->state == ARQ_FLYING ? p->bytes : 0;
	}
	CHECK(flying == s->flying && bytes == s->inflight);
	CHECK(e->a->cc.cwnd >= 4 * 1200 && e->a->cc.rate > 0);
}

static size_t
noise(struct sim *s, uint8_t *b)
{
	size_t n = sim_rnd(s, 1300);

	for (size_t i = 0; i < n; i++)
		b[i] = (uint8_t)sim_rnd(s, 256);
	return n;
}

/* Mostly near the numbers that are in use. */
static uint32_t
wild(struct sim *s, uint64_t near)
{
	switch (sim_rnd(s, 8)) {
	case 0:
		return (uint32_t)near ^ (1u << sim_rnd(s, 32));
	case 1:
		return sim_rnd(s, UINT32_MAX);
	default:
		return (uint32_t)near - sim_rnd(s, 40) + sim_rnd(s, 3);
	}
}

static void
wild_ack(struct sim *s, struct wr *w)
{
	uint8_t n = (uint8_t)(1 + sim_rnd(s, 4));
	uint64_t x = s->end[0].a->sent.next - 1;

	wr_u8(w, FRAME_ACK);
	wr_le32(w, sim_rnd(s, 100000));
	wr_u8(w, n);
	while (n-- > 0) {
		uint32_t last = wild(s, x), first = last - sim_rnd(s, 5);

		wr_le32(w, last);
		wr_le32(w, first);
		x = first > 1 ? first - 2 : 0;
	}
}

static size_t
frames(struct sim *s, uint8_t *b)
{
	struct wr w;

	wr_init(&w, b, 1200);
	wr_le32(&w, wild(s, s->end[0].a->recv.next));
	for (unsigned i = sim_rnd(s, 3) + 1; i-- > 0;)
		if (sim_rnd(s, 3) > 0) {
			wild_ack(s, &w);
		} else {
			wr_u8(&w, (uint8_t)(sim_rnd(s, 5) == 0 ? sim_rnd(s, 256)
							       : FRAME_STREAM));
			wr_le32(&w, 7);
			wr_le64(&w, 0x100000 + sim_rnd(s, 5000));
			wr_le16(&w, (uint16_t)sim_rnd(s, 30));
			w.p += wr_left(&w) > 30 ? sim_rnd(s, 30) : 0;
		}
	return (size_t)(w.p - b);
}

/* The oldest packet on its way, changed. */
static size_t
mutant(struct sim *s, uint8_t *b)
{
	size_t n;

	if (s->flying == 0)
		return noise(s, b);
	n = s->heap[0]->n;
	memcpy(b, s->heap[0]->b, n);
	for (unsigned i = sim_rnd(s, 4) + 1; i-- > 0;)
		b[sim_rnd(s, sim_rnd(s, 2) ? 40 : (uint32_t)n) % n] =
		    (uint8_t)sim_rnd(s, 256);
	return sim_rnd(s, 4) == 0 ? sim_rnd(s, (uint32_t)n) : n;
}

static bool
hit(struct sim *s, size_t (*make)(struct sim *, uint8_t *))
{
	static uint8_t b[ARQ_PACKET_MAX];
	size_t n = make(s, b);
	uint8_t *exact = malloc(n > 0 ? n : 1);
	int r;

	memcpy(exact, b, n);
	r = arq_input(s->end[0].a, exact, n, s->now);
	free(exact);
	sound(&s->end[0]);
	CHECK(r == ERR_OK || r == ERR_PROTO || r == ERR_CLOSED);
	return r == ERR_OK;
}

/* Hits the link until it gives up, traffic going on meanwhile. */
static void
one_link(uint32_t seed, size_t (*make)(struct sim *, uint8_t *))
{
	struct sim s;

	sim_init(&s, &net, &conf, seed);
	s.end[0].total = s.end[1].total = 60000;
	sim_flush(&s, 0);
	sim_flush(&s, 1);
	for (unsigned i = 0; i < 30 && s.end[0].err == ERR_OK; i++) {
		if (!hit(&s, make))
			break;
		sim_run(&s, sim_rnd(&s, 3000));
	}
	sim_run(&s, 500000);
	sound(&s.end[0]);
	sound(&s.end[1]);
	s.end[0].wrong = s.end[1].wrong = false; /* bytes may be anything here */
	sim_fini(&s);
}

static void
run(size_t (*make)(struct sim *, uint8_t *))
{
	const char *n = getenv("FUZZ_ROUNDS");
	uint32_t links = n != NULL ? (uint32_t)atoi(n) : 150;

	for (uint32_t seed = 1; seed <= links && !test_failed; seed++) {
		one_link(seed, make);
		if (test_failed)
			printf("# seed %u\n", seed);
	}
}

static void
survives_noise(void)
{
	run(noise);
}

static void
survives_wild_frames(void)
{
	run(frames);
}

static void
survives_changed_packets(void)
{
	run(mutant);
}

TEST_MAIN(TEST(survives_noise), TEST(survives_wild_frames),
	  TEST(survives_changed_packets))
