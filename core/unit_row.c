/* SPDX-License-Identifier: ISC */
/*
 * How much is read ahead, and how long it is kept.
 */
#include "core/mem.h"
#include "core/unit_impl.h"

#define AT_LEAST 65536u /* bytes of a read, if the driver itself reads as many */
#define AT_MOST  262144u
#define SAMPLES  32 /* of the time a read takes */

static void
put_be(uint8_t *p, unsigned n, uint64_t v)
{
	while (n-- > 0) {
		p[n] = (uint8_t)v;
		v >>= 8;
	}
}

uint32_t
unit_block(const struct unit *u)
{
	return u->lun[u->row_lun].block;
}

static int
send_read(struct unit *u, uint32_t blocks)
{
	uint32_t len = blocks * unit_block(u);
	struct unit_cmd *c = u->cmds < UNIT_ROW ? unit_cmd_new(u, len, len, true) : NULL;
	int err;

	if (c == NULL)
		return ERR_NOMEM;
	c->sent_at = u->now(u->arg);
	c->got = u->got;
	c->cdb[0] = u->row_seq->op;
	put_be(c->cdb + 2, c->cdb[0] < 0x80 ? 4 : 8, u->end);
	put_be(c->cdb + (c->cdb[0] < 0x80 ? 7 : 10), c->cdb[0] < 0x80 ? 2 : 4, blocks);
	u->end += blocks;
	err = unit_send(u, c);
	if (!c->part[UNIT_BLOCK].sent)
		unit_cmd_free(u, c);
	return err;
}

/* --- how many --- */

/*
 * The most that were on their way in the time of the quickest; at first no more than what
 * the driver has shown that it wants. And some more.
 */
static uint64_t
window(const struct unit *u)
{
	uint64_t bdp = u->bdp[0] > u->bdp[1] ? u->bdp[0] : u->bdp[1];
	uint64_t w = 2 * (bdp < u->hit ? bdp : u->hit) + 2ull * u->row_seq->len;

	return w < UNIT_WINDOW ? w : UNIT_WINDOW;
}

void
unit_came(struct unit *u, struct unit_cmd *c)
{
	uint64_t t = c->at - c->sent_at + 1, n;

	u->got += c->len;
	if (u->quickest == 0 || t < u->quickest)
		u->quickest = t;
	n = (u->got - c->got) * u->quickest / t;
	if (++u->samples >= SAMPLES) {
		u->samples = 0;
		u->quickest += u->quickest / 16; /* the way may be another now */
		u->bdp[1] = u->bdp[0];
		u->bdp[0] = 0;
	}
	if (u->bdp[0] < n)
		u->bdp[0] = n;
}

/* Blocks of the next read: never more than what the device was seen to give. */
static uint32_t
next_blocks(const struct unit *u)
{
	uint32_t len = u->row_seq->len < AT_LEAST ? AT_LEAST : u->row_seq->len, n;
	uint64_t left = u->lun[u->row_lun].last + 1 - u->end;

	len = len < u->longest ? len : u->longest;
	len = len < AT_MOST ? len : AT_MOST;
	n = len / unit_block(u);
	n = n < 65535 ? n : 65535;
	return n < left ? n : (uint32_t)left;
}

/* Whoever it is for went on without it, or has not come for a while. */
static bool
is_left(const struct unit *u)
{
	const struct unit_cmd *c = unit_first(u);

	if (u->own.on || u->opens > 0)
		return false;
	if (u->row_seq == u->now_seq)
		return u->row_seq->next != u->pos;
	return c == NULL || u->now(u->arg) - c->at >= UNIT_AGE_US;
}

/* For who has just read, if there is a row of it and the disk is known. */
static bool
begin(struct unit *u)
{
	struct unit_seq *q = u->now_seq;
	const struct unit_lun *l = q == NULL ? NULL : &u->lun[q->lun];

	if (l == NULL || u->own.on || u->opens > 0 || !l->disk || l->block == 0 ||
	    q->run < u->need)
		return false;
	unit_drop(u);
	u->streams = true;
	u->row_seq = q;
	u->row_lun = q->lun;
	u->pos = u->end = q->next;
	return true;
}

static bool
is_room(const struct unit *u, uint64_t upto)
{
	uint64_t most = u->row_seq->op < 0x80 ? UINT32_MAX : UINT64_MAX;

	return u->end <= u->lun[u->row_lun].last && u->end + 65535 <= most &&
	       (u->end < upto || (u->end - u->pos) * unit_block(u) < window(u));
}

void
unit_fill(struct unit *u, uint64_t upto)
{
	uint32_t n;

	if (u->now == NULL || u->use != UNIT_READS || !list_empty(&u->late) ||
	    u->dropped || u->broken || u->mend != UNIT_WELL || u->bars > 0 ||
	    u->sense_n > 0 || !bot_is_ready(u->bot) ||
	    ((!u->streams || is_left(u)) && !begin(u)))
		return;
	while (is_room(u, upto) && (n = next_blocks(u)) > 0)
		if (send_read(u, n) != ERR_OK)
			return;
}

/* --- what happens to them --- */

void
unit_drop(struct unit *u)
{
	struct list *l, *n;

	if (u->use == UNIT_WRITES)
		return;
	u->dropped = !unit_idle(u); /* what is to be mended is needed */
	u->streams = false;
	if (u->dropped)
		return;
	LIST_EACH_SAFE (&u->row, l, n) {
		unit_cmd_free(u, CONTAINER_OF(l, struct unit_cmd, link));
	}
	u->use = UNIT_READS;
	if (u->miss > u->hit && u->need < UNIT_NEED_WASTE)
		u->need *= 2; /* it was for nothing */
	u->hit = u->miss = 0;
}
