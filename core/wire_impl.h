/* SPDX-License-Identifier: ISC */
/*
 * What the files of core/wire share; for nobody else.
 */
#ifndef CORE_WIRE_IMPL_H
#define CORE_WIRE_IMPL_H

#include "core/wire.h"

/* A string of the peer, cleaned. */
void wire_get_text(struct rd *, char *dst, size_t cap);

/* A refusal with which the message does not end. */
void wire_part_refusal(struct rd *, struct wire_refusal *);

#endif
