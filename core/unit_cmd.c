/* SPDX-License-Identifier: ISC */
/*
 * Commands of ours in a row: each is sent before the one before it has ended, and begins
 * at the device if that one went well (core/after.h); else all that are left come back.
 */
#include "core/after.h"
#include "core/mem.h"
#include "core/unit_impl.h"

static void
put_le32(uint8_t *p, uint32_t v)
{
	for (unsigned i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> 8 * i);
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
	return u->opens == 0 && !u->broken && u->mend == UNIT_WELL &&
	       u->use != UNIT_WRITES;
}

/* --- their life --- */

void
unit_cmd_add(struct unit *u, struct unit_cmd *c)
{
	list_add(&u->row, &c->link);
	u->cmds++;
}

void
unit_cmd_take(struct unit *u, struct unit_cmd *c)
{
	list_del(&c->link);
	u->cmds--;
}

void
unit_cmd_put(struct unit *u, struct unit_cmd *c)
{
	if (c != NULL)
		pool_put(u->pool, c, sizeof(*c) + c->room);
}

void
unit_cmd_free(struct unit *u, struct unit_cmd *c)
{
	unit_cmd_take(u, c);
	if (u->use == UNIT_READS)
		u->miss += c->len - c->used;
	unit_cmd_put(u, c);
}

struct unit_cmd *
unit_cmd_new(struct unit *u, uint32_t len, uint32_t room, bool row)
{
	struct unit_cmd *c = pool_get(u->pool, sizeof(*c) + room);

	if (c == NULL)
		return NULL;
	memset(c, 0, sizeof(*c));
	c->len = len;
	c->room = room;
	c->lun = u->row_lun;
	if (row)
		unit_cmd_add(u, c);
	return c;
}

/* --- one of them --- */

static uint8_t
ep_of(const struct unit *u, const struct unit_cmd *c, enum unit_part part)
{
	return part == UNIT_BLOCK || (part == UNIT_DATA && c->out) ? u->out : u->in;
}

static int
send_part(struct unit *u, struct unit_cmd *c, enum unit_part part, uint32_t len,
	  const uint8_t *data, uint32_t after)
{
	const struct import_request q = {.ep = ep_of(u, c, part),
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

/* Behind another part of the same. */
static uint32_t
behind_part(const struct unit *u, const struct unit_cmd *c, enum unit_part part)
{
	return after_name(ep_of(u, c, part), c->part[part].far);
}

static int
send_parts(struct unit *u, struct unit_cmd *c, const uint8_t *cbw)
{
	enum unit_part last = UNIT_BLOCK;
	int err = send_part(u, c, UNIT_BLOCK, UNIT_CBW, cbw, behind(u, c));

	if (err == ERR_OK && c->len > 0) {
		err = send_part(u, c, UNIT_DATA, c->len, c->out ? c->data : NULL,
				behind_part(u, c, last));
		last = UNIT_DATA;
	}
	if (err == ERR_OK)
		err =
		    send_part(u, c, UNIT_CSW, UNIT_STATUS, NULL, behind_part(u, c, last));
	return err;
}

int
unit_send(struct unit *u, struct unit_cmd *c)
{
	uint8_t cbw[UNIT_CBW] = {'U', 'S', 'B', 'C'};
	uint8_t op = c->cdb[0];
	int err;

	c->tag = u->next_tag++;
	put_le32(cbw + 4, c->tag);
	put_le32(cbw + 8, c->len);
	cbw[12] = c->out || c->len == 0 ? 0 : 0x80;
	cbw[13] = c->lun;
	cbw[14] = op < 0x20 ? 6 : op < 0x80 ? 10 : 16;
	memcpy(cbw + 15, c->cdb, 16);
	if ((err = send_parts(u, c, cbw)) != ERR_OK)
		u->broken = u->broken || c->part[UNIT_BLOCK].sent;
	return err;
}

int
unit_send_sense(struct unit *u)
{
	struct unit_cmd *c = unit_cmd_new(u, UNIT_SENSE, UNIT_SENSE, true);
	int err;

	if (c == NULL)
		return ERR_NOMEM;
	c->cdb[0] = 0x03;
	c->cdb[4] = UNIT_SENSE;
	c->sense = true;
	u->failed = c;
	err = unit_send(u, c);
	if (!c->part[UNIT_BLOCK].sent)
		unit_cmd_free(u, c);
	return err;
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
				(void)u->ops->unlink(u->arg, ep_of(u, c, i),
						     c->part[i].far);
		c->cancelled = true;
	}
}

/* --- its end --- */

bool
unit_find(struct unit *u, uint8_t ep, uint64_t tag)
{
	struct list *l;

	LIST_EACH (&u->row, l) {
		struct unit_cmd *c = CONTAINER_OF(l, struct unit_cmd, link);

		for (unsigned i = 0; i < UNIT_PARTS; i++)
			if (c->part[i].open && c->part[i].far == tag &&
			    ep == ep_of(u, c, i)) {
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

bool
unit_has_passed(const struct unit_cmd *c)
{
	return c->good || (unit_has_csw(c) && c->csw[12] == 0);
}

/* Of what is not known to have a length less will do. */
static bool
is_good(const struct unit *u, const struct unit_cmd *c)
{
	const struct unit_request *p = c->part;

	for (unsigned i = 0; i < UNIT_PARTS; i++)
		if ((i != UNIT_DATA || c->len > 0) &&
		    (!p[i].sent || p[i].open || p[i].back || p[i].status != 0))
			return false;
	return unit_has_csw(c) && c->csw[12] == 0 && p[UNIT_BLOCK].actual == UNIT_CBW &&
	       (c->sense || u->use == UNIT_RELAY ||
		(p[UNIT_DATA].actual == c->len && bot_le32(c->csw + 8) == 0));
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
	if (p->back || p->status != 0 ||
	    (u->ending_part == UNIT_CSW && !unit_has_passed(c)))
		u->broken = true; /* nothing more is sent behind it */
	if (!is_over(c))
		return;
	c->good = is_good(u, c);
	u->broken = u->broken || !c->good;
	if (!c->good || c->sense)
		return;
	c->at = u->now == NULL ? 0 : u->now(u->arg);
	if (u->use == UNIT_READS)
		unit_came(u, c);
	else if (u->use == UNIT_WRITES)
		unit_cache_came(u, c);
}
