/* SPDX-License-Identifier: ISC */
/*
 * Devices that are shared read-only: core/nowrite between user and device. UAS is
 * taken out of the descriptors, so that the peer's kernel does not try it.
 */
#include <stdlib.h>
#include <string.h>

#include "cmd/server.h"
#include "core/desc_edit.h"
#include "core/nowrite.h"

bool
lease_can_guard(const struct usb_dev *d)
{
	struct nowrite g;

	return nowrite_init(&g, d->raw, d->raw_len, d->info.config) == ERR_OK;
}

int
lease_guard(struct lease *x)
{
	const struct usb_dev *d = x->dev;
	uint8_t *raw;
	int err;

	x->raw = d->raw;
	x->raw_len = d->raw_len;
	if (!x->read_only)
		return ERR_OK;
	if ((raw = malloc(d->raw_len + 1)) == NULL ||
	    (x->guard = malloc(sizeof(*x->guard))) == NULL) {
		free(raw);
		return ERR_NOMEM;
	}
	if (d->raw_len > 0)
		memcpy(raw, d->raw, d->raw_len);
	x->raw = raw;
	err = desc_hide_uas(raw, &x->raw_len);
	return err != ERR_OK ? err
			     : nowrite_init(x->guard, d->raw, d->raw_len, d->info.config);
}

void
lease_unguard(struct lease *x)
{
	if (x->guard == NULL)
		return;
	free((void *)(uintptr_t)x->raw);
	free(x->guard);
	x->guard = NULL;
}
