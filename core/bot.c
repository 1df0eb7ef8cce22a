/* SPDX-License-Identifier: ISC */
/*
 * The table says what each thing that the driver does means where the command is.
 */
#include "core/after.h"
#include "core/bot_impl.h"
#include "core/mem.h"
#include "core/usbip.h"

#define CBW_LEN 31
#define CBW_SIG 0x43425355u /* "USBC" */

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
bot_new(struct pool *pool, uint8_t in, uint8_t out, uint8_t iface,
	struct ahead_stats *stats, const struct ahead_ops *ops, void *arg)
{
	struct bot *b = pool_zget(pool, sizeof(*b));

	if (b == NULL)
		return NULL;
	b->pool = pool;
	b->in = in;
	b->out = out;
	b->iface = iface;
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

void
bot_late_free(struct bot *b, struct bot_late *w)
{
	list_del(&w->link);
	pool_put(b->pool, w, sizeof(*w) + (w->q.ep == b->out ? (size_t)w->q.len : 0));
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
bot_has(const struct bot *b, uint8_t ep)
{
	return ep == b->in || ep == b->out;
}

uint8_t
bot_iface(const struct bot *b)
{
	return b->iface;
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

/* --- what the driver sends --- */

static bool
is_cbw(const uint8_t *p, uint32_t n)
{
	return n == CBW_LEN && bot_le32(p) == CBW_SIG && (p[12] & 0x7f) == 0 &&
	       p[13] < 16 && p[14] > 0 && p[14] <= 16;
}

static enum bot_step
sent(struct bot *b, const struct import_request *q)
{
	bool cbw = q->len == CBW_LEN && is_cbw(q->data, q->len);

	if (cbw && (b->place == BOT_READY || b->place == BOT_LOST)) {
		memcpy(b->tag, q->data + 4, 4);
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

static int
take(struct bot *b, const struct import_request *q, uint64_t ours, uint64_t *tag)
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

/* --- urbs that wait --- */

/* A status that nobody asks for would take what is the next command's. */
static bool
has_to_wait(const struct bot *b, uint8_t ep)
{
	return b->csw.open && !b->csw.asked && (ep == b->out || b->csw.cancelled);
}

static int
wait(struct bot *b, const struct import_request *q, uint64_t ours, uint64_t *tag)
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

static void
pay_due(struct bot *b)
{
	if (!b->due)
		return;
	b->due = false;
	b->ops->answer(b->arg, b->due_ep, b->due_tag, &b->due_reply, NULL);
}

/* Its turn has come: as if the driver submitted it now. */
static void
release(struct bot *b, struct bot_late *w)
{
	const struct import_reply no[2] = {{.status = -LINUX_ENOMEM},
					   {.status = -LINUX_ESHUTDOWN}};
	uint64_t ours = w->ours, tag = 0;
	uint8_t ep = w->q.ep;
	int err;

	list_del(&w->link);
	err = take(b, &w->q, ours, &tag);
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
	pay_due(b);
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
	while (!list_empty(&b->waiting)) {
		struct bot_late *w = CONTAINER_OF(b->waiting.next, struct bot_late, link);

		if (has_to_wait(b, w->q.ep))
			return;
		release(b, w);
	}
}

int
bot_submit(struct bot *b, const struct import_request *q, uint64_t ours, uint64_t *tag)
{
	b->newest = ours;
	return !list_empty(&b->waiting) || has_to_wait(b, q->ep) ? wait(b, q, ours, tag)
								 : take(b, q, ours, tag);
}

void
bot_go(struct bot *b)
{
	pay_due(b);
	if (b->csw.asked && b->csw.tag == b->newest)
		b->csw.named = true;
	bot_go_on(b);
}

/* One that waits, or did. */
static bool
unlink_late(struct bot *b, uint8_t ep, uint64_t tag)
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
		known = unlink_late(b, ep, tag);
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
