/* SPDX-License-Identifier: ISC */
/* clang-format off */
/* link: core */
/* clang-format on */
/*
 * A kernel that enumerates and resets, above the import engine; the far end is
 * played here too.
 */
#include "core/desc_edit.h"
#include "core/import.h"
#include "core/retq.h"
#include "core/usbip.h"
#include "test/core/sample.h"
#include "test/test.h"

#define DEVID (2u << 16 | 3u)
#define MANY  64

enum { OUT = 0, IN = 1 };

struct got {
	struct usbip h;
	uint8_t data[512];
};

static struct pool pool;
static struct import *im;
static struct import_conf conf;
static struct import_request seen[MANY]; /* by the far end, tag: its index */
static struct got got[MANY];             /* by the kernel */
static unsigned seens, gots, unlinks, wakes, seqnum;
static int submit_says;

static int
far_submit(void *arg, const struct import_request *q, uint64_t *tag)
{
	(void)arg;
	seen[seens] = *q;
	*tag = seens++;
	return submit_says;
}

static int
far_unlink(void *arg, uint8_t ep, uint64_t tag)
{
	(void)arg;
	CHECK((ep & 0x7f) == 0 && tag < seens);
	unlinks++;
	return ERR_OK;
}

static void
far_wake(void *arg)
{
	(void)arg;
	wakes++;
}

static const struct import_ops ops = {far_submit, far_unlink, far_wake, NULL};

static void
start(uint8_t speed)
{
	pool = (struct pool)TEST_POOL(16 << 20);
	conf = (struct import_conf){.devid = DEVID,
				    .urb_max = 65536,
				    .budget = 1 << 20,
				    .raw = sample,
				    .raw_len = sizeof(sample),
				    .cache = sample_cache,
				    .cache_len = sizeof(sample_cache),
				    .config = 1,
				    .speed = speed};
	seens = gots = unlinks = wakes = seqnum = 0;
	submit_says = ERR_OK;
	CHECK_EQ(import_new(&im, &pool, &conf, &ops, NULL), ERR_OK);
}

static void
stop(void)
{
	import_free(im);
	CHECK_EQ(pool.used, 0);
}

static void
drain(void)
{
	const uint8_t *p;
	size_t n;

	while ((n = import_output(im, &p)) > 0) {
		struct got *g = &got[gots++];

		CHECK_EQ(usbip_unpack(&g->h, p), ERR_OK);
		memset(g->data, 0xee, sizeof(g->data));
		memcpy(g->data, p + USBIP_HEADER, n - USBIP_HEADER);
		import_sent(im, n);
	}
}

static int
header(const struct usbip *h)
{
	uint8_t b[USBIP_HEADER];
	int err;

	usbip_pack(h, b);
	err = import_input(im, b, sizeof(b));
	drain();
	return err;
}

/* A control request of the kernel's, with `room` bytes for IN data. */
static void
ask_room(const uint8_t s[8], uint32_t room, uint32_t flags)
{
	struct usbip h = {
	    .cmd = USBIP_SUBMIT, .seqnum = ++seqnum, .devid = DEVID, .in = s[0] >> 7};

	h.submit.len = room;
	h.submit.flags = flags;
	memcpy(h.submit.setup, s, 8);
	CHECK_EQ(header(&h), ERR_OK);
}

static void
ask(const uint8_t s[8])
{
	ask_room(s, s[6] | (uint32_t)s[7] << 8, 0);
}

#define GET(type, index, lang, len)                                    \
	(const uint8_t[8])                                             \
	{                                                              \
		0x80, 6, index, type, (lang)&0xff, (lang) >> 8, len, 0 \
	}
#define GET_STATUS ((const uint8_t[8]){0x80, 0, 0, 0, 0, 0, 2, 0})
#define SET_CONFIGURATION(n)           \
	(const uint8_t[8])             \
	{                              \
		0, 9, n, 0, 0, 0, 0, 0 \
	}

static void
unlink_urb(uint32_t victim)
{
	struct usbip h = {
	    .cmd = USBIP_UNLINK, .seqnum = ++seqnum, .devid = DEVID, .victim = victim};

	CHECK_EQ(header(&h), ERR_OK);
}

/* The far end answers request i. */
static int
answer(unsigned i, int32_t status, uint32_t actual, bool unlinked)
{
	const struct import_reply r = {
	    .status = status, .actual = actual, .unlinked = unlinked};
	uint8_t *room;
	struct urb_iso *iso;
	int err = import_reply(im, seen[i].ep, i, &r, &room, &iso);

	if (err == ERR_OK) {
		if (room != NULL)
			memset(room, 'd', actual);
		CHECK_EQ(import_reply_end(im), ERR_OK);
	}
	drain();
	return err;
}

/* The last that the kernel got: the end of its newest request. */
static bool
is_last(uint32_t seq, int32_t status, const uint8_t *p, uint32_t n)
{
	const struct got *g = &got[gots - 1];

	return gots > 0 && g->h.cmd == USBIP_RET_SUBMIT && g->h.seqnum == seq &&
	       (int32_t)g->h.ret.status == status && g->h.ret.actual == n &&
	       (n == 0 || memcmp(g->data, p, n) == 0);
}

static bool
is_reset(unsigned i)
{
	static const uint8_t setup[8] = {0x23, 3, 4, 0, 0, 0, 0, 0};

	return i < seens && seen[i].ep == 0 && seen[i].type == URB_CONTROL &&
	       seen[i].len == 0 && memcmp(seen[i].setup, setup, 8) == 0;
}

/* The kernel chooses a configuration, and the far end says so. */
static void
configure(uint8_t config, int32_t status)
{
	ask(SET_CONFIGURATION(config));
	CHECK_EQ(answer(seens - 1, status, 0, false), ERR_OK);
}

static void
enumeration_needs_nobody(void)
{
	static const struct {
		uint8_t type, index;
		uint16_t language;
		uint8_t len;
		const uint8_t *p;
		uint32_t n;
	} t[] = {
	    {1, 0, 0, 64, sample, 18},
	    {1, 0, 0, 18, sample, 18},
	    {2, 0, 0, 9, sample + SAMPLE_CONFIG1, 9},
	    {2, 0, 0, 110, sample + SAMPLE_CONFIG1, 110},
	    {2, 1, 0, 9, sample + SAMPLE_CONFIG2, 9},
	    {2, 1, 0, 27, sample + SAMPLE_CONFIG2, 27},
	    {3, 0, 0, 255, sample_cache + 6, 4},
	    {3, 1, 0x409, 255, sample_cache + 16, 6},
	    {15, 0, 0, 5, sample_cache + 28, 5},
	    {15, 0, 0, 12, sample_cache + 28, 12},
	};

	struct import_stats st;

	start(DEVINFO_HIGH);
	for (unsigned i = 0; i < ARRAY_LEN(t); i++) {
		ask(GET(t[i].type, t[i].index, t[i].language, t[i].len));
		CHECK_EQ(gots, i + 1);
		CHECK(is_last(i + 1, 0, t[i].p, t[i].n));
		CHECK_EQ(wakes, i + 1);
	}
	ask(GET(2, 2, 0, 9)); /* nobody could read it: a kernel gets along with that */
	CHECK(is_last(seqnum, -LINUX_EPIPE, NULL, 0));
	CHECK_EQ(seens, 0);
	import_stats(im, &st);
	CHECK(st.urbs == seqnum && st.bytes_in == 0 && st.inflight == 0 &&
	      st.charged == 0);
	stop();
}

static void
the_rest_is_forwarded(void)
{
	static const uint8_t t[][8] = {
	    {0x80, 6, 0, 6, 0, 0, 10, 0},   /* device qualifier */
	    {0x80, 6, 0, 7, 0, 0, 9, 0},    /* other speed */
	    {0x80, 6, 9, 3, 9, 4, 255, 0},  /* a string that is not there */
	    {0x80, 6, 1, 3, 7, 4, 255, 0},  /* another language */
	    {0x81, 6, 0, 0x22, 0, 0, 9, 0}, /* of an interface: HID's report */
	    {0x80, 0, 0, 0, 0, 0, 2, 0},    /* GET_STATUS */
	    {0xc0, 6, 0, 1, 0, 0, 18, 0},   /* a vendor's own */
	};

	start(DEVINFO_HIGH);
	for (unsigned i = 0; i < ARRAY_LEN(t); i++) {
		ask(t[i]);
		CHECK_EQ(seens, i + 1);
		CHECK(memcmp(seen[i].setup, t[i], 8) == 0);
		CHECK_EQ(gots, i);
		CHECK_EQ(answer(i, -LINUX_EPIPE, 0, false), ERR_OK); /* the truth */
		CHECK(is_last(i + 1, -LINUX_EPIPE, NULL, 0));
	}
	stop();
}

static void
setup_bytes_count_for_endpoint_0_only(void)
{
	struct usbip h = {
	    .cmd = USBIP_SUBMIT, .seqnum = 1, .devid = DEVID, .in = IN, .ep = 1};

	start(DEVINFO_HIGH);
	h.submit.len = 18;
	memcpy(h.submit.setup, GET(1, 0, 0, 18), 8);
	CHECK_EQ(header(&h), ERR_OK);
	CHECK_EQ(seens, 1);
	CHECK_EQ(gots, 0);
	stop();
}

static void
without_a_cache_strings_are_forwarded(void)
{
	start(DEVINFO_HIGH);
	stop();
	conf.cache = NULL;
	conf.cache_len = 0;
	CHECK_EQ(import_new(&im, &pool, &conf, &ops, NULL), ERR_OK);
	ask(GET(1, 0, 0, 18));
	CHECK(is_last(seqnum, 0, sample, 18));
	ask(GET(3, 1, 0x409, 255));
	CHECK_EQ(seens, 1);
	stop();
}

static void
short_answers_are_as_a_host_controller_gives_them(void)
{
	start(DEVINFO_HIGH);
	ask_room(GET(1, 0, 0, 18), 18, URB_SHORT_NOT_OK);
	CHECK(is_last(seqnum, 0, sample, 18));
	ask_room(GET(1, 0, 0, 64), 64, URB_SHORT_NOT_OK);
	CHECK(is_last(seqnum, -LINUX_EREMOTEIO, sample, 18));
	ask_room(GET(1, 0, 0, 18), 512, 0); /* room beyond wLength */
	CHECK(is_last(seqnum, 0, sample, 18));
	ask_room(GET(2, 0, 0, 0), 0, 0);
	CHECK(is_last(seqnum, 0, NULL, 0));
	CHECK_EQ(seens, 0);
	stop();
}

static void
which_reads_tell_of_a_reset(void)
{
	static const struct {
		uint8_t speed, config, len, type;
		int32_t status; /* of SET_CONFIGURATION */
		bool reset;
	} t[] = {
	    {DEVINFO_LOW, 1, 64, 1, 0, true},
	    {DEVINFO_FULL, 1, 64, 1, 0, true},
	    {DEVINFO_HIGH, 1, 64, 1, 0, true},
	    {DEVINFO_HIGH, 2, 64, 1, 0, true},
	    {DEVINFO_SUPER, 1, 8, 1, 0, true},
	    {DEVINFO_SUPER_PLUS, 1, 8, 1, 0, true},
	    {DEVINFO_HIGH, 1, 18, 1, 0, false},
	    {DEVINFO_HIGH, 1, 8, 1, 0, false},
	    {DEVINFO_HIGH, 1, 63, 1, 0, false},
	    {DEVINFO_SUPER, 1, 64, 1, 0, false},
	    {DEVINFO_SUPER, 1, 18, 1, 0, false},
	    {DEVINFO_HIGH, 1, 64, 2, 0, false}, /* a configuration's */
	    {DEVINFO_HIGH, 0, 64, 1, 0, false}, /* it has chosen none */
	    {DEVINFO_HIGH, 1, 64, 1, -LINUX_EPIPE, false},
	};

	for (unsigned i = 0; i < ARRAY_LEN(t); i++) {
		start(t[i].speed);
		configure(t[i].config, t[i].status);
		ask(GET(t[i].type, 0, 0, t[i].len));
		CHECK_EQ(seens, t[i].reset ? 2 : 1);
		CHECK_EQ(is_reset(1), t[i].reset);
		CHECK_EQ(gots, t[i].reset ? 1 : 2); /* its answer waits */
		if (test_failed)
			printf("# row %u\n", i);
		stop();
	}
}

static void
before_the_kernel_configures_nothing_is_a_reset(void)
{
	start(DEVINFO_HIGH);
	ask(GET(1, 0, 0, 64)); /* though the device is in configuration 1 */
	CHECK(is_last(1, 0, sample, 18));
	configure(1, 0);
	configure(0, 0);
	ask(GET(1, 0, 0, 64));
	CHECK(is_last(4, 0, sample, 18));
	CHECK_EQ(seens, 2);
	stop();
}

/* usbtest's case 10: control requests in a queue end in their order. */
static void
answers_keep_the_order(void)
{
	start(DEVINFO_HIGH);
	ask(GET_STATUS);
	ask(GET(1, 0, 0, 18));
	ask(GET_STATUS);
	ask(GET(2, 0, 0, 9));
	ask(GET(2, 0, 0, 9));
	CHECK_EQ(seens, 2);
	CHECK_EQ(gots, 0);
	unlink_urb(5); /* one that waits */
	CHECK_EQ(gots, 1);
	CHECK_EQ(got[0].h.cmd, USBIP_RET_UNLINK);
	CHECK_EQ((int32_t)got[0].h.status, -LINUX_ECONNRESET);
	CHECK_EQ(answer(0, 0, 2, false), ERR_OK);
	CHECK_EQ(gots, 3);
	CHECK_EQ(got[1].h.seqnum, 1);
	CHECK(is_last(2, 0, sample, 18));
	unlink_urb(3);
	CHECK_EQ(answer(1, -LINUX_ECONNRESET, 0, true), ERR_OK);
	CHECK(is_last(4, 0, sample + SAMPLE_CONFIG1, 9)); /* no longer behind it */
	ask(GET_STATUS);
	ask(GET(1, 0, 0, 18));
	import_gone(im);
	drain();
	CHECK_EQ(gots, 7);
	CHECK((int32_t)got[5].h.ret.status == -LINUX_ESHUTDOWN &&
	      (int32_t)got[6].h.ret.status == -LINUX_ESHUTDOWN);
	stop();
}

static void
the_answer_waits_for_the_reset(void)
{
	start(DEVINFO_HIGH);
	configure(1, 0);
	ask(GET(1, 0, 0, 64));
	ask(GET(2, 0, 0, 9)); /* and so does what comes behind it */
	CHECK_EQ(gots, 1);
	CHECK_EQ(answer(1, 0, 18, false), ERR_PROTO); /* it moves no data */
	CHECK_EQ(gots, 1);
	CHECK_EQ(answer(1, 0, 0, false), ERR_OK);
	CHECK_EQ(gots, 3);
	CHECK_EQ(got[1].h.seqnum, 2);
	CHECK(is_last(3, 0, sample + SAMPLE_CONFIG1, 9));
	ask(GET(1, 0, 0, 64)); /* the kernel's next try is no other reset */
	CHECK(is_last(4, 0, sample, 18));
	configure(1, 0);
	ask(GET(1, 0, 0, 64));
	CHECK(seens == 4 && is_reset(3));
	stop();
}

/* Interface 0: bulk 0x81 in setting 0, interrupt in setting 1. */
static enum urb_type
type_of_81(void)
{
	struct usbip h = {
	    .cmd = USBIP_SUBMIT, .seqnum = ++seqnum, .devid = DEVID, .in = IN, .ep = 1};

	h.submit.len = 8;
	CHECK_EQ(header(&h), ERR_OK);
	return (enum urb_type)seen[seens - 1].type;
}

static void
a_reset_puts_settings_back(void)
{
	static const uint8_t set_interface[8] = {1, 11, 1, 0, 0, 0, 0, 0};
	static const uint8_t reset[8] = {0x23, 3, 4, 0, 1, 0, 0, 0};

	start(DEVINFO_HIGH);
	configure(1, 0);
	ask(set_interface);
	CHECK_EQ(answer(1, 0, 0, false), ERR_OK);
	CHECK_EQ(type_of_81(), URB_INTERRUPT);
	ask(GET(1, 0, 0, 64));
	CHECK_EQ(answer(3, 0, 0, false), ERR_OK);
	CHECK_EQ(type_of_81(), URB_BULK);
	ask(set_interface);
	CHECK_EQ(answer(5, 0, 0, false), ERR_OK);
	ask(reset); /* said outright, as usbip-win2 does */
	CHECK(memcmp(seen[6].setup, reset, 8) == 0);
	CHECK_EQ(answer(6, 0, 0, false), ERR_OK);
	CHECK_EQ(type_of_81(), URB_BULK);
	stop();
}

static void
a_reset_that_was_said_is_not_inferred_again(void)
{
	start(DEVINFO_HIGH);
	configure(1, 0);
	ask((const uint8_t[8]){0x23, 3, 4, 0, 1, 0, 0, 0});
	CHECK_EQ(answer(1, 0, 0, false), ERR_OK);
	CHECK(is_last(2, 0, NULL, 0));
	ask(GET(1, 0, 0, 64));
	CHECK(is_last(3, 0, sample, 18));
	CHECK_EQ(seens, 2);
	stop();
}

static void
a_failing_reset_fails_the_read(void)
{
	static const int32_t status[] = {-LINUX_EPROTO, -LINUX_ESHUTDOWN,
					 -LINUX_ETIMEDOUT, -LINUX_ENOMEM,
					 -LINUX_ECONNRESET};

	for (unsigned i = 0; i < ARRAY_LEN(status); i++) {
		start(DEVINFO_HIGH);
		configure(1, 0);
		ask(GET(1, 0, 0, 64));
		CHECK_EQ(answer(1, status[i], 0, false), ERR_OK);
		CHECK(is_last(2, -LINUX_EPROTO, NULL, 0));
		ask(GET(1, 0, 0, 64)); /* the kernel tries it again */
		CHECK(seens == 3 && is_reset(2));
		stop();
	}
}

static void
a_far_end_may_not_know_resets(void)
{
	start(DEVINFO_HIGH);
	configure(1, 0);
	ask(GET(1, 0, 0, 64));
	CHECK_EQ(answer(1, -LINUX_EPIPE, 0, false), ERR_OK);
	CHECK(is_last(2, 0, sample, 18));
	ask(GET(1, 0, 0, 64));
	CHECK(is_last(3, 0, sample, 18));
	CHECK_EQ(seens, 2);
	stop();
}

static void
unlink_of_a_read_that_waits(void)
{
	start(DEVINFO_HIGH);
	configure(1, 0);
	ask(GET(1, 0, 0, 64));
	unlink_urb(2);
	CHECK_EQ(unlinks, 1);
	CHECK_EQ(gots, 1);
	CHECK_EQ(answer(1, -LINUX_ECONNRESET, 0, true), ERR_OK); /* not even begun */
	CHECK_EQ(gots, 2);
	CHECK(got[1].h.cmd == USBIP_RET_UNLINK && got[1].h.seqnum == 3 &&
	      (int32_t)got[1].h.status == -LINUX_ECONNRESET);
	ask(GET(1, 0, 0, 64));
	CHECK(seens == 3 && is_reset(2)); /* so there was none yet */
	unlink_urb(4);
	CHECK_EQ(answer(2, 0, 0, false), ERR_OK); /* too late */
	CHECK_EQ(gots, 4);
	CHECK(got[2].h.cmd == USBIP_RET_SUBMIT && got[2].h.seqnum == 4 &&
	      got[2].h.ret.status == 0 && got[2].h.ret.actual == 18);
	CHECK(got[3].h.cmd == USBIP_RET_UNLINK && got[3].h.seqnum == 5 &&
	      got[3].h.status == 0);
	ask(GET(1, 0, 0, 64));
	CHECK_EQ(seens, 3);
	stop();
}

static void
a_reset_that_cannot_be_sent(void)
{
	start(DEVINFO_HIGH);
	configure(1, 0);
	submit_says = ERR_NOMEM;
	ask(GET(1, 0, 0, 64));
	CHECK(is_last(2, -LINUX_ENOMEM, NULL, 0));
	submit_says = ERR_OK;
	ask(GET(1, 0, 0, 64));
	CHECK(seens == 3 && is_reset(2) && gots == 2);
	import_gone(im);
	drain();
	CHECK(is_last(3, -LINUX_ESHUTDOWN, NULL, 0));
	ask(GET(1, 0, 0, 18));
	CHECK(is_last(4, -LINUX_ESHUTDOWN, NULL, 0));
	stop();
}

static void
uas_is_hidden_at_superspeed(void)
{
	static const uint8_t set_uas[8] = {1, 11, 1, 0, 0, 0, 0, 0};
	uint8_t raw[sizeof(sample)];
	size_t n = sizeof(raw);

	memcpy(raw, sample, n);
	CHECK_EQ(desc_hide_uas(raw, &n), ERR_OK);
	CHECK(n < sizeof(sample));
	for (uint8_t speed = DEVINFO_LOW; speed <= DEVINFO_SUPER_PLUS; speed++) {
		bool hidden = speed >= DEVINFO_SUPER;
		uint32_t len = hidden ? 110 - 23 : 110;

		start(speed);
		ask(GET(2, 0, 0, 255));
		CHECK(is_last(1, 0, (hidden ? raw : sample) + SAMPLE_CONFIG1, len));
		CHECK_EQ(got[0].data[2], len);
		ask(GET(2, 1, 0, 255));
		CHECK(is_last(2, 0, sample + SAMPLE_CONFIG2, 27));
		configure(1, 0);
		ask(set_uas);
		CHECK_EQ(answer(1, 0, 0, false), ERR_OK);
		(void)type_of_81();
		CHECK_EQ(seens, hidden ? 2 : 3); /* it has no such endpoint then */
		stop();
	}
}

static void
a_cache_that_makes_no_sense_is_refused(void)
{
	start(DEVINFO_HIGH);
	stop();
	conf.cache_len--;
	CHECK_EQ(import_new(&im, &pool, &conf, &ops, NULL), ERR_PROTO);
	CHECK(im == NULL);
	conf.cache_len++;
	conf.raw_len = DEVINFO_RAW + 1; /* looked at before it is copied */
	CHECK_EQ(import_new(&im, &pool, &conf, &ops, NULL), ERR_TOOBIG);
	conf.speed = DEVINFO_SUPER;
	conf.raw_len = sizeof(sample) - 1;
	CHECK_EQ(import_new(&im, &pool, &conf, &ops, NULL), ERR_PROTO);
	CHECK_EQ(pool.used, 0);
}

static unsigned gets_left;

static void *
failing_get(void *arg, size_t n)
{
	(void)arg;
	return gets_left-- > 0 ? malloc(n) : NULL;
}

static void
every_allocation_may_fail(void)
{
	unsigned made = 0;

	start(DEVINFO_SUPER);
	stop();
	for (unsigned n = 0; n < 120; n++) {
		gets_left = n;
		pool.get = failing_get;
		if (import_new(&im, &pool, &conf, &ops, NULL) == ERR_OK)
			made++, import_free(im);
		CHECK_EQ(pool.used, 0);
	}
	CHECK(made > 0 && made < 118); /* engine, descriptors, cache */
}

TEST_MAIN(TEST(enumeration_needs_nobody), TEST(the_rest_is_forwarded),
	  TEST(setup_bytes_count_for_endpoint_0_only),
	  TEST(without_a_cache_strings_are_forwarded),
	  TEST(short_answers_are_as_a_host_controller_gives_them),
	  TEST(which_reads_tell_of_a_reset),
	  TEST(before_the_kernel_configures_nothing_is_a_reset),
	  TEST(answers_keep_the_order), TEST(the_answer_waits_for_the_reset),
	  TEST(a_reset_puts_settings_back),
	  TEST(a_reset_that_was_said_is_not_inferred_again),
	  TEST(a_failing_reset_fails_the_read), TEST(a_far_end_may_not_know_resets),
	  TEST(unlink_of_a_read_that_waits), TEST(a_reset_that_cannot_be_sent),
	  TEST(uas_is_hidden_at_superspeed), TEST(a_cache_that_makes_no_sense_is_refused),
	  TEST(every_allocation_may_fail))
