/* SPDX-License-Identifier: ISC */
/*
 * Commands that the disk does for the driver, but whose answer is changed here, where
 * there is a write cache: MODE SENSE tells of it; SYNCHRONIZE CACHE is done when all
 * writes are, also by a disk that does not know the command.
 */
#include "core/mem.h"
#include "core/modepage.h"
#include "core/unit_impl.h"
#include "core/usbip.h"

/* SPC-4, SBC-3 */
#define MODE_SELECT_6   0x15
#define MODE_SELECT_10  0x55
#define SYNC_10         0x35
#define SYNC_16         0x91
#define ILLEGAL_REQUEST 5
#define INVALID_OPCODE  0x20

#define ASK_LEAST       192u /* bytes, which disks are used to */
#define ASK_MOST        512u

static bool
is_sync(const uint8_t *cbw)
{
	return cbw[15] == SYNC_10 || cbw[15] == SYNC_16;
}

bool
unit_relays(const struct unit *u, const uint8_t *cbw)
{
	const struct unit_lun *l = &u->lun[cbw[13] & 15];
	uint32_t len = bot_le32(cbw + 8), alloc;
	struct modepage m;

	if (u->cached == NULL || !l->disk || l->changed)
		return false;
	if (is_sync(cbw))
		return l->shown && len == 0;
	return modepage_asked(cbw + 15, &m, &alloc) && alloc <= ASK_MOST && len > 0 &&
	       (cbw[12] & 0x80) != 0;
}

/* The driver's own, which asks for as much as is needed to change it. */
static void
copy(struct unit_cmd *c, const uint8_t *cbw)
{
	memcpy(c->cdb, cbw + 15, sizeof(c->cdb));
	c->lun = cbw[13];
	if (c->len == 0)
		return;
	if (c->cdb[0] < 0x20) {
		c->cdb[4] = (uint8_t)c->len;
	} else {
		c->cdb[7] = (uint8_t)(c->len >> 8);
		c->cdb[8] = (uint8_t)c->len;
	}
}

/* Who meddles with modes gets the disk's own cache from then on, if there is one. */
static void
look(struct unit *u, const uint8_t *cbw)
{
	if (u->cached != NULL && (cbw[15] == MODE_SELECT_6 || cbw[15] == MODE_SELECT_10))
		u->lun[cbw[13] & 15].changed = true;
}

bool
unit_relay_begin(struct unit *u, const uint8_t *cbw)
{
	uint32_t alloc = 0, len = 0;
	struct unit_cmd *c;
	struct modepage m;

	look(u, cbw);
	if (!unit_relays(u, cbw) || !unit_idle(u))
		return false;
	if (!is_sync(cbw) && modepage_asked(cbw + 15, &m, &alloc))
		len = alloc < ASK_LEAST ? ASK_LEAST : alloc;
	unit_forget_seqs(u);
	unit_drop(u);
	if ((c = unit_cmd_new(u, len, len + MODEPAGE_MORE, true)) == NULL)
		return false;
	copy(c, cbw);
	u->use = UNIT_RELAY;
	u->row_lun = cbw[13];
	if (unit_send(u, c) != ERR_OK && !c->part[UNIT_BLOCK].sent) {
		unit_drop(u);
		return false;
	}
	unit_own_start(u, cbw);
	u->own.relay = true;
	return true;
}

/* --- its end --- */

static void
give(struct unit *u, struct modepage *m, const uint8_t *p, uint32_t n, uint32_t alloc)
{
	struct unit_own *o = &u->own;

	n = n < alloc ? n : alloc;
	n = n < o->len ? n : o->len;
	if ((o->data = pool_get(u->pool, o->len)) == NULL) {
		unit_own_end(u, -LINUX_ENOMEM);
		unit_owe(u);
		return;
	}
	memcpy(o->data, p, n);
	o->n = n;
	o->shows = m->ends > 0 && m->ends <= n;
	u->lun[o->cbw[13] & 15].specific = m->specific;
}

static void
answer(struct unit *u, struct unit_cmd *c, bool known)
{
	struct unit_own *o = &u->own;
	uint32_t alloc, n = c->part[UNIT_DATA].actual;
	struct modepage m;

	o->relay = false;
	o->have = true;
	o->how = 0;
	if (is_sync(o->cbw) || !modepage_asked(o->cbw + 15, &m, &alloc))
		return;
	m.specific = u->lun[o->cbw[13] & 15].specific;
	m.whole = n < c->len;
	n = known ? modepage_cached(&m, c->data, n) : modepage_make(&m, c->data);
	give(u, &m, c->data, n, alloc);
}

void
unit_relay_passed(struct unit *u)
{
	struct unit_cmd *c = unit_first(u);

	if (u->own.on && u->own.relay && !u->dropped)
		answer(u, c, true);
	unit_drop(u);
}

void
unit_relay_failed(struct unit *u, const uint8_t *sense, uint32_t n)
{
	struct unit_own *o = &u->own;
	struct unit_cmd *c = unit_first(u);
	uint8_t why[3];
	bool known = unit_sense_read(sense, n, why);

	if (!o->on || !o->relay || u->dropped)
		unit_keep_sense(u, sense, n, u->row_lun);
	else if (known && why[0] == ILLEGAL_REQUEST &&
		 (!is_sync(o->cbw) || why[1] == INVALID_OPCODE))
		answer(u, c, false);
	else {
		memcpy(u->sense, sense, n);
		u->sense_n = n;
		u->sense_lun = u->row_lun;
		o->relay = false;
		unit_own_check(u);
	}
	unit_drop(u);
}

void
unit_relay_go_on(struct unit *u)
{
	struct unit_cmd *c = unit_first(u);

	if (u->use != UNIT_RELAY || !unit_idle(u))
		return;
	if (c != NULL && c->good)
		unit_relay_passed(u);
	else
		unit_drop(u);
}
