/* SPDX-License-Identifier: ISC */
/*
 * One queue for data, one for control requests. SET_LINE_CODING has, in its value, the
 * low bits of how many urbs the driver thinks are there.
 */
#include <assert.h>
#include <string.h>

#include "core/err.h"
#include "core/usbip.h"
#include "test/sim/net.h"
#include "test/sim/port.h"

#define FULL_SPEED 1000000u /* bytes a second that the bus carries */

void
port_init(struct port *p, uint64_t seed, void (*complete)(void *arg, struct urb *),
	  void *arg)
{
	memset(p, 0, sizeof(*p));
	p->seed = seed;
	p->complete = complete;
	p->arg = arg;
}

static bool
chance(struct port *p, uint32_t thousandths)
{
	return net_random(&p->seed) % 1000 < thousandths;
}

bool
port_takes(const struct urb *u)
{
	if ((u->ep & 15) != 0)
		return u->ep == PORT_OUT;
	if (u->job == URB_JOB_CLEAR_HALT)
		return u->setup[4] == PORT_OUT;
	return u->setup[0] == 0x21 && u->setup[1] == 0x20 && u->setup[4] == PORT_CTL;
}

static void
take_out(struct urb **urb, unsigned *n, unsigned i)
{
	memmove(&urb[i], &urb[i + 1], (*n - i - 1) * sizeof(urb[0]));
	(*n)--;
}

static void
done(struct port *p, struct urb *u, int32_t status, uint32_t actual)
{
	u->status = status;
	u->actual = actual;
	p->complete(p->arg, u);
}

static uint32_t
le32(const uint8_t *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void
wrong(struct port *p, const char *what)
{
	if (p->wrong == NULL)
		p->wrong = what;
}

static uint64_t
duration(const struct port *p, const struct urb *u)
{
	return u->len * 1000000ull / (p->rate != 0 ? p->rate : FULL_SPEED) + 1;
}

/* The number is right, and so is all that follows it. */
static uint32_t
read_number(struct port *p, const struct urb *u)
{
	uint32_t k = le32(u->buf);

	if (k < p->next)
		wrong(p, "an urb came twice, or out of order");
	if (k >= PORT_URBS) {
		wrong(p, "an urb that nobody sent");
		k = 0;
	}
	for (uint32_t i = 4; i < u->len; i++)
		if (u->buf[i] != (uint8_t)(k + i))
			wrong(p, "an urb was changed on its way");
	p->next = k + 1;
	return k;
}

static void
take(struct port *p, uint64_t now)
{
	struct urb *u = p->urb[0];
	uint32_t k = read_number(p, u);

	take_out(p->urb, &p->n, 0);
	if (!p->halted && chance(p, p->stalls))
		p->halted = true;
	if (p->halted || chance(p, p->noise)) {
		p->failed[k] = p->halted ? -LINUX_EPIPE : -LINUX_EPROTO;
		p->ready = now + 10;
		done(p, u, p->failed[k], 0);
		return;
	}
	p->had[k] = true;
	p->bytes += u->len;
	if (p->n > 0)
		p->ready += duration(p, p->urb[0]);
	done(p, u, 0, u->len);
}

static void
control(struct port *p)
{
	struct urb *u = p->control[0];

	take_out(p->control, &p->controls, 0);
	if (u->job == URB_JOB_CLEAR_HALT)
		p->halted = false;
	else if ((int16_t)(uint16_t)(p->next - (u->setup[2] | u->setup[3] << 8)) < 0)
		wrong(p, "a request overtook what was sent before it");
	done(p, u, 0, u->len);
}

int
port_submit(struct port *p, struct urb *u, uint64_t now)
{
	if (p->unplugged)
		return ERR_GONE;
	if ((u->ep & 15) == 0) {
		assert(p->controls < 8);
		p->control[p->controls++] = u;
		p->control_ready = now + net_random(&p->seed) % 2000;
		return ERR_OK;
	}
	assert(p->n < PORT_QUEUE && u->len >= 4);
	if (p->n == 0)
		p->ready = now + duration(p, u);
	p->urb[p->n++] = u;
	p->most = p->n > p->most ? p->n : p->most;
	return ERR_OK;
}

void
port_cancel(struct port *p, struct urb *u, uint64_t now)
{
	bool is_control = (u->ep & 15) == 0;
	struct urb **urb = is_control ? p->control : p->urb;
	unsigned *n = is_control ? &p->controls : &p->n, i = 0;

	while (i < *n && urb[i] != u)
		i++;
	assert(i < *n);
	if (!is_control && i == 0 && !p->unplugged && chance(p, 300)) {
		take(p, now); /* it was too late */
		return;
	}
	take_out(urb, n, i);
	done(p, u, -LINUX_ECONNRESET, 0);
}

void
port_run(struct port *p, uint64_t now)
{
	if (p->unplugged)
		return;
	if (p->controls > 0 && p->control_ready <= now)
		control(p);
	while (p->n > 0 && p->ready <= now)
		take(p, now);
}

uint64_t
port_next(const struct port *p)
{
	uint64_t t = p->n > 0 && !p->unplugged ? p->ready : UINT64_MAX;

	if (p->controls > 0 && !p->unplugged && p->control_ready < t)
		t = p->control_ready;
	return t;
}

bool
port_idle(const struct port *p)
{
	return p->n == 0 && p->controls == 0;
}
