/* SPDX-License-Identifier: ISC */
/*
 * Requests by seqnum, and a reader of replies that trusts nobody.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/import.h"
#include "test/sim/kernel.h"
#include "test/sim/net.h"

#define LAG_US 3000 /* so long the reader has other things to do, at most */

void
kernel_init(struct kernel *k, struct import *im, uint32_t devid, uint64_t seed)
{
	memset(k, 0, sizeof(*k));
	k->im = im;
	k->devid = devid;
	k->seed = seed;
	k->seqnum = net_random(&k->seed) & 0x7fffffff; /* of the hub, not of the device */
	list_init(&k->urbs);
	list_init(&k->unlinks);
}

void
kernel_fini(struct kernel *k)
{
	while (!list_empty(&k->unlinks)) {
		struct kunlink *u = CONTAINER_OF(k->unlinks.next, struct kunlink, link);

		list_del(&u->link);
		free(u);
	}
	free(k->in);
}

static void
broke(struct kernel *k, const char *rule)
{
	if (k->wrong == NULL)
		k->wrong = rule;
}

/* In pieces: mostly whole, sometimes byte by byte. */
static void
write_bytes(struct kernel *k, const uint8_t *p, size_t n)
{
	size_t most = net_random(&k->seed) % 4 ? n : 1 + net_random(&k->seed) % 64;

	for (size_t part; n > 0; p += part, n -= part) {
		part = n < most ? n : most;
		if (import_input(k->im, p, part) != ERR_OK)
			broke(k, "the kernel's bytes were not understood");
	}
}

static void
write_packets(struct kernel *k, const struct kurb *u)
{
	for (uint32_t i = 0; i < u->packets; i++) {
		uint8_t b[USBIP_ISO];

		usbip_iso_pack(&u->iso[i], b);
		write_bytes(k, b, sizeof(b));
	}
}

void
kernel_submit(struct kernel *k, struct kurb *u)
{
	struct usbip h = {.cmd = USBIP_SUBMIT,
			  .seqnum = u->seqnum = ++k->seqnum,
			  .devid = k->devid,
			  .in = u->ep >> 7,
			  .ep = u->ep & 15u};
	uint8_t head[USBIP_HEADER];

	h.submit.len = u->len;
	h.submit.packets = u->packets;
	h.submit.flags = (u->ep & 0x80) ? 0x200 : 0; /* DIR_IN */
	memcpy(h.submit.setup, u->setup, sizeof(u->setup));
	u->unlinking = false;
	u->actual = 0;
	list_add(&k->urbs, &u->link);
	k->submits++;
	usbip_pack(&h, head);
	write_bytes(k, head, sizeof(head));
	if (!(u->ep & 0x80))
		write_bytes(k, u->buf, u->len);
	write_packets(k, u);
}

static void
send_unlink(struct kernel *k, uint32_t victim)
{
	struct usbip h = {.cmd = USBIP_UNLINK, .seqnum = ++k->seqnum, .devid = k->devid};
	struct kunlink *u = malloc(sizeof(*u));
	uint8_t head[USBIP_HEADER];

	assert(u != NULL);
	u->seqnum = h.seqnum;
	u->victim = h.victim = victim;
	list_add(&k->unlinks, &u->link);
	usbip_pack(&h, head);
	write_bytes(k, head, sizeof(head));
}

void
kernel_unlink(struct kernel *k, struct kurb *u)
{
	if (u->unlinking)
		return;
	u->unlinking = true;
	send_unlink(k, u->seqnum);
}

void
kernel_unlink_past(struct kernel *k)
{
	send_unlink(k, k->seqnum + 0x10000000);
}

static struct kurb *
urb_of(const struct kernel *k, uint32_t seqnum)
{
	struct list *l;

	LIST_EACH (&k->urbs, l) {
		struct kurb *u = CONTAINER_OF(l, struct kurb, link);

		if (u->seqnum == seqnum)
			return u;
	}
	return NULL;
}

static struct kunlink *
unlink_of(const struct kernel *k, uint32_t seqnum)
{
	struct list *l;

	LIST_EACH (&k->unlinks, l) {
		struct kunlink *u = CONTAINER_OF(l, struct kunlink, link);

		if (u->seqnum == seqnum)
			return u;
	}
	return NULL;
}

static void
give_back(struct kurb *u, int32_t status)
{
	u->status = status;
	list_del(&u->link);
	u->done(u);
}

/* usbip_recv_iso: the descriptors, which must add up to the data. */
static void
read_packets(struct kernel *k, struct kurb *u, const uint8_t *p,
	     const struct usbip_ret_submit *ret)
{
	uint32_t sum = 0, errors = 0;

	for (uint32_t i = 0; i < u->packets; i++, p += USBIP_ISO) {
		struct urb_iso was = u->iso[i];

		usbip_iso_unpack(&u->iso[i], p);
		if (u->iso[i].offset != was.offset || u->iso[i].length != was.length)
			broke(k, "a packet came back as another");
		if (u->iso[i].actual > was.length)
			broke(k, "a packet has more data than room");
		sum += u->iso[i].actual;
		errors += u->iso[i].status != 0;
	}
	if (u->packets > 0 && (sum != ret->actual || errors != ret->errors))
		broke(k, "the packets do not add up");
}

/* usbip_pad_iso: the data came without gaps. */
static void
spread_packets(struct kurb *u)
{
	uint32_t at = u->actual;

	for (uint32_t i = u->packets; i-- > 0;) {
		at -= u->iso[i].actual;
		memmove(u->buf + u->iso[i].offset, u->buf + at, u->iso[i].actual);
	}
}

/* Returns the bytes of the reply, 0 if they are not all there. */
static size_t
on_ret_submit(struct kernel *k, const struct usbip *h)
{
	struct kurb *u = urb_of(k, h->seqnum);
	size_t data, packets;

	if (u == NULL) {
		broke(k, "RET_SUBMIT of nothing, of one unlinked, or a second one");
		return USBIP_HEADER;
	}
	if (h->ret.actual > u->len) {
		broke(k, "more data than there is room for");
		return USBIP_HEADER;
	}
	data = (u->ep & 0x80) ? h->ret.actual : 0;
	packets = h->ret.packets * (size_t)USBIP_ISO;
	if (h->ret.packets != u->packets) {
		broke(k, "number_of_packets is not what it was");
		return USBIP_HEADER;
	}
	if (k->have < USBIP_HEADER + data + packets)
		return 0;
	if (data > 0)
		memcpy(u->buf, k->in + USBIP_HEADER, data);
	if ((int32_t)h->ret.status == -LINUX_ECONNRESET && h->ret.actual == 0 &&
	    packets == 0) /* of isochronous ones the data may have got lost */
		broke(k, "unlinked without data, and yet RET_SUBMIT");
	u->actual = h->ret.actual;
	read_packets(k, u, k->in + USBIP_HEADER + data, &h->ret);
	if (data > 0)
		spread_packets(u);
	k->returns++;
	give_back(u, (int32_t)h->ret.status);
	return USBIP_HEADER + data + packets;
}

static size_t
on_ret_unlink(struct kernel *k, const struct usbip *h)
{
	struct kunlink *n = unlink_of(k, h->seqnum);
	struct kurb *u;

	if (n == NULL) {
		broke(k, "RET_UNLINK of nothing, or a second one");
		return USBIP_HEADER;
	}
	u = urb_of(k, n->victim);
	list_del(&n->link);
	free(n);
	if (h->status == 0) {
		k->late++;
		if (u != NULL)
			broke(k, "RET_UNLINK(0) before RET_SUBMIT");
	} else if ((int32_t)h->status != -LINUX_ECONNRESET || u == NULL) {
		broke(k, "RET_UNLINK of an urb that had ended");
	} else {
		k->unlinked++;
		give_back(u, -LINUX_ECONNRESET);
	}
	return USBIP_HEADER;
}

/* One reply, if it is all there. */
static bool
take_reply(struct kernel *k)
{
	struct usbip h;
	size_t n = 0;

	if (k->have < USBIP_HEADER)
		return false;
	if (usbip_unpack(&h, k->in) != ERR_OK || h.devid != 0 || h.in != 0 || h.ep != 0)
		broke(k, "a reply's head is wrong");
	else if (h.cmd == USBIP_RET_SUBMIT)
		n = on_ret_submit(k, &h);
	else if (h.cmd == USBIP_RET_UNLINK)
		n = on_ret_unlink(k, &h);
	else
		broke(k, "no reply");
	k->have -= n;
	memmove(k->in, k->in + n, k->have);
	return n > 0 && k->wrong == NULL;
}

static bool
read_some(struct kernel *k)
{
	const uint8_t *p;
	size_t n = import_output(k->im, &p), most = 1 + net_random(&k->seed) % 65536;

	if (n == 0)
		return false;
	n = n < most ? n : most;
	if (k->have + n > k->room) {
		k->room = (k->have + n) * 2;
		k->in = realloc(k->in, k->room);
		assert(k->in != NULL);
	}
	memcpy(k->in + k->have, p, n);
	k->have += n;
	import_sent(k->im, n);
	return true;
}

void
kernel_run(struct kernel *k, uint64_t now)
{
	if (now < k->read_at)
		return;
	while (k->wrong == NULL && read_some(k)) {
		while (take_reply(k))
			;
		if (net_random(&k->seed) % 8 == 0) {
			k->read_at = now + net_random(&k->seed) % LAG_US;
			break;
		}
	}
}

uint64_t
kernel_next(const struct kernel *k)
{
	const uint8_t *p;

	return import_output(k->im, &p) > 0 ? k->read_at : UINT64_MAX;
}

bool
kernel_idle(const struct kernel *k)
{
	return list_empty(&k->urbs) && list_empty(&k->unlinks) && k->have == 0;
}
