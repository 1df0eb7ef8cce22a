/* SPDX-License-Identifier: ISC */
/*
 * What the far end answers.
 */
#include "core/bot_impl.h"
#include "core/mem.h"
#include "core/usbip.h"

static int
find_early(struct bot *b, uint64_t tag, const struct import_reply *reply)
{
	struct list *l;

	LIST_EACH (&b->early, l) {
		struct bot_early *e = CONTAINER_OF(l, struct bot_early, link);

		if (e->far != tag)
			continue;
		if (reply->actual > e->len || reply->packets > 0 ||
		    (reply->unlinked && (!e->cancelled || reply->actual > 0)))
			return ERR_PROTO;
		b->ending = e;
		return ERR_OK;
	}
	return ERR_NODEV;
}

static int
is_csws(struct bot *b, const struct import_reply *reply, uint8_t **data)
{
	if (reply->actual > b->csw.room || reply->packets > 0 ||
	    (reply->unlinked && (!b->csw.cancelled || reply->actual > 0)))
		return ERR_PROTO;
	b->csw_ending = true;
	if (reply->actual > 0)
		*data = b->csw.data;
	return ERR_OK;
}

/* Data of the driver's: the engine answers it. */
static void
find_read(struct bot *b, uint64_t tag, struct import_reply *reply)
{
	for (unsigned i = 0; i < b->n; i++)
		if (b->reads[i] == tag)
			b->read_ending = i;
	if (b->read_ending < BOT_READS && b->killed && reply->unlinked) {
		reply->unlinked = false;
		reply->status = -LINUX_EPROTO;
	}
}

int
bot_reply(struct bot *b, uint8_t ep, uint64_t *name, struct import_reply *reply,
	  uint8_t **data)
{
	uint64_t tag = *name;

	*data = NULL;
	b->late_ending = NULL;
	b->ending = NULL;
	b->csw_ending = b->mend_ending = false;
	b->read_ending = BOT_READS;
	b->reply = *reply;
	if ((b->late_ending = bot_late_find(&b->renamed, ep, tag, true)) != NULL)
		*name = b->late_ending->ours;
	else if (ep == b->out)
		return find_early(b, tag, reply);
	if (ep == b->in && b->csw.open && tag == b->csw.far)
		return is_csws(b, reply, data);
	if (ep == b->in)
		find_read(b, tag, reply);
	else if ((ep & 15) == 0 && b->mending && tag == b->mend)
		b->mend_ending = true;
	if (b->mend_ending)
		return reply->actual > 0 || reply->packets > 0 || reply->unlinked
			   ? ERR_PROTO
			   : ERR_OK;
	return ERR_NODEV;
}

static void
early_ended(struct bot *b)
{
	struct bot_early *e = b->ending;
	const struct import_reply *r = &b->reply;
	bool well = r->status == 0 && r->actual == e->len;

	if (!well && e->cancelled) {
		b->cut = true;
	} else if (!well && !e->cbw && r->status == -LINUX_EPIPE) {
		b->stalled = true;
		b->missing += e->len - r->actual;
	} else if (!well) {
		bot_fail(b);
	}
	bot_early_free(b, e);
}

static void
csw_ended(struct bot *b)
{
	b->csw.open = false;
	b->csw.status = b->reply.status;
	b->csw.actual = b->reply.actual;
	b->csw.here = !b->csw.cancelled || b->reply.actual > 0;
	if (b->csw.cancelled && b->csw.here)
		b->csw.status = 0;
}

static void
read_ended(struct bot *b)
{
	b->n--;
	memmove(b->reads + b->read_ending, b->reads + b->read_ending + 1,
		(b->n - b->read_ending) * sizeof(b->reads[0]));
	b->killed = b->killed && b->n > 0;
}

void
bot_reply_end(struct bot *b)
{
	if (b->ending != NULL)
		early_ended(b);
	else if (b->csw_ending)
		csw_ended(b);
	else if (b->mend_ending)
		b->mending = false;
	else if (b->read_ending < BOT_READS)
		read_ended(b);
	if (b->mend_ending && b->reply.status != 0)
		bot_fail(b);
	if (b->late_ending != NULL)
		bot_late_free(b, b->late_ending);
	b->ending = NULL;
	b->late_ending = NULL;
	b->csw_ending = b->mend_ending = false;
	b->read_ending = BOT_READS;
	bot_go_on(b);
}

void
bot_saw(struct bot *b, uint8_t *data, uint32_t n)
{
	if (bot_is_csw(b, data, n))
		bot_csw_mend(b, data);
}
