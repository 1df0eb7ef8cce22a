/* SPDX-License-Identifier: ISC */
/*
 * Sizes in the order in which they say most, and lost long packets counted.
 */
#include "core/pmtu.h"
#include "core/mem.h"

#define HOLES_MAX 10 /* PMTU_HOLE_US so often doubled is longer than PMTU_AGAIN_US */

/*
 * UDP payloads. An MTU is 28 bytes more over IPv4, 48 over IPv6: 1500, 9000, between
 * them, then tunnels (1420, 1440, 1480, 1492) and 1280.
 */
static const uint16_t sizes[] = {1472, 8900, 4000, 8440, 8840, 1392, 1432, 1452,
				 1464, 1444, 1412, 1372, 1352, 1252, 1232};

/* The first of the rest of the table that can still be news. */
static void
choose(struct pmtu *p, uint64_t now)
{
	p->tries = 0;
	for (; p->step < ARRAY_LEN(sizes); p->step++) {
		size_t n = sizes[p->step] - p->extra;

		if (n <= p->size || n >= p->bad || n > p->most)
			continue;
		p->want = n;
		p->state = PMTU_READY;
		return;
	}
	p->state = PMTU_REST;
	p->due = p->size < p->most ? now + PMTU_AGAIN_US : UINT64_MAX;
}

void
pmtu_init(struct pmtu *p, size_t base, size_t most, size_t extra)
{
	ASSERT(base <= most);
	memset(p, 0, sizeof(*p));
	p->base = base;
	p->most = most;
	p->extra = extra;
	pmtu_reset(p, 0, 0);
}

void
pmtu_reset(struct pmtu *p, uint64_t next, uint64_t now)
{
	p->size = p->base;
	p->state = PMTU_REST;
	p->due = p->base < p->most ? now : UINT64_MAX;
	p->through = next;
	p->misses = 0;
}

size_t
pmtu_probe(const struct pmtu *p)
{
	return p->state == PMTU_READY ? p->want : 0;
}

void
pmtu_probed(struct pmtu *p, uint64_t number, uint64_t due)
{
	ASSERT(p->state == PMTU_READY);
	p->state = PMTU_OUT;
	p->number = number;
	p->due = due;
	p->tries++;
}

uint64_t
pmtu_deadline(const struct pmtu *p)
{
	return p->state == PMTU_READY ? UINT64_MAX : p->due;
}

void
pmtu_tick(struct pmtu *p, uint64_t now)
{
	if (now < pmtu_deadline(p))
		return;
	if (p->state == PMTU_REST) {
		p->step = 0;
		p->bad = SIZE_MAX;
		choose(p, now);
	} else if (p->tries < PMTU_TRIES) {
		p->state = PMTU_READY;
	} else {
		p->bad = p->want;
		choose(p, now);
	}
}

void
pmtu_arrived(struct pmtu *p, uint64_t from, uint64_t to, uint64_t now)
{
	if (p->state == PMTU_REST || p->tries == 0 || p->number < from || p->number >= to)
		return;
	p->size = p->want;
	p->through = p->number + 1;
	p->misses = 0;
	choose(p, now);
}

void
pmtu_acked(struct pmtu *p, uint64_t number, size_t bytes)
{
	if (bytes <= p->base || number < p->through)
		return;
	p->through = number + 1;
	if (number >= p->missed)
		p->misses = 0;
}

void
pmtu_lost(struct pmtu *p, uint64_t number, size_t bytes)
{
	if (bytes <= p->base || number < p->through)
		return;
	p->missed = number;
	p->misses++;
}

bool
pmtu_hole(struct pmtu *p, uint64_t shorter, uint64_t next, uint64_t now)
{
	uint64_t wait;

	if (p->misses < PMTU_HOLE || shorter < p->missed || p->size == p->base)
		return false;
	if (now - p->hole_at > 2 * PMTU_AGAIN_US)
		p->holes = 0;
	wait = (uint64_t)PMTU_HOLE_US << p->holes;
	pmtu_reset(p, next, now);
	p->due = now + (wait < PMTU_AGAIN_US ? wait : PMTU_AGAIN_US);
	p->hole_at = now;
	p->holes += p->holes < HOLES_MAX;
	return true;
}
