/* SPDX-License-Identifier: ISC */
/*
 * The cells of a QR code, for a camera: light ones are drawn, with the style that is
 * white on black on every terminal. Two rows of cells make one of the grid, or, without
 * block characters, one cell two columns. Where there is little room the light margin is
 * cut to one cell.
 */
#include "tui/ui_impl.h"

#define QUIET 4 /* cells of margin that the code comes with */

static bool
is_dark(const struct box *b, unsigned x, unsigned y)
{
	return x < b->qr_size && y < b->qr_size && b->qr[y * b->qr_size + x] != 0;
}

/* Cells of margin that are left out on each side, for so many rows of the grid. */
static unsigned
cut_for(const struct box *b, bool ascii, unsigned h)
{
	unsigned cut = 0;

	while (cut + 1 < QUIET && (b->qr_size - 2 * cut + !ascii) / (ascii ? 1 : 2) > h)
		cut++;
	return cut;
}

unsigned
code_rows(const struct box *b, const struct grid *g)
{
	unsigned n = b->qr_size - 2 * cut_for(b, g->ascii, g->h);

	return g->ascii ? n : (n + 1) / 2;
}

unsigned
code_columns(const struct box *b, const struct grid *g)
{
	unsigned n = b->qr_size - 2 * cut_for(b, g->ascii, g->h);

	return g->ascii ? n * 2 : n;
}

void
code_draw(const struct box *b, struct grid *g, unsigned x, unsigned y, unsigned h)
{
	static const char *const block[2][2] = {{"█", "▀"}, {"▄", " "}};
	unsigned cut = cut_for(b, g->ascii, g->h), n = b->qr_size - 2 * cut;

	for (unsigned r = 0; r < h && r < code_rows(b, g); r++)
		for (unsigned c = 0; c < n; c++) {
			unsigned cx = c + cut, cy = (g->ascii ? r : r * 2) + cut;
			bool top = is_dark(b, cx, cy);

			if (g->ascii)
				grid_text(g, x + c * 2, y + r, 2, GRID_QR,
					  top ? "  " : "##");
			else
				grid_text(g, x + c, y + r, 1, GRID_QR,
					  block[top][cy + 1 < b->qr_size - cut
							 ? is_dark(b, cx, cy + 1)
							 : 1]);
		}
}
