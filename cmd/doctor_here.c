/* SPDX-License-Identifier: ISC */
/*
 * What this machine has, in three tables of checks: what both sides need is here.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/doctor_look.h"

#define BUFFER_BYTES (4u << 20) /* net/twin asks for so much */

/* Directories that do not exist yet are made in the one above. */
static void
state_dir_right(struct doctor *d, const char *check)
{
	char path[PATH_MAX], key[PATH_MAX + 16], *slash;
	struct stat st;

	doctor_place(d, path, "%s", d->ctx->dir);
	snprintf(key, sizeof(key), "%s/key.pem", path);
	if (stat(key, &st) == 0 && (st.st_mode & 077) != 0) {
		doctor_say(d, check, DOCTOR_WARN, "others may read the key %s", key);
		doctor_fix(d, "chmod 600 %s", key);
		return;
	}
	while (access(path, F_OK) != 0 && errno == ENOENT &&
	       (slash = strrchr(path, '/')) != NULL && slash != path)
		*slash = '\0';
	if (d->w->may(path, R_OK | W_OK | X_OK)) {
		doctor_say(d, check, DOCTOR_OK, "%s may keep its state in %s", d->w->user,
			   d->ctx->dir);
		return;
	}
	doctor_say(d, check, DOCTOR_MISSING, "%s may not write %s, for its state in %s",
		   d->w->user, path, d->ctx->dir);
	doctor_fix(d, "install -d -m 700 -o %s %s", d->w->user, d->ctx->dir);
}

/* Tickets expire, and so do credentials for relays. */
static void
clock_right(struct doctor *d, const char *check)
{
	if (d->w->now < DOCTOR_CLOCK)
		doctor_say(d, check, DOCTOR_MISSING,
			   "the clock is wrong: it is not before 2026");
	else if (!d->w->synced)
		doctor_say(d, check, DOCTOR_WARN, "nobody keeps the clock right");
	else
		doctor_say(d, check, DOCTOR_OK, "the clock is kept right");
	if (d->w->now < DOCTOR_CLOCK || !d->w->synced)
		doctor_fix(d, "timedatectl set-ntp true");
}

/* Who may not exceed the limits has what they allow. */
static void
buffers(struct doctor *d, const char *check)
{
	uint64_t in, out;

	if (!doctor_number(d, "/proc/sys/net/core/rmem_max", &in) ||
	    !doctor_number(d, "/proc/sys/net/core/wmem_max", &out)) {
		doctor_say(d, check, DOCTOR_UNKNOWN,
			   "the limits of sockets cannot be read");
	} else if (d->w->is_root || (in >= BUFFER_BYTES && out >= BUFFER_BYTES)) {
		doctor_say(d, check, DOCTOR_OK, "sockets may have large buffers");
	} else {
		doctor_say(d, check, DOCTOR_WARN,
			   "sockets may have %llu bytes of buffers only: bursts get lost",
			   (unsigned long long)(in < out ? in : out));
		doctor_fix(d, "sysctl -w net.core.rmem_max=%u net.core.wmem_max=%u",
			   BUFFER_BYTES, BUFFER_BYTES);
	}
}

static const struct doctor_check doctor_both[] = {{"state", state_dir_right},
						  {"clock", clock_right},
						  {"buffers", buffers},
						  {NULL, NULL}};

static void
run(struct doctor *d, const struct doctor_check *c)
{
	for (; c->name != NULL; c++)
		c->run(d, c->name);
}

void
doctor_here(struct doctor *d)
{
	run(d, doctor_both);
	if ((d->side & DOCTOR_SERVE) != 0)
		run(d, doctor_usbfs);
	if ((d->side & DOCTOR_ATTACH) != 0)
		run(d, doctor_vhci);
}
