/* SPDX-License-Identifier: ISC */
/*
 * Finds a stream by its number: a hash table of nodes that are members of
 * something larger. It owns the table, not the nodes.
 */
#ifndef CORE_SIDMAP_H
#define CORE_SIDMAP_H

#include <stddef.h>
#include <stdint.h>

#define SIDMAP_FEW 8 /* rows before the table has memory of its own; a power of two */

struct pool;

struct sidmap_node {
	uint32_t sid;
	struct sidmap_node *next; /* in its row */
};

struct sidmap {
	struct pool *pool;
	struct sidmap_node **row;
	size_t rows, n; /* n: nodes */
	struct sidmap_node *few[SIDMAP_FEW];
};

void sidmap_init(struct sidmap *, struct pool *);

/* Gives the table back; the nodes are the caller's. */
void sidmap_fini(struct sidmap *);

/* NULL: not there. */
struct sidmap_node *sidmap_find(const struct sidmap *, uint32_t sid);

/* node->sid is set, and not there yet. Without memory rows only get longer. */
void sidmap_add(struct sidmap *, struct sidmap_node *);
void sidmap_del(struct sidmap *, struct sidmap_node *);

/* The node behind n in no order, the first for NULL; NULL: that was the last. */
struct sidmap_node *sidmap_next(const struct sidmap *, const struct sidmap_node *n);

#endif
