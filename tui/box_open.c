/* SPDX-License-Identifier: ISC */
/*
 * Boxes: opened, scrolled and closed.
 */
#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "tui/ui_impl.h"

void
box_close(struct ui *u)
{
	free(u->box.qr);
	memset(&u->box, 0, sizeof(u->box));
}

static struct box *
open_box(struct ui *u, enum box_kind kind, const char *title, const char *text)
{
	box_close(u);
	u->box.kind = kind;
	text_copy(u->box.title, sizeof(u->box.title), title);
	text_copy(u->box.text, sizeof(u->box.text), text);
	return &u->box;
}

void
box_ask(struct ui *u, const char *title, const struct ui_job *j, const char *text)
{
	open_box(u, BOX_ASK, title, text)->job = *j;
}

void
box_line(struct ui *u, const char *title, const struct ui_job *j, const char *text,
	 const char *input)
{
	struct box *b = open_box(u, BOX_LINE, title, text);

	b->job = *j;
	text_copy(b->input, sizeof(b->input), input);
}

void
box_show(struct ui *u, const char *title, const char *text)
{
	open_box(u, BOX_TEXT, title, text);
}

void
box_scroll(struct ui *u, int by)
{
	struct box *b = &u->box;

	if (by < 0)
		b->top = (unsigned)-by > b->top ? 0 : b->top - (unsigned)-by;
	else
		b->top =
		    b->top + (unsigned)by > b->rows ? b->rows : b->top + (unsigned)by;
}

void
ui_qr(struct ui *u, const unsigned char *dark, unsigned size)
{
	struct box *b = &u->box;

	if (b->kind != BOX_TEXT || size == 0 || size > 200)
		return;
	free(b->qr);
	b->qr_size = size;
	if ((b->qr = malloc((size_t)size * size)) != NULL)
		memcpy(b->qr, dark, (size_t)size * size);
}
