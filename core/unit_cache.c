/* SPDX-License-Identifier: ISC */
/*
 * The write cache: WRITEs of the driver in a row, which are done for it when they are on
 * their way. Nothing waits here but for room.
 */
#include "core/mem.h"
#include "core/unit_impl.h"
#include "core/usbip.h"

#define WINDOW_LEAST    (512u << 10) /* bytes on their way */
#define WINDOW_MOST     (8u << 20)
#define WINDOW_US       1000000u /* that the disk has to do at any time */
#define LONGEST         (1u << 20)
#define ROW             128u /* commands */

/* SBC-3, SPC-4 4.5.6 */
#define WRITE_10        0x2a
#define WRITE_16        0x8a
#define READ_10         0x28
#define READ_16         0x88
#define REQUEST_SENSE   0x03
#define UNIT_ATTENTION  6
#define DATA_PROTECT    7
#define NOT_READY_READY 0x28 /* the medium may be another */

static const uint8_t lost[3] = {3, 0x0c, 0}; /* MEDIUM ERROR, WRITE ERROR */

void
unit_cache(struct unit *u, struct unit_cached *cached)
{
	u->cached = u->now == NULL ? NULL : cached;
	u->window = WINDOW_LEAST;
}

void
unit_untell(struct unit *u)
{
	for (unsigned i = 0; i < UNIT_LUNS; i++)
		u->lun[i].shown = false;
}

/* --- which --- */

/* As a READ without wishes, for what is the same in both. */
static bool
is_write(const uint8_t *cbw, uint64_t *lba, uint32_t *blocks)
{
	uint8_t read[UNIT_CBW];

	if (cbw[15] != WRITE_10 && cbw[15] != WRITE_16)
		return false;
	memcpy(read, cbw, UNIT_CBW);
	read[15] = cbw[15] == WRITE_10 ? READ_10 : READ_16;
	return unit_is_read(read, lba, blocks);
}

bool
unit_caches(const struct unit *u, const uint8_t *cbw)
{
	const struct unit_lun *l = &u->lun[cbw[13] & 15];
	uint32_t len = bot_le32(cbw + 8), blocks;
	uint64_t lba;

	return u->cached != NULL && l->disk && l->block != 0 && l->shown && !l->changed &&
	       !l->latched && (cbw[12] & 0x80) == 0 && len <= LONGEST &&
	       is_write(cbw, &lba, &blocks) && len == (uint64_t)blocks * l->block &&
	       lba <= l->last && blocks - 1 <= l->last - lba;
}

/* SBC-3 table 35 and before: what writes, or says that it is written. */
static bool
relies_on_writes(uint8_t op)
{
	static const uint8_t ops[] = {0x0a, 0x2a, 0x2e, 0x35, 0x41, 0x42, 0x89,
				      0x8a, 0x8e, 0x91, 0x93, 0x9c, 0xaa, 0xae};

	for (size_t i = 0; i < sizeof(ops); i++)
		if (ops[i] == op)
			return true;
	return false;
}

static void
latched_sense(struct unit *u, uint8_t lun)
{
	const uint8_t *why = u->lun[lun & 15].why;
	uint8_t sense[UNIT_SENSE] = {0x70, 0, why[0], 0, 0, 0,      0,
				     10,   0, 0,      0, 0, why[1], why[2]};

	memcpy(u->sense, sense, sizeof(sense));
	u->sense_n = sizeof(sense);
	u->sense_lun = lun;
}

bool
unit_cache_refuses(struct unit *u, const uint8_t *cbw)
{
	if (!u->lun[cbw[13] & 15].latched || !relies_on_writes(cbw[15]))
		return false;
	latched_sense(u, cbw[13]);
	unit_own_start(u, cbw);
	unit_own_check(u);
	return true;
}

bool
unit_cache_begin(struct unit *u, const uint8_t *cbw)
{
	uint32_t len = bot_le32(cbw + 8);
	struct unit_cmd *c;

	if (!unit_caches(u, cbw) || (c = unit_cmd_new(u, len, len, false)) == NULL)
		return false;
	unit_forget_seqs(u);
	unit_drop(u);
	c->out = true;
	c->lun = cbw[13];
	memcpy(c->cdb, cbw + 15, sizeof(c->cdb));
	unit_own_start(u, cbw);
	u->own.write = c;
	return true;
}

/* --- on their way --- */

static bool
is_room(const struct unit *u, const struct unit_cmd *c)
{
	return !u->broken && u->mend == UNIT_WELL && c->lun == u->row_lun &&
	       u->cmds < ROW && u->held + c->len <= u->window;
}

static void
hold(struct unit *u, struct unit_cmd *c)
{
	unit_cmd_add(u, c);
	c->held = true;
	u->held += c->len;
	u->cached->bytes += c->len;
	u->cached->writes++;
}

static void
unhold(struct unit *u, struct unit_cmd *c)
{
	if (!c->held)
		return;
	c->held = false;
	u->held -= c->len;
	u->cached->bytes -= c->len;
	u->cached->writes--;
}

static int
send_write(struct unit *u, struct unit_cmd *c)
{
	c->sent_at = u->now(u->arg);
	c->ahead = u->held;
	return unit_send(u, c);
}

/* It has not begun: later, when something that is on its way has ended. */
static void
put_off(struct unit *u, struct unit_cmd *c)
{
	unhold(u, c);
	unit_cmd_take(u, c);
	if (u->cmds > 0)
		return;
	u->use = UNIT_READS;
	unit_own_end(u, -LINUX_ENOMEM);
	unit_owe(u);
}

/* The device waits for the rest in vain: its driver hears of that, and resets it. */
static void
half_sent(struct unit *u, struct unit_cmd *c)
{
	unhold(u, c);
	u->own.write = NULL;
	unit_own_end(u, -LINUX_EPROTO);
	bot_owe(u->bot);
}

void
unit_cache_take(struct unit *u)
{
	struct unit_own *o = &u->own;
	struct unit_cmd *c = o->write;

	if (o->have || o->taken < o->len)
		return;
	if (u->use == UNIT_WRITES ? !is_room(u, c) : !unit_idle(u))
		return;
	if (u->use != UNIT_WRITES) {
		unit_drop(u);
		u->use = UNIT_WRITES;
		u->row_lun = c->lun;
	}
	hold(u, c);
	if (send_write(u, c) != ERR_OK) {
		if (c->part[UNIT_BLOCK].sent)
			half_sent(u, c);
		else
			put_off(u, c);
		return;
	}
	o->write = NULL;
	o->have = true;
	o->n = o->len;
	u->cached->hits++;
}

/* So many bytes as went in its time would go in what is the most at any time. */
void
unit_cache_came(struct unit *u, struct unit_cmd *c)
{
	uint64_t w = c->ahead * WINDOW_US / (c->at - c->sent_at + 1);

	w = w > WINDOW_MOST ? WINDOW_MOST : w < WINDOW_LEAST ? WINDOW_LEAST : w;
	u->window = (3 * u->window + w) / 4;
}

/* --- their end --- */

void
unit_cache_forget(struct unit *u)
{
	struct list *l;

	LIST_EACH (&u->row, l) {
		struct unit_cmd *c = CONTAINER_OF(l, struct unit_cmd, link);

		unhold(u, c);
	}
}

static void
finish(struct unit *u)
{
	u->use = UNIT_READS;
	u->broken = false;
	u->mend = UNIT_WELL;
	u->failed = NULL;
}

void
unit_cache_go_on(struct unit *u)
{
	struct unit_cmd *c;

	if (u->use != UNIT_WRITES)
		return;
	while ((c = unit_first(u)) != NULL && c->good && !c->sense) {
		unhold(u, c);
		unit_cmd_free(u, c);
	}
	if (c == NULL)
		finish(u);
}

void
unit_cache_lose(struct unit *u, const uint8_t why[3])
{
	struct unit_lun *l = &u->lun[u->row_lun & 15];
	struct unit_cmd *c;
	bool none = true;

	ASSERT(u->opens == 0);
	while ((c = unit_first(u)) != NULL) {
		if (c->held && !c->good) {
			none = false;
			u->cached->lost_writes++;
			u->cached->lost_bytes += c->len;
		}
		unhold(u, c);
		unit_cmd_free(u, c);
	}
	finish(u);
	if (none)
		return;
	l->latched = true;
	memcpy(l->why, why == NULL ? lost : why, sizeof(l->why));
	if (!u->own.on || u->own.have || u->own.write == NULL ||
	    u->own.write->lun != u->row_lun)
		return;
	latched_sense(u, u->row_lun);
	unit_own_check(u);
}

/* Nothing of them was run: once more, in their order. */
static void
send_again(struct unit *u)
{
	struct list *l, *n;

	u->broken = false;
	u->mend = UNIT_WELL;
	LIST_EACH_SAFE (&u->row, l, n) {
		struct unit_cmd *c = CONTAINER_OF(l, struct unit_cmd, link);

		if (!c->held) {
			unit_cmd_free(u, c);
			continue;
		}
		memset(c->part, 0, sizeof(c->part));
		c->good = c->cancelled = false;
	}
	u->failed = NULL;
	LIST_EACH (&u->row, l) {
		struct unit_cmd *c = CONTAINER_OF(l, struct unit_cmd, link);

		if (send_write(u, c) != ERR_OK) {
			u->broken = true; /* it ends when those before it have */
			return;
		}
	}
}

/* Only what says that the disk has begun anew is tried again. */
void
unit_cache_failed(struct unit *u, const uint8_t *sense, uint32_t n)
{
	struct unit_cmd *c;
	uint8_t why[3], lun = u->row_lun;
	bool known = unit_sense_read(sense, n, why);

	unit_cache_go_on(u); /* those before it are done */
	c = unit_first(u);
	if (known && why[0] == UNIT_ATTENTION)
		unit_keep_sense(u, sense, n, lun);
	if (known && why[0] == UNIT_ATTENTION && why[1] != NOT_READY_READY &&
	    c->tries < UNIT_TRIES) {
		c->tries++;
		send_again(u);
		return;
	}
	unit_cache_lose(u, known && (why[0] == 3 || why[0] == 4 || why[0] == DATA_PROTECT)
			       ? why
			       : NULL);
}
