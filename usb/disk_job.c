/* SPDX-License-Identifier: ISC */
/*
 * What a virtual disk lets its worker do: the calls that block. Runs in the
 * worker's thread and touches nothing but the job and the pinned buffer.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "usb/disk.h"

#define VERIFY_CHUNK 65536 /* bytes read at once, and thrown away */

static ssize_t
read_some(struct disk_job *j)
{
	return pread(j->fd, j->buf + j->moved, j->len - j->moved,
		     (off_t)(j->at + j->moved));
}

static ssize_t
write_some(struct disk_job *j)
{
	return pwrite(j->fd, j->buf + j->moved, j->len - j->moved,
		      (off_t)(j->at + j->moved));
}

static ssize_t
verify_some(struct disk_job *j)
{
	size_t n = j->len - j->moved;
	void *buf = malloc(VERIFY_CHUNK);
	ssize_t r;

	if (buf == NULL) {
		errno = ENOMEM;
		return -1;
	}
	r = pread(j->fd, buf, n < VERIFY_CHUNK ? n : VERIFY_CHUNK,
		  (off_t)(j->at + j->moved));
	free(buf);
	return r;
}

/* Nothing moves: 0 bytes of 0. */
static ssize_t
sync_all(struct disk_job *j)
{
	return fdatasync(j->fd);
}

/* The call until all is moved or it fails. The file's end where there was data
 * when it was opened (somebody cut it) is an error too. */
void
disk_job_run(struct worker_job *wj)
{
	static ssize_t (*const calls[])(struct disk_job *) = {
	    [DISK_READ] = read_some,
	    [DISK_WRITE] = write_some,
	    [DISK_VERIFY] = verify_some,
	    [DISK_SYNC] = sync_all,
	};
	struct disk_job *j = CONTAINER_OF(wj, struct disk_job, job);
	ssize_t r;

	j->moved = 0;
	j->error = 0;
	do {
		r = calls[j->op](j);
		if (r > 0)
			j->moved += (uint32_t)r;
	} while ((r > 0 && j->moved < j->len) || (r < 0 && errno == EINTR));
	if (r < 0)
		j->error = errno;
	else if (j->moved < j->len)
		j->error = EIO;
	if (j->error != 0)
		j->moved -= j->moved % SCSI_BLOCK;
}
