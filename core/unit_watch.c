/* SPDX-License-Identifier: ISC */
/*
 * What the driver's commands tell of the disk, and whether they read it in a row.
 */
#include "core/mem.h"
#include "core/unit_impl.h"

/* SPC-4, SBC-3 */
#define INQUIRY          0x12
#define READ_CAPACITY_10 0x25
#define READ_10          0x28
#define READ_16          0x88
#define SERVICE_IN_16    0x9e
#define READ_CAPACITY_16 0x10

#define BLOCK_MIN        512u
#define BLOCK_MAX        65536u
#define LAST_MAX         (1ull << 48)

static uint32_t
be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint64_t
be64(const uint8_t *p)
{
	return (uint64_t)be32(p) << 32 | be32(p + 4);
}

/* One without wishes: no protection, FUA, or group. */
bool
unit_is_read(const uint8_t *cbw, uint64_t *lba, uint32_t *blocks)
{
	const uint8_t *cdb = cbw + 15;

	if (cdb[1] != 0)
		return false;
	if (cdb[0] == READ_10) {
		*lba = be32(cdb + 2);
		*blocks = (uint32_t)cdb[7] << 8 | cdb[8];
		return cdb[6] == 0 && cdb[9] == 0 && *blocks > 0;
	}
	*lba = be64(cdb + 2);
	*blocks = be32(cdb + 10);
	return cdb[0] == READ_16 && cdb[14] == 0 && cdb[15] == 0 && *blocks > 0;
}

void
unit_watch(struct unit *u, const uint8_t *cbw)
{
	memcpy(u->cbw, cbw, UNIT_CBW);
	u->watched = true;
	u->looked = false;
}

static void
set_size(struct unit *u, uint64_t last, uint32_t block)
{
	struct unit_lun *l = &u->lun[u->cbw[13] & 15];
	bool sane = block >= BLOCK_MIN && block <= BLOCK_MAX &&
		    (block & (block - 1)) == 0 && last < LAST_MAX;

	if (l->block != block || !sane)
		unit_forget_seqs(u);
	l->last = last;
	l->block = sane ? block : 0;
}

void
unit_watch_data(struct unit *u, const uint8_t *p, uint32_t n)
{
	const uint8_t *cdb = u->cbw + 15;
	struct unit_lun *l = &u->lun[u->cbw[13] & 15];

	if (!u->watched || u->looked || n == 0)
		return;
	u->looked = true;
	if (cdb[0] == INQUIRY && (cdb[1] & 1) == 0)
		l->disk = (p[0] & 0x1f) == 0;
	else if (cdb[0] == READ_CAPACITY_10 && n >= 8 && be32(p) != UINT32_MAX)
		set_size(u, be32(p), be32(p + 4));
	else if (cdb[0] == SERVICE_IN_16 && (cdb[1] & 31) == READ_CAPACITY_16 && n >= 12)
		set_size(u, be64(p), be32(p + 8));
}

/* The one that it goes on with, or the one that was of use the longest ago. */
static struct unit_seq *
seq_of(struct unit *u, uint8_t lun, uint64_t lba)
{
	struct unit_seq *q = &u->seq[0];

	for (unsigned i = 0; i < UNIT_SEQS; i++) {
		struct unit_seq *s = &u->seq[i];

		if (s->run > 0 && s->lun == lun && s->next == lba)
			return s;
		if (s->used < q->used)
			q = s;
	}
	memset(q, 0, sizeof(*q));
	q->lun = lun;
	return q;
}

void
unit_follow(struct unit *u, const uint8_t *cbw, uint64_t lba, uint32_t blocks)
{
	uint32_t len = bot_le32(cbw + 8);
	struct unit_seq *q = seq_of(u, cbw[13] & 15, lba);

	q->run++;
	q->op = cbw[15];
	q->len = q->len > len ? q->len : len;
	q->next = lba + blocks;
	q->used = ++u->reads;
	u->now_seq = q;
	if (u->longest < len)
		u->longest = len;
}

void
unit_forget_seqs(struct unit *u)
{
	for (unsigned i = 0; i < UNIT_SEQS; i++)
		u->seq[i].run = 0;
}
