/* SPDX-License-Identifier: ISC */
/*
 * Devices of the snapshot: found again by busid, or made; those that a list no longer
 * names go. What has changed is news.
 */
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "core/text.h"
#include "tui/model_impl.h"

#define RATE_US 500000 /* samples are no closer together */

struct model_dev *
model_dev(const struct rows *r, unsigned i)
{
	return rows_at(r, sizeof(struct model_dev), i);
}

struct model_dev *
model_dev_named(const struct rows *r, const char *peer, const char *busid)
{
	for (unsigned i = 0; i < r->n; i++)
		if (strcmp(model_dev(r, i)->peer, peer) == 0 &&
		    strcmp(model_dev(r, i)->busid, busid) == 0)
			return model_dev(r, i);
	return NULL;
}

const char *
model_dev_title(const struct model_dev *d)
{
	return d->product[0] != '\0' ? d->product : d->busid;
}

/* --- news --- */

static const char *
of(const struct model_dev *d, char buf[128])
{
	struct text t;

	text_init(&t, buf, 128);
	text_str(&t, d->peer);
	text_str(&t, d->peer[0] != '\0' ? "/" : "");
	text_str(&t, d->busid);
	return buf;
}

static void
tell_local(struct model *m, const struct model_dev *was, const struct model_dev *d)
{
	if (strcmp(was->holder, d->holder) == 0)
		return;
	if (was->holder[0] != '\0')
		model_news(m, false, "%s has given back %s %s", was->holder, d->busid,
			   d->product);
	if (d->holder[0] != '\0')
		model_news(m, false, "%s uses %s %s", d->holder, d->busid, d->product);
}

static void
tell_attached(struct model *m, const struct model_dev *was, const struct model_dev *d)
{
	char name[128];

	if (strcmp(d->nodes, was->nodes) != 0 && d->nodes[0] != '\0')
		model_news(m, false, "%s is %s here", of(d, name), d->nodes);
	if (strcmp(d->state, was->state) == 0)
		return;
	if (strcmp(d->state, "waiting") == 0)
		model_news(m, true, "%s waits: %s", of(d, name), d->reason);
	else if (strcmp(d->state, "attached") == 0)
		model_news(m, false, "%s is attached at port %llu", of(d, name),
			   (unsigned long long)d->port);
}

/* --- one device --- */

static const struct {
	const char *key;
	size_t at, cap;
} texts[] = {
#define FIELD(key, member)                                  \
	{                                                   \
		key, offsetof(struct model_dev, member),    \
		    sizeof(((struct model_dev *)0)->member) \
	}
    FIELD("id", id),           FIELD("speed", speed),
    FIELD("class", cls),       FIELD("nick", nick),
    FIELD("mode", mode),       FIELD("manufacturer", manufacturer),
    FIELD("product", product), FIELD("serial", serial),
    FIELD("state", state),     FIELD("holder", holder),
    FIELD("reason", reason),   FIELD("local", local),
    FIELD("driver", driver),   FIELD("nodes", nodes),
    FIELD("mounts", mounts),
#undef FIELD
};

static void
shift(uint64_t *a, uint64_t v)
{
	memmove(a, a + 1, (MODEL_RATES - 1) * sizeof(*a));
	a[MODEL_RATES - 1] = v;
}

void
model_flow(struct model_flow *f, uint64_t bytes, uint64_t rtt_us, uint64_t now_us)
{
	uint64_t us = now_us - f->seen_us;

	if (f->seen_us != 0 && us < RATE_US)
		return;
	if (f->seen_us != 0 && bytes >= f->bytes) {
		f->rate = (bytes - f->bytes) * 1000000 / us;
		shift(f->rates, f->rate);
		shift(f->rtts, rtt_us);
	}
	f->bytes = bytes;
	f->seen_us = now_us;
}

static void
count(struct model_dev *d, struct json_val urbs, uint64_t rtt_us, uint64_t now_us)
{
	if (urbs.n == 0)
		return;
	d->done = model_number(urbs, "done");
	d->failed = model_number(urbs, "failed");
	d->inflight = model_number(urbs, "inflight");
	d->bytes_in = model_number(urbs, "bytes_in");
	d->bytes_out = model_number(urbs, "bytes_out");
	model_flow(&d->flow, d->bytes_in + d->bytes_out, rtt_us, now_us);
}

static void
read_waiting(struct model_dev *d, struct json_val list)
{
	char name[64];
	struct text t;

	text_init(&t, d->waiting, sizeof(d->waiting));
	for (unsigned i = 0; json_str_of(json_at(list, i), name, sizeof(name)); i++) {
		text_str(&t, i > 0 ? ", " : "");
		text_str(&t, name);
	}
}

static void
read_dev(struct model_dev *d, struct json_val v)
{
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		model_text(v, texts[i].key, (char *)d + texts[i].at, texts[i].cap);
	d->shared = json_get_bool(v, "shared");
	d->part = json_get_bool(v, "part");
	d->port = model_number(v, "port");
	d->attached = json_get(v, "port").n > 0;
	d->since = model_number(v, "since");
	d->position = model_number(v, "position");
	read_waiting(d, json_get(v, "waiting"));
}

/* The row of this object, made if need be; *is_new says so. */
static struct model_dev *
row_of(struct rows *r, const char *peer, struct json_val v, bool *is_new)
{
	char busid[sizeof(((struct model_dev *)0)->busid)];
	struct model_dev *d;

	if (!json_get_str(v, "busid", busid, sizeof(busid)) || busid[0] == '\0')
		return NULL;
	d = model_dev_named(r, peer, busid);
	*is_new = d == NULL;
	if (d != NULL || (d = rows_add(r, sizeof(*d))) == NULL)
		return d;
	text_copy(d->peer, sizeof(d->peer), peer);
	text_copy(d->busid, sizeof(d->busid), busid);
	return d;
}

/* --- a list of them --- */

static bool
is_in(struct json_val list, const char *busid)
{
	char b[sizeof(((struct model_dev *)0)->busid)];
	struct json_val v;

	for (unsigned i = 0; (v = json_at(list, i)).n > 0; i++)
		if (json_get_str(v, "busid", b, sizeof(b)) && strcmp(b, busid) == 0)
			return true;
	return false;
}

static void
sweep(struct model *m, struct rows *r, const char *peer, struct json_val list, bool quiet)
{
	char name[128];

	for (unsigned i = r->n; i-- > 0;) {
		struct model_dev *d = model_dev(r, i);

		if (strcmp(d->peer, peer) != 0 || is_in(list, d->busid))
			continue;
		if (!quiet)
			model_news(m, false, "%s %s is gone", of(d, name), d->product);
		rows_drop(r, sizeof(*d), i);
	}
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

static void
tell(struct model *m, const struct rows *r, const struct model_dev *was,
     const struct model_dev *d, bool is_new)
{
	if (r == &m->attached) {
		tell_attached(m, was, d);
		return;
	}
	if (r != &m->locals)
		return;
	if (is_new)
		model_news(m, false, "%s %s is plugged in", d->busid, d->product);
	tell_local(m, was, d);
}

void
model_devices(struct model *m, struct rows *r, const char *peer, struct json_val list,
	      bool quiet, uint64_t rtt_us, uint64_t now_us)
{
	struct model_dev was, *d;
	struct json_val v;
	bool is_new;

	sweep(m, r, peer, list, quiet);
	for (unsigned i = 0; (v = json_at(list, i)).n > 0; i++) {
		if ((d = row_of(r, peer, v, &is_new)) == NULL)
			continue;
		was = *d;
		read_dev(d, v);
		count(d, json_get(v, "urbs"), rtt_us, now_us);
		d->packed = model_number(json_get(v, "compression"), "bytes");
		d->carried = model_number(json_get(v, "compression"), "carried");
		if (!quiet)
			tell(m, r, &was, d, is_new);
	}
	if (r->n > 1)
		qsort(r->row, r->n, sizeof(struct model_dev), dev_cmp);
}
