/* SPDX-License-Identifier: ISC */
/*
 * The OP phase of USB/IP, the side that wants a device. Of a list one record is
 * kept at a time.
 */
#include "core/cur.h"
#include "core/mem.h"
#include "core/text.h"
#include "core/usbip_op.h"

#define INTERFACE   4    /* class, subclass, protocol, padding; in a list only */
#define DEVICES_MAX 4096 /* of a list */

static bool
ends(const char *s, size_t cap)
{
	for (size_t i = 0; i < cap; i++)
		if (s[i] == '\0')
			return true;
	return false;
}

/* A string that ends within its field, made harmless. */
static bool
get_text(struct rd *r, char *dst, size_t cap)
{
	rd_bytes(r, dst, cap);
	if (!ends(dst, cap))
		return false;
	text_clean(dst);
	return true;
}

static int
get_device(struct devinfo *d, const uint8_t b[USBIP_OP_DEVICE])
{
	char path[USBIP_OP_PATH];
	struct rd r;
	uint32_t speed;
	bool ok;

	memset(d, 0, sizeof(*d));
	rd_init(&r, b, USBIP_OP_DEVICE);
	ok = get_text(&r, path, sizeof(path)) &&
	     get_text(&r, d->busid, sizeof(d->busid)) && d->busid[0] != '\0';
	d->busnum = rd_be32(&r);
	d->devnum = rd_be32(&r);
	speed = rd_be32(&r);
	d->speed = (uint8_t)speed;
	d->vid = rd_be16(&r);
	d->pid = rd_be16(&r);
	d->bcd = rd_be16(&r);
	d->cls = rd_u8(&r);
	d->sub = rd_u8(&r);
	d->proto = rd_u8(&r);
	d->config = rd_u8(&r);
	d->configs = rd_u8(&r);
	d->ifs = rd_u8(&r);
	/* both halves of a devid have 16 bits */
	if (!ok || speed > DEVINFO_SUPER_PLUS || d->busnum > 0xffff || d->devnum > 0xffff)
		return ERR_PROTO;
	return ERR_OK;
}

static size_t
least(size_t a, size_t b)
{
	return a < b ? a : b;
}

static const int answers[] = {
    [USBIP_OP_OK] = ERR_OK,       [USBIP_OP_NA] = ERR_REFUSED,
    [USBIP_OP_BUSY] = ERR_BUSY,   [USBIP_OP_DEV_ERR] = ERR_FAIL,
    [USBIP_OP_NODEV] = ERR_NODEV, [USBIP_OP_ERROR] = ERR_FAIL,
};

static void
expect(struct usbip_op_import *x, size_t n, void (*next)(struct usbip_op_import *))
{
	x->have = 0;
	x->want = n;
	x->next = next;
}

static void
tell(struct usbip_op_import *x)
{
	x->device(x->arg, &x->info);
}

static void on_list_device(struct usbip_op_import *);

static void
next_device(struct usbip_op_import *x)
{
	if (x->devices == 0) {
		x->done = true;
		return;
	}
	x->devices--;
	expect(x, USBIP_OP_DEVICE, on_list_device);
}

static void
on_interface(struct usbip_op_import *x)
{
	struct devinfo *d = &x->info;

	if (d->ifs < DEVINFO_IFS)
		d->iface[d->ifs++] = (struct devinfo_if){x->in[0], x->in[1], x->in[2]};
	if (--x->ifs > 0) {
		x->have = 0;
		return;
	}
	next_device(x);
	tell(x);
}

static void
on_list_device(struct usbip_op_import *x)
{
	if ((x->failed = get_device(&x->info, x->in)) != ERR_OK)
		return;
	x->ifs = x->info.ifs;
	x->info.ifs = 0;
	if (x->ifs > 0) {
		expect(x, INTERFACE, on_interface);
		return;
	}
	next_device(x);
	tell(x);
}

static void
on_list_count(struct usbip_op_import *x)
{
	struct rd r;

	rd_init(&r, x->in, 4);
	x->devices = rd_be32(&r);
	if (x->devices > DEVICES_MAX)
		x->failed = ERR_TOOBIG;
	else
		next_device(x);
}

static void
on_imported(struct usbip_op_import *x)
{
	if ((x->failed = get_device(&x->info, x->in)) != ERR_OK)
		return;
	if (!text_equal(x->info.busid, x->busid)) {
		x->failed = ERR_PROTO;
		return;
	}
	x->info.ifs = 0; /* which they are is not said here */
	x->done = true;
	tell(x);
}

static void
on_header(struct usbip_op_import *x)
{
	uint16_t version, code;
	uint32_t status;
	struct rd r;

	rd_init(&r, x->in, USBIP_OP_HEADER);
	version = rd_be16(&r);
	code = rd_be16(&r);
	status = rd_be32(&r);
	if (version != USBIP_OP_VERSION || code != x->code ||
	    status >= ARRAY_LEN(answers))
		x->failed = ERR_PROTO;
	else if ((x->failed = answers[status]) == ERR_OK && code == USBIP_OP_IMPORT)
		expect(x, USBIP_OP_DEVICE, on_imported);
	else if (x->failed == ERR_OK)
		expect(x, 4, on_list_count);
}

int
usbip_op_import_init(struct usbip_op_import *x, const char *busid,
		     void (*device)(void *arg, const struct devinfo *), void *arg)
{
	memset(x, 0, sizeof(*x));
	x->device = device;
	x->arg = arg;
	x->code = busid == NULL ? USBIP_OP_DEVLIST : USBIP_OP_IMPORT;
	expect(x, USBIP_OP_HEADER, on_header);
	if (busid != NULL &&
	    (busid[0] == '\0' || !text_copy(x->busid, sizeof(x->busid), busid)))
		return ERR_USAGE;
	return ERR_OK;
}

size_t
usbip_op_import_request(const struct usbip_op_import *x, uint8_t buf[USBIP_OP_ASK_MAX])
{
	struct wr w;

	wr_init(&w, buf, USBIP_OP_ASK_MAX);
	wr_be16(&w, USBIP_OP_VERSION);
	wr_be16(&w, (uint16_t)(USBIP_OP_REQUEST | x->code));
	wr_be32(&w, USBIP_OP_OK);
	if (x->code == USBIP_OP_IMPORT)
		wr_bytes(&w, x->busid, USBIP_OP_BUSID); /* zeros behind it */
	return USBIP_OP_ASK_MAX - wr_left(&w);
}

int
usbip_op_import_input(struct usbip_op_import *x, const uint8_t *p, size_t n)
{
	size_t part;

	while (n > 0 && x->failed == ERR_OK) {
		if (x->done)
			return x->failed = ERR_PROTO;
		part = least(x->want - x->have, n);
		memcpy(x->in + x->have, p, part);
		x->have += part;
		p += part;
		n -= part;
		if (x->have == x->want)
			x->next(x);
	}
	return x->failed;
}
