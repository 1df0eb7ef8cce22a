/* SPDX-License-Identifier: ISC */
/*
 * Data for gadget zero's functions, through usbfs, checked byte for byte:
 *
 *	bulk source NODE EP BYTES		reads the pattern of SourceSink
 *	bulk sink NODE EP BYTES			writes it; the gadget halts at a wrong
 *byte bulk loop NODE EP-OUT EP-IN BYTES	writes to Loopback, and reads it back
 *
 * NODE is /dev/bus/usb/BBB/DDD, its interface 0 has no driver. EP is hexadecimal,
 * BYTES a multiple of 16384. Exit code 1 if anything is not as it should be.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/usbdevice_fs.h>

#define PIECE  16384
#define PACKET 512   /* high speed */
#define WAIT   20000 /* ms for a piece */

static void
must(bool good, const char *what)
{
	if (good)
		return;
	perror(what);
	exit(1);
}

/* Gadget zero's pattern 1: counts modulo 63, anew in each packet. */
static uint8_t
counted(size_t i)
{
	return (uint8_t)(i % PACKET % 63);
}

/* Neither a packet nor a piece is like another one. */
static uint8_t
mixed(size_t i)
{
	uint32_t x = (uint32_t)i * 2654435761u;

	return (uint8_t)(x >> 24 ^ x >> 11);
}

static void
move(int fd, unsigned ep, uint8_t *buf)
{
	struct usbdevfs_bulktransfer b = {
	    .ep = ep, .len = PIECE, .timeout = WAIT, .data = buf};

	must(ioctl(fd, USBDEVFS_BULK, &b) == PIECE, ep & 0x80 ? "in" : "out");
}

static void
give(int fd, unsigned ep, size_t bytes, uint8_t (*what)(size_t))
{
	static uint8_t buf[PIECE];

	for (size_t at = 0; at < bytes; at += PIECE) {
		for (size_t i = 0; i < PIECE; i++)
			buf[i] = what(at + i);
		move(fd, ep, buf);
	}
}

static void
take(int fd, unsigned ep, size_t bytes, uint8_t (*what)(size_t))
{
	static uint8_t buf[PIECE];

	for (size_t at = 0; at < bytes; at += PIECE) {
		move(fd, ep, buf);
		for (size_t i = 0; i < PIECE; i++)
			if (buf[i] != what(at + i)) {
				fprintf(stderr, "byte %zu is %02x, not %02x\n", at + i,
					buf[i], what(at + i));
				exit(1);
			}
	}
}

static void
loop(int fd, unsigned out, unsigned in, size_t bytes)
{
	int status;
	pid_t writer = fork();

	must(writer >= 0, "fork");
	if (writer == 0) {
		give(fd, out, bytes, mixed);
		_exit(0);
	}
	take(fd, in, bytes, mixed);
	must(waitpid(writer, &status, 0) == writer, "waitpid");
	if (status != 0)
		exit(1);
}

static int
usage(void)
{
	fputs("usage: bulk source|sink NODE EP BYTES | loop NODE EP-OUT EP-IN BYTES\n",
	      stderr);
	return 2;
}

int
main(int argc, char **argv)
{
	unsigned ep, interface = 0;
	size_t bytes;
	int fd;

	if (argc < 5)
		return usage();
	fd = open(argv[2], O_RDWR);
	must(fd >= 0 && ioctl(fd, USBDEVFS_CLAIMINTERFACE, &interface) == 0, argv[2]);
	ep = (unsigned)strtoul(argv[3], NULL, 16);
	bytes = strtoul(argv[argc - 1], NULL, 10) / PIECE * PIECE;
	if (strcmp(argv[1], "source") == 0)
		take(fd, ep, bytes, counted);
	else if (strcmp(argv[1], "sink") == 0)
		give(fd, ep, bytes, counted);
	else if (strcmp(argv[1], "loop") == 0 && argc == 6)
		loop(fd, ep, (unsigned)strtoul(argv[4], NULL, 16), bytes);
	else
		return usage();
	return 0;
}
