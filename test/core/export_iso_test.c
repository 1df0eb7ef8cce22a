/* SPDX-License-Identifier: ISC */
/* clang-format off */
/* link: core */
/* clang-format on */
/*
 * Isochronous urbs in the export engine: both the peer and the device are
 * strangers.
 */
#include "core/export.h"
#include "core/iso.h"
#include "core/usbip.h"
#include "test/core/sample.h"
#include "test/test.h"

#define ISO_IN  0x85
#define ISO_OUT 0x06
#define ROOM    64u

static struct pool pool;
static unsigned gets, fail_at;
static struct export *ex;
static struct urb *lent;
static unsigned lents, cancels, tolds;
static int submit_says;
static void (*in_submit)(struct urb *);
static struct {
	uint64_t tag;
	int32_t status;
	uint32_t actual, packets, start_frame;
	bool unlinked, results;
	struct urb_iso iso[4];
	uint8_t data[ROOM];
} told;

static void *
pool_gets(void *arg, size_t n)
{
	(void)arg;
	return ++gets == fail_at ? NULL : test_heap_get(NULL, n);
}

static int
dev_submit(void *dev, struct urb *u)
{
	(void)dev;
	lents++;
	lent = u;
	if (in_submit != NULL)
		in_submit(u);
	return submit_says;
}

static void
dev_cancel(void *dev, struct urb *u)
{
	(void)dev;
	(void)u;
	cancels++;
}

static void
door_reply(void *door, uint64_t tag, const struct urb *u, bool unlinked)
{
	(void)door;
	tolds++;
	told.tag = tag;
	told.status = u->status;
	told.actual = u->actual;
	told.packets = u->packets;
	told.start_frame = u->start_frame;
	told.unlinked = unlinked;
	told.results = u->iso != NULL;
	if (told.results)
		memcpy(told.iso, u->iso,
		       (u->packets < 4 ? u->packets : 4) * sizeof(*u->iso));
	if (urb_in(u) && u->actual > 0)
		memcpy(told.data, u->buf, u->actual);
}

static void
door_ended(void *door)
{
	(void)door;
}

static const struct export_ops ops = {dev_submit, dev_cancel, door_reply, door_ended};
static const struct export_conf conf = {
    .urb_max = 32768, .raw = sample, .raw_len = sizeof(sample), .config = 1};

static void
done(int32_t status)
{
	lent->status = status;
	lent->actual = lent->packets > 0 ? 4711 : 0; /* the engine adds up itself */
	export_complete(ex, lent);
}

static bool
request(uint64_t tag, uint8_t ep, uint32_t len, const struct urb_iso *iso, uint32_t n)
{
	struct export_request q = {.tag = tag,
				   .ep = ep,
				   .len = len,
				   .flags = ~0u,
				   .start_frame = 77,
				   .packets = n};
	struct urb_iso *room;
	void *handle;
	uint8_t *buf;

	export_prepare(ex, &q, &handle, &buf);
	if (handle == NULL)
		return false;
	if (buf != NULL)
		memset(buf, 'o', len);
	room = export_iso(handle);
	for (uint32_t i = 0; i < n; i++) { /* as a peer may have written it */
		room[i] = iso[i];
		room[i].actual = 0x55555555;
		room[i].status = 3;
	}
	export_go(ex, handle);
	return true;
}

static void
set_interface(uint8_t alt)
{
	struct export_request q = {.tag = 1000 + alt, .setup = {1, 11, alt, 0, 2}};
	void *handle;
	uint8_t *buf;

	export_prepare(ex, &q, &handle, &buf);
	CHECK(handle != NULL);
	export_go(ex, handle);
	done(0);
	lents = tolds = 0;
}

static void
setup(void)
{
	pool = (struct pool)TEST_POOL(1 << 20);
	pool.get = pool_gets;
	fail_at = 0;
	in_submit = NULL;
	submit_says = ERR_OK;
	cancels = 0;
	CHECK_EQ(export_new(&ex, &pool, &conf, &ops, NULL, NULL), ERR_OK);
	set_interface(1);
}

static void
teardown(void)
{
	export_end(ex);
	export_free(ex);
	CHECK_EQ(pool.used, 0);
}

static const struct urb_iso three[] = {
    {2, 16, 0, 0, false}, {20, 8, 0, 0, false}, {40, 24, 0, 0, false}};

static void
in_data_lie_together(void)
{
	setup();
	CHECK(request(1, ISO_IN, ROOM, three, 3));
	CHECK_EQ(lent->type, URB_ISO);
	CHECK_EQ(lent->flags, URB_ISO_ASAP);
	CHECK_EQ(lent->packets, 3);
	CHECK_EQ(lent->start_frame, 77);
	CHECK_EQ(lent->iso[2].offset, 40);
	CHECK_EQ(lent->iso[2].length, 24);
	CHECK_EQ(lent->iso[0].actual, 0); /* not what the peer says */
	CHECK_EQ(lent->iso[0].status, -LINUX_EXDEV);
	memcpy(lent->buf + 2, "abc", 3);
	memcpy(lent->buf + 40, "defgh", 5);
	lent->iso[0].actual = 3;
	lent->iso[0].status = 0;
	lent->iso[2].actual = 5;
	lent->iso[2].status = 0;
	lent->start_frame = 78;
	done(0);
	CHECK_EQ(told.tag, 1);
	CHECK_EQ(told.status, 0);
	CHECK_EQ(told.actual, 8);
	CHECK_EQ(told.packets, 3);
	CHECK_EQ(told.start_frame, 78);
	CHECK(told.results && memcmp(told.data, "abcdefgh", 8) == 0);
	CHECK_EQ(told.iso[1].status, -LINUX_EXDEV);
	teardown();
}

static void
out_data_lie_where_they_are(void)
{
	setup();
	CHECK(request(1, ISO_OUT, ROOM, three, 3));
	CHECK_EQ(lent->buf[63], 'o');
	for (unsigned i = 0; i < 3; i++) {
		lent->iso[i].actual = lent->iso[i].length;
		lent->iso[i].status = 0;
	}
	done(0);
	CHECK_EQ(told.actual, 16 + 8 + 24);
	CHECK_EQ(told.status, 0);
	teardown();
}

static void
devices_are_not_believed(void)
{
	setup();
	CHECK(request(1, ISO_IN, ROOM, three, 3));
	lent->iso[0] = (struct urb_iso){2, 16, 17, 0, false};
	lent->iso[1] = (struct urb_iso){20, 8, 0xffffffff, -LINUX_EILSEQ, false};
	lent->iso[2] = (struct urb_iso){40, 24, 1, 5, false};
	done(99);
	CHECK_EQ(told.status, -LINUX_EPROTO);
	CHECK_EQ(told.actual, 16 + 8 + 1);
	CHECK_EQ(told.iso[0].actual, 16);
	CHECK_EQ(told.iso[0].status, -LINUX_EOVERFLOW);
	CHECK_EQ(told.iso[1].actual, 8);
	CHECK_EQ(told.iso[2].status, -LINUX_EPROTO);
	teardown();
}

static void
bad_requests_fail_alone(void)
{
	static const struct urb_iso over[] = {{0, 16, 0, 0, false}, {60, 5, 0, 0, false}},
				    wraps[] = {{0xfffffff8, 16, 0, 0, false}},
				    overlap[] = {{0, 16, 0, 0, false},
						 {8, 8, 0, 0, false}};
	static const struct {
		const char *name;
		uint8_t ep;
		uint32_t len, packets;
		const struct urb_iso *iso;
		int32_t status;
		bool results;
	} t[] = {
	    {"over the end", ISO_OUT, ROOM, 2, over, -LINUX_EINVAL, true},
	    {"wraps", ISO_IN, ROOM, 1, wraps, -LINUX_EINVAL, true},
	    {"overlap", ISO_IN, ROOM, 2, overlap, -LINUX_EINVAL, true},
	    {"no packets", ISO_IN, ROOM, 0, NULL, -LINUX_EINVAL, false},
	    {"minus one", ISO_IN, ROOM, USBIP_NO_PACKETS, NULL, -LINUX_EINVAL, false},
	    {"too many", ISO_IN, ROOM, ISO_PACKETS + 1, NULL, -LINUX_EINVAL, false},
	    {"far too many", ISO_IN, ROOM, 0x10000001, NULL, -LINUX_EINVAL, false},
	    {"not isochronous", 0x81, ROOM, 1, three, -LINUX_EINVAL, false},
	    {"too long", ISO_IN, 32768 - 15, 1, three, -LINUX_ENOMEM, false},
	    {"no endpoint", 0x8e, ROOM, 1, three, -LINUX_EPIPE, false},
	};

	setup();
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		bool taken = request(i, t[i].ep, t[i].len, t[i].iso, t[i].packets);

		CHECK_EQ(taken, t[i].results);
		CHECK_EQ(tolds, i + 1);
		CHECK_EQ(told.status, t[i].status);
		CHECK_EQ(told.actual, 0);
		CHECK_EQ(told.results, t[i].results);
		CHECK(!taken ||
		      (told.iso[0].actual == 0 && told.iso[0].status == -LINUX_EXDEV));
		if (test_failed) {
			printf("# %s\n", t[i].name);
			break;
		}
	}
	CHECK_EQ(lents, 0);
	CHECK(request(100, ISO_IN, 32768 - 16, three, 1));
	CHECK_EQ(lents, 1);
	done(0);
	teardown();
}

/* What an endpoint is decides when the urb's turn has come. */
static void
judged_behind_a_barrier(void)
{
	struct export_request q = {.tag = 1, .setup = {1, 11, 0, 0, 2}};
	struct urb *barrier;
	void *handle;
	uint8_t *buf;

	setup();
	export_prepare(ex, &q, &handle, &buf);
	export_go(ex, handle);
	barrier = lent;
	CHECK(request(2, ISO_IN, ROOM, three, 3));
	CHECK(request(3, 0x81, ROOM, three, 3));
	CHECK_EQ(lents, 1);
	lent = barrier;
	done(0);
	CHECK_EQ(tolds, 3);
	CHECK_EQ(told.tag, 3);
	CHECK_EQ(told.status, -LINUX_EINVAL);
	CHECK_EQ(lents, 1);
	teardown();
}

static void
half_done(struct urb *u)
{
	u->iso[0].actual = 16;
	u->iso[0].status = 0;
}

static void
gone_before_its_turn(void)
{
	struct export_request q = {.tag = 1, .ep = ISO_IN, .len = ROOM, .packets = 3};
	void *handle;
	uint8_t *buf;

	setup();
	export_prepare(ex, &q, &handle, &buf);
	memset(export_iso(handle), 0x55, sizeof(three));
	export_gone(ex);
	export_go(ex, handle);
	CHECK_EQ(told.status, -LINUX_ESHUTDOWN);
	CHECK(told.results && told.iso[2].actual == 0);
	CHECK_EQ(told.iso[2].status, -LINUX_EXDEV);
	teardown();
}

static void
refused_by_the_device(void)
{
	setup();
	in_submit = half_done;
	submit_says = ERR_GONE;
	CHECK(request(1, ISO_IN, ROOM, three, 3));
	CHECK_EQ(told.status, -LINUX_ESHUTDOWN);
	CHECK_EQ(told.actual, 0);
	CHECK_EQ(told.iso[0].actual, 0);
	CHECK_EQ(told.iso[0].status, -LINUX_EXDEV);
	teardown();
}

static void
unlinks_lose_nothing(void)
{
	setup();
	CHECK(request(1, ISO_IN, ROOM, three, 3));
	export_unlink(ex, 1);
	CHECK_EQ(cancels, 1);
	memset(lent->buf + 2, 'x', 16);
	half_done(lent);
	done(-LINUX_ECONNRESET);
	CHECK(!told.unlinked);
	CHECK_EQ(told.status, -LINUX_ECONNRESET);
	CHECK_EQ(told.actual, 16);
	CHECK_EQ(told.data[15], 'x');
	CHECK(request(2, ISO_IN, ROOM, three, 3));
	export_unlink(ex, 2);
	done(-LINUX_ECONNRESET);
	CHECK(told.unlinked);
	CHECK_EQ(told.actual, 0);
	export_unlink(ex, 3); /* comes before its request */
	CHECK(!request(3, ISO_IN, ROOM, three, 3));
	CHECK(told.unlinked && told.packets == 3);
	teardown();
}

static void
no_memory(void)
{
	setup();
	fail_at = gets + 1;
	CHECK(!request(1, ISO_IN, ROOM, three, 3));
	CHECK_EQ(told.status, -LINUX_ENOMEM);
	CHECK_EQ(told.packets, 3);
	CHECK(!told.results);
	CHECK(request(2, ISO_IN, ROOM, three, 3));
	CHECK_EQ(gets - fail_at, 1); /* one allocation for all of it */
	done(0);
	teardown();
}

TEST_MAIN(TEST(in_data_lie_together), TEST(out_data_lie_where_they_are),
	  TEST(devices_are_not_believed), TEST(bad_requests_fail_alone),
	  TEST(judged_behind_a_barrier), TEST(gone_before_its_turn),
	  TEST(refused_by_the_device), TEST(unlinks_lose_nothing), TEST(no_memory))
