/* SPDX-License-Identifier: ISC */
/* link: cmd vhci core */
/*
 * Each check is shown a machine, made of files in a directory, that is well, and one
 * that is not.
 */
#include <limits.h>
#include <stdarg.h>
#include <sys/stat.h>

#include "cmd/doctor.h"
#include "test/cmd/place.h"

#define VHCI "/sys/devices/platform/vhci_hcd.0"
#define RULE                                                         \
	"SUBSYSTEM==\"usb\", ENV{DEVTYPE}==\"usb_device\", GROUP=\"" \
	"usbp2p\"\n"

static struct place p;
static char home[] = "/var/lib/usbp2p";
static struct ctx ctx;
static struct doctor d;
static struct doctor_world w;
static const char *denied; /* paths with this in it are not ours */

static bool
may(const char *path, int mode)
{
	(void)mode;
	return denied == NULL || strstr(path, denied) == NULL;
}

static void __attribute__((format(printf, 1, 2))) shell(const char *fmt, ...)
{
	char command[600];
	va_list ap;
	int n = snprintf(command, sizeof(command), "cd %s && ", p.dir);

	va_start(ap, fmt);
	vsnprintf(command + n, sizeof(command) - (size_t)n, fmt, ap);
	va_end(ap);
	CHECK_EQ(system(command), 0);
}

static void
put(const char *name, const char *text)
{
	shell("mkdir -p $(dirname .%s)", name);
	place_write(&p, name + 1, text);
}

/* A machine without any fault, seen by an ordinary user. */
static void
well(void)
{
	place_make(&p);
	memset(&d, 0, sizeof(d));
	denied = NULL;
	w = (struct doctor_world){.root = p.dir,
				  .release = "6.1.0-9-amd64",
				  .user = "anna",
				  .now = DOCTOR_CLOCK + 1000,
				  .synced = true,
				  .may = may};
	ctx.dir = home;
	d = (struct doctor){.ctx = &ctx, .w = &w, .side = DOCTOR_BOTH};
	shell("mkdir -p var/lib/usbp2p dev/bus/usb/001 sys/bus/usb/devices run/udev");
	shell("mkdir -p sys/devices/hc/1-1 && ln -s ../../../devices/hc/1-1 "
	      "sys/bus/usb/devices/1-1");
	put("/var/lib/usbp2p/key.pem", "");
	shell("chmod 600 var/lib/usbp2p/key.pem");
	put("/proc/sys/net/core/rmem_max", "4194304\n");
	put("/proc/sys/net/core/wmem_max", "4194304\n");
	put("/sys/devices/hc/1-1/busnum", "1\n");
	put("/sys/devices/hc/1-1/devnum", "2\n");
	put("/sys/devices/hc/1-1/bDeviceClass", "00\n");
	put("/lib/udev/rules.d/49-usbp2p.rules", RULE);
	put("/run/udev/control", "");
	put("/sys/module/usbcore/parameters/usbfs_memory_mb", "128\n");
	put("/lib/modules/6.1.0-9-amd64/modules.dep",
	    "kernel/drivers/usb/usbip/vhci-hcd.ko: kernel/x.ko\n");
	put("/boot/config-6.1.0-9-amd64",
	    "CONFIG_X=y\nCONFIG_USBIP_VHCI_HCD=m\nCONFIG_USBIP_VHCI_HC_PORTS=8\n"
	    "CONFIG_USBIP_VHCI_NR_HCS=2\n");
	put("/etc/modules-load.d/usbp2p.conf", "#\nvhci_hcd\n");
	put(VHCI "/attach", "");
	put(VHCI "/detach", "");
	put(VHCI "/status", "hub port sta spd dev      sockfd local_busid\n"
			    "hs  0000 006 003 00020003 000005 3-1\n"
			    "hs  0001 004 000 00000000 000000 0-0\n"
			    "ss  0002 004 000 00000000 000000 0-0\n");
}

static const struct doctor_finding *
found(const char *check)
{
	for (unsigned i = 0; i < d.n; i++)
		if (strcmp(d.finding[i].check, check) == 0)
			return &d.finding[i];
	return NULL;
}

/* The check's state, a word of its text, one of its command (NULL: it has none). */
static void
is(const char *check, enum doctor_state state, const char *what, const char *fix)
{
	const struct doctor_finding *f = found(check);

	CHECK(f != NULL);
	if (f == NULL)
		return;
	if (f->state != state || strstr(f->what, what) == NULL ||
	    (fix == NULL) != (f->fix[0] == '\0') ||
	    (fix != NULL && strstr(f->fix, fix) == NULL)) {
		test_failed = 1;
		printf("# %s: %d \"%s\" fix \"%s\"\n", check, f->state, f->what, f->fix);
	}
}

/* With one fault: only that check says so. */
static void
fault(const char *check, enum doctor_state state, const char *what, const char *fix)
{
	unsigned others = 0;

	doctor_here(&d);
	is(check, state, what, fix);
	for (unsigned i = 0; i < d.n; i++)
		others += strcmp(d.finding[i].check, check) != 0 &&
			  d.finding[i].state != DOCTOR_OK;
	CHECK_EQ(others, 0);
	place_end(&p);
}

static void
nothing_is_wrong(void)
{
	static const char *const all[] = {
	    "state",       "clock",      "buffers",     "usbfs",     "usbfs.right",
	    "usbfs.rule",  "vhci",       "usbfs.udevd", "vhci.boot", "usbfs.memory",
	    "vhci.config", "vhci.right", "vhci.ports"};

	well();
	doctor_here(&d);
	CHECK_EQ(d.n, ARRAY_LEN(all));
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		is(all[i], DOCTOR_OK, "", NULL);
	is("usbfs.right", DOCTOR_OK, "anna may share 1 devices", NULL);
	is("vhci.config", DOCTOR_OK, "16 ports", NULL);
	is("vhci.ports", DOCTOR_OK, "1 of 3 ports", NULL);
	place_end(&p);
}

static void
sides(void)
{
	well();
	d.side = DOCTOR_SERVE;
	doctor_here(&d);
	CHECK(found("vhci") == NULL && found("usbfs") != NULL && found("clock") != NULL);
	d.n = 0;
	d.side = DOCTOR_ATTACH;
	doctor_here(&d);
	CHECK(found("vhci") != NULL && found("usbfs") == NULL && found("clock") != NULL);
	place_end(&p);
}

static void
state_dir(void)
{
	well();
	denied = "/var/lib/usbp2p";
	fault("state", DOCTOR_MISSING, "anna may not write",
	      "install -d -m 700 -o anna /var/lib/usbp2p");
	well();
	shell("rm -r var/lib/usbp2p"); /* the one above is asked instead */
	fault("state", DOCTOR_OK, "in /var/lib/usbp2p", NULL);
	well();
	shell("rm -r var/lib/usbp2p");
	denied = "/var/lib";
	fault("state", DOCTOR_MISSING, "/var/lib, for its state", "install -d");
	well();
	shell("chmod 640 var/lib/usbp2p/key.pem");
	fault("state", DOCTOR_WARN, "others may read the key", "chmod 600 ");
}

static void
wall_clock(void)
{
	well();
	w.now = DOCTOR_CLOCK - 1;
	fault("clock", DOCTOR_MISSING, "wrong", "timedatectl set-ntp true");
	well();
	w.synced = false;
	fault("clock", DOCTOR_WARN, "nobody keeps", "timedatectl set-ntp true");
}

static void
socket_buffers(void)
{
	well();
	put("/proc/sys/net/core/wmem_max", "212992\n");
	fault("buffers", DOCTOR_WARN, "212992 bytes", "net.core.wmem_max=4194304");
	well();
	put("/proc/sys/net/core/rmem_max", "212992\n");
	w.is_root = true; /* who is not bound by it */
	fault("buffers", DOCTOR_OK, "large", NULL);
	well();
	shell("rm proc/sys/net/core/rmem_max");
	fault("buffers", DOCTOR_UNKNOWN, "cannot be read", NULL);
}

static void
usbfs(void)
{
	well();
	shell("rm -r dev/bus");
	fault("usbfs", DOCTOR_MISSING, "/dev/bus/usb", "modprobe usbcore");
	well();
	shell("rm run/udev/control");
	fault("usbfs.udevd", DOCTOR_WARN, "udevd does not run", "systemctl start");
	well();
	put("/sys/module/usbcore/parameters/usbfs_memory_mb", "16\n");
	fault("usbfs.memory", DOCTOR_WARN, "16 MB", "echo 128 >/sys/module/usbcore");
	well();
	put("/sys/module/usbcore/parameters/usbfs_memory_mb", "0\n"); /* no limit */
	fault("usbfs.memory", DOCTOR_OK, "", NULL);
	well();
	shell("rm sys/module/usbcore/parameters/usbfs_memory_mb");
	fault("usbfs.memory", DOCTOR_UNKNOWN, "cannot be read", NULL);
}

static void
usbfs_right(void)
{
	well();
	denied = "/dev/bus/usb/001/002";
	fault("usbfs.right", DOCTOR_MISSING, "anna may not share 1 of 1 devices",
	      "usermod -aG usbp2p anna");

	/* one of two; hubs, root hubs, interfaces and what is attached do not count */
	well();
	denied = "/dev/bus/usb/001/002";
	for (const char *const *n =
		 (const char *const[]){"1-2", "usb1", "1-1:1.0", "1-3", NULL};
	     *n != NULL; n++) {
		char name[64];

		shell("cp -r sys/devices/hc/1-1 sys/devices/hc/%s && ln -s "
		      "../../../devices/hc/%s sys/bus/usb/devices/%s",
		      *n, *n, *n);
		snprintf(name, sizeof(name), "/sys/devices/hc/%s/devnum", *n);
		put(name, strcmp(*n, "1-2") == 0 ? "3\n" : "2\n");
	}
	put("/sys/devices/hc/1-3/bDeviceClass", "09\n");
	shell("mkdir -p sys/devices/platform/vhci_hcd.0/usb3 && cp -r "
	      "sys/devices/hc/1-1 sys/devices/platform/vhci_hcd.0/usb3/3-1 && ln -s "
	      "../../../devices/platform/vhci_hcd.0/usb3/3-1 sys/bus/usb/devices/3-1");
	fault("usbfs.right", DOCTOR_WARN, "anna may not share 1 of 2 devices",
	      "usermod -aG usbp2p anna");

	well();
	denied = "/dev/bus/usb/001/002";
	w.is_root = true; /* whose missing rule is no finding */
	shell("rm lib/udev/rules.d/49-usbp2p.rules");
	fault("usbfs.right", DOCTOR_MISSING, "1 of 1",
	      "udevadm trigger -s usb && usermod -aG usbp2p anna");
}

static void
udev_rule(void)
{
	well();
	shell("rm lib/udev/rules.d/49-usbp2p.rules");
	fault("usbfs.rule", DOCTOR_WARN, "no udev rule",
	      ">/etc/udev/rules.d/49-usbp2p.rules && udevadm control");
	well();
	shell("mkdir -p etc/udev/rules.d && mv lib/udev/rules.d/49-usbp2p.rules "
	      "etc/udev/rules.d/");
	fault("usbfs.rule", DOCTOR_OK, "there is a udev rule", NULL);
	well();
	put("/lib/udev/rules.d/49-usbp2p.rules", "# nothing\n");
	fault("usbfs.rule", DOCTOR_WARN, "no udev rule", "groupadd -f usbp2p");
}

static void
vhci_module(void)
{
	well();
	shell("rm -r .%s", VHCI);
	fault("vhci", DOCTOR_MISSING, "not loaded", "modprobe vhci_hcd");
	well();
	shell("rm -r .%s lib/modules/*/modules.dep", VHCI);
	put("/lib/modules/6.1.0-9-amd64/modules.builtin",
	    "kernel/drivers/usb/usbip/vhci-hcd.ko\n");
	fault("vhci", DOCTOR_MISSING, "not loaded", "modprobe vhci_hcd");
	well();
	shell("rm -r .%s", VHCI);
	put("/lib/modules/6.1.0-9-amd64/modules.dep", "kernel/x.ko:\n");
	fault("vhci", DOCTOR_MISSING, "kernel 6.1.0-9-amd64 has no vhci_hcd",
	      "apt-get install linux-image-");
	well();
	shell("rm -r .%s lib/modules", VHCI);
	put("/etc/os-release", "NAME=x\nID=ubuntu\n");
	fault("vhci", DOCTOR_MISSING, "has no vhci_hcd",
	      "linux-modules-extra-6.1.0-9-amd64");
}

static void
vhci_config(void)
{
	well();
	put("/boot/config-6.1.0-9-amd64",
	    "CONFIG_X=y\n# CONFIG_USBIP_VHCI_HCD is not set\n");
	fault("vhci.config", DOCTOR_MISSING, "has no vhci_hcd", "apt-get install");
	well();
	put("/boot/config-6.1.0-9-amd64",
	    "\nCONFIG_USBIP_VHCI_HCD=y\nCONFIG_USBIP_VHCI_HC_PORTS=2\n"
	    "CONFIG_USBIP_VHCI_NR_HCS=1\n");
	fault("vhci.config", DOCTOR_WARN, "2 ports of each speed only", NULL);
	well();
	shell("rm -r boot");
	fault("vhci.config", DOCTOR_UNKNOWN, "/boot/config-6.1.0-9-amd64", NULL);
}

static void
vhci_boot(void)
{
	static const char *const other[] = {
	    "/etc/modules-load.d/a.conf", "/lib/modules-load.d/usbp2p.conf",
	    "/usr/lib/modules-load.d/usbp2p.conf", "/etc/modules"};

	well();
	shell("rm -r etc/modules-load.d");
	fault("vhci.boot", DOCTOR_WARN, "not loaded at boot",
	      ">/etc/modules-load.d/usbp2p.conf");
	for (size_t i = 0; i < ARRAY_LEN(other); i++) {
		well();
		shell("rm -r etc/modules-load.d");
		put(other[i], "x\nvhci-hcd\n");
		fault("vhci.boot", DOCTOR_OK, "loaded at boot", NULL);
	}
}

static void
vhci_right(void)
{
	well();
	denied = "/attach";
	fault("vhci.right", DOCTOR_MISSING, "anna may not write",
	      "chgrp usbp2p-attach attach detach && chmod g+w attach detach && usermod "
	      "-aG usbp2p-attach anna");
	well();
	denied = "/detach";
	fault("vhci.right", DOCTOR_MISSING, "detach", "usermod");
	if (geteuid() != 0)
		return;
	well();
	denied = "/attach";
	shell("chgrp daemon .%s/attach && chmod 220 .%s/attach", VHCI, VHCI);
	fault("vhci.right", DOCTOR_MISSING, "attach", "usermod -aG daemon anna");
}

static void
vhci_ports_taken(void)
{
	well();
	put(VHCI "/status", "hub port sta spd dev      sockfd local_busid\n"
			    "hs  0000 006 003 00020003 000005 3-1\n"
			    "ss  0001 004 000 00000000 000000 0-0\n");
	fault("vhci.ports", DOCTOR_WARN, "all USB 2 ports", "usbp2p detach port:N");
	well();
	put(VHCI "/status", "hub port sta spd dev      sockfd local_busid\n"
			    "hs  0000 004 000 00000000 000000 0-0\n"
			    "ss  0001 006 003 00020003 000005 4-1\n");
	fault("vhci.ports", DOCTOR_WARN, "all SuperSpeed ports", "usbp2p detach");
}

static void
packet_filter(void)
{
#define CHAIN(rest)                                                                  \
	"table inet filter {\n\tchain input {\n\t\ttype filter hook input priority " \
	"filter; " rest "\t}\n\tchain out {\n\t\ttype filter hook output priority "  \
	"filter; policy drop;\n\t}\n}\n"
	static const struct {
		const char *rules, *fix; /* NULL: peers come in */
	} rows[] = {
	    {"", NULL},
	    {CHAIN("policy accept;\n"), NULL},
	    {CHAIN("policy accept;\n\t\ttcp dport 22 drop\n"), NULL},
	    {CHAIN("policy drop;\n"),
	     "nft insert rule inet filter input tcp dport 13240 accept"},
	    {CHAIN("policy drop;\n\t\ttcp dport { 22, 13240 } accept\n"), NULL},
	    {CHAIN("policy drop;\n\t\ttcp dport 13240 drop\n"), "nft insert rule"},
	    {CHAIN("policy accept;\n\t\tdrop\n"), "nft insert rule inet filter input"},
	    {CHAIN("policy accept;\n\t\tcounter packets 3 bytes 99 drop\n"),
	     "nft insert rule"},
	    {CHAIN("policy accept;\n\t\treject with icmpx admin-prohibited\n"),
	     "nft insert rule"},
	    {"table ip filter {\n\tchain ufw-user-input {\n\t}\n\tchain INPUT {\n\t\t"
	     "type filter hook input priority filter; policy drop;\n\t}\n}\n",
	     "ufw allow 13240/tcp"},
	    {"table inet firewalld {\n\tchain filter_INPUT {\n\t\ttype filter hook "
	     "input priority filter + 10; policy accept;\n\t\treject with icmpx "
	     "admin-prohibited\n\t}\n}\n",
	     "firewall-cmd --permanent --add-port=13240/tcp"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		d.n = 0;
		doctor_fire_read(&d, rows[i].rules);
		is("firewall", rows[i].fix == NULL ? DOCTOR_OK : DOCTOR_WARN,
		   rows[i].fix == NULL ? "lets peers in" : "nobody in at TCP port 13240",
		   rows[i].fix);
	}
}

/* More than fit are left out; what strangers say is cleaned. */
static void
too_many(void)
{
	d.n = 0;
	for (unsigned i = 0; i < DOCTOR_FINDINGS + 3; i++) {
		doctor_say(&d, "x", DOCTOR_OK, "a\033b %u", i);
		doctor_fix(&d, "c\nd %u", i);
	}
	CHECK_EQ(d.n, DOCTOR_FINDINGS);
	is("x", DOCTOR_OK, "a?b 0", "c?d 0");
	CHECK(strcmp(d.finding[DOCTOR_FINDINGS - 1].fix, "c?d 63") == 0);
}

TEST_MAIN(TEST(nothing_is_wrong), TEST(sides), TEST(state_dir), TEST(wall_clock),
	  TEST(socket_buffers), TEST(usbfs), TEST(usbfs_right), TEST(udev_rule),
	  TEST(vhci_module), TEST(vhci_config), TEST(vhci_boot), TEST(vhci_right),
	  TEST(vhci_ports_taken), TEST(packet_filter), TEST(too_many))
