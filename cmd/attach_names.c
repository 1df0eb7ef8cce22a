/* SPDX-License-Identifier: ISC */
/*
 * Nicknames in the server's list. A word that is one means that device only, and not
 * others that have it in their text, so the list is kept until it is complete.
 */
#include <stdlib.h>

#include "cmd/attacher.h"

static int
keep(struct attacher *a, const struct wire_device *d)
{
	unsigned room = 16;
	void *more = a->names;

	while (room <= a->names_n)
		room *= 2;
	if (a->names_n == 0 || a->names_n == room / 2)
		more = realloc(a->names, room * sizeof(a->names[0]));
	if (more == NULL)
		return ERR_NOMEM;
	a->names = more;
	a->names[a->names_n++] = *d;
	return ERR_OK;
}

void
names_device(void *arg, const struct wire_device *d)
{
	struct attacher *a = arg;

	if (d != NULL) {
		if (keep(a, d) != ERR_OK)
			attach_end(a, cmd_fail(ERR_NOMEM, "%s", err_text(ERR_NOMEM)));
		return;
	}
	for (unsigned i = 0; i < a->names_n; i++)
		want_device(a, &a->names[i]);
	want_device(a, NULL);
	a->names_n = 0;
}
