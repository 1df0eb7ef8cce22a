/* SPDX-License-Identifier: ISC */
/*
 * Commands of the driver that are answered here: READs of what was read ahead, and what
 * there is to say of a sense that was met on the way. The driver sees a device that
 * answers at once; the device sees nothing of it.
 */
#include "core/mem.h"
#include "core/unit_impl.h"
#include "core/usbip.h"

/* SPC-4: commands that leave a unit attention alone */
#define REQUEST_SENSE 0x03
#define INQUIRY       0x12
#define REPORT_LUNS   0xa0

static void
put_le32(uint8_t *p, uint32_t v)
{
	for (unsigned i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

static void
forget_data(struct unit *u)
{
	pool_put(u->pool, u->own.data, u->own.data == NULL ? 0 : u->own.len);
	unit_cmd_put(u, u->own.write);
	u->own.data = NULL;
	u->own.write = NULL;
	u->own.n = 0;
}

void
unit_own_stop(struct unit *u)
{
	if (!u->own.on)
		return;
	u->own.on = false;
	forget_data(u);
}

/* --- which --- */

void
unit_own_start(struct unit *u, const uint8_t *cbw)
{
	struct unit_own *o = &u->own;

	memcpy(o->cbw, cbw, UNIT_CBW);
	o->len = bot_le32(cbw + 8);
	o->in = (cbw[12] & 0x80) != 0;
	o->on = true;
	o->have = o->data_over = o->relay = o->shows = false;
	o->taken = 0;
	o->how = 0;
}

static bool
is_fresh(const struct unit *u)
{
	const struct unit_cmd *c = unit_first(u);

	return c != NULL && (!c->good || u->now(u->arg) - c->at < UNIT_AGE_US);
}

/* The next of the row, which can hold it all. */
static bool
is_hit(struct unit *u, const uint8_t *cbw, uint64_t lba, uint32_t blocks)
{
	uint32_t len = bot_le32(cbw + 8);

	return u->streams && !u->dropped && !u->broken && u->mend == UNIT_WELL &&
	       cbw[13] == u->row_lun && lba == u->pos && is_fresh(u) &&
	       (cbw[12] & 0x80) != 0 && len / unit_block(u) == blocks &&
	       len % unit_block(u) == 0 && len <= UNIT_WINDOW &&
	       u->lun[u->row_lun].last - lba >= blocks - 1;
}

static bool
begin_read(struct unit *u, const uint8_t *cbw)
{
	uint64_t lba;
	uint32_t blocks;

	if (!unit_is_read(cbw, &lba, &blocks)) {
		unit_forget_seqs(u);
		unit_drop(u);
		return false;
	}
	if (!is_hit(u, cbw, lba, blocks)) {
		if (u->streams && !is_fresh(u))
			unit_drop(u);
		return false;
	}
	unit_follow(u, cbw, lba, blocks);
	u->row_seq = u->now_seq;
	unit_own_start(u, cbw);
	unit_fill(u, lba + blocks);
	return true;
}

void
unit_own_check(struct unit *u)
{
	if (!u->own.on || u->own.have)
		return;
	u->own.have = u->told = true;
	u->own.how = 1;
}

/* The sense that was kept is what REQUEST SENSE asks for, and anything else meets. */
static bool
begin_sense(struct unit *u, const uint8_t *cbw)
{
	struct unit_own *o = &u->own;

	if (cbw[15] == INQUIRY || cbw[15] == REPORT_LUNS)
		return false;
	if (cbw[15] != REQUEST_SENSE && u->told) {
		u->sense_n = 0; /* nobody asked */
		return false;
	}
	unit_own_start(u, cbw);
	if (cbw[15] != REQUEST_SENSE) {
		unit_own_check(u);
		return true;
	}
	o->n = u->sense_n < o->len ? u->sense_n : o->len;
	if (!o->in || (o->n > 0 && (o->data = pool_get(u->pool, o->len)) == NULL)) {
		o->on = false;
		return false;
	}
	if (o->n > 0)
		memcpy(o->data, u->sense, o->n);
	o->have = true;
	u->sense_n = 0;
	return true;
}

bool
unit_own_begin(struct unit *u, const uint8_t *cbw)
{
	if (unit_cache_refuses(u, cbw))
		return true;
	if (u->sense_n > 0 && cbw[13] == u->sense_lun && begin_sense(u, cbw))
		return true;
	if (u->sense_n > 0 && cbw[13] == u->sense_lun)
		return false;
	return unit_cache_begin(u, cbw) || unit_relay_begin(u, cbw) || begin_read(u, cbw);
}

/* --- the driver's urbs --- */

static int
add_reader(struct unit *u, const struct import_request *q, uint64_t ours)
{
	struct unit_reader *r = pool_zget(u->pool, sizeof(*r));

	if (r == NULL)
		return ERR_NOMEM;
	r->tag = ours;
	r->q = *q;
	list_add(&u->own.readers, &r->link);
	return ERR_OK;
}

void
unit_own_name(struct unit *u)
{
	struct list *l;

	LIST_EACH (&u->own.readers, l) {
		CONTAINER_OF(l, struct unit_reader, link)->named = true;
	}
}

static void
reader_free(struct unit *u, struct unit_reader *r)
{
	list_del(&r->link);
	pool_put(u->pool, r, sizeof(*r));
}

static struct unit_reader *
first_reader(const struct unit *u)
{
	return list_empty(&u->own.readers)
		   ? NULL
		   : CONTAINER_OF(u->own.readers.next, struct unit_reader, link);
}

bool
unit_own_take(struct unit *u, const struct import_request *q, uint64_t ours, int *err)
{
	struct unit_own *o = &u->own;

	*err = ERR_OK;
	if (q->ep == u->in) {
		*err = add_reader(u, q, ours);
		return true;
	}
	if (o->in || q->len > o->len - o->taken)
		return false;
	if (o->write != NULL)
		memcpy(o->write->data + o->taken, q->data, q->len);
	o->taken += q->len;
	o->due = true;
	o->due_tag = ours;
	o->due_len = q->len;
	return true;
}

static void
answer(struct unit *u, struct unit_reader *r, const struct import_reply *reply,
       const uint8_t *data)
{
	uint64_t tag = r->tag;

	reader_free(u, r);
	u->ops->answer(u->arg, u->in, tag, reply, data);
}

bool
unit_own_unlink(struct unit *u, uint64_t tag)
{
	const struct import_reply back = {.status = -LINUX_ECONNRESET, .unlinked = true};
	struct list *l;

	LIST_EACH (&u->own.readers, l) {
		struct unit_reader *r = CONTAINER_OF(l, struct unit_reader, link);

		if (r->tag == tag) {
			answer(u, r, &back, NULL);
			return true;
		}
	}
	return false;
}

void
unit_own_end(struct unit *u, int32_t status)
{
	const struct import_reply reply = {.status = status};
	struct unit_reader *r;

	u->own.on = false;
	forget_data(u);
	while ((r = first_reader(u)) != NULL && r->named)
		answer(u, r, &reply, NULL);
}

/* --- answers --- */

static void
give_data(struct unit *u, struct unit_reader *r)
{
	struct unit_own *o = &u->own;
	uint32_t left = o->n - o->taken, n = left < r->q.len ? left : r->q.len;
	struct import_reply reply = {.actual = n};
	uint32_t at = o->taken;

	o->taken += n;
	o->data_over = n < r->q.len || o->taken == o->len;
	if (n < r->q.len && (r->q.flags & URB_SHORT_NOT_OK))
		reply.status = -LINUX_EREMOTEIO;
	answer(u, r, &reply, o->data == NULL ? NULL : o->data + at);
}

static void
give_status(struct unit *u, struct unit_reader *r)
{
	struct unit_own *o = &u->own;
	uint8_t csw[UNIT_STATUS] = {'U', 'S', 'B', 'S'};
	struct import_reply reply = {.actual = UNIT_STATUS};

	memcpy(csw + 4, o->cbw + 4, 4);
	put_le32(csw + 8, o->len - o->n);
	csw[12] = o->how;
	if (o->shows)
		u->lun[o->cbw[13] & 15].shown = true;
	if (r->q.len < UNIT_STATUS)
		reply =
		    (struct import_reply){.status = -LINUX_EOVERFLOW, .actual = r->q.len};
	o->on = false;
	forget_data(u);
	answer(u, r, &reply, csw);
}

/* All that the command asks for is here, at the row's beginning. */
static bool
is_complete(const struct unit *u)
{
	uint64_t n = 0;
	struct list *l;

	LIST_EACH (&u->row, l) {
		const struct unit_cmd *c = CONTAINER_OF(l, struct unit_cmd, link);

		if (!c->good || n >= u->own.len)
			break;
		n += c->len - c->used;
	}
	return n >= u->own.len;
}

static void
move_data(struct unit *u)
{
	struct unit_own *o = &u->own;

	for (o->n = 0; o->n < o->len;) {
		struct unit_cmd *c = unit_first(u);
		uint32_t left = c->len - c->used, n = o->len - o->n;

		n = left < n ? left : n;
		memcpy(o->data + o->n, c->data + c->used, n);
		o->n += n;
		c->used += n;
		if (c->used == c->len)
			unit_cmd_free(u, c);
	}
	u->pos += o->len / unit_block(u);
	u->hit += o->len;
}

static void
collect(struct unit *u)
{
	struct unit_own *o = &u->own;

	if (o->have || o->relay || u->dropped || !is_complete(u))
		return;
	if ((o->data = pool_get(u->pool, o->len)) == NULL) {
		unit_own_end(u, -LINUX_ENOMEM);
		unit_owe(u);
		return;
	}
	move_data(u);
	o->have = true;
	u->stats->hits++;
	u->stats->saved += UNIT_PARTS;
	if (u->hit > 8ull * o->len)
		u->need = 2; /* it pays */
}

static void
pay_due(struct unit *u)
{
	const struct import_reply reply = {.actual = u->own.due_len};

	if (!u->own.due)
		return;
	u->own.due = false;
	u->ops->answer(u->arg, u->out, u->own.due_tag, &reply, NULL);
}

void
unit_own_go_on(struct unit *u)
{
	struct unit_own *o = &u->own;
	struct unit_reader *r;

	pay_due(u);
	if (o->on && o->write != NULL)
		unit_cache_take(u);
	else if (o->on)
		collect(u);
	while (o->on && o->have && (r = first_reader(u)) != NULL && r->named) {
		if (o->in && !o->data_over && o->len > 0)
			give_data(u, r);
		else
			give_status(u, r);
	}
}

void
unit_own_again(struct unit *u)
{
	struct unit_own *o = &u->own;
	struct unit_reader *r;

	if (!o->on || o->have || o->write != NULL) /* that has not begun */
		return;
	o->on = false;
	unit_watch(u, o->cbw);
	bot_again(u->bot, o->cbw, UNIT_AGAIN);
	while ((r = first_reader(u)) != NULL && r->named) {
		uint64_t tag = r->tag;
		struct import_request q = r->q;

		reader_free(u, r);
		bot_again_read(u->bot, &q, tag);
	}
}
