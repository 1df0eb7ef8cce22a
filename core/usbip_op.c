/* SPDX-License-Identifier: ISC */
/*
 * The OP phase of USB/IP, the side that has devices. A reply is made as a whole when its
 * request is there, so that a list cannot change while it is sent.
 */
#include "core/usbip_op.h"
#include "core/cur.h"
#include "core/mem.h"
#include "core/text.h"

#define INTERFACE 4 /* class, subclass, protocol, padding; in a list only */

/* --- records --- */

static void
put_text(struct wr *w, const char *s, size_t cap)
{
	static const uint8_t zeros[USBIP_OP_PATH];
	size_t n = text_len(s);

	ASSERT(n < cap);
	wr_bytes(w, s, n);
	wr_bytes(w, zeros, cap - n);
}

static void
put_header(struct wr *w, enum usbip_op_code code, enum usbip_op_status status)
{
	wr_be16(w, USBIP_OP_VERSION);
	wr_be16(w, (uint16_t)code);
	wr_be32(w, status);
}

static void
put_device(struct wr *w, const struct devinfo *d, const char *busid)
{
	char path[USBIP_OP_PATH];
	struct text t;

	text_init(&t, path, sizeof(path));
	text_str(&t, "usbp2p/");
	text_str(&t, d->busid);
	put_text(w, path, USBIP_OP_PATH);
	put_text(w, busid, USBIP_OP_BUSID);
	wr_be32(w, d->busnum);
	wr_be32(w, d->devnum);
	wr_be32(w, d->speed);
	wr_be16(w, d->vid);
	wr_be16(w, d->pid);
	wr_be16(w, d->bcd);
	wr_u8(w, d->cls);
	wr_u8(w, d->sub);
	wr_u8(w, d->proto);
	wr_u8(w, d->config);
	wr_u8(w, d->configs);
	wr_u8(w, d->ifs);
}

/* --- the side that has devices --- */

void
usbip_op_export_init(struct usbip_op_export *x, struct pool *pool,
		     const struct usbip_op_export_ops *ops, void *arg)
{
	memset(x, 0, sizeof(*x));
	x->pool = pool;
	x->ops = ops;
	x->arg = arg;
}

void
usbip_op_export_fini(struct usbip_op_export *x)
{
	pool_put(x->pool, x->out, x->len);
	x->out = NULL;
}

static int
fail(struct usbip_op_export *x, int err)
{
	x->failed = err;
	x->state = USBIP_OP_OVER;
	return err;
}

/* Room for a reply of n bytes. */
static int
reply(struct usbip_op_export *x, struct wr *w, size_t n, enum usbip_op_state then)
{
	ASSERT(x->out == NULL);
	if ((x->out = pool_get(x->pool, n)) == NULL)
		return fail(x, ERR_NOMEM);
	x->len = n;
	x->state = then;
	wr_init(w, x->out, n);
	return ERR_OK;
}

static int
reply_list(struct usbip_op_export *x)
{
	size_t n = USBIP_OP_HEADER + 4;
	const struct devinfo *d;
	unsigned count;
	struct wr w;
	int err;

	for (count = 0; (d = x->ops->list(x->arg, count)) != NULL; count++)
		n += USBIP_OP_DEVICE + (size_t)d->ifs * INTERFACE;
	if ((err = reply(x, &w, n, USBIP_OP_OVER)) != ERR_OK)
		return err;
	put_header(&w, USBIP_OP_DEVLIST, USBIP_OP_OK);
	wr_be32(&w, count);
	for (unsigned i = 0; i < count; i++) {
		d = x->ops->list(x->arg, i);
		put_device(&w, d, d->nick[0] != '\0' ? d->nick : d->busid);
		for (unsigned k = 0; k < d->ifs; k++) {
			wr_bytes(&w, &d->iface[k].cls, 1);
			wr_bytes(&w, &d->iface[k].sub, 1);
			wr_bytes(&w, &d->iface[k].proto, 1);
			wr_u8(&w, 0);
		}
	}
	ASSERT(!w.bad && wr_left(&w) == 0);
	return ERR_OK;
}

/* A stock client believes only a reply that names what it has asked for. */
static const char *
asked(const struct usbip_op_export *x)
{
	return (const char *)x->in + USBIP_OP_HEADER;
}

static int
ask_import(struct usbip_op_export *x)
{
	x->state = USBIP_OP_DECIDING;
	if (text_len(asked(x)) >= USBIP_OP_BUSID)
		usbip_op_export_refuse(x, USBIP_OP_NODEV);
	else
		x->ops->import(x->arg, asked(x));
	return x->failed;
}

int
usbip_op_export_grant(struct usbip_op_export *x, const struct devinfo *d)
{
	struct wr w;
	int err;

	ASSERT(x->state == USBIP_OP_DECIDING);
	err = reply(x, &w, USBIP_OP_HEADER + USBIP_OP_DEVICE, USBIP_OP_GRANTED);
	if (err != ERR_OK)
		return err;
	put_header(&w, USBIP_OP_IMPORT, USBIP_OP_OK);
	put_device(&w, d, asked(x));
	ASSERT(!w.bad && wr_left(&w) == 0);
	return ERR_OK;
}

void
usbip_op_export_refuse(struct usbip_op_export *x, enum usbip_op_status status)
{
	struct wr w;

	ASSERT(x->state == USBIP_OP_DECIDING && status != USBIP_OP_OK);
	if (reply(x, &w, USBIP_OP_HEADER, USBIP_OP_OVER) == ERR_OK)
		put_header(&w, USBIP_OP_IMPORT, status);
}

static size_t
least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* How many bytes the request has, as far as can be said; 0: it makes no sense. */
static size_t
request_size(const struct usbip_op_export *x, uint16_t *code)
{
	uint16_t version;
	struct rd r;

	rd_init(&r, x->in, x->have);
	version = rd_be16(&r);
	*code = rd_be16(&r);
	if (x->have < USBIP_OP_HEADER)
		return USBIP_OP_HEADER;
	if (version != USBIP_OP_VERSION)
		return 0;
	if (*code == (USBIP_OP_REQUEST | USBIP_OP_DEVLIST))
		return USBIP_OP_HEADER;
	return *code == (USBIP_OP_REQUEST | USBIP_OP_IMPORT) ? USBIP_OP_ASK_MAX : 0;
}

int
usbip_op_export_input(struct usbip_op_export *x, const uint8_t *p, size_t n)
{
	uint16_t code = 0;
	size_t size, part;

	while (n > 0 && x->failed == ERR_OK) {
		if (x->state != USBIP_OP_READING)
			return fail(x, ERR_PROTO);
		part = least(request_size(x, &code) - x->have, n);
		memcpy(x->in + x->have, p, part);
		x->have += part;
		p += part;
		n -= part;
		if ((size = request_size(x, &code)) == 0 || (size == x->have && n > 0))
			return fail(x, ERR_PROTO);
		if (size == x->have)
			return code == (USBIP_OP_REQUEST | USBIP_OP_DEVLIST)
				   ? reply_list(x)
				   : ask_import(x);
	}
	return x->failed;
}

size_t
usbip_op_export_output(const struct usbip_op_export *x, const uint8_t **p)
{
	*p = NULL;
	if (x->out == NULL || x->sent == x->len || x->failed != ERR_OK)
		return 0;
	*p = x->out + x->sent;
	return x->len - x->sent;
}

void
usbip_op_export_sent(struct usbip_op_export *x, size_t n)
{
	ASSERT(n <= x->len - x->sent);
	x->sent += n;
}
