/* SPDX-License-Identifier: ISC */
/*
 * The snapshot's rows: found again by name, or made; rows that an object no longer names
 * go.
 */
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "core/text.h"
#include "tui/model.h"

#define RATE_US 500000 /* samples are no closer together */

/* --- rows --- */

static void *
row_at(const struct model_rows *r, size_t size, unsigned i)
{
	return i < r->n ? (char *)r->row + i * size : NULL;
}

static void *
row_add(struct model_rows *r, size_t size)
{
	void *p;

	if (r->n == MODEL_ROWS)
		return NULL;
	if (r->n == r->cap) {
		unsigned cap = r->cap == 0 ? 8 : r->cap * 2;

		if ((p = realloc(r->row, cap * size)) == NULL)
			return NULL;
		r->row = p;
		r->cap = cap;
	}
	p = (char *)r->row + r->n++ * size;
	memset(p, 0, size);
	return p;
}

static void
row_drop(struct model_rows *r, size_t size, unsigned i)
{
	char *p = (char *)r->row + i * size;

	memmove(p, p + size, (r->n - i - 1) * size);
	r->n--;
}

static void
rows_free(struct model_rows *r)
{
	free(r->row);
	memset(r, 0, sizeof(*r));
}

struct model_dev *
model_dev(const struct model_rows *r, unsigned i)
{
	return row_at(r, sizeof(struct model_dev), i);
}

struct model_peer *
model_peer(const struct model *m, unsigned i)
{
	return row_at(&m->peers, sizeof(struct model_peer), i);
}

struct model_peer *
model_peer_named(const struct model *m, const char *name)
{
	for (unsigned i = 0; i < m->peers.n; i++)
		if (strcmp(model_peer(m, i)->name, name) == 0)
			return model_peer(m, i);
	return NULL;
}

static struct model_peer *
peer_get(struct model *m, const char *name)
{
	struct model_peer *p = model_peer_named(m, name);

	if (p == NULL && (p = row_add(&m->peers, sizeof(*p))) != NULL)
		text_copy(p->name, sizeof(p->name), name);
	return p;
}

static struct model_dev *
dev_find(const struct model_rows *r, const char *peer, const char *busid)
{
	for (unsigned i = 0; i < r->n; i++)
		if (strcmp(model_dev(r, i)->peer, peer) == 0 &&
		    strcmp(model_dev(r, i)->busid, busid) == 0)
			return model_dev(r, i);
	return NULL;
}

/* Forgets the peer's rows whose busid no element of `devices` has. */
static void
dev_sweep(struct model_rows *r, const char *peer, struct json_val devices)
{
	for (unsigned i = r->n; i-- > 0;) {
		struct model_dev *d = model_dev(r, i);
		struct json_val v;
		char busid[sizeof(d->busid)];
		bool there = false;

		if (strcmp(d->peer, peer) != 0)
			continue;
		for (unsigned k = 0; !there && (v = json_at(devices, k)).n > 0; k++)
			there = json_get_str(v, "busid", busid, sizeof(busid)) &&
				strcmp(busid, d->busid) == 0;
		if (!there)
			row_drop(r, sizeof(*d), i);
	}
}

/* --- objects --- */

static void
text_of(struct json_val v, const char *key, char *dst, size_t cap)
{
	char buf[1024];

	dst[0] = '\0';
	if (json_get_str(v, key, buf, sizeof(buf)))
		text_copy(dst, cap, buf);
}

static uint64_t
number(struct json_val v, const char *key)
{
	uint64_t n;

	return json_get_u64(v, key, &n) ? n : 0;
}

static void
link_of(struct json_val v, struct model_link *l)
{
	struct json_val o = json_get(v, "link");

	memset(l, 0, sizeof(*l));
	l->up = json_get(o, "path").n > 0;
	text_of(o, "path", l->path, sizeof(l->path));
	text_of(o, "carrier", l->carrier, sizeof(l->carrier));
	text_of(o, "cc", l->cc, sizeof(l->cc));
	l->rtt_us = number(o, "rtt_us");
	l->min_rtt_us = number(o, "min_rtt_us");
	l->packets = number(o, "packets_out");
	l->lost = number(o, "lost");
	l->held_s = number(v, "held_s");
	if (json_get(v, "held_s").n > 0)
		l->up = false;
}

static const struct {
	const char *key;
	size_t at, cap;
} dev_texts[] = {
#define FIELD(key, member)                                  \
	{                                                   \
		key, offsetof(struct model_dev, member),    \
		    sizeof(((struct model_dev *)0)->member) \
	}
    FIELD("id", id),
    FIELD("speed", speed),
    FIELD("class", cls),
    FIELD("nick", nick),
    FIELD("manufacturer", manufacturer),
    FIELD("product", product),
    FIELD("serial", serial),
    FIELD("state", state),
    FIELD("holder", holder),
    FIELD("reason", reason),
    FIELD("local", local),
    FIELD("nodes", nodes),
#undef FIELD
};

static void
shift(uint64_t *a, uint64_t v)
{
	memmove(a, a + 1, (MODEL_RATES - 1) * sizeof(*a));
	a[MODEL_RATES - 1] = v;
}

static void
count(struct model_dev *d, struct json_val urbs, uint64_t rtt_us, uint64_t now_us)
{
	uint64_t in = number(urbs, "bytes_in"), out = number(urbs, "bytes_out");
	uint64_t was = d->bytes_in + d->bytes_out, us = now_us - d->seen_us;

	d->done = number(urbs, "done");
	d->failed = number(urbs, "failed");
	d->inflight = number(urbs, "inflight");
	if (d->seen_us != 0 && us < RATE_US)
		return;
	if (d->seen_us != 0 && in + out >= was) {
		d->rate = (in + out - was) * 1000000 / us;
		shift(d->rates, d->rate);
		shift(d->rtts, rtt_us);
	}
	d->bytes_in = in;
	d->bytes_out = out;
	d->seen_us = now_us;
}

static struct model_dev *
dev_of(struct model_rows *r, const char *peer, struct json_val v)
{
	char busid[32];
	struct model_dev *d;

	if (!json_get_str(v, "busid", busid, sizeof(busid)) || busid[0] == '\0')
		return NULL;
	if ((d = dev_find(r, peer, busid)) == NULL) {
		if ((d = row_add(r, sizeof(*d))) == NULL)
			return NULL;
		text_copy(d->peer, sizeof(d->peer), peer);
		text_copy(d->busid, sizeof(d->busid), busid);
	}
	for (size_t i = 0; i < ARRAY_LEN(dev_texts); i++)
		text_of(v, dev_texts[i].key, (char *)d + dev_texts[i].at,
			dev_texts[i].cap);
	d->shared = json_get_bool(v, "shared");
	d->part = json_get_bool(v, "part");
	d->port = number(v, "port");
	d->attached = json_get(v, "port").n > 0;
	d->since = number(v, "since");
	return d;
}

/* "1-2.10" comes after "1-2.9": digits count as numbers. */
static int
busid_cmp(const char *a, const char *b)
{
	while (*a != '\0' && *b != '\0') {
		uint64_t x = 0, y = 0;
		bool digits = *a >= '0' && *a <= '9' && *b >= '0' && *b <= '9';

		if (!digits) {
			if (*a != *b)
				return *a < *b ? -1 : 1;
			a++;
			b++;
			continue;
		}
		for (; *a >= '0' && *a <= '9'; a++)
			x = x * 10 + (uint64_t)(*a - '0');
		for (; *b >= '0' && *b <= '9'; b++)
			y = y * 10 + (uint64_t)(*b - '0');
		if (x != y)
			return x < y ? -1 : 1;
	}
	return *a == *b ? 0 : *a == '\0' ? -1 : 1;
}

static int
dev_cmp(const void *a, const void *b)
{
	const struct model_dev *x = a, *y = b;
	int c = strcmp(x->peer, y->peer);

	return c != 0 ? c : busid_cmp(x->busid, y->busid);
}

static int
peer_cmp(const void *a, const void *b)
{
	return strcmp(((const struct model_peer *)a)->name,
		      ((const struct model_peer *)b)->name);
}

static void
sort(struct model *m, struct model_rows *r)
{
	if (r->n > 1)
		qsort(r->row, r->n, sizeof(struct model_dev), dev_cmp);
	if (m->peers.n > 1)
		qsort(m->peers.row, m->peers.n, sizeof(struct model_peer), peer_cmp);
	m->version++;
}

static void
devices_of(struct model *m, struct model_rows *r, const char *peer, struct json_val list,
	   uint64_t rtt_us, uint64_t now_us)
{
	struct json_val v;

	dev_sweep(r, peer, list);
	for (unsigned i = 0; (v = json_at(list, i)).n > 0; i++) {
		struct model_dev *d = dev_of(r, peer, v);

		if (d != NULL && json_get(v, "urbs").n > 0)
			count(d, json_get(v, "urbs"), rtt_us, now_us);
	}
	sort(m, r);
}

/* --- what comes in --- */

static void
guests_of(struct model *m, struct json_val list)
{
	struct json_val v;
	struct model_peer *p;
	char name[sizeof(p->name)];

	for (unsigned i = 0; i < m->peers.n; i++)
		if ((p = model_peer(m, i))->role == MODEL_GUEST) {
			memset(&p->link, 0, sizeof(p->link));
			p->role = MODEL_KNOWN;
		}
	for (unsigned i = 0; (v = json_at(list, i)).n > 0; i++) {
		if (!json_get_str(v, "name", name, sizeof(name)) ||
		    (p = peer_get(m, name)) == NULL)
			continue;
		p->role = MODEL_GUEST;
		text_of(v, "id", p->id, sizeof(p->id));
		p->since = number(v, "since");
		link_of(v, &p->link);
	}
}

static void
serve_of(struct model *m, const char *source, struct json_val v, uint64_t now_us)
{
	m->serving = true;
	text_copy(m->source, sizeof(m->source), source);
	text_of(v, "name", m->name, sizeof(m->name));
	text_of(v, "id", m->identity, sizeof(m->identity));
	json_str_of(json_at(json_get(v, "listen"), 0), m->serve, sizeof(m->serve));
	guests_of(m, json_get(v, "peers"));
	devices_of(m, &m->locals, "", json_get(v, "devices"), 0, now_us);
}

static int
attach_of(struct model *m, const char *source, struct json_val v, uint64_t now_us)
{
	char name[sizeof(((struct model_peer *)0)->name)];
	struct model_peer *p;

	if (!json_get_str(v, "peer", name, sizeof(name)) ||
	    (p = peer_get(m, name)) == NULL)
		return ERR_PROTO;
	p->role = MODEL_SERVER;
	text_copy(p->source, sizeof(p->source), source);
	text_of(v, "peer_id", p->id, sizeof(p->id));
	p->since = number(v, "since");
	link_of(v, &p->link);
	devices_of(m, &m->attached, name, json_get(v, "devices"), p->link.rtt_us, now_us);
	return ERR_OK;
}

int
model_status(struct model *m, const char *source, struct json_val v, uint64_t now_us)
{
	char kind[16];

	if (!json_get_str(v, "kind", kind, sizeof(kind)))
		return ERR_PROTO;
	if (strcmp(kind, "attach") == 0)
		return attach_of(m, source, v, now_us);
	if (strcmp(kind, "serve") != 0)
		return ERR_PROTO;
	serve_of(m, source, v, now_us);
	return ERR_OK;
}

static const struct json_val nothing = {"[]", 2};

static void
serve_ended(struct model *m)
{
	m->serving = false;
	m->serve[0] = m->source[0] = '\0';
	guests_of(m, nothing);
	devices_of(m, &m->locals, "", nothing, 0, 0);
}

bool
model_ended(struct model *m, const char *source)
{
	if (m->serving && strcmp(m->source, source) == 0) {
		serve_ended(m);
		return true;
	}
	for (unsigned i = 0; i < m->peers.n; i++) {
		struct model_peer *p = model_peer(m, i);

		if (p->role != MODEL_SERVER || strcmp(p->source, source) != 0)
			continue;
		memset(&p->link, 0, sizeof(p->link));
		p->role = MODEL_KNOWN;
		devices_of(m, &m->attached, p->name, nothing, 0, 0);
		break;
	}
	return false;
}

int
model_list(struct model *m, const char *peer, struct json_val v)
{
	struct json_val list = json_get(v, "devices");
	struct model_peer *p;

	if (list.n == 0)
		return ERR_PROTO;
	if (peer[0] == '\0' && m->serving)
		return ERR_OK; /* serve knows more */
	if (peer[0] == '\0') {
		devices_of(m, &m->locals, peer, list, 0, 0);
		for (unsigned i = 0; i < m->locals.n; i++)
			model_dev(&m->locals, i)->shared =
			    strcmp(model_dev(&m->locals, i)->state, "bound") == 0;
		return ERR_OK;
	}
	if ((p = peer_get(m, peer)) == NULL)
		return ERR_NOMEM;
	p->asked = true;
	p->error[0] = '\0';
	devices_of(m, &m->remotes, peer, list, 0, 0);
	return ERR_OK;
}

void
model_list_failed(struct model *m, const char *peer, const char *why)
{
	struct model_peer *p = peer_get(m, peer);

	if (p == NULL)
		return;
	p->asked = true;
	text_copy(p->error, sizeof(p->error), why);
	devices_of(m, &m->remotes, peer, nothing, 0, 0);
}

int
model_peers(struct model *m, struct json_val v)
{
	struct json_val list = json_get(v, "peers"), one;
	struct model_peer *p;
	char name[sizeof(p->name)];

	if (list.n == 0)
		return ERR_PROTO;
	for (unsigned i = 0; (one = json_at(list, i)).n > 0; i++) {
		if (!json_get_str(one, "name", name, sizeof(name)) ||
		    (p = peer_get(m, name)) == NULL)
			continue;
		text_of(one, "id", p->id, sizeof(p->id));
	}
	sort(m, &m->remotes);
	return ERR_OK;
}

void
model_log(struct model *m, const char *when, bool bad, const char *text)
{
	unsigned at = (m->log_first + m->log_n) % MODEL_LOG;

	if (m->log_n == MODEL_LOG)
		m->log_first = (m->log_first + 1) % MODEL_LOG;
	else
		m->log_n++;
	text_copy(m->log[at].when, sizeof(m->log[at].when), when);
	text_copy(m->log[at].text, sizeof(m->log[at].text), text);
	m->log[at].bad = bad;
	m->version++;
}

const struct model_line *
model_log_at(const struct model *m, unsigned i)
{
	return i < m->log_n ? &m->log[(m->log_first + i) % MODEL_LOG] : NULL;
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
		return l->held_s > 0 ? 'F' : '-';
	for (size_t i = 0; i < ARRAY_LEN(grade); i++)
		if (ppm <= grade[i].lost)
			return grade[i].letter;
	return 'E';
}

void
model_free(struct model *m)
{
	rows_free(&m->locals);
	rows_free(&m->remotes);
	rows_free(&m->attached);
	rows_free(&m->peers);
}
