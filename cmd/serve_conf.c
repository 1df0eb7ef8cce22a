/* SPDX-License-Identifier: ISC */
/*
 * SIGHUP: serve reads its configuration again. A file that is wrong changes nothing;
 * a right one changes no device in anybody's hands but those it forbids.
 */
#include "cmd/control.h"
#include "cmd/audit.h"
#include "cmd/server.h"
#include "core/log.h"

static void
tell(void *arg, const struct conf_key *k)
{
	(void)arg;
	log_info("configuration %s changed%s", k->name,
		 k->later ? ": takes effect when serve is started again" : "");
}

void
server_reread(void *arg)
{
	struct server *s = arg;
	struct ctx *ctx = s->ctx;
	struct conf fresh, old;
	char why[512];
	int err;

	conf_init(&fresh);
	if ((err = conf_load(&fresh, &ctx->sources, why, sizeof(why))) != ERR_OK) {
		log_error("configuration is kept as it was reason=\"%s\"", why);
		conf_fini(&fresh);
		return;
	}
	conf_differ(&ctx->conf, &fresh, tell, NULL);
	old = ctx->conf;
	ctx->conf = fresh;
	conf_fini(&old);
	cmd_log(ctx);
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
