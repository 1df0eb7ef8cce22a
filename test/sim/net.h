/* SPDX-License-Identifier: ISC */
/*
 * A bad network between two sides, 0 and 1: it delays, loses, turns round,
 * doubles and queues packets, all from one seed and the time it is told. It
 * never sleeps and knows nothing of what the packets hold.
 */
#ifndef TEST_SIM_NET_H
#define TEST_SIM_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NET_PACKET_MAX 9000

/* One direction. Chances are in millionths. */
struct net_conf {
	uint64_t delay_us;  /* one way */
	uint64_t jitter_us; /* up to this much more; keeps the order */
	uint32_t loss, reorder, duplicate;
	uint64_t rate; /* bytes per second; 0: no limit */
	size_t queue;  /* bytes that wait for the rate; what is more is dropped */
};

struct net_stats {
	uint64_t sent, lost, dropped, reordered, duplicated;
};

struct net;

/* to[i] is the way to side i. */
struct net *net_new(uint64_t seed, const struct net_conf to[2]);
void net_free(struct net *);

/* Side from sends n <= NET_PACKET_MAX bytes. */
void net_send(struct net *, int from, const uint8_t *, size_t n, uint64_t now);

/* The next packet that has arrived at side by now; 0: none. cap >= NET_PACKET_MAX. */
size_t net_recv(struct net *, int side, uint8_t *buf, uint64_t now);

/* When the next packet arrives anywhere, or at side; UINT64_MAX: none is on its way. */
uint64_t net_next(const struct net *);
uint64_t net_next_at(const struct net *, int side);

/* Cut: what is on its way and what is sent is lost. */
void net_cut(struct net *, bool cut);

/* Packets take another way from now on; those on the old one still arrive. */
void net_change(struct net *, const struct net_conf to[2]);

void net_stats(const struct net *, struct net_stats *);

/* The seed's next number; tests use it for their own choices, too. */
uint32_t net_random(uint64_t *seed);

#endif
