/* SPDX-License-Identifier: ISC */
/*
 * Each command sees the medium as it is when its command block comes.
 */
#include <string.h>

#include "test/sim/net.h"
#include "test/sim/scsi.h"

static uint32_t
be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

void
scsi_init(struct scsi *s, uint64_t seed)
{
	static const uint8_t moods[] = {SCSI_BAD, SCSI_STALL, SCSI_SHORT, SCSI_HANG};
	uint64_t r = seed * 5 + 11;
	unsigned n = (unsigned)(net_random(&r) % 6);

	memset(s, 0, sizeof(*s));
	for (unsigned m = 0; m < 2; m++)
		for (size_t i = 0; i < sizeof(s->bytes[0]); i += 8) {
			uint64_t v = net_random(&r);

			memcpy(s->bytes[m] + i, &v, 8);
		}
	for (unsigned i = 0; i < n; i++) {
		uint8_t mood = moods[net_random(&r) % 4];

		if (mood != SCSI_HANG || net_random(&r) % 4 == 0)
			s->mood[net_random(&r) % SCSI_SECTORS] = mood;
	}
	s->type = net_random(&r) % 16 == 0 ? 5 : 0;
}

void
scsi_change_medium(struct scsi *s)
{
	s->medium ^= 1;
	s->attention = true;
	s->restarted = false;
}

void
scsi_restart(struct scsi *s)
{
	s->restarted = s->restarted || !s->attention;
	s->attention = true;
}

static uint8_t
attention_asc(const struct scsi *s)
{
	return s->restarted ? 0x29 : 0x28;
}

static void
fail(struct scsi *s, struct scsi_answer *a, uint8_t key, uint8_t asc)
{
	s->key = key;
	s->asc = asc;
	a->failed = true;
}

static void
give_small(struct scsi *s, struct scsi_answer *a, uint32_t n)
{
	a->data = s->small;
	a->n = n;
}

static void
sense(struct scsi *s, struct scsi_answer *a)
{
	if (s->attention && s->key == 0) {
		s->key = 6;
		s->asc = attention_asc(s);
		s->attention = s->restarted = false;
	}
	memset(s->small, 0, sizeof(s->small));
	s->small[0] = 0x70;
	s->small[2] = s->key;
	s->small[7] = 10;
	s->small[12] = s->asc;
	s->key = s->asc = 0;
	give_small(s, a, 18);
}

static void
read_write(struct scsi *s, const uint8_t *cdb, struct scsi_answer *a)
{
	uint32_t lba = be32(cdb + 2), n = (uint32_t)cdb[7] << 8 | cdb[8], i = 0;
	bool in = cdb[0] == 0x28;
	uint8_t mood = SCSI_FINE;

	if (lba > SCSI_SECTORS || n > SCSI_SECTORS - lba) {
		fail(s, a, 5, 0x21);
		return;
	}
	while (i < n && mood == SCSI_FINE) {
		mood = s->mood[lba + i];
		if (mood == (in ? SCSI_HANG : SCSI_SHORT))
			mood = SCSI_FINE;
		i += mood == SCSI_FINE;
	}
	a->data = s->bytes[s->medium] + lba * SCSI_SECTOR;
	a->n = i * SCSI_SECTOR;
	a->hangs = mood == SCSI_HANG;
	a->stalls = mood == SCSI_STALL;
	if (mood == SCSI_BAD || mood == SCSI_STALL)
		fail(s, a, 3, in ? 0x11 : 0x0c);
}

static void
inquiry(struct scsi *s, struct scsi_answer *a)
{
	memset(s->small, 0, sizeof(s->small));
	s->small[0] = s->type;
	memcpy(s->small + 8, "model   disk", 12);
	give_small(s, a, 36);
}

static void
capacity(struct scsi *s, struct scsi_answer *a)
{
	static const uint8_t size[8] = {0, 0, 0, SCSI_SECTORS - 1, 0, 0, 2, 0};

	memcpy(s->small, size, sizeof(size));
	give_small(s, a, 8);
}

/* MODE SENSE(6) of all pages; those of 192 bytes are filled up with zeros. */
static void
modes(struct scsi *s, struct scsi_answer *a)
{
	static const uint8_t what[SCSI_MODES][40] = {
	    [SCSI_HEADER] = {3},
	    [SCSI_PAGE] = {23, 0, 0x10, 0, 8, 18, 1},
	    [SCSI_PAGES] = {29, 0, 0, 0, 1, 10, 0xc0, 8, 0, 0, 0, 0, 0, 0, 5, 0, 0x1c,
			    10}};
	static const uint32_t len[SCSI_MODES] = {0, 4, 24, 192};

	memset(s->small, 0, sizeof(s->small));
	memcpy(s->small, what[s->modes], sizeof(what[0]));
	if (s->modes == SCSI_NO_MODES)
		fail(s, a, 5, 0x20);
	else
		give_small(s, a, len[s->modes]);
}

/* One without data that nobody asks about is done by all of them alike. */
void
scsi_command(struct scsi *s, const uint8_t cdb[16], struct scsi_answer *a)
{
	memset(a, 0, sizeof(*a));
	a->data = s->small;
	s->commands++;
	if (cdb[0] == 0x12) {
		inquiry(s, a);
		return;
	}
	if (cdb[0] == 0x03) {
		sense(s, a);
		return;
	}
	s->key = s->asc = 0; /* nobody asked */
	if (s->attention) {
		fail(s, a, 6, attention_asc(s));
		s->attention = s->restarted = false;
	} else if (cdb[0] == 0x28 || cdb[0] == 0x2a) {
		read_write(s, cdb, a);
	} else if (cdb[0] == 0x25) {
		capacity(s, a);
	} else if (cdb[0] == 0x1a) {
		modes(s, a);
	} else if (cdb[0] == 0x35 && s->no_sync) {
		fail(s, a, 5, 0x20);
	} else if (cdb[0] != 0x00 && cdb[0] != 0x35) {
		fail(s, a, 5, 0x20);
	}
}
