/* SPDX-License-Identifier: ISC */
/*
 * What the files of the model share: members of objects, and devices.
 */
#ifndef TUI_MODEL_IMPL_H
#define TUI_MODEL_IMPL_H

#include "tui/model.h"

/* A string member, cut if it is long; "" if there is none. */
void model_text(struct json_val, const char *key, char *dst, size_t cap);
uint64_t model_number(struct json_val, const char *key); /* 0 if there is none */

/* The peer's rows become those of the list. Changes are news unless `quiet`. */
void model_devices(struct model *, struct rows *, const char *peer, struct json_val list,
		   bool quiet, uint64_t rtt_us, uint64_t now_us);

/* So many bytes by now; less than before: they are counted anew. */
void model_flow(struct model_flow *, uint64_t bytes, uint64_t rtt_us, uint64_t now_us);

/* The peer of this name, made if need be; NULL: no memory. Sorting moves peers. */
struct model_peer *model_peer_get(struct model *, const char *name);
void model_peers_sort(struct model *);

/* v has a member "link", and "held_s" while it is cut. */
void model_link(struct model *, struct model_peer *, struct json_val v, uint64_t now_us);

/* Guests that the list has not are known only. */
void model_peers_left(struct model *, struct json_val list);

#endif
