/* SPDX-License-Identifier: ISC */
/* link: vhci core */
/*
 * Nodes by the names of folders, as the kernel lays them out.
 */
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test/test.h"
#include "vhci/nodes.h"

static char top[] = "/tmp/usbp2p-nodes.XXXXXX";

/* mkdir -p below top */
static void
folder(const char *path)
{
	char all[400];

	snprintf(all, sizeof(all), "%s/%s/", top, path);
	for (char *p = all + strlen(top) + 1; *p != '\0'; p++)
		if (*p == '/') {
			*p = '\0';
			mkdir(all, 0700);
			*p = '/';
		}
}

static const struct {
	const char *busid, *path[3], *nodes;
} cases[] = {
    {"3-1", {"3-1/3-1:1.0/host2/target2:0:0/2:0:0:0/block/sdb/sdb1"}, "/dev/sdb"},
    {"3-2", {"3-2/3-2:1.0/tty/ttyACM0"}, "/dev/ttyACM0"},
    {"3-3", {"3-3/3-3:1.0/ttyUSB3/tty/ttyUSB3"}, "/dev/ttyUSB3"},
    {"3-4",
     {"3-4/3-4:1.0/0003:046D:C077.0001/input/input9/event4/x",
      "3-4/3-4:1.0/0003:046D:C077.0001/input/input9/mouse0"},
     "/dev/input/event4"},
    {"3-5",
     {"3-5/3-5:1.0/0003:046D:C077.0001/hidraw/hidraw2", "3-5/3-5:1.0/power"},
     "/dev/hidraw2"},
    {"3-6", {"3-6/3-6:1.0"}, ""},
};

static void
finds_what_drivers_made(void)
{
	char nodes[NODES_TEXT];

	CHECK(mkdtemp(top) != NULL);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		for (size_t k = 0; k < 3 && cases[i].path[k] != NULL; k++)
			folder(cases[i].path[k]);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		vhci_nodes(top, cases[i].busid, nodes, sizeof(nodes));
		if (strcmp(nodes, cases[i].nodes) != 0)
			printf("# %s: \"%s\", not \"%s\"\n", cases[i].busid, nodes,
			       cases[i].nodes);
		CHECK(strcmp(nodes, cases[i].nodes) == 0);
	}
}

static void
driver_of(const char *interface, const char *driver)
{
	char link[400], to[400];

	folder(interface);
	snprintf(link, sizeof(link), "%s/%s/driver", top, interface);
	snprintf(to, sizeof(to), "../../../bus/usb/drivers/%s", driver);
	CHECK_EQ(symlink(to, link), 0);
}

static void
finds_drivers(void)
{
	char text[NODES_TEXT];

	driver_of("4-1/4-1:1.0", "usbhid");
	driver_of("4-1/4-1:1.1", "usbhid");
	folder("4-1/4-1:1.2");
	vhci_drivers(top, "4-1", text, sizeof(text));
	CHECK(strcmp(text, "usbhid") == 0);
	driver_of("4-1/4-1:1.3", "hid"); /* a part of the other's name */
	vhci_drivers(top, "4-1", text, sizeof(text));
	CHECK_EQ(strlen(text), strlen("usbhid hid"));
	vhci_drivers(top, "4-1", text, 9);
	CHECK(strlen(text) < 9);
	vhci_drivers(top, "3-6", text, sizeof(text));
	CHECK(text[0] == '\0');
	vhci_drivers(top, "../3-6", text, sizeof(text));
	CHECK(text[0] == '\0');
}

TEST_MAIN(TEST(finds_what_drivers_made), TEST(finds_drivers))
