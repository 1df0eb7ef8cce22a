/* SPDX-License-Identifier: ISC */
/*
 * A short list of requests, one for each peer and thing.
 */
#include <string.h>

#include "cmd/asked.h"
#include "core/text.h"

static struct asked_row *
find(struct asked *a, const uint8_t *id, const char *busid)
{
	for (unsigned i = 0; i < a->n; i++)
		if (memcmp(a->row[i].id, id, PEERID) == 0 &&
		    strcmp(a->row[i].busid, busid) == 0)
			return &a->row[i];
	return NULL;
}

static void
drop(struct asked *a, unsigned i)
{
	memmove(&a->row[i], &a->row[i + 1], (a->n - i - 1) * sizeof(a->row[0]));
	a->n--;
}

static struct asked_row *
make(struct asked *a, const uint8_t *id, const char *busid)
{
	struct asked_row *r;

	if (a->n == ASKED_MAX)
		drop(a, 0);
	r = &a->row[a->n++];
	memset(r, 0, sizeof(*r));
	memcpy(r->id, id, PEERID);
	text_copy(r->busid, sizeof(r->busid), busid);
	return r;
}

void
asked_add(struct asked *a, const uint8_t id[PEERID], const char *name, const char *busid,
	  const char *from, uint64_t now_s)
{
	struct asked_row *r = find(a, id, busid);

	if (r == NULL)
		r = make(a, id, busid);
	text_copy(r->name, sizeof(r->name), name);
	access_name_clean(r->name);
	text_copy(r->from, sizeof(r->from), from);
	text_clean(r->from);
	r->at = now_s;
	r->times++;
}

bool
asked_refuse(struct asked *a, const uint8_t id[PEERID])
{
	bool any = false;

	for (unsigned i = 0; i < a->n; i++)
		if (memcmp(a->row[i].id, id, PEERID) == 0 && !a->row[i].refused)
			any = a->row[i].refused = true;
	return any;
}

void
asked_review(struct asked *a, bool (*fn)(void *arg, const struct asked_row *), void *arg)
{
	for (unsigned i = a->n; i-- > 0;)
		if (fn(arg, &a->row[i]))
			drop(a, i);
}

void
asked_report(const struct asked *a, struct json *j)
{
	char id[PEERID_TEXT];

	json_array(j, "requests");
	for (unsigned i = 0; i < a->n; i++) {
		const struct asked_row *r = &a->row[i];

		if (r->refused)
			continue;
		peerid_text(r->id, id);
		json_open(j, NULL);
		json_str(j, "name", r->name);
		json_str(j, "id", id);
		if (r->busid[0] != '\0')
			json_str(j, "busid", r->busid);
		json_str(j, "from", r->from);
		json_u64(j, "at", r->at);
		json_u64(j, "times", r->times);
		json_close(j);
	}
	json_end(j);
}
