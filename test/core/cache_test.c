/* SPDX-License-Identifier: ISC */
/* clang-format off */
/* link: core */
/* clang-format on */
/*
 * A disk with a write cache (core/unit_cache, core/unit_relay): its driver on one side,
 * and on the other what the test makes of the requests. Random runs against a whole disk
 * are test/sim/scsi_cache_test's, the pages test/core/modepage_test's.
 */
#include "core/after.h"
#include "core/unit.h"
#include "core/wire.h"
#include "test/core/assisted_disk.h"

static const struct unit_cached *
cached(void)
{
	return assist_cached(assist);
}

static const uint8_t all_modes[16] = {0x1a, 0, 0x3f, 0, 192};
static const uint8_t no_page[4] = {3}, sync10[16] = {0x35}, ready[16] = {0};

/* The kind of disk is known, and there could be a cache. */
static void
attach(void)
{
	setup();
	assist_cache(assist);
	now = 1000000;
	by_the_device(inquiry, disk, 36);
	by_the_device(capacity, last_block, 8);
}

/* Of what the driver asks for so many bytes come, and it gets those. */
static void
modes(const uint8_t cdb[16], uint32_t len, const uint8_t *p, uint32_t n, uint32_t is)
{
	unsigned at = fars;
	uint32_t c = command(cdb, true, len), d, s;

	HEARD(c, 0, 31, 0);
	CHECK_EQ(fars, at + 3);
	CHECK_EQ(far[at + 1].len, 192);
	d = submit(IN, len);
	gives(at, 31, 0);
	gives_bytes(at + 1, p, n);
	CHECK(silent());
	csw_of(at + 2, at, 192 - n, 0);
	HEARD(d, 0, is, is > 4 ? 23 : p[0]);
	s = submit(IN, 13);
	HEARD_CSW(s, tag, len - is, 0);
}

/* The driver was told of a cache. */
static void
told(void)
{
	attach();
	modes(all_modes, 192, no_page, 4, 24);
}

static void
cdb_write(uint8_t cdb[16], uint32_t lba, uint16_t n)
{
	cdb_read(cdb, lba, n);
	cdb[0] = 0x2a;
}

/* Up to the status, which is asked for. */
static uint32_t
write_of(uint32_t lba, uint16_t blocks, uint8_t byte)
{
	static uint8_t data[65536];
	uint32_t len = blocks * BLOCK, c, d;
	uint8_t cdb[16];

	memset(data, byte, len);
	cdb_write(cdb, lba, blocks);
	c = command(cdb, false, len);
	HEARD(c, 0, 31, 0);
	d = send_bytes(OUT, data, len);
	HEARD(d, 0, len, 0);
	return submit(IN, 13);
}

/* It is done at once: requests at, at + 1 and at + 2 are on their way. */
static unsigned
writes(int line, uint32_t lba, uint8_t byte)
{
	unsigned at = fars;
	uint32_t s = write_of(lba, NEXT, byte);

	heard_csw(line, s, tag, 0, 0);
	if (fars != at + 3) {
		printf("# line %d: %u requests\n", line, fars - at);
		test_failed = 1;
	}
	return at;
}
#define WRITES(lba, byte) writes(__LINE__, lba, byte)

/* The disk does the one that begins with request i. */
static void
is_done(unsigned i)
{
	gives(i, 31, 0);
	gives(i + 1, far[i + 1].len, 0);
	csw_of(i + 2, i, 0, 0);
}

/* What the far end does with one that is behind another that failed. */
static void
is_skipped(unsigned i)
{
	for (unsigned k = 0; k < 3; k++)
		comes_back(i + k);
}

/* CHECK CONDITION, and why; the sense is asked for. */
static void
is_failed(unsigned i, uint8_t key, uint8_t asc, unsigned behind)
{
	uint8_t sense[18] = {0x70, 0, key, 0, 0, 0, 0, 10, 0, 0, 0, 0, asc};
	unsigned at = fars;

	gives(i, 31, 0);
	gives(i + 1, far[i + 1].len, 0);
	csw_of(i + 2, i, 0, 1);
	if (behind > 0)
		is_skipped(behind);
	CHECK_EQ(fars, at + 3);
	CHECK_EQ(far[at].cbw[15], 0x03);
	gives(at, 31, 0);
	gives_bytes(at + 1, sense, 18);
	csw_of(at + 2, at, 0, 0);
}

/* A command without data fails from here, with this sense. */
static void
refused(int line, const uint8_t cdb[16], uint8_t key, uint8_t asc)
{
	static const uint8_t ask[16] = {3, 0, 0, 0, 18};
	unsigned at = fars;
	uint32_t c = command(cdb, false, 0), d, s;
	const uint8_t *p;
	size_t n;

	heard(line, c, 0, 31, 0);
	s = submit(IN, 13);
	heard_csw(line, s, tag, 0, 1);
	c = command(ask, true, 18);
	heard(line, c, 0, 31, 0);
	d = submit(IN, 18);
	n = import_output(im, &p);
	if (n != USBIP_HEADER + 18 || p[USBIP_HEADER] != 0x70 ||
	    p[USBIP_HEADER + 2] != key || p[USBIP_HEADER + 12] != asc || fars != at) {
		printf("# line %d: another sense, or none\n", line);
		test_failed = 1;
	}
	import_sent(im, n);
	(void)d;
	s = submit(IN, 13);
	heard_csw(line, s, tag, 0, 0);
}
#define REFUSED(cdb, key, asc) refused(__LINE__, cdb, key, asc)

static void
write_fails(int line)
{
	unsigned at = fars;
	uint32_t s = write_of(0, NEXT, 'x');

	heard_csw(line, s, tag, READ, 1);
	CHECK_EQ(fars, at);
}
#define WRITE_FAILS() write_fails(__LINE__)

/* Without data, by the disk, and it goes well. */
static void
plain(int line, const uint8_t cdb[16])
{
	unsigned at = fars;
	uint32_t c = command(cdb, false, 0), s = submit(IN, 13);

	heard(line, c, 0, 31, 0);
	CHECK_EQ(fars, at + 2);
	gives(at, 31, 0);
	csw_of(at + 1, at, 0, 0);
	heard_csw(line, s, tag, 0, 0);
}
#define PLAIN(cdb) plain(__LINE__, cdb)

/* A WRITE that goes to the disk as it is. */
static bool
goes_plain(void)
{
	static uint8_t data[READ];
	unsigned at = fars;
	uint8_t cdb[16];
	uint32_t c, d, s;

	cdb_write(cdb, 64, NEXT);
	c = command(cdb, false, READ);
	d = send_bytes(OUT, data, READ);
	s = submit(IN, 13);
	HEARD(c, 0, 31, 0);
	HEARD(d, 0, READ, 0);
	if (!silent() || fars != at + 3) {
		is_done(at);
		hear_all();
		return false;
	}
	is_done(at);
	HEARD_CSW(s, tag, 0, 0);
	return true;
}

/* --- 1: it is shown, and used from then on --- */

static void
shown(void)
{
	unsigned at;

	attach();
	CHECK(goes_plain());
	modes(all_modes, 192, no_page, 4, 24);
	at = WRITES(0, 'a');
	CHECK_EQ(cached()->hits, 1);
	CHECK_EQ(cached()->writes, 1);
	CHECK_EQ(cached()->bytes, READ);
	CHECK_EQ(far[at].cbw[15], 0x2a);
	CHECK_EQ(far[at].cbw[12], 0);
	CHECK_EQ(far[at].after, 0);
	CHECK_EQ(far[at + 1].data, 'a');
	CHECK_EQ(far[at + 1].after, after_name(OUT, far[at].tag));
	CHECK_EQ(far[at + 2].after, after_name(OUT, far[at + 1].tag));
	CHECK_EQ(WRITES(8, 'b'), at + 3);
	CHECK_EQ(far[at + 3].after, after_name(IN, far[at + 2].tag));
	for (unsigned i = at; i < at + 6; i++)
		CHECK_EQ(far[i].if_well, i > at);
	is_done(at);
	is_done(at + 3);
	CHECK_EQ(cached()->writes, 0);
	CHECK_EQ(cached()->bytes, 0);
	CHECK_EQ(cached()->lost_writes, 0);
	teardown();
}

/* In other words, or with too few bytes for it. */
static void
shown_or_not(void)
{
	static const uint8_t protected[4] = {3, 0, 0x80};
	static const struct {
		uint8_t cdb[16];
		uint32_t len;
		const uint8_t *page;
		uint32_t is;
		bool shown;
	} t[] = {
	    {{0x1a, 0, 0x3f, 0, 192}, 192, no_page, 24, true},
	    {{0x1a, 0, 8, 0, 192}, 192, no_page, 24, true},
	    {{0x1a, 0, 8, 0, 24}, 24, no_page, 24, true},
	    {{0x1a, 0, 8, 0, 7}, 7, no_page, 7, true},
	    {{0x1a, 0, 8, 0, 6}, 6, no_page, 6, false},
	    {{0x1a, 0, 0x3f, 0, 4}, 4, no_page, 4, false}, /* the header: it says 24 */
	    {{0x1a, 0, 0x48, 0, 192}, 192, no_page, 24, false},
	    {{0x1a, 0, 0x3f, 0, 192}, 192, protected, 4, false},
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		attach();
		if (t[i].is == 4 && t[i].len == 4) {
			static const uint8_t says[4] = {23};
			unsigned at = fars;
			uint32_t c = command(t[i].cdb, true, 4), d;

			HEARD(c, 0, 31, 0);
			d = submit(IN, 4);
			gives(at, 31, 0);
			gives_bytes(at + 1, no_page, 4);
			csw_of(at + 2, at, 188, 0);
			HEARD(d, 0, 4, says[0]);
			HEARD_CSW(submit(IN, 13), tag, 0, 0);
		} else {
			modes(t[i].cdb, t[i].len, t[i].page, 4, t[i].is);
		}
		if (goes_plain() == t[i].shown) {
			printf("# row %zu\n", i);
			CHECK(false);
		}
		teardown();
	}
}

/* How the disk itself takes MODE SENSE. */
static void
disk_without_modes(void)
{
	unsigned at;
	uint32_t d;

	attach();
	at = fars;
	HEARD(command(all_modes, true, 192), 0, 31, 0);
	d = submit(IN, 192);
	gives(at, 31, 0);
	fails(at + 1, -LINUX_EPIPE); /* it stalls, and does not know it */
	comes_back(at + 2);
	CHECK_EQ(far[at + 3].setup[1], 1);
	CHECK_EQ(far[at + 3].setup[4], IN);
	gives(at + 3, 0, 0);
	csw_of(at + 4, at, 192, 1);
	CHECK_EQ(far[at + 5].cbw[15], 3);
	gives(at + 5, 31, 0);
	gives_bytes(at + 6,
		    (const uint8_t[18]){0x70, 0, 5, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x20},
		    18);
	csw_of(at + 7, at + 5, 0, 0);
	HEARD(d, 0, 24, 23);
	HEARD_CSW(submit(IN, 13), tag, 168, 0);
	CHECK(!goes_plain());
	teardown();

	attach(); /* it is not ready: the driver has to hear of that */
	at = fars;
	HEARD(command(all_modes, true, 192), 0, 31, 0);
	d = submit(IN, 192);
	gives(at, 31, 0);
	gives(at + 1, 0, 0);
	csw_of(at + 2, at, 192, 1);
	gives(at + 3, 31, 0);
	gives_bytes(at + 4,
		    (const uint8_t[18]){0x70, 0, 2, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x3a},
		    18);
	csw_of(at + 5, at + 3, 0, 0);
	HEARD(d, 0, 0, 0);
	HEARD_CSW(submit(IN, 13), tag, 192, 1);
	teardown();

	attach(); /* all that it has, and a stall */
	at = fars;
	HEARD(command(all_modes, true, 192), 0, 31, 0);
	d = submit(IN, 192);
	gives(at, 31, 0);
	{
		const struct import_reply r = {.status = -LINUX_EPIPE, .actual = 4};

		CHECK_EQ(says(at + 1, &r, 0), ERR_OK);
	}
	comes_back(at + 2);
	gives(at + 3, 0, 0);
	csw_of(at + 4, at, 188, 0);
	hear_all();
	HEARD_CSW(submit(IN, 13), tag, 192 - 4, 0);
	(void)d;
	teardown();
}

/* A CD, one whose size is not known, one that the driver sends other modes, none at all.
 */
static void
not_for_all(void)
{
	static const uint8_t select[16] = {0x15};

	setup();
	assist_cache(assist);
	now = 1;
	disk[0] = 5;
	by_the_device(inquiry, disk, 36);
	disk[0] = 0;
	by_the_device(all_modes, no_page, 4);
	teardown();

	setup();
	assist_cache(assist);
	by_the_device(inquiry, disk, 36);
	modes(all_modes, 192, no_page, 4, 24);
	CHECK(goes_plain());
	teardown();

	told();
	PLAIN(select);
	CHECK(goes_plain());
	by_the_device(all_modes, no_page, 4);
	CHECK(goes_plain());
	teardown();

	fail_at = 0;
	CHECK(setup_off(1u << ASSIST_STORAGE));
	assist_cache(assist);
	CHECK(cached() == NULL);
	teardown();
}

/* --- 2 and 6: what fails is lost, and told --- */

/* The first of two fails, by its status: both are lost. */
static void
latched(void)
{
	static const struct {
		uint8_t key, asc, is_key, is_asc;
	} t[] = {
	    {3, 0x11, 3, 0x11}, {4, 0x44, 4, 0x44}, {7, 0x27, 7, 0x27},
	    {0x0b, 1, 3, 0x0c}, {5, 0x21, 3, 0x0c}, {2, 4, 3, 0x0c},
	};
	static const uint8_t unmap[16] = {0x42};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		unsigned at;

		told();
		at = WRITES(0, 'a');
		(void)WRITES(8, 'b');
		is_failed(at, t[i].key, t[i].asc, at + 3);
		CHECK_EQ(cached()->lost_writes, 2);
		CHECK_EQ(cached()->lost_bytes, 2 * READ);
		CHECK_EQ(cached()->writes, 0);
		REFUSED(sync10, t[i].is_key, t[i].is_asc);
		WRITE_FAILS();
		REFUSED(sync10, t[i].is_key, t[i].is_asc); /* and so on */
		REFUSED(unmap, t[i].is_key, t[i].is_asc);
		if (i == 0) {
			uint8_t cdb[16];

			cdb_read(cdb, 0, NEXT);
			by_the_device(cdb, disk, 36); /* reads go on */
			REFUSED(sync10, t[i].is_key, t[i].is_asc);
			PLAIN(ready);
		}
		teardown();
	}
}

/* The device fails in other ways; it has to be reset after some. */
enum way {
	STALLS,
	STALLS_AND_FAILS,
	PHASE,
	RESIDUE,
	SHORT,
	BLOCK_FAILS,
	NO_STATUS,
	WAYS
};

static void
fail_in(enum way w, unsigned at)
{
	unsigned k = fars;

	if (w == BLOCK_FAILS)
		fails(at, -LINUX_EPROTO);
	else
		gives(at, 31, 0);
	if (w == STALLS || w == STALLS_AND_FAILS)
		fails(at + 1, -LINUX_EPIPE);
	else if (w == BLOCK_FAILS)
		comes_back(at + 1);
	else
		gives(at + 1, w == SHORT ? 512 : READ, 0);
	if (w == PHASE)
		csw_of(at + 2, at, 0, 2);
	else if (w == RESIDUE)
		csw_of(at + 2, at, 512, 0);
	else if (w == NO_STATUS)
		gives(at + 2, 0, 0);
	else
		comes_back(at + 2);
	is_skipped(at + 3);
	if (w != STALLS && w != STALLS_AND_FAILS)
		return;
	CHECK_EQ(fars, k + 1);
	CHECK_EQ(far[k].setup[4], OUT);
	gives(k, 0, 0);
	csw_of(k + 1, at, w == STALLS ? READ : 0, w == STALLS ? 0 : 1);
	if (w == STALLS)
		return;
	gives(k + 2, 31, 0);
	gives_bytes(
	    k + 3, (const uint8_t[18]){0x70, 0, 3, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x0c}, 18);
	csw_of(k + 4, k + 2, 0, 0);
}

static void
other_failures(void)
{
	for (enum way w = 0; w < WAYS; w++) {
		bool resets = w != STALLS && w != STALLS_AND_FAILS && w != RESIDUE;
		unsigned at;
		uint32_t c;

		told();
		at = WRITES(0, 'a');
		(void)WRITES(8, 'b');
		fail_in(w, at);
		CHECK_EQ(cached()->lost_writes, 2);
		if (resets) {
			c = command(ready, false, 0);
			HEARD(c, -LINUX_EPROTO, 0, 0);
			c = control(0x21, 0xff, 0, 0, 0);
			gives(fars - 1, 0, 0);
			HEARD(c, 0, 0, 0);
		}
		if (test_failed)
			printf("# way %u\n", (unsigned)w);
		REFUSED(sync10, 3, 0x0c);
		teardown();
	}
}

/* A unit attention: it was not written, and is sent again, but for another medium. */
static void
attention(void)
{
	unsigned at, again;

	told();
	at = WRITES(0, 'a');
	(void)WRITES(8, 'b');
	is_failed(at, 6, 0x29, at + 3);
	again = at + 9;
	CHECK_EQ(fars, again + 6);
	CHECK_EQ(far[again].cbw[15], 0x2a);
	CHECK_EQ(far[again].after, 0);
	CHECK_EQ(far[again + 1].data, 'a');
	CHECK_EQ(far[again + 4].data, 'b');
	CHECK_EQ(far[again + 3].after, after_name(IN, far[again + 2].tag));
	is_done(again);
	is_done(again + 3);
	CHECK_EQ(cached()->writes, 0);
	CHECK_EQ(cached()->lost_writes, 0);
	REFUSED(ready, 6, 0x29); /* the driver has to know, too */
	PLAIN(ready);
	teardown();

	told();
	at = WRITES(0, 'a');
	for (unsigned i = 0; i < 4; i++) {
		unsigned next = fars + 3;

		is_failed(at, 6, 0x29, 0);
		at = next;
	}
	CHECK_EQ(cached()->lost_writes, 1); /* enough is enough */
	REFUSED(sync10, 3, 0x0c);
	teardown();

	told();
	at = WRITES(0, 'a');
	is_failed(at, 6, 0x28, 0);
	CHECK_EQ(fars, at + 6);
	CHECK_EQ(cached()->lost_writes, 1);
	REFUSED(ready, 6, 0x28);
	WRITE_FAILS();
	teardown();
}

/* --- 3: flushes --- */

static void
flush(void)
{
	static const uint8_t sync16[16] = {0x91};
	const uint8_t *const cdbs[] = {sync10, sync16};

	for (size_t i = 0; i < ARRAY_LEN(cdbs); i++) {
		unsigned at, f;
		uint32_t c, s;

		told();
		at = WRITES(0, 'a');
		(void)WRITES(8, 'b');
		f = fars;
		c = command(cdbs[i], false, 0);
		s = submit(IN, 13);
		is_done(at);
		CHECK(silent());
		CHECK_EQ(fars, f);
		is_done(at + 3);
		HEARD(c, 0, 31, 0);
		CHECK_EQ(fars, f + 2); /* now it is the disk's turn */
		CHECK_EQ(far[f].cbw[15], cdbs[i][0]);
		CHECK_EQ(far[f].cbw[14], cdbs[i][0] < 0x80 ? 10 : 16);
		gives(f, 31, 0);
		CHECK(silent());
		csw_of(f + 1, f, 0, 0);
		HEARD_CSW(s, tag, 0, 0);
		teardown();
	}
}

/* A disk that does not know it, and one that fails. */
static void
flush_fails(void)
{
	static const struct {
		uint8_t key, asc, how;
	} t[] = {{5, 0x20, 0}, {5, 0x24, 1}, {3, 0x0c, 1}, {4, 0, 1}};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		const uint8_t sense[18] = {0x70, 0, t[i].key, 0, 0, 0,       0,
					   10,   0, 0,        0, 0, t[i].asc};
		unsigned f;
		uint32_t c, s;

		told();
		is_done(WRITES(0, 'a'));
		f = fars;
		c = command(sync10, false, 0);
		HEARD(c, 0, 31, 0);
		s = submit(IN, 13);
		gives(f, 31, 0);
		csw_of(f + 1, f, 0, 1);
		gives(f + 2, 31, 0);
		gives_bytes(f + 3, sense, 18);
		csw_of(f + 4, f + 2, 0, 0);
		HEARD_CSW(s, tag, 0, t[i].how);
		if (t[i].how != 0) {
			static const uint8_t ask[16] = {3, 0, 0, 0, 18};
			uint32_t d;

			c = command(ask, true, 18);
			HEARD(c, 0, 31, 0);
			d = submit(IN, 18);
			HEARD(d, 0, 18, 0x70);
			HEARD_CSW(submit(IN, 13), tag, 0, 0);
			CHECK_EQ(fars, f + 5);
		}
		teardown();
	}
}

/* FUA: waits for those before it, and for the disk. */
static void
fua(void)
{
	static uint8_t data[READ];
	unsigned at, f;
	uint8_t cdb[16];
	uint32_t c, d, s;

	told();
	at = WRITES(0, 'a');
	cdb_write(cdb, 8, NEXT);
	cdb[1] = 8;
	c = command(cdb, false, READ);
	CHECK(silent());
	f = fars;
	is_done(at);
	HEARD(c, 0, 31, 0);
	d = send_bytes(OUT, data, READ);
	HEARD(d, 0, READ, 0);
	s = submit(IN, 13);
	CHECK_EQ(fars, f + 3);
	CHECK_EQ(far[f].cbw[16], 8);
	CHECK(silent());
	is_done(f);
	HEARD_CSW(s, tag, 0, 0);
	teardown();
}

/* --- 4: all else waits --- */

static void
others_wait(void)
{
	static const uint8_t cdbs[][16] = {
	    {0x00}, {0x1b, 0, 0, 0, 2}, {0x1e}, {0x2f}, {0x04}, {0x42}, {0x41}, {0x15},
	};

	for (size_t i = 0; i < ARRAY_LEN(cdbs); i++) {
		unsigned at, f;
		uint32_t c, s;

		told();
		at = WRITES(0, 'a');
		f = fars;
		c = command(cdbs[i], false, 0);
		s = submit(IN, 13);
		CHECK(silent());
		CHECK_EQ(fars, f);
		is_done(at);
		HEARD(c, 0, 31, 0);
		CHECK_EQ(fars, f + 2);
		gives(f, 31, 0);
		csw_of(f + 1, f, 0, 0);
		HEARD_CSW(s, tag, 0, 0);
		teardown();
	}
}

/* Also what was read ahead is of before. */
static void
reads_wait(void)
{
	unsigned at, f;
	uint8_t cdb[16];
	uint32_t c, d;

	told();
	read_by_the_device(0);
	read_by_the_device(NEXT);
	f = fars - 6;
	CHECK_EQ(far[f].cbw[15], 0x28);
	(void)write_of(16, NEXT, 'n');
	CHECK(silent()); /* those are at the disk still */
	CHECK_EQ(fars, f + 6);
	for (unsigned i = f; i < f + 6; i += 3) {
		gives(i, 31, 0);
		gives(i + 1, READ, 'o');
		csw_of(i + 2, i, 0, 0);
	}
	at = f + 6;
	CHECK_EQ(fars, at + 3);
	HEARD_CSW(seqnum, tag, 0, 0);
	cdb_read(cdb, 16, NEXT);
	c = command(cdb, true, READ);
	d = submit(IN, READ);
	CHECK(silent());
	CHECK_EQ(fars, at + 3);
	is_done(at);
	HEARD(c, 0, 31, 0);
	CHECK_EQ(far[at + 3].cbw[15], 0x28);
	gives(at + 3, 31, 0);
	gives(at + 4, READ, 'n');
	HEARD(d, 0, READ, 'n');
	teardown();
}

/* And nothing more is read when one has begun: it would wait for that, too. */
static void
no_read_ahead_of_it(void)
{
	uint8_t cdb[16];
	unsigned at;

	told();
	read_by_the_device(0);
	submits = 4; /* no room for what would be read now */
	read_by_the_device(NEXT);
	at = fars;
	cdb_write(cdb, 16, NEXT);
	HEARD(command(cdb, false, READ), 0, 31, 0);
	CHECK_EQ(fars, at);
	teardown();
}

/* What waits when it fails fails as well. */
static void
waits_in_vain(void)
{
	unsigned at;
	uint32_t c, s;

	told();
	at = WRITES(0, 'a');
	c = command(sync10, false, 0);
	s = submit(IN, 13);
	is_failed(at, 3, 0x0c, 0);
	HEARD(c, 0, 31, 0);
	HEARD_CSW(s, tag, 0, 1);
	teardown();
}

/* A driver that does not wait for the end of one command before the next. */
static void
two_that_wait(void)
{
	unsigned at, f;
	uint32_t c[2], s[2];

	told();
	at = WRITES(0, 'a');
	f = fars;
	c[0] = command(sync10, false, 0);
	s[0] = submit(IN, 13);
	c[1] = command(ready, false, 0);
	is_done(at);
	HEARD(c[0], 0, 31, 0);
	CHECK_EQ(fars, f + 2);
	s[1] = submit(IN, 13);
	CHECK(silent());
	gives(f, 31, 0);
	csw_of(f + 1, f, 0, 0);
	HEARD_CSW(s[0], (uint8_t)(tag - 1), 0, 0);
	HEARD(c[1], 0, 31, 0);
	CHECK_EQ(fars, f + 4);
	gives(f + 2, 31, 0);
	csw_of(f + 3, f + 2, 0, 0);
	HEARD_CSW(s[1], tag, 0, 0);
	teardown();
}

static void
taken_back_while_it_waits(void)
{
	unsigned at;
	uint32_t c, u;

	told();
	at = WRITES(0, 'a');
	c = command(ready, false, 0);
	u = take_back(c);
	HEARD_UNLINK(u, -LINUX_ECONNRESET);
	is_done(at);
	CHECK_EQ(fars, at + 3);
	teardown();
}

/* Another unit's write is not of the same row, and what one loses is not the other's. */
static void
another_lun(void)
{
	unsigned at;
	uint32_t s;

	told();
	lun = 1;
	by_the_device(inquiry, disk, 36);
	by_the_device(capacity, last_block, 8);
	CHECK(goes_plain());
	modes(all_modes, 192, no_page, 4, 24);
	lun = 0;
	at = WRITES(0, 'a');
	lun = 1;
	s = write_of(0, NEXT, 'b');
	CHECK(silent());
	CHECK_EQ(fars, at + 3);
	is_failed(at, 3, 0x0c, 0);
	HEARD_CSW(s, tag, 0, 0);
	CHECK_EQ(far[at + 6].cbw[13], 1);
	is_done(at + 6);
	is_done(WRITES(8, 'b'));
	lun = 0;
	WRITE_FAILS();
	teardown();
}

/* --- 5: barriers --- */

static const struct bar {
	uint8_t type, request, value, index;
	bool anew, untold;
} bars[] = {
    {0x21, 0xff, 0, 0, true, false}, /* Bulk-Only Mass Storage Reset */
    {0x02, 1, 0, IN, false, false},  /* CLEAR_HALT */
    {0x02, 1, 0, OUT, false, false}, {0x01, 11, 0, 0, true, true}, /* SET_INTERFACE */
    {0x00, 9, 1, 0, true, true},                                   /* SET_CONFIGURATION */
    {0x23, 3, 4, 1, true, false},                                  /* a reset */
};

static void
barriers(void)
{
	for (size_t i = 0; i < ARRAY_LEN(bars); i++) {
		const struct bar *b = &bars[i];
		unsigned at, k;
		uint32_t c;

		told();
		at = WRITES(0, 'a');
		(void)WRITES(8, 'b');
		k = fars;
		c = control(b->type, b->request, b->value, b->index, 0);
		CHECK_EQ(fars, k);
		CHECK_EQ(unlinks, 0); /* they are done first */
		now += 3999999;
		(void)assist_turn(assist, 0);
		is_done(at);
		CHECK_EQ(fars, k);
		CHECK_EQ(unlinks, 0);
		is_done(at + 3);
		CHECK_EQ(fars, k + 1);
		gives(k, 0, 0);
		HEARD(c, 0, 0, 0);
		CHECK_EQ(cached()->lost_writes, 0);
		if (goes_plain() != b->untold) {
			printf("# row %zu\n", i);
			CHECK(false);
		}
		teardown();
	}
}

/* After 4 s they are taken back, and lost. */
static void
barriers_that_wait_too_long(void)
{
	for (size_t i = 0; i < ARRAY_LEN(bars); i++) {
		const struct bar *b = &bars[i];
		unsigned at, k;
		uint32_t c;

		told();
		at = WRITES(0, 'a');
		gives(at, 31, 0);
		k = fars;
		c = control(b->type, b->request, b->value, b->index, 0);
		now += 4000000;
		(void)assist_turn(assist, 0);
		CHECK_EQ(unlinks, 2);
		CHECK_EQ(unlinked[0], far[at + 2].tag); /* the youngest first */
		CHECK_EQ(fars, k);
		comes_back(at + 2);
		comes_back(at + 1);
		CHECK_EQ(fars, k + 1);
		CHECK_EQ(cached()->lost_writes, 1);
		gives(k, 0, 0);
		HEARD(c, 0, 0, 0);
		if (!b->anew) {
			c = command(ready, false, 0);
			HEARD(c, -LINUX_EPROTO, 0, 0); /* it has to be reset */
		} else {
			REFUSED(sync10, 3, 0x0c);
		}
		teardown();
	}
}

/* A write that is not on its way yet, and a reset: it never is. */
static void
reset_of_half_a_write(void)
{
	uint8_t cdb[16];
	unsigned at;
	uint32_t c;

	told();
	at = fars;
	cdb_write(cdb, 0, NEXT);
	c = command(cdb, false, READ);
	HEARD(c, 0, 31, 0);
	c = control(0x21, 0xff, 0, 0, 0);
	CHECK_EQ(fars, at + 1);
	gives(at, 0, 0);
	HEARD(c, 0, 0, 0);
	CHECK_EQ(cached()->lost_writes, 0);
	CHECK_EQ(cached()->bytes, 0);
	is_done(WRITES(0, 'a'));
	teardown();
}

/* --- 8: bounds --- */

/* 512 KiB at first; as much as goes in a second later. */
static void
window(void)
{
	unsigned at;
	uint32_t s = 0;

	told();
	at = fars;
	for (unsigned i = 0; i < 8; i++) {
		s = write_of(128 * i, 127, 'w');
		HEARD_CSW(s, tag, 0, 0);
	}
	s = write_of(128 * 8, 127, 'w');
	CHECK(silent());
	CHECK_EQ(fars, at + 8 * 3);
	now += 10000; /* quick: 6 MB/s */
	is_done(at);
	HEARD_CSW(s, tag, 0, 0);
	CHECK_EQ(fars, at + 9 * 3);
	for (unsigned i = 1; i < 9; i++)
		is_done(at + 3 * i);
	at = fars;
	for (unsigned i = 0; i < 16; i++) {
		s = write_of(127 * i, 127, 'w');
		HEARD_CSW(s, tag, 0, 0);
	}
	teardown();
}

/* The session takes nothing: the driver's write fails, and is not lost in silence. */
static void
no_room(void)
{
	unsigned at;
	uint32_t s;

	told();
	submit_says = ERR_NOMEM;
	s = write_of(0, NEXT, 'a');
	HEARD(s, -LINUX_EPROTO, 0, 0);
	CHECK_EQ(cached()->writes, 0);
	CHECK_EQ(cached()->lost_writes, 0);
	teardown();

	told();
	at = WRITES(0, 'a');
	submit_says = ERR_NOMEM;
	s = write_of(8, NEXT, 'b');
	CHECK(silent());
	submit_says = ERR_OK;
	is_done(at);
	HEARD_CSW(s, tag, 0, 0);
	CHECK_EQ(fars, at + 6);
	is_done(at + 3);
	teardown();
}

/* The driver resets the disk. */
static void
resets(void)
{
	uint32_t c = control(0x21, 0xff, 0, 0, 0);

	gives(fars - 1, 0, 0);
	HEARD(c, 0, 0, 0);
}

/* A write that is sent in part has failed for its driver, and is lost for nobody. */
static void
half_a_write(void)
{
	for (unsigned part = 1; part < 3; part++)
		for (unsigned others = 0; others < 2; others++) {
			unsigned at, before;
			uint32_t s;

			told();
			before = fars;
			if (others > 0)
				(void)WRITES(8, 'o');
			at = fars;
			submits = 1 + part;
			s = write_of(0, NEXT, 'a');
			CHECK_EQ(fars, at + part);
			CHECK_EQ(cached()->hits, others);
			CHECK_EQ(cached()->writes, others);
			CHECK_EQ(cached()->bytes, others * READ);
			if (others > 0)
				is_done(before);
			gives(at, 31, 0);
			if (part > 1)
				gives(at + 1, READ, 0);
			CHECK_EQ(cached()->lost_writes, 0);
			HEARD(s, -LINUX_EPROTO, 0, 0);
			resets();
			is_done(WRITES(0, 'a'));
			CHECK_EQ(cached()->lost_writes, 0);
			teardown();
		}
}

/* It has waited, and its driver for its status. */
static void
half_a_write_later(void)
{
	unsigned at;
	uint32_t s;

	told();
	at = WRITES(8, 'o');
	submit_says = ERR_NOMEM;
	s = write_of(0, NEXT, 'a');
	CHECK(silent());
	submit_says = ERR_OK;
	submits = 2;
	gives(at, 31, 0);
	CHECK_EQ(fars, at + 4);
	HEARD(s, -LINUX_EPROTO, 0, 0);
	gives(at + 1, READ, 0);
	csw_of(at + 2, at, 0, 0);
	gives(at + 3, 31, 0);
	CHECK_EQ(cached()->lost_writes, 0);
	HEARD(command(ready, false, 0), -LINUX_EPROTO, 0, 0);
	resets();
	is_done(WRITES(0, 'a'));
	teardown();
}

/* Those before it are lost all the same, or begin anew, and it does not. */
static void
half_a_write_behind(void)
{
	for (unsigned again = 0; again < 2; again++) {
		unsigned at;
		uint32_t s;

		told();
		at = WRITES(8, 'o');
		submits = 2;
		s = write_of(0, NEXT, 'a');
		gives(at, 31, 0);
		gives(at + 1, READ, 0);
		csw_of(at + 2, at, 0, 1);
		comes_back(at + 3);
		gives(at + 4, 31, 0);
		gives_bytes(at + 5,
			    (const uint8_t[18]){0x70, 0, again ? 6 : 3, 0, 0, 0, 0, 10, 0,
						0, 0, 0, 0x29},
			    18);
		csw_of(at + 6, at + 4, 0, 0);
		if (again) {
			CHECK_EQ(fars, at + 10);
			is_done(at + 7);
		}
		HEARD(s, -LINUX_EPROTO, 0, 0);
		CHECK_EQ(fars, at + (again ? 10 : 7));
		CHECK_EQ(cached()->lost_writes, !again);
		CHECK_EQ(cached()->lost_bytes, again ? 0 : READ);
		CHECK_EQ(cached()->writes, 0);
		teardown();
	}
}

/* REQUEST SENSE is: the disk has to be reset. */
static void
half_sent(void)
{
	uint32_t c;
	unsigned at;

	told();
	at = WRITES(0, 'a');
	gives(at, 31, 0);
	gives(at + 1, READ, 0);
	submits = 2;
	csw_of(at + 2, at, 0, 1);
	CHECK_EQ(fars, at + 4);
	CHECK_EQ(cached()->lost_writes, 0); /* when that has ended */
	gives(at + 3, 31, 0);
	CHECK_EQ(fars, at + 4);
	CHECK_EQ(cached()->lost_writes, 1);
	c = command(ready, false, 0);
	HEARD(c, -LINUX_EPROTO, 0, 0);
	teardown();
}

/* Whatever cannot be had: nothing is left, and nothing passes that was not done. */
static void
no_memory(void)
{
	for (unsigned i = 1; i < 40; i++) {
		uint8_t cdb[16];
		unsigned at;

		told();
		gets = 0;
		fail_at = i;
		at = fars;
		cdb_write(cdb, 0, NEXT);
		(void)command(cdb, false, READ);
		(void)send_bytes(OUT, (const uint8_t[READ]){'m'}, READ);
		(void)submit(IN, 13);
		(void)command(ready, false, 0);
		(void)submit(IN, 13);
		fail_at = 0;
		if (fars >= at + 3 && far[at].cbw[15] == 0x2a &&
		    far[at + 1].len == READ && far[at + 2].len == 13)
			is_done(at);
		hear_all();
		CHECK_EQ(cached()->writes, 0);
		CHECK_EQ(cached()->lost_writes, 0);
		teardown();
	}
}

TEST_MAIN(TEST(shown), TEST(shown_or_not), TEST(disk_without_modes), TEST(not_for_all),
	  TEST(latched), TEST(other_failures), TEST(attention), TEST(flush),
	  TEST(flush_fails), TEST(fua), TEST(others_wait), TEST(reads_wait),
	  TEST(no_read_ahead_of_it), TEST(waits_in_vain), TEST(two_that_wait),
	  TEST(taken_back_while_it_waits), TEST(another_lun), TEST(barriers),
	  TEST(barriers_that_wait_too_long), TEST(reset_of_half_a_write), TEST(window),
	  TEST(no_room), TEST(half_a_write), TEST(half_a_write_later),
	  TEST(half_a_write_behind), TEST(half_sent), TEST(no_memory))
