/* SPDX-License-Identifier: ISC */
/* link: usb core */
/*
 * usb/host_scan on a sysfs tree of our own: links as the kernel lays them, and
 * devices that lie.
 */
#include <ftw.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test/test.h"
#include "usb/host.h"

#define HUB  "devices/pci0000:00/0000:00:14.0/usb1"
#define VHCI "devices/platform/vhci_hcd.0/usb3"

static char root[] = "/tmp/host_scan.XXXXXX", at[8192];

static const char *
path(const char *name)
{
	snprintf(at, sizeof(at), "%s/%s", root, name);
	return at;
}

/* mkdir -p of the directory that name lies in. */
static void
parents(const char *name)
{
	char dir[2048];

	snprintf(dir, sizeof(dir), "%s", name);
	for (char *p = dir; (p = strchr(p, '/')) != NULL; *p++ = '/') {
		*p = '\0';
		mkdir(path(dir), 0777);
	}
}

static void
put(const char *name, const void *p, size_t n)
{
	FILE *f;

	parents(name);
	if ((f = fopen(path(name), "w")) == NULL || fwrite(p, 1, n, f) != n)
		abort();
	fclose(f);
}

static void
puts_in(const char *dir, const char *name, const char *s)
{
	char file[2048];

	snprintf(file, sizeof(file), "%s/%s", dir, name);
	put(file, s, strlen(s));
}

static void
link_to(const char *from, const char *to)
{
	char target[8192];

	parents(from);
	snprintf(target, sizeof(target), "%s", path(to));
	if (symlink(target, path(from)) != 0)
		abort();
}

/* A stick with two configurations; the second has two interfaces. */
static const uint8_t stick[] = {
    /* device */ 18,
    1,
    0x00,
    0x02,
    0xef,
    0x02,
    0x01,
    64,
    0x6b,
    0x1d,
    0x04,
    0x01,
    0x23,
    0x05,
    1,
    2,
    3,
    2,
    /* configuration 1: storage */ 9,
    2,
    32,
    0,
    1,
    1,
    0,
    0x80,
    1,
    9,
    4,
    0,
    0,
    2,
    8,
    6,
    0x50,
    0,
    7,
    5,
    0x81,
    2,
    0,
    2,
    0,
    7,
    5,
    0x01,
    2,
    0,
    2,
    0,
    /* configuration 2: vendor, with an alternate setting, and HID */ 9,
    2,
    36,
    0,
    2,
    2,
    0,
    0x80,
    1,
    9,
    4,
    0,
    0,
    0,
    0xff,
    1,
    2,
    0,
    9,
    4,
    0,
    1,
    0,
    0xff,
    9,
    9,
    0,
    9,
    4,
    1,
    0,
    0,
    3,
    1,
    2,
    0};

static void
device(const char *dir, const char *busid, const uint8_t *raw, size_t n)
{
	char link[256], file[512];

	snprintf(link, sizeof(link), "bus/usb/devices/%s", busid);
	puts_in(dir, "busnum", "1\n");
	puts_in(dir, "devnum", "23\n");
	puts_in(dir, "speed", "480\n");
	puts_in(dir, "bConfigurationValue", "2\n");
	puts_in(dir, "manufacturer", "usbp2p tests\n");
	puts_in(dir, "product", "St\x1b[2Jick \xc3\xa4\n");
	snprintf(file, sizeof(file), "%s/descriptors", dir);
	put(file, raw, n);
	link_to(link, dir);
}

static uint8_t got[DEVINFO_RAW];

static int
scan(const char *busid, struct devinfo *in, size_t *len)
{
	uint8_t *raw;
	int r = host_scan(root, busid, in, &raw, len);

	CHECK((r == ERR_OK) == (raw != NULL));
	if (r == ERR_OK)
		memcpy(got, raw, *len);
	free(raw);
	return r;
}

static void
reads_a_device(void)
{
	struct devinfo in;
	size_t len;

	device(HUB "/1-1/1-1.4", "1-1.4", stick, sizeof(stick));
	CHECK_EQ(scan("1-1.4", &in, &len), ERR_OK);
	CHECK_EQ(len, sizeof(stick));
	CHECK(memcmp(got, stick, sizeof(stick)) == 0);
	CHECK(strcmp(in.busid, "1-1.4") == 0);
	CHECK_EQ(in.busnum, 1);
	CHECK_EQ(in.devnum, 23);
	CHECK_EQ(in.speed, DEVINFO_HIGH);
	CHECK_EQ(in.vid, 0x1d6b);
	CHECK_EQ(in.pid, 0x0104);
	CHECK_EQ(in.bcd, 0x0523);
	CHECK_EQ(in.cls, 0xef);
	CHECK_EQ(in.sub, 2);
	CHECK_EQ(in.proto, 1);
	CHECK_EQ(in.config, 2);
	CHECK_EQ(in.configs, 2);
	CHECK_EQ(in.ifs, 2);
	CHECK(in.iface[0].cls == 0xff && in.iface[0].sub == 1 && in.iface[0].proto == 2);
	CHECK(in.iface[1].cls == 3 && in.iface[1].sub == 1 && in.iface[1].proto == 2);
	CHECK(strcmp(in.manufacturer, "usbp2p tests") == 0);
	CHECK(strcmp(in.product, "St?[2Jick \xc3\xa4") == 0);
	CHECK(strcmp(in.serial, "") == 0);
	CHECK_EQ(scan("1-9", &in, &len), ERR_GONE);
}

static void
configurations_and_speeds(void)
{
	static const struct {
		const char *config, *speed;
		int ifs;
		enum devinfo_speed want;
	} t[] = {{"1\n", "1.5\n", 1, DEVINFO_LOW},
		 {"2\n", "12\n", 2, DEVINFO_FULL},
		 {"", "5000\n", 0, DEVINFO_SUPER},
		 {"0\n", "10000\n", 0, DEVINFO_SUPER_PLUS},
		 {"3\n", "20000\n", 0, DEVINFO_SUPER_PLUS},
		 {"x\n", "unknown\n", 0, DEVINFO_FULL},
		 {"256\n", "", 0, DEVINFO_FULL}};
	struct devinfo in;
	size_t len;

	device(HUB "/1-2", "1-2", stick, sizeof(stick));
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		puts_in(HUB "/1-2", "bConfigurationValue", t[i].config);
		puts_in(HUB "/1-2", "speed", t[i].speed);
		CHECK_EQ(scan("1-2", &in, &len), ERR_OK);
		CHECK_EQ(in.ifs, t[i].ifs);
		CHECK_EQ(in.speed, t[i].want);
	}
}

/* Every cut and every byte set to the worst: never more than an error. */
static void
descriptors_that_lie(void)
{
	static uint8_t big[DEVINFO_RAW + 1];
	uint8_t raw[sizeof(stick)];
	struct devinfo in;
	size_t len;

	device(HUB "/1-3", "1-3", stick, sizeof(stick));
	for (size_t n = 0; n < sizeof(stick); n++) {
		put(HUB "/1-3/descriptors", stick, n);
		CHECK_EQ(scan("1-3", &in, &len), n == 0                    ? ERR_GONE
						 : n == 18 || n == 18 + 32 ? ERR_OK
									   : ERR_PROTO);
	}
	for (size_t i = 0; i < sizeof(stick); i++)
		for (int v = 0; v < 256; v += 51) {
			memcpy(raw, stick, sizeof(raw));
			raw[i] = (uint8_t)v;
			put(HUB "/1-3/descriptors", raw, sizeof(raw));
			if (scan("1-3", &in, &len) == ERR_OK)
				CHECK(in.ifs <= 3);
		}
	memcpy(big, stick, 18);
	put(HUB "/1-3/descriptors", big, sizeof(big));
	CHECK_EQ(scan("1-3", &in, &len), ERR_TOOBIG);
	CHECK_EQ(scan("0123456789012345678901234567890123456789", &in, &len), ERR_TOOBIG);
}

static void
whose_it_is(void)
{
	char name[32];

	device(HUB "/1-4", "1-4", stick, sizeof(stick));
	device(VHCI "/3-1", "3-1", stick, sizeof(stick));
	CHECK(!host_scan_vhci(root, "1-4"));
	CHECK(host_scan_vhci(root, "3-1"));
	CHECK(!host_scan_vhci(root, "3-2"));
	puts_in("bus/usb/drivers/usbip-host", "bind", "");
	puts_in("bus/usb/drivers/usbhid", "bind", "");
	link_to(HUB "/1-4/driver", "bus/usb/drivers/usbip-host");
	link_to(HUB "/1-4/1-4:2.1/driver", "bus/usb/drivers/usbhid");
	link_to("bus/usb/devices/1-4:2.1", HUB "/1-4/1-4:2.1");
	host_scan_driver(root, "1-4", name, sizeof(name));
	CHECK(strcmp(name, "usbip-host") == 0);
	host_scan_if_driver(root, "1-4", 2, 1, name, sizeof(name));
	CHECK(strcmp(name, "usbhid") == 0);
	host_scan_if_driver(root, "1-4", 2, 0, name, sizeof(name));
	CHECK(strcmp(name, "") == 0);
	puts_in(HUB "/1-4", "configuration", "one\n");
	puts_in(HUB "/1-4", "empty", "\n");
	CHECK(host_scan_has(root, "1-4", "configuration"));
	CHECK(!host_scan_has(root, "1-4", "empty"));
	CHECK(!host_scan_has(root, "1-4", "missing"));
}

static bool
mounted(const char *busid, const char *lines, char *where, size_t cap)
{
	char info[8192];

	put("mountinfo", lines, strlen(lines));
	snprintf(info, sizeof(info), "%s", path("mountinfo"));
	return host_scan_mounted(root, info, busid, where, cap);
}

#define ROOTFS "22 1 0:20 / / rw shared:1 - overlay overlay rw\n"

static void
mounted_or_not(void)
{
	static const struct {
		const char *lines, *where;
	} t[] = {
	    {"", NULL},
	    {ROOTFS, NULL},
	    {ROOTFS "23 22 8:1 / /mnt rw - vfat /dev/sda1 rw\n", "/mnt"},
	    {ROOTFS "23 22 8:17 / /mnt rw - vfat /dev/sdb1 rw\n", NULL},
	    {ROOTFS "23 22 8:99 / /mnt rw - vfat /dev/sdx rw\n", NULL},
	    {"23 22 8:1 /a /media/my\\040st\\011ick rw a:1 b:2 - vfat /dev/sda1 rw\n",
	     "/media/my st?ick"},
	    {"23 22 253:1 / /crypt rw - ext4 /dev/mapper/c rw\n", "/crypt"},
	    {"23 22 0:40 / /btrfs rw - btrfs /dev/no-such-disk rw\n", NULL},
	    {"23 22 8:1 / /mnt\n", NULL},
	    {"23 22 8:1\n\n - \n-\n23 22\n", NULL},
	    {"23 22 0:1 / /x rw - \n23 22 0:1 / /x rw - btrfs", NULL},
	};
	char where[64];

	device(HUB "/1-5", "1-5", stick, sizeof(stick));
	puts_in(HUB "/1-5/1-5:1.0/host0/block/sda/sda1", "dev", "8:1\n");
	puts_in(HUB "/1-55/1-55:1.0/host1/block/sdb/sdb1", "dev", "8:17\n");
	puts_in("devices/virtual/block/dm-0", "dev", "253:0\n");
	puts_in("devices/virtual/block/dm-1", "dev", "253:1\n");
	link_to("devices/virtual/block/dm-0/slaves/sda1",
		HUB "/1-5/1-5:1.0/host0/block/sda/sda1");
	link_to("devices/virtual/block/dm-1/slaves/dm-0", "devices/virtual/block/dm-0");
	link_to("dev/block/8:1", HUB "/1-5/1-5:1.0/host0/block/sda/sda1");
	link_to("dev/block/8:17", HUB "/1-55/1-55:1.0/host1/block/sdb/sdb1");
	link_to("dev/block/253:1", "devices/virtual/block/dm-1");
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		bool found = mounted("1-5", t[i].lines, where, sizeof(where));

		if (found != (t[i].where != NULL) ||
		    (found && strcmp(where, t[i].where) != 0)) {
			printf("# row %zu\n", i);
			CHECK(0);
		}
	}
	CHECK(!mounted("1-4", t[2].lines, where, sizeof(where)));
	CHECK(!host_scan_mounted(root, "/no/such/file", "1-5", where, sizeof(where)));
}

static void
who_has_it(void)
{
	char who[64], proc[8192];

	parents("proc/12/fd/x");
	parents("proc/007x/fd/x");
	parents("proc/13/fd/x");
	puts_in("proc/12", "comm", "cat\n");
	puts_in("proc/13", "comm", "ev\x1bil\n");
	CHECK_EQ(symlink("/dev/bus/usb/001/002", path("proc/12/fd/3")), 0);
	CHECK_EQ(symlink("/dev/bus/usb/001/023", path("proc/007x/fd/4")), 0);
	CHECK_EQ(symlink("/dev/null", path("proc/13/fd/0")), 0);
	CHECK_EQ(symlink("/dev/bus/usb/001/023", path("proc/13/fd/4")), 0);
	snprintf(proc, sizeof(proc), "%s", path("proc"));
	CHECK(host_scan_user(proc, 1, 23, who, sizeof(who)));
	CHECK(strcmp(who, "ev?il, process 13") == 0);
	CHECK(!host_scan_user(proc, 2, 23, who, sizeof(who)));
	CHECK(!host_scan_user("/no/such/proc", 1, 23, who, sizeof(who)));
}

static int
remove_one(const char *name, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(name);
}

static void
tree(void (*in)(void))
{
	snprintf(root, sizeof(root), "/tmp/host_scan.XXXXXX");
	if (mkdtemp(root) == NULL)
		abort();
	in();
	nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

#define IN_TREE(fn)                    \
	static void fn##_in_tree(void) \
	{                              \
		tree(fn);              \
	}

IN_TREE(reads_a_device)
IN_TREE(configurations_and_speeds)
IN_TREE(descriptors_that_lie)
IN_TREE(whose_it_is)
IN_TREE(mounted_or_not)
IN_TREE(who_has_it)

TEST_MAIN(TEST(reads_a_device_in_tree), TEST(configurations_and_speeds_in_tree),
	  TEST(descriptors_that_lie_in_tree), TEST(whose_it_is_in_tree),
	  TEST(mounted_or_not_in_tree), TEST(who_has_it_in_tree))
