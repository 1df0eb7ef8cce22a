/* SPDX-License-Identifier: ISC */
/*
 * One queue for reports, one for control requests.
 */
#include <assert.h>
#include <string.h>

#include "core/err.h"
#include "core/usbip.h"
#include "test/sim/net.h"
#include "test/sim/pad.h"

static bool
chance(struct pad *p, uint32_t thousandths)
{
	return net_random(&p->seed) % 1000 < thousandths;
}

void
pad_init(struct pad *p, uint64_t seed, void (*complete)(void *arg, struct urb *),
	 void *arg)
{
	memset(p, 0, sizeof(*p));
	p->seed = seed;
	p->ep = PAD_IN;
	p->iface = PAD_IFACE;
	p->size = PAD_REPORT;
	p->every = 1000;
	p->until = UINT64_MAX;
	p->complete = complete;
	p->arg = arg;
}

static bool
is_set_protocol(const struct pad *p, const struct urb *u)
{
	return u->setup[0] == 0x21 && u->setup[1] == 0x0b && u->setup[4] == p->iface;
}

bool
pad_takes(const struct pad *p, const struct urb *u)
{
	if ((u->ep & 15) != 0)
		return u->ep == p->ep;
	switch (u->job) {
	case URB_JOB_SET_CONFIGURATION:
	case URB_JOB_RESET:
		return true;
	case URB_JOB_CLEAR_HALT:
		return u->setup[4] == p->ep;
	case URB_JOB_SET_INTERFACE:
		return u->setup[4] == p->iface;
	case URB_JOB_NONE:
		break;
	}
	return is_set_protocol(p, u);
}

static void
take_out(struct urb **urb, unsigned *n, unsigned i)
{
	memmove(&urb[i], &urb[i + 1], (*n - i - 1) * sizeof(urb[0]));
	(*n)--;
}

static void
done(struct pad *p, struct urb *u, int32_t status, uint32_t actual)
{
	u->status = status;
	u->actual = actual;
	p->complete(p->arg, u);
}

static void
put_le32(uint8_t *b, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		b[i] = (uint8_t)(v >> 8 * i);
}

static void
report(struct pad *p, uint64_t now)
{
	struct urb *u = p->urb[0];

	take_out(p->urb, &p->n, 0);
	p->ready = p->ready + p->every > now ? p->ready + p->every : now + p->every;
	if (!p->halted && chance(p, p->stalls))
		p->halted = true;
	if (p->halted) {
		done(p, u, -LINUX_EPIPE, 0);
		return;
	}
	if (chance(p, p->noise)) {
		done(p, u, -LINUX_EPROTO, 0);
		return;
	}
	assert(u->len >= p->size);
	put_le32(u->buf, p->number++);
	put_le32(u->buf + 4, p->changes);
	memset(u->buf + PAD_REPORT, (int)p->number, p->size - PAD_REPORT);
	done(p, u, 0, p->size);
}

static void
control(struct pad *p)
{
	struct urb *u = p->control[0];

	take_out(p->control, &p->controls, 0);
	if (p->guarded && p->n > 0)
		p->wrong = "it is changed while a transfer is open";
	if (u->job != URB_JOB_NONE)
		p->halted = false;
	p->changes++;
	assert(p->changes < PAD_CHANGES);
	p->first[p->changes] = p->number;
	done(p, u, 0, 0);
}

int
pad_submit(struct pad *p, struct urb *u, uint64_t now)
{
	if (p->unplugged)
		return ERR_GONE;
	if ((u->ep & 15) == 0) {
		assert(p->controls < 8);
		p->control[p->controls++] = u;
		p->control_ready = now + net_random(&p->seed) % 2000;
		return ERR_OK;
	}
	assert(p->n < PAD_QUEUE);
	if (p->n == 0 && p->ready < now)
		p->ready = now;
	p->urb[p->n++] = u;
	p->most = p->n > p->most ? p->n : p->most;
	return ERR_OK;
}

static void
cancel_control(struct pad *p, struct urb *u)
{
	for (unsigned i = 0; i < p->controls; i++)
		if (p->control[i] == u) {
			take_out(p->control, &p->controls, i);
			done(p, u, -LINUX_ECONNRESET, 0);
			return;
		}
	assert(false);
}

/* The race may be lost: then it has a report, at once or in a moment. */
void
pad_cancel(struct pad *p, struct urb *u, uint64_t now)
{
	unsigned at = 0;

	if ((u->ep & 15) == 0) {
		cancel_control(p, u);
		return;
	}
	while (at < p->n && p->urb[at] != u)
		at++;
	assert(at < p->n);
	if (at == 0 && !p->unplugged && p->until > now && chance(p, 200)) {
		report(p, now);
		return;
	}
	take_out(p->urb, &p->n, at);
	u->status = -LINUX_ECONNRESET;
	u->actual = 0;
	if (chance(p, 300)) {
		p->complete(p->arg, u);
		return;
	}
	p->dying[p->dyings].urb = u;
	p->dying[p->dyings++].at = now + net_random(&p->seed) % 3000;
}

static void
bury(struct pad *p, uint64_t now)
{
	for (unsigned i = 0; i < p->dyings;) {
		struct urb *u = p->dying[i].urb;

		if (p->dying[i].at > now) {
			i++;
			continue;
		}
		p->dying[i] = p->dying[--p->dyings];
		p->complete(p->arg, u);
	}
}

static uint64_t
report_at(const struct pad *p)
{
	if (p->n == 0 || p->unplugged || (p->ready >= p->until && !p->halted))
		return UINT64_MAX;
	return p->ready;
}

void
pad_run(struct pad *p, uint64_t now)
{
	bury(p, now);
	if (p->controls > 0 && p->control_ready <= now && !p->unplugged)
		control(p);
	while (report_at(p) <= now)
		report(p, now);
}

uint64_t
pad_next(const struct pad *p)
{
	uint64_t t = report_at(p);

	if (p->controls > 0 && !p->unplugged && p->control_ready < t)
		t = p->control_ready;
	for (unsigned i = 0; i < p->dyings; i++)
		t = p->dying[i].at < t ? p->dying[i].at : t;
	return t;
}

bool
pad_idle(const struct pad *p)
{
	return p->n == 0 && p->controls == 0 && p->dyings == 0;
}
