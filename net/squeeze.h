/* SPDX-License-Identifier: ISC */
/*
 * LZ4 blocks, of which a peer may have made what comes in; the only user of liblz4.
 */
#ifndef NET_SQUEEZE_H
#define NET_SQUEEZE_H

#include "core/pack.h"

extern const struct pack_codec squeeze_lz4;

#endif
