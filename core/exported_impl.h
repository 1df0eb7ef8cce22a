/* SPDX-License-Identifier: ISC */
/*
 * What exported.c (devices) and exported_urb.c (their requests) share; for nobody else.
 */
#ifndef CORE_EXPORTED_IMPL_H
#define CORE_EXPORTED_IMPL_H

#include "core/exported.h"

/* n bytes of replies are not to come any more, or are here. */
void exported_kept(struct exported *, uint64_t n);

/* The export engine's one reply. None comes after export_end. */
void exported_reply(void *exported, uint64_t tag, const struct urb *, bool unlinked);

#endif
