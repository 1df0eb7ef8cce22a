/* SPDX-License-Identifier: ISC */
/*
 * What core/ needs of memory: the four mem* functions, ASSERT, and pools.
 *
 * A pool is memory with a fixed end that the caller gives: on a host the heap
 * behind a budget, on a microcontroller a few slots. core/ never calls malloc.
 */
#ifndef CORE_MEM_H
#define CORE_MEM_H

#include <stddef.h>
#include <stdint.h>

void *memcpy(void *restrict, const void *restrict, size_t);
void *memmove(void *, const void *, size_t);
void *memset(void *, int, size_t);
int memcmp(const void *, const void *, size_t);

/* Supplied by the outside; does not return. */
_Noreturn void core_panic(const char *file, int line);

/* A bug of ours: stop. Never for input. */
#define ASSERT(x)    ((x) ? (void)0 : core_panic(__FILE__, __LINE__))

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* The struct that has this member. */
#define CONTAINER_OF(ptr, type, member) \
	((type *)(void *)((char *)(ptr)-offsetof(type, member)))

struct pool {
	void *(*get)(void *arg, size_t n); /* NULL: none left; need not be cleared */
	void (*put)(void *arg, void *p, size_t n);
	void *arg;
	size_t budget; /* bytes that may be out at once */
	size_t used;   /* bytes that are out */
};

/* n bytes, not cleared; NULL when over budget or the outside has none. */
void *pool_get(struct pool *, size_t n);

/* The same, all zero. */
void *pool_zget(struct pool *, size_t n);

/* Gives back; n as asked for. p == NULL is fine. */
void pool_put(struct pool *, void *p, size_t n);

#endif
