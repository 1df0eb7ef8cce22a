/* SPDX-License-Identifier: ISC */
/*
 * The driver's urbs: which of them are answered here, and which go to the device; those
 * wait until it has nothing of ours.
 */
#include "core/unit.h"
#include "core/mem.h"
#include "core/unit_impl.h"
#include "core/usbip.h"

#define NEED      2
#define FIRST_TAG 0x61650000u /* of our command blocks */

/* --- the ends of bot --- */

static int
on_submit(void *arg, const struct import_request *q, uint64_t *tag)
{
	struct unit *u = arg;

	return u->ops->submit(u->arg, q, tag);
}

static int
on_unlink(void *arg, uint8_t ep, uint64_t tag)
{
	struct unit *u = arg;

	return u->ops->unlink(u->arg, ep, tag);
}

/* A command of the driver's has its status. */
static void
concluded(struct unit *u, const uint8_t *csw)
{
	uint64_t lba;
	uint32_t blocks;

	if (!u->watched || memcmp(csw, "USBS", 4) != 0 ||
	    memcmp(csw + 4, u->cbw + 4, 4) != 0)
		return;
	u->watched = false;
	if (csw[12] != 0) {
		unit_forget_seqs(u);
		unit_drop(u);
	} else if (bot_le32(csw + 8) == 0 && unit_is_read(u->cbw, &lba, &blocks) &&
		   bot_le32(u->cbw + 8) ==
		       (uint64_t)blocks * u->lun[u->cbw[13] & 15].block) {
		unit_follow(u, u->cbw, lba, blocks);
	}
}

static void
on_answer(void *arg, uint8_t ep, uint64_t tag, const struct import_reply *reply,
	  const uint8_t *data)
{
	struct unit *u = arg;

	if (tag == UNIT_AGAIN) {
		if (reply->status != 0)
			bot_owe(u->bot);
		return;
	}
	if (ep == u->in && data != NULL && reply->actual == UNIT_STATUS)
		concluded(u, data);
	u->ops->answer(u->arg, ep, tag, reply, data);
}

static const struct ahead_ops bot_ops = {
    .submit = on_submit, .unlink = on_unlink, .answer = on_answer};

struct unit *
unit_new(struct pool *pool, uint8_t in, uint8_t out, uint8_t iface,
	 struct ahead_stats *stats, const struct ahead_ops *ops,
	 uint64_t (*now)(void *arg), void *arg)
{
	struct unit *u = pool_zget(pool, sizeof(*u));

	if (u == NULL)
		return NULL;
	u->pool = pool;
	u->in = in;
	u->out = out;
	u->iface = iface;
	u->stats = stats;
	u->ops = ops;
	u->now = now;
	u->arg = arg;
	u->need = NEED;
	u->next_tag = FIRST_TAG;
	list_init(&u->row);
	list_init(&u->late);
	list_init(&u->own.readers);
	if ((u->bot = bot_new(pool, in, out, stats, &bot_ops, u)) == NULL) {
		pool_put(pool, u, sizeof(*u));
		return NULL;
	}
	return u;
}

void
unit_free(struct unit *u)
{
	struct list *l, *n;

	if (u == NULL)
		return;
	unit_cache_forget(u);
	while (unit_first(u) != NULL)
		unit_cmd_free(u, unit_first(u));
	unit_late_free(u);
	unit_cmd_put(u, u->own.write);
	LIST_EACH_SAFE (&u->own.readers, l, n) {
		pool_put(u->pool, CONTAINER_OF(l, struct unit_reader, link),
			 sizeof(struct unit_reader));
	}
	pool_put(u->pool, u->own.data, u->own.data == NULL ? 0 : u->own.len);
	bot_free(u->bot);
	pool_put(u->pool, u, sizeof(*u));
}

bool
unit_has(const struct unit *u, uint8_t ep)
{
	return ep == u->in || ep == u->out;
}

uint8_t
unit_iface(const struct unit *u)
{
	return u->iface;
}

/* Commands of ours were cut off, and all of them have come back. */
static void
pay_for_cut(struct unit *u)
{
	if (!u->cut || u->bars > 0 || !unit_quiet(u))
		return;
	u->cut = false;
	unit_owe(u);
}

/* All that follows from what has just changed. */
static void
go_on(struct unit *u)
{
	unit_own_go_on(u);
	pay_for_cut(u);
	unit_mend(u);
	pay_for_cut(u);
	if (u->dropped && unit_idle(u))
		unit_drop(u);
	unit_cache_go_on(u);
	unit_relay_go_on(u);
	unit_own_go_on(u);
	unit_late_go_on(u);
	bot_pause(u->bot, !unit_idle(u));
	unit_fill(u, 0);
}

/* --- the driver --- */

/* A command block where one is expected. */
bool
unit_is_command(const struct unit *u, const struct import_request *q)
{
	return q->ep == u->out && bot_is_cbw(q->data, q->len);
}

static void
owe_answer(struct unit *u, uint64_t ours, uint32_t len)
{
	u->own.due = true;
	u->own.due_tag = ours;
	u->own.due_len = len;
}

static int
pass(struct unit *u, const struct import_request *q, uint64_t ours, bool late,
     uint64_t *tag)
{
	if (unit_is_command(u, q))
		unit_watch(u, q->data);
	bot_pause(u->bot, late || !unit_idle(u));
	return late ? bot_late(u->bot, q, ours) : bot_submit(u->bot, q, ours, tag);
}

int
unit_take(struct unit *u, const struct import_request *q, uint64_t ours, bool late,
	  uint64_t *tag)
{
	int err;

	if (u->own.on && unit_own_take(u, q, ours, &err))
		return err;
	unit_own_stop(u);
	if (!unit_is_command(u, q))
		return pass(u, q, ours, late, tag);
	if (!bot_is_ready(u->bot) || u->bars > 0) {
		unit_drop(u);
		return pass(u, q, ours, late, tag);
	}
	if (!unit_own_begin(u, q->data)) {
		if (u->use != UNIT_WRITES)
			return pass(u, q, ours, late, tag);
		return late ? ERR_NOMEM : unit_wait(u, q, ours);
	}
	owe_answer(u, ours, q->len);
	return ERR_OK;
}

int
unit_submit(struct unit *u, const struct import_request *q, uint64_t ours, uint64_t *tag)
{
	*tag = ours;
	if (!list_empty(&u->late) || (!u->own.on && unit_must_wait(u, q)))
		return unit_wait(u, q, ours);
	return unit_take(u, q, ours, false, tag);
}

void
unit_go(struct unit *u)
{
	unit_own_name(u);
	bot_go(u->bot);
	go_on(u);
}

bool
unit_unlink(struct unit *u, uint8_t ep, uint64_t tag)
{
	bool known = ep == u->in && unit_own_unlink(u, tag);

	if (!known)
		known = unit_late_unlink(u, ep, tag);
	if (!known)
		known = bot_unlink(u->bot, ep, tag);
	go_on(u);
	return known;
}

/* --- the far end --- */

/* To a request of ours. */
static int
own_reply(struct unit *u, const struct import_reply *reply, uint8_t **data)
{
	struct unit_cmd *c = u->ending;
	enum unit_part part = u->ending_part;
	const uint32_t room[UNIT_PARTS] = {UNIT_CBW, c->len, UNIT_STATUS};

	if (reply->actual > room[part] || reply->packets > 0 ||
	    (reply->unlinked && reply->actual > 0)) {
		u->ending = NULL;
		return ERR_PROTO;
	}
	if ((part == UNIT_CSW || (part == UNIT_DATA && !c->out)) && reply->actual > 0)
		*data = part == UNIT_DATA ? c->data : c->csw;
	return ERR_OK;
}

int
unit_reply(struct unit *u, uint8_t ep, uint64_t *tag, struct import_reply *reply,
	   uint8_t **data)
{
	int err;

	*data = NULL;
	u->ending = NULL;
	u->mend_ending = u->again_ending = false;
	u->reply = *reply;
	if (unit_find(u, ep, *tag))
		return own_reply(u, reply, data);
	if ((ep & 15) == 0 && u->mend == UNIT_HALT && *tag == u->mend_far) {
		u->mend_ending = reply->actual == 0 && reply->packets == 0;
		return u->mend_ending ? ERR_OK : ERR_PROTO;
	}
	err = bot_reply(u->bot, ep, tag, reply, data);
	u->again_ending = err == ERR_NODEV && *tag == UNIT_AGAIN;
	return u->again_ending ? ERR_OK : err;
}

void
unit_reply_end(struct unit *u)
{
	if (u->ending != NULL)
		unit_part_ended(u);
	else if (u->mend_ending)
		unit_mend_ended(u);
	else
		bot_reply_end(u->bot);
	if (u->again_ending && u->reply.status != 0)
		bot_owe(u->bot);
	u->ending = NULL;
	u->mend_ending = u->again_ending = false;
	go_on(u);
}

void
unit_saw(struct unit *u, uint8_t *data, uint32_t n)
{
	unit_watch_data(u, data, n);
	bot_saw(u->bot, data, n);
	if (n == UNIT_STATUS)
		concluded(u, data);
}

/* --- what changes the endpoints --- */

void
unit_bar(struct unit *u)
{
	u->bars++;
	if (u->own.on && !u->own.have)
		unit_own_end(u, -LINUX_EPROTO);
	if (u->use != UNIT_WRITES) {
		if (!unit_idle(u)) {
			u->cut = true;
			u->need = UNIT_NEED_MOST; /* maybe it hangs where nobody wanted to
						     read */
		}
		unit_cancel(u);
		unit_drop(u);
	}
	bot_bar(u->bot);
	go_on(u);
}

void
unit_unbar(struct unit *u, bool anew)
{
	u->bars--;
	if (anew) {
		u->cut = u->broken = false;
		u->mend = UNIT_WELL;
		unit_own_stop(u);
		unit_forget_seqs(u);
		unit_drop(u);
	}
	bot_unbar(u->bot, anew);
	go_on(u);
}

bool
unit_quiet(const struct unit *u)
{
	return u->opens == 0 && u->mend != UNIT_HALT && u->use != UNIT_WRITES &&
	       bot_quiet(u->bot);
}

void
unit_cut(struct unit *u)
{
	if (u->use != UNIT_WRITES)
		return;
	u->cut = true;
	unit_cancel(u);
	go_on(u);
}
