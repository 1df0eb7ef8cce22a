/* SPDX-License-Identifier: ISC */
/* Which kinds of virtual devices there are. */
#include "usb/virtual.h"

#include <stdio.h>
#include <string.h>

#include "core/mem.h"
#include "core/text.h"

static const struct {
	const char *name;
	int (*add)(struct usb_bus *, const char *arg, char *why, size_t cap);
} kinds[] = {
#define ROW(name, add, form) {#name, add},
    USB_VIRTUAL_LIST(ROW)
#undef ROW
};

int
usb_virtual_add(struct usb_bus *bus, const char *spec, char *why, size_t cap)
{
	size_t n = strcspn(spec, ":");
	const char *arg = spec + n + (spec[n] == ':');
	char shown[64];

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (strlen(kinds[i].name) == n && memcmp(kinds[i].name, spec, n) == 0)
			return kinds[i].add(bus, arg, why, cap);
	text_copy(shown, sizeof(shown), spec);
	text_clean(shown);
	snprintf(why, cap, "\"%s\" is no virtual device; write one of" USB_VIRTUAL_FORMS,
		 shown);
	return ERR_USAGE;
}
