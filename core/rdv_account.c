/* SPDX-License-Identifier: ISC */
/*
 * Accounts in a hash table. A stranger chooses its key, and so the bytes of its id:
 * the seed keeps it from choosing the chain.
 */
#include "core/rdv_account.h"

bool
rdv_accounts_init(struct rdv_accounts *a, struct pool *pool, unsigned most, uint64_t seed,
		  const struct rdv_rates *id, const struct rdv_rates *network)
{
	*a = (struct rdv_accounts){
	    .pool = pool, .rates = {id, network}, .seed = seed | 1, .bits = 4};
	while (a->bits < 24 && 1u << a->bits < most)
		a->bits++;
	list_init(&a->idle);
	a->chain = pool_get(pool, sizeof(*a->chain) << a->bits);
	for (unsigned i = 0; a->chain != NULL && i < 1u << a->bits; i++)
		list_init(&a->chain[i]);
	return a->chain != NULL;
}

static void
forget(struct rdv_accounts *a, struct rdv_account *c)
{
	ASSERT(c->connections == 0 && list_empty(&c->peers));
	list_del(&c->chain);
	list_del(&c->idle);
	a->n--;
	pool_put(a->pool, c, sizeof(*c));
}

void
rdv_accounts_fini(struct rdv_accounts *a)
{
	while (!list_empty(&a->idle))
		forget(a, CONTAINER_OF(a->idle.next, struct rdv_account, idle));
	ASSERT(a->n == 0);
	pool_put(a->pool, a->chain, sizeof(*a->chain) << a->bits);
}

static struct list *
chain_of(struct rdv_accounts *a, const uint8_t key[PEERID])
{
	uint64_t h = a->seed;

	for (unsigned i = 0; i < PEERID; i++) {
		h = (h ^ key[i]) * 0x9e3779b97f4a7c15u;
		h ^= h >> 29;
	}
	return &a->chain[h & ((1u << a->bits) - 1)];
}

struct rdv_account *
rdv_account_find(struct rdv_accounts *a, enum rdv_kind kind, const uint8_t key[PEERID])
{
	struct list *chain = chain_of(a, key), *l;

	LIST_EACH (chain, l) {
		struct rdv_account *c = CONTAINER_OF(l, struct rdv_account, chain);

		if (c->kind == kind && memcmp(c->key, key, PEERID) == 0)
			return c;
	}
	return NULL;
}

struct rdv_account *
rdv_account_get(struct rdv_accounts *a, enum rdv_kind kind, const uint8_t key[PEERID],
		uint64_t now_us)
{
	struct rdv_account *c = rdv_account_find(a, kind, key);

	if (c != NULL || (c = pool_zget(a->pool, sizeof(*c))) == NULL)
		return c;
	c->kind = (uint8_t)kind;
	memcpy(c->key, key, PEERID);
	c->rates = a->rates[kind];
	c->left_us = now_us;
	for (unsigned i = 0; i < RDV_WHATS; i++)
		bucket_init(&c->bucket[i], &c->rates->rate[i], now_us);
	list_init(&c->idle);
	list_init(&c->chain);
	list_init(&c->peers);
	list_add(chain_of(a, key), &c->chain);
	list_add(&a->idle, &c->idle);
	a->n++;
	return c;
}

void
rdv_account_enter(struct rdv_account *c)
{
	c->connections++;
	list_del(&c->idle);
}

void
rdv_account_leave(struct rdv_accounts *a, struct rdv_account *c, uint64_t now_us)
{
	ASSERT(c->connections > 0);
	if (--c->connections > 0)
		return;
	c->left_us = now_us;
	list_add(&a->idle, &c->idle);
}

bool
rdv_account_take(struct rdv_account *c, enum rdv_what what, uint32_t n, uint64_t now_us)
{
	return bucket_take(&c->bucket[what], &c->rates->rate[what], n, now_us);
}

void
rdv_accounts_tick(struct rdv_accounts *a, uint64_t now_us)
{
	while (!list_empty(&a->idle)) {
		struct rdv_account *c =
		    CONTAINER_OF(a->idle.next, struct rdv_account, idle);

		if (now_us < c->left_us + RDV_ACCOUNT_KEEP_US)
			return;
		forget(a, c);
	}
}
