/* SPDX-License-Identifier: ISC */
/*
 * Peers of the snapshot, by name, and the lines to them.
 */
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "core/text.h"
#include "tui/model_impl.h"

struct model_peer *
model_peer(const struct model *m, unsigned i)
{
	return rows_at(&m->peers, sizeof(struct model_peer), i);
}

struct model_peer *
model_peer_named(const struct model *m, const char *name)
{
	for (unsigned i = 0; i < m->peers.n; i++)
		if (strcmp(model_peer(m, i)->name, name) == 0)
			return model_peer(m, i);
	return NULL;
}

struct model_peer *
model_peer_get(struct model *m, const char *name)
{
	struct model_peer *p = model_peer_named(m, name);

	if (p == NULL && (p = rows_add(&m->peers, sizeof(*p))) != NULL)
		text_copy(p->name, sizeof(p->name), name);
	return p;
}

static int
peer_cmp(const void *a, const void *b)
{
	return strcmp(((const struct model_peer *)a)->name,
		      ((const struct model_peer *)b)->name);
}

void
model_peers_sort(struct model *m)
{
	if (m->peers.n > 1)
		qsort(m->peers.row, m->peers.n, sizeof(struct model_peer), peer_cmp);
}

/* --- links --- */

static void
read_link(struct json_val v, struct model_link *l)
{
	struct json_val o = json_get(v, "link");

	memset(l, 0, sizeof(*l));
	l->held = json_get(v, "held_s").n > 0;
	l->held_s = model_number(v, "held_s");
	l->up = json_get(o, "path").n > 0 && !l->held;
	model_text(o, "path", l->path, sizeof(l->path));
	model_text(o, "kind", l->kind, sizeof(l->kind));
	model_text(o, "carrier", l->carrier, sizeof(l->carrier));
	model_text(o, "cc", l->cc, sizeof(l->cc));
	l->rtt_us = model_number(o, "rtt_us");
	l->min_rtt_us = model_number(o, "min_rtt_us");
	l->packets = model_number(o, "packets_out");
	l->lost = model_number(o, "lost");
	l->bytes = model_number(o, "bytes_in") + model_number(o, "bytes_out");
}

void
model_link(struct model *m, struct model_peer *p, struct json_val v, uint64_t now_us)
{
	struct model_link was = p->link;

	read_link(v, &p->link);
	if (p->link.up)
		model_flow(&p->flow, p->link.bytes, p->link.rtt_us, now_us);
	else
		p->flow.rate = 0;
	if (p->link.held && !was.held)
		model_news(m, true, "%s: the line is cut, what is attached waits",
			   p->name);
	else if (p->link.up && !was.up)
		model_news(m, false, "%s: the line is %s, %s", p->name,
			   was.held ? "back" : "up", p->link.path);
}

char
model_health(const struct model_link *l)
{
	static const struct {
		uint64_t lost; /* per million packets, at most */
		char letter;
	} grade[] = {{1000, 'A'}, {10000, 'B'}, {30000, 'C'}, {100000, 'D'}};
	uint64_t ppm = l->packets == 0 ? 0 : l->lost * 1000000 / l->packets;

	if (!l->up)
		return l->held ? 'F' : '-';
	for (size_t i = 0; i < ARRAY_LEN(grade); i++)
		if (ppm <= grade[i].lost)
			return grade[i].letter;
	return 'E';
}

/* Those who are no longer connected are still known. */
void
model_peers_left(struct model *m, struct json_val list)
{
	char name[sizeof(((struct model_peer *)0)->name)];
	struct json_val v;

	for (unsigned i = 0; i < m->peers.n; i++) {
		struct model_peer *p = model_peer(m, i);
		bool there = p->role != MODEL_GUEST;

		for (unsigned k = 0; !there && (v = json_at(list, k)).n > 0; k++)
			there = json_get_str(v, "name", name, sizeof(name)) &&
				strcmp(name, p->name) == 0;
		if (there)
			continue;
		model_news(m, false, "%s has left", p->name);
		memset(&p->link, 0, sizeof(p->link));
		memset(&p->flow, 0, sizeof(p->flow));
		p->role = MODEL_KNOWN;
		p->since = 0;
	}
}
