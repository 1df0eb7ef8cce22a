/* SPDX-License-Identifier: ISC */
/* link: core */
/*
 * Descriptors of a stranger: the first byte of the input is the active
 * configuration, the rest is the descriptors. They are edited too: what could be
 * parsed can be parsed afterwards, and has no more than before.
 */
#include "core/desc.h"
#include "core/desc_edit.h"
#include "test/core/sample.h"
#include "test/fuzz/fuzz.h"

static void
look_at_all(const struct desc *d)
{
	for (unsigned addr = 0; addr < 256; addr++) {
		const struct desc_ep *e = desc_find(d, (uint8_t)addr);

		if (e == NULL)
			continue;
		MUST(d->config != 0 && e->config == d->config);
		MUST((e->addr & 0x0f) != 0 && e->type <= 3 && e->iface < 32);
		MUST(e->alt == d->alt[e->iface]);
	}
}

static void
edit(const uint8_t *p, size_t n, uint8_t config, const struct desc *was)
{
	static uint8_t raw[DEVINFO_RAW];
	static struct desc d;
	uint32_t mask = n > 24 ? p[n - 1] | (uint32_t)p[n - 2] << 24 : 1;
	size_t left = n;
	int err;

	memcpy(raw, p, n);
	MUST(desc_hide_uas(raw, &left) == ERR_OK && left <= n);
	MUST(desc_parse(&d, raw, left, config) == ERR_OK && d.eps <= was->eps);
	err = desc_keep_interfaces(raw, &left, mask, config);
	MUST(err == ERR_OK || err == ERR_NODEV);
	MUST(desc_parse(&d, raw, left, config) == ERR_OK && d.eps <= was->eps);
	for (unsigned i = 0; err == ERR_OK && i < d.eps; i++)
		MUST(d.ep[i].config == config && (mask >> d.ep[i].iface & 1));
}

/* Those that cannot be parsed may be refused, and nothing worse. */
static void
edit_wild(const uint8_t *p, size_t n)
{
	static uint8_t raw[DEVINFO_RAW];
	size_t left = n;

	if (n > sizeof(raw))
		return;
	memcpy(raw, p, n);
	MUST(desc_hide_uas(raw, &left) == ERR_OK ? left <= n : left == n);
	n = left;
	MUST(desc_keep_interfaces(raw, &left, 3, 1) == ERR_OK ? left <= n : left == n);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static struct desc d;
	uint8_t setup[8] = {0};

	if (n == 0)
		return 0;
	edit_wild(p + 1, n - 1);
	if (desc_parse(&d, p + 1, n - 1, p[0]) != ERR_OK)
		return 0;
	edit(p + 1, n - 1, p[0], &d);
	MUST(d.eps <= DESC_ENDPOINTS);
	look_at_all(&d);
	if (n >= 9) {
		memcpy(setup, p + n - 8, 8);
		desc_job_done(&d, setup);
		look_at_all(&d);
	}
	for (unsigned i = 0; i < d.eps; i++) {
		desc_set_config(&d, d.ep[i].config);
		desc_set_interface(&d, d.ep[i].iface, d.ep[i].alt);
		if (d.config != 0)
			MUST(desc_find(&d, d.ep[i].addr) != NULL);
	}
	return 0;
}

#ifndef LIBFUZZER
static void
corpus(void)
{
	fuzz_corpus("desc");
}

static void
noise(void)
{
	fuzz_noise(20000, 300);
}

static void
mutants(void)
{
	uint8_t seed[1 + sizeof(sample)];

	seed[0] = 1;
	memcpy(seed + 1, sample, sizeof(sample));
	fuzz_mutants(seed, sizeof(seed), 20000);
}

TEST_MAIN(TEST(corpus), TEST(noise), TEST(mutants))
#endif
