/* SPDX-License-Identifier: ISC */
/*
 * The end when core/ finds a bug.
 */
#include <stdio.h>
#include <stdlib.h>

#include "core/mem.h"

_Noreturn void
core_panic(const char *file, int line)
{
	fprintf(stderr, "usbp2p: bug at %s:%d, please report it\n", file, line);
	abort();
}
