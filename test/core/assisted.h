/* SPDX-License-Identifier: ISC */
/*
 * An import engine with assists, the kernel's bytes on one side, and a far end that
 * says what the test wants on the other. The test has `raw`, the descriptors of its
 * device with one configuration, whose length is set here.
 */
#ifndef TEST_CORE_ASSISTED_H
#define TEST_CORE_ASSISTED_H

#include "core/assist.h"
#include "core/usbip.h"
#include "test/test.h"

#define DEVID 0x20003u
#define FARS  1024

static struct pool pool;
static struct import *im;
static struct assist *assist;
static struct {
	uint8_t ep, setup[8];
	uint64_t tag;
	uint32_t len, flags, after;
	bool if_well;
	uint8_t data; /* the first byte of OUT, and */
	uint8_t cbw[31];
} far[FARS];
static unsigned fars, unlinks;
static uint64_t unlinked[FARS]; /* tags */
static int submit_says, unlink_says;
static unsigned submits; /* that go well; then ERR_NOMEM once; 0: all do */
static unsigned gets, fail_at;
static uint32_t seqnum;

static void *
get(void *arg, size_t n)
{
	(void)arg;
	return ++gets == fail_at ? NULL : malloc(n);
}

static inline int
far_submit(void *arg, const struct import_request *q, uint64_t *tag)
{
	(void)arg;
	if (submit_says != ERR_OK)
		return submit_says;
	if (submits > 0 && --submits == 0)
		return ERR_NOMEM;
	CHECK(fars < FARS);
	far[fars].ep = q->ep;
	far[fars].len = q->len;
	far[fars].flags = q->flags;
	far[fars].after = q->after;
	far[fars].if_well = q->if_well;
	far[fars].data = q->data != NULL ? q->data[0] : 0;
	if (q->data != NULL && q->len == sizeof(far[fars].cbw))
		memcpy(far[fars].cbw, q->data, sizeof(far[fars].cbw));
	memcpy(far[fars].setup, q->setup, 8);
	*tag = far[fars].tag = 1000 + fars;
	fars++;
	return ERR_OK;
}

static inline int
far_unlink(void *arg, uint8_t ep, uint64_t tag)
{
	(void)arg;
	(void)ep;
	if (unlink_says == ERR_OK)
		unlinked[unlinks++] = tag;
	return unlink_says;
}

#ifdef ASSISTED_NOW
static uint64_t now; /* of a test that has the macro */

static inline uint64_t
far_now(void *arg)
{
	(void)arg;
	return now;
}
static const struct assist_ops far_ops = {far_submit, far_unlink, far_now};
#else
static const struct assist_ops far_ops = {far_submit, far_unlink, NULL};
#endif

static inline int
on_submit(void *arg, const struct import_request *q, uint64_t *tag)
{
	(void)arg;
	return assist_submit(assist, q, tag);
}

static inline int
on_unlink(void *arg, uint8_t ep, uint64_t tag)
{
	(void)arg;
	return assist_unlink(assist, ep, tag);
}

static inline void
on_sent(void *arg, uint8_t ep)
{
	(void)arg;
	assist_sent(assist, ep);
}

static inline void
on_wake(void *arg)
{
	(void)arg;
}

static const struct import_ops ops = {on_submit, on_unlink, on_wake, on_sent};

static inline bool
setup_off(uint32_t off)
{
	static const struct import_conf conf = {.devid = DEVID,
						.urb_max = 100000,
						.budget = 1 << 20,
						.reserve = 1 << 16,
						.raw = raw,
						.raw_len = sizeof(raw),
						.config = 1,
						.speed = DEVINFO_HIGH};

	raw[20] = sizeof(raw) - 18;
	pool = (struct pool)TEST_POOL(16 << 20);
	pool.get = get;
	gets = 0;
	fars = unlinks = submits = 0;
	submit_says = unlink_says = ERR_OK;
	seqnum = 0;
	assist = NULL;
	if (import_new(&im, &pool, &conf, &ops, NULL) != ERR_OK)
		return false;
	assist = assist_new(&pool, im, off, &far_ops, NULL);
	return assist != NULL;
}

static inline void
setup(void)
{
	fail_at = 0;
	CHECK(setup_off(0));
}

static inline void
teardown(void)
{
	assist_free(assist);
	import_free(im);
	CHECK_EQ(pool.used, 0);
}

/* --- the kernel --- */

static inline uint32_t
submit_flags(uint8_t ep, uint32_t len, uint32_t flags)
{
	struct usbip h = {.cmd = USBIP_SUBMIT,
			  .seqnum = ++seqnum,
			  .devid = DEVID,
			  .in = ep >> 7,
			  .ep = ep & 15u};
	uint8_t b[USBIP_HEADER];

	h.submit.len = len;
	h.submit.flags = flags;
	usbip_pack(&h, b);
	CHECK_EQ(import_input(im, b, sizeof(b)), ERR_OK);
	return seqnum;
}

static inline uint32_t
submit(uint8_t ep, uint32_t len)
{
	return submit_flags(ep, len, 0);
}

/* type, request, value, index; OUT data are the byte, so often */
static inline uint32_t
control(uint8_t type, uint8_t request, uint8_t value, uint8_t index, uint8_t len)
{
	struct usbip h = {
	    .cmd = USBIP_SUBMIT,
	    .seqnum = ++seqnum,
	    .devid = DEVID,
	    .in = type >> 7,
	    .submit = {.len = len, .setup = {type, request, value, 0, index, 0, len}}};
	uint8_t b[USBIP_HEADER], data[64];

	usbip_pack(&h, b);
	CHECK_EQ(import_input(im, b, sizeof(b)), ERR_OK);
	memset(data, (int)seqnum, sizeof(data));
	if (!(type & 0x80) && len > 0)
		CHECK_EQ(import_input(im, data, len), ERR_OK);
	return seqnum;
}

static inline uint32_t
take_back(uint32_t victim)
{
	struct usbip h = {
	    .cmd = USBIP_UNLINK, .seqnum = ++seqnum, .devid = DEVID, .victim = victim};
	uint8_t b[USBIP_HEADER];

	usbip_pack(&h, b);
	CHECK_EQ(import_input(im, b, sizeof(b)), ERR_OK);
	return seqnum;
}

/* OUT: these bytes. */
static inline uint32_t
send_bytes(uint8_t ep, const uint8_t *p, uint32_t n)
{
	uint32_t seq = submit(ep, n);

	CHECK_EQ(import_input(im, p, n), ERR_OK);
	return seq;
}

/* The next answer is to this urb, with a status, so many bytes, and they are these. */
static inline void
heard(int line, uint32_t seq, int32_t status, uint32_t actual, uint8_t byte)
{
	const uint8_t *p;
	struct usbip h;
	size_t n = import_output(im, &p);

	memset(&h, 0, sizeof(h));
	if (n >= USBIP_HEADER)
		CHECK_EQ(usbip_unpack(&h, p), ERR_OK);
	if (h.cmd != USBIP_RET_SUBMIT || h.seqnum != seq ||
	    (int32_t)h.ret.status != status || h.ret.actual != actual ||
	    (actual > 0 && n > USBIP_HEADER && p[USBIP_HEADER] != byte)) {
		test_failed = 1;
		printf("# line %d: cmd %u of %u, status %d, %u bytes of %u\n", line,
		       (unsigned)h.cmd, (unsigned)h.seqnum, (int)h.ret.status,
		       (unsigned)h.ret.actual, n > USBIP_HEADER ? p[USBIP_HEADER] : 0);
	}
	import_sent(im, n);
}
#define HEARD(seq, status, actual, byte) heard(__LINE__, seq, status, actual, byte)

/* The answer to this urb is a status of a disk. */
static inline void
heard_csw(int line, uint32_t seq, uint8_t tag, uint32_t residue, uint8_t how)
{
	const uint8_t *p;
	struct usbip h;
	size_t n = import_output(im, &p);

	memset(&h, 0, sizeof(h));
	if (n >= USBIP_HEADER)
		CHECK_EQ(usbip_unpack(&h, p), ERR_OK);
	if (n != USBIP_HEADER + 13 || h.seqnum != seq || h.ret.status != 0 ||
	    memcmp(p + USBIP_HEADER, "USBS", 4) != 0 || p[USBIP_HEADER + 4] != tag ||
	    (p[USBIP_HEADER + 8] | p[USBIP_HEADER + 9] << 8) != (int)residue ||
	    p[USBIP_HEADER + 12] != how) {
		test_failed = 1;
		printf("# line %d: no such status: %zu bytes to %u\n", line, n,
		       (unsigned)h.seqnum);
	}
	import_sent(im, n);
}
#define HEARD_CSW(seq, tag, residue, how) heard_csw(__LINE__, seq, tag, residue, how)

static inline void
heard_unlink(int line, uint32_t seq, int32_t status)
{
	const uint8_t *p;
	struct usbip h;
	size_t n = import_output(im, &p);

	memset(&h, 0, sizeof(h));
	if (n >= USBIP_HEADER)
		CHECK_EQ(usbip_unpack(&h, p), ERR_OK);
	if (h.cmd != USBIP_RET_UNLINK || h.seqnum != seq || (int32_t)h.status != status) {
		test_failed = 1;
		printf("# line %d: cmd %u of %u, status %d\n", line, (unsigned)h.cmd,
		       (unsigned)h.seqnum, (int)h.status);
	}
	import_sent(im, n);
}
#define HEARD_UNLINK(seq, status) heard_unlink(__LINE__, seq, status)

static inline bool
silent(void)
{
	const uint8_t *p;

	return import_output(im, &p) == 0;
}

/* What comes is read and forgotten. */
static inline void
hear_all(void)
{
	const uint8_t *p;

	for (size_t n; (n = import_output(im, &p)) > 0;)
		import_sent(im, n);
}

/* --- the far end --- */

static inline int
says(unsigned i, const struct import_reply *r, uint8_t byte)
{
	struct urb_iso *iso;
	uint8_t *data;
	int err = assist_reply(assist, far[i].ep, far[i].tag, r, &data, &iso);

	if (err != ERR_OK)
		return err;
	if (data != NULL)
		memset(data, byte, r->actual);
	return assist_reply_end(assist);
}

/* Request i ends with so many of this byte. */
static inline void
gives(unsigned i, uint32_t actual, uint8_t byte)
{
	const struct import_reply r = {.actual = actual};

	CHECK_EQ(says(i, &r, byte), ERR_OK);
}

static inline void
fails(unsigned i, int32_t status)
{
	const struct import_reply r = {.status = status};

	CHECK_EQ(says(i, &r, 0), ERR_OK);
}

static inline void
comes_back(unsigned i)
{
	const struct import_reply r = {.status = -LINUX_ECONNRESET, .unlinked = true};

	CHECK_EQ(says(i, &r, 0), ERR_OK);
}

#endif
