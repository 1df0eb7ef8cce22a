/* SPDX-License-Identifier: ISC */
/*
 * usbtest NODE CASE[xN]...: runs cases of the kernel's module usbtest on the device
 * /dev/bus/usb/BBB/DDD that it drives, and prints a line for each: its number, "ok" or
 * the error, and how long it took; with xN a case does N times as much. Exit code 1 if
 * one failed. What the cases do, and the structure, is in drivers/usb/misc/usbtest.c of
 * Linux.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/usbdevice_fs.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* The kernel's usbtest_param_32. */
struct param {
	uint32_t test, iterations, length, vary, sglen;
	int32_t sec, usec; /* how long it took */
};

#define REQUEST _IOWR('U', 100, struct param)

/*
 * Enough to meet each path several times, yet seconds for all of them on an emulated
 * processor. Lengths of IN transfers are whole packets: the gadget sends no others.
 */
static const struct param cases[] = {
    {0, 1, 0, 0, 0, 0, 0},        /* nothing */
    {1, 20, 4096, 0, 0, 0, 0},    /* OUT */
    {2, 20, 32768, 0, 0, 0, 0},   /* IN */
    {3, 20, 4096, 421, 0, 0, 0},  /* OUT of varying lengths */
    {4, 20, 4096, 512, 0, 0, 0},  /* IN of varying lengths */
    {5, 5, 4096, 0, 16, 0, 0},    /* OUT, queued */
    {6, 5, 4096, 0, 16, 0, 0},    /* IN, queued */
    {7, 5, 4096, 512, 16, 0, 0},  /* OUT, queued, varying */
    {8, 5, 4096, 512, 16, 0, 0},  /* IN, queued, varying */
    {9, 3, 0, 0, 0, 0, 0},        /* standard control requests */
    {10, 5, 0, 0, 16, 0, 0},      /* control requests, queued */
    {11, 10, 4096, 0, 0, 0, 0},   /* IN, taken back */
    {12, 10, 4096, 0, 0, 0, 0},   /* OUT, taken back */
    {13, 5, 0, 0, 0, 0, 0},       /* halt and clear */
    {14, 10, 1024, 100, 0, 0, 0}, /* control OUT, read back */
    {17, 20, 4096, 0, 0, 0, 0},   /* OUT from an odd address */
    {18, 20, 4096, 0, 0, 0, 0},   /* IN to an odd address */
    {19, 20, 4096, 0, 0, 0, 0},   /* OUT, odd, mapped beforehand */
    {20, 20, 4096, 0, 0, 0, 0},   /* IN, odd, mapped beforehand */
    {21, 10, 1024, 100, 0, 0, 0}, /* control OUT from an odd address */
    {24, 5, 4096, 0, 16, 0, 0},   /* queued OUT, some taken back */
    {27, 4, 4096, 0, 32, 0, 0},   /* OUT, as fast as it goes */
    {28, 4, 4096, 0, 32, 0, 0},   /* IN, as fast as it goes */
    {29, 10, 4096, 0, 0, 0, 0},   /* toggles after a cleared halt */
};

static struct param
find(const char *name)
{
	unsigned test, times = 1;

	if (sscanf(name, "%ux%u", &test, &times) >= 1)
		for (size_t i = 0; i < COUNT(cases); i++)
			if (cases[i].test == test) {
				struct param p = cases[i];

				p.iterations *= times;
				return p;
			}
	fprintf(stderr, "usbtest: no case %s here\n", name);
	exit(2);
}

/* Through usbfs to the driver of interface 0. */
static int
run(int fd, const char *name)
{
	struct param p = find(name);
	struct usbdevfs_ioctl call = {.ifno = 0, .ioctl_code = REQUEST, .data = &p};
	int r = ioctl(fd, USBDEVFS_IOCTL, &call);

	printf("%2u %s %d.%03d s\n", (unsigned)p.test, r < 0 ? strerror(errno) : "ok",
	       (int)p.sec, (int)p.usec / 1000);
	fflush(stdout); /* the next one may stop the machine */
	return r < 0;
}

int
main(int argc, char **argv)
{
	int fd, bad = 0;

	if (argc < 3 || (fd = open(argv[1], O_RDWR)) < 0) {
		perror(argc < 3 ? "usbtest NODE CASE[xN]..." : argv[1]);
		return 2;
	}
	for (int i = 2; i < argc; i++)
		bad |= run(fd, argv[i]);
	close(fd);
	return bad;
}
