/* SPDX-License-Identifier: ISC */
/*
 * The credit is kept as a time in nanoseconds: at 500 MB/s a packet lasts two
 * microseconds and a half, and the half matters.
 */
#include "core/pacer.h"

static uint64_t
lasts_ns(uint64_t bytes, uint64_t rate)
{
	return bytes * 1000000000 / rate;
}

static uint64_t
credit_ns(uint64_t rate, uint64_t mtu, uint64_t most)
{
	uint64_t packets = lasts_ns(PACER_PACKETS * mtu, rate);

	return packets < most ? packets : most;
}

static uint64_t
most_ns(const struct pacer *p)
{
	uint64_t half = p->idle ? p->trip_us * 500 : 0;

	if (p->near || !p->rested)
		return PACER_LATE_NS;
	return half > PACER_BURST_NS ? half : PACER_BURST_NS;
}

bool
pacer_ready(const struct pacer *p, uint64_t now_us)
{
	return p->next_ns <= now_us * 1000;
}

void
pacer_sent(struct pacer *p, uint64_t bytes, uint64_t rate, uint64_t mtu, uint64_t now_us)
{
	uint64_t now = now_us * 1000, credit = credit_ns(rate, mtu, most_ns(p));
	uint64_t oldest = now > credit ? now - credit : 0;

	p->rested = p->idle = false;
	p->next_ns = (p->next_ns > oldest ? p->next_ns : oldest) + lasts_ns(bytes, rate);
}

void
pacer_rest(struct pacer *p, bool idle)
{
	p->rested = true;
	p->idle = idle;
}

uint64_t
pacer_deadline(const struct pacer *p, uint64_t rate, uint64_t mtu)
{
	uint64_t half = credit_ns(rate, mtu, PACER_BURST_NS) / 2;

	if (lasts_ns(mtu, rate) > half)
		half = 0;
	return (p->next_ns + half + 999) / 1000;
}
