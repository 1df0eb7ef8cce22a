/* SPDX-License-Identifier: ISC */
/*
 * What serve needs of this machine: devices that the kernel lends (usbfs), which are
 * ours to open also when they come later, and memory for their requests.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/doctor_look.h"
#include "cmd/loop.h"
#include "core/text.h"

#define UDEV_RULE                                                                    \
	"groupadd -f usbp2p && echo 'SUBSYSTEM==\"usb\", "                           \
	"ENV{DEVTYPE}==\"usb_device\", GROUP=\"usbp2p\"' "                           \
	">/etc/udev/rules.d/49-usbp2p.rules && udevadm control --reload && udevadm " \
	"trigger -s usb && usermod -aG usbp2p %s"

static void
usb_core(struct doctor *d, const char *check)
{
	if (doctor_there(d, "/sys/bus/usb") && doctor_there(d, "/dev/bus/usb")) {
		doctor_say(d, check, DOCTOR_OK, "the kernel lends USB devices (usbfs)");
		return;
	}
	doctor_say(d, check, DOCTOR_MISSING,
		   "no USB devices: /sys/bus/usb or /dev/bus/usb is not there");
	doctor_fix(d, "modprobe usbcore");
}

/* A device that could be shared: no interface, hub, root hub, none that is attached. */
static bool
is_shareable(const struct doctor *d, const char *name)
{
	char path[PATH_MAX], real[PATH_MAX], folder[PATH_MAX];

	if (name[0] == '.' || strncmp(name, "usb", 3) == 0 || strchr(name, ':') != NULL)
		return false;
	snprintf(folder, sizeof(folder), "/sys/bus/usb/devices/%s/bDeviceClass", name);
	if (doctor_has(d, folder, "09"))
		return false;
	doctor_place(d, path, "/sys/bus/usb/devices/%s", name);
	return realpath(path, real) != NULL && strstr(real, "/vhci_hcd.") == NULL;
}

/* Whether we may use its node; false when that cannot be said. */
static bool
is_denied(const struct doctor *d, const char *name, char node[PATH_MAX])
{
	char file[PATH_MAX];
	uint64_t bus, dev;

	snprintf(file, sizeof(file), "/sys/bus/usb/devices/%s/busnum", name);
	if (!doctor_number(d, file, &bus))
		return false;
	snprintf(file, sizeof(file), "/sys/bus/usb/devices/%s/devnum", name);
	if (!doctor_number(d, file, &dev))
		return false;
	doctor_place(d, node, "/dev/bus/usb/%03u/%03u", (unsigned)bus, (unsigned)dev);
	return !d->w->may(node, R_OK | W_OK);
}

static bool
has_rule(const struct doctor *d)
{
	static const char *const folder[] = {
	    "/etc/udev/rules.d",           "/run/udev/rules.d", "/usr/lib/udev/rules.d",
	    "/usr/local/lib/udev/rules.d", "/lib/udev/rules.d", NULL};

	return doctor_any_says(d, folder, "usbp2p", "GROUP=\"usbp2p\"");
}

static void
usb_right(struct doctor *d, const char *check)
{
	char path[PATH_MAX], node[PATH_MAX], first[PATH_MAX] = "";
	unsigned n = 0, denied = 0;
	struct dirent *e;
	DIR *dir;

	doctor_place(d, path, "/sys/bus/usb/devices");
	if ((dir = opendir(path)) == NULL)
		return;
	while ((e = readdir(dir)) != NULL) {
		if (!is_shareable(d, e->d_name))
			continue;
		n++;
		if (is_denied(d, e->d_name, node) && denied++ == 0)
			text_copy(first, sizeof(first), node);
	}
	closedir(dir);
	if (denied == 0) {
		doctor_say(d, check, DOCTOR_OK, "%s may share %u devices", d->w->user, n);
		return;
	}
	doctor_say(d, check, denied == n ? DOCTOR_MISSING : DOCTOR_WARN,
		   "%s may not share %u of %u devices, as %.100s", d->w->user, denied, n,
		   first);
	if (has_rule(d))
		doctor_fix(d, "usermod -aG usbp2p %s", d->w->user);
	else
		doctor_fix(d, UDEV_RULE, d->w->user);
}

static void
usb_rule(struct doctor *d, const char *check)
{
	if (d->w->is_root || has_rule(d)) {
		doctor_say(d, check, DOCTOR_OK, "%s",
			   d->w->is_root ? "root needs no udev rule"
					 : "there is a udev rule for usbp2p");
		return;
	}
	doctor_say(d, check, DOCTOR_WARN,
		   "no udev rule gives devices that come to the group usbp2p");
	doctor_fix(d, UDEV_RULE, d->w->user);
}

/* libusb's hot-plug hears only udevd. */
static void
usb_udevd(struct doctor *d, const char *check)
{
	if (doctor_there(d, "/run/udev/control")) {
		doctor_say(d, check, DOCTOR_OK, "udevd runs");
		return;
	}
	doctor_say(d, check, DOCTOR_WARN,
		   "udevd does not run: devices that come and go are not noticed");
	doctor_fix(d, "systemctl start systemd-udevd");
}

static void
usb_memory(struct doctor *d, const char *check)
{
	const unsigned want = LOOP_URBS >> 20;
	uint64_t mb;

	if (!doctor_number(d, "/sys/module/usbcore/parameters/usbfs_memory_mb", &mb)) {
		doctor_say(d, check, DOCTOR_UNKNOWN, "usbfs_memory_mb cannot be read");
	} else if (mb == 0 || mb >= want) {
		doctor_say(d, check, DOCTOR_OK, "usbfs has %llu MB for requests",
			   (unsigned long long)mb);
	} else {
		doctor_say(d, check, DOCTOR_WARN,
			   "usbfs has %llu MB for the requests of all devices, one peer "
			   "may use %u",
			   (unsigned long long)mb, want);
		doctor_fix(d, "echo 128 >/sys/module/usbcore/parameters/usbfs_memory_mb");
	}
}

const struct doctor_check doctor_usbfs[] = {
    {"usbfs", usb_core},        {"usbfs.right", usb_right},   {"usbfs.rule", usb_rule},
    {"usbfs.udevd", usb_udevd}, {"usbfs.memory", usb_memory}, {NULL, NULL}};
