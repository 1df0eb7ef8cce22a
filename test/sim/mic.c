/* SPDX-License-Identifier: ISC */
/*
 * As a host controller schedules them: an urb follows the one before it without
 * a gap, and begins with the next frame if there is none.
 */
#include <assert.h>
#include <string.h>

#include "core/err.h"
#include "core/usbip.h"
#include "test/sim/mic.h"
#include "test/sim/net.h"

uint32_t
mic_make(uint8_t *p, uint32_t k)
{
	uint32_t n = k % 7 == 0 ? MIC_PACKET : 4 + k * 29 % (MIC_PACKET - 4);

	for (uint32_t i = 0; i < 4; i++)
		p[i] = (uint8_t)(k >> 8 * i);
	for (uint32_t i = 4; i < n; i++)
		p[i] = (uint8_t)(k * 7 + i);
	return n;
}

bool
mic_read(const uint8_t *p, uint32_t n, uint32_t *k)
{
	uint8_t right[MIC_PACKET];

	if (n < 4)
		return false;
	*k = p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
	return mic_make(right, *k) == n && memcmp(p, right, n) == 0;
}

void
mic_init(struct mic *m, uint64_t seed, void (*complete)(void *arg, struct urb *),
	 void *arg)
{
	memset(m, 0, sizeof(*m));
	m->seed = seed;
	m->us = MIC_US;
	m->complete = complete;
	m->arg = arg;
	m->in.last = m->out.last = MIC_NOTHING;
}

static struct mic_ep *
ep_of(struct mic *m, const struct urb *u)
{
	assert(u->type == URB_ISO && (u->ep == MIC_IN || u->ep == MIC_OUT));
	return u->ep == MIC_IN ? &m->in : &m->out;
}

int
mic_submit(struct mic *m, struct urb *u, uint64_t now)
{
	struct mic_ep *e = ep_of(m, u);

	if (m->unplugged)
		return ERR_GONE;
	assert(e->n < MIC_QUEUE && u->packets > 0);
	for (uint32_t i = 0; i < u->packets; i++)
		if (u->iso[i].status != -LINUX_EXDEV || u->iso[i].actual != 0)
			m->wrong = "a packet with a result that nobody ran";
	if (e->n == 0 && e->next < now / m->us + 1) {
		if (e->next > 0) {
			e->gaps += (unsigned)(now / m->us + 1 - e->next);
			e->gap_at = now;
		}
		e->next = now / m->us + 1;
	}
	e->urb[e->n++] = u;
	e->most = e->n > e->most ? e->n : e->most;
	return ERR_OK;
}

static void
give_back(struct mic *m, struct mic_ep *e, unsigned i, int32_t status)
{
	struct urb *u = e->urb[i];

	memmove(&e->urb[i], &e->urb[i + 1], (e->n - i - 1) * sizeof(e->urb[0]));
	e->n--;
	u->status = status;
	u->actual = 0;
	for (uint32_t k = 0; k < u->packets; k++)
		u->actual += u->iso[k].actual;
	if (u->actual > 0 || status == 0)
		for (uint32_t k = 0; k < u->packets; k++) {
			e->errors += u->iso[k].status != 0;
			e->empty += u->iso[k].status == 0 && u->iso[k].length == 0;
		}
	m->complete(m->arg, u);
}

/* The number that went well is after that of the last. */
static void
count(struct mic *m, struct mic_ep *e, uint32_t k)
{
	if (e->last != MIC_NOTHING && k <= e->last)
		m->wrong = "a packet twice, or out of order";
	if (e->last != MIC_NOTHING)
		e->missed += k - e->last - 1;
	if (e->last == MIC_NOTHING)
		e->first = k;
	e->last = k;
	e->delivered++;
}

static void
one_packet(struct mic *m, struct mic_ep *e)
{
	struct urb *u = e->urb[0];
	struct urb_iso *p = &u->iso[e->at++];
	uint32_t k = (uint32_t)e->next++;
	bool bad = net_random(&m->seed) % 1000 < m->noise;

	p->status = bad ? -LINUX_EILSEQ : 0;
	if (!bad && e == &m->in) {
		assert(p->length == MIC_PACKET);
		p->actual = mic_make(u->buf + p->offset, k);
		count(m, e, k);
	} else if (!bad) {
		p->actual = p->length;
		if (p->length > 0 && mic_read(u->buf + p->offset, p->length, &k))
			count(m, e, k);
		else if (p->length > 0)
			m->wrong = "a packet was changed on its way";
	}
	if (e->at < u->packets)
		return;
	e->at = 0;
	give_back(m, e, 0, 0);
}

void
mic_cancel(struct mic *m, struct urb *u, uint64_t now)
{
	struct mic_ep *e = ep_of(m, u);
	unsigned i = 0;

	(void)now;
	while (i < e->n && e->urb[i] != u)
		i++;
	assert(i < e->n);
	if (i == 0)
		e->at = 0;
	give_back(m, e, i, -LINUX_ECONNRESET);
}

void
mic_run(struct mic *m, uint64_t now)
{
	struct mic_ep *eps[] = {&m->in, &m->out};

	for (int i = 0; i < 2; i++)
		while (eps[i]->n > 0 && eps[i]->next * m->us <= now)
			one_packet(m, eps[i]);
}

uint64_t
mic_next(const struct mic *m)
{
	uint64_t in = m->in.n > 0 ? m->in.next * m->us : UINT64_MAX;
	uint64_t out = m->out.n > 0 ? m->out.next * m->us : UINT64_MAX;

	return in < out ? in : out;
}

bool
mic_idle(const struct mic *m)
{
	return m->in.n == 0 && m->out.n == 0;
}
