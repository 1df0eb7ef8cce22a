/* SPDX-License-Identifier: ISC */
/* link: vhci/eject core/log */
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <event2/event.h>

#include "test/test.h"
#include "vhci/eject.h"

/* A tree like /sys/bus/usb/devices; `unbind` is what each test makes it. */
static char root[64];
static int ended;

static void
make_tree(void)
{
	char path[128];

	strcpy(root, "/tmp/usbp2p-eject-XXXXXX");
	CHECK(mkdtemp(root) != NULL);
	snprintf(path, sizeof(path), "%s/3-1", root);
	CHECK(mkdir(path, 0700) == 0);
	snprintf(path, sizeof(path), "%s/3-1/3-1:1.0", root);
	CHECK(mkdir(path, 0700) == 0);
	snprintf(path, sizeof(path), "%s/3-1:1.0", root);
	CHECK(mkdir(path, 0700) == 0);
	snprintf(path, sizeof(path), "%s/3-1:1.0/driver", root);
	CHECK(mkdir(path, 0700) == 0);
}

static void
remove_tree(void)
{
	static const char *const name[] = {"3-1:1.0/driver/unbind",
					   "3-1:1.0/driver",
					   "3-1:1.0",
					   "3-1/3-1:1.0",
					   "3-1",
					   ""};
	char path[128];

	for (size_t i = 0; i < ARRAY_LEN(name); i++) {
		snprintf(path, sizeof(path), "%s/%s", root, name[i]);
		remove(path);
	}
}

static const char *
unbind_path(void)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/3-1:1.0/driver/unbind", root);
	return path;
}

static void
on_done(void *arg)
{
	ended++;
	event_base_loopbreak(arg);
}

static void
takes_drivers_off(void)
{
	struct event_base *base = event_base_new();
	struct vhci_eject *e;
	char text[16] = "";
	int fd;

	make_tree();
	fd = open(unbind_path(), O_RDWR | O_CREAT, 0600);
	ended = 0;
	e = vhci_eject_start(base, root, "3-1", 5000, on_done, base);
	CHECK(e != NULL);
	event_base_dispatch(base);
	CHECK_EQ(ended, 1);
	CHECK(read(fd, text, sizeof(text) - 1) == 7 && strcmp(text, "3-1:1.0") == 0);
	vhci_eject_free(e);
	close(fd);
	remove_tree();
	event_base_free(base);
}

static void
a_device_without_drivers_is_done(void)
{
	struct event_base *base = event_base_new();
	struct vhci_eject *e;

	make_tree(); /* no unbind file */
	ended = 0;
	e = vhci_eject_start(base, root, "3-1", 5000, on_done, base);
	event_base_dispatch(base);
	CHECK_EQ(ended, 1);
	vhci_eject_free(e);
	remove_tree();
	event_base_free(base);
}

/* A FIFO that nobody reads blocks the child as a driver would that waits. */
static void
does_not_wait_for_ever_nor_hold_our_files(void)
{
	struct event_base *base = event_base_new();
	struct vhci_eject *e;
	int pair[2];
	char c;

	make_tree();
	CHECK(mkfifo(unbind_path(), 0600) == 0);
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	ended = 0;
	e = vhci_eject_start(base, root, "3-1", 200, on_done, base);
	event_base_dispatch(base);
	CHECK_EQ(ended, 1);
	/* the child still hangs: our end must be the only one */
	close(pair[0]);
	CHECK_EQ(recv(pair[1], &c, 1, MSG_DONTWAIT), 0);
	vhci_eject_free(e);
	close(pair[1]);
	remove_tree();
	event_base_free(base);
}

static pid_t
child_of_ours(void)
{
	char path[64];
	int pid = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	f = fopen(path, "r");
	CHECK(f != NULL && fscanf(f, "%d", &pid) == 1 && pid > 1);
	if (f != NULL)
		fclose(f);
	return (pid_t)pid;
}

/* Who is told to end lets it take the drivers off first. */
static void
goes_on_when_told_to_end(void)
{
	struct event_base *base = event_base_new();
	struct vhci_eject *e;
	char text[16] = "";
	pid_t child;
	int fd;

	make_tree();
	CHECK(mkfifo(unbind_path(), 0600) == 0);
	ended = 0;
	e = vhci_eject_start(base, root, "3-1", 20000, on_done, base);
	child = child_of_ours();
	if (child > 1)
		CHECK(kill(child, SIGTERM) == 0 && kill(child, SIGINT) == 0);
	fd = open(unbind_path(), O_RDONLY | O_NONBLOCK); /* now it is written */
	event_base_dispatch(base);
	CHECK_EQ(ended, 1);
	CHECK(read(fd, text, sizeof(text) - 1) == 7 && strcmp(text, "3-1:1.0") == 0);
	vhci_eject_free(e);
	close(fd);
	remove_tree();
	event_base_free(base);
}

TEST_MAIN(TEST(goes_on_when_told_to_end), TEST(takes_drivers_off),
	  TEST(a_device_without_drivers_is_done),
	  TEST(does_not_wait_for_ever_nor_hold_our_files))
