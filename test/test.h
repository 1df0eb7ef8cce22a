/* SPDX-License-Identifier: ISC */
/*
 * The test framework: TAP on stdout, one line per test function. Included by
 * exactly one file of each test program, which ends in
 *
 *	TEST_MAIN(TEST(reads_back), TEST(refuses_bad_input))
 *
 * Its head names what it is linked with: objects of test/, and folders of ours, of
 * which it gets what it uses.	link: test/sim/net core
 */
#ifndef TEST_TEST_H
#define TEST_TEST_H

#include <stdio.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"

struct test {
	const char *name;
	void (*run)(void);
};

static int test_failed;

#define TEST(fn)        \
	{               \
#fn, fn \
	}

/* The same under another name: "regress N: ITEM" is line N of test/regress/LIST. */
#define TEST_AS(name, fn) \
	{                 \
		name, fn  \
	}

#define CHECK(x)       \
	((x) ? (void)0 \
	     : (test_failed = 1, (void)printf("# %s:%d: %s\n", __FILE__, __LINE__, #x)))

/* For integers: shows both sides. */
#define CHECK_EQ(a, b)                                                            \
	do {                                                                      \
		long long test_a = (long long)(a), test_b = (long long)(b);       \
		if (test_a != test_b) {                                           \
			test_failed = 1;                                          \
			printf("# %s:%d: %s == %lld, not %s == %lld\n", __FILE__, \
			       __LINE__, #a, test_a, #b, test_b);                 \
		}                                                                 \
	} while (0)

_Noreturn void
core_panic(const char *file, int line)
{
	printf("# ASSERT at %s:%d\nBail out!\n", file, line);
	fflush(stdout);
	abort();
}

static inline void *
test_heap_get(void *arg, size_t n)
{
	(void)arg;
	return malloc(n);
}

static inline void
test_heap_put(void *arg, void *p, size_t n)
{
	(void)arg;
	memset(p, 0xdd, n); /* what is given back must not be read again */
	free(p);
}

/* A pool over the heap. CHECK(pool.used == 0) at the end finds leaks. */
#define TEST_POOL(bytes)                                                      \
	{                                                                     \
		.get = test_heap_get, .put = test_heap_put, .budget = (bytes) \
	}

#define TEST_MAIN(...)                                                              \
	int main(void)                                                              \
	{                                                                           \
		static const struct test tests[] = {__VA_ARGS__};                   \
		const size_t n = sizeof(tests) / sizeof(tests[0]);                  \
		int bad = 0;                                                        \
		setvbuf(stdout, NULL, _IOLBF, 0);                                   \
		printf("1..%zu\n", n);                                              \
		for (size_t i = 0; i < n; i++) {                                    \
			test_failed = 0;                                            \
			tests[i].run();                                             \
			printf("%sok %zu - %s\n", test_failed ? "not " : "", i + 1, \
			       tests[i].name);                                      \
			bad |= test_failed;                                         \
		}                                                                   \
		return bad;                                                         \
	}

#endif
