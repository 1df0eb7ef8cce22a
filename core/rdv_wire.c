/* SPDX-License-Identifier: ISC */
/*
 * The rendezvous' messages as bytes and back.
 */
#include "core/rdv_wire.h"
#include "core/mem.h"
#include "core/text.h"

#define SKIP 128 /* from here on: skipped when not known */

static const struct {
	const char *name;
	uint8_t type, who;
	size_t min, max;
} rows[] = {
#define ROW(name, number, who, min, max) {#name, number, who, min, max},
    RDV_LIST(ROW)
#undef ROW
};

static const struct {
	const char *text;
	uint8_t end;
	int err;
} ends[] = {
#define ROW(name, number, text, err) {text, number, err},
    RDV_ENDS(ROW)
#undef ROW
};

int
rdv_wire_check(uint8_t type, uint8_t who, size_t len)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].type == type)
			return rows[i].who == who && len >= rows[i].min &&
				       len <= rows[i].max
				   ? ERR_OK
				   : ERR_PROTO;
	return type < SKIP ? ERR_PROTO : ERR_NODEV;
}

const char *
rdv_wire_name(uint8_t type)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].type == type)
			return rows[i].name;
	return "?";
}

const char *
rdv_end_text(uint8_t end)
{
	for (size_t i = 0; i < ARRAY_LEN(ends); i++)
		if (ends[i].end == end)
			return ends[i].text;
	return "for a reason that is not known here";
}

int
rdv_end_err(uint8_t end)
{
	for (size_t i = 0; i < ARRAY_LEN(ends); i++)
		if (ends[i].end == end)
			return ends[i].err;
	return ERR_CLOSED;
}

void
rdv_put_join(struct wr *w, const struct rdv_join *j)
{
	wr_u8(w, j->major);
	wr_u8(w, j->minor);
	wr_u8(w, j->role);
	wr_bytes(w, j->instance, sizeof(j->instance));
}

int
rdv_get_join(struct rd *r, struct rdv_join *j)
{
	j->major = rd_u8(r);
	j->minor = rd_u8(r);
	j->role = rd_u8(r);
	rd_bytes(r, j->instance, sizeof(j->instance));
	return j->role > RDV_HOST ? ERR_PROTO : rd_end(r);
}

void
rdv_put_joined(struct wr *w, const struct rdv_joined *j)
{
	wr_u8(w, j->major);
	wr_u8(w, j->minor);
	wr_le16(w, j->idle_s);
}

int
rdv_get_joined(struct rd *r, struct rdv_joined *j)
{
	j->major = rd_u8(r);
	j->minor = rd_u8(r);
	j->idle_s = rd_le16(r);
	return j->idle_s == 0 ? ERR_PROTO : rd_end(r);
}

static void
get_address(struct rd *r, struct rdv_address *a)
{
	rd_bytes(r, a->id, sizeof(a->id));
	rd_bytes(r, a->instance, sizeof(a->instance));
}

void
rdv_put_address(struct wr *w, const struct rdv_address *a)
{
	wr_bytes(w, a->id, sizeof(a->id));
	wr_bytes(w, a->instance, sizeof(a->instance));
}

int
rdv_get_address(struct rd *r, struct rdv_address *a)
{
	get_address(r, a);
	return rd_end(r);
}

void
rdv_put_parcel(struct wr *w, const struct rdv_parcel *p)
{
	rdv_put_address(w, &p->with);
	wr_le32(w, p->number);
	wr_u8(w, p->flags);
	wr_bytes(w, p->data, p->n);
}

int
rdv_get_parcel(struct rd *r, struct rdv_parcel *p)
{
	get_address(r, &p->with);
	p->number = rd_le32(r);
	p->flags = rd_u8(r);
	p->n = rd_left(r);
	p->data = rd_lend(r, p->n);
	return p->n > RDV_DATA ? ERR_PROTO : rd_end(r);
}

void
rdv_put_relays(struct wr *w, const struct rdv_relays *t)
{
	wr_u8(w, (uint8_t)t->n);
	for (unsigned i = 0; i < t->n; i++)
		wr_str8(w, t->uri[i]);
	wr_str8(w, t->user);
	wr_str8(w, t->password);
	wr_le32(w, t->ttl_s);
}

int
rdv_get_relays(struct rd *r, struct rdv_relays *t)
{
	memset(t, 0, sizeof(*t));
	if ((t->n = rd_u8(r)) > RDV_SERVERS)
		return ERR_PROTO;
	for (unsigned i = 0; i < t->n; i++) {
		rd_str8(r, t->uri[i], RDV_RELAY);
		text_clean(t->uri[i]);
	}
	rd_str8(r, t->user, sizeof(t->user));
	text_clean(t->user);
	rd_str8(r, t->password, sizeof(t->password));
	text_clean(t->password);
	t->ttl_s = rd_le32(r);
	return rd_end(r);
}

void
rdv_put_end(struct wr *w, uint8_t end)
{
	wr_u8(w, end);
	wr_str8(w, rdv_end_text(end));
}

/* The text is for tools that do not know the number. */
int
rdv_get_end(struct rd *r, uint8_t *end)
{
	char text[RDV_TEXT + 1];

	*end = rd_u8(r);
	rd_str8(r, text, sizeof(text));
	return rd_end(r);
}
