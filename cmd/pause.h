/* SPDX-License-Identifier: ISC */
/*
 * How long to wait before the next try of a link.
 */
#ifndef CMD_PAUSE_H
#define CMD_PAUSE_H

#include <stdint.h>

#define PAUSE_US      250000    /* before the second try, */
#define PAUSE_MAX_US  2000000   /* it doubles until here, */
#define PAUSE_LATE_US 30000000  /* and until here */
#define LATE_US       600000000 /* after so long without a link */

/*
 * tries: that have failed; dice: of chance, up to a quarter sooner or later, so that
 * many do not come at once. The first try is at once.
 */
uint64_t pause_us(unsigned tries, uint64_t without_us, uint8_t dice);

#endif
