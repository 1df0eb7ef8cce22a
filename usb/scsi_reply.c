/* SPDX-License-Identifier: ISC */
/* Sense, inquiry, mode pages, capacities: SPC-3 6 and 7, SBC-2 5 and 6. */
#include "usb/scsi_reply.h"

#include "core/cur.h"
#include "core/mem.h"

#define WCE        0x04
#define MODE_RO    0x80 /* device-specific parameter of the mode header */
#define MODE_FUA   0x10
#define PAGE_CACHE 0x08
#define PAGE_ALL   0x3f

static void
put_be64(struct wr *w, uint64_t v)
{
	wr_be32(w, (uint32_t)(v >> 32));
	wr_be32(w, (uint32_t)v);
}

/* ASCII, padded with spaces */
static void
put_text(struct wr *w, const char *s, size_t n)
{
	for (; n > 0; n--) {
		bool plain = *s >= 0x20 && *s <= 0x7e;

		wr_u8(w, *s == '\0' ? ' ' : plain ? (uint8_t)*s : '?');
		s += *s != '\0';
	}
}

static void
zeros(struct wr *w, size_t n)
{
	while (n-- > 0)
		wr_u8(w, 0);
}

static struct wr
reply_start(struct scsi_call *c)
{
	struct wr w;

	wr_init(&w, c->s->reply, sizeof(c->s->reply));
	return w;
}

/* At most what the command allows for: its allocation length */
static enum scsi_sense
reply_end(struct scsi_call *c, const struct wr *w, uint32_t allowed)
{
	size_t n = (size_t)(w->p - c->s->reply);

	ASSERT(!w->bad);
	c->task->len = n < allowed ? n : allowed;
	c->task->todo = c->task->len > 0 ? SCSI_SEND : SCSI_NOTHING;
	return SCSI_NO_SENSE;
}

static void
put_fixed_sense(struct wr *w, enum scsi_sense sense, uint64_t lba)
{
	bool tell =
	    (sense == SCSI_READ_ERROR || sense == SCSI_WRITE_ERROR) && lba <= UINT32_MAX;

	wr_u8(w, tell ? 0xf0 : 0x70); /* valid information, current error */
	wr_u8(w, 0);
	wr_u8(w, (uint8_t)(sense >> 16));
	wr_be32(w, tell ? (uint32_t)lba : 0);
	wr_u8(w, 10); /* bytes that follow */
	zeros(w, 4);
	wr_be16(w, (uint16_t)sense);
	zeros(w, 4);
}

static void
put_descriptor_sense(struct wr *w, enum scsi_sense sense)
{
	wr_u8(w, 0x72);
	wr_u8(w, (uint8_t)(sense >> 16));
	wr_be16(w, (uint16_t)sense);
	zeros(w, 4);
}

enum scsi_sense
scsi_request_sense(struct scsi_call *c)
{
	struct scsi *s = c->s;
	struct wr w = reply_start(c);
	enum scsi_sense sense = s->sense;

	if (sense == SCSI_NO_SENSE) {
		sense = s->attention;
		s->attention = SCSI_NO_SENSE;
	}
	if (c->cdb[1] & 1)
		put_descriptor_sense(&w, sense);
	else
		put_fixed_sense(&w, sense, s->sense_lba);
	return reply_end(c, &w, c->cdb[4]);
}

static void
vpd_pages(struct scsi *s, struct wr *w)
{
	(void)s;
	wr_be16(w, 3);
	wr_u8(w, 0x00);
	wr_u8(w, 0x80);
	wr_u8(w, 0x83);
}

static void
vpd_serial(struct scsi *s, struct wr *w)
{
	wr_be16(w, SCSI_SERIAL);
	put_text(w, s->serial, SCSI_SERIAL);
}

/* one designator: T10 vendor identification, ASCII, of the unit */
static void
vpd_identity(struct scsi *s, struct wr *w)
{
	wr_be16(w, 4 + 8 + SCSI_SERIAL);
	wr_u8(w, 0x02);
	wr_u8(w, 0x01);
	wr_u8(w, 0);
	wr_u8(w, 8 + SCSI_SERIAL);
	put_text(w, "usbp2p", 8);
	put_text(w, s->serial, SCSI_SERIAL);
}

static const struct vpd {
	uint8_t page;
	void (*put)(struct scsi *, struct wr *);
} vpds[] = {
    {0x00, vpd_pages},
    {0x80, vpd_serial},
    {0x83, vpd_identity},
};

static enum scsi_sense
inquire_vpd(struct scsi_call *c)
{
	struct wr w = reply_start(c);

	for (size_t i = 0; i < ARRAY_LEN(vpds); i++) {
		if (vpds[i].page != c->cdb[2])
			continue;
		wr_u8(&w, 0);
		wr_u8(&w, vpds[i].page);
		vpds[i].put(c->s, &w);
		return reply_end(c, &w, scsi_be16(c->cdb + 3));
	}
	return SCSI_BAD_FIELD;
}

enum scsi_sense
scsi_inquire(struct scsi_call *c)
{
	struct wr w = reply_start(c);

	if (c->cdb[1] & 1)
		return inquire_vpd(c);
	if (c->cdb[1] != 0 || c->cdb[2] != 0)
		return SCSI_BAD_FIELD;
	wr_u8(&w, 0x00); /* direct-access block device */
	wr_u8(&w, 0x80); /* removable */
	wr_u8(&w, 0x05); /* SPC-3 */
	wr_u8(&w, 0x02); /* format of this reply */
	wr_u8(&w, 31);   /* bytes that follow */
	zeros(&w, 3);
	put_text(&w, "usbp2p", 8);
	put_text(&w, c->s->product, 16);
	put_text(&w, "0.1", 4);
	return reply_end(c, &w, scsi_be16(c->cdb + 3));
}

/* SBC-2 6.3.3. Nothing of it can be changed (page control 1). */
static void
put_cache_page(struct wr *w, const struct scsi *s, unsigned control)
{
	wr_u8(w, PAGE_CACHE);
	wr_u8(w, 18);
	wr_u8(w, control == 1 || s->ro ? 0 : WCE);
	zeros(w, 17);
}

/* Header of 4 or 8 bytes, no block descriptor, the caching page. */
static enum scsi_sense
mode_sense(struct scsi_call *c, bool ten)
{
	unsigned page = c->cdb[2] & 0x3f, control = c->cdb[2] >> 6;
	uint8_t param = c->s->ro ? MODE_RO : MODE_FUA;
	struct wr w = reply_start(c);

	if ((page != PAGE_ALL && page != PAGE_CACHE) ||
	    (c->cdb[3] != 0 && c->cdb[3] != 0xff))
		return SCSI_BAD_FIELD;
	if (control == 3)
		return SCSI_NO_SAVING;
	if (ten)
		wr_be16(&w, 6 + 20);
	else
		wr_u8(&w, 3 + 20);
	wr_u8(&w, 0); /* medium type */
	wr_u8(&w, param);
	zeros(&w, ten ? 4 : 1);
	put_cache_page(&w, c->s, control);
	return reply_end(c, &w, ten ? scsi_be16(c->cdb + 7) : c->cdb[4]);
}

enum scsi_sense
scsi_mode_sense6(struct scsi_call *c)
{
	return mode_sense(c, false);
}

enum scsi_sense
scsi_mode_sense10(struct scsi_call *c)
{
	return mode_sense(c, true);
}

enum scsi_sense
scsi_capacity10(struct scsi_call *c)
{
	struct wr w = reply_start(c);
	uint64_t last = c->s->blocks - 1;

	if ((c->cdb[8] & 1) == 0 && scsi_be32(c->cdb + 2) != 0)
		return SCSI_BAD_FIELD;
	wr_be32(&w, last < UINT32_MAX ? (uint32_t)last : UINT32_MAX);
	wr_be32(&w, SCSI_BLOCK);
	return reply_end(c, &w, UINT32_MAX);
}

enum scsi_sense
scsi_capacity16(struct scsi_call *c)
{
	struct wr w = reply_start(c);

	if ((c->cdb[1] & 0x1f) != 0x10) /* other service actions */
		return SCSI_BAD_FIELD;
	if ((c->cdb[14] & 1) == 0 && scsi_be64(c->cdb + 2) != 0)
		return SCSI_BAD_FIELD;
	put_be64(&w, c->s->blocks - 1);
	wr_be32(&w, SCSI_BLOCK);
	zeros(&w, 20);
	return reply_end(c, &w, scsi_be32(c->cdb + 10));
}

/* MMC; Windows asks. One descriptor: formatted medium. */
enum scsi_sense
scsi_format_capacities(struct scsi_call *c)
{
	struct wr w = reply_start(c);
	uint64_t n = c->s->blocks;

	wr_be32(&w, 8);
	wr_be32(&w, n < UINT32_MAX ? (uint32_t)n : UINT32_MAX);
	wr_be32(&w, 0x02000000 | SCSI_BLOCK);
	return reply_end(c, &w, scsi_be16(c->cdb + 7));
}

enum scsi_sense
scsi_report_luns(struct scsi_call *c)
{
	struct wr w = reply_start(c);
	uint32_t allowed = scsi_be32(c->cdb + 6);

	if (allowed < 16 || c->cdb[2] > 2)
		return SCSI_BAD_FIELD;
	wr_be32(&w, c->cdb[2] == 1 ? 0 : 8); /* 1: only well known units, of which none */
	zeros(&w, c->cdb[2] == 1 ? 4 : 12);
	return reply_end(c, &w, allowed);
}
