/* SPDX-License-Identifier: ISC */
/*
 * SIGHUP: serve reads its configuration again. A file that is wrong changes nothing;
 * a right one changes no device in anybody's hands but those it forbids.
 */
#include "cmd/control.h"
#include "cmd/audit.h"
#include "cmd/reread.h"
#include "cmd/server.h"
#include "core/log.h"

void
server_reread(void *arg)
{
	struct server *s = arg;
	struct ctx *ctx = s->ctx;

	if (!reread(ctx))
		return;
	if (audit_start(&ctx->conf) == ERR_OK)
		audit(&(struct audit){.event = "reload"});
	loop_reload(&s->loop);
	server_reload(s);
	lease_clock(s);
	if (control_group(s->ctl, ctx) != ERR_OK)
		log_error("control.group was not changed to \"%s\"",
			  ctx->conf.control_group);
	log_info("configuration read again");
}
