/* SPDX-License-Identifier: ISC */
/*
 * Names of assists, and lists of them.
 */
#include "core/assist_kind.h"
#include "core/mem.h"

static const char *const names[ASSIST_NAMES] = {
    [ASSIST_INTERRUPT] = "interrupt",     [ASSIST_STORAGE] = "storage",
    [ASSIST_SERIAL] = "serial",           [ASSIST_ISOCHRONOUS] = "isochronous",
    [ASSIST_COMPRESSION] = "compression",
};

const char *
assist_name(unsigned kind)
{
	return kind < ASSIST_NAMES ? names[kind] : NULL;
}

static bool
is_name(const char *name, const char *s, size_t n)
{
	size_t i = 0;

	while (i < n && name[i] != '\0' && name[i] == s[i])
		i++;
	return i == n && name[i] == '\0';
}

/* Bits of the name in the n bytes, or 0. */
static uint32_t
kind_of(const char *s, size_t n)
{
	if (is_name("all", s, n))
		return (1u << ASSIST_NAMES) - 1;
	for (unsigned i = 0; i < ASSIST_NAMES; i++)
		if (is_name(names[i], s, n))
			return 1u << i;
	return 0;
}

bool
assist_read(const char *list, uint32_t *set)
{
	*set = 0;
	while (list[0] != '\0') {
		uint32_t kind;
		size_t n = 0;

		while (list[n] != '\0' && list[n] != ',')
			n++;
		if ((kind = kind_of(list, n)) == 0)
			return false;
		*set |= kind;
		list += n;
		if (list[0] == ',' && *++list == '\0')
			return false;
	}
	return true;
}
