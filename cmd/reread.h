/* SPDX-License-Identifier: ISC */
/*
 * SIGHUP: a command that runs reads its configuration again.
 */
#ifndef CMD_REREAD_H
#define CMD_REREAD_H

#include <stdbool.h>

struct ctx;

/*
 * Into ctx->conf, and says what has changed; the log is as it says from then on. false:
 * it is wrong, which was logged, and nothing has changed.
 */
bool reread(struct ctx *);

#endif
