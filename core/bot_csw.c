/* SPDX-License-Identifier: ISC */
/*
 * The status of a command: asked for before its driver does, kept until it does, and
 * given when all that was sent of the command has its end.
 */
#include "core/bot_impl.h"
#include "core/mem.h"
#include "core/usbip.h"

#define CSW_SIG 0x53425355u /* "USBS" */

static void
put32(uint8_t *p, uint32_t v)
{
	for (unsigned i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

bool
bot_is_csw(const struct bot *b, const uint8_t *p, uint32_t n)
{
	return n == BOT_CSW_LEN && bot_le32(p) == CSW_SIG &&
	       memcmp(p + 4, b->tag, 4) == 0;
}

int
bot_csw_ask(struct bot *b, uint32_t room, bool early)
{
	struct import_request q = b->model;
	int err;

	q.len = room;
	q.flags = 0;
	if ((err = bot_read(b, &q, &b->csw.far)) != ERR_OK)
		return err;
	b->csw.open = true;
	b->csw.room = room;
	b->csw.early = early;
	b->csw.cancelled = false;
	return ERR_OK;
}

void
bot_csw_cancel(struct bot *b)
{
	if (b->csw.open && !b->csw.cancelled)
		b->csw.cancelled = b->ops->unlink(b->arg, b->in, b->csw.far) == ERR_OK;
}

/*
 * A driver that thinks that all was taken, and may not trust a residue, has to hear of a
 * write that it was not; what a device needs of other data is its own business.
 */
void
bot_csw_mend(struct bot *b, uint8_t *p)
{
	bool counted = b->missing <= bot_le32(p + 8);

	if (!counted)
		put32(p + 8, b->missing);
	if (p[12] == 0 && b->missing > 0 && (b->writes || !counted))
		p[12] = 1;
	(void)bot_step(b, BOT_CSW);
}

static void
answer_csw(struct bot *b, const struct import_reply *reply)
{
	uint64_t tag = b->csw.tag;

	b->csw.asked = false;
	b->ops->answer(b->arg, b->in, tag, reply, b->csw.data);
}

static void
deliver_csw(struct bot *b)
{
	struct import_reply reply = {.status = b->csw.status, .actual = b->csw.actual};

	if (bot_is_csw(b, b->csw.data, b->csw.actual)) {
		b->stats->hits += b->place == BOT_STATUS;
		b->stats->saved += b->csw.early;
		bot_csw_mend(b, b->csw.data);
	}
	if (reply.actual > b->csw.q.len) { /* a packet that is longer than its room */
		reply.actual = b->csw.q.len;
		reply.status = -LINUX_EOVERFLOW;
	}
	b->csw.here = false;
	answer_csw(b, &reply);
}

static void
pay(struct bot *b)
{
	const struct import_reply broken = {.status = -LINUX_EPROTO};

	b->owed = b->csw.here = false;
	answer_csw(b, &broken);
}

void
bot_csw_let_go(struct bot *b)
{
	const struct import_reply back = {.status = -LINUX_ECONNRESET, .unlinked = true};

	b->csw.leaving = false;
	answer_csw(b, &back);
}

/* What was asked for came back without a word, and is wanted after all: as it stands. */
static void
ask_again(struct bot *b)
{
	const struct import_reply no = {.status = -LINUX_ENOMEM};
	struct bot_late *w = pool_zget(b->pool, sizeof(*w));

	if (w == NULL || bot_read(b, &b->csw.q, &w->far) != ERR_OK) {
		pool_put(b->pool, w, sizeof(*w));
		answer_csw(b, &no);
		return;
	}
	w->q = b->csw.q;
	w->ours = b->csw.tag;
	list_add(&b->renamed, &w->link);
	b->csw.asked = false;
}

void
bot_csw_go_on(struct bot *b, bool over)
{
	if (!b->csw.asked || !b->csw.named || b->csw.open)
		return;
	if (b->owed)
		pay(b);
	else if (b->csw.leaving && !b->csw.here)
		bot_csw_let_go(b);
	else if (!b->csw.here && b->bars == 0)
		ask_again(b);
	else if (b->csw.here && over)
		deliver_csw(b);
}
