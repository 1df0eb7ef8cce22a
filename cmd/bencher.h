/* SPDX-License-Identifier: ISC */
/*
 * The parts of `bench` and how they know one another:
 *
 *	bench.c       options, phases, the report
 *	bench_link.c  round trips and throughput of the link itself
 *	bench_dev.c   a device: descriptors, request rate
 *	bench_disk.c  a disk: read whole, hashed
 */
#ifndef CMD_BENCHER_H
#define CMD_BENCHER_H

#include "cmd/remote.h"

#define BENCH_PINGS 200
#define BENCH_US    1500000 /* of each direction, unless told */

struct ident_hash;

struct bencher {
	struct loop loop;
	struct target target;
	struct remote *remote;
	unsigned phase;
	bool json, done;
	int code;
	const char *device; /* pattern; NULL: the link alone */
	uint64_t started;   /* us */

	/* the link */
	uint64_t connect_us, direction_us;
	uint64_t rtt[BENCH_PINGS], busy[BENCH_PINGS]; /* busy: beside bulk */
	unsigned pings, busy_pings;
	uint64_t sent_at;
	char path[200];
	enum { BENCH_DOWN, BENCH_UP, BENCH_BUSY, BENCH_OVER } mode;
	uint64_t phase_start, phase_end; /* us; of each mode */
	uint64_t moved, left, to_send;   /* bytes; left: asked for and not there yet */
	uint64_t cpu_us, cpu_start;
	uint64_t total; /* bytes of both directions, for cpu */
	uint64_t down_bps, up_bps;

	/* the device */
	uint32_t dev; /* 0: not imported */
	struct devinfo info;
	uint8_t *raw;
	size_t raw_len;
	bool finding; /* the list was asked for; others come unasked */
	bool found;
	uint64_t urbs, urb_s;
	uint64_t asked_us, first_us; /* from the list to the first answer of the device */
	unsigned inflight;

	/* the disk */
	struct disk {
		uint8_t in, out; /* endpoint addresses; 0: no disk */
		uint32_t block;  /* bytes */
		uint64_t blocks, at;
		uint32_t tag, want;
		unsigned step;
		struct ident_hash *hash;
		char sha256[65];
		uint64_t bytes, start, read_bps;
	} disk;
};

/* A phase of the run: starts something, and bench_next() is called at its end. */
void bench_next(struct bencher *);
void bench_stop(struct bencher *, int err, const char *why);

/* bench_link.c */
void bench_ping(struct bencher *);
void bench_down(struct bencher *);
void bench_up(struct bencher *);
void bench_busy(struct bencher *);
int bench_on_message(void *bencher, const struct session_msg *);
void bench_on_turn(void *bencher);

/* bench_dev.c */
void bench_find(struct bencher *);
void bench_on_device(void *bencher, const struct wire_device *);
void bench_import(struct bencher *);
void bench_urbs(struct bencher *);
void bench_show_descriptors(const struct bencher *);
int bench_request(struct bencher *, const struct import_request *);

/* bench_disk.c */
void bench_disk(struct bencher *);
int bench_disk_reply(struct bencher *, uint8_t ep, const struct import_reply *,
		     const struct session_msg *);

#endif
