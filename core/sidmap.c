/* SPDX-License-Identifier: ISC */
/*
 * Rows are doubled when there are as many nodes; they are never taken back,
 * a session that had many streams will have many again.
 */
#include "core/sidmap.h"
#include "core/mem.h"

/* The high bits of a product depend on all bits of the number. */
static size_t
row_of(uint32_t sid, size_t rows)
{
	return (size_t)(sid * 2654435769u >> 8) & (rows - 1);
}

static void
push(struct sidmap_node **row, size_t rows, struct sidmap_node *n)
{
	struct sidmap_node **head = &row[row_of(n->sid, rows)];

	n->next = *head;
	*head = n;
}

static void
free_rows(struct sidmap *m)
{
	if (m->row != m->few)
		pool_put(m->pool, m->row, m->rows * sizeof(m->row[0]));
}

static void
grow(struct sidmap *m)
{
	size_t rows = m->rows * 2;
	struct sidmap_node **row = pool_zget(m->pool, rows * sizeof(row[0]));

	if (row == NULL)
		return;
	for (size_t i = 0; i < m->rows; i++)
		for (struct sidmap_node *n = m->row[i], *next; n != NULL; n = next) {
			next = n->next;
			push(row, rows, n);
		}
	free_rows(m);
	m->row = row;
	m->rows = rows;
}

void
sidmap_init(struct sidmap *m, struct pool *pool)
{
	memset(m, 0, sizeof(*m));
	m->pool = pool;
	m->row = m->few;
	m->rows = SIDMAP_FEW;
}

void
sidmap_fini(struct sidmap *m)
{
	free_rows(m);
	sidmap_init(m, m->pool);
}

struct sidmap_node *
sidmap_find(const struct sidmap *m, uint32_t sid)
{
	struct sidmap_node *n = m->row[row_of(sid, m->rows)];

	while (n != NULL && n->sid != sid)
		n = n->next;
	return n;
}

void
sidmap_add(struct sidmap *m, struct sidmap_node *n)
{
	if (m->n >= m->rows)
		grow(m);
	push(m->row, m->rows, n);
	m->n++;
}

void
sidmap_del(struct sidmap *m, struct sidmap_node *n)
{
	struct sidmap_node **p = &m->row[row_of(n->sid, m->rows)];

	while (*p != n)
		p = &(*p)->next;
	*p = n->next;
	m->n--;
}

struct sidmap_node *
sidmap_next(const struct sidmap *m, const struct sidmap_node *n)
{
	size_t i = 0;

	if (n != NULL && n->next != NULL)
		return n->next;
	if (n != NULL)
		i = row_of(n->sid, m->rows) + 1;
	while (i < m->rows && m->row[i] == NULL)
		i++;
	return i < m->rows ? m->row[i] : NULL;
}
