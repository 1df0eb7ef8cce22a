/* SPDX-License-Identifier: ISC */
/*
 * What core/pack is given here: LZ4, the clock, and what a link says.
 */
#ifndef CMD_PACKING_H
#define CMD_PACKING_H

#include "core/pack.h"

struct json;
struct link;

/* l: where the owner of the session keeps its link; *l may be NULL, and change. */
void packing_conf(struct pack_conf *, struct link **l);

/* A member "compression". */
void packing_put(struct json *, const struct pack_stats *);

#endif
