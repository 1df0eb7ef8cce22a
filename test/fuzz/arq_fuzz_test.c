/* SPDX-License-Identifier: ISC */
/* clang-format off */
/* link: core */
/* clang-format on */
/*
 * Packets that a broken or hostile peer sends: noise, frames with wild fields, and
 * real packets with bytes changed, while traffic goes on. Four bytes of the input
 * are the network's seed, the rest says what comes.
 */
#include "core/arq_link.h"
#include "test/core/arq_sim.h"
#include "test/fuzz/fuzz.h"

#define HITS 30

static struct dice dice;

static const struct arq_conf conf = {
    .mtu = 1200, .mtu_max = 8862, .keepalive_us = 1000000, .dead_us = 5000000};
static const struct sim_net net = {.delay_us = 500, .loss = 500, .dup = 500};

/* Whatever came, the books are right. */
static void
sound(const struct sim_end *e)
{
	const struct arq_sent *s = &e->a->sent;
	uint64_t bytes = 0, flying = 0;

	MUST(s->base <= s->low && s->low <= s->next && s->newest <= s->next);
	MUST(s->next - s->base <= s->size);
	for (uint64_t n = s->base; n < s->next; n++) {
		const struct arq_packet *p = &s->ring[n & (s->size - 1)];

		MUST(p->state != ARQ_FLYING || n >= s->low);
		flying += p->state == ARQ_FLYING;
		bytes += p->state == ARQ_FLYING ? p->bytes : 0;
	}
	MUST(flying == s->flying && bytes == s->inflight);
	MUST(e->a->cc.cwnd >= 4 * 1200 && e->a->cc.rate > 0);
	MUST(s->pmtu.size >= 1200 && s->pmtu.size <= 8862);
	MUST(e->a->cc.mtu == s->pmtu.size);
}

/* A number below this, from as many bytes as that takes. */
static uint32_t
draw(uint32_t below)
{
	uint32_t v = below > 65536 ? dice_u16(&dice) << 16 : 0;

	v |= below > 256 ? dice_u16(&dice) : dice_u8(&dice);
	return v % below;
}

static size_t
noise(struct sim *s, uint8_t *b)
{
	size_t n = draw(1300);

	(void)s;
	for (size_t i = 0; i < n; i++)
		b[i] = (uint8_t)draw(256);
	return n;
}

/* Mostly near the numbers that are in use. */
static uint32_t
wild(uint64_t near)
{
	switch (draw(8)) {
	case 0:
		return (uint32_t)near ^ (1u << draw(32));
	case 1:
		return draw(UINT32_MAX);
	default:
		return (uint32_t)near - draw(40) + draw(3);
	}
}

static void
wild_ack(struct sim *s, struct wr *w)
{
	uint8_t n = (uint8_t)(1 + draw(4));
	uint64_t x = s->end[0].a->sent.next - 1;

	wr_u8(w, FRAME_ACK);
	wr_le32(w, draw(100000));
	wr_u8(w, n);
	while (n-- > 0) {
		uint32_t last = wild(x), first = last - draw(5);

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
	wr_le32(&w, wild(s->end[0].a->recv.next));
	for (unsigned i = draw(3) + 1; i-- > 0;)
		if (draw(3) > 0) {
			wild_ack(s, &w);
		} else {
			wr_u8(&w, (uint8_t)(draw(5) == 0 ? draw(256) : FRAME_STREAM));
			wr_le32(&w, 7);
			wr_le64(&w, 0x100000 + draw(5000));
			wr_le16(&w, (uint16_t)draw(30));
			w.p += wr_left(&w) > 30 ? draw(30) : 0;
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
	for (unsigned i = draw(4) + 1; i-- > 0;)
		b[draw(draw(2) ? 40 : (uint32_t)n) % n] = (uint8_t)draw(256);
	return draw(4) == 0 ? draw((uint32_t)n) : n;
}

/* False: the link has given up. */
static bool
hit(struct sim *s)
{
	static size_t (*const make[])(struct sim *, uint8_t *) = {noise, frames, mutant};
	static uint8_t b[ARQ_PACKET_MAX];
	size_t n = make[draw(ARRAY_LEN(make))](s, b);
	uint8_t *exact = malloc(n > 0 ? n : 1);
	int r;

	memcpy(exact, b, n);
	r = arq_input(s->end[0].a, exact, n, s->now);
	free(exact);
	sound(&s->end[0]);
	MUST(r == ERR_OK || r == ERR_PROTO || r == ERR_CLOSED);
	return r == ERR_OK;
}

/* Hits the link until it gives up, traffic going on meanwhile. */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct sim s;

	dice.p = p;
	dice.end = p + n;
	sim_init(&s, &net, &conf, draw(UINT32_MAX - 1) + 1);
	s.end[0].total = s.end[1].total = 60000;
	sim_flush(&s, 0);
	sim_flush(&s, 1);
	for (unsigned i = 0; i < HITS && dice.p < dice.end; i++) {
		if (s.end[0].err != ERR_OK || !hit(&s))
			break;
		sim_run(&s, draw(3000));
	}
	sim_run(&s, 500000);
	sound(&s.end[0]);
	sound(&s.end[1]);
	s.end[0].wrong = s.end[1].wrong = false; /* bytes may be anything here */
	sim_fini(&s);
	return 0;
}

#ifndef LIBFUZZER
/* Each input is one link. */
static void
survives(void)
{
	fuzz_noise(400, 400);
	fuzz_noise(50, FUZZ_CAP);
}

static void
corpus(void)
{
	fuzz_corpus("arq");
}

TEST_MAIN(TEST(corpus), TEST(survives))
#endif
