/* SPDX-License-Identifier: ISC */
/*
 * test/cmd/logind.h as a program, for tests in the guest.
 */
#include <stdbool.h>

#include "test/cmd/logind.h"

int
main(void)
{
	return logind_run();
}
