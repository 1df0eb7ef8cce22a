/* SPDX-License-Identifier: ISC */
/*
 * The file behind a virtual disk: opened, locked, measured, and the names that
 * the stick gets from it.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "core/text.h"
#include "usb/disk.h"

struct file {
	char path[PATH_MAX];
	char shown[64]; /* its name, clean */
	bool ro;
	char *why;
	size_t cap;
};

static int
refuse(const struct file *f, int err, const char *reason)
{
	snprintf(f->why, f->cap, "cannot share %s: %s", f->shown, reason);
	return err;
}

static int
parse(struct file *f, const char *spec)
{
	size_t n = strlen(spec);

	f->ro = n >= 3 && strcmp(spec + n - 3, ",ro") == 0;
	n -= f->ro ? 3 : 0;
	if (n == 0 || n >= sizeof(f->path)) {
		snprintf(f->why, f->cap,
			 "a disk needs a file: write disk:FILE or disk:FILE,ro");
		return ERR_USAGE;
	}
	memcpy(f->path, spec, n);
	f->path[n] = '\0';
	text_copy(f->shown, sizeof(f->shown), f->path);
	text_clean(f->shown);
	return ERR_OK;
}

/* open(2) failed: what people can do about it */
static int
refuse_errno(const struct file *f, int error)
{
	static const struct {
		int error, err;
		const char *reason;
	} known[] = {
	    {ENOENT, ERR_NODEV, "there is no such file; make one, or check the name"},
	    {ENOTDIR, ERR_NODEV, "there is no such file; check the name"},
	    {EISDIR, ERR_USAGE, "it is a directory; name a file or a block device"},
	    {EACCES, ERR_IO, "no permission; change that, or add ,ro to only read"},
	    {EPERM, ERR_IO, "not permitted; add ,ro to only read"},
	    {EROFS, ERR_IO, "its file system is read-only; add ,ro to only read"},
	    {EBUSY, ERR_BUSY, "it is mounted or in use here; unmount it first"},
	};

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (known[i].error == error)
			return refuse(f, known[i].err, known[i].reason);
	return refuse(f, ERR_IO, strerror(error));
}

/*
 * O_EXCL on a block device fails when it is mounted here. O_NONBLOCK: a FIFO
 * must not keep us; what it is, is looked at after.
 */
static int
open_file(const struct file *f)
{
	int flags = (f->ro ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
	struct stat st;

	if (stat(f->path, &st) == 0 && S_ISBLK(st.st_mode) && !f->ro)
		flags |= O_EXCL;
	return open(f->path, flags);
}

static int
measure(const struct file *f, int fd, uint64_t *bytes)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return refuse_errno(f, errno);
	*bytes = (uint64_t)st.st_size;
	if (S_ISDIR(st.st_mode))
		return refuse_errno(f, EISDIR);
	if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
		return refuse(f, ERR_USAGE,
			      "it is neither a file nor a block device; name one");
	if (S_ISBLK(st.st_mode) && ioctl(fd, BLKGETSIZE64, bytes) != 0)
		return refuse_errno(f, errno);
	if (*bytes < SCSI_BLOCK)
		return refuse(f, ERR_USAGE,
			      "it is smaller than a block of 512 bytes; enlarge it "
			      "(truncate -s 1G FILE)");
	return ERR_OK;
}

static int
lock(const struct file *f, int fd)
{
	if (flock(fd, (f->ro ? LOCK_SH : LOCK_EX) | LOCK_NB) == 0)
		return ERR_OK;
	if (errno != EWOULDBLOCK)
		return refuse_errno(f, errno);
	return refuse(f, ERR_BUSY,
		      f->ro ? "another program has locked it for writing; end that first"
			    : "another program has locked it; end that first, or add ,ro "
			      "if both only read");
}

/*
 * FNV-1a of the path: the same file is the same stick after a restart. Digits
 * and A to F, at least 12 of them (Bulk-Only Transport 4.1.1).
 */
static void
name_serial(char serial[SCSI_SERIAL + 1], const char *path)
{
	uint64_t h = 0xcbf29ce484222325;

	for (; *path != '\0'; path++)
		h = (h ^ (uint8_t)*path) * 0x100000001b3;
	snprintf(serial, SCSI_SERIAL + 1, "%016llX", (unsigned long long)h);
}

static void
name(struct disk *d, const struct file *f)
{
	const char *slash = strrchr(f->path, '/');
	char real[PATH_MAX];

	text_copy(d->v.dev.info.manufacturer, DEVINFO_STRING, "usbp2p");
	text_copy(d->v.dev.info.product, DEVINFO_STRING, slash ? slash + 1 : f->path);
	text_clean(d->v.dev.info.product);
	text_copy(d->scsi.product, sizeof(d->scsi.product), d->v.dev.info.product);
	name_serial(d->scsi.serial, realpath(f->path, real) ? real : f->path);
	text_copy(d->v.dev.info.serial, DEVINFO_STRING, d->scsi.serial);
}

int
disk_file_open(struct disk *d, const char *spec, char *why, size_t cap)
{
	struct file f = {.why = why, .cap = cap};
	uint64_t bytes;
	int r = parse(&f, spec);

	if (r != ERR_OK)
		return r;
	d->fd = open_file(&f);
	if (d->fd < 0)
		return refuse_errno(&f, errno);
	if ((r = measure(&f, d->fd, &bytes)) != ERR_OK || (r = lock(&f, d->fd)) != ERR_OK)
		return r;
	d->scsi.blocks = bytes / SCSI_BLOCK;
	d->scsi.ro = f.ro;
	name(d, &f);
	return ERR_OK;
}
