/* SPDX-License-Identifier: ISC */
/*
 * The table says what each thing that the driver does means where the command is.
 */
#include "core/bot.h"
#include "core/list.h"
#include "core/mem.h"
#include "core/usbip.h"

#define CBW_LEN   31
#define CBW_SIG   0x43425355u /* "USBC" */
#define CSW_LEN   13
#define CSW_SIG   0x53425355u
#define CSW_ROOM  512 /* a driver may ask for more than a status has */
#define EARLY_MAX 64  /* requests of one command that are answered before their end */
#define READS_MAX 64

/* Where the command is, as the driver sees it. */
enum place {
	READY,  /* a command block may come */
	OUT,    /* data that the driver sends */
	IN,     /* data that it asks for */
	STATUS, /* the status is to be asked for */
	LOST,   /* who knows: until the next status, or a reset */
	PLACES
};

enum step {
	CBW_OUT, /* a command with data, */
	CBW_IN,
	CBW_NONE, /* and without */
	DATA_OUT, /* some, */
	LAST_OUT, /* or the last of them */
	DATA_IN,  /* likewise, asked for */
	LAST_IN,
	ASK, /* the status is asked for */
	CSW, /* and there */
	RESET,
	OTHER, /* anything else */
	STEPS
};

/* What is not listed: the command goes on the plain way. */
static const struct {
	bool known;
	enum place next;
} table[PLACES][STEPS] = {
    [READY] = {[CBW_OUT] = {true, OUT},
	       [CBW_IN] = {true, IN},
	       [CBW_NONE] = {true, STATUS},
	       [RESET] = {true, READY}},
    [OUT] =
	{[DATA_OUT] = {true, OUT}, [LAST_OUT] = {true, STATUS}, [RESET] = {true, READY}},
    [IN] = {[DATA_IN] = {true, IN},
	    [LAST_IN] = {true, STATUS},
	    [CSW] = {true, READY}, /* instead of data */
	    [RESET] = {true, READY}},
    [STATUS] = {[ASK] = {true, STATUS}, [CSW] = {true, READY}, [RESET] = {true, READY}},
    [LOST] = {[CSW] = {true, READY}, [RESET] = {true, READY}},
};

struct early {
	struct list link; /* in bot.early */
	uint64_t far;
	uint32_t len;
	bool cbw, cancelled;
};

/* The status, or what comes in its place. */
struct csw {
	bool open; /* the far end has the request, for so much: */
	uint32_t room;
	bool early; /* before the driver asked */
	bool cancelled;
	uint64_t far;
	bool here; /* it has ended, with */
	int32_t status;
	uint32_t actual;
	bool asked; /* the driver waits for it: its urb */
	bool named, leaving;
	uint64_t tag;
	struct import_request q;
	uint8_t data[CSW_ROOM];
};

/*
 * An urb that comes while a status is taken back that nobody asked for: it would be
 * given what is not for it. It keeps its place, and its name when it is sent after all.
 */
struct late {
	struct list link; /* in bot.waiting, then in bot.renamed */
	uint64_t ours, far;
	struct import_request q;
	uint8_t data[]; /* OUT */
};

struct bot {
	struct pool *pool;
	const struct ahead_ops *ops;
	void *arg;
	struct ahead_stats *stats;
	uint8_t in, out, iface;
	enum place place;
	uint8_t tag[4]; /* of the command */
	uint32_t left;  /* bytes of its data that the driver has not sent or asked for */
	struct import_request model; /* of a read */
	struct list early;
	unsigned earlies;
	uint32_t missing; /* bytes that the device did not take */
	bool stalled;     /* OUT is, and has to be told to go on */
	bool mending;     /* it was told, by */
	uint64_t mend;
	bool failed;               /* the command did, */
	bool owed;                 /* and the driver is to hear of it */
	uint64_t reads[READS_MAX]; /* data that it has asked for, at the far end */
	unsigned n;
	bool killed; /* and they were taken back */
	struct csw csw;
	struct list waiting, renamed;
	uint64_t newest; /* that was submitted */
	bool due;        /* an urb is answered when it has its name */
	uint8_t due_ep;
	uint64_t due_tag;
	struct import_reply due_reply;
	unsigned bars;
	bool cut; /* something that the driver sent was taken back */

	/* between reply and reply_end */
	struct import_reply reply;
	struct early *ending;
	struct late *late_ending;
	bool csw_ending, mend_ending;
	unsigned read_ending; /* its place in reads, or READS_MAX */
};

static uint32_t
le32(const uint8_t *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void
put32(uint8_t *p, uint32_t v)
{
	for (unsigned i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

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
	b->read_ending = READS_MAX;
	list_init(&b->early);
	list_init(&b->waiting);
	list_init(&b->renamed);
	return b;
}

static void
early_free(struct bot *b, struct early *e)
{
	list_del(&e->link);
	b->earlies--;
	pool_put(b->pool, e, sizeof(*e));
}

static void
late_free(struct bot *b, struct late *w)
{
	list_del(&w->link);
	pool_put(b->pool, w, sizeof(*w) + (w->q.ep == b->out ? (size_t)w->q.len : 0));
}

static void
late_free_all(struct bot *b, struct list *l)
{
	while (!list_empty(l))
		late_free(b, CONTAINER_OF(l->next, struct late, link));
}

void
bot_free(struct bot *b)
{
	if (b == NULL)
		return;
	late_free_all(b, &b->waiting);
	late_free_all(b, &b->renamed);
	while (!list_empty(&b->early))
		early_free(b, CONTAINER_OF(b->early.next, struct early, link));
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

/* false: from here on the command goes the plain way. */
static bool
go(struct bot *b, enum step step)
{
	bool known = table[b->place][step].known;

	if (!known && b->place != LOST)
		b->stats->fallbacks++;
	b->place = known ? table[b->place][step].next : LOST;
	return known;
}

/* --- the status --- */

static bool
is_csw(const struct bot *b, const uint8_t *p, uint32_t n)
{
	return n == CSW_LEN && le32(p) == CSW_SIG && memcmp(p + 4, b->tag, 4) == 0;
}

static int
ask_csw(struct bot *b, uint32_t room, bool early)
{
	struct import_request q = b->model;
	int err;

	q.len = room;
	q.flags = 0;
	if ((err = b->ops->submit(b->arg, &q, &b->csw.far)) != ERR_OK)
		return err;
	b->csw.open = true;
	b->csw.room = room;
	b->csw.early = early;
	b->csw.cancelled = false;
	return ERR_OK;
}

static void
cancel_csw(struct bot *b)
{
	if (b->csw.open && !b->csw.cancelled)
		b->csw.cancelled = b->ops->unlink(b->arg, b->in, b->csw.far) == ERR_OK;
}

/* The driver thinks that the device took all; if not, it has to look. */
static void
mend_csw(struct bot *b, uint8_t *p)
{
	if (b->missing > le32(p + 8))
		put32(p + 8, b->missing);
	(void)go(b, CSW);
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

	if (is_csw(b, b->csw.data, b->csw.actual)) {
		b->stats->hits += b->place == STATUS;
		b->stats->saved += b->csw.early;
		mend_csw(b, b->csw.data);
	}
	if (reply.actual > b->csw.q.len) { /* a packet that is longer than its room */
		reply.actual = b->csw.q.len;
		reply.status = -LINUX_EOVERFLOW;
	}
	b->csw.here = false;
	answer_csw(b, &reply);
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

/* What the driver sent did not arrive, and it was told that it did. */
static void
fail(struct bot *b)
{
	if (b->failed)
		return;
	if (b->place != LOST)
		b->stats->fallbacks++;
	b->failed = b->owed = true;
	b->place = LOST;
	cancel_csw(b);
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
		fail(b);
}

static void
pay(struct bot *b)
{
	const struct import_reply broken = {.status = -LINUX_EPROTO};

	b->owed = b->csw.here = false;
	answer_csw(b, &broken);
}

static void
let_go(struct bot *b)
{
	const struct import_reply back = {.status = -LINUX_ECONNRESET, .unlinked = true};

	b->csw.leaving = false;
	answer_csw(b, &back);
}

/* The youngest first. */
static void
take_back(struct bot *b)
{
	struct list *l;

	cancel_csw(b);
	for (l = b->early.prev; l != &b->early; l = l->prev) {
		struct early *e = CONTAINER_OF(l, struct early, link);

		if (!e->cancelled)
			e->cancelled = b->ops->unlink(b->arg, b->out, e->far) == ERR_OK;
	}
}

/* --- what the driver sends --- */

static bool
is_cbw(const uint8_t *p, uint32_t n)
{
	return n == CBW_LEN && le32(p) == CBW_SIG && (p[12] & 0x7f) == 0 && p[13] < 16 &&
	       p[14] > 0 && p[14] <= 16;
}

static enum step
sent(struct bot *b, const struct import_request *q)
{
	bool cbw = q->len == CBW_LEN && is_cbw(q->data, q->len);

	if (cbw && (b->place == READY || b->place == LOST)) {
		memcpy(b->tag, q->data + 4, 4);
		b->left = le32(q->data + 8);
		b->missing = 0;
		b->failed = false;
		if (b->left == 0)
			return CBW_NONE;
		return q->data[12] & 0x80 ? CBW_IN : CBW_OUT;
	}
	if (b->place != OUT || q->len > b->left)
		return OTHER;
	b->left -= q->len;
	return b->left == 0 ? LAST_OUT : DATA_OUT;
}

static int
submit_early(struct bot *b, const struct import_request *q, bool cbw, uint64_t ours,
	     uint64_t *tag)
{
	struct early *e = pool_zget(b->pool, sizeof(*e));
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
	enum step step = sent(b, q);
	int err;

	if (!go(b, step) || b->bars > 0 || b->earlies == EARLY_MAX)
		return b->ops->submit(b->arg, q, tag);
	if (b->stalled || b->mending) {
		swallow(b, q, ours, tag);
		return ERR_OK;
	}
	err = submit_early(b, q, step < DATA_OUT, ours, tag);
	if (err != ERR_OK)
		(void)go(b, OTHER); /* the driver is told, and will do something else */
	return err;
}

/* --- what it asks for --- */

static enum step
asked(struct bot *b, const struct import_request *q)
{
	if (b->place != IN)
		return b->csw.asked || b->bars > 0 || q->len > CSW_ROOM ? OTHER : ASK;
	if (q->len > b->left || q->len == 0 || b->n == READS_MAX)
		return OTHER;
	b->left -= q->len;
	return b->left == 0 ? LAST_IN : DATA_IN;
}

static int
read_data(struct bot *b, const struct import_request *q, bool last, uint64_t *tag)
{
	int err = b->ops->submit(b->arg, q, tag);

	if (err != ERR_OK) {
		(void)go(b, OTHER);
		return err;
	}
	b->reads[b->n++] = *tag;
	if (last && b->bars == 0 && ask_csw(b, CSW_LEN, true) != ERR_OK)
		b->csw.open = false; /* then when it is asked for */
	return ERR_OK;
}

/* The one that was asked for before, or is now. */
static int
read_csw(struct bot *b, const struct import_request *q, uint64_t ours, uint64_t *tag)
{
	int err = ERR_OK;

	if (!b->csw.open && !b->csw.here)
		err = ask_csw(b, q->len, false);
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
	enum step step = asked(b, q);
	bool waits = (b->csw.open || b->csw.here) && !b->csw.asked;

	b->model = *q;
	if (go(b, step))
		return step == ASK ? read_csw(b, q, ours, tag)
				   : read_data(b, q, step == LAST_IN, tag);
	return waits ? read_csw(b, q, ours, tag) : b->ops->submit(b->arg, q, tag);
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
	struct late *w = pool_get(b->pool, sizeof(*w) + n);

	if (w == NULL)
		return ERR_NOMEM;
	memset(w, 0, sizeof(*w));
	w->q = *q;
	w->q.data = NULL;
	if (n > 0)
		w->q.data = memcpy(w->data, q->data, n);
	w->ours = *tag = ours;
	list_add(&b->waiting, &w->link);
	cancel_csw(b);
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
release(struct bot *b, struct late *w)
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
	late_free(b, w);
	if (err != ERR_OK)
		b->ops->answer(b->arg, ep, ours, &no[err != ERR_NOMEM], NULL);
	else if (b->csw.asked && b->csw.tag == ours)
		b->csw.named = true;
	pay_due(b);
}

static struct late *
find_late(const struct list *of, uint8_t ep, uint64_t tag, bool far)
{
	struct list *l;

	LIST_EACH (of, l) {
		struct late *w = CONTAINER_OF(l, struct late, link);

		if (w->q.ep == ep && (far ? w->far : w->ours) == tag)
			return w;
	}
	return NULL;
}

/* --- */

/* What was asked for came back without a word, and is wanted after all: as it stands. */
static void
ask_again(struct bot *b)
{
	const struct import_reply no = {.status = -LINUX_ENOMEM};
	struct late *w = pool_zget(b->pool, sizeof(*w));

	if (w == NULL || b->ops->submit(b->arg, &b->csw.q, &w->far) != ERR_OK) {
		pool_put(b->pool, w, sizeof(*w));
		answer_csw(b, &no);
		return;
	}
	w->q = b->csw.q;
	w->ours = b->csw.tag;
	list_add(&b->renamed, &w->link);
	b->csw.asked = false;
}

static void
go_on_csw(struct bot *b, bool over)
{
	if (!b->csw.asked || !b->csw.named || b->csw.open)
		return;
	if (b->owed)
		pay(b);
	else if (b->csw.leaving && !b->csw.here)
		let_go(b);
	else if (!b->csw.here && b->bars == 0)
		ask_again(b);
	else if (b->csw.here && over)
		deliver_csw(b);
}

/* All that follows from what has just changed. */
static void
go_on(struct bot *b)
{
	bool over = b->earlies == 0 && !b->mending; /* all that was sent has its end */

	if (b->bars > 0)
		take_back(b);
	if (over && b->stalled && b->bars == 0) {
		mend_out(b);
		over = !b->mending;
	}
	go_on_csw(b, over);
	while (!list_empty(&b->waiting)) {
		struct late *w = CONTAINER_OF(b->waiting.next, struct late, link);

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
	go_on(b);
}

/* One that waits, or did. */
static bool
unlink_late(struct bot *b, uint8_t ep, uint64_t tag)
{
	const struct import_reply back = {.status = -LINUX_ECONNRESET, .unlinked = true};
	struct late *w = find_late(&b->waiting, ep, tag, false);

	if (w != NULL) {
		late_free(b, w);
		b->ops->answer(b->arg, ep, tag, &back, NULL);
		return true;
	}
	if ((w = find_late(&b->renamed, ep, tag, false)) != NULL)
		(void)b->ops->unlink(b->arg, ep, w->far);
	return w != NULL;
}

/* true: the answer comes. */
static bool
unlink_csw(struct bot *b)
{
	b->csw.leaving = true;
	cancel_csw(b);
	if (b->csw.here) /* for the next one: it waits for something else */
		let_go(b);
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
			cancel_csw(b); /* it is behind those data */
		if (ep == b->in)
			(void)go(b, OTHER);
		known = unlink_late(b, ep, tag);
	}
	go_on(b);
	return known;
}

/* --- what the far end answers --- */

static int
find_early(struct bot *b, uint64_t tag, const struct import_reply *reply)
{
	struct list *l;

	LIST_EACH (&b->early, l) {
		struct early *e = CONTAINER_OF(l, struct early, link);

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
	if (b->read_ending < READS_MAX && b->killed && reply->unlinked) {
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
	b->read_ending = READS_MAX;
	b->reply = *reply;
	if ((b->late_ending = find_late(&b->renamed, ep, tag, true)) != NULL)
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
	struct early *e = b->ending;
	const struct import_reply *r = &b->reply;
	bool well = r->status == 0 && r->actual == e->len;

	if (!well && e->cancelled) {
		b->cut = true;
	} else if (!well && !e->cbw && r->status == -LINUX_EPIPE) {
		b->stalled = true;
		b->missing += e->len - r->actual;
	} else if (!well) {
		fail(b);
	}
	early_free(b, e);
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
	else if (b->read_ending < READS_MAX)
		read_ended(b);
	if (b->mend_ending && b->reply.status != 0)
		fail(b);
	if (b->late_ending != NULL)
		late_free(b, b->late_ending);
	b->ending = NULL;
	b->late_ending = NULL;
	b->csw_ending = b->mend_ending = false;
	b->read_ending = READS_MAX;
	go_on(b);
}

void
bot_saw(struct bot *b, uint8_t *data, uint32_t n)
{
	if (is_csw(b, data, n))
		mend_csw(b, data);
}

/* --- what changes the endpoints --- */

void
bot_bar(struct bot *b)
{
	b->bars++;
	if (b->csw.here && b->csw.actual == 0 && !b->csw.asked)
		b->csw.here = false; /* it says what is to be changed */
	go_on(b);
}

void
bot_unbar(struct bot *b, bool anew)
{
	b->bars--;
	if (anew) {
		(void)go(b, RESET);
		b->stalled = b->failed = b->owed = b->csw.here = false;
	} else if (b->cut) {
		fail(b);
	}
	b->cut = b->cut && b->bars > 0;
	go_on(b);
}

bool
bot_quiet(const struct bot *b)
{
	return b->earlies == 0 && !b->csw.open && !b->mending;
}
