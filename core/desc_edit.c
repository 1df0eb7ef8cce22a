/* SPDX-License-Identifier: ISC */
/*
 * One pass that copies descriptors down over those that go. An interface
 * descriptor decides for all that follows it, up to the next one: endpoints and
 * their companions, pipe usage and class descriptors belong to it. Associations
 * (they stand before their first interface) and what precedes the first
 * interface are the configuration's own.
 */
#include <stdbool.h>

#include "core/desc_edit.h"
#include "core/devinfo.h"
#include "core/mem.h"

/* USB 2.0 table 9-5, ECN Interface Association Descriptor */
enum { TYPE_DEVICE = 1, TYPE_CONFIG = 2, TYPE_INTERFACE = 4, TYPE_ASSOCIATION = 11 };
enum { DEVICE_LEN = 18, CONFIG_LEN = 9, INTERFACE_LEN = 9, ASSOCIATION_LEN = 8 };

#define CONFIGS_AT 17 /* bNumConfigurations in the device descriptor */

static unsigned
le16(const uint8_t *p)
{
	return p[0] | (unsigned)p[1] << 8;
}

static uint32_t
bit(unsigned i)
{
	return i < 32 ? (uint32_t)1 << i : 0;
}

static int
check_config(const uint8_t *p, size_t n)
{
	size_t total;

	if (n < CONFIG_LEN || p[0] < CONFIG_LEN || p[1] != TYPE_CONFIG ||
	    (total = le16(p + 2)) < p[0] || total > n)
		return ERR_PROTO;
	for (size_t i = p[0]; i < total; i += p[i]) {
		const uint8_t *d = p + i;

		if (d[0] < 2 || d[0] > total - i ||
		    (d[1] == TYPE_INTERFACE && d[0] < INTERFACE_LEN))
			return ERR_PROTO;
		if (d[1] == TYPE_INTERFACE && d[2] >= DEVINFO_IFS)
			return ERR_TOOBIG;
	}
	return ERR_OK;
}

/* Whether everything below can walk it without looking at lengths again. */
static int
check(const uint8_t *raw, size_t n)
{
	int err;

	if (n > DEVINFO_RAW)
		return ERR_TOOBIG;
	if (n < DEVICE_LEN || raw[0] != DEVICE_LEN || raw[1] != TYPE_DEVICE)
		return ERR_PROTO;
	for (size_t i = DEVICE_LEN; i < n; i += le16(raw + i + 2))
		if ((err = check_config(raw + i, n - i)) != ERR_OK)
			return err;
	return ERR_OK;
}

/* What goes, by a set of interfaces. */
struct choice {
	uint32_t set;
	bool (*keeps)(const struct choice *, const uint8_t *iface);

	/* May change it. */
	bool (*keeps_association)(const struct choice *, uint8_t *association);
};

/* Copies one configuration to `to`, at or before `p`; gives its new length. */
static size_t
filter(const struct choice *c, const uint8_t *p, uint8_t *to)
{
	size_t total = le16(p + 2), n = p[0], len;
	bool kept = true; /* the interface that we are in */

	memmove(to, p, n);
	for (size_t i = n; i < total; i += len) {
		const uint8_t *d = p + i;
		bool own = d[1] == TYPE_ASSOCIATION && d[0] >= ASSOCIATION_LEN;

		len = d[0];
		if (d[1] == TYPE_INTERFACE)
			kept = c->keeps(c, d);
		memmove(to + n, d, len);
		if (own ? c->keeps_association(c, to + n) : kept)
			n += len;
	}
	to[2] = (uint8_t)n;
	to[3] = (uint8_t)(n >> 8);
	return n;
}

/* --- UAS --- */

static bool
is_uas(const uint8_t *iface)
{
	return iface[5] == 0x08 && iface[6] == 0x06 && iface[7] == 0x62;
}

/* Interfaces whose setting 0 is of another kind. */
static uint32_t
without_uas(const uint8_t *p)
{
	uint32_t set = 0, uas = 0;

	for (size_t i = p[0], total = le16(p + 2); i < total; i += p[i]) {
		const uint8_t *d = p + i;

		if (d[1] != TYPE_INTERFACE || d[3] != 0)
			continue;
		if (is_uas(d))
			uas |= bit(d[2]);
		else
			set |= bit(d[2]);
	}
	return set & ~uas;
}

static bool
as_it_is(const struct choice *c, uint8_t *association)
{
	(void)c, (void)association;
	return true;
}

static bool
is_no_spare_uas(const struct choice *c, const uint8_t *iface)
{
	return !is_uas(iface) || (c->set & bit(iface[2])) == 0;
}

int
desc_hide_uas(uint8_t *raw, size_t *n)
{
	struct choice c = {.keeps = is_no_spare_uas, .keeps_association = as_it_is};
	size_t to = DEVICE_LEN, total;
	int err = check(raw, *n);

	if (err != ERR_OK)
		return err;
	for (size_t i = DEVICE_LEN; i < *n; i += total) {
		total = le16(raw + i + 2);
		c.set = without_uas(raw + i);
		to += filter(&c, raw + i, raw + to);
	}
	*n = to;
	return ERR_OK;
}

/* --- some interfaces --- */

static uint32_t
interfaces(const uint8_t *p)
{
	uint32_t set = 0;

	for (size_t i = p[0], total = le16(p + 2); i < total; i += p[i])
		if (p[i + 1] == TYPE_INTERFACE)
			set |= bit(p[i + 2]);
	return set;
}

static unsigned
count(uint32_t set)
{
	unsigned n = 0;

	for (; set != 0; set &= set - 1)
		n++;
	return n;
}

static bool
is_chosen(const struct choice *c, const uint8_t *iface)
{
	return (c->set & bit(iface[2])) != 0;
}

static bool
shrink(const struct choice *c, uint8_t *association)
{
	unsigned first = association[2], end = first + association[3], n;

	while (first < end && (c->set & bit(first)) == 0)
		first++;
	while (end > first && (c->set & bit(end - 1)) == 0)
		end--;
	for (n = 0; first + n < end && (c->set & bit(first + n)) != 0;)
		n++;
	if (n == 0 || first + n < end)
		return false;
	association[2] = (uint8_t)first;
	association[3] = (uint8_t)n;
	return true;
}

int
desc_keep_interfaces(uint8_t *raw, size_t *n, uint32_t mask, uint8_t config)
{
	struct choice c = {.keeps = is_chosen, .keeps_association = shrink};
	size_t i = DEVICE_LEN;
	int err = check(raw, *n);

	if (err != ERR_OK)
		return err;
	while (i < *n && raw[i + 5] != config)
		i += le16(raw + i + 2);
	if (i == *n || (c.set = mask & interfaces(raw + i)) == 0)
		return ERR_NODEV;
	*n = DEVICE_LEN + filter(&c, raw + i, raw + DEVICE_LEN);
	raw[CONFIGS_AT] = 1;
	raw[DEVICE_LEN + 4] = (uint8_t)count(c.set);
	return ERR_OK;
}
