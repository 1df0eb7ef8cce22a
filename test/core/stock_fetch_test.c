/* SPDX-License-Identifier: ISC */
/* clang-format off */
/* link: core */
/* clang-format on */
/*
 * A server with a device that answers GET_DESCRIPTOR from a table, well or badly.
 */
#include "core/cur.h"
#include "core/desc.h"
#include "core/stock_client.h"
#include "core/stock_fetch.h"
#include "core/usbip.h"
#include "test/core/sample.h"
#include "test/test.h"

#define DEVID 0x10002u
#define SENDS 64

/* A descriptor of the device: what GET_DESCRIPTOR with this wValue answers. */
struct answer {
	uint16_t value;
	const uint8_t *p;
	size_t n;
	int32_t status;
};

static struct pool pool;
static struct stock_client *client;
static struct stock_fetch *fetch;
static struct answer answers[16];
static unsigned n_answers, asked, dones, wakes;
static uint16_t languages[SENDS]; /* wIndex of each request */
static int err_got;
static char why[128];
static uint64_t now;
static bool changes; /* a configuration has another length when it is read again */

static const uint8_t langs[] = {6, 3, 0x07, 0x04, 0x09, 0x04};
static const uint8_t maker[] = {10, 3, 'A', 0, 'c', 0, 'm', 0, 'e', 0};
static const uint8_t name[] = {8, 3, 0xfc, 0, 0xac, 0x20, '\n', 0};
static const uint8_t serial[] = {4, 3, '7', 0};

static void
on_done(void *arg, int err, const char *text)
{
	CHECK(arg == &fetch);
	dones++;
	err_got = err;
	snprintf(why, sizeof(why), "%s", text);
}

static void
on_wake(void *arg)
{
	(void)arg;
	wakes++;
}

static const struct stock_client_ops ops = {on_wake};

static void
put(uint16_t value, const uint8_t *p, size_t n, int32_t status)
{
	unsigned i;

	for (i = 0; i < n_answers && answers[i].value != value; i++)
		;
	if (i == n_answers)
		n_answers++;
	answers[i] = (struct answer){value, p, n, status};
}

static void
setup(void)
{
	pool = (struct pool)TEST_POOL(1 << 20);
	n_answers = asked = dones = wakes = 0;
	err_got = 1;
	changes = false;
	now = 1000;
	put(0x100, sample, 18, 0);
	put(0x200, sample + SAMPLE_CONFIG1, SAMPLE_CONFIG2 - SAMPLE_CONFIG1, 0);
	put(0x201, sample + SAMPLE_CONFIG2, sizeof(sample) - SAMPLE_CONFIG2, 0);
	put(0x300, langs, sizeof(langs), 0);
	put(0x301, maker, sizeof(maker), 0);
	put(0x302, name, sizeof(name), 0);
	put(0x303, serial, sizeof(serial), 0);
	client = stock_client_new(&pool, DEVID, &ops, NULL);
	CHECK(client != NULL);
}

static void
start(void)
{
	CHECK_EQ(stock_fetch_new(&fetch, &pool, client, on_done, &fetch, now), ERR_OK);
}

static void
teardown(void)
{
	stock_fetch_free(fetch);
	stock_client_free(client);
	fetch = NULL;
	CHECK_EQ(pool.used, 0);
}

/* The device's answer to one SUBMIT, in pieces of chunk bytes. */
static int
reply(const struct usbip *q, size_t chunk)
{
	struct usbip h = {.cmd = USBIP_RET_SUBMIT, .seqnum = q->seqnum};
	uint16_t value = (uint16_t)(q->submit.setup[2] | q->submit.setup[3] << 8);
	uint8_t b[USBIP_HEADER + 65536];
	size_t n = 0, part;
	int r = ERR_OK;

	CHECK(q->in == 1 && q->ep == 0 && q->submit.setup[0] == 0x80);
	CHECK_EQ(q->submit.setup[1], 6);
	CHECK_EQ(q->submit.setup[6] | q->submit.setup[7] << 8, q->submit.len);
	h.ret.status = (uint32_t)-LINUX_EPIPE;
	for (unsigned i = 0; i < n_answers; i++)
		if (answers[i].value == value && answers[i].p != NULL) {
			n = answers[i].n < q->submit.len ? answers[i].n : q->submit.len;
			memcpy(b + USBIP_HEADER, answers[i].p, n);
			h.ret.status = (uint32_t)answers[i].status;
		}
	if (changes && n > 9 && value == 0x201)
		b[USBIP_HEADER + 2]++;
	h.ret.actual = (uint32_t)n;
	usbip_pack(&h, b);
	for (size_t at = 0; at < USBIP_HEADER + n && r == ERR_OK; at += part) {
		part = USBIP_HEADER + n - at < chunk ? USBIP_HEADER + n - at : chunk;
		r = stock_client_input(client, b + at, part);
	}
	return r;
}

/* One request is answered; false: there is none. */
static bool
answer_one(size_t chunk)
{
	const uint8_t *p;
	struct usbip q;
	size_t n = stock_client_output(client, &p);

	if (n == 0)
		return false;
	CHECK(n == USBIP_HEADER && usbip_unpack(&q, p) == ERR_OK);
	languages[asked++ % SENDS] =
	    (uint16_t)(q.submit.setup[4] | q.submit.setup[5] << 8);
	stock_client_sent(client, n);
	CHECK_EQ(reply(&q, chunk), ERR_OK);
	return true;
}

static void
answer_all(size_t chunk)
{
	while (answer_one(chunk))
		;
}

static void
whole(void)
{
	for (size_t chunk = 1; chunk < 200; chunk += chunk < 4 ? 1 : 60) {
		struct devinfo d = {0};
		const uint8_t *raw;
		struct desc desc;
		size_t n;

		setup();
		start();
		answer_all(chunk);
		CHECK_EQ(dones, 1);
		CHECK_EQ(err_got, ERR_OK);
		CHECK(strcmp(why, "") == 0);
		CHECK_EQ(asked, 9);
		CHECK(languages[5] == 0 && languages[6] == 0x407);
		raw = stock_fetch_raw(fetch, &n);
		CHECK_EQ(n, sizeof(sample));
		CHECK(memcmp(raw, sample, n) == 0);
		CHECK_EQ(desc_parse(&desc, raw, n, 1), ERR_OK);
		stock_fetch_strings(fetch, &d);
		CHECK(strcmp(d.manufacturer, "Acme") == 0);
		CHECK(strcmp(d.product, "\xc3\xbc\xe2\x82\xac?") == 0);
		CHECK(strcmp(d.serial, "7") == 0);
		CHECK(stock_fetch_deadline(fetch) == UINT64_MAX);
		teardown();
	}
}

/* What is left out when one answer is bad; want: bytes of raw. */
static void
left_out(void)
{
	static const uint8_t short_total[] = {9, 2, 8, 0, 1, 1, 0, 0x80, 50};
	static const uint8_t not_config[] = {9, 4, 9, 0, 1, 1, 0, 0x80, 50};
	static const uint8_t no_langs[] = {2, 3}, zero_lang[] = {4, 3, 0, 0};
	static const struct {
		struct answer bad;
		size_t want;
		const char *product;
	} row[] = {
	    {{0x200, NULL, 0, 0}, 45, "\xc3\xbc\xe2\x82\xac?"},
	    {{0x201, NULL, 0, 0}, 128, "\xc3\xbc\xe2\x82\xac?"},
	    {{0x200, sample + SAMPLE_CONFIG1, 109, 0}, 45, "\xc3\xbc\xe2\x82\xac?"},
	    {{0x200, sample + SAMPLE_CONFIG1, 8, 0}, 45, "\xc3\xbc\xe2\x82\xac?"},
	    {{0x201, sample + SAMPLE_CONFIG2, 27, -LINUX_EPROTO},
	     128,
	     "\xc3\xbc\xe2\x82\xac?"},
	    {{0x201, short_total, 9, 0}, 128, "\xc3\xbc\xe2\x82\xac?"},
	    {{0x201, not_config, 9, 0}, 128, "\xc3\xbc\xe2\x82\xac?"},
	    {{0x300, NULL, 0, 0}, 155, ""},
	    {{0x300, no_langs, 2, 0}, 155, ""},
	    {{0x300, zero_lang, 4, 0}, 155, ""},
	    {{0x302, NULL, 0, 0}, 155, ""},
	    {{0x302, sample, 18, 0}, 155, ""},
	    {{0x302, name, 6, 0}, 155, "\xc3\xbc\xe2\x82\xac"},
	};

	for (unsigned i = 0; i < ARRAY_LEN(row); i++) {
		struct devinfo d = {0};
		size_t n;

		setup();
		put(row[i].bad.value, row[i].bad.p, row[i].bad.n, row[i].bad.status);
		start();
		answer_all(SIZE_MAX);
		CHECK(dones == 1 && err_got == ERR_OK);
		(void)stock_fetch_raw(fetch, &n);
		CHECK_EQ(n, row[i].want);
		stock_fetch_strings(fetch, &d);
		CHECK(strcmp(d.product, row[i].product) == 0);
		teardown();
	}
}

static void
another_length(void)
{
	size_t n;

	setup();
	changes = true;
	start();
	answer_all(SIZE_MAX);
	CHECK(dones == 1 && err_got == ERR_OK);
	(void)stock_fetch_raw(fetch, &n);
	CHECK_EQ(n, SAMPLE_CONFIG2);
	teardown();
}

static void
hopeless(void)
{
	static const uint8_t odd[18] = {17, 1}, other[18] = {18, 2},
			     huge[] = {9, 2, 0xff, 0xff, 1, 1, 0, 0x80, 50};
	static const struct {
		struct answer bad;
		int err;
		const char *why;
	} row[] = {
	    {{0x100, NULL, 0, 0}, ERR_FAIL, "does not say"},
	    {{0x100, sample, 17, 0}, ERR_FAIL, "does not say"},
	    {{0x100, sample, 18, -LINUX_EPIPE}, ERR_FAIL, "does not say"},
	    {{0x100, odd, 18, 0}, ERR_FAIL, "does not say"},
	    {{0x100, other, 18, 0}, ERR_FAIL, "does not say"},
	    {{0x201, huge, 9, 0}, ERR_TOOBIG, "limit"},
	};

	for (unsigned i = 0; i < ARRAY_LEN(row); i++) {
		setup();
		put(row[i].bad.value, row[i].bad.p, row[i].bad.n, row[i].bad.status);
		start();
		answer_all(SIZE_MAX);
		CHECK_EQ(dones, 1);
		CHECK_EQ(err_got, row[i].err);
		CHECK(strstr(why, row[i].why) != NULL);
		CHECK(stock_fetch_deadline(fetch) == UINT64_MAX);
		teardown();
	}
	setup();
	put(0x200, NULL, 0, 0);
	put(0x201, NULL, 0, 0);
	start();
	answer_all(SIZE_MAX);
	CHECK(dones == 1 && err_got == ERR_FAIL);
	teardown();
}

/* A device that claims 255 configurations is asked for eight. */
static void
many_configurations(void)
{
	uint8_t device[18];
	size_t n;

	setup();
	memcpy(device, sample, 18);
	device[14] = device[15] = device[16] = 0;
	device[17] = 255;
	put(0x100, device, 18, 0);
	for (uint16_t i = 2; i < 9; i++)
		put((uint16_t)(0x200 + i), sample + SAMPLE_CONFIG2, 27, 0);
	start();
	answer_all(SIZE_MAX);
	CHECK(dones == 1 && err_got == ERR_OK);
	CHECK_EQ(asked, 1 + 8 * 2);
	(void)stock_fetch_raw(fetch, &n);
	CHECK_EQ(n, 18 + 110 + 7 * 27);
	teardown();
}

/* 5 s for each request, not for all. */
static void
timeouts(void)
{
	for (unsigned good = 0; good < 9; good++) {
		setup();
		start();
		for (unsigned i = 0; i < good; i++) {
			now += 4000000;
			CHECK(answer_one(SIZE_MAX));
			CHECK_EQ(stock_fetch_deadline(fetch), 0);
			stock_fetch_tick(fetch, now);
		}
		CHECK_EQ(stock_fetch_deadline(fetch), now + STOCK_FETCH_US);
		stock_fetch_tick(fetch, now + STOCK_FETCH_US - 1);
		CHECK_EQ(dones, 0);
		stock_fetch_tick(fetch, now + STOCK_FETCH_US);
		CHECK(dones == 1 && err_got == ERR_TIMEOUT);
		stock_fetch_tick(fetch, now + 2 * STOCK_FETCH_US);
		CHECK(stock_fetch_deadline(fetch) == UINT64_MAX);
		answer_one(SIZE_MAX); /* too late: nobody minds */
		CHECK_EQ(dones, 1);
		teardown();
	}
}

static unsigned gets_left; /* calls until memory fails */

static void *
scarce_get(void *arg, size_t n)
{
	(void)arg;
	return gets_left == 0 ? NULL : (gets_left--, malloc(n));
}

static void
no_memory(void)
{
	for (unsigned n = 0; n < 40; n++) {
		setup();
		pool.get = scarce_get;
		gets_left = n;
		if (stock_fetch_new(&fetch, &pool, client, on_done, &fetch, now) !=
		    ERR_OK) {
			CHECK(n == 0 && fetch == NULL && dones == 0);
			teardown();
			continue;
		}
		answer_all(SIZE_MAX);
		CHECK_EQ(dones, 1);
		CHECK_EQ(err_got, n < 19 ? ERR_NOMEM : ERR_OK);
		teardown();
	}
}

TEST_MAIN(TEST(whole), TEST(left_out), TEST(another_length), TEST(hopeless),
	  TEST(many_configurations), TEST(timeouts), TEST(no_memory))
