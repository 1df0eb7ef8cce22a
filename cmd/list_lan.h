/* SPDX-License-Identifier: ISC */
#ifndef CMD_LIST_LAN_H
#define CMD_LIST_LAN_H

#include "cmd/cmd.h"

/* Prints what is found in the first seconds; an exit code. */
int list_lan(const struct ctx *, bool json);

#endif
