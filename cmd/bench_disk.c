/* SPDX-License-Identifier: ISC */
/*
 * bench of a disk: reads it whole with the bulk-only transport (USB Mass Storage
 * Class, Bulk-Only Transport 1.0) and SCSI READ(10), and hashes what came.
 */
#include <stdio.h>
#include <string.h>

#include "cmd/bencher.h"
#include "core/desc.h"
#include "core/session.h"
#include "core/text.h"
#include "net/clock.h"
#include "net/ident.h"

#define CBW        31
#define CSW        13
#define READ_BYTES (256u << 10) /* of one command */

enum step {
	STEP_READY,    /* TEST UNIT READY, until it is */
	STEP_CAPACITY, /* READ CAPACITY(10) */
	STEP_READ
};

#define READY_TRIES 5 /* a unit attention is told once for each cause */

static bool
find_endpoints(struct bencher *b)
{
	bool disk = false;
	struct desc d;

	for (unsigned i = 0; i < b->info.ifs; i++)
		disk |= b->info.iface[i].cls == 8 && b->info.iface[i].proto == 0x50;
	if (!disk || desc_parse(&d, b->raw, b->raw_len, b->info.config) != ERR_OK)
		return false;
	for (unsigned i = 0; i < d.eps; i++) {
		const struct desc_ep *e = &d.ep[i];

		if (e->config != b->info.config || e->alt != 0 || e->type != URB_BULK)
			continue;
		if ((e->addr & 0x80) != 0 && b->disk.in == 0)
			b->disk.in = e->addr;
		else if ((e->addr & 0x80) == 0 && b->disk.out == 0)
			b->disk.out = e->addr;
	}
	return b->disk.in != 0 && b->disk.out != 0;
}

/* A command: CBW, data, CSW are asked for at once, one round trip. */
static void
command(struct bencher *b, const uint8_t *cdb, size_t n, uint32_t want)
{
	struct import_request q = {.ep = b->disk.out, .type = URB_BULK, .len = CBW};
	uint8_t cbw[CBW] = {0};
	struct wr w;

	wr_init(&w, cbw, sizeof(cbw));
	wr_le32(&w, 0x43425355);
	wr_le32(&w, ++b->disk.tag);
	wr_le32(&w, want);
	wr_u8(&w, 0x80);
	wr_u8(&w, 0);
	wr_u8(&w, (uint8_t)n);
	wr_bytes(&w, cdb, n);
	b->disk.want = want;
	q.data = cbw;
	if (bench_request(b, &q) != ERR_OK)
		return;
	q = (struct import_request){.ep = b->disk.in, .type = URB_BULK, .len = want};
	if (want > 0 && bench_request(b, &q) != ERR_OK)
		return;
	q.len = CSW;
	if (bench_request(b, &q) != ERR_OK)
		return;
}

static void
next_command(struct bencher *b)
{
	static const uint8_t ready[6] = {0}, capacity[10] = {0x25};
	uint64_t left = b->disk.blocks - b->disk.at;
	uint32_t n = READ_BYTES / (b->disk.block > 0 ? b->disk.block : 1);
	uint8_t cdb[10] = {0x28};
	struct wr w;

	if (b->disk.step == STEP_READY) {
		command(b, ready, sizeof(ready), 0);
	} else if (b->disk.step == STEP_CAPACITY) {
		command(b, capacity, sizeof(capacity), 8);
	} else {
		n = left < n ? (uint32_t)left : n;
		wr_init(&w, cdb + 2, 7);
		wr_be32(&w, (uint32_t)b->disk.at);
		wr_u8(&w, 0);
		wr_be16(&w, (uint16_t)n);
		command(b, cdb, sizeof(cdb), n * b->disk.block);
		b->disk.at += n;
	}
}

void
bench_disk(struct bencher *b)
{
	if (!find_endpoints(b)) {
		bench_next(b);
		return;
	}
	if ((b->disk.hash = ident_hash_new()) == NULL) {
		bench_stop(b, ERR_NOMEM, err_text(ERR_NOMEM));
		return;
	}
	next_command(b);
}

static void
read_ended(struct bencher *b)
{
	uint8_t sum[IDENT_MAC];
	uint64_t us = clock_us() - b->disk.start;
	struct text t;

	ident_hash_end(b->disk.hash, sum);
	b->disk.hash = NULL;
	text_init(&t, b->disk.sha256, sizeof(b->disk.sha256));
	text_bytes(&t, sum, sizeof(sum));
	b->disk.read_bps = b->disk.bytes * 1000000 / (us > 0 ? us : 1);
	bench_next(b);
}

static void
take_capacity(struct bencher *b, const struct session_msg *m)
{
	uint8_t d[8];
	struct rd r;

	imports_data(m, d, sizeof(d));
	rd_init(&r, d, sizeof(d));
	b->disk.blocks = (uint64_t)rd_be32(&r) + 1;
	b->disk.block = rd_be32(&r);
	if (b->disk.block < 512 || b->disk.block > 4096)
		bench_stop(b, ERR_IO, "the disk has blocks of an unusual size");
}

static void
take_data(struct bencher *b, const struct session_msg *m, uint32_t n)
{
	uint8_t piece[16384];

	for (uint32_t at = 0; at < n; at += sizeof(piece)) {
		uint32_t k = n - at < sizeof(piece) ? n - at : (uint32_t)sizeof(piece);

		session_msg_read(m, WIRE_COMPLETE_HEAD + at, piece, k);
		ident_hash_add(b->disk.hash, piece, k);
	}
	b->disk.bytes += n;
}

/* The status of the command that was out: on to the next one. */
static void
take_status(struct bencher *b, const struct session_msg *m)
{
	uint8_t d[CSW];
	struct rd r;
	bool ours;

	imports_data(m, d, sizeof(d));
	rd_init(&r, d, sizeof(d));
	ours = rd_le32(&r) == 0x53425355 && rd_le32(&r) == b->disk.tag;
	if (!ours ||
	    (d[12] != 0 && (b->disk.step != STEP_READY || b->disk.tag >= READY_TRIES))) {
		bench_stop(b, ERR_IO, "the disk reports an error");
		return;
	}
	if (b->disk.step == STEP_CAPACITY)
		b->disk.start = clock_us();
	if (b->disk.step != STEP_READ && d[12] == 0)
		b->disk.step++;
	if (b->disk.step == STEP_READ && b->disk.at == b->disk.blocks)
		read_ended(b);
	else
		next_command(b);
}

int
bench_disk_reply(struct bencher *b, uint8_t ep, const struct import_reply *r,
		 const struct session_msg *m)
{
	if (b->done)
		return ERR_OK;
	if (r->status != 0 || ((ep & 0x80) != 0 && m == NULL)) {
		bench_stop(b, ERR_IO, "a transfer to the disk failed");
	} else if ((ep & 0x80) == 0) {
		return ERR_OK;
	} else if (b->disk.want > 0) {
		if (r->actual != b->disk.want)
			bench_stop(b, ERR_IO, "the disk gave less than was asked for");
		else if (b->disk.step == STEP_CAPACITY)
			take_capacity(b, m);
		else
			take_data(b, m, r->actual);
		b->disk.want = 0;
	} else if (r->actual != CSW) {
		bench_stop(b, ERR_IO, "the disk's status is malformed");
	} else {
		take_status(b, m);
	}
	return ERR_OK;
}
