/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "net/link.h"
#include "test/sim/cutter.h"

#define NEVER UINT64_MAX

const char *const cut_names[] = {
#define CUT_NAME(name, text) text,
    CUT_LIST(CUT_NAME)
#undef CUT_NAME
};

const struct arq_conf cutter_arq = {
    .mtu = 1162, .keepalive_us = LINK_KEEPALIVE_US, .dead_us = LINK_DEAD_US};

static uint64_t
below(struct cutter *c, uint32_t n)
{
	return net_random(&c->seed) % n;
}

void
cutter_init(struct cutter *c, struct ends *e, uint64_t seed)
{
	*c = (struct cutter){.e = e,
			     .seed = seed * 13 + 5,
			     .kind = CUT_KINDS,
			     .mend_at = NEVER,
			     .again_at = NEVER};
}

void
cutter_network(uint64_t *seed, struct net_conf to[2])
{
	for (int i = 0; i < 2; i++) {
		to[i] =
		    (struct net_conf){.loss = 5000, .reorder = 20000, .duplicate = 5000};
		to[i].delay_us = net_random(seed) % 50000;
		to[i].jitter_us = net_random(seed) % 5000;
		to[i].rate = 1000000 + net_random(seed) % 20000000;
		to[i].queue = 50000 + net_random(seed) % 500000;
	}
}

/* A moment at which a RESUME may be anywhere between its ends, or answered. */
static uint64_t
resume_flies(struct cutter *c)
{
	return 1 + below(c, below(c, 2) ? 150000 : 10000);
}

static void
cut_network(struct cutter *c, uint64_t us)
{
	net_cut(c->e->net, true);
	c->cut = true;
	c->mend_at = c->e->now + us;
}

void
cutter_cut(struct cutter *c, enum cut_kind kind)
{
	struct net_conf to[2];

	c->kind = kind;
	cutter_network(&c->seed, to);
	switch (kind) {
	case CUT_SHORT:
		cut_network(c, 1 + below(c, 800000));
		break;
	case CUT_LONG:
		cut_network(c, 6000000 + below(c, 20000000));
		break;
	case CUT_ATTACH:
		ends_lose(c->e, 0);
		break;
	case CUT_SERVE:
		ends_lose(c->e, 1);
		break;
	case CUT_ADDRESS:
		net_cut(c->e->net, true);
		net_cut(c->e->net, false);
		net_change(c->e->net, to);
		ends_dial(c->e);
		break;
	case CUT_RESUME:
		to[1].reorder = 300000; /* so that an older one comes later */
		net_change(c->e->net, to);
		ends_dial(c->e);
		c->agains = 1 + (unsigned)below(c, 3);
		c->again_at = c->e->now + resume_flies(c);
		break;
	case CUT_REKEY:
		ends_dial(c->e);
		break;
	case CUT_PATH:
		ends_move(c->e, to);
		break;
	case CUT_KINDS:
		break;
	}
}

/* As cmd/remote: at once, then after a while. */
static void
dial(struct cutter *c)
{
	if (c->e->end[0].arq != NULL) {
		c->dial_at = 0;
		return;
	}
	if (c->dial_at == 0)
		c->dial_at = c->e->now + 1 + below(c, 500000);
	if (c->e->now < c->dial_at)
		return;
	ends_dial(c->e);
	c->dial_at = 0;
}

static void
again(struct cutter *c)
{
	if (c->e->now < c->again_at)
		return;
	ends_dial(c->e);
	c->again_at = --c->agains > 0 ? c->e->now + resume_flies(c) : NEVER;
}

uint64_t
cutter_turn(struct cutter *c, uint64_t until)
{
	if (c->e->now >= c->mend_at) {
		net_cut(c->e->net, false);
		c->cut = false;
		c->mend_at = NEVER;
	}
	if (!c->cut) /* no link would come to be */
		dial(c);
	again(c);
	until = c->mend_at < until ? c->mend_at : until;
	until = c->again_at < until ? c->again_at : until;
	return c->dial_at > c->e->now && c->dial_at < until ? c->dial_at : until;
}

void
cutter_mend(struct cutter *c)
{
	net_cut(c->e->net, false);
	c->cut = false;
	c->mend_at = c->again_at = NEVER;
	if (c->e->end[0].arq == NULL || c->e->end[1].arq == NULL)
		ends_relink(c->e);
}
