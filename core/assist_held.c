/* SPDX-License-Identifier: ISC */
/*
 * Control requests that change an endpoint which is assisted, and those behind them:
 * they wait until nothing of the endpoint is open at the far end.
 */
#include "core/assist_face.h"
#include "core/assist_impl.h"
#include "core/mem.h"
#include "core/usbip.h"

#define HELD_US 4000000u /* the kernel gives up after 5 s */

/* HID 1.11 7.2.6: what comes next has another form. */
static bool
is_set_protocol(const uint8_t setup[8])
{
	return setup[0] == 0x21 && setup[1] == 0x0b;
}

/* Requests of vendors that empty what a serial chip has read. */
static const struct {
	uint8_t type, request, value_most;
	bool by_port; /* wIndex: interface + 1, or 0 if there is one */
	bool by_iface;
} purges[] = {
    {0x40, 0x00, 1, true, false},   /* FTDI: SIO_RESET, PURGE_RX */
    {0x40, 0x01, 9, false, false},  /* Prolific: 8 and 9 reset the pipes */
    {0x41, 0x12, 255, false, true}, /* Silicon Labs: PURGE */
};

/* So many of our endpoints are touched by a control request. */
enum touch { NOT, WAITS, CHANGES };

static enum touch
purge(const uint8_t setup[8], const struct assist_face *f)
{
	for (size_t i = 0; i < ARRAY_LEN(purges); i++) {
		if (purges[i].type != setup[0] || purges[i].request != setup[1] ||
		    setup[2] > purges[i].value_most || setup[3] != 0 ||
		    (purges[i].by_iface && setup[4] != f->iface) ||
		    (purges[i].by_port && setup[4] != 0 && setup[4] != f->iface + 1))
			continue;
		return CHANGES;
	}
	return NOT;
}

/* Of the vendor's and the class's own. */
static enum touch
own(const struct assist_part *p, const uint8_t setup[8], const struct assist_face *f)
{
	if (p->kind == ASSIST_INTERRUPT)
		return is_set_protocol(setup) && f->iface == setup[4] ? CHANGES : NOT;
	return p->way == &assist_ahead && f->cls == 255 ? purge(setup, f) : NOT;
}

static enum touch
change(const struct assist *a, const uint8_t setup[8], const struct assist_part *p)
{
	struct assist_face face;

	switch (desc_job(setup)) {
	case URB_JOB_RESET:
	case URB_JOB_SET_CONFIGURATION:
		return CHANGES;
	case URB_JOB_CLEAR_HALT:
		return setup[4] == p->ep ? CHANGES : NOT;
	case URB_JOB_SET_INTERFACE:
		if (!assist_face_of(&face, a->import, p->ep) || face.iface == setup[4])
			return CHANGES;
		return NOT;
	case URB_JOB_NONE:
		break;
	}
	if (!assist_face_of(&face, a->import, p->ep))
		return is_set_protocol(setup) ? CHANGES : NOT;
	return own(p, setup, &face);
}

/* What the driver thinks is there is there before any request is. */
static enum touch
touched(const struct assist *a, const uint8_t setup[8], const struct assist_part *p)
{
	enum touch t = change(a, setup, p);

	return t == NOT && p->way->lags != NULL && p->way->lags(p->it) ? WAITS : t;
}

static uint32_t
touched_by(const struct assist *a, const uint8_t setup[8], uint32_t *changes)
{
	uint32_t eps = 0;
	struct list *l;

	*changes = 0;
	LIST_EACH (&a->parts, l) {
		struct assist_part *p = CONTAINER_OF(l, struct assist_part, link);
		enum touch t = touched(a, setup, p);

		if (t != NOT)
			eps |= ASSIST_BIT(p->ep);
		if (t == CHANGES)
			*changes |= ASSIST_BIT(p->ep);
	}
	return eps;
}

/* USB Mass Storage Bulk-Only Transport 1.0, 3.1 */
static bool
is_bot_reset(const uint8_t setup[8])
{
	return setup[0] == 0x21 && setup[1] == 0xff;
}

static bool
changes_unit(const struct unit *b, const uint8_t setup[8])
{
	enum urb_job job = desc_job(setup);

	if (job == URB_JOB_RESET || job == URB_JOB_SET_CONFIGURATION)
		return true;
	if (job == URB_JOB_CLEAR_HALT)
		return unit_has(b, setup[4]);
	return (job == URB_JOB_SET_INTERFACE || is_bot_reset(setup)) &&
	       setup[4] == unit_iface(b);
}

static uint8_t
units_changed_by(const struct assist *a, const uint8_t setup[8])
{
	uint8_t units = 0;

	for (unsigned i = 0; i < ASSIST_UNITS; i++)
		if (a->unit[i] != NULL && changes_unit(a->unit[i], setup))
			units |= (uint8_t)(1u << i);
	return units;
}

/* They stay as long as they are barred. */
static struct assist_part *
next_barred(const struct assist *a, uint32_t eps, struct list **l)
{
	while (*l != &a->parts) {
		struct assist_part *p = CONTAINER_OF(*l, struct assist_part, link);

		*l = (*l)->next;
		if (eps & ASSIST_BIT(p->ep))
			return p;
	}
	return NULL;
}

static bool
is_unit_quiet(struct unit *u, bool late)
{
	if (late && !unit_quiet(u))
		unit_cut(u);
	return unit_quiet(u);
}

static bool
is_quiet(const struct assist *a, const struct assist_held *h)
{
	bool late = assist_now(a) - h->since >= HELD_US;
	struct list *l = a->parts.next;
	struct assist_part *p;

	while ((p = next_barred(a, h->eps, &l)) != NULL)
		if (!p->way->quiet(p->it) && !(late && (p->ep & 0x80) == 0))
			return false;
	for (unsigned i = 0; i < ASSIST_UNITS; i++)
		if ((h->units & 1u << i) && !is_unit_quiet(a->unit[i], late))
			return false;
	return true;
}

static size_t
out_len(const struct import_request *q)
{
	return (q->ep & 0x80) == 0 && q->data != NULL ? q->len : 0;
}

static int
hold(struct assist *a, const struct import_request *q, uint32_t eps, uint32_t changes,
     uint8_t units, uint64_t *tag)
{
	struct list *l = a->parts.next;
	struct assist_part *p;
	size_t n = out_len(q);
	struct assist_held *h = pool_get(a->pool, sizeof(*h) + n);

	if (h == NULL)
		return ERR_NOMEM;
	memset(h, 0, sizeof(*h));
	h->tag = *tag = a->next_tag++ | ASSIST_TAG;
	h->since = assist_now(a);
	h->eps = eps;
	h->changes = changes;
	h->units = units;
	h->anew = desc_job(q->setup) != URB_JOB_CLEAR_HALT;
	h->req = *q;
	h->req.data = NULL;
	if (n > 0)
		h->req.data = memcpy(h->data, q->data, n);
	list_add(&a->held, &h->link);
	while ((p = next_barred(a, eps, &l)) != NULL)
		p->way->bar(p->it);
	for (unsigned i = 0; i < ASSIST_UNITS; i++)
		if (units & 1u << i)
			unit_bar(a->unit[i]);
	return ERR_OK;
}

static void
put(struct assist *a, struct assist_held *h)
{
	pool_put(a->pool, h, sizeof(*h) + out_len(&h->req));
}

void
assist_held_end(struct assist *a, struct assist_held *h, bool changed)
{
	enum urb_job job = desc_job(h->req.setup);
	struct list *l = a->parts.next;
	struct assist_part *p;

	list_del(&h->link);
	while ((p = next_barred(a, h->eps, &l)) != NULL)
		p->way->unbar(p->it, changed && (h->changes & ASSIST_BIT(p->ep)) != 0);
	for (unsigned i = 0; i < ASSIST_UNITS; i++) {
		if ((h->units & 1u << i) == 0)
			continue;
		if (changed &&
		    (job == URB_JOB_SET_CONFIGURATION || job == URB_JOB_SET_INTERFACE))
			unit_untell(a->unit[i]);
		unit_unbar(a->unit[i], changed && h->anew);
	}
	put(a, h);
}

static void
fail(struct assist *a, struct assist_held *h, int32_t status)
{
	const struct import_reply reply = {.status = status,
					   .unlinked = status == -LINUX_ECONNRESET};
	uint8_t ep = h->req.ep;
	uint64_t tag = h->tag;

	assist_held_end(a, h, false);
	assist_answer(a, ep, tag, &reply, NULL);
}

static struct assist_held *
first_unsent(const struct assist *a)
{
	struct list *l;

	LIST_EACH (&a->held, l) {
		struct assist_held *h = CONTAINER_OF(l, struct assist_held, link);

		if (!h->sent)
			return h;
	}
	return NULL;
}

void
assist_held_go_on(struct assist *a)
{
	struct assist_held *h;
	int err;

	while ((h = first_unsent(a)) != NULL && h->named && is_quiet(a, h)) {
		h->sent = true;
		err = a->ops->submit(a->arg, &h->req, &h->far);
		if (err != ERR_OK)
			fail(a, h, err == ERR_NOMEM ? -LINUX_ENOMEM : -LINUX_ESHUTDOWN);
	}
}

/* Whether it may change an endpoint, also one that is not assisted yet. */
static bool
is_changing(const uint8_t setup[8])
{
	bool purges_some = false;

	for (size_t i = 0; i < ARRAY_LEN(purges); i++)
		purges_some |=
		    purges[i].type == setup[0] && purges[i].request == setup[1];
	return purges_some || desc_job(setup) != URB_JOB_NONE || is_set_protocol(setup);
}

void
assist_held_meet(struct assist *a, struct assist_part *p)
{
	struct list *l;

	LIST_EACH (&a->held, l) {
		struct assist_held *h = CONTAINER_OF(l, struct assist_held, link);

		if (change(a, h->req.setup, p) != CHANGES)
			continue;
		h->eps |= ASSIST_BIT(p->ep);
		h->changes |= ASSIST_BIT(p->ep);
		p->way->bar(p->it);
	}
}

int
assist_control(struct assist *a, const struct import_request *q, uint64_t *tag)
{
	uint32_t changes, eps = touched_by(a, q->setup, &changes);

	uint8_t units = units_changed_by(a, q->setup);

	if (eps == 0 && units == 0 && first_unsent(a) == NULL && !is_changing(q->setup))
		return a->ops->submit(a->arg, q, tag);
	return hold(a, q, eps, changes, units, tag);
}

uint64_t
assist_held_until(const struct assist *a)
{
	const struct assist_held *h = first_unsent(a);

	if (h == NULL || assist_now(a) - h->since >= HELD_US)
		return UINT64_MAX; /* what is open ends, or nothing is to be done */
	return h->since + HELD_US;
}

struct assist_held *
assist_held_find(const struct assist *a, uint64_t tag, bool far)
{
	struct list *l;

	LIST_EACH (&a->held, l) {
		struct assist_held *h = CONTAINER_OF(l, struct assist_held, link);

		if (far ? h->sent && h->far == tag : h->tag == tag)
			return h;
	}
	return NULL;
}

int
assist_held_unlink(struct assist *a, struct assist_held *h)
{
	if (h->sent)
		return a->ops->unlink(a->arg, h->req.ep, h->far);
	fail(a, h, -LINUX_ECONNRESET);
	return ERR_OK;
}

void
assist_held_free(struct assist *a)
{
	while (!list_empty(&a->held)) {
		struct assist_held *h =
		    CONTAINER_OF(a->held.next, struct assist_held, link);

		list_del(&h->link);
		put(a, h);
	}
}
