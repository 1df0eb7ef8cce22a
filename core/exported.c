/* SPDX-License-Identifier: ISC */
/*
 * Devices of one session, from being asked for until their last urb is back.
 */
#include "core/exported_impl.h"
#include "core/mem.h"
#include "core/session.h"

static int
on_submit(void *dev, struct urb *u)
{
	struct exported *x = dev;

	return x->of->ops->submit(x->device, u);
}

static void
on_cancel(void *dev, struct urb *u)
{
	struct exported *x = dev;

	x->of->ops->cancel(x->device, u);
}

/* Export engine: the last urb has come back. */
static void
on_ended(void *door)
{
	struct exported *x = door;
	struct exported_set *set = x->of;
	void *device = x->device;

	exported_forget(x);
	set->ops->close(set->arg, device);
}

static const struct export_ops engine_ops = {on_submit, on_cancel, exported_reply,
					     on_ended};

struct exported *
exported_new(struct exported_set *set, uint32_t dev)
{
	struct exported *x;

	if (set->count == EXPORTS_DEVS || (x = pool_zget(set->pool, sizeof(*x))) == NULL)
		return NULL;
	x->of = set;
	x->dev = dev;
	after_init(&x->after, set->pool);
	list_add(&set->devs, &x->link);
	set->count++;
	return x;
}

struct exported *
exported_find(const struct exported_set *set, uint32_t dev)
{
	struct list *l;

	LIST_EACH (&set->devs, l) {
		struct exported *x = CONTAINER_OF(l, struct exported, link);

		if (x->dev == dev)
			return x;
	}
	return NULL;
}

int
exported_start(struct exported *x, const struct exports_device *d)
{
	struct export_conf conf = {.urb_max = x->of->conf.urb_max,
				   .raw = d->raw,
				   .raw_len = d->raw_len,
				   .config = d->info->config};
	int err = export_new(&x->ex, x->of->conf.urbs, &conf, &engine_ops, x, x);

	if (err != ERR_OK)
		return err;
	x->device = d->device;
	x->state = EXPORTED_LIVE;
	return ERR_OK;
}

static void
add_stats(struct export_stats *sum, const struct exported *x)
{
	struct export_stats s;

	if (x->ex == NULL)
		return;
	export_stats(x->ex, &s);
	sum->urbs += s.urbs;
	sum->failed += s.failed;
	sum->unlinked += s.unlinked;
	sum->bytes_in += s.bytes_in;
	sum->bytes_out += s.bytes_out;
	sum->inflight += s.inflight;
}

void
exported_forget(struct exported *x)
{
	struct exported_set *set = x->of;

	ASSERT(x->promised == 0);
	add_stats(&set->past, x);
	pack_add(&set->packed, &x->pack);
	after_fini(&x->after);
	export_free(x->ex);
	list_del(&x->link);
	set->count--;
	pool_put(set->pool, x, sizeof(*x));
}

void
exported_leave(struct exported *x)
{
	bool live = x->state == EXPORTED_LIVE;

	if (x->state == EXPORTED_LEAVING)
		return;
	x->state = EXPORTED_LEAVING;
	exported_kept(x, x->promised);
	after_fini(&x->after);
	for (uint32_t i = 0; i < 32; i++)
		session_close(x->of->session, x->dev << 5 | i);
	if (live)
		export_end(x->ex);
	else if (x->of->ops->forgo != NULL)
		x->of->ops->forgo(x->of->arg, x->dev);
}

/* One that the peer still has, or NULL. */
static struct exported *
staying(const struct exported_set *set)
{
	struct list *l;

	LIST_EACH (&set->devs, l) {
		struct exported *x = CONTAINER_OF(l, struct exported, link);

		if (x->state != EXPORTED_LEAVING)
			return x;
	}
	return NULL;
}

void
exported_leave_all(struct exported_set *set)
{
	struct exported *x;

	while ((x = staying(set)) != NULL) /* close() may take others away */
		exported_leave(x);
}

void
exported_stats(const struct exported_set *set, struct export_stats *sum)
{
	struct list *l;

	*sum = set->past;
	LIST_EACH (&set->devs, l) {
		add_stats(sum, CONTAINER_OF(l, struct exported, link));
	}
}

void
exported_packed(const struct exported_set *set, struct pack_stats *sum)
{
	struct list *l;

	*sum = set->packed;
	sum->on = false;
	LIST_EACH (&set->devs, l) {
		pack_add(sum, &CONTAINER_OF(l, struct exported, link)->pack);
	}
}
