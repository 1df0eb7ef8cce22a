/* SPDX-License-Identifier: ISC */
/*
 * JSON of what the kernel here made of a device.
 */
#include "cmd/report.h"
#include "vhci/mounts.h"
#include "vhci/nodes.h"

#define SYSFS  "/sys/bus/usb/devices"
#define MOUNTS "/proc/self/mountinfo"

static void
put(struct json *j, const char *key, const char *text)
{
	if (text[0] != '\0')
		json_str(j, key, text);
}

void
report_kernel(struct json *j, const char *name)
{
	char nodes[NODES_TEXT], text[MOUNTS_TEXT];

	if (name[0] == '\0')
		return;
	vhci_drivers(SYSFS, name, text, NODES_TEXT);
	put(j, "driver", text);
	vhci_nodes(SYSFS, name, nodes, sizeof(nodes));
	put(j, "nodes", nodes);
	vhci_mounts(MOUNTS, nodes, text, sizeof(text));
	put(j, "mounts", text);
}
