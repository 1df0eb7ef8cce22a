/* SPDX-License-Identifier: ISC */
/* link: core/desc core/mem */
/*
 * Descriptors of a stranger: the first byte of the input is the active
 * configuration, the rest is the descriptors.
 */
#include "core/desc.h"
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

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static struct desc d;
	uint8_t setup[8] = {0};

	if (n == 0)
		return 0;
	if (desc_parse(&d, p + 1, n - 1, p[0]) != ERR_OK)
		return 0;
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
