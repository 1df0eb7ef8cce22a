/* SPDX-License-Identifier: ISC */
/*
 * The table of messages, and the bodies of those by which two sides meet. Those about
 * devices are in wire_device.c, their requests in wire_urb.c.
 */
#include "core/mem.h"
#include "core/session.h"
#include "core/stream.h"
#include "core/text.h"
#include "core/wire_impl.h"

static const struct wire_row rows[] = {
#define WIRE_ROW(name, number, who, place, min, max) \
	{#name, number, who, place, min, max},
    WIRE_LIST(WIRE_ROW)
#undef WIRE_ROW
};

#define WINDOW_LEAST 65536u
#define URB_HEADS    (SESSION_MSG_HEAD + WIRE_COMPLETE_HEAD) /* the longer head */

static const struct wire_row *
row_of(uint8_t type)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].type == type)
			return &rows[i];
	return NULL;
}

int
wire_check(uint8_t type, uint8_t who, enum wire_place place, uint32_t len,
	   const struct wire_row **row)
{
	*row = row_of(type);
	if (*row == NULL)
		return type >= 128 ? ERR_NODEV : ERR_PROTO;
	if (((*row)->who & who) == 0 || (*row)->place != place || len < (*row)->min ||
	    len > (*row)->max)
		return ERR_PROTO;
	return ERR_OK;
}

const char *
wire_name(uint8_t type)
{
	const struct wire_row *r = row_of(type);

	return r == NULL ? "UNKNOWN" : r->name;
}

enum wire_place
wire_place_of(uint32_t sid)
{
	if (sid == STREAM_SESSION)
		return WIRE_SESSION;
	return stream_dev(sid) == 0 ? WIRE_BENCH : WIRE_DEVICE;
}

int
wire_send(struct session *s, uint8_t type, const uint8_t *body, const struct wr *w)
{
	struct session_slice v = {body, (size_t)(w->p - body)};

	ASSERT(!w->bad);
	return session_send(s, STREAM_SESSION, type, &v, 1, NULL);
}

int
wire_reason_err(uint8_t reason)
{
	static const int err[WIRE_REASONS] = {
	    [WIRE_OK] = ERR_OK,
	    [WIRE_NOT_ALLOWED] = ERR_REFUSED,
	    [WIRE_BAD_TICKET] = ERR_REFUSED,
	    [WIRE_VERSION] = ERR_PROTO,
	    [WIRE_NO_DEVICE] = ERR_NODEV,
	    [WIRE_IN_USE] = ERR_BUSY,
	    [WIRE_LIMIT] = ERR_FULL,
	    [WIRE_TROUBLE] = ERR_FAIL,
	};

	return reason < WIRE_REASONS ? err[reason] : ERR_FAIL;
}

void
wire_get_text(struct rd *r, char *dst, size_t cap)
{
	rd_str8(r, dst, cap);
	text_clean(dst);
}

void
wire_put_greet(struct wr *w, const struct wire_greet *g)
{
	wr_u8(w, g->major);
	wr_u8(w, g->minor);
	wr_le64(w, g->caps);
	wr_bytes(w, g->instance, sizeof(g->instance));
	wr_bytes(w, g->ticket, sizeof(g->ticket));
	wr_bytes(w, g->proof, sizeof(g->proof));
	wr_str8(w, g->name);
}

static void
greet(struct rd *r, struct wire_greet *g)
{
	g->major = rd_u8(r);
	g->minor = rd_u8(r);
	g->caps = rd_le64(r);
	rd_bytes(r, g->instance, sizeof(g->instance));
	rd_bytes(r, g->ticket, sizeof(g->ticket));
	rd_bytes(r, g->proof, sizeof(g->proof));
	wire_get_text(r, g->name, sizeof(g->name));
}

int
wire_get_greet(struct rd *r, struct wire_greet *g)
{
	greet(r, g);
	return rd_end(r);
}

void
wire_put_hello(struct wr *w, const struct wire_hello *h)
{
	wire_put_greet(w, &h->greet);
	wr_bytes(w, h->session, sizeof(h->session));
	wr_le64(w, h->generation);
	wr_le32(w, h->window);
	wr_le32(w, h->urb_max);
	wr_le32(w, h->grace_s);
}

int
wire_get_hello(struct rd *r, struct wire_hello *h)
{
	greet(r, &h->greet);
	rd_bytes(r, h->session, sizeof(h->session));
	h->generation = rd_le64(r);
	h->window = rd_le32(r);
	h->urb_max = rd_le32(r);
	h->grace_s = rd_le32(r);
	return rd_end(r);
}

uint32_t
wire_window(const struct wire_hello *h)
{
	return h->window > WINDOW_LEAST ? h->window : WINDOW_LEAST;
}

static uint32_t
least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

uint32_t
wire_urb_max(const struct wire_hello *a, const struct wire_hello *b)
{
	uint32_t window = least(wire_window(a), wire_window(b));
	uint32_t fits = least(window, WIRE_HUGE) - URB_HEADS;

	return least(fits, least(a->urb_max, b->urb_max));
}

void
wire_put_refusal(struct wr *w, const struct wire_refusal *f)
{
	wr_u8(w, f->reason);
	wr_str8(w, f->text);
}

void
wire_part_refusal(struct rd *r, struct wire_refusal *f)
{
	f->reason = rd_u8(r);
	wire_get_text(r, f->text, sizeof(f->text));
}

int
wire_get_refusal(struct rd *r, struct wire_refusal *f)
{
	wire_part_refusal(r, f);
	return rd_end(r);
}

void
wire_put_offer(struct wr *w, const struct wire_offer *o)
{
	wr_u8(w, o->link);
	wr_str8(w, o->ufrag);
	wr_str8(w, o->pwd);
	wr_u8(w, (uint8_t)o->n);
	for (unsigned i = 0; i < o->n; i++)
		wr_str8(w, o->candidate[i]);
}

int
wire_get_offer(struct rd *r, struct wire_offer *o)
{
	o->link = rd_u8(r);
	wire_get_text(r, o->ufrag, sizeof(o->ufrag));
	wire_get_text(r, o->pwd, sizeof(o->pwd));
	o->n = rd_u8(r);
	if (o->link > 31 || o->n > WIRE_CANDIDATES)
		return ERR_PROTO;
	for (unsigned i = 0; i < o->n; i++)
		wire_get_text(r, o->candidate[i], sizeof(o->candidate[i]));
	return rd_end(r);
}

void
wire_put_trickle(struct wr *w, const char *candidate)
{
	wr_str8(w, candidate);
}

int
wire_get_trickle(struct rd *r, char candidate[WIRE_CANDIDATE])
{
	wire_get_text(r, candidate, WIRE_CANDIDATE);
	return rd_end(r);
}
