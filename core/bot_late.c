/* SPDX-License-Identifier: ISC */
/*
 * Urbs that cannot be sent yet, and those that were sent later than their driver thinks.
 */
#include "core/bot_impl.h"
#include "core/mem.h"
#include "core/usbip.h"

void
bot_late_free(struct bot *b, struct bot_late *w)
{
	list_del(&w->link);
	pool_put(b->pool, w, sizeof(*w) + (w->q.ep == b->out ? (size_t)w->q.len : 0));
}

/* A status that nobody asks for would take what is the next command's. */
bool
bot_has_to_wait(const struct bot *b, uint8_t ep)
{
	return b->csw.open && !b->csw.asked && (ep == b->out || b->csw.cancelled);
}

int
bot_wait(struct bot *b, const struct import_request *q, uint64_t ours, uint64_t *tag)
{
	size_t n = q->ep == b->out ? q->len : 0;
	struct bot_late *w = pool_get(b->pool, sizeof(*w) + n);

	if (w == NULL)
		return ERR_NOMEM;
	memset(w, 0, sizeof(*w));
	w->q = *q;
	w->q.data = NULL;
	if (n > 0)
		w->q.data = memcpy(w->data, q->data, n);
	w->ours = *tag = ours;
	list_add(&b->waiting, &w->link);
	bot_csw_cancel(b);
	return ERR_OK;
}

void
bot_pay_due(struct bot *b)
{
	if (!b->due)
		return;
	b->due = false;
	b->ops->answer(b->arg, b->due_ep, b->due_tag, &b->due_reply, NULL);
}

/* Its turn has come: as if the driver submitted it now. */
void
bot_release(struct bot *b, struct bot_late *w)
{
	const struct import_reply no[2] = {{.status = -LINUX_ENOMEM},
					   {.status = -LINUX_ESHUTDOWN}};
	uint64_t ours = w->ours, tag = 0;
	uint8_t ep = w->q.ep;
	int err;

	list_del(&w->link);
	err = bot_take(b, &w->q, ours, &tag);
	if (err == ERR_OK && tag != ours) {
		w->far = tag;
		list_add(&b->renamed, &w->link);
		return;
	}
	bot_late_free(b, w);
	if (err != ERR_OK)
		b->ops->answer(b->arg, ep, ours, &no[err != ERR_NOMEM], NULL);
	else if (b->csw.asked && b->csw.tag == ours)
		b->csw.named = true;
	bot_pay_due(b);
}

struct bot_late *
bot_late_find(const struct list *of, uint8_t ep, uint64_t tag, bool far)
{
	struct list *l;

	LIST_EACH (of, l) {
		struct bot_late *w = CONTAINER_OF(l, struct bot_late, link);

		if (w->q.ep == ep && (far ? w->far : w->ours) == tag)
			return w;
	}
	return NULL;
}

bool
bot_unlink_late(struct bot *b, uint8_t ep, uint64_t tag)
{
	const struct import_reply back = {.status = -LINUX_ECONNRESET, .unlinked = true};
	struct bot_late *w = bot_late_find(&b->waiting, ep, tag, false);

	if (w != NULL) {
		bot_late_free(b, w);
		b->ops->answer(b->arg, ep, tag, &back, NULL);
		return true;
	}
	if ((w = bot_late_find(&b->renamed, ep, tag, false)) != NULL)
		(void)b->ops->unlink(b->arg, ep, w->far);
	return w != NULL;
}
