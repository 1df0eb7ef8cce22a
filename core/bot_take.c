/* SPDX-License-Identifier: ISC */
/*
 * What the driver sends and asks for, and what each of them is of its command.
 */
#include "core/bot_impl.h"
#include "core/mem.h"
#include "core/usbip.h"

#define CBW_SIG 0x43425355u /* "USBC" */

bool
bot_is_cbw(const uint8_t *p, uint32_t n)
{
	return n == BOT_CBW_LEN && bot_le32(p) == CBW_SIG && (p[12] & 0x7f) == 0 &&
	       p[13] < 16 && p[14] > 0 && p[14] <= 16;
}

/* SBC-3 table 35, and what came before it: WRITE, WRITE AND VERIFY, WRITE SAME */
static bool
is_write(uint8_t op)
{
	static const uint8_t ops[] = {0x0a, 0x2a, 0x2e, 0x41, 0x8a,
				      0x8e, 0x93, 0xaa, 0xae};

	for (size_t i = 0; i < sizeof(ops); i++)
		if (ops[i] == op)
			return true;
	return false;
}

static enum bot_step
sent(struct bot *b, const struct import_request *q)
{
	bool cbw = bot_is_cbw(q->data, q->len);

	if (cbw && (b->place == BOT_READY || b->place == BOT_LOST)) {
		memcpy(b->tag, q->data + 4, 4);
		b->writes = is_write(q->data[15]);
		b->left = bot_le32(q->data + 8);
		b->missing = 0;
		b->failed = false;
		if (b->left == 0)
			return BOT_CBW_NONE;
		return q->data[12] & 0x80 ? BOT_CBW_IN : BOT_CBW_OUT;
	}
	if (b->place != BOT_OUT || q->len > b->left)
		return BOT_OTHER;
	b->left -= q->len;
	return b->left == 0 ? BOT_LAST_OUT : BOT_DATA_OUT;
}

static int
submit_early(struct bot *b, const struct import_request *q, bool cbw, uint64_t ours,
	     uint64_t *tag)
{
	struct bot_early *e = pool_zget(b->pool, sizeof(*e));
	int err;

	if (e == NULL)
		return b->ops->submit(b->arg, q, tag);
	if ((err = b->ops->submit(b->arg, q, &e->far)) != ERR_OK) {
		pool_put(b->pool, e, sizeof(*e));
		return err;
	}
	e->len = q->len;
	e->cbw = cbw;
	list_add(&b->early, &e->link);
	b->earlies++;
	b->due = true;
	b->due_ep = b->out;
	b->due_tag = *tag = ours;
	b->due_reply = (struct import_reply){.actual = q->len};
	b->stats->saved++;
	return ERR_OK;
}

/* The device does not take any more: the status will say so. */
static void
swallow(struct bot *b, const struct import_request *q, uint64_t ours, uint64_t *tag)
{
	b->missing += q->len;
	b->due = true;
	b->due_ep = b->out;
	b->due_tag = *tag = ours;
	b->due_reply = (struct import_reply){.actual = q->len};
}

static int
take_out(struct bot *b, const struct import_request *q, uint64_t ours, uint64_t *tag)
{
	enum bot_step step = sent(b, q);
	int err;

	if (!bot_step(b, step) || b->bars > 0 || b->earlies == BOT_EARLY)
		return b->ops->submit(b->arg, q, tag);
	if (b->stalled || b->mending) {
		swallow(b, q, ours, tag);
		return ERR_OK;
	}
	err = submit_early(b, q, step < BOT_DATA_OUT, ours, tag);
	if (err != ERR_OK)
		(void)bot_step(
		    b, BOT_OTHER); /* the driver is told, and will do something else */
	return err;
}

/* --- what it asks for --- */

static enum bot_step
asked(struct bot *b, const struct import_request *q)
{
	if (b->place != BOT_IN)
		return b->csw.asked || b->bars > 0 || q->len > BOT_CSW_ROOM ? BOT_OTHER
									    : BOT_ASK;
	if (q->len > b->left || q->len == 0 || b->n == BOT_READS)
		return BOT_OTHER;
	b->left -= q->len;
	return b->left == 0 ? BOT_LAST_IN : BOT_DATA_IN;
}

static int
read_data(struct bot *b, const struct import_request *q, bool last, uint64_t *tag)
{
	struct import_request r = *q;
	int err = bot_read(b, &r, tag);

	if (err != ERR_OK) {
		(void)bot_step(b, BOT_OTHER);
		return err;
	}
	b->reads[b->n++] = *tag;
	if (last && b->bars == 0 && bot_csw_ask(b, BOT_CSW_LEN, true) != ERR_OK)
		b->csw.open = false; /* then when it is asked for */
	return ERR_OK;
}

/* The one that was asked for before, or is now. */
static int
read_csw(struct bot *b, const struct import_request *q, uint64_t ours, uint64_t *tag)
{
	int err = ERR_OK;

	if (!b->csw.open && !b->csw.here)
		err = bot_csw_ask(b, q->len, false);
	if (err != ERR_OK)
		return err;
	b->csw.asked = true;
	b->csw.named = b->csw.leaving = false;
	b->csw.tag = *tag = ours;
	b->csw.q = *q;
	return ERR_OK;
}

static int
take_in(struct bot *b, const struct import_request *q, uint64_t ours, uint64_t *tag)
{
	struct import_request r = *q;
	enum bot_step step = asked(b, q);
	bool waits = (b->csw.open || b->csw.here) && !b->csw.asked;

	b->model = *q;
	if (bot_step(b, step))
		return step == BOT_ASK ? read_csw(b, q, ours, tag)
				       : read_data(b, q, step == BOT_LAST_IN, tag);
	return waits ? read_csw(b, q, ours, tag) : bot_read(b, &r, tag);
}

int
bot_take(struct bot *b, const struct import_request *q, uint64_t ours, uint64_t *tag)
{
	if (b->owed && !b->csw.asked) {
		b->owed = false;
		b->due = true;
		b->due_ep = q->ep;
		b->due_tag = *tag = ours;
		b->due_reply = (struct import_reply){.status = -LINUX_EPROTO};
		return ERR_OK;
	}
	return q->ep == b->out ? take_out(b, q, ours, tag) : take_in(b, q, ours, tag);
}
