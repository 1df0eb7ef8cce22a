/* SPDX-License-Identifier: ISC */
/*
 * A listener's limits for strangers (DESIGN.md 9). It knows no sockets.
 */
#include <string.h>

#include "core/mem.h"
#include "net/gate.h"

#define ONE 1000000u /* a stranger, in the bucket */

void
gate_init(struct gate *g, const struct gate_conf *conf, uint64_t now_us)
{
	ASSERT(conf->strangers <= GATE_SEATS);
	*g = (struct gate){.conf = *conf, .last_us = now_us};
	g->level = (uint64_t)conf->burst * ONE;
}

struct gate_network
gate_network(const uint8_t *a, size_t n)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	struct gate_network w = {.family = 6};

	ASSERT(n == 4 || n == 16);
	if (n == 16 && memcmp(a, mapped, sizeof(mapped)) != 0) {
		memcpy(w.prefix, a, 8);
		return w;
	}
	w.family = 4;
	memcpy(w.prefix, a + n - 4, 4);
	return w;
}

static void
fill(struct gate *g, uint64_t now_us)
{
	const uint64_t max = (uint64_t)g->conf.burst * ONE;
	uint64_t gone_us = now_us > g->last_us ? now_us - g->last_us : 0;

	if (gone_us > max) /* at one a second that fills it, and nothing overflows */
		gone_us = max;
	g->last_us = now_us;
	g->level += gone_us * g->conf.per_second;
	if (g->level > max)
		g->level = max;
}

int
gate_enter(struct gate *g, const struct gate_network *w, uint64_t now_us)
{
	unsigned same = 0;
	int seat = ERR_FULL;

	for (unsigned i = 0; i < g->conf.strangers; i++) {
		if (g->seat[i].family == 0)
			seat = (int)i;
		else if (memcmp(&g->seat[i], w, sizeof(*w)) == 0)
			same++;
	}
	if (seat < 0)
		return ERR_FULL;
	if (same >= g->conf.per_network)
		return ERR_BUSY;
	fill(g, now_us);
	if (g->level < ONE)
		return ERR_FULL;
	g->level -= ONE;
	g->seat[seat] = *w;
	return seat;
}

void
gate_leave(struct gate *g, int seat)
{
	ASSERT(seat >= 0 && seat < GATE_SEATS && g->seat[seat].family != 0);
	g->seat[seat].family = 0;
}
