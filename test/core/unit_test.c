/* SPDX-License-Identifier: ISC */
/* clang-format off */
/* link: core */
/* clang-format on */
/*
 * A disk that is read ahead: its driver on one side, and on the other what the test
 * makes of the requests. Random runs against a whole disk are test/sim/scsi_test's.
 */
#include "core/after.h"
#include "core/wire.h"
#include "test/core/assisted_disk.h"

/* Two READs: at 0 and 8. What is read ahead begins at 16. */
static unsigned
streaming(void)
{
	known();
	read_by_the_device(0);
	read_by_the_device(NEXT);
	return 12; /* commands were 4, of 3 requests */
}

/* The number of blocks and the first one that request i reads. */
static uint32_t
lba_of(unsigned i)
{
	const uint8_t *p = far[i].cbw + 15;

	return (uint32_t)p[2] << 24 | (uint32_t)p[3] << 16 | (uint32_t)p[4] << 8 | p[5];
}

/* Command of ours that begins with request i goes well, all bytes are this one. */
static void
goes_well(unsigned i, uint8_t byte)
{
	gives(i, 31, 0);
	gives(i + 1, far[i + 1].len, byte);
	csw_of(i + 2, i, 0, 0);
}

/* All commands of ours from this one on, until there are no more. */
static void
all_go_well(unsigned i, uint8_t byte)
{
	for (; i < fars && far[i].len == 31 && far[i].cbw[15] == 0x28; i += 3)
		goes_well(i, byte);
}

/* The driver reads, and gets it without a word to the far end. */
static void
hit(int line, uint32_t lba, uint8_t byte)
{
	uint8_t cdb[16];
	uint32_t c, d, s;

	cdb_read(cdb, lba, NEXT);
	c = command(cdb, true, READ);
	heard(line, c, 0, 31, 0);
	d = submit(IN, READ);
	heard(line, d, 0, READ, byte);
	s = submit(IN, 13);
	heard(line, s, 0, 13, 'U');
}
#define HIT(lba, byte) hit(__LINE__, lba, byte)

/* --- what is read ahead --- */

static void
the_next_is_there(void)
{
	unsigned at = streaming();

	CHECK_EQ(fars, at + 6); /* two more, that the driver did not ask for */
	CHECK_EQ(lba_of(at), 16);
	CHECK_EQ(far[at].after, 0);
	CHECK_EQ(far[at].cbw[22] << 8 | far[at].cbw[23], NEXT);
	CHECK_EQ(far[at + 1].len, READ);
	CHECK_EQ(far[at + 1].after, after_name(OUT, far[at].tag));
	CHECK_EQ(far[at + 2].after, after_name(IN, far[at + 1].tag));
	CHECK_EQ(lba_of(at + 3), 24);
	CHECK_EQ(far[at + 3].after, after_name(IN, far[at + 2].tag));
	for (unsigned i = at; i < at + 6; i++)
		CHECK_EQ(far[i].if_well, i > at);
	goes_well(at, 'a');
	goes_well(at + 3, 'b');
	HIT(16, 'a');
	CHECK_EQ(stats()->hits, 5); /* four went the quick way */
	CHECK_EQ(stats()->saved, 4 * 2 + 3);
	CHECK(fars > at + 6); /* and so on */
	CHECK_EQ(lba_of(at + 6), 32);
	HIT(24, 'b');
	CHECK_EQ(stats()->fallbacks, 0);
	teardown();
}

/* The driver comes before the data. */
static void
it_is_on_its_way(void)
{
	unsigned at = streaming();
	uint8_t cdb[16];
	uint32_t c, d, s;

	cdb_read(cdb, 16, NEXT);
	c = command(cdb, true, READ);
	HEARD(c, 0, 31, 0);
	d = submit(IN, READ);
	CHECK(silent());
	gives(at, 31, 0);
	gives(at + 1, READ, 'a');
	CHECK(silent()); /* nobody knows yet whether they are right */
	csw_of(at + 2, at, 0, 0);
	HEARD(d, 0, READ, 'a');
	s = submit(IN, 13);
	HEARD(s, 0, 13, 'U');
	teardown();
}

/* Endpoints are streams of their own: the end of the command block comes last. */
static void
in_any_order(void)
{
	unsigned at = streaming();
	uint8_t cdb[16];
	uint32_t d;

	cdb_read(cdb, 16, NEXT);
	HEARD(command(cdb, true, READ), 0, 31, 0);
	d = submit(IN, READ);
	gives(at + 1, READ, 'a');
	csw_of(at + 2, at, 0, 0);
	CHECK(silent());
	gives(at, 31, 0);
	HEARD(d, 0, READ, 'a');
	CHECK_EQ(stats()->fallbacks, 0);
	teardown();
}

/* Other lengths than ours, in several urbs, one of which has too much room. */
static void
other_pieces(void)
{
	unsigned at = streaming();
	uint8_t cdb[16];
	uint32_t c, d[3], s;

	goes_well(at, 'a');
	goes_well(at + 3, 'b');
	cdb_read(cdb, 16, 12);
	c = command(cdb, true, 12 * BLOCK);
	HEARD(c, 0, 31, 0);
	d[0] = submit(IN, 10 * BLOCK);
	HEARD(d[0], 0, 10 * BLOCK, 'a');
	d[1] = submit(IN, BLOCK);
	HEARD(d[1], 0, BLOCK, 'b');
	d[2] = submit_flags(IN, 2 * BLOCK, URB_SHORT_NOT_OK);
	HEARD(d[2], -LINUX_EREMOTEIO, BLOCK, 'b');
	s = submit(IN, 512);
	HEARD(s, 0, 13, 'U');
	cdb_read(cdb, 28, 4);
	c = command(cdb, true, 4 * BLOCK);
	HEARD(c, 0, 31, 0);
	d[0] = submit(IN, 4 * BLOCK);
	HEARD(d[0], 0, 4 * BLOCK, 'b');
	s = submit(IN, 5); /* no room for a status */
	HEARD(s, -LINUX_EOVERFLOW, 5, 'U');
	teardown();
}

/* More than is on its way: it is asked for. */
static void
more_than_there_is(void)
{
	unsigned at = streaming();
	uint8_t cdb[16];
	uint32_t c, d;

	cdb_read(cdb, 16, 24);
	c = command(cdb, true, 24 * BLOCK);
	HEARD(c, 0, 31, 0);
	CHECK(fars >= at + 9);
	d = submit(IN, 24 * BLOCK);
	for (unsigned i = at; i < at + 9; i += 3)
		goes_well(i, 'm');
	HEARD(d, 0, 24 * BLOCK, 'm');
	teardown();
}

/* How many commands are sent ahead from a disk and a driver like this. */
static unsigned
ahead_of(uint8_t type, const uint8_t *size, uint32_t first, uint32_t second)
{
	setup();
	now = 1000000;
	disk[0] = type;
	by_the_device(inquiry, disk, 36);
	disk[0] = 0;
	by_the_device(capacity, size, 8);
	read_by_the_device(first);
	read_by_the_device(second);
	return (fars - 12) / 3;
}

static void
who_is_read_ahead(void)
{
	static const uint8_t end[8] = {0, 0, 0, 19, 0, 0, 2, 0},
			     odd[8] = {0, 0, 9, 9, 0, 0, 3, 0},
			     none[8] = {0xff, 0xff, 0xff, 0xff, 0, 0, 2, 0};
	static const struct {
		uint8_t type;
		const uint8_t *size;
		uint32_t first, second;
		unsigned ahead;
	} t[] = {
	    {0, last_block, 0, 8, 2}, {0x80, last_block, 0, 8, 2}, /* the qualifier is
								      another's */
	    {5, last_block, 0, 8, 0},                              /* a CD */
	    {0, last_block, 0, 9, 0},                    /* not behind each other */
	    {0, last_block, 8, 0, 0}, {0, end, 0, 8, 1}, /* to its end */
	    {0, end, 4, 12, 0},       {0, odd, 0, 8, 0},           {0, none, 0, 8, 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		CHECK_EQ(ahead_of(t[i].type, t[i].size, t[i].first, t[i].second),
			 t[i].ahead);
		if (t[i].size == end && t[i].ahead == 1)
			CHECK_EQ(far[13].len, 4 * BLOCK);
		teardown();
	}
}

/* --- what ends it --- */

/* It goes to the device when what is on its way has come back, and the rest is dropped.
 */
static void
another_command(void)
{
	static const uint8_t ready[16] = {0}, sync[16] = {0x35};
	const uint8_t *const cdbs[] = {ready, sync};

	for (size_t i = 0; i < ARRAY_LEN(cdbs); i++) {
		unsigned at = streaming();
		unsigned last;
		uint32_t c, s;

		goes_well(at, 'a');
		c = command(cdbs[i], false, 0);
		CHECK(silent());
		CHECK_EQ(unlinks, 0); /* a command is never cut in two */
		s = submit(IN, 13);
		last = fars;
		all_go_well(at + 3, 'b');
		at = last;
		HEARD(c, 0, 31, 0);
		CHECK_EQ(fars, at + 2);
		gives(at, 31, 0);
		csw_of(at + 1, at, 0, 0);
		HEARD(s, 0, 13, 'U');
		at = fars;
		read_by_the_device(16);
		CHECK_EQ(fars, at + 3);
		teardown();
	}
}

/* A READ of something else: what is here stays. */
static void
another_read(void)
{
	unsigned at = streaming();

	all_go_well(at, 'a');
	read_by_the_device(1000);
	HIT(16, 'a');
	HIT(24, 'a');
	teardown();
}

/* It fails, as when the medium is another: what is here is of the old one. */
static void
another_medium(void)
{
	static const uint8_t ready[16] = {0};

	for (unsigned reads = 0; reads < 2; reads++) {
		unsigned at = streaming();
		uint8_t cdb[16];
		uint32_t d, s;

		all_go_well(at, 'a');
		at = fars;
		cdb_read(cdb, 1000, NEXT);
		HEARD(command(reads ? cdb : ready, reads, reads ? READ : 0), 0, 31, 0);
		gives(at, 31, 0);
		if (reads) {
			d = submit(IN, READ);
			gives(at + 1, 0, 0);
			HEARD(d, 0, 0, 0);
		}
		s = submit(IN, 13);
		csw_of(fars - 1, at, reads ? READ : 0, 1);
		HEARD_CSW(s, tag, reads ? READ : 0, 1);
		at = fars;
		read_by_the_device(16);
		CHECK_EQ(lba_of(at), 16);
		CHECK_EQ(fars, at + 3);
		teardown();
	}
}

/* Several who read, each behind itself: the first has it, until it stays away. */
static void
two_who_read(void)
{
	unsigned at;
	uint32_t i;

	known();
	for (i = 0; i < 2; i++) {
		read_by_the_device(i * NEXT);
		if (i == 0)
			read_by_the_device(1000);
	}
	at = 15;
	CHECK_EQ(fars, at + 6);
	CHECK_EQ(lba_of(at), 16);
	all_go_well(at, 'a');
	read_by_the_device(1008);
	at = fars;
	HIT(16, 'a');
	all_go_well(at, 'a');
	read_by_the_device(1016);
	at = fars;
	HIT(24, 'a');
	all_go_well(at, 'a');
	now += 2000000;
	at = fars;
	read_by_the_device(1024);
	CHECK_EQ(lba_of(at + 3), 1032);
	teardown();
}

static void
too_old(void)
{
	static const struct {
		uint64_t us;
		bool hit;
	} t[] = {{999999, true}, {1000000, false}};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		unsigned at = streaming();
		uint8_t cdb[16];

		all_go_well(at, 'a');
		now += t[i].us;
		at = fars;
		cdb_read(cdb, 16, NEXT);
		HEARD(command(cdb, true, READ), 0, 31, 0);
		if (t[i].hit) {
			uint32_t d = submit(IN, READ);

			HEARD(d, 0, READ, 'a');
		} else {
			CHECK_EQ(lba_of(at), 16);
		}
		teardown();
	}
}

/* --- what goes wrong --- */

/* Reads of ours fail: sense is asked for, and what only we have seen is the driver's. */
static void
sense_of(unsigned at, uint8_t code, uint8_t key)
{
	uint8_t sense[18] = {code, 0, key, 0, 0, 0, 0, 10};

	gives(at, 31, 0);
	gives(at + 1, 0, 0);
	csw_of(at + 2, at, READ, 1);
	for (unsigned i = at + 3; i < at + 6; i++)
		comes_back(i); /* they did not see the device */
	CHECK_EQ(fars, at + 9);
	CHECK_EQ(far[at + 6].cbw[15], 3);
	gives(at + 6, 31, 0);
	gives_bytes(at + 7, sense, 18);
	csw_of(at + 8, at + 6, 0, 0);
	CHECK(silent());
	CHECK_EQ(stats()->fallbacks, 1);
}

static void
a_bad_block_ahead(void)
{
	static const uint8_t ready[16] = {0};
	unsigned at = streaming();
	uint32_t c, s;

	sense_of(at, 0x70, 3);
	at = fars;
	c = command(ready, false, 0); /* has nothing to do with it */
	HEARD(c, 0, 31, 0);
	s = submit(IN, 13);
	gives(at, 31, 0);
	csw_of(at + 1, at, 0, 0);
	HEARD(s, 0, 13, 'U');
	teardown();
}

/* The driver waits for it: the device says it once more. */
static void
a_bad_block(void)
{
	uint8_t sense[18] = {0x70, 0, 3, 0, 0, 0, 0, 10}, cdb[16];
	unsigned at = streaming();
	uint32_t d, s;

	cdb_read(cdb, 16, NEXT);
	HEARD(command(cdb, true, READ), 0, 31, 0);
	d = submit(IN, READ);
	gives(at, 31, 0);
	gives(at + 1, READ, 'x');
	csw_of(at + 2, at, READ, 1);
	for (unsigned i = at + 3; i < at + 6; i++)
		comes_back(i);
	gives(at + 6, 31, 0);
	gives_bytes(at + 7, sense, 18);
	csw_of(at + 8, at + 6, 0, 0);
	CHECK(silent());
	at += 9;
	CHECK_EQ(fars, at + 3);
	CHECK_EQ(lba_of(at), 16);
	CHECK_EQ(far[at + 1].len, READ);
	gives(at, 31, 0);
	gives(at + 1, 512, 'y');
	HEARD(d, 0, 512, 'y');
	csw_of(at + 2, at, READ - 512, 1);
	s = submit(IN, 13);
	HEARD(s, 0, 13, 'U');
	teardown();
}

/* A command says CHECK CONDITION and REQUEST SENSE why, and nothing goes to the device.
 */
static void
keeps_sense(uint8_t code, uint8_t key, bool in, uint32_t len)
{
	static const uint8_t write[16] = {0x2a}, ask[16] = {3, 0, 0, 0, 18};
	static const uint8_t bytes[512];
	unsigned at = streaming();
	uint8_t cdb[16];
	uint32_t c, d, s;

	sense_of(at, code, key);
	at = fars;
	cdb_read(cdb, 500, 1);
	c = command(in ? cdb : write, in, len);
	HEARD(c, 0, 31, 0);
	if (len > 0 && in) {
		d = submit(IN, len);
		HEARD(d, 0, 0, 0);
	} else if (len > 0) {
		d = send_bytes(OUT, bytes, len);
		HEARD(d, 0, len, 0);
	}
	s = submit(IN, 13);
	HEARD_CSW(s, tag, len, 1);
	c = command(ask, true, 18);
	HEARD(c, 0, 31, 0);
	d = submit(IN, 18);
	HEARD(d, 0, 18, code);
	s = submit(IN, 13);
	HEARD_CSW(s, tag, 0, 0);
	CHECK_EQ(fars, at);
	read_by_the_device(0);
	CHECK_EQ(fars, at + 3);
	teardown();
}

static void
what_is_said_once(void)
{
	keeps_sense(0x70, 6, true, 512);
	keeps_sense(0x70, 6, false, 512);
	keeps_sense(0x70, 6, false, 0);
	keeps_sense(0x71, 3, false, 512); /* a write that failed long ago */
}

/* Whom it is not for, whom it is for, and until when. */
static void
sense_is_patient(void)
{
	static const uint8_t ready[16] = {0}, ask[16] = {3, 0, 0, 0, 8};
	unsigned at = streaming();
	uint32_t c, s, d;

	sense_of(at, 0x70, 6);
	by_the_device(inquiry, disk, 36);
	c = command(ask, true, 8);
	HEARD(c, 0, 31, 0);
	d = submit(IN, 8); /* as much as it asks for */
	HEARD(d, 0, 8, 0x70);
	s = submit(IN, 13);
	HEARD_CSW(s, tag, 0, 0);
	teardown();

	at = streaming();
	sense_of(at, 0x70, 6);
	c = command(ready, false, 0);
	HEARD(c, 0, 31, 0);
	s = submit(IN, 13);
	HEARD_CSW(s, tag, 0, 1);
	at = fars;
	c = command(ready, false, 0); /* it does not want to know */
	HEARD(c, 0, 31, 0);
	s = submit(IN, 13);
	CHECK_EQ(fars, at + 2);
	gives(at, 31, 0);
	csw_of(at + 1, at, 0, 0);
	HEARD_CSW(s, tag, 0, 0);
	teardown();
}

/* It comes while the driver waits for data. */
static void
attention_while_it_waits(void)
{
	uint8_t sense[18] = {0x70, 0, 6, 0, 0, 0, 0, 10}, cdb[16];
	unsigned at = streaming();
	uint32_t d, s;

	cdb_read(cdb, 16, NEXT);
	HEARD(command(cdb, true, READ), 0, 31, 0);
	d = submit(IN, READ);
	gives(at, 31, 0);
	fails(at + 1, -LINUX_EPIPE);
	for (unsigned i = at + 2; i < at + 6; i++)
		comes_back(i);
	CHECK_EQ(fars, at + 7);
	CHECK(memcmp(far[at + 6].setup, "\x02\x01\0\0\x81\0\0\0", 8) == 0);
	gives(at + 6, 0, 0);
	csw_of(at + 7, at, READ, 1);
	gives(at + 8, 31, 0);
	gives_bytes(at + 9, sense, 18);
	csw_of(at + 10, at + 8, 0, 0);
	HEARD(d, 0, 0, 0);
	s = submit(IN, 13);
	HEARD_CSW(s, tag, READ, 1);
	CHECK_EQ(fars, at + 11);
	teardown();
}

/* A command while it is mended: what is to be mended is not forgotten with the rest. */
static void
a_command_meanwhile(void)
{
	static const uint8_t ready[16] = {0};
	uint8_t sense[18] = {0x70, 0, 3, 0, 0, 0, 0, 10};
	unsigned at = streaming();
	uint32_t c, s;

	gives(at, 31, 0);
	fails(at + 1, -LINUX_EPIPE);
	for (unsigned i = at + 2; i < at + 6; i++)
		comes_back(i);
	c = command(ready, false, 0);
	CHECK(silent());
	gives(at + 6, 0, 0);
	csw_of(at + 7, at, READ, 1);
	gives(at + 8, 31, 0);
	gives_bytes(at + 9, sense, 18);
	csw_of(at + 10, at + 8, 0, 0);
	HEARD(c, 0, 31, 0);
	s = submit(IN, 13);
	CHECK_EQ(fars, at + 13);
	gives(at + 11, 31, 0);
	csw_of(at + 12, at + 11, 0, 0);
	HEARD(s, 0, 13, 'U');
	teardown();
}

/* What cannot be mended: the driver resets the device, and all is well. */
static void
beyond_mending(void)
{
	for (unsigned i = 0; i < 5; i++) {
		unsigned at = streaming(), n;
		uint8_t cdb[16];
		uint32_t c;

		if (i == 0) {
			fails(at, -LINUX_EPIPE);
		} else {
			gives(at, 31, 0);
			if (i == 1)
				fails(at + 1, -LINUX_EPROTO);
			else
				gives(at + 1, READ, 'd');
		}
		if (i == 2)
			csw_of(at + 2, at + 3, 0, 0); /* another's */
		else if (i == 3)
			csw_of(at + 2, at, 0, 2); /* phase error */
		else if (i == 4)
			fails(at + 2, -LINUX_EPROTO);
		for (n = at + 3 - 2 * (i == 0) - (i == 1); n < at + 6; n++)
			comes_back(n);
		n = fars;
		cdb_read(cdb, 16, NEXT);
		c = command(cdb, true, READ);
		HEARD(c, -LINUX_EPROTO, 0, 0);
		c = control(0x21, 0xff, 0, 0, 0);
		CHECK_EQ(fars, n + 1);
		gives(n, 0, 0);
		HEARD(c, 0, 0, 0);
		read_by_the_device(16);
		teardown();
	}
}

/* A device that has less than it was asked for, and is content: nothing to mend. */
static void
less_than_asked(void)
{
	static const struct {
		uint32_t data, residue;
	} t[] = {{512, READ - 512}, {512, 0}, {READ, 512}};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		unsigned at = streaming();

		gives(at, 31, 0);
		gives(at + 1, t[i].data, 'd');
		csw_of(at + 2, at, t[i].residue, 0);
		goes_well(at + 3, 'e'); /* it went on */
		CHECK_EQ(fars, at + 6);
		CHECK_EQ(stats()->fallbacks, 1);
		read_by_the_device(16);
		teardown();
	}
}

/* --- what changes the endpoints --- */

static void
a_reset_in_between(void)
{
	static const uint8_t reset[2] = {0x21, 0xff}, clear[2] = {0x02, 1};

	for (unsigned i = 0; i < 4; i++) {
		unsigned at = streaming();
		const uint8_t *what = i & 1 ? clear : reset;
		uint8_t cdb[16];
		uint32_t c, d = 0;

		gives(at, 31, 0);
		cdb_read(cdb, 16, NEXT);
		if (i & 2) {
			HEARD(command(cdb, true, READ), 0, 31, 0);
			d = submit(IN, READ);
		}
		c = control(what[0], what[1], 0, i & 1 ? IN : 0, 0);
		if (i & 2)
			HEARD(d, -LINUX_EPROTO, 0, 0);
		CHECK_EQ(fars, at + 6);
		CHECK_EQ(unlinks, 5);
		CHECK_EQ(unlinked[0], far[at + 5].tag); /* the youngest first */
		CHECK_EQ(unlinked[4], far[at + 1].tag);
		for (unsigned n = at + 6; n-- > at + 1;)
			comes_back(n);
		CHECK_EQ(fars, at + 7);
		gives(at + 6, 0, 0);
		HEARD(c, 0, 0, 0);
		if (i & 1) { /* nobody knows what the device is at: it has to be reset */
			c = command(cdb, true, READ);
			HEARD(c, -LINUX_EPROTO, 0, 0);
		} else {
			read_by_the_device(16);
		}
		teardown();
	}
}

/* --- the driver changes its mind --- */

static void
taken_back(void)
{
	unsigned at = streaming();
	uint8_t cdb[16];
	uint32_t d, n;

	cdb_read(cdb, 16, NEXT);
	HEARD(command(cdb, true, READ), 0, 31, 0);
	d = submit(IN, READ);
	n = take_back(d);
	HEARD_UNLINK(n, -LINUX_ECONNRESET);
	CHECK_EQ(unlinks, 0);
	n = control(0x21, 0xff, 0, 0, 0);
	CHECK_EQ(unlinks, 6);
	for (unsigned i = at + 6; i-- > at;)
		comes_back(i);
	gives(at + 6, 0, 0);
	HEARD(n, 0, 0, 0);
	read_by_the_device(16);
	teardown();
}

/* --- strangers --- */

static void
impossible_replies(void)
{
	const struct import_reply much = {.actual = READ + 1}, some = {.actual = 14},
				  packets = {.packets = 1},
				  back = {.actual = 1, .unlinked = true};
	unsigned at = streaming();

	CHECK_EQ(says(at + 1, &much, 0), ERR_PROTO);
	CHECK_EQ(says(at + 2, &some, 0), ERR_PROTO);
	CHECK_EQ(says(at, &packets, 0), ERR_PROTO);
	CHECK_EQ(says(at + 1, &back, 0), ERR_PROTO);
	all_go_well(at, 'a');
	teardown();
}

TEST_MAIN(TEST(the_next_is_there), TEST(it_is_on_its_way), TEST(in_any_order),
	  TEST(other_pieces), TEST(more_than_there_is), TEST(who_is_read_ahead),
	  TEST(another_command), TEST(another_read), TEST(another_medium),
	  TEST(two_who_read), TEST(too_old), TEST(a_bad_block_ahead), TEST(a_bad_block),
	  TEST(what_is_said_once), TEST(sense_is_patient), TEST(attention_while_it_waits),
	  TEST(a_command_meanwhile), TEST(beyond_mending), TEST(less_than_asked),
	  TEST(a_reset_in_between), TEST(taken_back), TEST(impossible_replies))
