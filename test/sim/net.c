/* SPDX-License-Identifier: ISC */
/*
 * Packets on their way lie in one heap for each side, the earliest on top.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "test/sim/net.h"

struct packet {
	uint64_t at, nr; /* arrival; number, so that equals keep their order */
	size_t n;
	uint8_t *p;
};

struct way {
	struct net_conf conf;
	uint64_t busy_ns; /* when the line has sent what it holds */
	uint64_t last;    /* arrival of the last packet that kept its place */
	struct packet *heap;
	size_t n, room;
};

struct net {
	uint64_t seed, nr;
	bool cut;
	struct way to[2];
	struct net_stats stats;
};

uint32_t
net_random(uint64_t *seed)
{
	uint64_t z = *seed += 0x9e3779b97f4a7c15u; /* splitmix64 */

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return (uint32_t)(z >> 32);
}

static bool
chance(struct net *n, uint32_t millionths)
{
	return net_random(&n->seed) % 1000000 < millionths;
}

static uint64_t
up_to(struct net *n, uint64_t max)
{
	return max > 0 ? net_random(&n->seed) % (max + 1) : 0;
}

static bool
before(const struct packet *a, const struct packet *b)
{
	return a->at != b->at ? a->at < b->at : a->nr < b->nr;
}

static void
push(struct way *w, struct packet k)
{
	size_t i = w->n++;

	if (w->n > w->room) {
		w->room = w->room > 0 ? w->room * 2 : 64;
		w->heap = realloc(w->heap, w->room * sizeof(w->heap[0]));
		assert(w->heap != NULL);
	}
	for (; i > 0 && before(&k, &w->heap[(i - 1) / 2]); i = (i - 1) / 2)
		w->heap[i] = w->heap[(i - 1) / 2];
	w->heap[i] = k;
}

static struct packet
pop(struct way *w)
{
	struct packet top = w->heap[0], k = w->heap[--w->n];
	size_t i = 0, c;

	while ((c = 2 * i + 1) < w->n) {
		if (c + 1 < w->n && before(&w->heap[c + 1], &w->heap[c]))
			c++;
		if (!before(&w->heap[c], &k))
			break;
		w->heap[i] = w->heap[c];
		i = c;
	}
	w->heap[i] = k;
	return top;
}

static void
put(struct net *n, struct way *w, const uint8_t *p, size_t len, uint64_t at)
{
	struct packet k = {.at = at, .nr = n->nr++, .n = len, .p = malloc(len)};

	assert(k.p != NULL);
	memcpy(k.p, p, len);
	push(w, k);
}

/* When the last byte leaves the line, in *us; false: its queue is full. */
static bool
queue(struct way *w, size_t len, uint64_t now, uint64_t *us)
{
	uint64_t start = w->busy_ns > now * 1000 ? w->busy_ns : now * 1000;

	*us = now;
	if (w->conf.rate == 0)
		return true;
	if ((start - now * 1000) * w->conf.rate / 1000000000 > w->conf.queue)
		return false;
	w->busy_ns = start + len * 1000000000 / w->conf.rate;
	*us = w->busy_ns / 1000;
	return true;
}

static void
travel(struct net *n, struct way *w, const uint8_t *p, size_t len, uint64_t at)
{
	at += w->conf.delay_us + up_to(n, w->conf.jitter_us);
	if (chance(n, w->conf.reorder)) {
		at += 1 + up_to(n, w->conf.delay_us / 2 + w->conf.jitter_us + 100);
		n->stats.reordered++;
	} else {
		at = at > w->last ? at : w->last;
		w->last = at;
	}
	put(n, w, p, len, at);
}

struct net *
net_new(uint64_t seed, const struct net_conf to[2])
{
	struct net *n = calloc(1, sizeof(*n));

	assert(n != NULL);
	n->seed = seed;
	n->to[0].conf = to[0];
	n->to[1].conf = to[1];
	return n;
}

static void
empty(struct way *w)
{
	while (w->n > 0)
		free(w->heap[--w->n].p);
}

void
net_free(struct net *n)
{
	for (int i = 0; i < 2; i++) {
		empty(&n->to[i]);
		free(n->to[i].heap);
	}
	free(n);
}

void
net_send(struct net *n, int from, const uint8_t *p, size_t len, uint64_t now)
{
	struct way *w = &n->to[!from];
	uint64_t at;

	assert(len <= NET_PACKET_MAX);
	n->stats.sent++;
	if (n->cut || chance(n, w->conf.loss)) {
		n->stats.lost++;
		return;
	}
	if (!queue(w, len, now, &at)) {
		n->stats.dropped++;
		return;
	}
	travel(n, w, p, len, at);
	if (chance(n, w->conf.duplicate)) {
		n->stats.duplicated++;
		travel(n, w, p, len, at);
	}
}

size_t
net_recv(struct net *n, int side, uint8_t *buf, uint64_t now)
{
	struct way *w = &n->to[side];
	struct packet k;

	if (w->n == 0 || w->heap[0].at > now)
		return 0;
	k = pop(w);
	memcpy(buf, k.p, k.n);
	free(k.p);
	return k.n;
}

uint64_t
net_next_at(const struct net *n, int side)
{
	return n->to[side].n > 0 ? n->to[side].heap[0].at : UINT64_MAX;
}

uint64_t
net_next(const struct net *n)
{
	uint64_t a = net_next_at(n, 0), b = net_next_at(n, 1);

	return a < b ? a : b;
}

void
net_cut(struct net *n, bool cut)
{
	n->cut = cut;
	for (int i = 0; cut && i < 2; i++)
		empty(&n->to[i]);
}

void
net_change(struct net *n, const struct net_conf to[2])
{
	for (int i = 0; i < 2; i++) {
		n->to[i].conf = to[i];
		n->to[i].busy_ns = n->to[i].last = 0;
	}
}

void
net_stats(const struct net *n, struct net_stats *s)
{
	*s = n->stats;
}
