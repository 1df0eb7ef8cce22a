/* SPDX-License-Identifier: ISC */
/*
 * The file `peers` of the state directory: who may use our devices (clients)
 * and which servers we know. core/access has the rows.
 */
#ifndef CMD_PEERS_H
#define CMD_PEERS_H

#include "core/access.h"

struct peers {
	struct access_row *row;
	unsigned n;
};

/* A wrong line is named with its number (was printed). */
int peers_load(struct peers *, const char *dir) MUST_CHECK;
void peers_free(struct peers *);

/* NULL if there is none. */
struct access_row *
peers_by_id(const struct peers *, enum access_kind, const uint8_t id[PEERID]);
struct access_row *
peers_by_name(const struct peers *, enum access_kind, const char *name);

/* Adds the row, or replaces the one of this kind and id; on disk when it returns. */
int peers_put(const char *dir, const struct access_row *) MUST_CHECK;

/*
 * Loads, lets fn change rows or drop some, and saves unless fn returns an error,
 * which is returned then.
 */
int
peers_change(const char *dir, int (*fn)(void *arg, struct peers *), void *arg) MUST_CHECK;

#endif
