/* SPDX-License-Identifier: ISC */
/* link: core */
#include "core/desc.h"
#include "core/usbip.h"
#include "test/core/sample.h"
#include "test/test.h"

static struct desc d;

/* Type and packet size of an endpoint, -1 if there is none. */
static int
type_of(uint8_t addr)
{
	const struct desc_ep *e = desc_find(&d, addr);

	return e == NULL ? -1 : e->type;
}

static void
endpoints_follow_configuration_and_alternate(void)
{
	static const struct {
		int config, iface, alt; /* -1: no change */
		int in81, out02, in83, out04, in85;
	} t[] = {
	    {-1, -1, -1, 2, 2, 3, -1, -1},   {-1, 0, 1, 3, -1, -1, 2, -1},
	    {-1, 2, 1, 3, -1, -1, 2, 1},     {-1, 0, 0, 2, 2, 3, -1, 1},
	    {-1, 0, 9, -1, -1, -1, -1, 1}, /* no such alternate */
	    {1, -1, -1, 2, 2, 3, -1, -1},  /* the same again: all alternates are 0 */
	    {2, -1, -1, 3, -1, -1, -1, -1},  {7, -1, -1, -1, -1, -1, -1, -1},
	    {0, -1, -1, -1, -1, -1, -1, -1}, {1, 32, 1, 2, 2, 3, -1, -1},
	    {1, 255, 1, 2, 2, 3, -1, -1},
	};

	CHECK_EQ(desc_parse(&d, sample, sizeof(sample), 1), ERR_OK);
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		if (t[i].config >= 0)
			desc_set_config(&d, (uint8_t)t[i].config);
		if (t[i].iface >= 0)
			desc_set_interface(&d, (uint8_t)t[i].iface, (uint8_t)t[i].alt);
		CHECK_EQ(type_of(0x81), t[i].in81);
		CHECK_EQ(type_of(0x02), t[i].out02);
		CHECK_EQ(type_of(0x83), t[i].in83);
		CHECK_EQ(type_of(0x04), t[i].out04);
		CHECK_EQ(type_of(0x85), t[i].in85);
	}
	CHECK_EQ(type_of(0x82), -1);
	CHECK_EQ(type_of(0x00), -1);
	CHECK_EQ(type_of(0x80), -1);
}

static void
fields_are_kept_as_they_stand(void)
{
	const struct desc_ep *e;

	CHECK_EQ(desc_parse(&d, sample, sizeof(sample), 1), ERR_OK);
	CHECK_EQ(d.eps, 8);
	e = desc_find(&d, 0x81);
	CHECK_EQ(e->packet, 512);
	CHECK_EQ(e->iface, 0);
	e = desc_find(&d, 0x83);
	CHECK_EQ(e->interval, 10);
	desc_set_interface(&d, 2, 1); /* by bInterfaceNumber, not by index (item 21) */
	CHECK_EQ(desc_find(&d, 0x06)->iface, 2);
}

static void
unconfigured_is_fine(void)
{
	CHECK_EQ(desc_parse(&d, sample, sizeof(sample), 0), ERR_OK);
	CHECK_EQ(type_of(0x81), -1);
	CHECK_EQ(desc_parse(&d, sample, 18, 0), ERR_OK); /* nothing could be read */
	CHECK_EQ(desc_parse(&d, sample, SAMPLE_CONFIG2, 1), ERR_OK); /* one could not */
	CHECK_EQ(type_of(0x81), URB_BULK);
}

#define C1 SAMPLE_CONFIG1
#define C2 SAMPLE_CONFIG2

static void
contradictions_are_refused(void)
{
	static const struct {
		const char *name;
		size_t at;
		uint8_t value;
		int err;
	} t[] = {
	    {"device bLength", 0, 17, ERR_PROTO},
	    {"device type", 1, 2, ERR_PROTO},
	    {"more configurations than claimed", 17, 1, ERR_PROTO},
	    {"config bLength short", C1, 8, ERR_PROTO},
	    {"config bLength over total", C1, 111, ERR_PROTO},
	    {"config type", C1 + 1, 7, ERR_PROTO},
	    {"total over input", C2 + 2, 28, ERR_PROTO},
	    {"total far over input", C2 + 3, 255, ERR_PROTO},
	    {"total under bLength", C2 + 2, 8, ERR_PROTO},
	    {"total cuts a descriptor", C1 + 2, 109, ERR_PROTO},
	    {"total leaves one byte", C2 + 2, 19, ERR_PROTO},
	    {"33 interfaces", C1 + 4, 33, ERR_TOOBIG},
	    {"interface bLength short", C1 + 9, 8, ERR_PROTO},
	    {"interface number 32", C1 + 11, 32, ERR_TOOBIG},
	    {"endpoint before interface", C1 + 10, 0x24, ERR_PROTO},
	    {"bLength 0", C1 + 18, 0, ERR_PROTO},
	    {"bLength 1", C1 + 18, 1, ERR_PROTO},
	    {"bLength past the end", C2 + 18, 10, ERR_PROTO},
	    {"endpoint bLength short", C2 + 18, 6, ERR_PROTO},
	    {"endpoint number 0", C1 + 25, 0x80, ERR_PROTO},
	    {"endpoint reserved bits", C1 + 25, 0x91, ERR_PROTO},
	    {"endpoint twice", C1 + 38, 0x81, ERR_PROTO},
	    {"device inside a configuration", C1 + 19, 1, ERR_PROTO},
	    {"config inside a configuration", C1 + 19, 2, ERR_PROTO},
	};
	uint8_t raw[sizeof(sample)];

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		memcpy(raw, sample, sizeof(raw));
		raw[t[i].at] = t[i].value;
		if (desc_parse(&d, raw, sizeof(raw), 1) == t[i].err)
			continue;
		CHECK(!"refused as it should be");
		printf("# %s\n", t[i].name);
	}
}

static void
every_cut_is_refused(void)
{
	for (size_t n = 0; n < sizeof(sample); n++) {
		uint8_t *raw = malloc(n > 0 ? n : 1); /* its end is guarded by ASan */
		bool whole = n == C1 || n == C2;

		memcpy(raw, sample, n);
		CHECK_EQ(desc_parse(&d, raw, n, 1), whole ? ERR_OK : ERR_PROTO);
		free(raw);
	}
}

static void
one_byte_more_is_refused(void)
{
	for (unsigned last = 0; last < 3; last++) {
		uint8_t *raw = malloc(sizeof(sample) + 1);

		memcpy(raw, sample, sizeof(sample));
		raw[C2 + 2]++;
		raw[sizeof(sample)] = (uint8_t)last;
		CHECK_EQ(desc_parse(&d, raw, sizeof(sample) + 1, 1), ERR_PROTO);
		free(raw);
	}
}

static void
too_much_is_refused(void)
{
	static uint8_t raw[DEVINFO_RAW + 1];
	size_t n = 18 + 9;

	memcpy(raw, sample, n);
	raw[17] = 1;
	for (unsigned alt = 0; alt < 10; alt++) {
		raw[n++] = 9;
		raw[n++] = 4;
		raw[n++] = 0;
		raw[n++] = (uint8_t)alt;
		n += 5;
		for (unsigned e = 0; e < 30; e++) {
			memcpy(raw + n, (uint8_t[]){7, 5, 0, 2, 0, 2, 0}, 7);
			raw[n + 2] = (uint8_t)((e % 15 + 1) | (e / 15) << 7);
			n += 7;
		}
		raw[20] = (uint8_t)(n - 18);
		raw[21] = (uint8_t)((n - 18) >> 8);
		CHECK_EQ(desc_parse(&d, raw, n, 1), alt < 8 ? ERR_OK : ERR_TOOBIG);
	}
	CHECK_EQ(desc_parse(&d, raw, sizeof(raw), 1), ERR_TOOBIG);
}

static void
jobs_are_recognised(void)
{
	static const struct {
		uint8_t setup[8];
		enum urb_job job;
	} t[] = {
	    {{0x00, 9, 1, 0, 0, 0, 0, 0}, URB_JOB_SET_CONFIGURATION},
	    {{0x00, 9, 0, 0, 0, 0, 0, 0}, URB_JOB_SET_CONFIGURATION},
	    {{0x01, 11, 1, 0, 2, 0, 0, 0}, URB_JOB_SET_INTERFACE},
	    {{0x02, 1, 0, 0, 0x81, 0, 0, 0}, URB_JOB_CLEAR_HALT},
	    {{0x23, 3, 4, 0, 1, 0, 0, 0}, URB_JOB_RESET},
	    {{0x02, 1, 0, 0, 0x00, 0, 0, 0}, URB_JOB_NONE}, /* endpoint 0 */
	    {{0x02, 1, 1, 0, 0x81, 0, 0, 0}, URB_JOB_NONE}, /* another feature */
	    {{0x00, 1, 0, 0, 0x81, 0, 0, 0}, URB_JOB_NONE}, /* of the device */
	    {{0x80, 8, 0, 0, 0, 0, 1, 0}, URB_JOB_NONE},
	    {{0x21, 9, 0, 2, 0, 0, 1, 0}, URB_JOB_NONE},  /* HID SET_REPORT */
	    {{0x21, 11, 0, 0, 0, 0, 0, 0}, URB_JOB_NONE}, /* HID SET_PROTOCOL */
	    {{0x23, 3, 8, 0, 1, 0, 0, 0}, URB_JOB_NONE},  /* PORT_POWER */
	    {{0x23, 3, 4, 1, 1, 0, 0, 0}, URB_JOB_NONE},
	    {{0xa3, 3, 4, 0, 1, 0, 0, 0}, URB_JOB_NONE},
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		CHECK_EQ(desc_job(t[i].setup), t[i].job);
}

static void
a_done_job_changes_endpoints(void)
{
	static const uint8_t set_if[8] = {0x01, 11, 1, 0, 0, 0, 0, 0};
	static const uint8_t set_config[8] = {0x00, 9, 2, 0, 0, 0, 0, 0};
	static const uint8_t clear[8] = {0x02, 1, 0, 0, 0x81, 0, 0, 0};

	CHECK_EQ(desc_parse(&d, sample, sizeof(sample), 1), ERR_OK);
	desc_job_done(&d, clear);
	CHECK_EQ(type_of(0x81), URB_BULK);
	desc_job_done(&d, set_if);
	CHECK_EQ(type_of(0x81), URB_INTERRUPT);
	CHECK_EQ(type_of(0x04), URB_BULK);
	desc_job_done(&d, set_config);
	CHECK_EQ(type_of(0x81), URB_INTERRUPT);
	CHECK_EQ(type_of(0x04), -1);
}

static void
requests_are_judged(void)
{
	enum { ALL = 0xffffffff, SHORT = URB_SHORT_NOT_OK, ZERO = URB_ZERO_PACKET };
	static const struct {
		uint8_t ep;
		uint32_t len;
		uint8_t type, want, flags; /* of setup: bmRequestType, wLength */
		int32_t status;
	} t[] = {
	    {0x81, 512, 0, 0, SHORT, 0},
	    {0x02, 512, 0, 0, ZERO, 0},
	    {0x83, 8, 0, 0, SHORT, 0},
	    {0x82, 8, 0, 0, 0, -LINUX_EPIPE}, /* item 7: the direction counts */
	    {0x01, 8, 0, 0, 0, -LINUX_EPIPE},
	    {0x04, 8, 0, 0, 0, -LINUX_EPIPE}, /* of another alternate */
	    {0x85, 8, 0, 0, URB_ISO_ASAP, 0},
	    {0x91, 8, 0, 0, 0, -LINUX_EPIPE},
	    {0x90, 8, 0x80, 8, 0, -LINUX_EPIPE},
	    {0x80, 18, 0x80, 18, SHORT, 0},
	    {0x80, 18, 0x80, 9, SHORT, 0},
	    {0x80, 18, 0x80, 19, SHORT, -LINUX_EINVAL}, /* item 37 */
	    {0x00, 18, 0x00, 18, 0, 0},
	    {0x00, 18, 0x00, 19, 0, -LINUX_EINVAL},
	    {0x00, 18, 0x00, 17, 0, -LINUX_EINVAL},
	    {0x00, 18, 0x80, 18, 0, -LINUX_EINVAL},
	    {0x80, 18, 0x00, 18, SHORT, -LINUX_EINVAL},
	    {0x00, 0, 0x80, 0, 0, 0}, /* no data stage: usbfs sends it as OUT */
	    {0x80, 0, 0x00, 0, SHORT, 0},
	    {0x00, 1, 0x00, 0, 0, -LINUX_EINVAL},
	};

	CHECK_EQ(desc_parse(&d, sample, sizeof(sample), 1), ERR_OK);
	desc_set_interface(&d, 2, 1);
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		uint8_t setup[8] = {t[i].type, 0, 0, 0, 0, 0, t[i].want, 0};
		uint32_t flags = ALL;
		enum urb_type type;

		CHECK_EQ(desc_admit(&d, t[i].ep, t[i].len, setup, &flags, &type),
			 t[i].status);
		if (t[i].status != -LINUX_EPIPE)
			CHECK_EQ(flags, t[i].flags);
	}
}

static void
control_endpoints_have_both_directions(void)
{
	uint8_t raw[sizeof(sample)], setup[8] = {0xc1, 1, 0, 0, 0, 0, 4, 0};
	enum urb_type type = URB_BULK;
	uint32_t flags = 0;

	memcpy(raw, sample, sizeof(raw));
	raw[C1 + 39] = URB_CONTROL; /* endpoint 2 */
	CHECK_EQ(desc_parse(&d, raw, sizeof(raw), 1), ERR_OK);
	CHECK_EQ(type_of(0x02), URB_CONTROL);
	CHECK_EQ(type_of(0x82), URB_CONTROL);
	CHECK_EQ(desc_admit(&d, 0x82, 4, setup, &flags, &type), 0);
	CHECK_EQ(type, URB_CONTROL);
	CHECK_EQ(desc_admit(&d, 0x82, 3, setup, &flags, &type), -LINUX_EINVAL);
}

TEST_MAIN(TEST(endpoints_follow_configuration_and_alternate),
	  TEST(fields_are_kept_as_they_stand), TEST(unconfigured_is_fine),
	  TEST(contradictions_are_refused), TEST(every_cut_is_refused),
	  TEST(one_byte_more_is_refused), TEST(too_much_is_refused),
	  TEST(jobs_are_recognised), TEST(a_done_job_changes_endpoints),
	  TEST(requests_are_judged), TEST(control_endpoints_have_both_directions))
