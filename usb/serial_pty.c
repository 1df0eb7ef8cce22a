/* SPDX-License-Identifier: ISC */
/*
 * A pty in raw mode. Any speed can be set with termios2, which the headers of
 * libc do not have and which cannot be included beside theirs.
 */
#include <asm/termbits.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "core/text.h"
#include "usb/serial.h"

static int
fail(char *why, size_t cap, int err, const char *what)
{
	snprintf(why, cap, "no pty for a serial port: %s: %s", what, strerror(errno));
	return err;
}

static int
make_raw(int fd)
{
	struct termios2 t;

	if (ioctl(fd, TCGETS2, &t) != 0)
		return -1;
	t.c_iflag = 0;
	t.c_oflag = 0;
	t.c_lflag = 0;
	t.c_cflag = (t.c_cflag & ~(unsigned)(CSIZE | PARENB)) | CS8 | CREAD | CLOCAL;
	t.c_cc[VMIN] = 1;
	t.c_cc[VTIME] = 0;
	return ioctl(fd, TCSETS2, &t);
}

/* A link that a serve left behind when it was killed may be taken. */
static bool
is_left_over(const char *link)
{
	char to[64];
	ssize_t n = readlink(link, to, sizeof(to) - 1);

	return n > 0 && strncmp(to, "/dev/pts/", 9) == 0;
}

static int
make_link(struct serial_pty *p, const char *link, char *why, size_t cap)
{
	char shown[64];
	int r = symlink(p->name, link) == 0 ? 0 : errno;

	if (r == EEXIST && is_left_over(link) && unlink(link) == 0)
		r = symlink(p->name, link) == 0 ? 0 : errno;
	if (r == 0 && text_copy(p->link, sizeof(p->link), link))
		return ERR_OK;
	text_copy(shown, sizeof(shown), link);
	text_clean(shown);
	snprintf(why, cap, "cannot make the link %s to a pty: %s%s", shown, strerror(r),
		 r == EEXIST ? "; remove it or name another" : "");
	return r == EEXIST ? ERR_BUSY : ERR_IO;
}

int
serial_pty_open(struct serial_pty *p, const char *link, char *why, size_t cap)
{
	p->master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (p->master < 0)
		return fail(why, cap, ERR_LACKING, "/dev/ptmx");
	if (grantpt(p->master) != 0 || unlockpt(p->master) != 0 ||
	    ptsname_r(p->master, p->name, sizeof(p->name)) != 0)
		return fail(why, cap, ERR_LACKING, "/dev/pts");
	p->slave = open(p->name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (p->slave < 0 || make_raw(p->slave) != 0)
		return fail(why, cap, ERR_IO, p->name);
	return link[0] ? make_link(p, link, why, cap) : ERR_OK;
}

void
serial_pty_close(struct serial_pty *p)
{
	char to[64];
	ssize_t n = p->link[0] ? readlink(p->link, to, sizeof(to)) : -1;

	if (n > 0 && (size_t)n == strlen(p->name) && memcmp(to, p->name, (size_t)n) == 0)
		unlink(p->link);
	if (p->slave >= 0)
		close(p->slave);
	if (p->master >= 0)
		close(p->master);
	p->slave = p->master = -1;
	p->link[0] = '\0';
}

/* Programs know a usual speed by its code, an unusual one not at all. */
static unsigned
speed_code(uint32_t rate)
{
	static const struct {
		uint32_t rate;
		unsigned code;
	} usual[] = {
	    {300, B300},         {600, B600},         {1200, B1200},
	    {2400, B2400},       {4800, B4800},       {9600, B9600},
	    {19200, B19200},     {38400, B38400},     {57600, B57600},
	    {115200, B115200},   {230400, B230400},   {460800, B460800},
	    {500000, B500000},   {576000, B576000},   {921600, B921600},
	    {1000000, B1000000}, {1500000, B1500000}, {2000000, B2000000},
	    {3000000, B3000000}, {4000000, B4000000},
	};

	for (size_t i = 0; i < ARRAY_LEN(usual); i++)
		if (usual[i].rate == rate)
			return usual[i].code;
	return BOTHER;
}

void
serial_pty_line(const struct serial_pty *p, const struct serial_line *line)
{
	unsigned code = speed_code(line->rate);
	struct termios2 t;

	if (line->rate == 0 || ioctl(p->slave, TCGETS2, &t) != 0)
		return;
	t.c_cflag &= ~(unsigned)(CBAUD | CSTOPB | (CBAUD << IBSHIFT));
	t.c_cflag |= code | code << IBSHIFT | (line->stop == 2 ? CSTOPB : 0u);
	t.c_ispeed = t.c_ospeed = line->rate;
	ioctl(p->slave, TCSETS2, &t);
}
