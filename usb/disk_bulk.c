/* SPDX-License-Identifier: ISC */
/*
 * The bulk endpoints of the virtual disk: carries packets between urbs and the
 * transport (usb/bot), gives commands to usb/scsi, and has the worker move the
 * data between the file and the urbs' own buffers.
 */
#include <string.h>

#include "core/log.h"
#include "core/usbip.h"
#include "usb/disk.h"

#define JOB_MAX (1u << 20) /* bytes a job moves: what a cancel may have to wait for */

static uint32_t
min_u32(uint64_t a, uint32_t b)
{
	return a < b ? (uint32_t)a : b;
}

static void
start(struct disk *d, enum disk_op op, uint64_t at, uint32_t len, struct vdev_urb *pin)
{
	struct disk_job *j = &d->job;

	j->job.run = disk_job_run;
	j->job.done = disk_job_done;
	j->out = true;
	j->op = op;
	j->fd = d->fd;
	j->at = at;
	j->len = len;
	j->pin = pin;
	if (pin)
		pin->pinned = true;
	j->buf = pin ? pin->urb->buf + pin->urb->actual : NULL;
	worker_do(d->worker, &j->job);
}

void
disk_sync(struct disk *d)
{
	start(d, DISK_SYNC, 0, 0, NULL);
}

/* The command has failed: it moves nothing more, the host will be told why. */
static void
fail(struct disk *d, enum scsi_sense sense, uint64_t lba)
{
	scsi_failed(&d->scsi, sense, lba);
	d->task = (struct scsi_task){.todo = SCSI_NOTHING};
	bot_cut(&d->bot);
}

/* State CBW: the next packet from the host is a command. */

static void
command(struct disk *d, const uint8_t *cdb, size_t n)
{
	static const enum bot_dir dirs[] = {
	    [SCSI_SEND] = BOT_DATA_IN,
	    [SCSI_READ] = BOT_DATA_IN,
	    [SCSI_WRITE] = BOT_DATA_OUT,
	    [SCSI_FLUSH] = BOT_NO_DATA,
	};
	enum bot_dir dir;

	scsi_command(&d->scsi, cdb, n, &d->task);
	dir = dirs[d->task.todo];
	if (!bot_begin(&d->bot, dir, dir == BOT_NO_DATA ? 0 : d->task.len))
		d->task = (struct scsi_task){.todo = SCSI_NOTHING};
}

static bool
cbw_step(struct disk *d)
{
	struct vdev_urb *du = vdev_first(&d->v, DISK_EP_OUT);
	const uint8_t *cdb;
	size_t cdb_len;
	struct urb *u;
	uint32_t n;

	if (du == NULL)
		return false;
	u = du->urb;
	n = min_u32(u->len - u->actual, DISK_PACKET);
	if (n == 0) { /* the zero packet behind the last command's data */
		vdev_finish(&d->v, du, 0);
		return true;
	}
	if (bot_cbw(&d->bot, u->buf + u->actual, n, &cdb, &cdb_len) != ERR_OK) {
		log_warn("device %s bad command wrapper len=%u", d->v.dev.info.busid, n);
		vdev_finish(&d->v, du, -LINUX_EPIPE);
		return true;
	}
	command(d, cdb, cdb_len);
	u->actual += n; /* all of the urb: a CBW is shorter than a packet */
	vdev_finish(&d->v, du, 0);
	return true;
}

/* State IN: data to the host. */

/* Whether the urb ends here: full, or the data are over. */
static bool
in_settle(struct disk *d, struct vdev_urb *du)
{
	struct urb *u = du->urb;
	bool stalled = d->bot.halted[BOT_PIPE_IN] && u->actual % DISK_PACKET == 0;

	if (u->actual < u->len && d->bot.state == BOT_IN)
		return false;
	vdev_finish(&d->v, du, u->actual < u->len && stalled ? -LINUX_EPIPE : 0);
	return true;
}

static void
in_overflow(struct disk *d, struct vdev_urb *du)
{
	uint32_t n = min_u32(bot_left(&d->bot), DISK_PACKET);

	bot_moved(&d->bot, n, n);
	vdev_finish(&d->v, du, -LINUX_EOVERFLOW);
}

static bool
in_step(struct disk *d)
{
	struct vdev_urb *du = vdev_first(&d->v, DISK_EP_IN);
	struct urb *u;
	uint32_t n, left = bot_left(&d->bot);

	if (du == NULL || d->job.out)
		return false;
	if (d->task.fua && d->dirty) { /* it shall come from the medium */
		disk_sync(d);
		return true;
	}
	u = du->urb;
	n = min_u32(left, u->len - u->actual);
	if (n < left)
		n -= n % DISK_PACKET;
	if (n == 0) {
		in_overflow(d, du);
		return true;
	}
	if (d->task.todo == SCSI_READ) {
		start(d, DISK_READ, d->task.at + d->bot.moved, min_u32(n, JOB_MAX), du);
		return true;
	}
	memcpy(u->buf + u->actual, d->scsi.reply + d->bot.moved, n);
	u->actual += n;
	bot_moved(&d->bot, n, n);
	in_settle(d, du);
	return true;
}

static bool
read_done(struct disk *d, struct vdev_urb *du)
{
	struct disk_job *j = &d->job;

	du->urb->actual += j->moved;
	bot_moved(&d->bot, j->moved, j->moved);
	if (j->error)
		fail(d, SCSI_READ_ERROR, (j->at + j->moved) / SCSI_BLOCK);
	return in_settle(d, du);
}

/* State OUT: data from the host. */

/* A short packet: if the command wanted more, it has not got what it needs. */
static void
host_ended(struct disk *d)
{
	if (d->task.good && bot_left(&d->bot) > 0)
		fail(d, SCSI_DATA_PHASE, 0);
	bot_host_ended(&d->bot);
}

/* Whether the urb ends here. What is left of it else is the next packet. */
static bool
out_settle(struct disk *d, struct vdev_urb *du)
{
	struct urb *u = du->urb;

	if (u->actual < u->len)
		return false;
	if (d->bot.state == BOT_OUT && (u->len == 0 || u->len % DISK_PACKET != 0))
		host_ended(d);
	vdev_finish(&d->v, du, 0);
	return true;
}

static bool
out_step(struct disk *d)
{
	struct vdev_urb *du = vdev_first(&d->v, DISK_EP_OUT);
	struct urb *u;
	uint32_t room, n;

	if (du == NULL || d->job.out)
		return false;
	u = du->urb;
	room = u->len - u->actual;
	n = min_u32(room, bot_left(&d->bot));
	n = min_u32(n - n % SCSI_BLOCK, JOB_MAX);
	if (n > 0 && d->task.todo == SCSI_WRITE) {
		d->dirty = true;
		start(d, DISK_WRITE, d->task.at + d->bot.moved, n, du);
		return true;
	}
	n = min_u32(room, bot_expected(&d->bot)); /* nobody wants it, or half a block */
	u->actual += n;
	bot_moved(&d->bot, n, 0);
	out_settle(d, du);
	return true;
}

static bool
write_done(struct disk *d, struct vdev_urb *du)
{
	struct disk_job *j = &d->job;

	du->urb->actual += j->len; /* taken, even if it could not be written */
	bot_moved(&d->bot, j->len, j->moved);
	if (j->error)
		fail(d, SCSI_WRITE_ERROR, (j->at + j->moved) / SCSI_BLOCK);
	return out_settle(d, du);
}

/* State END: what a command does without moving data. */

static bool
end_step(struct disk *d)
{
	struct scsi_task *t = &d->task;

	if (d->job.out)
		return false;
	if (t->todo == SCSI_FLUSH || (t->todo == SCSI_WRITE && t->fua))
		disk_sync(d);
	else if (t->todo == SCSI_VERIFY)
		start(d, DISK_VERIFY, t->at, min_u32(t->len, JOB_MAX), NULL);
	else
		bot_end(&d->bot, t->good);
	return true;
}

static bool
verify_done(struct disk *d, struct vdev_urb *du)
{
	struct disk_job *j = &d->job;

	(void)du;
	d->task.at += j->moved;
	d->task.len -= j->moved;
	if (j->error)
		fail(d, SCSI_READ_ERROR, d->task.at / SCSI_BLOCK);
	else if (d->task.len == 0)
		d->task.todo = SCSI_NOTHING;
	return true;
}

static bool
sync_done(struct disk *d, struct vdev_urb *du)
{
	(void)du;
	if (d->job.error) {
		fail(d, SCSI_WRITE_ERROR, UINT64_MAX);
		return true;
	}
	d->dirty = false;
	d->task.fua = false;
	if (d->task.todo == SCSI_FLUSH)
		d->task.todo = SCSI_NOTHING;
	return true;
}

/* State CSW */

static bool
csw_step(struct disk *d)
{
	struct vdev_urb *du = vdev_first(&d->v, DISK_EP_IN);
	struct urb *u;

	if (du == NULL)
		return false;
	u = du->urb;
	if (u->len >= BOT_CSW_LEN) {
		bot_csw(&d->bot, u->buf);
		u->actual = BOT_CSW_LEN;
	}
	bot_csw_sent(&d->bot);
	vdev_finish(&d->v, du, u->actual ? 0 : -LINUX_EOVERFLOW);
	return true;
}

static void
complain(struct disk *d)
{
	static const char *const ops[] = {
	    [DISK_READ] = "read",
	    [DISK_WRITE] = "write",
	    [DISK_VERIFY] = "read",
	    [DISK_SYNC] = "flush",
	};
	const struct disk_job *j = &d->job;

	if (j->error != 0 && !d->complained)
		log_error("device %s %s failed at=%llu len=%u reason=\"%s\"",
			  d->v.dev.info.busid, ops[j->op],
			  (unsigned long long)(j->at + j->moved), j->len - j->moved,
			  strerror(j->error));
	d->complained = j->error != 0;
}

void
disk_job_done(struct worker_job *wj)
{
	static bool (*const ends[])(struct disk *, struct vdev_urb *) = {
	    [DISK_READ] = read_done,
	    [DISK_WRITE] = write_done,
	    [DISK_VERIFY] = verify_done,
	    [DISK_SYNC] = sync_done,
	};
	struct disk *d = CONTAINER_OF(wj, struct disk, job.job);
	struct vdev_urb *pin = d->job.pin;

	d->job.out = false;
	d->job.pin = NULL;
	if (pin)
		pin->pinned = false;
	complain(d);
	vdev_kick(&d->v);
	if (!ends[d->job.op](d, pin) && pin->cancelled)
		vdev_drop(&d->v, pin);
}

static struct vdev_urb *
halted(struct disk *d)
{
	struct vdev_urb *du = NULL;

	if (d->bot.halted[BOT_PIPE_IN])
		du = vdev_first(&d->v, DISK_EP_IN);
	if (du == NULL && d->bot.halted[BOT_PIPE_OUT])
		du = vdev_first(&d->v, DISK_EP_OUT);
	return du;
}

bool
disk_step(struct vdev *v)
{
	static bool (*const steps[])(struct disk *) = {
	    [BOT_CBW] = cbw_step, [BOT_IN] = in_step,   [BOT_OUT] = out_step,
	    [BOT_END] = end_step, [BOT_CSW] = csw_step, [BOT_DEAD] = NULL,
	};
	struct disk *d = CONTAINER_OF(v, struct disk, v);
	struct vdev_urb *du = halted(d);

	if (du) {
		vdev_finish(&d->v, du, -LINUX_EPIPE);
		return true;
	}
	return steps[d->bot.state] && steps[d->bot.state](d);
}
