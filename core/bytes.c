/* SPDX-License-Identifier: ISC */
/*
 * Block k holds the bytes from k * BYTES_BLOCK on. A block is in the ring
 * between the room made for it and the drop of its last byte.
 */
#include "core/bytes.h"
#include "core/mem.h"

static uint8_t **
slot(const struct bytes *b, uint64_t off)
{
	return &b->ring[(size_t)(off / BYTES_BLOCK) & (b->slots - 1)];
}

/* How much of n bytes at off is in off's block. */
static size_t
in_block(uint64_t off, size_t n)
{
	size_t left = BYTES_BLOCK - (size_t)(off % BYTES_BLOCK);

	return n < left ? n : left;
}

static void
free_block(struct bytes *b, uint8_t **s)
{
	pool_put(b->pool, *s, BYTES_BLOCK);
	*s = NULL;
}

static void
reset_ring(struct bytes *b)
{
	if (b->ring != b->few)
		pool_put(b->pool, b->ring, b->slots * sizeof(b->ring[0]));
	memset(b->few, 0, sizeof(b->few));
	b->ring = b->few;
	b->slots = BYTES_FEW;
}

/* A ring of at least want slots. Each block keeps its number, not its place. */
static int
grow(struct bytes *b, size_t want)
{
	uint64_t first = b->start / BYTES_BLOCK;
	size_t slots = b->slots;
	uint8_t **ring;

	while (slots < want) {
		if (slots > SIZE_MAX / sizeof(b->ring[0]) / 2)
			return ERR_NOMEM;
		slots *= 2;
	}
	if ((ring = pool_zget(b->pool, slots * sizeof(ring[0]))) == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < b->slots; i++)
		ring[(size_t)(first + i) & (slots - 1)] =
		    b->ring[(size_t)(first + i) & (b->slots - 1)];
	if (b->ring != b->few)
		pool_put(b->pool, b->ring, b->slots * sizeof(ring[0]));
	b->ring = ring;
	b->slots = slots;
	return ERR_OK;
}

void
bytes_init(struct bytes *b, struct pool *pool)
{
	memset(b, 0, sizeof(*b));
	b->pool = pool;
	b->ring = b->few;
	b->slots = BYTES_FEW;
}

void
bytes_fini(struct bytes *b)
{
	for (size_t i = 0; i < b->slots; i++)
		free_block(b, &b->ring[i]);
	reset_ring(b);
}

int
bytes_room(struct bytes *b, uint64_t off, size_t n)
{
	uint64_t blocks;

	ASSERT(off >= b->start && off <= UINT64_MAX - n);
	if (n == 0)
		return ERR_OK;
	blocks = (off + n - 1) / BYTES_BLOCK - b->start / BYTES_BLOCK + 1;
	if (blocks > SIZE_MAX / 2 ||
	    (blocks > b->slots && grow(b, (size_t)blocks) != ERR_OK))
		return ERR_NOMEM;
	while (n > 0) {
		size_t part = in_block(off, n);
		uint8_t **s = slot(b, off);

		if (*s == NULL && (*s = pool_get(b->pool, BYTES_BLOCK)) == NULL)
			return ERR_NOMEM;
		off += part;
		n -= part;
	}
	return ERR_OK;
}

void
bytes_put(struct bytes *b, uint64_t off, const void *src, size_t n)
{
	const uint8_t *p = src;

	ASSERT(off >= b->start);
	while (n > 0) {
		size_t part = in_block(off, n);
		uint8_t *block = *slot(b, off);

		ASSERT(block != NULL);
		memcpy(block + off % BYTES_BLOCK, p, part);
		p += part;
		off += part;
		n -= part;
		b->end = off > b->end ? off : b->end;
	}
}

void
bytes_get(const struct bytes *b, uint64_t off, void *dst, size_t n)
{
	uint8_t *p = dst;

	ASSERT(off >= b->start && off <= b->end && n <= b->end - off);
	while (n > 0) {
		size_t part = in_block(off, n);
		const uint8_t *block = *slot(b, off);

		ASSERT(block != NULL);
		memcpy(p, block + off % BYTES_BLOCK, part);
		p += part;
		off += part;
		n -= part;
	}
}

void
bytes_drop(struct bytes *b, uint64_t to)
{
	uint64_t k = b->start / BYTES_BLOCK;

	ASSERT(to >= b->start && to <= b->end);
	b->start = to;
	if (to == b->end) { /* not even the block that end is in */
		bytes_fini(b);
		return;
	}
	for (; k < to / BYTES_BLOCK; k++)
		free_block(b, slot(b, k * BYTES_BLOCK));
}

void
bytes_trim(struct bytes *b)
{
	uint64_t first = b->start / BYTES_BLOCK;

	for (size_t i = 0; i < b->slots; i++)
		if (b->start == b->end || first + i > (b->end - 1) / BYTES_BLOCK)
			free_block(b, slot(b, (first + i) * BYTES_BLOCK));
	if (b->start == b->end)
		reset_ring(b);
}
