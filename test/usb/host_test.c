/* SPDX-License-Identifier: ISC */
/* clang-format off */
/* link: usb core */
/* clang-format on */
/*
 * usb/host with a real kernel and libusb. On a machine as it is: starting and
 * stopping. In the guest (test/vm/host_test.sh) with a mass storage gadget:
 *	TEST_DEVICE	its bus id
 *	TEST_UDC	file and
 *	TEST_UDC_NAME	word that plug it in
 *	TEST_COMBO	bus id of a gadget with a keyboard and a modem (interfaces 0-2)
 */
#include <fcntl.h>
#include <linux/usbdevice_fs.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <event2/event.h>

#include "core/desc_cache.h"
#include "core/log.h"
#include "core/text.h"
#include "core/usbip.h"
#include "test/test.h"
#include "usb/host.h"

static const char *busid; /* NULL: no device to play with */
static struct event_base *base;
static struct usb_bus bus;
static struct usb_dev *dev;
static int arrived, left, opened, completed, gone, closed, warned;
static const struct urb *running; /* in run() */
static int ran;
static int open_err;
static char open_why[256], warning[256];

static void
on_log(enum log_level level, const char *fmt, va_list ap)
{
	if (level <= LOG_LEVEL_WARN) {
		warned++;
		vsnprintf(warning, sizeof(warning), fmt, ap);
	}
}

static void
on_arrived(void *arg, struct usb_dev *d)
{
	(void)arg;
	arrived++;
	if (busid != NULL && strcmp(d->info.busid, busid) == 0)
		dev = d;
}

static void
on_left(void *arg, struct usb_dev *d)
{
	(void)arg, (void)d;
	left++;
}

static void
on_opened(void *arg, int err, const char *why)
{
	(void)arg;
	opened++;
	open_err = err;
	snprintf(open_why, sizeof(open_why), "%s", why);
}

static void
on_complete(void *arg, struct urb *u)
{
	(void)arg;
	completed++;
	ran += u == running;
}

static void
on_gone(void *arg)
{
	(void)arg;
	gone++;
}

static void
on_closed(void *arg)
{
	(void)arg;
	closed++;
}

static const struct usb_bus_ops bus_ops = {on_arrived, on_left};
static const struct usb_user user = {on_opened, on_complete, on_gone, on_closed};

static void
on_late(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	*(bool *)arg = true;
}

/* Turns the loop until *n is at least want; 20 s at most. */
static bool
until(const int *n, int want)
{
	static const struct timeval limit = {.tv_sec = 20};
	bool late = false;
	struct event *ev = event_new(base, -1, 0, on_late, &late);

	event_add(ev, &limit);
	while (*n < want && !late)
		event_base_loop(base, EVLOOP_ONCE);
	event_free(ev);
	return *n >= want;
}

static int
start(char *why, size_t cap)
{
	arrived = left = opened = completed = gone = closed = warned = 0;
	dev = NULL;
	base = event_base_new();
	usb_bus_init(&bus, base, &bus_ops, NULL);
	return usb_host_start(&bus, false, why, cap);
}

static void
stop(void)
{
	usb_bus_fini(&bus);
	event_base_free(base);
}

/* Whether there is a device; starts. */
static bool
ready(void)
{
	char why[256];

	if (busid == NULL) {
		printf("# skipped: no TEST_DEVICE; make check-vm has one\n");
		return false;
	}
	CHECK_EQ(start(why, sizeof(why)), ERR_OK);
	CHECK(dev != NULL);
	if (dev == NULL)
		stop();
	return dev != NULL;
}

static int
open_it(void)
{
	int n = opened;

	CHECK_EQ(usb_dev_open(dev, &user, NULL), ERR_OK);
	CHECK(opened == n); /* never from inside */
	CHECK(until(&opened, n + 1));
	return open_err;
}

static void
close_it(void)
{
	int n = closed;

	usb_dev_close(dev);
	CHECK(closed == n);
	CHECK(until(&closed, n + 1));
}

static void
driver(char *name, size_t cap)
{
	host_scan_if_driver("/sys", busid, 1, 0, name, cap);
}

#define CHECK_DRIVER(want)                                     \
	do {                                                   \
		char name_[32];                                \
		driver(name_, sizeof(name_));                  \
		if (strcmp(name_, want) != 0)                  \
			printf("# driver is \"%s\"\n", name_); \
		CHECK(strcmp(name_, want) == 0);               \
	} while (0)

/* Submits and waits; the status. */
static int
run(struct urb *u)
{
	int r;

	running = u;
	ran = 0;
	r = usb_dev_submit(dev, u);
	CHECK_EQ(r, ERR_OK);
	if (r == ERR_OK)
		CHECK(until(&ran, 1));
	return u->status;
}

static int
control(enum urb_job job, const char *setup, uint8_t *buf, uint32_t *len)
{
	struct urb u = {.type = URB_CONTROL, .job = job, .buf = buf};

	memcpy(u.setup, setup, 8);
	u.ep = (uint8_t)setup[0] & 0x80;
	u.len = (uint8_t)setup[6] | (uint32_t)(uint8_t)setup[7] << 8;
	run(&u);
	if (len != NULL)
		*len = u.actual;
	return u.status;
}

static uint8_t in_ep, out_ep;

static void
find_endpoints(void)
{
	for (size_t i = 18; i + 2 < dev->raw_len && dev->raw[i] != 0; i += dev->raw[i])
		if (dev->raw[i + 1] == 5)
			*(dev->raw[i + 2] & 0x80 ? &in_ep : &out_ep) = dev->raw[i + 2];
}

static int
bulk(uint8_t ep, uint32_t flags, void *buf, uint32_t len, uint32_t *actual)
{
	struct urb u = {
	    .type = URB_BULK, .ep = ep, .flags = flags, .buf = buf, .len = len};

	run(&u);
	*actual = u.actual;
	return u.status;
}

/* Bulk-only transport 5: command, data, status. `ask` bytes are read for 36. */
static void
inquiry(uint32_t ask, uint32_t flags, int want)
{
	uint8_t cbw[31] = {'U', 'S', 'B',  'C', 7, 7,    7, 7, 36, 0,
			   0,   0,   0x80, 0,   6, 0x12, 0, 0, 0,  36},
		data[512], csw[13];
	uint32_t n;

	CHECK_EQ(bulk(out_ep, 0, cbw, sizeof(cbw), &n), 0);
	CHECK_EQ(n, sizeof(cbw));
	CHECK_EQ(bulk(in_ep, flags, data, ask, &n), want);
	CHECK_EQ(n, 36);
	CHECK(memcmp(data + 8, "Linux   ", 8) == 0);
	CHECK_EQ(bulk(in_ep, 0, csw, sizeof(csw), &n), 0);
	CHECK(n == 13 && memcmp(csw, "USBS\7\7\7\7", 8) == 0 && csw[12] == 0);
}

static void
starts_and_stops(void)
{
	char why[256];
	int r = start(why, sizeof(why));

	if (access("/sys/bus/usb", F_OK) == 0) {
		CHECK_EQ(r, ERR_OK);
		CHECK(bus.host != NULL);
	} else {
		CHECK_EQ(r, ERR_LACKING);
		CHECK(strstr(why, "modprobe") != NULL);
		CHECK(bus.host == NULL && bus.host_stop == NULL);
	}
	usb_host_stop(&bus); /* may be called twice */
	stop();
}

static void
lists_without_opening(void)
{
	if (!ready())
		return;
	CHECK_DRIVER("usb-storage");
	CHECK_EQ(arrived, 2); /* root hubs are none */
	CHECK(usb_bus_find(&bus, busid) == dev);
	CHECK_EQ(dev->info.vid, 0x1d6b);
	CHECK_EQ(dev->info.pid, 0x0104);
	CHECK_EQ(dev->info.config, 1);
	CHECK_EQ(dev->info.ifs, 1);
	CHECK_EQ(dev->info.iface[0].cls, 8);
	CHECK(dev->info.busnum > 0 && dev->info.devnum > 0);
	CHECK(strcmp(dev->info.product, "Disk stick") == 0);
	CHECK(strcmp(dev->info.serial, "serial-stick") == 0);
	CHECK_EQ(warned, 0);
	stop();
}

static void
speaks_to_the_disk(void)
{
	uint8_t d[4096];
	uint32_t n;

	if (!ready())
		return;
	CHECK_EQ(open_it(), ERR_OK);
	CHECK_DRIVER("usbfs");
	CHECK_EQ(usb_dev_open(dev, &user, NULL), ERR_BUSY);
	find_endpoints();
	CHECK_EQ(control(URB_JOB_NONE, "\x80\x06\x00\x01\x00\x00\xff\x00", d, &n), 0);
	CHECK(n == 18 && memcmp(d, dev->raw, 18) == 0);
	CHECK_EQ(control(URB_JOB_NONE, "\x80\x06\x00\x01\x00\x00\x00\x10", d, &n), 0);
	CHECK_EQ(n, 18); /* of 4096 */
	CHECK_EQ(control(URB_JOB_NONE, "\x80\x06\x00\x7f\x00\x00\x12\x00", d, NULL),
		 -LINUX_EPIPE);
	CHECK_EQ(control(URB_JOB_NONE, "\xa1\xfe\x00\x00\x00\x00\x01\x00", d, &n), 0);
	CHECK(n == 1 && d[0] == 0); /* Get Max LUN */
	inquiry(36, 0, 0);
	inquiry(512, 0, 0); /* short, and that is fine */
	inquiry(512, URB_SHORT_NOT_OK, -LINUX_EREMOTEIO);
	close_it();
	CHECK_DRIVER("usb-storage");
	stop();
}

/* As the kernel and the gadget name it: serial 3, and the interface's string. */
static void
keeps_its_strings(void)
{
	struct desc_cache c = {0};
	const uint8_t *p = NULL;
	uint8_t d[255];
	uint32_t n;
	size_t len = 0;
	char get[8] = "\x80\x06\x00\x03\x09\x04\xff";

	if (!ready())
		return;
	CHECK_EQ(open_it(), ERR_OK);
	CHECK_EQ(desc_cache_check(dev->cache, dev->cache_len), ERR_OK);
	c = (struct desc_cache){dev->raw, dev->cache, dev->raw_len, dev->cache_len};
	get[2] = (char)dev->raw[16];
	CHECK_EQ(desc_cache_find(&c, (const uint8_t *)get, &p, &len), DESC_KNOWN);
	CHECK(len == 2 + 2 * strlen("serial-stick") && memcmp(p + 2, "s\0e\0r", 5) == 0);
	CHECK_EQ(control(URB_JOB_NONE, get, d, &n), 0);
	CHECK(n == len && memcmp(d, p, n) == 0);
	get[2] = (char)dev->raw[18 + 9 + 8];
	CHECK(get[2] != 0);
	CHECK_EQ(desc_cache_find(&c, (const uint8_t *)get, &p, &len), DESC_KNOWN);
	memcpy(get, "\x80\x06\x00\x03\x00\x00\xff", 8);
	CHECK_EQ(desc_cache_find(&c, (const uint8_t *)get, &p, &len), DESC_KNOWN);
	CHECK(len == 4 && p[2] == 9 && p[3] == 4);
	close_it();
	stop();
}

static void
refuses_what_is_wrong(void)
{
	static const struct {
		struct urb u;
		int status;
	} t[] = {
	    {{.type = URB_ISO, .ep = 0x81, .len = 8}, -LINUX_EINVAL},
	    {{.type = URB_BULK, .ep = 0x81, .len = 0x80000000u}, -LINUX_EINVAL},
	    {{.type = URB_BULK, .ep = 0x8f, .len = 8}, -LINUX_EPIPE},
	    /* wLength says more, or less, than there is; wrong way */
	    {{.type = URB_CONTROL, .ep = 0x80, .setup = "\x80\6\0\1\0\0\x12", .len = 8},
	     -LINUX_EINVAL},
	    {{.type = URB_CONTROL, .ep = 0x80, .setup = "\x80\6\0\1\0\0\4", .len = 8},
	     -LINUX_EINVAL},
	    {{.type = URB_CONTROL, .ep = 0, .setup = "\x80\6\0\1\0\0\x08", .len = 8},
	     -LINUX_EINVAL},
	    {{.type = URB_CONTROL,
	      .ep = 0x80,
	      .setup = "\x80\6\0\1\0\0\1\x10", /* 4097: libusb's limit is 4096 */
	      .len = 4097},
	     -LINUX_EINVAL},
	};
	static uint8_t buf[8192];

	if (!ready())
		return;
	CHECK_EQ(open_it(), ERR_OK);
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct urb u = t[i].u;

		u.buf = buf;
		CHECK_EQ(usb_dev_submit(dev, &u), ERR_FAIL);
		CHECK_EQ(u.status, t[i].status);
	}
	close_it();
	CHECK_EQ(completed, 0);
	stop();
}

static void
cancels(void)
{
	uint8_t buf[2][512];
	struct urb a = {.type = URB_BULK, .len = 512, .buf = buf[0]}, b = a;

	if (!ready())
		return;
	CHECK_EQ(open_it(), ERR_OK);
	find_endpoints();
	a.ep = b.ep = in_ep;
	b.buf = buf[1];
	CHECK_EQ(usb_dev_submit(dev, &a), ERR_OK);
	CHECK_EQ(usb_dev_submit(dev, &b), ERR_OK);
	usb_dev_cancel(dev, &b);
	usb_dev_cancel(dev, &b);
	CHECK_EQ(completed, 0);
	CHECK(until(&completed, 1));
	CHECK_EQ(b.status, -LINUX_ECONNRESET);
	CHECK_EQ(b.actual, 0);
	usb_dev_cancel(dev, &a);
	CHECK(until(&completed, 2));
	CHECK_EQ(a.status, -LINUX_ECONNRESET);
	inquiry(36, 0, 0); /* nothing was lost */

	/* close cancels by itself */
	CHECK_EQ(usb_dev_submit(dev, &a), ERR_OK);
	usb_dev_close(dev);
	CHECK(until(&closed, 1));
	CHECK_EQ(completed, 6);
	CHECK_EQ(a.status, -LINUX_ECONNRESET);
	CHECK_DRIVER("usb-storage");

	/* closed before it was open; and again */
	CHECK_EQ(usb_dev_open(dev, &user, NULL), ERR_OK);
	usb_dev_close(dev);
	CHECK(until(&closed, 2));
	CHECK_EQ(opened, 1);
	CHECK_DRIVER("usb-storage");
	stop();
}

static void
jobs(void)
{
	char clear[] = "\x02\x01\x00\x00\x00\x00\x00";
	uint8_t buf[512];
	struct urb u = {.type = URB_BULK, .len = 512, .buf = buf};

	if (!ready())
		return;
	CHECK_EQ(open_it(), ERR_OK);
	find_endpoints();
	u.ep = in_ep;
	for (int i = 0; i < 2; i++) { /* the second one restores */
		CHECK_EQ(
		    control(URB_JOB_SET_CONFIGURATION, "\0\x09\1\0\0\0\0", NULL, NULL),
		    0);
		inquiry(36, 0, 0);
	}
	CHECK_EQ(control(URB_JOB_SET_INTERFACE, "\1\x0b\0\0\0\0\0", NULL, NULL), 0);
	CHECK_EQ(control(URB_JOB_SET_INTERFACE, "\1\x0b\5\0\0\0\0", NULL, NULL),
		 -LINUX_EPIPE);
	clear[4] = (char)in_ep;
	CHECK_EQ(control(URB_JOB_CLEAR_HALT, clear, NULL, NULL), 0);
	clear[4] = (char)0x8f;
	CHECK_EQ(control(URB_JOB_CLEAR_HALT, clear, NULL, NULL), -LINUX_EPIPE);
	clear[4] = 0;
	CHECK_EQ(control(URB_JOB_CLEAR_HALT, clear, NULL, NULL), 0);
	inquiry(36, 0, 0);
	CHECK_EQ(control(URB_JOB_RESET, "\x23\3\4\0\0\0\0", NULL, NULL), 0);
	CHECK_DRIVER("usbfs");
	inquiry(36, 0, 0);

	/* what is in flight ends with an error */
	CHECK_EQ(usb_dev_submit(dev, &u), ERR_OK);
	CHECK_EQ(control(URB_JOB_SET_CONFIGURATION, "\0\x09\0\0\0\0\0", NULL, NULL), 0);
	CHECK_EQ(u.status, -LINUX_ESHUTDOWN);
	CHECK_DRIVER("");
	CHECK_EQ(control(URB_JOB_SET_CONFIGURATION, "\0\x09\7\0\0\0\0", NULL, NULL),
		 -LINUX_EPIPE);
	CHECK_EQ(control(URB_JOB_SET_CONFIGURATION, "\0\x09\1\0\0\0\0", NULL, NULL), 0);
	CHECK_DRIVER("usbfs");
	inquiry(36, 0, 0);

	/* unconfigured when it is closed: gets its configuration and driver back */
	CHECK_EQ(control(URB_JOB_SET_CONFIGURATION, "\0\x09\0\0\0\0\0", NULL, NULL), 0);
	close_it();
	CHECK_DRIVER("usb-storage");
	CHECK_EQ(dev->info.config, 1);
	CHECK_EQ(gone + left, 0);
	stop();
}

/* sd is found some time after its driver is back. */
static bool
mount_it(const char *at)
{
	char cmd[256];

	snprintf(cmd, sizeof(cmd),
		 ". test/vm/lib.sh; wait_for 20 disk_ready %s && mkdir -p '%s' && "
		 "mount -t vfat /dev/$(disk_ready %s) '%s'",
		 busid, at, busid, at);
	return system(cmd) == 0;
}

static void
leaves_mounted_disks_alone(void)
{
	if (!ready())
		return;
	CHECK(mount_it("/tmp/my stick"));
	CHECK_EQ(open_it(), ERR_BUSY);
	CHECK(strstr(open_why, "umount '/tmp/my stick'") != NULL);
	CHECK_DRIVER("usb-storage");
	CHECK_EQ(umount("/tmp/my stick"), 0);
	CHECK_EQ(open_it(), ERR_OK);
	close_it();
	stop();
}

/* A process with the interface in its hands. */
static void
hold(unsigned iface, int ready_fd)
{
	struct usbdevfs_disconnect_claim dc = {.interface = iface};
	char node[64];
	int fd;

	snprintf(node, sizeof(node), "/dev/bus/usb/%03u/%03u", dev->info.busnum,
		 dev->info.devnum);
	if ((fd = open(node, O_RDWR)) < 0 ||
	    ioctl(fd, USBDEVFS_DISCONNECT_CLAIM, &dc) != 0)
		_exit(1);
	if (write(ready_fd, "x", 1) == 1)
		pause();
	_exit(2);
}

static pid_t
holder(unsigned iface)
{
	pid_t child;
	int p[2];
	char x;

	CHECK_EQ(pipe(p), 0);
	if ((child = fork()) == 0)
		hold(iface, p[1]);
	close(p[1]);
	CHECK_EQ(read(p[0], &x, 1), 1);
	close(p[0]);
	return child;
}

static void
end_holder(pid_t child)
{
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

static void
names_who_has_it(void)
{
	char pid[32];
	pid_t child;

	if (!ready())
		return;
	child = holder(0);
	CHECK_EQ(open_it(), ERR_BUSY);
	snprintf(pid, sizeof(pid), "process %d", (int)child);
	CHECK(strstr(open_why, pid) != NULL && strstr(open_why, "host_test") != NULL);
	end_holder(child);
	CHECK_EQ(open_it(), ERR_OK); /* nobody drives it now */
	close_it();
	CHECK_DRIVER(""); /* so nobody gets it back */
	stop();
}

static void
drivers_of(const char *id, const char *const want[3])
{
	char name[32];

	for (unsigned i = 0; i < 3; i++) {
		host_scan_if_driver("/sys", id, 1, i, name, sizeof(name));
		if (strcmp(name, want[i]) != 0)
			printf("# interface %u is with \"%s\"\n", i, name);
		CHECK(strcmp(name, want[i]) == 0);
	}
}

/* All interfaces or none. */
static void
takes_a_whole_device(void)
{
	static const char *const kernel[] = {"usbhid", "cdc_acm", "cdc_acm"},
				 *const ours[] = {"usbfs", "usbfs", "usbfs"},
				 *const held[] = {"usbhid", "", ""};
	const char *id = getenv("TEST_COMBO");
	pid_t child;

	if (!ready())
		return;
	CHECK((dev = usb_bus_find(&bus, id)) != NULL);
	CHECK_EQ(dev->info.ifs, 3);
	CHECK_EQ(open_it(), ERR_OK);
	drivers_of(id, ours);
	CHECK_EQ(control(URB_JOB_SET_CONFIGURATION, "\0\x09\1\0\0\0\0", NULL, NULL), 0);
	CHECK_EQ(control(URB_JOB_SET_CONFIGURATION, "\0\x09\1\0\0\0\0", NULL, NULL), 0);
	CHECK_EQ(control(URB_JOB_RESET, "\x23\3\4\0\0\0\0", NULL, NULL), 0);
	drivers_of(id, ours);
	close_it();
	drivers_of(id, kernel);
	child = holder(2);
	CHECK_EQ(open_it(), ERR_BUSY);
	end_holder(child);
	drivers_of(id, held);
	stop();
}

static void
bind_driver(const char *driver, const char *id, unsigned iface)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/usb/drivers/%s/bind", driver);
	CHECK((fd = open(path, O_WRONLY)) >= 0);
	CHECK(dprintf(fd, "%s:1.%u", id, iface) > 0);
	close(fd);
}

/* The modem, which nobody drives now; the keyboard stays what it is. */
static void
takes_a_part(void)
{
	static const char *const kernel[] = {"usbhid", "cdc_acm", "cdc_acm"},
				 *const ours[] = {"usbhid", "usbfs", "usbfs"},
				 *const nobody[] = {"usbhid", "", ""};
	const char *id = getenv("TEST_COMBO");
	uint8_t d[256];
	uint32_t n;
	struct urb u = {.type = URB_BULK, .len = 64, .buf = d};
	size_t len;
	unsigned devnum;
	pid_t child;

	if (!ready())
		return;
	CHECK((dev = usb_bus_find(&bus, id)) != NULL);
	drivers_of(id, nobody);
	len = dev->raw_len;
	devnum = dev->info.devnum;
	dev->info.part = true;
	strcpy(dev->info.nick, "modem");
	CHECK_EQ(open_it(), ERR_OK);
	drivers_of(id, ours);
	CHECK_EQ(dev->info.ifs, 2);
	CHECK_EQ(dev->info.iface[0].cls, 2);
	CHECK(dev->raw_len < len);
	CHECK(dev->info.part && strcmp(dev->info.nick, "modem") == 0);

	/* descriptors are of the part, strings the device's own */
	CHECK_EQ(control(URB_JOB_NONE, "\x80\x06\0\2\0\0\0\1", d, &n), 0);
	CHECK_EQ(n, dev->raw_len - 18);
	CHECK(memcmp(d, dev->raw + 18, n) == 0);
	CHECK_EQ(control(URB_JOB_NONE, "\x80\x06\2\3\x09\4\0\1", d, &n), 0);
	CHECK(n > 2 && d[1] == 3);
	CHECK_EQ(control(URB_JOB_NONE, "\xa1\x21\0\0\1\0\7\0", d, &n), 0);
	CHECK_EQ(n, 7); /* line coding */

	for (int i = 0; i < 2; i++)
		CHECK_EQ(
		    control(URB_JOB_SET_CONFIGURATION, "\0\x09\1\0\0\0\0", NULL, NULL),
		    0);
	CHECK_EQ(control(URB_JOB_SET_CONFIGURATION, "\0\x09\0\0\0\0\0", NULL, NULL),
		 -LINUX_EPIPE);
	CHECK_EQ(control(URB_JOB_SET_INTERFACE, "\1\x0b\0\0\2\0\0", NULL, NULL), 0);
	CHECK_EQ(control(URB_JOB_RESET, "\x23\3\4\0\0\0\0", NULL, NULL), 0);
	memcpy(u.setup, "\xa1\1\0\1\0\0\x08\0", 8); /* the keyboard's report */
	u.type = URB_CONTROL;
	u.len = 8;
	u.ep = 0x80;
	CHECK_EQ(usb_dev_submit(dev, &u), ERR_FAIL);
	CHECK_EQ(u.status, -LINUX_EPIPE);
	drivers_of(id, ours);
	close_it();
	drivers_of(id, nobody);
	CHECK_EQ(dev->info.ifs, 3);
	CHECK_EQ(dev->raw_len, len);
	CHECK_EQ(dev->info.devnum, devnum);
	CHECK(dev->info.part && strcmp(dev->info.nick, "modem") == 0);

	child = holder(2); /* another program has one of them */
	CHECK_EQ(open_it(), ERR_OK);
	CHECK_EQ(dev->info.ifs, 1);
	close_it();
	end_holder(child);
	drivers_of(id, nobody);

	bind_driver("cdc_acm", id, 1);
	drivers_of(id, kernel);
	CHECK_EQ(open_it(), ERR_BUSY);
	CHECK(strstr(open_why, "0 is with usbhid, 1 is with cdc_acm, 2 is") != NULL);
	drivers_of(id, kernel);
	dev->info.part = false;
	CHECK_EQ(open_it(), ERR_OK);
	close_it();
	drivers_of(id, kernel);
	stop();
}

/* The driver that the holder took away; for the tests that follow. */
static void
give_driver(void)
{
	if (busid != NULL)
		bind_driver("usb-storage", busid, 0);
}

static void
lists_without_rights(void)
{
	int status, bad = 0;

	if (busid == NULL)
		return;
	fflush(stdout);
	if (fork() == 0) {
		test_failed = 0;
		if (setgid(65534) != 0 || setuid(65534) != 0 || !ready())
			_exit(1);
		CHECK_EQ(open_it(), ERR_LACKING);
		CHECK(strstr(open_why, "udev rule") != NULL);
		stop();
		fflush(stdout);
		_exit(test_failed);
	}
	CHECK(wait(&status) > 0);
	bad = !WIFEXITED(status) || WEXITSTATUS(status) != 0;
	CHECK(!bad);
	CHECK_DRIVER("usb-storage");
}

static void
plug(bool in)
{
	FILE *f = fopen(getenv("TEST_UDC"), "w");

	CHECK(f != NULL);
	if (f == NULL)
		return;
	CHECK(fprintf(f, "%s\n", in ? getenv("TEST_UDC_NAME") : "") > 0);
	CHECK_EQ(fclose(f), 0);
}

static void
comes_and_goes(void)
{
	uint8_t buf[512];
	struct urb u = {.type = URB_BULK, .len = 512, .buf = buf};

	if (!ready())
		return;
	CHECK_EQ(open_it(), ERR_OK);
	find_endpoints();
	u.ep = in_ep;
	CHECK_EQ(usb_dev_submit(dev, &u), ERR_OK);
	plug(false);
	CHECK(until(&gone, 1));
	CHECK(until(&completed, 1));
	/* dummy_hcd, as others, sees errors before the hub sees the port */
	CHECK(u.status == -LINUX_ESHUTDOWN || u.status == -LINUX_EPROTO);
	CHECK_EQ(left, 1);
	CHECK_EQ(usb_dev_submit(dev, &u), ERR_GONE);
	CHECK(usb_bus_find(&bus, busid) == NULL);
	close_it();
	CHECK(bus.devs.next == bus.devs.prev); /* the other one */

	plug(true);
	CHECK(until(&arrived, 3));
	CHECK_EQ(dev->info.config, 1); /* waited for the kernel's choice */
	CHECK_EQ(open_it(), ERR_OK);
	close_it();

	plug(false); /* nobody uses it */
	CHECK(until(&left, 2));
	CHECK(bus.devs.next == bus.devs.prev);
	plug(true);
	CHECK(until(&arrived, 4));
	CHECK_EQ(open_it(), ERR_OK);
	plug(false); /* open and quiet: nothing but the hot-plug tells */
	CHECK(until(&gone, 2));
	close_it();
	plug(true);
	CHECK(until(&arrived, 5));
	stop();
}

/* The kernel leaves a device alone that nobody has authorized. */
static void
takes_an_unconfigured_device(void)
{
	char file[64];
	uint8_t d[18];
	FILE *f;

	if (!ready())
		return;
	plug(false);
	CHECK(until(&left, 1));
	snprintf(file, sizeof(file), "/sys/bus/usb/devices/usb%.*s/authorized_default",
		 (int)strcspn(busid, "-"), busid);
	CHECK((f = fopen(file, "w")) != NULL && fputs("0", f) >= 0 && fclose(f) == 0);
	plug(true);
	CHECK(until(&arrived, 3)); /* after some waiting for a configuration */
	CHECK_EQ(dev->info.config, 0);
	CHECK_EQ(dev->info.ifs, 0);
	CHECK_EQ(open_it(), ERR_OK);
	CHECK_EQ(control(URB_JOB_NONE, "\x80\x06\x00\x01\x00\x00\x12\x00", d, NULL), 0);
	CHECK(memcmp(d, dev->raw, 18) == 0);
	close_it();
	plug(false);
	CHECK(until(&left, 2));
	stop();
}

/* What libusb and libevent do not report would show here. */
static void
leaves_no_descriptors(void)
{
	char why[64];
	int before, after;

	before = dup(0);
	close(before);
	for (int i = 0; i < 3; i++) {
		(void)start(why, sizeof(why));
		stop();
	}
	after = dup(0);
	close(after);
	CHECK_EQ(before, after);
}

static void
setup(void)
{
	busid = getenv("TEST_DEVICE");
	log_to(on_log);
}

TEST_MAIN(TEST(setup), TEST(starts_and_stops), TEST(lists_without_opening),
	  TEST(speaks_to_the_disk), TEST(keeps_its_strings), TEST(refuses_what_is_wrong),
	  TEST(cancels), TEST(jobs), TEST(leaves_mounted_disks_alone),
	  TEST(names_who_has_it), TEST(give_driver), TEST(takes_a_whole_device),
	  TEST(takes_a_part), TEST(lists_without_rights), TEST(comes_and_goes),
	  TEST(takes_an_unconfigured_device), TEST(leaves_no_descriptors))
