/* SPDX-License-Identifier: ISC */
/*
 * Control requests that change an endpoint which is assisted, and those behind them:
 * they wait until nothing of the endpoint is open at the far end.
 */
#include "core/assist_face.h"
#include "core/assist_impl.h"
#include "core/mem.h"
#include "core/usbip.h"

/* HID 1.11 7.2.6: what comes next has another form. */
static bool
is_set_protocol(const uint8_t setup[8])
{
	return setup[0] == 0x21 && setup[1] == 0x0b;
}

/* Whether the request changes what comes from the endpoint. */
static bool
changes(const struct assist *a, const uint8_t setup[8], uint8_t ep)
{
	struct assist_face face;

	switch (desc_job(setup)) {
	case URB_JOB_RESET:
	case URB_JOB_SET_CONFIGURATION:
		return true;
	case URB_JOB_CLEAR_HALT:
		return setup[4] == ep;
	case URB_JOB_SET_INTERFACE:
		break;
	case URB_JOB_NONE:
		if (!is_set_protocol(setup))
			return false;
		break;
	}
	return !assist_face_of(&face, a->import, ep) || face.iface == setup[4];
}

static uint16_t
changed_by(const struct assist *a, const uint8_t setup[8])
{
	uint16_t eps = 0;
	struct list *l;

	LIST_EACH (&a->parts, l) {
		uint8_t ep = ahead_ep(CONTAINER_OF(l, struct assist_part, link)->ahead);

		if (changes(a, setup, ep))
			eps |= (uint16_t)(1u << (ep & 15));
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

static struct ahead *
barred(const struct assist *a, unsigned n)
{
	return assist_find(a, (uint8_t)(0x80 | n))->ahead;
}

static bool
is_quiet(const struct assist *a, const struct assist_held *h)
{
	for (unsigned i = 0; i < 16; i++)
		if ((h->eps & 1u << i) && !ahead_quiet(barred(a, i)))
			return false;
	for (unsigned i = 0; i < ASSIST_UNITS; i++)
		if ((h->units & 1u << i) && !unit_quiet(a->unit[i]))
			return false;
	return true;
}

static size_t
out_len(const struct import_request *q)
{
	return (q->ep & 0x80) == 0 && q->data != NULL ? q->len : 0;
}

static int
hold(struct assist *a, const struct import_request *q, uint16_t eps, uint8_t units,
     uint64_t *tag)
{
	size_t n = out_len(q);
	struct assist_held *h = pool_get(a->pool, sizeof(*h) + n);

	if (h == NULL)
		return ERR_NOMEM;
	memset(h, 0, sizeof(*h));
	h->tag = *tag = a->next_tag++ | ASSIST_TAG;
	h->eps = eps;
	h->units = units;
	h->anew = desc_job(q->setup) != URB_JOB_CLEAR_HALT;
	h->req = *q;
	h->req.data = NULL;
	if (n > 0)
		h->req.data = memcpy(h->data, q->data, n);
	list_add(&a->held, &h->link);
	for (unsigned i = 0; i < 16; i++)
		if (eps & 1u << i)
			ahead_bar(barred(a, i));
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
	list_del(&h->link);
	for (unsigned i = 0; i < 16; i++)
		if (h->eps & 1u << i)
			ahead_unbar(barred(a, i), changed);
	for (unsigned i = 0; i < ASSIST_UNITS; i++)
		if (h->units & 1u << i)
			unit_unbar(a->unit[i], changed && h->anew);
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

int
assist_control(struct assist *a, const struct import_request *q, uint64_t *tag)
{
	uint16_t eps = changed_by(a, q->setup);

	uint8_t units = units_changed_by(a, q->setup);

	if (eps == 0 && units == 0 && first_unsent(a) == NULL)
		return a->ops->submit(a->arg, q, tag);
	return hold(a, q, eps, units, tag);
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
