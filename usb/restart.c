/* SPDX-License-Identifier: ISC */
/*
 * usbfs resets a device by its node in /dev/bus/usb (Documentation/driver-api/usb).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/usbdevice_fs.h>

#include "usb/restart.h"

static int
number(const char *sysfs_bus, const char *name, const char *what, unsigned *v)
{
	char path[512];
	FILE *f;
	int n;

	if ((size_t)snprintf(path, sizeof(path), "%s/%s/%s", sysfs_bus, name, what) >=
		sizeof(path) ||
	    (f = fopen(path, "re")) == NULL)
		return ERR_NODEV;
	n = fscanf(f, "%u", v);
	fclose(f);
	return n == 1 ? ERR_OK : ERR_NODEV;
}

int
usb_restart(const char *sysfs_bus, const char *name, char *why, size_t cap)
{
	unsigned bus, dev;
	char node[64];
	int fd, r;

	why[0] = '\0';
	if (strchr(name, '/') != NULL ||
	    number(sysfs_bus, name, "busnum", &bus) != ERR_OK ||
	    number(sysfs_bus, name, "devnum", &dev) != ERR_OK) {
		snprintf(why, cap, "the kernel has no device %s", name);
		return ERR_NODEV;
	}
	snprintf(node, sizeof(node), "/dev/bus/usb/%03u/%03u", bus, dev);
	if ((fd = open(node, O_WRONLY | O_CLOEXEC)) < 0) {
		snprintf(why, cap, "%s cannot be opened: %s", node, strerror(errno));
		return ERR_LACKING;
	}
	r = ioctl(fd, USBDEVFS_RESET, NULL);
	if (r < 0)
		snprintf(why, cap, "%s cannot be reset: %s", name, strerror(errno));
	close(fd);
	return r < 0 ? ERR_FAIL : ERR_OK;
}
