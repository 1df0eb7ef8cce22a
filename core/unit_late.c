/* SPDX-License-Identifier: ISC */
/*
 * Urbs of the driver that wait until the disk has done what is written behind its back,
 * or read: in their order, as if they were submitted then.
 */
#include "core/mem.h"
#include "core/unit_impl.h"
#include "core/usbip.h"

struct unit_late {
	struct list link; /* in unit.late */
	uint64_t ours;
	struct import_request q;
	uint8_t data[]; /* OUT */
};

static size_t
size_of(const struct unit *u, const struct import_request *q)
{
	return sizeof(struct unit_late) + (q->ep == u->out ? (size_t)q->len : 0);
}

static struct unit_late *
first(const struct unit *u)
{
	return list_empty(&u->late) ? NULL
				    : CONTAINER_OF(u->late.next, struct unit_late, link);
}

static void
put(struct unit *u, struct unit_late *w)
{
	pool_put(u->pool, w, size_of(u, &w->q));
}

void
unit_late_free(struct unit *u)
{
	struct unit_late *w;

	while ((w = first(u)) != NULL) {
		list_del(&w->link);
		put(u, w);
	}
}

bool
unit_must_wait(struct unit *u, const struct import_request *q)
{
	bool writes = u->use == UNIT_WRITES;

	if (!unit_is_command(u, q) || u->bars > 0)
		return writes;
	if (unit_caches(u, q->data))
		return false;
	if (!writes && unit_relays(u, q->data) && !unit_idle(u)) {
		unit_drop(u);
		return true;
	}
	return u->use != UNIT_READS;
}

int
unit_wait(struct unit *u, const struct import_request *q, uint64_t ours)
{
	struct unit_late *w = pool_get(u->pool, size_of(u, q));

	if (w == NULL)
		return ERR_NOMEM;
	memset(w, 0, sizeof(*w));
	w->ours = ours;
	w->q = *q;
	w->q.data = NULL;
	if (q->ep == u->out && q->len > 0)
		w->q.data = memcpy(w->data, q->data, q->len);
	list_add(&u->late, &w->link);
	return ERR_OK;
}

static void
release(struct unit *u, struct unit_late *w)
{
	const struct import_reply no = {.status = -LINUX_ENOMEM};
	uint64_t tag;
	int err;

	list_del(&w->link);
	err = unit_take(u, &w->q, w->ours, true, &tag);
	unit_own_name(u);
	if (err != ERR_OK)
		u->ops->answer(u->arg, w->q.ep, w->ours, &no, NULL);
	put(u, w);
}

/* A command that is answered here comes to its end before there is another. */
static bool
is_turn_of(struct unit *u, const struct unit_late *w)
{
	if (u->own.on)
		return u->own.have || !unit_is_command(u, &w->q);
	return !unit_must_wait(u, &w->q);
}

void
unit_late_go_on(struct unit *u)
{
	struct unit_late *w;

	while ((w = first(u)) != NULL && is_turn_of(u, w)) {
		release(u, w);
		unit_own_go_on(u);
	}
}

bool
unit_late_unlink(struct unit *u, uint8_t ep, uint64_t tag)
{
	const struct import_reply back = {.status = -LINUX_ECONNRESET, .unlinked = true};
	struct list *l;

	LIST_EACH (&u->late, l) {
		struct unit_late *w = CONTAINER_OF(l, struct unit_late, link);

		if (w->q.ep != ep || w->ours != tag)
			continue;
		list_del(&w->link);
		put(u, w);
		u->ops->answer(u->arg, ep, tag, &back, NULL);
		return true;
	}
	return false;
}
