/* SPDX-License-Identifier: ISC */
/*
 * What one id, or one network, has taken of a rendezvous: connections now, and
 * joins, messages, bytes and conversations lately. An account outlives its
 * connections until its buckets are full again, so that coming anew is no way
 * around a limit. By the accounts of ids the rendezvous finds who is there.
 */
#ifndef CORE_RDV_ACCOUNT_H
#define CORE_RDV_ACCOUNT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/b32.h"
#include "core/bucket.h"
#include "core/list.h"
#include "core/mem.h"

#define RDV_ACCOUNT_KEEP_US 60000000 /* without a connection */

enum rdv_kind { RDV_ID, RDV_NETWORK, RDV_KINDS };

/* What is counted. */
enum rdv_what { RDV_JOINS, RDV_MESSAGES, RDV_BYTES, RDV_OPENS, RDV_WHATS };

struct rdv_rates {
	unsigned connections;
	struct bucket_conf rate[RDV_WHATS];
};

struct rdv_account {
	struct list chain; /* in accounts.chain */
	struct list idle;  /* in accounts.idle while it has no connections */
	uint8_t kind;
	uint8_t key[PEERID];
	const struct rdv_rates *rates;
	struct bucket bucket[RDV_WHATS];
	uint64_t left_us; /* when the last connection left */
	unsigned connections;
	struct list peers; /* of an id: rdv_peer.of_id, the oldest first */
};

/* An account without connections may be forgotten: who has left it has lost it. */
struct rdv_accounts {
	struct pool *pool;
	const struct rdv_rates *rates[RDV_KINDS];
	uint64_t seed;
	struct list *chain; /* 1 << bits of them */
	unsigned bits;
	struct list idle; /* the longest idle one first */
	unsigned n;
};

/* seed: nobody else knows it. false: the pool has no room. */
bool rdv_accounts_init(struct rdv_accounts *, struct pool *, unsigned most, uint64_t seed,
		       const struct rdv_rates *id, const struct rdv_rates *network);
void rdv_accounts_fini(struct rdv_accounts *); /* nobody is connected any more */

/* The account, NULL if there is none (or, when it is to be made, no room). */
struct rdv_account *
rdv_account_find(struct rdv_accounts *, enum rdv_kind, const uint8_t key[PEERID]);
struct rdv_account *rdv_account_get(struct rdv_accounts *, enum rdv_kind,
				    const uint8_t key[PEERID], uint64_t now_us);

void rdv_account_enter(struct rdv_account *);
void rdv_account_leave(struct rdv_accounts *, struct rdv_account *, uint64_t now_us);

bool rdv_account_take(struct rdv_account *, enum rdv_what, uint32_t n, uint64_t now_us);

/* Forgets those that have been idle long enough. */
void rdv_accounts_tick(struct rdv_accounts *, uint64_t now_us);

#endif
