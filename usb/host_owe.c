/* SPDX-License-Identifier: ISC */
/*
 * Which of the kernel's drivers have a device's interfaces, as text that survives
 * this process: "0=usb-storage,1=usbhid"; and what a process before us took and did
 * not give back.
 */
#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "usb/host.h"

#define SYSFS "/sys"
#define IFS   32

void
usb_host_drivers(struct usb_dev *dev, char *text, size_t cap)
{
	const struct host_dev *d = host_dev_of(dev);
	char name[64];
	struct text t;

	text_init(&t, text, cap);
	for (unsigned i = 0; d != NULL && i < IFS; i++) {
		host_scan_if_driver(SYSFS, dev->info.busid, dev->info.config, i, name,
				    sizeof(name));
		if ((name[0] == '\0' || text_equal(name, "usbfs")) &&
		    (d->owed >> i & 1) == 0)
			continue;
		if (t.len > 0)
			text_char(&t, ',');
		text_u64(&t, i);
		text_char(&t, '=');
		text_str(&t, (d->owed >> i & 1) != 0 ? "?" : name);
	}
}

bool
usb_host_owe(struct usb_dev *dev, const char *drivers)
{
	struct host_dev *d = host_dev_of(dev);
	char name[64];

	for (const char *at = drivers; d != NULL && at != NULL;
	     at = strchr(at, ','), at = at != NULL ? at + 1 : NULL) {
		unsigned long i = strtoul(at, NULL, 10);

		if (i >= IFS)
			continue;
		host_scan_if_driver(SYSFS, dev->info.busid, dev->info.config, (unsigned)i,
				    name, sizeof(name));
		if (name[0] == '\0')
			d->owed |= (host_ifs)1 << i;
	}
	return d != NULL && d->owed != 0;
}
