/* SPDX-License-Identifier: ISC */
/*
 * The table says what each thing that the driver does means where the command is.
 */
#include "core/after.h"
#include "core/bot_impl.h"
#include "core/mem.h"
#include "core/usbip.h"

/* What is not listed: the command goes on the plain way. */
static const struct {
	bool known;
	enum bot_place next;
} table[BOT_PLACES][BOT_STEPS] = {
    [BOT_READY] = {[BOT_CBW_OUT] = {true, BOT_OUT},
		   [BOT_CBW_IN] = {true, BOT_IN},
		   [BOT_CBW_NONE] = {true, BOT_STATUS},
		   [BOT_RESET] = {true, BOT_READY}},
    [BOT_OUT] = {[BOT_DATA_OUT] = {true, BOT_OUT},
		 [BOT_LAST_OUT] = {true, BOT_STATUS},
		 [BOT_RESET] = {true, BOT_READY}},
    [BOT_IN] = {[BOT_DATA_IN] = {true, BOT_IN},
		[BOT_LAST_IN] = {true, BOT_STATUS},
		[BOT_CSW] = {true, BOT_READY}, /* instead of data */
		[BOT_RESET] = {true, BOT_READY}},
    [BOT_STATUS] = {[BOT_ASK] = {true, BOT_STATUS},
		    [BOT_CSW] = {true, BOT_READY},
		    [BOT_RESET] = {true, BOT_READY}},
    [BOT_LOST] = {[BOT_CSW] = {true, BOT_READY}, [BOT_RESET] = {true, BOT_READY}},
};

struct bot *
bot_new(struct pool *pool, uint8_t in, uint8_t out, struct ahead_stats *stats,
	const struct ahead_ops *ops, void *arg)
{
	struct bot *b = pool_zget(pool, sizeof(*b));

	if (b == NULL)
		return NULL;
	b->pool = pool;
	b->in = in;
	b->out = out;
	b->stats = stats;
	b->ops = ops;
	b->arg = arg;
	b->read_ending = BOT_READS;
	list_init(&b->early);
	list_init(&b->waiting);
	list_init(&b->renamed);
	return b;
}

void
bot_early_free(struct bot *b, struct bot_early *e)
{
	list_del(&e->link);
	b->earlies--;
	pool_put(b->pool, e, sizeof(*e));
}

static void
late_free_all(struct bot *b, struct list *l)
{
	while (!list_empty(l))
		bot_late_free(b, CONTAINER_OF(l->next, struct bot_late, link));
}

void
bot_free(struct bot *b)
{
	if (b == NULL)
		return;
	late_free_all(b, &b->waiting);
	late_free_all(b, &b->renamed);
	while (!list_empty(&b->early))
		bot_early_free(b, CONTAINER_OF(b->early.next, struct bot_early, link));
	pool_put(b->pool, b, sizeof(*b));
}

bool
bot_step(struct bot *b, enum bot_step step)
{
	bool known = table[b->place][step].known;

	if (!known && b->place != BOT_LOST)
		b->stats->fallbacks++;
	b->place = known ? table[b->place][step].next : BOT_LOST;
	return known;
}

int
bot_read(struct bot *b, struct import_request *q, uint64_t *far)
{
	q->after =
	    b->earlies == 0
		? 0
		: after_name(b->out,
			     CONTAINER_OF(b->early.prev, struct bot_early, link)->far);
	return b->ops->submit(b->arg, q, far);
}

/* --- what goes wrong --- */

/* Taken back, the youngest first; their driver hears that they failed. */
static void
kill_reads(struct bot *b)
{
	b->killed = true;
	for (unsigned i = b->n; i-- > 0;)
		(void)b->ops->unlink(b->arg, b->in, b->reads[i]);
}

void
bot_fail(struct bot *b)
{
	if (b->failed)
		return;
	if (b->place != BOT_LOST)
		b->stats->fallbacks++;
	b->failed = b->owed = true;
	b->place = BOT_LOST;
	bot_csw_cancel(b);
	if (b->n > 0) {
		b->owed = false;
		kill_reads(b);
	}
}

/* As the driver would have, had it known. */
static void
mend_out(struct bot *b)
{
	const struct import_request q = {.type = URB_CONTROL,
					 .setup = {0x02, 1, 0, 0, b->out, 0, 0, 0}};

	b->stalled = false;
	if (b->ops->submit(b->arg, &q, &b->mend) == ERR_OK)
		b->mending = true;
	else
		bot_fail(b);
}

/* The youngest first. */
static void
take_back(struct bot *b)
{
	struct list *l;

	bot_csw_cancel(b);
	for (l = b->early.prev; l != &b->early; l = l->prev) {
		struct bot_early *e = CONTAINER_OF(l, struct bot_early, link);

		if (!e->cancelled)
			e->cancelled = b->ops->unlink(b->arg, b->out, e->far) == ERR_OK;
	}
}

void
bot_go_on(struct bot *b)
{
	bool over = b->earlies == 0 && !b->mending; /* all that was sent has its end */

	if (b->bars > 0)
		take_back(b);
	if (over && b->stalled && b->bars == 0) {
		mend_out(b);
		over = !b->mending;
	}
	bot_csw_go_on(b, over);
	while (!b->paused && !list_empty(&b->waiting)) {
		struct bot_late *w = CONTAINER_OF(b->waiting.next, struct bot_late, link);

		if (bot_has_to_wait(b, w->q.ep))
			return;
		bot_release(b, w);
	}
}

int
bot_submit(struct bot *b, const struct import_request *q, uint64_t ours, uint64_t *tag)
{
	b->newest = ours;
	return b->paused || !list_empty(&b->waiting) || bot_has_to_wait(b, q->ep)
		   ? bot_wait(b, q, ours, tag)
		   : bot_take(b, q, ours, tag);
}

void
bot_go(struct bot *b)
{
	bot_pay_due(b);
	if (b->csw.asked && b->csw.tag == b->newest)
		b->csw.named = true;
	bot_go_on(b);
}

/* true: the answer comes. */
static bool
unlink_csw(struct bot *b)
{
	b->csw.leaving = true;
	bot_csw_cancel(b);
	if (b->csw.here) /* for the next one: it waits for something else */
		bot_csw_let_go(b);
	return true;
}

bool
bot_unlink(struct bot *b, uint8_t ep, uint64_t tag)
{
	bool known;

	if (ep == b->in && b->csw.asked && tag == b->csw.tag) {
		known = unlink_csw(b);
	} else {
		if (ep == b->in && b->csw.open && !b->csw.asked)
			bot_csw_cancel(b); /* it is behind those data */
		if (ep == b->in)
			(void)bot_step(b, BOT_OTHER);
		known = bot_unlink_late(b, ep, tag);
	}
	bot_go_on(b);
	return known;
}

/* --- what changes the endpoints --- */

void
bot_bar(struct bot *b)
{
	b->bars++;
	if (b->csw.here && b->csw.actual == 0 && !b->csw.asked)
		b->csw.here = false; /* it says what is to be changed */
	bot_go_on(b);
}

void
bot_unbar(struct bot *b, bool anew)
{
	b->bars--;
	if (anew) {
		(void)bot_step(b, BOT_RESET);
		b->stalled = b->failed = b->owed = b->csw.here = false;
	} else if (b->cut) {
		bot_fail(b);
	}
	b->cut = b->cut && b->bars > 0;
	bot_go_on(b);
}

bool
bot_quiet(const struct bot *b)
{
	return b->earlies == 0 && !b->csw.open && !b->mending;
}

/* --- commands beside the driver's --- */

bool
bot_is_ready(const struct bot *b)
{
	return b->place == BOT_READY && b->bars == 0 && b->n == 0 && !b->owed &&
	       !b->stalled && !b->csw.here && !b->csw.asked && bot_quiet(b) &&
	       list_empty(&b->waiting);
}

void
bot_pause(struct bot *b, bool on)
{
	bool was = b->paused;

	b->paused = on;
	if (was && !on)
		bot_go_on(b);
}

void
bot_owe(struct bot *b)
{
	b->owed = b->failed = true;
	b->place = BOT_LOST;
}

void
bot_again(struct bot *b, const uint8_t *cbw, uint64_t ours)
{
	const struct import_request q = {
	    .ep = b->out, .type = URB_BULK, .len = BOT_CBW_LEN, .data = cbw};
	uint64_t tag;

	if (bot_wait(b, &q, ours, &tag) != ERR_OK)
		bot_owe(b);
}

void
bot_again_read(struct bot *b, const struct import_request *q, uint64_t ours)
{
	const struct import_reply no = {.status = -LINUX_ENOMEM};
	uint64_t tag;

	if (bot_wait(b, q, ours, &tag) != ERR_OK)
		b->ops->answer(b->arg, b->in, ours, &no, NULL);
}

int
bot_late(struct bot *b, const struct import_request *q, uint64_t ours)
{
	uint64_t tag;

	return bot_wait(b, q, ours, &tag);
}
