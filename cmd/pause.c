/* SPDX-License-Identifier: ISC */
#include "cmd/pause.h"

uint64_t
pause_us(unsigned tries, uint64_t without_us, uint8_t dice)
{
	uint64_t most = without_us < LATE_US ? PAUSE_MAX_US : PAUSE_LATE_US;
	uint64_t us = tries == 0 ? 0 : PAUSE_US;

	for (unsigned i = 1; i < tries && us < most; i++)
		us *= 2;
	us = us < most ? us : most;
	return us - us / 4 + us / 2 * dice / 256;
}
