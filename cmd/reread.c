/* SPDX-License-Identifier: ISC */
#include "cmd/reread.h"

#include <string.h>

#include "cmd/cmd.h"
#include "core/log.h"

static void
tell(void *arg, const struct conf_key *k)
{
	int n = (int)strcspn(k->name, " .");

	(void)arg;
	if (k->later)
		log_info(
		    "configuration %s changed: takes effect when %.*s is started again",
		    k->name, n, k->name);
	else
		log_info("configuration %s changed", k->name);
}

bool
reread(struct ctx *ctx)
{
	struct conf fresh, old;
	char why[512];

	conf_init(&fresh);
	if (conf_load(&fresh, &ctx->sources, why, sizeof(why)) != ERR_OK) {
		log_error("configuration is kept as it was reason=\"%s\"", why);
		conf_fini(&fresh);
		return false;
	}
	conf_differ(&ctx->conf, &fresh, tell, NULL);
	old = ctx->conf;
	ctx->conf = fresh;
	conf_fini(&old);
	cmd_log(ctx);
	return true;
}
