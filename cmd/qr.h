/* SPDX-License-Identifier: ISC */
/*
 * A text as a QR code: cells first, so that whoever draws can draw them its own way,
 * and lines of text for a terminal.
 */
#ifndef CMD_QR_H
#define CMD_QR_H

#include <stdbool.h>
#include <stdio.h>

#include "core/err.h"

struct qr {
	unsigned size;       /* cells in a row and in a column, the quiet zone included */
	unsigned char *dark; /* size * size, 0 or 1 */
};

/* Small letters become capitals, which need less room. ERR_TOOBIG, ERR_NOMEM. */
int qr_make(struct qr *, const char *text) MUST_CHECK;
void qr_free(struct qr *);

/*
 * Half blocks, two rows of cells a line, or '#' where there are only ASCII characters.
 * colour: for a terminal, whose own colours may be any.
 */
void qr_draw(const struct qr *, FILE *, bool blocks, bool colour);

#endif
