/* SPDX-License-Identifier: ISC */
/*
 * What the fuzz tests share. Each has one LLVMFuzzerTestOneInput; with
 * -DLIBFUZZER that is all (test/fuzz/run.sh). Without, it is a test that feeds
 * it the corpus, random bytes and mutated seeds, the same ones every time.
 */
#ifndef TEST_FUZZ_FUZZ_H
#define TEST_FUZZ_FUZZ_H

#include <dirent.h>
#include <stdint.h>

#include "test/test.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* Stops at once, so that libFuzzer keeps the input. */
#define MUST(x)                                                                  \
	((x) ? (void)0                                                           \
	     : (printf("# %s:%d: %s\n", __FILE__, __LINE__, #x), fflush(stdout), \
		abort()))

/* Input as numbers; 0 past the end. */
struct dice {
	const uint8_t *p, *end;
};

static inline unsigned
dice_u8(struct dice *d)
{
	return d->p < d->end ? *d->p++ : 0;
}

static inline uint32_t
dice_u16(struct dice *d)
{
	uint32_t hi = dice_u8(d);

	return hi << 8 | dice_u8(d);
}

#define FUZZ_CAP 4096

static uint64_t fuzz_state = 0x123456789abcdefull;

static inline uint32_t
fuzz_random(uint32_t below)
{
	fuzz_state ^= fuzz_state << 13;
	fuzz_state ^= fuzz_state >> 7;
	fuzz_state ^= fuzz_state << 17;
	return (uint32_t)(fuzz_state >> 32) % below;
}

/* In a block of exactly its size: ASan guards the end. */
static inline void
fuzz_run(const uint8_t *p, size_t n)
{
	uint8_t *copy = malloc(n > 0 ? n : 1);

	memcpy(copy, p, n);
	(void)LLVMFuzzerTestOneInput(copy, n);
	free(copy);
}

static inline void
fuzz_noise(unsigned runs, unsigned longest)
{
	uint8_t b[FUZZ_CAP];

	for (unsigned i = 0; i < runs; i++) {
		size_t n = fuzz_random(longest);

		for (size_t j = 0; j < n; j++)
			b[j] = (uint8_t)fuzz_random(256);
		fuzz_run(b, n);
	}
}

/* The seed with one to four bytes changed, and now and then cut short. */
static inline void
fuzz_mutants(const uint8_t *seed, size_t n, unsigned runs)
{
	static const uint8_t edges[] = {0, 1, 2, 0x7f, 0x80, 0xfe, 0xff, 48};
	uint8_t b[FUZZ_CAP];

	fuzz_run(seed, n);
	for (unsigned i = 0; i < runs; i++) {
		memcpy(b, seed, n);
		for (unsigned k = 1 + fuzz_random(4); k > 0; k--)
			b[fuzz_random((uint32_t)n)] =
			    (uint8_t)(fuzz_random(2) ? fuzz_random(256)
						     : edges[fuzz_random(8)]);
		fuzz_run(b, fuzz_random(4) ? n : fuzz_random((uint32_t)n));
	}
}

/*
 * What has been learned (test/fuzz/run.sh --save) reaches far, and what was found
 * must stay mended: test/fuzz/corpus/NAME.
 */
static inline void
fuzz_corpus(const char *name)
{
	char path[512];
	uint8_t b[FUZZ_CAP];
	struct dirent *e;
	unsigned runs = 0;
	DIR *dir;
	FILE *f;

	snprintf(path, sizeof(path), "test/fuzz/corpus/%s", name);
	dir = opendir(path);
	CHECK(dir != NULL);
	if (dir == NULL)
		return;
	while ((e = readdir(dir)) != NULL) {
		snprintf(path, sizeof(path), "test/fuzz/corpus/%s/%s", name, e->d_name);
		if (e->d_name[0] == '.' || (f = fopen(path, "rb")) == NULL)
			continue;
		fuzz_run(b, fread(b, 1, sizeof(b), f));
		fclose(f);
		runs++;
	}
	closedir(dir);
	CHECK(runs > 0);
}

#endif
