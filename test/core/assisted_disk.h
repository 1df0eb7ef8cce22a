/* SPDX-License-Identifier: ISC */
/*
 * A disk behind assists: its driver on one side, and on the other what the test makes of
 * the requests.
 */
#ifndef TEST_CORE_ASSISTED_DISK_H
#define TEST_CORE_ASSISTED_DISK_H

#include <stdint.h>

/* clang-format off */
static uint8_t raw[] = {
	18, 1, 0x00, 0x02, 0, 0, 0, 64, 0x6b, 0x1d, 0x04, 0x01, 0, 1, 1, 2, 3, 1,
	9, 2, 0 /* setup */, 0, 1, 1, 0, 0x80, 50,
	9, 4, 0, 0, 2, 8, 6, 80, 0,
	7, 5, 0x81, 2, 0, 2, 0,
	7, 5, 0x02, 2, 0, 2, 0,
};
/* clang-format on */

#define ASSISTED_NOW
#include "test/core/assisted.h"

#define IN    0x81
#define OUT   0x02
#define BLOCK 512u
#define READ  4096u /* bytes of one, and */
#define NEXT  8     /* blocks */

static inline const struct ahead_stats *
stats(void)
{
	return assist_stats(assist, ASSIST_STORAGE);
}

static uint8_t tag, lun;

static inline uint32_t
command(const uint8_t cdb[16], bool in, uint32_t len)
{
	uint8_t b[31] = {'U', 'S', 'B', 'C', ++tag, 7, 7, 7};

	b[8] = (uint8_t)len;
	b[9] = (uint8_t)(len >> 8);
	b[12] = in ? 0x80 : 0;
	b[13] = lun;
	b[14] = cdb[0] < 0x20 ? 6 : 10;
	memcpy(b + 15, cdb, 16);
	return send_bytes(OUT, b, sizeof(b));
}

/* The far end's request i ends with a status of the command whose block request k is. */
static inline void
csw_of(unsigned i, unsigned k, uint32_t residue, uint8_t how)
{
	const struct import_reply r = {.actual = 13};
	uint8_t csw[13] = {'U', 'S', 'B', 'S'};
	struct urb_iso *iso;
	uint8_t *data = NULL;

	memcpy(csw + 4, far[k].cbw + 4, 4);
	csw[8] = (uint8_t)residue;
	csw[9] = (uint8_t)(residue >> 8);
	csw[12] = how;
	CHECK_EQ(assist_reply(assist, far[i].ep, far[i].tag, &r, &data, &iso), ERR_OK);
	CHECK(data != NULL);
	if (data != NULL)
		memcpy(data, csw, sizeof(csw));
	CHECK_EQ(assist_reply_end(assist), ERR_OK);
}

/* Request i ends with these bytes. */
static inline void
gives_bytes(unsigned i, const uint8_t *p, uint32_t n)
{
	const struct import_reply r = {.actual = n};
	struct urb_iso *iso;
	uint8_t *data = NULL;

	CHECK_EQ(assist_reply(assist, far[i].ep, far[i].tag, &r, &data, &iso), ERR_OK);
	if (data != NULL)
		memcpy(data, p, n);
	CHECK_EQ(assist_reply_end(assist), ERR_OK);
}

/* A command that goes to the device as it is, whole, with these data. */
static inline void
by_the_device(const uint8_t cdb[16], const uint8_t *p, uint32_t n)
{
	unsigned at = fars;
	uint32_t c = command(cdb, true, n), d, s;

	HEARD(c, 0, 31, 0);
	d = submit(IN, n);
	CHECK_EQ(fars, at + 3);
	gives(at, 31, 0);
	gives_bytes(at + 1, p, n);
	HEARD(d, 0, n, p[0]);
	csw_of(at + 2, at, 0, 0);
	s = submit(IN, 13);
	HEARD(s, 0, 13, 'U');
}

static const uint8_t inquiry[16] = {0x12, 0, 0, 0, 36}, capacity[16] = {0x25};
static uint8_t disk[36];
static uint8_t last_block[8] = {0, 0, 0x0f, 0xff, 0, 0, 2, 0};

static inline void
cdb_read(uint8_t cdb[16], uint32_t lba, uint16_t n)
{
	memset(cdb, 0, 16);
	cdb[0] = 0x28;
	cdb[2] = (uint8_t)(lba >> 24);
	cdb[3] = (uint8_t)(lba >> 16);
	cdb[4] = (uint8_t)(lba >> 8);
	cdb[5] = (uint8_t)lba;
	cdb[7] = (uint8_t)(n >> 8);
	cdb[8] = (uint8_t)n;
}

static inline void
read_by_the_device(uint32_t lba)
{
	uint8_t cdb[16], data[READ];

	memset(data, (int)(lba & 0xff), sizeof(data));
	cdb_read(cdb, lba, NEXT);
	by_the_device(cdb, data, READ);
}

/* A disk is there, and READs of it were behind each other. */
static inline void
known(void)
{
	setup();
	now = 1000000;
	by_the_device(inquiry, disk, 36);
	by_the_device(capacity, last_block, 8);
}

#endif
