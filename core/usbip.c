/* SPDX-License-Identifier: ISC */
/*
 * USB/IP headers to and from bytes. Which values make sense is not decided here
 * but by the engines: they know the device.
 */
#include "core/usbip.h"
#include "core/cur.h"
#include "core/mem.h"

#define BASE_FIELDS(X)   X(cmd) X(seqnum) X(devid) X(in) X(ep)
#define SUBMIT_FIELDS(X) X(flags) X(len) X(start_frame) X(packets) X(interval)
#define RET_FIELDS(X)    X(status) X(actual) X(start_frame) X(packets) X(errors)

#define READ(field)      to->field = rd_be32(r);
#define WRITE(field)     wr_be32(w, from->field);

static void
read_base(struct rd *r, struct usbip *to)
{
	BASE_FIELDS(READ)
}

static void
read_submit(struct rd *r, struct usbip_submit *to)
{
	SUBMIT_FIELDS(READ)
	rd_bytes(r, to->setup, sizeof(to->setup));
}

static void
read_ret(struct rd *r, struct usbip_ret_submit *to)
{
	RET_FIELDS(READ)
}

int
usbip_unpack(struct usbip *h, const uint8_t b[USBIP_HEADER])
{
	struct rd r;

	memset(h, 0, sizeof(*h));
	rd_init(&r, b, USBIP_HEADER);
	read_base(&r, h);
	switch (h->cmd) {
	case USBIP_SUBMIT:
		read_submit(&r, &h->submit);
		return ERR_OK;
	case USBIP_RET_SUBMIT:
		read_ret(&r, &h->ret);
		return ERR_OK;
	case USBIP_UNLINK:
		h->victim = rd_be32(&r);
		return ERR_OK;
	case USBIP_RET_UNLINK:
		h->status = rd_be32(&r);
		return ERR_OK;
	}
	return ERR_PROTO;
}

static void
write_base(struct wr *w, const struct usbip *from)
{
	BASE_FIELDS(WRITE)
}

static void
write_submit(struct wr *w, const struct usbip_submit *from)
{
	SUBMIT_FIELDS(WRITE)
	wr_bytes(w, from->setup, sizeof(from->setup));
}

static void
write_ret(struct wr *w, const struct usbip_ret_submit *from)
{
	RET_FIELDS(WRITE)
}

void
usbip_pack(const struct usbip *h, uint8_t b[USBIP_HEADER])
{
	struct wr w;

	memset(b, 0, USBIP_HEADER); /* what follows a short command is padding */
	wr_init(&w, b, USBIP_HEADER);
	write_base(&w, h);
	switch (h->cmd) {
	case USBIP_SUBMIT:
		write_submit(&w, &h->submit);
		break;
	case USBIP_RET_SUBMIT:
		write_ret(&w, &h->ret);
		break;
	case USBIP_UNLINK:
		wr_be32(&w, h->victim);
		break;
	case USBIP_RET_UNLINK:
		wr_be32(&w, h->status);
		break;
	}
	ASSERT(!w.bad);
}

void
usbip_iso_unpack(struct urb_iso *iso, const uint8_t b[USBIP_ISO])
{
	struct rd r;

	rd_init(&r, b, USBIP_ISO);
	iso->offset = rd_be32(&r);
	iso->length = rd_be32(&r);
	iso->actual = rd_be32(&r);
	iso->status = (int32_t)rd_be32(&r);
	iso->lost = false;
}

void
usbip_iso_pack(const struct urb_iso *iso, uint8_t b[USBIP_ISO])
{
	struct wr w;

	wr_init(&w, b, USBIP_ISO);
	wr_be32(&w, iso->offset);
	wr_be32(&w, iso->length);
	wr_be32(&w, iso->actual);
	wr_be32(&w, (uint32_t)iso->status);
}

int32_t
usbip_status(int32_t status)
{
	static const uint8_t known[] = {
	    LINUX_ENOENT,     LINUX_EIO,       LINUX_ENOMEM,    LINUX_EBUSY,
	    LINUX_EXDEV,      LINUX_ENODEV,    LINUX_EINVAL,    LINUX_EFBIG,
	    LINUX_ENOSPC,     LINUX_EPIPE,     LINUX_ETIME,     LINUX_ENOSR,
	    LINUX_ECOMM,      LINUX_EPROTO,    LINUX_EOVERFLOW, LINUX_EILSEQ,
	    LINUX_ECONNRESET, LINUX_ESHUTDOWN, LINUX_ETIMEDOUT, LINUX_EREMOTEIO,
	};

	if (status == 0)
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (status == -known[i])
			return status;
	return -LINUX_EPROTO;
}
