/* SPDX-License-Identifier: ISC */
/*
 * What core/rdv.c (who is there) and core/rdv_msg.c (what they say) share; nobody else
 * includes this.
 */
#ifndef CORE_RDV_IMPL_H
#define CORE_RDV_IMPL_H

#include "core/rdv.h"

struct rdv {
	struct pool *pool;
	const struct rdv_conf *conf;
	const struct rdv_ops *ops;
	void *arg;
	struct rdv_accounts accounts;
	struct list heard; /* rdv_peer.heard, the longest silent first */
	struct rdv_stats stats;
	uint64_t now_us; /* of the last call that told it */
};

enum rdv_state { RDV_IS_NEW, RDV_IS_JOINED, RDV_IS_ENDED };

struct rdv_peer {
	struct list of_id; /* in account[RDV_ID].peers */
	struct list heard; /* in rdv.heard */
	struct rdv *of;
	struct rdv_account *account[RDV_KINDS];
	void *conn;
	uint64_t heard_us;
	uint8_t state, role;
	bool near;
	uint8_t instance[RDV_INSTANCE];
};

struct rdv_address rdv_address_of(const struct rdv_peer *);

/* The host, or the guest, of that address; NULL: it is not here. */
struct rdv_peer *rdv_find(struct rdv *, bool host, const struct rdv_address *);

/* Tells it why; it is not found any more. */
void rdv_end(struct rdv_peer *, enum rdv_end why);

/* The one before, if there is one: a newer has come. */
void rdv_replace(struct rdv_peer *old);

/* A body that was written with w; who does not take it is ended. */
void rdv_send(struct rdv_peer *, uint8_t type, const uint8_t *body, const struct wr *w);

#endif
