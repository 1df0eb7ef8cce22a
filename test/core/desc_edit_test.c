/* SPDX-License-Identifier: ISC */
/* link: core */
#include "core/desc.h"
#include "core/desc_edit.h"
#include "test/core/sample.h"
#include "test/test.h"

#define C1  SAMPLE_CONFIG1
#define C2  SAMPLE_CONFIG2
#define MAX 512

/* A descriptor with zeros behind what is given. */
struct part {
	uint8_t len, type, a, b, c, cls, sub, proto;
};

#define DEVICE(configs)                       \
	{                                     \
		18, 1, 0, 0, 0, 0, 0, configs \
	}
#define CONFIG(value, ifs)                   \
	{                                    \
		9, 2, 0, 0, ifs, value, 0, 0 \
	}
#define IFACE(n, alt, ...)                   \
	{                                    \
		9, 4, n, alt, 0, __VA_ARGS__ \
	}
#define BOT 8, 6, 0x50
#define UAS 8, 6, 0x62
#define HID 3, 0, 0
#define ENDPOINT(addr)                    \
	{                                 \
		7, 5, addr, 2, 0, 0, 0, 0 \
	}
#define COMPANION                         \
	{                                 \
		6, 0x30, 0, 0, 0, 0, 0, 0 \
	}
#define PIPE                              \
	{                                 \
		4, 0x24, 1, 0, 0, 0, 0, 0 \
	}
#define CLASS                             \
	{                                 \
		5, 0x24, 0, 0, 0, 0, 0, 0 \
	}
#define IAD(first, count)                       \
	{                                       \
		8, 11, first, count, 2, 2, 1, 0 \
	}

struct made {
	uint8_t raw[MAX];
	size_t n;
};

/* Writes parts down, up to the first of length 0, with their wTotalLength. */
static void
make(struct made *m, const struct part *p)
{
	size_t config = 0;

	memset(m, 0, sizeof(*m));
	for (; p->len != 0; p++) {
		uint8_t *d = m->raw + m->n;

		memcpy(d, p, p->len < sizeof(*p) ? p->len : sizeof(*p));
		if (p->type == 1) {
			d[7] = 0;
			d[17] = p->proto;
		}
		if (p->type == 2)
			config = m->n;
		m->n += p->len;
		if (config != 0) {
			m->raw[config + 2] = (uint8_t)(m->n - config);
			m->raw[config + 3] = (uint8_t)((m->n - config) >> 8);
		}
	}
}

static void
compare(const char *name, const struct made *is, const struct part *should)
{
	static struct desc d;
	struct made want;

	make(&want, should);
	CHECK_EQ(desc_parse(&d, is->raw, is->n, 1), ERR_OK);
	if (is->n == want.n && memcmp(is->raw, want.raw, want.n) == 0)
		return;
	CHECK(!"edited as it should be");
	printf("# %s: %zu bytes, not %zu\n", name, is->n, want.n);
}

/* clang-format off */
static const struct {
	const char *name;
	struct part in[24], out[24];
} uas[] = {
	{"disk with UAS",
	 {DEVICE(1), CONFIG(1, 1), IFACE(0, 0, BOT), ENDPOINT(0x81), COMPANION, ENDPOINT(2),
	  COMPANION, IFACE(0, 1, UAS), ENDPOINT(1), COMPANION, PIPE, ENDPOINT(0x82),
	  COMPANION, PIPE, ENDPOINT(0x83), COMPANION, PIPE, ENDPOINT(4), COMPANION, PIPE},
	 {DEVICE(1), CONFIG(1, 1), IFACE(0, 0, BOT), ENDPOINT(0x81), COMPANION, ENDPOINT(2),
	  COMPANION}},
	{"all of it UAS: what remains would be nothing",
	 {DEVICE(1), CONFIG(1, 1), IFACE(0, 0, UAS), ENDPOINT(1), IFACE(0, 1, UAS)},
	 {DEVICE(1), CONFIG(1, 1), IFACE(0, 0, UAS), ENDPOINT(1), IFACE(0, 1, UAS)}},
	{"setting 0 is UAS: the device is in it",
	 {DEVICE(1), CONFIG(1, 1), IFACE(0, 0, UAS), ENDPOINT(1), IFACE(0, 1, BOT)},
	 {DEVICE(1), CONFIG(1, 1), IFACE(0, 0, UAS), ENDPOINT(1), IFACE(0, 1, BOT)}},
	{"two settings 0, one of them UAS",
	 {DEVICE(1), CONFIG(1, 1), IFACE(0, 0, BOT), IFACE(0, 0, UAS), ENDPOINT(1)},
	 {DEVICE(1), CONFIG(1, 1), IFACE(0, 0, BOT), IFACE(0, 0, UAS), ENDPOINT(1)}},
	{"another interface's setting does not count",
	 {DEVICE(1), CONFIG(1, 2), IFACE(0, 0, BOT), IFACE(1, 1, UAS), ENDPOINT(1)},
	 {DEVICE(1), CONFIG(1, 2), IFACE(0, 0, BOT), IFACE(1, 1, UAS), ENDPOINT(1)}},
	{"nor another configuration's",
	 {DEVICE(2), CONFIG(1, 1), IFACE(0, 0, BOT), CONFIG(2, 1), IFACE(0, 1, UAS)},
	 {DEVICE(2), CONFIG(1, 1), IFACE(0, 0, BOT), CONFIG(2, 1), IFACE(0, 1, UAS)}},
	{"in the middle, before an association, and in both configurations",
	 {DEVICE(2), CONFIG(1, 3), IFACE(0, 0, BOT), ENDPOINT(0x81), IFACE(0, 1, UAS),
	  ENDPOINT(0x81), IAD(1, 2), IFACE(1, 0, 2, 2, 1), CLASS, ENDPOINT(0x83),
	  IFACE(2, 0, 10, 0, 0), CONFIG(2, 1), IFACE(0, 0, BOT), IFACE(0, 1, UAS), PIPE,
	  IFACE(0, 2, HID), ENDPOINT(5)},
	 {DEVICE(2), CONFIG(1, 3), IFACE(0, 0, BOT), ENDPOINT(0x81), IAD(1, 2),
	  IFACE(1, 0, 2, 2, 1), CLASS, ENDPOINT(0x83), IFACE(2, 0, 10, 0, 0), CONFIG(2, 1),
	  IFACE(0, 0, BOT), IFACE(0, 2, HID), ENDPOINT(5)}},
	{"other protocols of mass storage stay",
	 {DEVICE(1), CONFIG(1, 1), IFACE(0, 0, BOT), IFACE(0, 1, 8, 6, 0x63),
	  IFACE(0, 2, 8, 5, 0x62), IFACE(0, 3, 7, 6, 0x62)},
	 {DEVICE(1), CONFIG(1, 1), IFACE(0, 0, BOT), IFACE(0, 1, 8, 6, 0x63),
	  IFACE(0, 2, 8, 5, 0x62), IFACE(0, 3, 7, 6, 0x62)}},
	{"no configuration", {DEVICE(0)}, {DEVICE(0)}},
};

static const struct {
	const char *name;
	uint32_t mask;
	uint8_t config;
	int err;
	struct part in[24], out[24];
} keep[] = {
	{"all of one configuration", UINT32_MAX, 1, ERR_OK,
	 {DEVICE(1), CONFIG(1, 2), IFACE(0, 0, HID), CLASS, ENDPOINT(0x81), IFACE(1, 0, HID)},
	 {DEVICE(1), CONFIG(1, 2), IFACE(0, 0, HID), CLASS, ENDPOINT(0x81), IFACE(1, 0, HID)}},
	{"the first", 1, 1, ERR_OK,
	 {DEVICE(1), CONFIG(1, 2), IFACE(0, 0, HID), CLASS, ENDPOINT(0x81), IFACE(0, 1, HID),
	  ENDPOINT(2), IFACE(1, 0, HID), CLASS, ENDPOINT(0x83), IFACE(1, 1, HID), ENDPOINT(4)},
	 {DEVICE(1), CONFIG(1, 1), IFACE(0, 0, HID), CLASS, ENDPOINT(0x81), IFACE(0, 1, HID),
	  ENDPOINT(2)}},
	{"the second, which keeps its number", 2, 1, ERR_OK,
	 {DEVICE(1), CONFIG(1, 2), IFACE(0, 0, HID), CLASS, ENDPOINT(0x81), IFACE(0, 1, HID),
	  ENDPOINT(2), IFACE(1, 0, HID), CLASS, ENDPOINT(0x83), IFACE(1, 1, HID), ENDPOINT(4)},
	 {DEVICE(1), CONFIG(1, 1), IFACE(1, 0, HID), CLASS, ENDPOINT(0x83), IFACE(1, 1, HID),
	  ENDPOINT(4)}},
	{"the last number there is", 1u << 31, 1, ERR_OK,
	 {DEVICE(1), CONFIG(1, 2), IFACE(0, 0, HID), IFACE(31, 0, HID), ENDPOINT(0x81)},
	 {DEVICE(1), CONFIG(1, 1), IFACE(31, 0, HID), ENDPOINT(0x81)}},
	{"more than there are", 0xf0000001, 1, ERR_OK,
	 {DEVICE(1), CONFIG(1, 2), IFACE(0, 0, HID), IFACE(1, 0, HID)},
	 {DEVICE(1), CONFIG(1, 1), IFACE(0, 0, HID)}},
	{"the second configuration", 1, 2, ERR_OK,
	 {DEVICE(3), CONFIG(1, 1), IFACE(0, 0, HID), CONFIG(2, 2), IFACE(0, 0, BOT),
	  ENDPOINT(0x81), IFACE(1, 0, BOT), CONFIG(3, 1), IFACE(0, 0, UAS)},
	 {DEVICE(1), CONFIG(2, 1), IFACE(0, 0, BOT), ENDPOINT(0x81)}},
	{"associations: whole, shortened at both ends, gone, with a hole", 0x57e, 1, ERR_OK,
	 {DEVICE(1), CONFIG(1, 11), IAD(0, 1), IFACE(0, 0, HID), IAD(1, 2), IFACE(1, 0, HID),
	  IFACE(2, 0, HID), IAD(3, 2), IFACE(3, 0, HID), IFACE(4, 0, HID), IAD(6, 2),
	  IFACE(6, 0, HID), IFACE(7, 0, HID), IAD(8, 3), IFACE(8, 0, HID), IFACE(9, 0, HID),
	  IFACE(10, 0, HID)},
	 {DEVICE(1), CONFIG(1, 7), IAD(1, 2), IFACE(1, 0, HID), IFACE(2, 0, HID), IAD(3, 2),
	  IFACE(3, 0, HID), IFACE(4, 0, HID), IAD(6, 1), IFACE(6, 0, HID), IFACE(8, 0, HID),
	  IFACE(10, 0, HID)}},
	{"an association loses its first", 4, 1, ERR_OK,
	 {DEVICE(1), CONFIG(1, 3), IAD(0, 3), IFACE(0, 0, HID), IFACE(1, 0, HID),
	  IFACE(2, 0, HID)},
	 {DEVICE(1), CONFIG(1, 1), IAD(2, 1), IFACE(2, 0, HID)}},
	{"an association of numbers that are not there", 1, 1, ERR_OK,
	 {DEVICE(1), CONFIG(1, 1), IAD(200, 255), IAD(30, 200), IAD(0, 0), IFACE(0, 0, HID)},
	 {DEVICE(1), CONFIG(1, 1), IFACE(0, 0, HID)}},
	{"an association of 6 bytes is none", 2, 1, ERR_OK,
	 {DEVICE(1), CONFIG(1, 2), IFACE(0, 0, HID), {6, 11, 0, 2, 0, 0, 0, 0}, IFACE(1, 0, HID),
	  {6, 11, 0, 2, 0, 0, 0, 0}},
	 {DEVICE(1), CONFIG(1, 1), IFACE(1, 0, HID), {6, 11, 0, 2, 0, 0, 0, 0}}},
	{"what stands before the first interface stays", 2, 1, ERR_OK,
	 {DEVICE(1), CONFIG(1, 2), CLASS, IFACE(0, 0, HID), CLASS, IFACE(1, 0, HID)},
	 {DEVICE(1), CONFIG(1, 1), CLASS, IFACE(1, 0, HID)}},
	{"nothing of it is there", 4, 1, ERR_NODEV,
	 {DEVICE(1), CONFIG(1, 2), IFACE(0, 0, HID), IFACE(1, 0, HID)},
	 {DEVICE(1), CONFIG(1, 2), IFACE(0, 0, HID), IFACE(1, 0, HID)}},
	{"no such configuration", 1, 2, ERR_NODEV,
	 {DEVICE(1), CONFIG(1, 1), IFACE(0, 0, HID)},
	 {DEVICE(1), CONFIG(1, 1), IFACE(0, 0, HID)}},
	{"no configuration", 1, 0, ERR_NODEV, {DEVICE(0)}, {DEVICE(0)}},
};
/* clang-format on */

static void
uas_is_hidden_where_something_else_is(void)
{
	struct made m;

	for (size_t i = 0; i < ARRAY_LEN(uas); i++) {
		make(&m, uas[i].in);
		CHECK_EQ(desc_hide_uas(m.raw, &m.n), ERR_OK);
		compare(uas[i].name, &m, uas[i].out);
	}
}

static void
interfaces_are_kept(void)
{
	struct made m;

	for (size_t i = 0; i < ARRAY_LEN(keep); i++) {
		make(&m, keep[i].in);
		CHECK_EQ(desc_keep_interfaces(m.raw, &m.n, keep[i].mask, keep[i].config),
			 keep[i].err);
		compare(keep[i].name, &m, keep[i].out);
	}
}

/* The sample has an alternate setting of UAS, and class descriptors. */
static void
the_sample_is_edited(void)
{
	uint8_t raw[sizeof(sample)], want[sizeof(sample)];
	size_t n = sizeof(raw);

	memcpy(raw, sample, n);
	CHECK_EQ(desc_hide_uas(raw, &n), ERR_OK);
	CHECK_EQ(n, sizeof(sample) - 23); /* 9 + 7 + 7 */
	CHECK_EQ(raw[C1 + 2], 110 - 23);
	CHECK(memcmp(raw + n - 27, sample + C2, 27) == 0);
	memcpy(want, raw, n);
	CHECK_EQ(desc_hide_uas(raw, &n), ERR_OK); /* once more: nothing to do */
	CHECK(n == sizeof(sample) - 23 && memcmp(raw, want, n) == 0);
	CHECK_EQ(desc_keep_interfaces(raw, &n, 1u << 2, 1), ERR_OK);
	CHECK_EQ(n, 18 + 9 + 9 + 9 + 7 + 5 + 7);
	CHECK_EQ(raw[17], 1);
	CHECK_EQ(raw[C1 + 4], 1);
}

static void
both_bytes_of_the_length_are_set(void)
{
	static uint8_t raw[18 + 9 + 9 + 235 + 9];
	size_t n = sizeof(raw), at = 18 + 9 + 9;

	memcpy(raw, sample, at);
	raw[17] = 1;
	raw[20] = (uint8_t)(n - 18); /* 262, then 253 */
	raw[21] = 1;
	raw[at] = 235;
	raw[at + 1] = 0x24;
	memcpy(raw + n - 9, (uint8_t[]){9, 4, 1, 0, 0, 3, 0, 0, 0}, 9);
	CHECK_EQ(desc_keep_interfaces(raw, &n, 1, 1), ERR_OK);
	CHECK_EQ(n, sizeof(raw) - 9);
	CHECK_EQ(raw[20] | raw[21] << 8, 253);
}

static void
what_cannot_be_walked_is_left_alone(void)
{
	static const struct {
		const char *name;
		size_t at;
		uint8_t value;
		int err;
	} t[] = {
	    {"device bLength", 0, 17, ERR_PROTO},
	    {"device type", 1, 2, ERR_PROTO},
	    {"config bLength short", C1, 8, ERR_PROTO},
	    {"config bLength over total", C1, 111, ERR_PROTO},
	    {"config type", C1 + 1, 7, ERR_PROTO},
	    {"total over input", C2 + 2, 28, ERR_PROTO},
	    {"total far over input", C2 + 3, 255, ERR_PROTO},
	    {"total under bLength", C2 + 2, 8, ERR_PROTO},
	    {"total cuts a descriptor", C1 + 2, 109, ERR_PROTO},
	    {"total leaves one byte", C2 + 2, 19, ERR_PROTO},
	    {"interface bLength short", C1 + 9, 8, ERR_PROTO},
	    {"interface number 32", C1 + 11, 32, ERR_TOOBIG},
	    {"bLength 0", C1 + 18, 0, ERR_PROTO},
	    {"bLength 1", C1 + 18, 1, ERR_PROTO},
	    {"bLength past the end", C2 + 18, 10, ERR_PROTO},
	};
	uint8_t raw[sizeof(sample)], was[sizeof(sample)];

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		size_t n = sizeof(raw);

		memcpy(raw, sample, n);
		raw[t[i].at] = t[i].value;
		memcpy(was, raw, n);
		if (desc_hide_uas(raw, &n) != t[i].err ||
		    desc_keep_interfaces(raw, &n, 1, 1) != t[i].err)
			printf("# %s\n", t[i].name), CHECK(!"refused as it should be");
		CHECK(n == sizeof(raw) && memcmp(raw, was, n) == 0);
	}
}

static void
every_cut_is_refused(void)
{
	for (size_t n = 0; n < sizeof(sample); n++) {
		uint8_t *raw = malloc(n > 0 ? n : 1); /* its end is guarded by ASan */
		size_t left = n;
		int err = n == C1 || n == C2 ? ERR_OK : ERR_PROTO;

		memcpy(raw, sample, n);
		CHECK_EQ(desc_hide_uas(raw, &left), err);
		CHECK(left == n || err == ERR_OK);
		left = n;
		memcpy(raw, sample, n);
		CHECK_EQ(desc_keep_interfaces(raw, &left, UINT32_MAX, 1),
			 n == C1 ? ERR_NODEV : err);
		free(raw);
	}
}

static void
too_much_is_refused(void)
{
	static uint8_t raw[DEVINFO_RAW + 1];
	size_t n = sizeof(raw);

	memcpy(raw, sample, sizeof(sample));
	CHECK_EQ(desc_hide_uas(raw, &n), ERR_TOOBIG);
	CHECK_EQ(desc_keep_interfaces(raw, &n, 1, 1), ERR_TOOBIG);
	CHECK_EQ(n, sizeof(raw));
}

TEST_MAIN(TEST(uas_is_hidden_where_something_else_is), TEST(interfaces_are_kept),
	  TEST(the_sample_is_edited), TEST(both_bytes_of_the_length_are_set),
	  TEST(what_cannot_be_walked_is_left_alone), TEST(every_cut_is_refused),
	  TEST(too_much_is_refused))
