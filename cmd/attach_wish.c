/* SPDX-License-Identifier: ISC */
/*
 * A device that the server does not show: it is asked for all the same, so that its
 * owner learns that somebody would like to use it.
 */
#include "cmd/attacher.h"

static void
on_imported(void *arg, int err, const struct wire_imported *i)
{
	struct want *w = arg;
	struct attacher *a = w->of;

	if (err == ERR_OK)
		imports_release(remote_imports(a->remote), i->dev);
	want_answer(w, err == ERR_OK ? ERR_BUSY : ERR_NODEV,
		    err == ERR_OK ? "it was shared with you just now: once more"
				  : i->no.text);
	w->open--;
	want_check(w);
	attach_check_end(a);
}

static void
on_removed(void *arg, const struct wire_refusal *why)
{
	(void)arg;
	(void)why;
}

static const struct imports_user wish = {on_imported, NULL, on_removed, NULL, NULL};

bool
attach_wish(struct want *w, const char *busid)
{
	struct imports *im = w->of->remote != NULL ? remote_imports(w->of->remote) : NULL;
	uint32_t dev;

	if (im == NULL || !pattern_is_port(busid) ||
	    imports_import(im, busid, 0, &wish, w, &dev) != ERR_OK)
		return false;
	w->open++;
	return true;
}
