/* SPDX-License-Identifier: ISC */
/* clang-format off */
/* link: usb core */
/* clang-format on */
/*
 * The virtual serial port: a driver on one side, a program on the pty on the
 * other, both played here. Data are compared with a pattern that shows gaps.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "test/usb/vuser.h"

#define IN     0x81
#define OUT    0x02
#define NOTIFY 0x83
#define BYTES  (1 << 20)

static char dir[64], path[96];
static int tty;

static uint8_t
at(size_t i)
{
	return (uint8_t)(i * 31 + i / 256 * 7 + i / 65536);
}

static void
open_tty(void)
{
	tty = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK);
	CHECK(tty >= 0);
}

static void
make(void)
{
	char spec[128];

	strcpy(dir, "/tmp/serial_test.XXXXXX");
	CHECK(mkdtemp(dir) != NULL);
	snprintf(path, sizeof(path), "%s/tty", dir);
	snprintf(spec, sizeof(spec), "serial:%s", path);
	set_up(spec);
	open_tty();
}

static void
drop(void)
{
	struct stat st;

	close(tty);
	tear_down();
	CHECK(lstat(path, &st) != 0 && errno == ENOENT); /* the link is gone */
	CHECK_EQ(rmdir(dir), 0);
}

static bool
quiet(void)
{
	return event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED |
						   EVENT_BASE_COUNT_ACTIVE) == 0;
}

/* What a terminal would change: none of it may be. */
static void
every_byte_both_ways(void)
{
	uint8_t all[256], back[256];
	uint32_t n;

	make();
	for (int i = 0; i < 256; i++)
		all[i] = (uint8_t)i;
	CHECK_EQ(transfer(URB_BULK, OUT, all, 256, &n), 0);
	CHECK_EQ(n, 256);
	CHECK_EQ(read(tty, back, sizeof(back)), 256);
	CHECK(memcmp(all, back, 256) == 0);
	CHECK_EQ(write(tty, all, 256), 256);
	for (size_t got = 0; got < 256; got += n) {
		CHECK_EQ(transfer(URB_BULK, IN, back + got, (uint32_t)(256 - got), &n),
			 0);
		CHECK(n > 0);
	}
	CHECK(memcmp(all, back, 256) == 0);
	CHECK(read(tty, back, 1) == -1 && errno == EAGAIN); /* there was no echo */
	CHECK_EQ(transfer(URB_BULK, OUT, NULL, 0, &n), 0);
	CHECK_EQ(transfer(URB_BULK, IN, NULL, 0, &n), 0);
	drop();
}

/* The program reads late: the driver's urbs wait, the rest of the loop does not. */
static void
slow_reader(void)
{
	static uint8_t data[BYTES], back[8192];
	struct req r[4];
	size_t got = 0;
	ssize_t n;

	make();
	for (size_t i = 0; i < BYTES; i++)
		data[i] = at(i);
	for (int i = 0; i < 4; i++)
		submit(&r[i], URB_BULK, OUT, data + i * (BYTES / 4), BYTES / 4);
	settle();
	CHECK(!r[3].done);
	for (int idle = 0; got < BYTES && idle < 1000000;) {
		n = read(tty, back, sizeof(back));
		for (ssize_t i = 0; i < n; i++)
			if (back[i] != at(got + (size_t)i)) {
				CHECK_EQ(back[i], at(got + (size_t)i));
				break;
			}
		got += n > 0 ? (size_t)n : 0;
		idle = n > 0 ? 0 : idle + 1;
		event_base_loop(base, EVLOOP_NONBLOCK);
	}
	CHECK_EQ(got, BYTES);
	for (int i = 0; i < 4; i++) {
		wait_for(&r[i].done);
		CHECK(r[i].u.status == 0 && r[i].u.actual == BYTES / 4);
	}
	CHECK(quiet());
	drop();
}

/* The driver reads late: the program's writes wait. */
static void
slow_driver(void)
{
	static uint8_t data[BYTES], buf[4096];
	size_t sent = 0, got = 0;
	bool full = false;
	ssize_t n;
	uint32_t in;

	make();
	for (size_t i = 0; i < BYTES; i++)
		data[i] = at(i);
	while (got < BYTES) {
		while (sent < BYTES && (n = write(tty, data + sent, BYTES - sent)) > 0)
			sent += (size_t)n;
		full |= sent < BYTES;
		CHECK_EQ(transfer(URB_BULK, IN, buf, sizeof(buf), &in), 0);
		if (in == 0 || memcmp(buf, data + got, in) != 0) {
			CHECK(!"the next bytes");
			break;
		}
		got += in;
	}
	CHECK(full);
	drop();
}

static void
urbs_wait(void)
{
	uint8_t buf[64];
	struct req r, s;

	make();
	submit(&r, URB_BULK, IN, buf, sizeof(buf));
	settle();
	CHECK(!r.done);
	CHECK_EQ(event_base_get_num_events(base, EVENT_BASE_COUNT_ACTIVE), 0);
	CHECK_EQ(write(tty, "now", 3), 3);
	wait_for(&r.done);
	CHECK(r.u.actual == 3 && memcmp(buf, "now", 3) == 0);

	submit(&r, URB_BULK, IN, buf, sizeof(buf));
	submit(&s, URB_BULK, IN, buf, sizeof(buf));
	settle();
	usb_dev_cancel(dev, &r.u);
	wait_for(&r.done);
	CHECK(r.u.status == -LINUX_ECONNRESET && !s.done);
	CHECK_EQ(write(tty, "x", 1), 1);
	wait_for(&s.done);
	CHECK(s.u.status == 0 && s.u.actual == 1);
	settle();
	CHECK(quiet());
	drop();
}

/* The program goes: the device stays, what is sent waits for the next one. */
static void
hang_up(void)
{
	uint8_t buf[64];
	struct req r;
	uint32_t n;

	make();
	submit(&r, URB_BULK, IN, buf, sizeof(buf));
	settle();
	close(tty);
	settle();
	CHECK(!r.done);
	CHECK_EQ(event_base_get_num_events(base, EVENT_BASE_COUNT_ACTIVE), 0);
	memcpy(buf + 32, "kept", 4);
	CHECK_EQ(transfer(URB_BULK, OUT, buf + 32, 4, &n), 0);
	open_tty();
	CHECK_EQ(read(tty, buf + 32, 4), 4);
	CHECK(memcmp(buf + 32, "kept", 4) == 0);
	CHECK_EQ(write(tty, "back", 4), 4);
	wait_for(&r.done);
	CHECK(r.u.actual == 4 && memcmp(buf, "back", 4) == 0);
	drop();
}

static void
line_coding(void)
{
	static const struct asked asked[] = {
	    {"at first", 0xa121000000000700, 7, 0, 7, "\x80\x25\0\0\0\0\x08"},
	    {"115200 7E2", 0x2120000000000700, 7, 0, 7, "\0\xc2\1\0\2\2\7"},
	    {"is kept", 0xa121000000000700, 7, 0, 7, "\0\xc2\1\0\2\2\7"},
	    {"too short", 0x2120000000000600, 6, -LINUX_EPIPE, 0, "\0\0\0\0\0\0"},
	    {"of interface 1", 0xa121000001000700, 7, -LINUX_EPIPE, 0, ""},
	    {"DTR and RTS", 0x2122030000000000, 0, 0, 0, ""},
	    {"break", 0x2123ffff00000000, 0, -LINUX_EPIPE, 0, ""},
	    {"alternate setting of 1", 0x810a000001000100, 1, 0, 1, "\0"},
	    {"alternate setting of 2", 0x810a000002000100, 1, -LINUX_EPIPE, 0, ""},
	    {"choose it", 0x010b000001000000, 0, 0, 0, ""},
	    {"no rate", 0x2120000000000700, 7, 0, 7, "\0\0\0\0\0\0\x08"},
	};
	struct termios t;

	make();
	ask(asked, ARRAY_LEN(asked));
	CHECK_EQ(tcgetattr(tty, &t), 0);
	CHECK_EQ(cfgetospeed(&t), B115200);
	CHECK((t.c_cflag & CSTOPB) != 0 && (t.c_cflag & CSIZE) == CS8);
	CHECK((t.c_lflag & (ICANON | ECHO | ISIG)) == 0 && (t.c_oflag & OPOST) == 0);
	drop();
}

static void
any_speed(void)
{
	uint8_t odd[7] = {0x39, 0x30, 0, 0, 0, 0, 8}; /* 12345 */
	uint32_t n, t[16] = {0};                      /* struct termios2 of the kernel */

	make();
	CHECK_EQ(control(URB_JOB_NONE, 0x2120000000000700, odd, 7, &n), 0);
	CHECK_EQ(ioctl(tty, 0x802c542a, t), 0); /* TCGETS2 */
	CHECK(t[9] == 12345 && t[10] == 12345); /* in, out */
	drop();
}

static void
says_the_state_once(void)
{
	uint8_t buf[16];
	struct req r;
	uint32_t n;

	make();
	CHECK_EQ(transfer(URB_INTERRUPT, NOTIFY, buf, 4, &n), -LINUX_EOVERFLOW);
	CHECK_EQ(transfer(URB_INTERRUPT, NOTIFY, buf, 16, &n), 0);
	CHECK(n == 10 && memcmp(buf, "\xa1\x20\0\0\0\0\2\0\3\0", 10) == 0);
	submit(&r, URB_INTERRUPT, NOTIFY, buf, 16);
	settle();
	CHECK(!r.done);
	CHECK_EQ(control(URB_JOB_SET_CONFIGURATION, 0x0009010000000000, NULL, 0, &n), 0);
	CHECK(r.done && r.u.status == -LINUX_ESHUTDOWN);
	CHECK_EQ(transfer(URB_INTERRUPT, NOTIFY, buf, 16, &n), 0);
	CHECK_EQ(n, 10);
	drop();
}

static void
what_it_is(void)
{
	make();
	check_descriptors();
	CHECK(dev->info.ifs == 2 && dev->info.cls == 2 &&
	      dev->info.speed == DEVINFO_HIGH);
	CHECK(dev->info.iface[0].cls == 2 && dev->info.iface[0].sub == 2 &&
	      dev->info.iface[0].proto == 1 && dev->info.iface[1].cls == 10);
	CHECK(strcmp(dev->info.serial, "v-1") == 0);
	drop();
}

static void
resets(void)
{
	uint8_t buf[64];
	struct req r, s;
	uint32_t n;

	make();
	submit(&r, URB_BULK, IN, buf, sizeof(buf));
	submit(&s, URB_INTERRUPT, NOTIFY, buf, 16);
	wait_for(&s.done);
	submit(&s, URB_INTERRUPT, NOTIFY, buf, 16);
	CHECK_EQ(control(URB_JOB_SET_INTERFACE, 0x010b000001000000, NULL, 0, &n), 0);
	CHECK(r.done && r.u.status == -LINUX_ESHUTDOWN && !s.done); /* its urbs only */
	CHECK_EQ(control(URB_JOB_NONE, 0x0203000081000000, NULL, 0, &n), 0); /* halt */
	CHECK_EQ(transfer(URB_BULK, IN, buf, 64, &n), -LINUX_EPIPE);
	CHECK_EQ(control(URB_JOB_CLEAR_HALT, 0x0201000081000000, NULL, 0, &n), 0);
	CHECK_EQ(write(tty, "x", 1), 1);
	CHECK_EQ(transfer(URB_BULK, IN, buf, 64, &n), 0);
	CHECK_EQ(control(URB_JOB_RESET, 0, NULL, 0, &n), 0);
	CHECK(s.done);
	drop();
}

static void
closing_and_unplugging(void)
{
	static uint8_t data[1 << 18];
	uint8_t buf[64];
	struct req r, s;

	make();
	submit(&r, URB_BULK, IN, buf, sizeof(buf));
	submit(&s, URB_BULK, OUT, data, sizeof(data));
	settle();
	close_it();
	CHECK(r.done && s.done && s.u.status == -LINUX_ECONNRESET);
	CHECK(s.u.actual > 0 && s.u.actual < sizeof(data));
	CHECK(quiet());
	open_it();
	submit(&r, URB_BULK, IN, buf, sizeof(buf));
	settle();
	usb_bus_remove(&bus, dev);
	wait_for(&closed);
	CHECK(r.done && r.u.status == -LINUX_ESHUTDOWN);
	CHECK(list_empty(&bus.devs));
	close(tty);
	drop_bus();
	CHECK_EQ(rmdir(dir), 0);
}

static void
links(void)
{
	char spec[128];
	int fd;

	strcpy(dir, "/tmp/serial_test.XXXXXX");
	CHECK(mkdtemp(dir) != NULL);
	snprintf(path, sizeof(path), "%s/tty", dir);
	snprintf(spec, sizeof(spec), "serial:%s", path);
	make_bus();
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	close(fd);
	CHECK_EQ(add(spec), ERR_BUSY); /* a file */
	unlink(path);
	CHECK_EQ(symlink("/dev/null", path), 0);
	CHECK_EQ(add(spec), ERR_BUSY); /* somebody's link */
	unlink(path);
	CHECK_EQ(symlink("/dev/pts/99999", path), 0);
	CHECK_EQ(add(spec), ERR_OK); /* left over */
	open_tty();
	close(tty);
	unlink(path);
	CHECK_EQ(symlink("/dev/null", path), 0); /* no longer ours: it stays */
	CHECK_EQ(add("serial:/nowhere/tty"), ERR_IO);
	CHECK_EQ(add("serial"), ERR_OK);
	CHECK_EQ(bus.virtuals, 2);
	drop_bus();
	CHECK_EQ(unlink(path), 0);
	CHECK_EQ(rmdir(dir), 0);
}

TEST_MAIN(TEST(every_byte_both_ways), TEST(slow_reader), TEST(slow_driver),
	  TEST(urbs_wait), TEST(hang_up), TEST(line_coding), TEST(any_speed),
	  TEST(says_the_state_once), TEST(what_it_is), TEST(resets),
	  TEST(closing_and_unplugging), TEST(links))
