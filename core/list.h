/* SPDX-License-Identifier: ISC */
/*
 * Doubly linked ring of members; the head is a member that belongs to nobody.
 * A member says whose list: `struct list link;	(in session.streams)`.
 */
#ifndef CORE_LIST_H
#define CORE_LIST_H

#include <stdbool.h>

#include "core/mem.h"

struct list {
	struct list *prev, *next;
};

static inline void
list_init(struct list *l)
{
	l->prev = l->next = l;
}

static inline bool
list_empty(const struct list *l)
{
	return l->next == l;
}

/* At the tail of the list. */
static inline void
list_add(struct list *head, struct list *l)
{
	l->prev = head->prev;
	l->next = head;
	head->prev->next = l;
	head->prev = l;
}

/* Leaves l empty, so that removing twice is harmless. */
static inline void
list_del(struct list *l)
{
	l->prev->next = l->next;
	l->next->prev = l->prev;
	list_init(l);
}

#define LIST_EACH(head, l) for (l = (head)->next; l != (head); l = l->next)

/* The body may remove l, and nothing else. */
#define LIST_EACH_SAFE(head, l, n) \
	for (l = (head)->next, n = l->next; l != (head); l = n, n = l->next)

#endif
