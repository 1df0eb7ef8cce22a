/* SPDX-License-Identifier: ISC */
/*
 * The file `tickets`.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "cmd/state.h"
#include "cmd/tickets.h"
#include "core/mem.h"
#include "core/text.h"

#define TICKETS_FILE "tickets"
#define TICKETS_LINE 8192

struct tickets {
	struct issued *row;
	unsigned n;
};

static void
put_hex(struct text *t, const uint8_t *p, size_t n)
{
	text_bytes(t, p, n);
	text_char(t, ' ');
}

static bool
get_hex(const char *word, uint8_t *p, size_t n)
{
	uint64_t v;
	char two[3] = "";

	if (word == NULL || strlen(word) != 2 * n)
		return false;
	for (size_t i = 0; i < n; i++) {
		memcpy(two, word + 2 * i, 2);
		if (!text_to_hex(two, 255, &v))
			return false;
		p[i] = (uint8_t)v;
	}
	return true;
}

static void
put_word(struct text *t, const char *word)
{
	char b[PATTERN_TEXT * 3];

	if (!access_escape(word, b, sizeof(b)))
		t->full = true;
	text_str(t, b);
	text_char(t, ' ');
}

static int
write_row(const struct issued *r, char *line, size_t cap)
{
	struct text t;

	text_init(&t, line, cap);
	put_hex(&t, r->id, sizeof(r->id));
	put_hex(&t, r->secret, sizeof(r->secret));
	text_u64(&t, r->expiry);
	text_char(&t, ' ');
	text_u64(&t, r->uses);
	text_char(&t, ' ');
	put_word(&t, r->name[0] == '\0' ? "-" : r->name);
	text_u64(&t, r->words);
	text_char(&t, ' ');
	for (unsigned i = 0; i < r->words; i++)
		put_word(&t, r->word[i]);
	for (unsigned i = 0; i < r->redeemers; i++)
		put_hex(&t, r->redeemer[i], PEERID);
	text_char(&t, '\n');
	return t.full ? ERR_TOOBIG : ERR_OK;
}

static bool
get_u64(const char *word, uint64_t max, uint64_t *v)
{
	return word != NULL && text_to_u64(word, max, v);
}

static bool
get_word(const char *word, char *dst, size_t cap)
{
	return word != NULL && access_unescape(word, strlen(word), dst, cap);
}

static bool
read_row(char *line, struct issued *r)
{
	char *at = line, *w;
	uint64_t uses, words;

	memset(r, 0, sizeof(*r));
	if (!get_hex(strsep(&at, " "), r->id, sizeof(r->id)) ||
	    !get_hex(strsep(&at, " "), r->secret, sizeof(r->secret)) ||
	    !get_u64(strsep(&at, " "), UINT64_MAX, &r->expiry) ||
	    !get_u64(strsep(&at, " "), TICKETS_REDEEMERS, &uses) ||
	    !get_word(strsep(&at, " "), r->name, sizeof(r->name)) ||
	    !get_u64(strsep(&at, " "), ACCESS_WORDS, &words))
		return false;
	r->uses = (unsigned)uses;
	r->words = (unsigned)words;
	if (strcmp(r->name, "-") == 0)
		r->name[0] = '\0';
	for (unsigned i = 0; i < r->words; i++)
		if (!get_word(strsep(&at, " "), r->word[i], sizeof(r->word[i])) ||
		    pattern_check(r->word[i]) != ERR_OK)
			return false;
	while ((w = strsep(&at, " ")) != NULL && w[0] != '\0')
		if (r->redeemers == TICKETS_REDEEMERS ||
		    !get_hex(w, r->redeemer[r->redeemers++], PEERID))
			return false;
	return true;
}

static int
add(struct tickets *t, const struct issued *row)
{
	struct issued *more;

	if (t->n == TICKETS_MAX)
		return ERR_FULL;
	if ((more = realloc(t->row, (t->n + 1) * sizeof(*more))) == NULL)
		return ERR_NOMEM;
	t->row = more;
	t->row[t->n++] = *row;
	return ERR_OK;
}

static int
read_line(void *arg, unsigned number, const char *line)
{
	struct issued row;
	char *copy;
	bool ok;

	if (line[0] == '\0')
		return ERR_OK;
	if ((copy = strdup(line)) == NULL)
		return ERR_NOMEM;
	ok = read_row(copy, &row);
	free(copy);
	if (ok)
		return add(arg, &row);
	cmd_fail(ERR_USAGE, "%s line %u is not understood: remove it", TICKETS_FILE,
		 number);
	return ERR_USAGE;
}

static int
load(struct tickets *t, const char *dir)
{
	char *text = state_read(dir, TICKETS_FILE);
	int err;

	t->row = NULL;
	t->n = 0;
	if (text == NULL)
		return ERR_IO;
	err = state_lines(text, read_line, t);
	free(text);
	return err;
}

static int
save(const struct tickets *t, const char *dir)
{
	char *text = malloc((size_t)t->n * TICKETS_LINE + 1);
	size_t at = 0;
	int err = ERR_OK;

	if (text == NULL)
		return ERR_NOMEM;
	text[0] = '\0';
	for (unsigned i = 0; i < t->n && err == ERR_OK; i++) {
		err = write_row(&t->row[i], text + at, TICKETS_LINE);
		at += strlen(text + at);
	}
	if (err == ERR_OK)
		err = state_write(dir, TICKETS_FILE, text);
	free(text);
	return err;
}

static struct issued *
find(const struct tickets *t, const uint8_t id[TICKET_ID])
{
	for (unsigned i = 0; i < t->n; i++)
		if (memcmp(t->row[i].id, id, TICKET_ID) == 0)
			return &t->row[i];
	return NULL;
}

/* Runs fn on the loaded file under the lock; saves what it changed. */
static int
change(const char *dir, int (*fn)(struct tickets *, void *arg), void *arg)
{
	struct tickets t;
	int err, lock = state_lock(dir, "lock", 1);

	if (lock < 0)
		return lock;
	if ((err = load(&t, dir)) == ERR_OK && (err = fn(&t, arg)) == ERR_OK)
		err = save(&t, dir);
	free(t.row);
	close(lock);
	return err;
}

struct addition {
	const struct issued *row;
	uint64_t now;
};

static bool
expired(const struct issued *r, uint64_t now)
{
	return r->expiry != 0 && now >= r->expiry;
}

/* Those that have expired are kept, to be called so, until their room is needed. */
static int
do_add(struct tickets *t, void *arg)
{
	const struct addition *q = arg;
	unsigned n = 0;

	if (t->n == TICKETS_MAX) {
		for (unsigned i = 0; i < t->n; i++)
			if (!expired(&t->row[i], q->now))
				t->row[n++] = t->row[i];
		t->n = n;
	}
	return add(t, q->row);
}

int
tickets_add(const char *dir, const struct issued *row, uint64_t now)
{
	struct addition q = {row, now};

	return change(dir, do_add, &q);
}

int
tickets_find(const char *dir, const uint8_t id[TICKET_ID], struct issued *row)
{
	struct issued *r = NULL;
	struct tickets t;
	int err;

	if ((err = load(&t, dir)) == ERR_OK && (r = find(&t, id)) != NULL)
		*row = *r;
	free(t.row);
	return err != ERR_OK ? err : r == NULL ? ERR_NODEV : ERR_OK;
}

struct redemption {
	const uint8_t *id, *client;
	uint64_t now;
};

static int
do_redeem(struct tickets *t, void *arg)
{
	const struct redemption *q = arg;
	struct issued *r = find(t, q->id);

	if (r == NULL)
		return ERR_NODEV;
	if (expired(r, q->now))
		return ERR_REFUSED;
	for (unsigned i = 0; i < r->redeemers; i++)
		if (memcmp(r->redeemer[i], q->client, PEERID) == 0)
			return ERR_OK;
	if (r->uses == 0 || r->redeemers == TICKETS_REDEEMERS)
		return ERR_REFUSED;
	r->uses--;
	memcpy(r->redeemer[r->redeemers++], q->client, PEERID);
	return ERR_OK;
}

int
tickets_redeem(const char *dir, const uint8_t id[TICKET_ID], const uint8_t client[PEERID],
	       uint64_t now)
{
	struct redemption q = {id, client, now};

	return change(dir, do_redeem, &q);
}

static int
do_forget(struct tickets *t, void *arg)
{
	const uint8_t *client = arg;

	for (unsigned i = 0; i < t->n; i++) {
		struct issued *r = &t->row[i];
		unsigned left = 0;

		for (unsigned k = 0; k < r->redeemers; k++)
			if (memcmp(r->redeemer[k], client, PEERID) != 0)
				memmove(r->redeemer[left++], r->redeemer[k], PEERID);
		if (left < r->redeemers)
			r->uses = 0;
		r->redeemers = left;
	}
	return ERR_OK;
}

int
tickets_forget(const char *dir, const uint8_t client[PEERID])
{
	uint8_t copy[PEERID];

	memcpy(copy, client, PEERID);
	return change(dir, do_forget, copy);
}
