/* SPDX-License-Identifier: ISC */
/*
 * The requests that a stock server has, by seqnum, and what it says of them. A
 * request that was unlinked before a RET_SUBMIT came is kept among the late ones,
 * so that a RET_SUBMIT that comes all the same can be read over; of too many the
 * oldest is forgotten.
 */
#include "core/stock_client.h"
#include "core/list.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/stock_out.h"
#include "core/urbs.h"
#include "core/usbip.h"

#define LATE_MAX 64

/*
 * In by_seqnum while a RET_SUBMIT may come, in by_unlink while a RET_UNLINK must
 * come; it ends when it is in neither.
 */
struct request {
	struct list link; /* in stock_client.requests, or late if unlinked */
	struct urbs_node by_seqnum, by_unlink;
	uint8_t ep;
	uint32_t len, packets;
	bool unlinking; /* in by_unlink */
	bool replied;   /* not in by_seqnum any more */
	bool late;
};

struct stock_client {
	struct pool *pool;
	const struct stock_client_ops *ops;
	void *arg;
	const struct stock_client_user *user;
	void *user_arg;
	uint32_t seqnum; /* the last one given */
	struct list requests, late;
	unsigned lates;
	struct urbs by_seqnum, by_unlink;
	struct stock_out out;
	int failed; /* sticky */

	uint8_t head[USBIP_HEADER]; /* the header that is coming, or a packet's */
	size_t have;
	struct request *replying; /* whose data is coming */
	uint8_t *data;            /* where it goes, NULL: nowhere */
	uint32_t left;            /* bytes of it */
	struct urb_iso *iso;      /* where the next packet's result goes, likewise */
	uint32_t packets;         /* that are to come behind the data */
};

static int
fail(struct stock_client *c, int err, const char *why)
{
	log_warn("usbip %08x broken reason=\"%s\"", (unsigned)c->out.devid, why);
	c->failed = err;
	return err;
}

/* --- requests --- */

static struct request *
by_seqnum(const struct stock_client *c, uint64_t seqnum)
{
	struct urbs_node *n = urbs_find(&c->by_seqnum, seqnum);

	return n == NULL ? NULL : CONTAINER_OF(n, struct request, by_seqnum);
}

static struct request *
by_unlink(const struct stock_client *c, uint64_t seqnum)
{
	struct urbs_node *n = urbs_find(&c->by_unlink, seqnum);

	return n == NULL ? NULL : CONTAINER_OF(n, struct request, by_unlink);
}

static uint32_t
next_seqnum(struct stock_client *c)
{
	do
		c->seqnum++;
	while (c->seqnum == 0 || by_seqnum(c, c->seqnum) != NULL ||
	       by_unlink(c, c->seqnum) != NULL);
	return c->seqnum;
}

static void
request_free(struct stock_client *c, struct request *r)
{
	if (!r->replied)
		urbs_del(&c->by_seqnum, &r->by_seqnum);
	if (r->unlinking)
		urbs_del(&c->by_unlink, &r->by_unlink);
	if (r->late)
		c->lates--;
	list_del(&r->link);
	pool_put(c->pool, r, sizeof(*r));
}

static void
free_all(struct stock_client *c, struct list *l)
{
	while (!list_empty(l))
		request_free(c, CONTAINER_OF(l->next, struct request, link));
}

/* No RET_SUBMIT any more; a RET_UNLINK may be due. */
static void
request_replied(struct stock_client *c, struct request *r)
{
	urbs_del(&c->by_seqnum, &r->by_seqnum);
	r->replied = true;
	if (!r->unlinking)
		request_free(c, r);
}

/* No RET_UNLINK any more, and a RET_SUBMIT is for nobody. */
static void
request_late(struct stock_client *c, struct request *r)
{
	if (c->lates == LATE_MAX)
		request_free(c, CONTAINER_OF(c->late.next, struct request, link));
	list_del(&r->link);
	list_add(&c->late, &r->link);
	r->late = true;
	c->lates++;
}

/* --- what the user asks for --- */

/* A control request without a data stage moves none, whatever room it has. */
static uint32_t
length_of(const struct import_request *q)
{
	bool no_data = (q->ep & 15) == 0 && q->setup[6] == 0 && q->setup[7] == 0;

	return no_data ? 0 : q->len;
}

int
stock_client_submit(struct stock_client *c, const struct import_request *q, uint64_t *tag)
{
	struct request *r;

	if (c->failed != ERR_OK)
		return ERR_GONE;
	if ((r = pool_zget(c->pool, sizeof(*r))) == NULL)
		return ERR_NOMEM;
	r->ep = q->ep;
	r->len = length_of(q);
	r->packets = q->packets;
	if (stock_out_submit(&c->out, q, r->len, next_seqnum(c)) != ERR_OK) {
		pool_put(c->pool, r, sizeof(*r));
		return ERR_NOMEM;
	}
	*tag = c->seqnum;
	list_add(&c->requests, &r->link);
	urbs_add(&c->by_seqnum, &r->by_seqnum, c->seqnum);
	c->ops->wake(c->arg);
	return ERR_OK;
}

int
stock_client_unlink(struct stock_client *c, uint64_t tag)
{
	struct request *r = by_seqnum(c, tag);

	if (c->failed != ERR_OK)
		return ERR_GONE;
	if (r == NULL || r->late || r->unlinking || r == c->replying)
		return ERR_OK; /* it has ended, or ends */
	if (stock_out_unlink(&c->out, (uint32_t)tag, next_seqnum(c)) != ERR_OK)
		return ERR_NOMEM;
	r->unlinking = true;
	urbs_add(&c->by_unlink, &r->by_unlink, c->seqnum);
	c->ops->wake(c->arg);
	return ERR_OK;
}

/* --- what the server says --- */

/* If all of a RET_SUBMIT is there. */
static void
end_reply(struct stock_client *c)
{
	struct request *r = c->replying;
	bool late = r->late;
	int err;

	if (c->left > 0 || c->packets > 0)
		return;
	c->replying = NULL;
	request_replied(c, r);
	if (!late && (err = c->user->reply_end(c->user_arg)) != ERR_OK)
		(void)fail(c, err, "RET_SUBMIT with packets that cannot be");
}

static int
on_ret_submit(struct stock_client *c, const struct usbip *h)
{
	struct request *r = by_seqnum(c, h->seqnum);
	struct import_reply reply = {.status = usbip_status((int32_t)h->ret.status),
				     .actual = h->ret.actual,
				     .start_frame = h->ret.start_frame};
	int err;

	if (r == NULL)
		return fail(c, ERR_PROTO, "RET_SUBMIT for no request of ours");
	if (h->ret.actual > r->len)
		return fail(c, ERR_PROTO, "RET_SUBMIT with more than was asked for");
	if (r->packets > 0) /* in others it means nothing, as for Linux */
		reply.packets = h->ret.packets;
	if (reply.packets > r->packets)
		return fail(c, ERR_PROTO, "RET_SUBMIT with more packets than asked for");
	c->replying = r;
	c->left = (r->ep & 0x80) != 0 ? h->ret.actual : 0;
	c->packets = reply.packets;
	c->data = NULL;
	c->iso = NULL;
	if (!r->late && (err = c->user->reply(c->user_arg, r->ep, h->seqnum, &reply,
					      &c->data, &c->iso)) != ERR_OK)
		return fail(c, err, "RET_SUBMIT that cannot be");
	end_reply(c);
	return ERR_OK;
}

static int
on_ret_unlink(struct stock_client *c, const struct usbip *h)
{
	const struct import_reply reply = {.unlinked = true, .status = -LINUX_ECONNRESET};
	struct request *r = by_unlink(c, h->seqnum);
	struct urb_iso *no_iso;
	uint8_t *no_data;
	int err;

	if (r == NULL)
		return fail(c, ERR_PROTO, "RET_UNLINK for no UNLINK of ours");
	urbs_del(&c->by_unlink, &r->by_unlink);
	r->unlinking = false;
	if (r->replied) {
		request_free(c, r);
		return ERR_OK;
	}
	request_late(c, r);
	err = c->user->reply(c->user_arg, r->ep, r->by_seqnum.key, &reply, &no_data,
			     &no_iso);
	if (err == ERR_OK)
		err = c->user->reply_end(c->user_arg);
	return err == ERR_OK ? ERR_OK : fail(c, err, "RET_UNLINK that cannot be");
}

static int
on_header(struct stock_client *c)
{
	struct usbip h;

	if (usbip_unpack(&h, c->head) != ERR_OK)
		return fail(c, ERR_PROTO, "no such command");
	if (h.cmd == USBIP_RET_SUBMIT)
		return on_ret_submit(c, &h);
	if (h.cmd == USBIP_RET_UNLINK)
		return on_ret_unlink(c, &h);
	return fail(c, ERR_PROTO, "a command of the other side");
}

static size_t
least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Up to size bytes of a header; *whole: it is there. */
static size_t
take_part(struct stock_client *c, size_t size, const uint8_t *p, size_t n, bool *whole)
{
	n = least(size - c->have, n);
	memcpy(c->head + c->have, p, n);
	c->have += n;
	*whole = c->have == size;
	if (*whole)
		c->have = 0;
	return n;
}

static size_t
take_head(struct stock_client *c, const uint8_t *p, size_t n)
{
	bool whole;

	n = take_part(c, USBIP_HEADER, p, n, &whole);
	if (whole)
		(void)on_header(c);
	return n;
}

static size_t
take_packet(struct stock_client *c, const uint8_t *p, size_t n)
{
	struct urb_iso iso;
	bool whole;

	n = take_part(c, USBIP_ISO, p, n, &whole);
	if (!whole)
		return n;
	usbip_iso_unpack(&iso, c->head);
	if (c->iso != NULL) {
		c->iso->actual = iso.actual;
		c->iso->status = iso.status;
		c->iso++;
	}
	c->packets--;
	end_reply(c);
	return n;
}

static size_t
take_data(struct stock_client *c, const uint8_t *p, size_t n)
{
	n = least(c->left, n);
	if (c->data != NULL) {
		memcpy(c->data, p, n);
		c->data += n;
	}
	c->left -= (uint32_t)n;
	end_reply(c);
	return n;
}

int
stock_client_input(struct stock_client *c, const uint8_t *p, size_t n)
{
	size_t used;

	while (n > 0 && c->failed == ERR_OK) {
		if (c->replying == NULL)
			used = take_head(c, p, n);
		else
			used = c->left > 0 ? take_data(c, p, n) : take_packet(c, p, n);
		p += used;
		n -= used;
	}
	return c->failed;
}

size_t
stock_client_output(const struct stock_client *c, const uint8_t **p)
{
	*p = NULL;
	return c->failed != ERR_OK ? 0 : stock_out_output(&c->out, p);
}

void
stock_client_sent(struct stock_client *c, size_t n)
{
	stock_out_sent(&c->out, n);
}

/* --- */

struct stock_client *
stock_client_new(struct pool *pool, uint32_t devid, const struct stock_client_ops *ops,
		 void *arg)
{
	struct stock_client *c = pool_zget(pool, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->pool = pool;
	c->ops = ops;
	c->arg = arg;
	list_init(&c->requests);
	list_init(&c->late);
	stock_out_init(&c->out, pool, devid);
	return c;
}

void
stock_client_free(struct stock_client *c)
{
	if (c == NULL)
		return;
	free_all(c, &c->requests);
	free_all(c, &c->late);
	stock_out_fini(&c->out);
	pool_put(c->pool, c, sizeof(*c));
}

void
stock_client_set_user(struct stock_client *c, const struct stock_client_user *user,
		      void *arg)
{
	c->user = user;
	c->user_arg = arg;
}
