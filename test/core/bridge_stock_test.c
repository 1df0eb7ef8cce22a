/* SPDX-License-Identifier: ISC */
/* clang-format off */
/* link: core/bridge core/assist core/assist_held core/assist_face core/ahead core/ahead_fetch core/behind core/assist_way core/isoin core/isoout core/stock_client core/stock_out core/imports core/imports_msg core/wire_tail core/wire_iso core/import core/desc_cache core/desc_edit core/enumerate core/iurb core/iurb_iso core/iso core/retq core/urbs core/usbip core/wire core/desc core/text core/log core/err core/session core/session_link core/session_tail core/tail_in core/tail_out core/marks core/sendbuf core/recvbuf core/bytes core/spans core/ranges core/sched core/sidmap core/cur core/mem core/bot core/bot_csw core/bot_far core/bot_late core/bot_take core/unit core/unit_watch core/unit_row core/unit_mend core/unit_own */
/* clang-format on */
/*
 * Kernel bytes on one side, those of a stock server on the other; both are played
 * here.
 */
#include "core/bridge.h"
#include "core/stock_client.h"
#include "core/usbip.h"
#include "test/core/sample.h"
#include "test/test.h"

#define DEVID 0x00020003u

static struct pool pool;
static struct bridge *bridge;
static struct stock_client *client;
static unsigned wakes;

static void
on_wake(void *arg)
{
	CHECK(arg == &pool);
	wakes++;
}

static const struct bridge_ops bridge_ops = {on_wake, NULL};

/* --- the kernel --- */

static int
kernel_says(uint32_t cmd, uint32_t seqnum, uint8_t ep, uint32_t len_or_victim,
	    const char *data)
{
	struct usbip h = {.cmd = cmd, .seqnum = seqnum, .devid = DEVID};
	uint8_t b[USBIP_HEADER];
	int err;

	if (cmd == USBIP_SUBMIT) {
		h.in = ep >> 7;
		h.ep = ep & 15;
		h.submit.len = len_or_victim;
	} else {
		h.victim = len_or_victim;
	}
	usbip_pack(&h, b);
	err = import_input(bridge_import(bridge), b, sizeof(b));
	if (err == ERR_OK && data != NULL)
		err = import_input(bridge_import(bridge), (const uint8_t *)data,
				   len_or_victim);
	return err;
}

/* The next reply; data gets at most 16 bytes of what follows. */
static struct usbip
kernel_hears(char data[16])
{
	struct import *im = bridge_import(bridge);
	struct usbip h;
	const uint8_t *p;
	size_t n = import_output(im, &p);

	memset(&h, 0, sizeof(h));
	CHECK(n >= USBIP_HEADER);
	if (n < USBIP_HEADER)
		return h;
	CHECK_EQ(usbip_unpack(&h, p), ERR_OK);
	if (data != NULL)
		memcpy(data, p + USBIP_HEADER,
		       n - USBIP_HEADER < 16 ? n - USBIP_HEADER : 16);
	import_sent(im, n);
	return h;
}

static void
on_client_wake(void *arg)
{
	(void)arg;
}

static const struct stock_client_ops client_ops = {on_client_wake};

static void
setup(void)
{
	const struct import_conf conf = {.devid = DEVID,
					 .urb_max = 100000,
					 .budget = 1 << 20,
					 .raw = sample,
					 .raw_len = sizeof(sample),
					 .config = 1};

	pool = (struct pool)TEST_POOL(1 << 20);
	wakes = 0;
	client = stock_client_new(&pool, DEVID, &client_ops, NULL);
	CHECK_EQ(bridge_new_stock(&bridge, &pool, client, &conf, &bridge_ops, &pool),
		 ERR_OK);
}

static void
teardown(void)
{
	bridge_free(bridge);
	bridge = NULL;
	stock_client_free(client);
	CHECK_EQ(pool.used, 0);
}

static struct usbip
server_hears(void)
{
	const uint8_t *p;
	struct usbip h = {0};
	size_t n = stock_client_output(client, &p);

	CHECK(n >= USBIP_HEADER);
	if (n >= USBIP_HEADER)
		CHECK_EQ(usbip_unpack(&h, p), ERR_OK);
	stock_client_sent(client, n);
	return h;
}

static int
server_says(const struct usbip *h, const char *data)
{
	uint8_t b[USBIP_HEADER];
	int err;

	usbip_pack(h, b);
	err = stock_client_input(client, b, sizeof(b));
	if (err == ERR_OK && data != NULL)
		err = stock_client_input(client, (const uint8_t *)data, h->ret.actual);
	return err;
}

static void
both_ways(void)
{
	struct usbip q, h, ret = {.cmd = USBIP_RET_SUBMIT};
	char data[16];

	setup();
	CHECK_EQ(kernel_says(USBIP_SUBMIT, 7001, 0x02, 5, "hello"), ERR_OK);
	q = server_hears();
	CHECK(q.cmd == USBIP_SUBMIT && q.in == 0 && q.ep == 2 && q.submit.len == 5);
	ret.seqnum = q.seqnum;
	ret.ret.actual = 5;
	CHECK_EQ(server_says(&ret, NULL), ERR_OK);
	h = kernel_hears(NULL);
	CHECK(h.cmd == USBIP_RET_SUBMIT && h.seqnum == 7001 && h.ret.actual == 5);
	CHECK_EQ(kernel_says(USBIP_SUBMIT, 7002, 0x81, 512, NULL), ERR_OK);
	ret.seqnum = server_hears().seqnum;
	CHECK_EQ(server_says(&ret, "world"), ERR_OK);
	h = kernel_hears(data);
	CHECK(h.seqnum == 7002 && h.ret.actual == 5 && memcmp(data, "world", 5) == 0);
	CHECK_EQ(wakes, 2);
	teardown();
}

/* Its status of an UNLINK is not the kernel's: that hears which of the two it was. */
static void
unlinks(void)
{
	static const int32_t status[] = {0, -LINUX_ENOENT, -LINUX_ECONNRESET};

	for (unsigned i = 0; i < ARRAY_LEN(status); i++) {
		struct usbip q, u, h, ret;

		setup();
		CHECK_EQ(kernel_says(USBIP_SUBMIT, 1, 0x81, 512, NULL), ERR_OK);
		CHECK_EQ(kernel_says(USBIP_UNLINK, 2, 0, 1, NULL), ERR_OK);
		q = server_hears();
		u = server_hears();
		CHECK(u.cmd == USBIP_UNLINK && u.victim == q.seqnum);
		ret = (struct usbip){.cmd = USBIP_RET_UNLINK, .seqnum = u.seqnum};
		ret.status = (uint32_t)status[i];
		CHECK_EQ(server_says(&ret, NULL), ERR_OK);
		h = kernel_hears(NULL);
		CHECK(h.cmd == USBIP_RET_UNLINK && h.seqnum == 2);
		CHECK_EQ((int32_t)h.status, -LINUX_ECONNRESET);

		CHECK_EQ(kernel_says(USBIP_SUBMIT, 3, 0x81, 512, NULL), ERR_OK);
		CHECK_EQ(kernel_says(USBIP_UNLINK, 4, 0, 3, NULL), ERR_OK);
		q = server_hears();
		ret.seqnum = server_hears().seqnum;
		h = (struct usbip){.cmd = USBIP_RET_SUBMIT, .seqnum = q.seqnum};
		h.ret.actual = 3;
		CHECK_EQ(server_says(&h, "abc"), ERR_OK);
		h = kernel_hears(NULL);
		CHECK(h.cmd == USBIP_RET_SUBMIT && h.seqnum == 3 && h.ret.actual == 3);
		h = kernel_hears(NULL);
		CHECK(h.cmd == USBIP_RET_UNLINK && h.seqnum == 4 && h.status == 0);
		CHECK_EQ(server_says(&ret, NULL), ERR_OK);
		teardown();
	}
}

static void
new_without_memory(void)
{
	const struct import_conf bad = {.devid = DEVID, .raw = sample, .raw_len = 17};

	setup();
	bridge_free(bridge);
	CHECK_EQ(bridge_new_stock(&bridge, &pool, client, &bad, &bridge_ops, NULL),
		 ERR_PROTO);
	CHECK(bridge == NULL);
	pool.budget = pool.used;
	CHECK_EQ(bridge_new_stock(&bridge, &pool, client, &bad, &bridge_ops, NULL),
		 ERR_NOMEM);
	CHECK(bridge == NULL);
	teardown();
}

TEST_MAIN(TEST(both_ways), TEST(unlinks), TEST(new_without_memory))
