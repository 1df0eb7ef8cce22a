/* SPDX-License-Identifier: ISC */
/*
 * How soon both ends of plain USB/IP notice that the other one is gone.
 */
#ifndef NET_STOCK_LIVE_H
#define NET_STOCK_LIVE_H

struct tcp_liveness;

extern const struct tcp_liveness stock_liveness;

#endif
