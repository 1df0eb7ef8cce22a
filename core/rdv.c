/* SPDX-License-Identifier: ISC */
/*
 * Who meets whom. It knows no sockets, no TLS and no other nodes.
 */
#include "core/rdv_impl.h"

const struct rdv_conf rdv_usual = {
    .peers = 32768,
    .idle_s = 120,
    .id = {8, {{30, 1}, {500, 50}, {1 << 20, 256 << 10}, {20, 5}}},
    .network = {256, {{512, 20}, {4000, 1000}, {8 << 20, 2 << 20}, {200, 50}}},
};

static uint32_t
times(uint32_t v, unsigned n, unsigned usual)
{
	uint64_t x = (uint64_t)v * n / usual;

	return x < UINT32_MAX ? (uint32_t)x : UINT32_MAX;
}

void
rdv_allow_network(struct rdv_conf *c, unsigned n)
{
	const unsigned usual = rdv_usual.network.connections;

	c->network = rdv_usual.network;
	c->network.connections = n;
	for (unsigned i = 0; i < RDV_WHATS && n > usual; i++) {
		struct bucket_conf *b = &c->network.rate[i];

		b->burst = times(b->burst, n, usual);
		b->per_second = times(b->per_second, n, usual);
	}
}

struct rdv *
rdv_new(struct pool *pool, const struct rdv_conf *conf, const struct rdv_ops *ops,
	void *arg, uint64_t seed)
{
	struct rdv *r = pool_zget(pool, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->pool = pool;
	r->conf = conf;
	r->ops = ops;
	r->arg = arg;
	list_init(&r->heard);
	if (rdv_accounts_init(&r->accounts, pool, conf->peers, seed, &conf->id,
			      &conf->network))
		return r;
	pool_put(pool, r, sizeof(*r));
	return NULL;
}

void
rdv_free(struct rdv *r)
{
	if (r == NULL)
		return;
	ASSERT(r->stats.peers == 0);
	rdv_accounts_fini(&r->accounts);
	pool_put(r->pool, r, sizeof(*r));
}

static const uint8_t *
id_of(const struct rdv_peer *p)
{
	return p->account[RDV_ID]->key;
}

struct rdv_address
rdv_address_of(const struct rdv_peer *p)
{
	struct rdv_address a;

	memcpy(a.id, id_of(p), sizeof(a.id));
	memcpy(a.instance, p->instance, sizeof(a.instance));
	return a;
}

/* --- coming and going --- */

/* It is found no more; what it was is told. */
static void
retire(struct rdv_peer *p)
{
	struct rdv *r = p->of;
	bool joined = p->state == RDV_IS_JOINED;
	struct rdv_address a = rdv_address_of(p);

	p->state = RDV_IS_ENDED;
	for (unsigned k = 0; k < RDV_KINDS; k++)
		rdv_account_leave(&r->accounts, p->account[k], r->now_us);
	list_del(&p->of_id);
	list_del(&p->heard);
	r->stats.hosts -= joined && p->role == RDV_HOST;
	if (joined && r->ops->went != NULL)
		r->ops->went(r->arg, &a, p->role == RDV_HOST);
}

void
rdv_end(struct rdv_peer *p, enum rdv_end why)
{
	uint8_t b[RDV_TEXT + 2];
	struct wr w;

	if (p->state == RDV_IS_ENDED)
		return;
	retire(p);
	wr_init(&w, b, sizeof(b));
	rdv_put_end(&w, (uint8_t)why);
	(void)p->of->ops->send(p->conn, RDV_END, b, (size_t)(w.p - b));
	p->of->ops->end(p->conn);
}

void
rdv_send(struct rdv_peer *p, uint8_t type, const uint8_t *b, const struct wr *w)
{
	ASSERT(!w->bad);
	if (p->of->ops->send(p->conn, type, b, (size_t)(w->p - b)) == ERR_OK)
		return;
	p->of->stats.slow++;
	rdv_end(p, RDV_END_SLOW);
}

static bool
enter_accounts(struct rdv *r, struct rdv_peer *p, uint64_t now)
{
	for (unsigned k = 0; k < RDV_KINDS; k++) {
		struct rdv_account *c = p->account[k];

		if (c->connections >= c->rates->connections ||
		    !rdv_account_take(c, RDV_JOINS, 1, now)) {
			r->stats.limited++;
			return false;
		}
	}
	for (unsigned k = 0; k < RDV_KINDS; k++)
		rdv_account_enter(p->account[k]);
	return true;
}

/* Its oldest connections are likely dead: they make room for the newest. */
static void
shed(struct rdv_account *c)
{
	if (c->connections >= c->rates->connections && !list_empty(&c->peers))
		rdv_end(CONTAINER_OF(c->peers.next, struct rdv_peer, of_id),
			RDV_END_REPLACED);
}

int
rdv_enter(struct rdv *r, struct rdv_peer **peer, const uint8_t id[PEERID],
	  const uint8_t network[PEERID], bool near, void *conn, uint64_t now)
{
	struct rdv_peer *p;

	*peer = NULL;
	r->now_us = now;
	if (r->stats.peers >= r->conf->peers ||
	    (p = pool_zget(r->pool, sizeof(*p))) == NULL)
		return ERR_FULL;
	p->of = r;
	p->conn = conn;
	p->near = near;
	p->heard_us = now;
	list_init(&p->of_id);
	list_init(&p->heard);
	p->account[RDV_ID] = rdv_account_get(&r->accounts, RDV_ID, id, now);
	p->account[RDV_NETWORK] =
	    rdv_account_get(&r->accounts, RDV_NETWORK, network, now);
	if (p->account[RDV_ID] != NULL && p->account[RDV_NETWORK] != NULL) {
		shed(p->account[RDV_ID]);
		if (enter_accounts(r, p, now)) {
			list_add(&p->account[RDV_ID]->peers, &p->of_id);
			list_add(&r->heard, &p->heard);
			r->stats.peers++;
			*peer = p;
			return ERR_OK;
		}
	}
	pool_put(r->pool, p, sizeof(*p));
	return ERR_BUSY;
}

void
rdv_leave(struct rdv_peer *p, uint64_t now)
{
	struct rdv *r = p->of;

	r->now_us = now;
	if (p->state != RDV_IS_ENDED)
		retire(p);
	r->stats.peers--;
	pool_put(r->pool, p, sizeof(*p));
}

/* --- finding --- */

struct rdv_peer *
rdv_find(struct rdv *r, bool host, const struct rdv_address *a)
{
	static const uint8_t any[RDV_INSTANCE];
	struct rdv_account *c = rdv_account_find(&r->accounts, RDV_ID, a->id);
	struct list *l;

	if (c == NULL)
		return NULL;
	LIST_EACH (&c->peers, l) {
		struct rdv_peer *p = CONTAINER_OF(l, struct rdv_peer, of_id);

		if (p->state != RDV_IS_JOINED || (p->role == RDV_HOST) != host)
			continue;
		if (memcmp(p->instance, a->instance, RDV_INSTANCE) == 0 ||
		    (host && memcmp(a->instance, any, RDV_INSTANCE) == 0))
			return p;
	}
	return NULL;
}

static void
replace(struct rdv_peer *old)
{
	if (old == NULL)
		return;
	old->of->stats.replaced++;
	rdv_end(old, RDV_END_REPLACED);
}

static bool
rivals(const struct rdv_peer *p, const struct rdv_peer *old)
{
	if (old == p || old->state != RDV_IS_JOINED || old->role != p->role)
		return false;
	return memcmp(p->instance, old->instance, RDV_INSTANCE) == 0 ||
	       (p->role == RDV_HOST &&
		memcmp(p->instance, old->instance, RDV_PROCESS) != 0);
}

void
rdv_oust(struct rdv_peer *p)
{
	struct list *all = &p->account[RDV_ID]->peers, *l, *n;

	LIST_EACH_SAFE (all, l, n) {
		struct rdv_peer *old = CONTAINER_OF(l, struct rdv_peer, of_id);

		if (rivals(p, old))
			replace(old);
	}
}

/* --- time, other nodes --- */

static uint64_t
idle_us(const struct rdv *r)
{
	return (uint64_t)r->conf->idle_s * 1000000;
}

uint64_t
rdv_deadline(const struct rdv *r)
{
	uint64_t at = UINT64_MAX;

	if (!list_empty(&r->heard))
		at = CONTAINER_OF(r->heard.next, struct rdv_peer, heard)->heard_us +
		     idle_us(r);
	if (!list_empty(&r->accounts.idle)) {
		uint64_t keep =
		    CONTAINER_OF(r->accounts.idle.next, struct rdv_account, idle)
			->left_us +
		    RDV_ACCOUNT_KEEP_US;

		at = keep < at ? keep : at;
	}
	return at;
}

void
rdv_tick(struct rdv *r, uint64_t now)
{
	r->now_us = now;
	while (!list_empty(&r->heard)) {
		struct rdv_peer *p = CONTAINER_OF(r->heard.next, struct rdv_peer, heard);

		if (now < p->heard_us + idle_us(r))
			break;
		r->stats.idle++;
		rdv_end(p, RDV_END_IDLE);
	}
	rdv_accounts_tick(&r->accounts, now);
}

void
rdv_replaced(struct rdv *r, const struct rdv_address *a)
{
	replace(rdv_find(r, true, a));
}

void
rdv_stats(const struct rdv *r, struct rdv_stats *s)
{
	*s = r->stats;
}
