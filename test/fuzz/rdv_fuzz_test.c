/* SPDX-License-Identifier: ISC */
/* link: core */
/*
 * Peers that come, say whatever they like and go: nobody gets what is not for him,
 * who was ended hears nothing more, and nothing is left at the end.
 */
#include "core/rdv.h"
#include "test/fuzz/fuzz.h"

#define PEERS 6

struct one {
	struct rdv_peer *peer;
	uint8_t id;
	bool ended, stuck;
};

static struct one ones[PEERS];

static int
on_send(void *arg, uint8_t type, const uint8_t *body, size_t n)
{
	struct one *o = arg;

	(void)body;

	MUST(o->peer != NULL || type == RDV_END);
	MUST(!o->ended);
	MUST(rdv_wire_check(type, RDV_MIDDLE, n) == ERR_OK);
	return o->stuck ? ERR_FULL : ERR_OK;
}

static void
on_end(void *arg)
{
	struct one *o = arg;

	MUST(!o->ended);
	o->ended = true;
}

static bool
on_relays(void *arg, const uint8_t id[PEERID], struct rdv_relays *t)
{
	(void)arg;
	t->n = id[0] % 3;
	return id[0] & 1;
}

static const struct rdv_ops ops = {.send = on_send, .end = on_end, .relays = on_relays};

static void
come(struct rdv *r, struct one *o, struct dice *d, uint64_t now)
{
	uint8_t id[PEERID] = {(uint8_t)(dice_u8(d) % 3)}, net[PEERID] = {4, 1};

	*o = (struct one){.id = id[0], .stuck = dice_u8(d) % 8 == 7};
	(void)!rdv_enter(r, &o->peer, id, net, false, o, now);
}

static void
speak(struct one *o, struct dice *d, uint64_t now)
{
	uint8_t b[128] = {0};
	uint8_t type = (uint8_t)(94 + dice_u8(d) % 14);
	size_t n = dice_u8(d) % sizeof(b);

	if (type == RDV_JOIN)
		n = 19;
	for (size_t i = 0; i < 4; i++)
		b[i] = (uint8_t)(dice_u8(d) % 4);
	if (type == RDV_SEND)
		memset(b + 1, 0, 3);
	b[PEERID] = (uint8_t)(dice_u8(d) % 4);
	b[52] = (uint8_t)(dice_u8(d) % 2);
	{
		uint8_t *copy = calloc(1, n > 0 ? n : 1);

		memcpy(copy, b, n);
		rdv_input(o->peer, type, copy, n, now);
		free(copy);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct pool pool = TEST_POOL(1u << 20);
	struct dice d = {p, p + n};
	struct rdv_conf conf = rdv_usual;
	struct rdv_stats s;
	uint64_t now = 1;
	struct rdv *r;

	memset(ones, 0, sizeof(ones));
	conf.peers = 5;
	conf.id.connections = 3;
	conf.network.rate[RDV_OPENS] = (struct bucket_conf){4, 1};
	MUST((r = rdv_new(&pool, &conf, &ops, NULL, 7)) != NULL);
	while (d.p < d.end) {
		struct one *o = &ones[dice_u8(&d) % PEERS];
		unsigned what = dice_u8(&d) % 8;

		now += dice_u16(&d) * 1000ull;
		if (o->peer == NULL) {
			come(r, o, &d, now);
		} else if (what == 0) {
			rdv_leave(o->peer, now);
			o->peer = NULL;
		} else if (what == 1) {
			rdv_tick(r, now);
			MUST(rdv_deadline(r) > now);
		} else {
			speak(o, &d, now);
		}
	}
	for (unsigned i = 0; i < PEERS; i++)
		if (ones[i].peer != NULL)
			rdv_leave(ones[i].peer, now);
	rdv_stats(r, &s);
	MUST(s.peers == 0 && s.hosts == 0);
	rdv_free(r);
	MUST(pool.used == 0);
	return 0;
}

#ifndef LIBFUZZER

static void
corpus(void)
{
	fuzz_corpus("rdv");
}

static void
noise(void)
{
	fuzz_noise(5000, 600);
}

TEST_MAIN(TEST(corpus), TEST(noise))

#endif
