/* SPDX-License-Identifier: ISC */
/*
 * The log, by the configuration.
 */
#include "cmd/cmd.h"
#include "cmd/logline.h"

void
cmd_log(const struct ctx *ctx)
{
	const struct conf *c = &ctx->conf;
	bool journal = c->log_to == CONF_LOG_JOURNAL ||
		       (c->log_to == CONF_LOG_AUTO && logline_in_journal());

	logline_start(ctx->verbose > 0 ? LOG_LEVEL_DEBUG : c->log_level, journal);
}
