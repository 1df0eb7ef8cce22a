/* SPDX-License-Identifier: ISC */
/* link: vhci core */
/*
 * A kernel made of a temporary directory and of write(), which this program has
 * instead of libc's: what is written to `attach` and `detach` there is judged as
 * attach_store() and detach_store() of 6.12 do (USBIP.md 1.1, 1.2).
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/devinfo.h"
#include "core/log.h"
#include "test/test.h"
#include "vhci/status.h"
#include "vhci/vhci.h"

#define HC_PORTS        8
#define CONTROLLERS_MAX 8
#define PORTS           (CONTROLLERS_MAX * 2 * HC_PORTS)

static struct {
	char root[64], sysfs[96], run[96];
	struct vhci_paths paths;
	unsigned controllers;
	bool unready[CONTROLLERS_MAX];  /* status says so */
	bool sleeping[CONTROLLERS_MAX]; /* attach says so, status does not */
	unsigned status[PORTS];
	unsigned races;  /* so many ports are taken just before we write */
	bool super_plus; /* knows speed 6 */
	int denies;      /* errno for everything */
	unsigned writes;
	unsigned port, devid, speed;
	int sock;     /* the kernel's reference */
	bool crossed; /* the port written is not the one it lands at */
	char detached[64];
} k;

static unsigned warnings;

static void
put(const char *dir, const char *name, const char *text)
{
	char path[PATH_MAX];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	if ((f = fopen(path, "w")) == NULL)
		abort();
	fputs(text, f);
	fclose(f);
}

static void
row(FILE *f, unsigned controller, unsigned port)
{
	const char *hub = port % (2 * HC_PORTS) < HC_PORTS ? "hs" : "ss";

	if (k.unready[controller])
		fprintf(f, "%s  %04u %03u 000 00000000 0000000000000000 0-0\n", hub, port,
			VHCI_NOTASSIGNED);
	else if (k.status[port] == VHCI_USED)
		fprintf(f, "%s  %04u %03u %03u %08x %06u %u-1\n", hub, port, VHCI_USED, 3,
			0x20003, 5, controller + 3);
	else
		fprintf(f, "%s  %04u %03u 000 00000000 000000 0-0\n", hub, port,
			k.status[port]);
}

static void
put_status(void)
{
	char path[PATH_MAX], suffix[16] = "";

	for (unsigned c = 0; c < k.controllers; c++) {
		FILE *f;

		if (c > 0)
			snprintf(suffix, sizeof(suffix), ".%u", c);
		snprintf(path, sizeof(path), "%s/vhci_hcd.0/status%s", k.sysfs, suffix);
		if ((f = fopen(path, "w")) == NULL)
			abort();
		fputs("hub port sta spd dev      sockfd local_busid\n", f);
		for (unsigned i = 0; i < 2 * HC_PORTS; i++)
			row(f, c, c * 2 * HC_PORTS + i);
		fclose(f);
	}
}

static void
setup(unsigned controllers)
{
	char dir[128];

	memset(&k, 0, sizeof(k));
	k.sock = -1;
	warnings = 0;
	k.controllers = controllers;
	for (unsigned i = 0; i < PORTS; i++)
		k.status[i] = VHCI_FREE;
	snprintf(k.root, sizeof(k.root), "/tmp/vhci_test.XXXXXX");
	if (mkdtemp(k.root) == NULL)
		abort();
	snprintf(k.sysfs, sizeof(k.sysfs), "%s/platform", k.root);
	snprintf(k.run, sizeof(k.run), "%s/run", k.root);
	k.paths = (struct vhci_paths){.sysfs = k.sysfs, .run = k.run};
	snprintf(dir, sizeof(dir), "%s/vhci_hcd.0", k.sysfs);
	if (mkdir(k.sysfs, 0700) < 0 || (controllers > 0 && mkdir(dir, 0700) < 0))
		abort();
	if (controllers == 0)
		return;
	put(dir, "attach", "");
	put(dir, "detach", "");
	put_status();
}

static int
rm(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void
teardown(void)
{
	if (k.sock >= 0)
		close(k.sock);
	nftw(k.root, rm, 8, FTW_DEPTH | FTW_PHYS);
}

static int
kernel_attach(const char *text)
{
	unsigned port, devid, speed, at;
	int fd, type = 0;
	socklen_t len = sizeof(type);

	k.writes++;
	if (sscanf(text, "%u %d %u %u", &port, &fd, &devid, &speed) != 4)
		return EINVAL;
	if (port >= k.controllers * 2 * HC_PORTS || speed < 1 ||
	    speed > 5u + k.super_plus)
		return EINVAL;
	if (k.unready[port / (2 * HC_PORTS)] || k.sleeping[port / (2 * HC_PORTS)])
		return EAGAIN;
	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0 || type != SOCK_STREAM)
		return EINVAL;
	at = port / (2 * HC_PORTS) * 2 * HC_PORTS + port % HC_PORTS +
	     (speed >= 5 ? HC_PORTS : 0);
	if (k.races > 0) {
		k.races--;
		k.status[at] = VHCI_USED;
	}
	put_status();
	if (k.status[at] != VHCI_FREE)
		return EBUSY;
	k.sock = dup(fd);
	k.crossed = at != port;
	k.port = at;
	k.devid = devid;
	k.speed = speed;
	k.status[at] = VHCI_USED;
	put_status();
	return 0;
}

static int
kernel_detach(const char *text)
{
	unsigned port = (unsigned)atoi(text);

	snprintf(k.detached, sizeof(k.detached), "%s", text);
	if (port >= k.controllers * 2 * HC_PORTS || k.status[port] == VHCI_FREE)
		return EINVAL;
	return 0;
}

static bool
ends_in(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && strcmp(s + n - m, end) == 0;
}

ssize_t
write(int fd, const void *buf, size_t n)
{
	char link[64], path[PATH_MAX] = {0}, text[64] = {0};
	int e;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	if (n >= sizeof(text) || readlink(link, path, sizeof(path) - 1) < 0 ||
	    k.sysfs[0] == '\0' || strncmp(path, k.sysfs, strlen(k.sysfs)) != 0)
		return syscall(SYS_write, fd, buf, n);
	memcpy(text, buf, n);
	e = k.denies                   ? k.denies
	    : ends_in(path, "/attach") ? kernel_attach(text)
				       : kernel_detach(text);
	errno = e;
	return e == 0 ? (ssize_t)n : -1;
}

static void
count_warnings(enum log_level level, const char *fmt, va_list ap)
{
	(void)fmt;
	(void)ap;
	warnings += level == LOG_LEVEL_WARN;
}

static unsigned
open_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n;
}

static char why[256];

static int
attach(uint8_t speed, unsigned *port, int *fd)
{
	const struct vhci_attach a = {
	    .devid = 0x20003, .speed = speed, .peer = "lab", .busid = "1-4.2"};

	why[0] = '\0';
	return vhci_attach(&k.paths, &a, port, fd, why, sizeof(why));
}

/* Attaches and closes again: the port, or a negative error. */
static int
lands(uint8_t speed)
{
	unsigned fds = open_fds(), port = 999;
	int fd = -1, r = attach(speed, &port, &fd);

	if (r == ERR_OK) {
		close(fd);
		close(k.sock);
		k.sock = -1;
		CHECK_EQ(k.port, port);
		CHECK(!k.crossed);
		r = (int)port;
	}
	CHECK_EQ(open_fds(), fds);
	return r;
}

static void
parses_rows(void)
{
	static const struct {
		const char *row;
		bool ok;
		struct vhci_port p;
	} rows[] = {
	    {"hs  0000 004 000 00000000 000000 0-0", true, {0, false, 4, 0, 0, ""}},
	    {"hs  0001 006 003 00020003 000005 1-1",
	     true,
	     {1, false, 6, 3, 0x20003, "1-1"}},
	    {"ss  0015 006 005 ffff0003 000123 12-1.4",
	     true,
	     {15, true, 6, 5, 0xffff0003, "12-1.4"}},
	    {"ss  1024 005 000 00000000 0000000000000000 0-0",
	     true,
	     {1024, true, 5, 0, 0, ""}},
	    {"hs  0001 006 003 00020003 000005 (null)",
	     true,
	     {1, false, 6, 3, 0x20003, ""}},
	    {"hs  0001 006 003 00020003 000005 ../../x",
	     true,
	     {1, false, 6, 3, 0x20003, ""}},
	    {"hs  0001 006 003 00020003 000005", true, {1, false, 6, 3, 0x20003, ""}},
	    {"hub port sta spd dev      sockfd local_busid", false, {0}},
	    {"", false, {0}},
	    {"hs", false, {0}},
	    {"hs  0001 006 003 00020003", false, {0}},
	    {"xs  0001 006 003 00020003 000005 1-1", false, {0}},
	    {"hss 0001 006 003 00020003 000005 1-1", false, {0}},
	    {"hs  x 006 003 00020003 000005 1-1", false, {0}},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct vhci_port *want = &rows[i].p;
		struct vhci_port p;
		bool ok = status_parse(rows[i].row, &p);

		if (ok == rows[i].ok &&
		    (!ok ||
		     (p.port == want->port && p.super == want->super &&
		      p.status == want->status && p.speed == want->speed &&
		      p.devid == want->devid && strcmp(p.busid, want->busid) == 0)))
			continue;
		printf("# %s: busid \"%s\"\n", rows[i].row, p.busid);
		CHECK(0);
	}
}

static void
lists_all_controllers(void)
{
	struct vhci_port p[PORTS];
	unsigned n;

	setup(3);
	k.unready[1] = true;
	k.status[2] = VHCI_USED;
	k.status[39] = VHCI_ERROR;
	put_status();
	CHECK_EQ(vhci_ports(&k.paths, p, PORTS, &n, why, sizeof(why)), ERR_OK);
	CHECK_EQ(n, 48);
	for (unsigned i = 0; i < n; i++) {
		CHECK_EQ(p[i].port, i);
		CHECK_EQ(p[i].super, i % 16 >= 8);
	}
	CHECK_EQ(p[2].status, VHCI_USED);
	CHECK(strcmp(p[2].busid, "3-1") == 0);
	CHECK_EQ(p[16].status, VHCI_NOTASSIGNED);
	CHECK_EQ(p[39].status, VHCI_ERROR);
	CHECK_EQ(p[47].status, VHCI_FREE);
	CHECK_EQ(vhci_ports(&k.paths, p, 47, &n, why, sizeof(why)), ERR_TOOBIG);
	CHECK_EQ(n, 47);
	CHECK_EQ(vhci_port(&k.paths, 2, &p[0]), ERR_OK);
	CHECK_EQ(p[0].devid, 0x20003);
	CHECK_EQ(vhci_port(&k.paths, 47, &p[0]), ERR_OK);
	CHECK_EQ(p[0].port, 47);
	CHECK_EQ(vhci_port(&k.paths, 48, &p[0]), ERR_NODEV);
	teardown();
}

/* What the two ends are like, and that ours alone keeps the device. */
static void
gives_a_socket(void)
{
	unsigned port, fds;
	int fd, size = 0;
	socklen_t len = sizeof(size);
	char c;

	setup(1);
	fds = open_fds();
	CHECK_EQ(attach(DEVINFO_HIGH, &port, &fd), ERR_OK);
	CHECK_EQ(open_fds(), fds + 2); /* ours, and the kernel's reference */
	CHECK_EQ(k.devid, 0x20003);
	CHECK_EQ(k.speed, 3);
	CHECK(fcntl(fd, F_GETFL) & O_NONBLOCK);
	CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	CHECK(!(fcntl(k.sock, F_GETFL) & O_NONBLOCK));
	CHECK_EQ(getsockopt(k.sock, SOL_SOCKET, SO_SNDBUF, &size, &len), 0);
	CHECK(size > 212992); /* the default */
	CHECK_EQ(send(k.sock, "x", 1, 0), 1);
	CHECK_EQ(recv(fd, &c, 1, 0), 1);
	CHECK_EQ(recv(fd, &c, 1, 0), -1);
	CHECK_EQ(errno, EAGAIN);
	close(k.sock); /* the kernel lets go: nobody else holds that end */
	k.sock = -1;
	CHECK_EQ(recv(fd, &c, 1, 0), 0);
	close(fd);
	teardown();
}

/* The kernel takes the first bytes for a header, whatever was agreed on before. */
static void
nothing_is_said_first(void)
{
	unsigned port;
	int fd;
	char c;

	setup(1);
	CHECK_EQ(attach(DEVINFO_HIGH, &port, &fd), ERR_OK);
	CHECK_EQ(recv(k.sock, &c, 1, MSG_DONTWAIT), -1);
	CHECK_EQ(errno, EAGAIN);
	close(fd);
	teardown();
}

static void
chooses_the_hub_by_speed(void)
{
	static const struct {
		uint8_t speed;
		int port;
	} rows[] = {{DEVINFO_LOW, 0},      {DEVINFO_FULL, 1},  {DEVINFO_HIGH, 2},
		    {DEVINFO_WIRELESS, 3}, {DEVINFO_SUPER, 8}, {DEVINFO_SUPER, 9}};

	setup(1);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		CHECK_EQ(lands(rows[i].speed), rows[i].port);
	teardown();
}

/* Only 4 is free: not 5 (not assigned), 6 (used), 7 (error). */
static void
passes_over_ports_that_are_not_free(void)
{
	setup(3);
	k.status[0] = VHCI_NOTASSIGNED;
	k.status[1] = VHCI_USED;
	k.status[2] = VHCI_ERROR;
	put_status();
	CHECK_EQ(lands(DEVINFO_HIGH), 3);
	for (unsigned i = 0; i < 16; i++)
		k.status[i] = VHCI_USED;
	k.unready[1] = true; /* says 5 */
	put_status();
	CHECK_EQ(lands(DEVINFO_HIGH), 32);
	CHECK_EQ(lands(DEVINFO_SUPER), 40);
	CHECK_EQ(k.writes, 3);
	teardown();
}

static void
tries_another_port_when_one_is_taken(void)
{
	setup(2);
	k.races = 3;
	CHECK_EQ(lands(DEVINFO_HIGH), 3);
	CHECK_EQ(k.writes, 4);
	k.races = 6; /* through the end of the first controller: 4..7, 16, 17 */
	CHECK_EQ(lands(DEVINFO_HIGH), 18);
	CHECK_EQ(k.writes, 11);
	k.sleeping[0] = true; /* its SuperSpeed ports look free */
	CHECK_EQ(lands(DEVINFO_SUPER), 24);
	CHECK_EQ(k.writes, 20);
	teardown();
}

static void
gives_up_when_all_are_taken(void)
{
	setup(2);
	k.races = UINT_MAX; /* somebody is always faster */
	CHECK_EQ(lands(DEVINFO_HIGH), ERR_BUSY);
	CHECK_EQ(k.writes, 16);
	CHECK(strstr(why, "16 USB 2 ports") != NULL);
	CHECK_EQ(lands(DEVINFO_HIGH), ERR_BUSY); /* all used: not even tried */
	CHECK_EQ(k.writes, 16);
	k.races = 0;
	k.sleeping[0] = k.sleeping[1] = true;
	CHECK_EQ(lands(DEVINFO_SUPER), ERR_BUSY);
	CHECK_EQ(k.writes, 32);
	teardown();
}

/* All ports of all controllers, and all of them again and again. */
static void
every_port_is_used_and_given_back(void)
{
	setup(3);
	for (int round = 0; round < 10; round++) {
		for (int i = 0; i < 24; i++) {
			CHECK_EQ(lands(DEVINFO_HIGH), i / 8 * 16 + i % 8);
			CHECK_EQ(lands(DEVINFO_SUPER), i / 8 * 16 + i % 8 + 8);
		}
		CHECK_EQ(lands(DEVINFO_HIGH), ERR_BUSY);
		for (unsigned i = 0; i < 48; i++) {
			CHECK_EQ(vhci_detach(&k.paths, i), ERR_OK);
			CHECK_EQ(atoi(k.detached), i);
			k.status[i] = VHCI_FREE;
		}
		put_status();
	}
	teardown();
}

static void
falls_back_to_super_speed(void)
{
	setup(1);
	CHECK_EQ(lands(DEVINFO_SUPER_PLUS), 8);
	CHECK_EQ(k.speed, 5);
	CHECK_EQ(k.writes, 2);
	k.races = 1;
	CHECK_EQ(lands(DEVINFO_SUPER_PLUS), 10);
	CHECK_EQ(k.speed, 5);
	k.super_plus = true;
	CHECK_EQ(lands(DEVINFO_SUPER_PLUS), 11);
	CHECK_EQ(k.speed, 6);
	teardown();
}

static void
says_what_is_lacking(void)
{
	setup(0);
	CHECK_EQ(lands(DEVINFO_HIGH), ERR_LACKING);
	CHECK(strstr(why, "modprobe vhci_hcd") != NULL);
	CHECK_EQ(vhci_detach(&k.paths, 0), ERR_LACKING);
	teardown();
	setup(1);
	k.denies = EACCES;
	CHECK_EQ(lands(DEVINFO_HIGH), ERR_LACKING);
	CHECK(strstr(why, "run as root") != NULL);
	CHECK(strstr(why, "vhci_hcd.0/attach") != NULL);
	CHECK_EQ(vhci_detach(&k.paths, 0), ERR_LACKING);
	k.denies = EINVAL;
	CHECK_EQ(lands(DEVINFO_HIGH), ERR_FAIL);
	CHECK(strstr(why, "0 ") != NULL && strstr(why, "131075 3") != NULL);
	CHECK_EQ(lands(DEVINFO_SUPER_PLUS), ERR_FAIL);
	k.denies = EIO;
	CHECK_EQ(vhci_detach(&k.paths, 0), ERR_FAIL);
	teardown();
}

/* As stock `usbip port` reads it: three words, one space between. */
static bool
stock_reads(unsigned port, char *host, char *serv, char *busid)
{
	char path[PATH_MAX], line[512];

	snprintf(path, sizeof(path), "%s/port%u", k.run, port);
	return status_read(path, line, sizeof(line)) > 0 &&
	       sscanf(line, "%31s %31s %31s\n", host, serv, busid) == 3;
}

static void
notes_for_usbip_port(void)
{
	struct vhci_attach a = {.speed = 3, .peer = "an na\n", .busid = ""};
	char host[32], serv[32], busid[32];
	struct stat st;
	unsigned port;
	int fd;

	setup(1);
	CHECK_EQ(attach(DEVINFO_HIGH, &port, &fd), ERR_OK);
	close(fd);
	CHECK(stat(k.run, &st) == 0 && (st.st_mode & 0777) == 0700);
	CHECK(stock_reads(port, host, serv, busid));
	CHECK(strcmp(host, "lab") == 0 && strcmp(busid, "1-4.2") == 0);
	vhci_forget(&k.paths, port);
	CHECK(!stock_reads(port, host, serv, busid));
	vhci_forget(&k.paths, port);
	close(k.sock);
	CHECK_EQ(vhci_attach(&k.paths, &a, &port, &fd, why, sizeof(why)), ERR_OK);
	close(fd);
	CHECK(stock_reads(port, host, serv, busid));
	CHECK(strcmp(host, "an_na_") == 0 && strcmp(busid, "-") == 0);
	close(k.sock);
	a.peer = a.busid = "a-very-long-name-that-nobody-has-but-strangers";
	CHECK_EQ(vhci_attach(&k.paths, &a, &port, &fd, why, sizeof(why)), ERR_OK);
	close(fd);
	CHECK(stock_reads(port, host, serv, busid));
	CHECK_EQ(strlen(busid), 31);
	CHECK_EQ(warnings, 0);
	teardown();
}

static void
attaches_without_a_note(void)
{
	unsigned port;
	int fd;

	setup(1);
	put(k.root, "run", "a file where the directory should be");
	log_to(count_warnings);
	CHECK_EQ(attach(DEVINFO_HIGH, &port, &fd), ERR_OK);
	log_to(NULL);
	CHECK_EQ(warnings, 1);
	close(fd);
	teardown();
}

static void
detaches(void)
{
	setup(2);
	k.status[17] = VHCI_USED;
	CHECK_EQ(vhci_detach(&k.paths, 17), ERR_OK);
	CHECK(strcmp(k.detached, "17") == 0);
	CHECK_EQ(vhci_detach(&k.paths, 16), ERR_NODEV);
	CHECK_EQ(vhci_detach(&k.paths, 300), ERR_NODEV);
	CHECK(strcmp(k.detached, "300") == 0); /* not cut to 8 bits */
	teardown();
}

static void
sees_configured_devices(void)
{
	char dir[128];

	setup(0);
	snprintf(dir, sizeof(dir), "%s/3-1", k.root);
	CHECK(!vhci_configured(k.root, "3-1"));
	CHECK_EQ(mkdir(dir, 0700), 0);
	CHECK(!vhci_configured(k.root, "3-1"));
	/* reading this would wait for the kernel, which may be waiting for us */
	put(dir, "bConfigurationValue", "1\n");
	CHECK(!vhci_configured(k.root, "3-1"));
	snprintf(dir, sizeof(dir), "%s/3-1/3-1:1.0", k.root);
	CHECK_EQ(mkdir(dir, 0700), 0);
	CHECK(vhci_configured(k.root, "3-1"));
	CHECK(!vhci_configured(k.root, ""));
	CHECK(!vhci_configured(k.root, "3-1/../3-1"));
	teardown();
}

TEST_MAIN(TEST(parses_rows), TEST(lists_all_controllers), TEST(gives_a_socket),
	  TEST(chooses_the_hub_by_speed), TEST(passes_over_ports_that_are_not_free),
	  TEST(tries_another_port_when_one_is_taken), TEST(gives_up_when_all_are_taken),
	  TEST_AS("regress 23: speed 6", falls_back_to_super_speed),
	  TEST_AS("regress 2: handshake bytes into vhci", nothing_is_said_first),
	  TEST_AS("regress 24: hard-coded ports, port leak",
		  every_port_is_used_and_given_back),
	  TEST(says_what_is_lacking), TEST(notes_for_usbip_port),
	  TEST(attaches_without_a_note), TEST(detaches), TEST(sees_configured_devices))
