/* SPDX-License-Identifier: ISC */
/* clang-format off */
/* link: usb core */
/* clang-format on */
/*
 * The virtual keyboard: what it types is read back from its reports with a layout
 * table of our own, written from the letters on a keyboard.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/log.h"
#include "test/usb/vuser.h"
#include "usb/keymap.h"

#define EP 0x81

static char logged[512];
static int lines;

static void
log_it(enum log_level level, const char *fmt, va_list ap)
{
	if (level != LOG_LEVEL_ERROR)
		return;
	lines++;
	vsnprintf(logged, sizeof(logged), fmt, ap);
}

/* The character of a press, as HID Usage Tables 10 has it; 0: none. */
static char
char_of(const uint8_t r[8])
{
	static const char *const row[] = {
	    "1!",   "2@",       "3#",   "4$",   "5%", "6^", "7&", "8*", "9(", "0)",
	    "\n\n", "\033\033", "\b\b", "\t\t", "  ", "-_", "=+", "[{", "]}", "\\|",
	};
	static const char *const rest[] = {";:", "'\"", "`~", ",<", ".>", "/?"};
	bool shift = r[0] == 0x02;

	if (r[2] >= 0x04 && r[2] <= 0x1d)
		return (char)((shift ? 'A' : 'a') + r[2] - 0x04);
	if (r[2] >= 0x1e && r[2] < 0x1e + 20)
		return row[r[2] - 0x1e][shift];
	if (r[2] >= 0x33 && r[2] <= 0x38)
		return rest[r[2] - 0x33][shift];
	return 0;
}

/* Reads n characters, a press and a release each. */
static void
read_text(char *out, size_t n)
{
	static const uint8_t none[8];
	uint8_t r[8];
	uint32_t got;

	for (size_t i = 0; i < n; i++) {
		CHECK_EQ(transfer(URB_INTERRUPT, EP, r, 8, &got), 0);
		CHECK_EQ(got, 8);
		CHECK(r[0] == 0 || r[0] == KEYMAP_SHIFT);
		CHECK(r[1] == 0 && memcmp(r + 3, none, 5) == 0);
		out[i] = char_of(r);
		CHECK_EQ(transfer(URB_INTERRUPT, EP, r, 8, &got), 0);
		CHECK(memcmp(r, none, 8) == 0);
	}
	out[n] = '\0';
}

static void
type(const char *text)
{
	char why[256];

	CHECK_EQ(usb_keyboard_type(dev, text, why, sizeof(why)), ERR_OK);
}

static void
types_every_character(void)
{
	char all[128], back[128];
	size_t n = 0;

	for (int c = 0x20; c < 0x7f; c++)
		all[n++] = (char)c;
	memcpy(all + n, "\n\t\b\033", 5);
	n += 4;
	set_up("keyboard");
	type(all);
	read_text(back, n);
	CHECK(strcmp(all, back) == 0);
	tear_down();
}

static void
equal_characters_are_told_apart(void)
{
	char back[8];

	set_up("keyboard");
	type("aaAA");
	read_text(back, 4);
	CHECK(strcmp(back, "aaAA") == 0);
	tear_down();
}

static void
refuses_what_it_has_not(void)
{
	static const struct {
		const char *text, *named;
	} bad[] = {
	    {"a\xc3\xa4", "\"\xc3\xa4\""},
	    {"\xe2\x82\xac und \xf0\x9f\x92\xbe",
	     "\"\xe2\x82\xac\", \"\xf0\x9f\x92\xbe\""},
	    {"x\ry\x7f", "0x0d, 0x7f"},
	    {"\xc3(", "\"?\""},
	};
	char why[256], many[600], back[4];
	struct req r;
	uint8_t buf[8];

	set_up("keyboard");
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		why[0] = '\0';
		CHECK_EQ(usb_keyboard_type(dev, bad[i].text, why, sizeof(why)),
			 ERR_USAGE);
		CHECK(strstr(why, bad[i].named) != NULL);
	}
	memset(many, 1, sizeof(many) - 1);
	many[sizeof(many) - 1] = '\0';
	CHECK_EQ(usb_keyboard_type(dev, many, why, sizeof(why)), ERR_USAGE);
	CHECK(strstr(why, "0x01, 0x01...") != NULL);
	submit(&r, URB_INTERRUPT, EP, buf, 8); /* and nothing of it is typed */
	settle();
	CHECK(!r.done);
	usb_dev_cancel(dev, &r.u);
	wait_for(&r.done);
	type("ok");
	read_text(back, 2);
	CHECK(strcmp(back, "ok") == 0);
	tear_down();
}

static void
names_with_little_room(void)
{
	char names[16];

	for (size_t cap = 4; cap <= sizeof(names); cap++) {
		memset(names, 'x', sizeof(names));
		CHECK(keymap_refused((const uint8_t *)"\1\2\3\4\5\6", 6, names, cap));
		CHECK(memchr(names, '\0', cap) != NULL);
		CHECK(strcmp(names + strlen(names) - 3, "...") == 0);
	}
	CHECK(!keymap_refused((const uint8_t *)"abc", 3, names, sizeof(names)));
}

static void
queue_has_an_end(void)
{
	static char text[8193], back[8193];
	char why[256];

	set_up("keyboard");
	for (size_t i = 0; i < 8192; i++)
		text[i] = (char)('a' + i % 26);
	type(text);
	CHECK_EQ(usb_keyboard_type(dev, "x", why, sizeof(why)), ERR_FULL);
	CHECK(strstr(why, "8192") != NULL);
	read_text(back, 3);
	type("xyz");
	CHECK_EQ(usb_keyboard_type(dev, "x", why, sizeof(why)), ERR_FULL);
	tear_down();
}

/* A report goes 8 ms after the one before, and only if the driver asked. */
static void
reports_have_their_time(void)
{
	uint8_t buf[4][8];
	struct req r[4];
	struct timeval t0, t1;

	set_up("keyboard");
	type("ab");
	settle();
	for (int i = 0; i < 4; i++)
		submit(&r[i], URB_INTERRUPT, EP, buf[i], 8);
	event_base_gettimeofday_cached(base, &t0);
	settle();
	CHECK(r[0].done && !r[1].done);
	wait_for(&r[3].done);
	event_base_gettimeofday_cached(base, &t1);
	CHECK((t1.tv_sec - t0.tv_sec) * 1000000 + t1.tv_usec - t0.tv_usec >= 23000);
	CHECK(buf[0][2] == 4 && buf[1][2] == 0 && buf[2][2] == 5 && buf[3][2] == 0);
	tear_down();
}

/* Nothing to do: the loop has no timer and no active event. */
static void
idle_is_idle(void)
{
	uint8_t buf[8];
	struct req r;
	char back[4];

	set_up("keyboard");
	submit(&r, URB_INTERRUPT, EP, buf, 8);
	settle();
	CHECK_EQ(event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED |
						     EVENT_BASE_COUNT_ACTIVE),
		 0);
	usb_dev_cancel(dev, &r.u);
	wait_for(&r.done);
	CHECK_EQ(r.u.status, -LINUX_ECONNRESET);
	type("a");
	read_text(back, 1);
	settle();
	CHECK_EQ(event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED |
						     EVENT_BASE_COUNT_ACTIVE),
		 0);
	tear_down();
}

static const struct asked asked[] = {
    {"HID descriptor", 0x8106002100000900, 9, 0, 9, "\x09\x21\x11\1\0\1\x22\x3f\0"},
    {"report descriptor, its start", 0x8106002200000400, 4, 0, 4, "\5\1\x09\6"},
    {"physical descriptor", 0x8106002300000400, 4, -LINUX_EPIPE, 0, ""},
    {"of interface 1", 0x8106002201000400, 4, -LINUX_EPIPE, 0, ""},
    {"input report", 0xa101000100000800, 8, 0, 8, "\0\0\0\0\0\0\0\0"},
    {"feature report", 0xa101000300000800, 8, -LINUX_EPIPE, 0, ""},
    {"LEDs on", 0x2109000200000100, 1, 0, 1, "\3"},
    {"LEDs", 0xa101000200000100, 1, 0, 1, "\3"},
    {"LEDs, two bytes", 0x2109000200000200, 2, -LINUX_EPIPE, 0, "\3\3"},
    {"protocol", 0xa103000000000100, 1, 0, 1, "\1"},
    {"boot protocol", 0x210b000000000000, 0, 0, 0, ""},
    {"is chosen", 0xa103000000000100, 1, 0, 1, "\0"},
    {"protocol 2", 0x210b020000000000, 0, -LINUX_EPIPE, 0, ""},
    {"idle", 0x210a007d00000000, 0, 0, 0, ""},
    {"is set", 0xa102000000000100, 1, 0, 1, "\x7d"},
    {"idle of a report number", 0x210a017d00000000, 0, -LINUX_EPIPE, 0, ""},
    {"alternate setting", 0x810a000000000100, 1, 0, 1, "\0"},
    {"name", 0x800602030904ff00, 255, 0, 34,
     "\x22\3v\0i\0r\0t\0u\0a\0l\0 \0k\0e\0y\0b\0o\0a\0r\0d\0"},
};

static void
endpoint_0(void)
{
	static const struct asked after[] = {
	    {"LEDs", 0xa101000200000100, 1, 0, 1, "\0"},
	    {"protocol", 0xa103000000000100, 1, 0, 1, "\1"},
	    {"idle", 0xa102000000000100, 1, 0, 1, "\0"},
	};
	uint8_t buf[64];
	uint32_t n;

	set_up("keyboard");
	check_descriptors();
	CHECK(dev->info.iface[0].cls == 3 && dev->info.iface[0].sub == 1 &&
	      dev->info.iface[0].proto == 1);
	CHECK(dev->info.ifs == 1 && dev->info.speed == DEVINFO_FULL);
	CHECK_EQ(control(URB_JOB_NONE, 0x8106002200004000, buf, 64, &n), 0);
	CHECK(n == 63 && buf[62] == 0xc0);
	ask(asked, ARRAY_LEN(asked));
	CHECK_EQ(control(URB_JOB_RESET, 0, NULL, 0, &n), 0);
	ask(after, ARRAY_LEN(after));
	tear_down();
}

/* The report is repeated as often as the driver has asked for. */
static void
idle_rate(void)
{
	uint8_t buf[8] = {1};
	struct req r;
	uint32_t n;

	set_up("keyboard");
	CHECK_EQ(control(URB_JOB_NONE, 0x210a000500000000, NULL, 0, &n), 0); /* 20 ms */
	for (int i = 0; i < 3; i++) {
		submit(&r, URB_INTERRUPT, EP, buf, 8);
		if (i > 0) {
			settle();
			CHECK(!r.done);
		}
		wait_for(&r.done);
		CHECK(r.u.status == 0 && buf[0] == 0);
	}
	tear_down();
}

static void
small_buffers(void)
{
	uint8_t buf[64];
	uint32_t n;
	char back[4];

	set_up("keyboard");
	type("a");
	CHECK_EQ(transfer(URB_INTERRUPT, EP, buf, 7, &n), -LINUX_EOVERFLOW);
	read_text(back, 1);
	CHECK(back[0] == 'a');
	tear_down();
}

/* A key that was down when its user went is not down for the next one. */
static void
users_come_and_go(void)
{
	uint8_t buf[8];
	uint32_t n;
	char back[4];

	make_bus();
	CHECK_EQ(add("keyboard"), ERR_OK);
	type("abc");
	open_it();
	CHECK_EQ(transfer(URB_INTERRUPT, EP, buf, 8, &n), 0);
	CHECK_EQ(buf[2], 4);
	close_it();
	open_it();
	read_text(back, 2);
	CHECK(strcmp(back, "bc") == 0);
	tear_down();
}

static char dir[64], fifo[96];

static void
make_fifo(void)
{
	strcpy(dir, "/tmp/keyboard_test.XXXXXX");
	CHECK(mkdtemp(dir) != NULL);
	snprintf(fifo, sizeof(fifo), "%s/keys", dir);
	CHECK_EQ(mkfifo(fifo, 0600), 0);
}

static void
drop_fifo(void)
{
	CHECK_EQ(unlink(fifo), 0);
	CHECK_EQ(rmdir(dir), 0);
}

/* Many writers after one another, characters cut in two, more than the queue. */
static void
types_from_a_fifo(void)
{
	static char text[20001], back[64];
	char spec[128];
	size_t sent = 0;
	ssize_t n;
	int fd, before, after;

	make_fifo();
	snprintf(spec, sizeof(spec), "keyboard:%s", fifo);
	set_up(spec);
	log_to(log_it);
	lines = 0;
	fd = open(fifo, O_WRONLY | O_NONBLOCK);
	CHECK_EQ(write(fd, "a\xe2\x82", 3), 3);
	settle();
	close(fd);
	fd = open(fifo, O_WRONLY | O_NONBLOCK);
	CHECK_EQ(write(fd,
		       "\xac"
		       "b\n",
		       3),
		 3);
	settle();
	read_text(back, 3);
	CHECK(strcmp(back, "ab\n") == 0);
	CHECK_EQ(lines, 1);
	CHECK(strstr(logged, "cannot type \"\xe2\x82\xac\"") != NULL);
	log_to(NULL);
	CHECK_EQ(event_base_get_num_events(base, EVENT_BASE_COUNT_ACTIVE), 0);
	close(fd);

	fd = open(fifo, O_WRONLY | O_NONBLOCK);
	fcntl(fd, F_SETPIPE_SZ, 4096);
	for (size_t i = 0; i < 20000; i++)
		text[i] = (char)('!' + i % 90);
	while ((n = write(fd, text + sent, 20000 - sent)) > 0) {
		sent += (size_t)n;
		settle();
	}
	CHECK(sent >= 8192 && sent < 20000); /* the queue, then the pipe, are full */
	settle();
	CHECK_EQ(event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED |
						     EVENT_BASE_COUNT_ACTIVE),
		 0);
	CHECK_EQ(ioctl(fd, FIONREAD, &before), 0);
	read_text(back, 8); /* makes room for more */
	CHECK(memcmp(text, back, 8) == 0);
	CHECK(ioctl(fd, FIONREAD, &after) == 0 && after < before);
	close(fd);
	tear_down();
	drop_fifo();
}

static void
nothing_of_a_fifo_is_lost(void)
{
	static char text[301], back[301];
	char spec[128];
	int fd;

	make_fifo();
	snprintf(spec, sizeof(spec), "keyboard:%s", fifo);
	set_up(spec);
	for (size_t i = 0; i < 300; i++)
		text[i] = (char)('!' + i % 90);
	fd = open(fifo, O_WRONLY | O_NONBLOCK);
	CHECK_EQ(write(fd, text, 300), 300);
	read_text(back, 300);
	CHECK(memcmp(text, back, 300) == 0);
	close(fd);
	tear_down();
	drop_fifo();
}

static void
types_from_standard_input(void)
{
	char path[] = "/tmp/keyboard_test.XXXXXX", back[8];
	int fd = mkstemp(path), old = dup(0);

	CHECK_EQ(write(fd, "Hi!\xc3", 4), 4); /* ends within a character */
	CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
	CHECK_EQ(dup2(fd, 0), 0);
	set_up("keyboard:-");
	log_to(log_it);
	read_text(back, 3);
	CHECK(strcmp(back, "Hi!") == 0);
	settle();
	log_to(NULL);
	CHECK_EQ(event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED |
						     EVENT_BASE_COUNT_ACTIVE),
		 0);
	tear_down();
	CHECK(lseek(0, 0, SEEK_CUR) >= 0); /* it is still open */
	dup2(old, 0);
	close(old);
	close(fd);
	unlink(path);
}

static void
files_that_will_not_do(void)
{
	make_bus();
	CHECK_EQ(add("keyboard:/nowhere/keys"), ERR_NODEV);
	CHECK_EQ(add("keyboard:/dev/null"), ERR_USAGE);
	CHECK_EQ(add("keyboard:/tmp"), ERR_IO);
	CHECK(list_empty(&bus.devs) && bus.virtuals == 0);
	drop_bus();
}

static void
only_keyboards_type(void)
{
	char why[256];

	make_bus();
	CHECK_EQ(add("loop"), ERR_OK);
	CHECK_EQ(usb_keyboard_type(dev, "x", why, sizeof(why)), ERR_USAGE);
	CHECK(strstr(why, "v-1") != NULL);
	drop_bus();
}

static void
whole_characters(void)
{
	static const struct {
		const char *s;
		size_t whole;
	} t[] = {{"", 0},
		 {"a", 1},
		 {"a\xc3", 1},
		 {"a\xc3\xa4", 3},
		 {"\xe2\x82", 0},
		 {"b\xf0\x9f\x92", 1},
		 {"\xf0\x9f\x92\xbe", 4},
		 {"\x80\x80\x80\x80", 4},
		 {"\xff", 0}};

	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		CHECK_EQ(keymap_whole((const uint8_t *)t[i].s, strlen(t[i].s)),
			 t[i].whole);
}

static void
unplugged(void)
{
	uint8_t buf[8];
	struct req r;

	set_up("keyboard");
	submit(&r, URB_INTERRUPT, EP, buf, 8);
	usb_bus_remove(&bus, dev);
	CHECK(gone);
	wait_for(&closed);
	CHECK(r.done && r.u.status == -LINUX_ESHUTDOWN);
	CHECK(list_empty(&bus.devs));
	drop_bus();
}

TEST_MAIN(TEST(types_every_character), TEST(equal_characters_are_told_apart),
	  TEST(refuses_what_it_has_not), TEST(names_with_little_room),
	  TEST(queue_has_an_end), TEST(reports_have_their_time), TEST(idle_is_idle),
	  TEST(endpoint_0), TEST(idle_rate), TEST(small_buffers), TEST(users_come_and_go),
	  TEST(types_from_a_fifo), TEST(nothing_of_a_fifo_is_lost),
	  TEST(types_from_standard_input), TEST(files_that_will_not_do),
	  TEST(only_keyboards_type), TEST(whole_characters), TEST(unplugged))
