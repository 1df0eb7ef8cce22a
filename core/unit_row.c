/* SPDX-License-Identifier: ISC */
/*
 * Commands of ours in a row: each is sent before the one before it has ended, and begins
 * at the device if that one went well (core/after.h); else all that are left come back.
 */
#include "core/after.h"
#include "core/mem.h"
#include "core/unit_impl.h"
#include "core/usbip.h"

#define AT_LEAST 65536u /* bytes of a read, if the driver itself reads as many */
#define AT_MOST  262144u
#define SAMPLES  32 /* of the time a read takes */

static const uint8_t ep_of[UNIT_PARTS] = {0, 0x80, 0x80};

static void
put_le32(uint8_t *p, uint32_t v)
{
	for (unsigned i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

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

struct unit_cmd *
unit_first(const struct unit *u)
{
	return list_empty(&u->row) ? NULL
				   : CONTAINER_OF(u->row.next, struct unit_cmd, link);
}

bool
unit_idle(const struct unit *u)
{
	return u->opens == 0 && !u->broken && u->mend == UNIT_WELL;
}

void
unit_cmd_free(struct unit *u, struct unit_cmd *c)
{
	list_del(&c->link);
	u->cmds--;
	u->miss += c->len - c->used;
	pool_put(u->pool, c, sizeof(*c) + c->len);
}

/* --- one of them --- */

static struct unit_cmd *
new_cmd(struct unit *u, uint32_t len)
{
	struct unit_cmd *c =
	    u->cmds < UNIT_ROW ? pool_get(u->pool, sizeof(*c) + len) : NULL;

	if (c == NULL)
		return NULL;
	memset(c, 0, sizeof(*c));
	c->len = len;
	c->tag = u->next_tag++;
	list_add(&u->row, &c->link);
	u->cmds++;
	return c;
}

static int
send_part(struct unit *u, struct unit_cmd *c, enum unit_part part, uint32_t len,
	  const uint8_t *data, uint32_t after)
{
	const struct import_request q = {.ep = part == UNIT_BLOCK ? u->out : u->in,
					 .type = URB_BULK,
					 .len = len,
					 .data = data,
					 .after = after,
					 .if_well = after != 0};
	int err = u->ops->submit(u->arg, &q, &c->part[part].far);

	if (err != ERR_OK)
		return err;
	c->part[part].sent = c->part[part].open = true;
	u->opens++;
	return ERR_OK;
}

/* Behind the last one, if that is at the far end still. */
static uint32_t
behind(const struct unit *u, const struct unit_cmd *c)
{
	const struct unit_cmd *before = CONTAINER_OF(c->link.prev, struct unit_cmd, link);

	return c->link.prev == &u->row || !before->part[UNIT_CSW].open
		   ? 0
		   : after_name(u->in, before->part[UNIT_CSW].far);
}

static int
send(struct unit *u, struct unit_cmd *c, const uint8_t *cdb)
{
	uint8_t cbw[UNIT_CBW] = {'U', 'S', 'B', 'C'};
	uint32_t before = behind(u, c);
	int err;

	put_le32(cbw + 4, c->tag);
	put_le32(cbw + 8, c->len);
	cbw[12] = 0x80;
	cbw[13] = u->row_lun;
	cbw[14] = cdb[0] == 0x03 ? 6 : cdb[0] < 0x80 ? 10 : 16;
	memcpy(cbw + 15, cdb, 16);
	if ((err = send_part(u, c, UNIT_BLOCK, UNIT_CBW, cbw, before)) != ERR_OK ||
	    (err = send_part(u, c, UNIT_DATA, c->len, NULL,
			     after_name(u->out, c->part[UNIT_BLOCK].far))) != ERR_OK ||
	    (err = send_part(u, c, UNIT_CSW, UNIT_STATUS, NULL,
			     after_name(u->in, c->part[UNIT_DATA].far))) != ERR_OK)
		u->broken = u->broken || c->part[UNIT_BLOCK].sent;
	if (!c->part[UNIT_BLOCK].sent)
		unit_cmd_free(u, c);
	return err;
}

int
unit_send_sense(struct unit *u)
{
	const uint8_t cdb[16] = {0x03, 0, 0, 0, UNIT_SENSE};
	struct unit_cmd *c = new_cmd(u, UNIT_SENSE);

	if (c == NULL)
		return ERR_NOMEM;
	c->sense = true;
	u->failed = c;
	return send(u, c, cdb);
}

static int
send_read(struct unit *u, uint32_t blocks)
{
	struct unit_cmd *c = new_cmd(u, blocks * unit_block(u));
	uint8_t cdb[16] = {u->row_seq->op};

	if (c == NULL)
		return ERR_NOMEM;
	c->blocks = blocks;
	c->sent_at = u->now(u->arg);
	c->got = u->got;
	put_be(cdb + 2, cdb[0] < 0x80 ? 4 : 8, u->end);
	put_be(cdb + (cdb[0] < 0x80 ? 7 : 10), cdb[0] < 0x80 ? 2 : 4, blocks);
	u->end += blocks;
	return send(u, c, cdb);
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

static void
measure(struct unit *u, const struct unit_cmd *c)
{
	uint64_t t = c->at - c->sent_at + 1, n;

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

	if (u->now == NULL || u->dropped || u->broken || u->mend != UNIT_WELL ||
	    u->bars > 0 || u->sense_n > 0 || !bot_is_ready(u->bot) ||
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

	u->dropped = !unit_idle(u); /* what is to be mended is needed */
	u->streams = false;
	if (u->dropped)
		return;
	LIST_EACH_SAFE (&u->row, l, n) {
		unit_cmd_free(u, CONTAINER_OF(l, struct unit_cmd, link));
	}
	if (u->miss > u->hit && u->need < UNIT_NEED_WASTE)
		u->need *= 2; /* it was for nothing */
	u->hit = u->miss = 0;
}

/* All that is open, the youngest first. */
void
unit_cancel(struct unit *u)
{
	struct list *l;

	for (l = u->row.prev; l != &u->row; l = l->prev) {
		struct unit_cmd *c = CONTAINER_OF(l, struct unit_cmd, link);

		for (unsigned i = UNIT_PARTS; i-- > 0 && !c->cancelled;)
			if (c->part[i].open)
				(void)u->ops->unlink(u->arg,
						     u->in & ep_of[i] ? u->in : u->out,
						     c->part[i].far);
		c->cancelled = true;
	}
}

bool
unit_find(struct unit *u, uint8_t ep, uint64_t tag)
{
	struct list *l;

	LIST_EACH (&u->row, l) {
		struct unit_cmd *c = CONTAINER_OF(l, struct unit_cmd, link);

		for (unsigned i = 0; i < UNIT_PARTS; i++)
			if (c->part[i].open && c->part[i].far == tag &&
			    ep == (i == UNIT_BLOCK ? u->out : u->in)) {
				u->ending = c;
				u->ending_part = i;
				return true;
			}
	}
	return false;
}

bool
unit_has_csw(const struct unit_cmd *c)
{
	const struct unit_request *p = &c->part[UNIT_CSW];

	return p->sent && !p->open && !p->back && p->status == 0 &&
	       p->actual == UNIT_STATUS && memcmp(c->csw, "USBS", 4) == 0 &&
	       bot_le32(c->csw + 4) == c->tag;
}

/* Of REQUEST SENSE less will do. */
static bool
is_good(const struct unit_cmd *c)
{
	const struct unit_request *p = c->part;

	for (unsigned i = 0; i < UNIT_PARTS; i++)
		if (!p[i].sent || p[i].open || p[i].back || p[i].status != 0)
			return false;
	return unit_has_csw(c) && c->csw[12] == 0 && p[UNIT_BLOCK].actual == UNIT_CBW &&
	       (c->sense || (p[UNIT_DATA].actual == c->len && bot_le32(c->csw + 8) == 0));
}

static bool
is_over(const struct unit_cmd *c)
{
	for (unsigned i = 0; i < UNIT_PARTS; i++)
		if (c->part[i].open)
			return false;
	return true;
}

/* Its parts may end in any order here: endpoints are streams of their own. */
void
unit_part_ended(struct unit *u)
{
	struct unit_cmd *c = u->ending;
	struct unit_request *p = &c->part[u->ending_part];

	p->open = false;
	p->back = u->reply.unlinked;
	p->status = u->reply.status;
	p->actual = u->reply.actual;
	u->opens--;
	if (p->back || p->status != 0)
		u->broken = true;
	if (!is_over(c))
		return;
	c->good = is_good(c);
	u->broken = u->broken || !c->good;
	if (!c->good || c->sense)
		return;
	c->at = u->now(u->arg);
	u->got += c->len;
	measure(u, c);
}
