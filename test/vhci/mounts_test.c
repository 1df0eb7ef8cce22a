/* SPDX-License-Identifier: ISC */
/* link: vhci core */
/*
 * Mount points by the kernel's list of them.
 */
#include <stdio.h>
#include <unistd.h>

#include "test/test.h"
#include "vhci/mounts.h"

static const char list[] = "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
			   "30 22 8:17 / /media/my\\040stick rw - vfat /dev/sdb1 rw\n"
			   "31 22 8:18 / /mnt rw shared:2 master:3 - ext4 /dev/sdb2 rw\n"
			   "32 22 259:1 / /fast rw - ext4 /dev/nvme0n1p1 rw\n"
			   "33 22 8:160 / /other rw - ext4 /dev/sdbk1 rw\n"
			   "34 22 0:5 / /proc rw - proc proc rw\n"
			   "broken line\n"
			   "35 22 0:6 / /x rw -";

static const struct {
	const char *nodes, *mounts;
} cases[] = {
    {"/dev/sdb", "/media/my stick /mnt"},
    {"/dev/sdc", ""},
    {"/dev/sd", ""},
    {"/dev/ttyACM0 /dev/nvme0n1", "/fast"},
    {"", ""},
    {"network interface eth0", ""},
};

static void
finds_mounts(void)
{
	char path[] = "/tmp/usbp2p-mounts.XXXXXX", buf[MOUNTS_TEXT];
	int fd = mkstemp(path);

	CHECK(fd >= 0);
	CHECK_EQ(write(fd, list, sizeof(list) - 1), (ssize_t)sizeof(list) - 1);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		vhci_mounts(path, cases[i].nodes, buf, sizeof(buf));
		if (strcmp(buf, cases[i].mounts) != 0)
			printf("# %s: \"%s\"\n", cases[i].nodes, buf);
		CHECK(strcmp(buf, cases[i].mounts) == 0);
	}
	vhci_mounts(path, "/dev/sdb", buf, 17); /* only the first fits */
	CHECK(strcmp(buf, "/media/my stick") == 0);
	close(fd);
	unlink(path);
	vhci_mounts(path, "/dev/sdb", buf, sizeof(buf));
	CHECK(buf[0] == '\0');
}

TEST_MAIN(TEST(finds_mounts))
