/* SPDX-License-Identifier: ISC */
/*
 * Whether it pays to compress.
 */
#include "core/shrink.h"

#define PS_PER_US 1000000u
#define PS_PER_NS 1000u

static uint64_t
price_of(const struct shrink_link *from, const struct shrink_link *to)
{
	return (to->held_us - from->held_us) * PS_PER_US / (to->bytes - from->bytes);
}

static bool
is_same_link(const struct shrink_link *from, const struct shrink_link *to)
{
	return to->bytes >= from->bytes && to->held_us >= from->held_us &&
	       to->now_us >= from->now_us;
}

/*
 * What is compressed leaves at once, but does so because it is. So a link that held
 * nothing back is cheaper only if it carried more than it could at the old price;
 * otherwise that stays, until it is stale.
 */
static bool
believes(const struct shrink_price *p, const struct shrink_link *l, uint64_t ps)
{
	uint64_t span = l->now_us - p->from.now_us, bytes = l->bytes - p->from.bytes;

	return ps >= p->ps / 2 || l->now_us - p->at >= SHRINK_STALE_US ||
	       span * PS_PER_US / bytes < p->ps / 2;
}

static void
measured(struct shrink_price *p, const struct shrink_link *l)
{
	uint64_t ps = price_of(&p->from, l);

	if (!believes(p, l, ps))
		return;
	p->ps = ps;
	p->at = l->now_us;
}

uint64_t
shrink_look(struct shrink_price *p, const struct shrink_link *l)
{
	if (!is_same_link(&p->from, l)) {
		*p = (struct shrink_price){.from = *l};
	} else if (l->bytes - p->from.bytes >= SHRINK_WINDOW) {
		measured(p, l);
		p->from = *l;
	} else if (l->now_us - p->from.now_us >= SHRINK_SPAN_US) {
		if (l->bytes - p->from.bytes >= SHRINK_WINDOW / 8)
			measured(p, l);
		p->from = *l;
	}
	if (l->now_us - p->at >= 2 * SHRINK_STALE_US)
		p->ps = 0;
	return p->ps;
}

bool
shrink_wants(struct shrink *s, uint64_t ps, uint64_t n)
{
	if (n < SHRINK_LEAST || n > SHRINK_MOST)
		return false;
	if (ps <= SHRINK_FREE_PS) {
		s->on = false;
		return false;
	}
	if (s->skip == 0)
		return true;
	s->skip--;
	return false;
}

/* Where one message of two shrinks, all are looked at. */
static void
paid(struct shrink *s)
{
	s->won = s->won + SHRINK_WINS < SHRINK_WON ? s->won + SHRINK_WINS : SHRINK_WON;
	s->failed = 0;
}

static void
was_in_vain(struct shrink *s)
{
	if (s->won > 0) {
		s->won--;
		return;
	}
	s->failed += s->failed < SHRINK_FAILS;
	s->skip =
	    (uint8_t)(1u << s->failed); /* the next is not always the second of two */
}

bool
shrink_pays(struct shrink *s, uint64_t ps, uint64_t saved, uint64_t ns)
{
	bool pays = ps * saved > SHRINK_GAIN * ns * PS_PER_NS;

	if (pays)
		paid(s);
	else
		was_in_vain(s);
	s->on = s->won > 0;
	return pays;
}
