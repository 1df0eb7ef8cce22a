/* SPDX-License-Identifier: ISC */
/*
 * QR codes, made by libqrencode.
 */
#include <errno.h>
#include <stdlib.h>

#include <qrencode.h>

#include "cmd/qr.h"

#define QUIET 4 /* light cells around it, ISO/IEC 18004 6.3.8 */

int
qr_make(struct qr *q, const char *text)
{
	QRcode *c = QRcode_encodeString(text, 0, QR_ECLEVEL_L, QR_MODE_8, 0);
	unsigned n;

	if (c == NULL)
		return errno == ERANGE ? ERR_TOOBIG : ERR_NOMEM;
	n = (unsigned)c->width;
	q->size = n + 2 * QUIET;
	if ((q->dark = calloc(q->size, q->size)) == NULL) {
		QRcode_free(c);
		return ERR_NOMEM;
	}
	for (unsigned y = 0; y < n; y++)
		for (unsigned x = 0; x < n; x++)
			q->dark[(y + QUIET) * q->size + x + QUIET] =
			    c->data[y * n + x] & 1;
	QRcode_free(c);
	return ERR_OK;
}

void
qr_free(struct qr *q)
{
	free(q->dark);
	q->dark = NULL;
}

/* Below the last row all is light. */
static bool
is_dark(const struct qr *q, unsigned x, unsigned y)
{
	return y < q->size && q->dark[y * q->size + x] != 0;
}

/* Blocks are the light cells: as on most terminals, bright on dark. */
static void
draw_blocks(const struct qr *q, FILE *f, unsigned y)
{
	static const char *const block[2][2] = {{"\u2588", "\u2580"}, {"\u2584", " "}};

	for (unsigned x = 0; x < q->size; x++)
		fputs(block[is_dark(q, x, y)][is_dark(q, x, y + 1)], f);
}

/* A cell is as high as two characters are wide. */
static void
draw_ascii(const struct qr *q, FILE *f, unsigned y, bool colour)
{
	for (unsigned x = 0; x < q->size; x++) {
		bool dark = is_dark(q, x, y);

		if (colour)
			fputs(dark ? "\033[40m  " : "\033[47m  ", f);
		else
			fputs(dark ? "##" : "  ", f);
	}
}

void
qr_draw(const struct qr *q, FILE *f, bool blocks, bool colour)
{
	for (unsigned y = 0; y < q->size; y += blocks ? 2 : 1) {
		if (blocks && colour)
			fputs("\033[97;40m", f);
		if (blocks)
			draw_blocks(q, f, y);
		else
			draw_ascii(q, f, y, colour);
		fputs(colour ? "\033[0m\n" : "\n", f);
	}
}
