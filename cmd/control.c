/* SPDX-License-Identifier: ISC */
/*
 * Control sockets by the configuration. A group that is let in has to get through the
 * state directory: it may pass there, and read the names in run/; the other files stay
 * their owner's alone.
 */
#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "cmd/control.h"
#include "cmd/state.h"
#include "core/log.h"
#include "net/ctl.h"

static int
give(const char *path, gid_t gid, mode_t mode)
{
	return chown(path, (uid_t)-1, gid) == 0 && chmod(path, mode) == 0 ? 0 : -1;
}

static int
let_in(struct ctl *s, const char *dir, gid_t gid)
{
	char run[4096];

	if (state_path(dir, "run", run, sizeof(run)) != ERR_OK)
		return ERR_TOOBIG;
	if (give(dir, gid, 0710) == 0 && give(run, gid, 0750) == 0 &&
	    ctl_group(s, gid) == ERR_OK)
		return ERR_OK;
	log_error("control sockets stay closed reason=\"the group cannot have them: %s\"",
		  strerror(errno));
	return ERR_REFUSED;
}

int
control_group(struct ctl *s, const struct ctx *ctx)
{
	const char *name = ctx->conf.control_group;
	const struct group *g;

	if (name[0] == '\0')
		return ctl_group(s, CTL_NOBODY);
	if ((g = getgrnam(name)) != NULL)
		return let_in(s, ctx->dir, g->gr_gid);
	log_error("control sockets stay closed reason=\"there is no group %s\"", name);
	return ERR_NODEV;
}

int
control_listen(struct ctl **s, const struct ctx *ctx, struct event_base *base,
	       const char *name, const struct ctl_ops *ops, void *arg)
{
	char path[4096], why[512];
	int err = state_path(ctx->dir, name, path, sizeof(path));

	if (err == ERR_OK)
		err = ctl_listen(s, base, path, ops, arg, why, sizeof(why));
	else
		snprintf(why, sizeof(why), "%s", err_text(err));
	if (err != ERR_OK) {
		cmd_fail(err, "%s", why);
		return err;
	}
	if (ctx->conf.control_group[0] != '\0' && control_group(*s, ctx) != ERR_OK) {
		cmd_fail(ERR_USAGE, "control.group: the group \"%s\" cannot be let in",
			 ctx->conf.control_group);
		return ERR_USAGE;
	}
	return ERR_OK;
}
