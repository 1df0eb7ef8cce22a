/* SPDX-License-Identifier: ISC */
/*
 * The file `peers`.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "cmd/peers.h"
#include "cmd/state.h"

#define PEERS_FILE "peers"
#define PEERS_MAX  4096
#define PEERS_LINE 8192

static int
add(struct peers *p, const struct access_row *row)
{
	struct access_row *more;

	if (p->n == PEERS_MAX ||
	    (more = realloc(p->row, (p->n + 1) * sizeof(*more))) == NULL)
		return ERR_NOMEM;
	p->row = more;
	p->row[p->n++] = *row;
	return ERR_OK;
}

static int
read_line(void *arg, unsigned number, const char *line)
{
	struct access_row row;
	int err = access_read(line, &row);

	if (err == ERR_NODEV)
		return ERR_OK;
	if (err == ERR_OK)
		return add(arg, &row);
	cmd_fail(err, "%s line %u is not understood: mend or remove it", PEERS_FILE,
		 number);
	return err;
}

int
peers_load(struct peers *p, const char *dir)
{
	char *text = state_read(dir, PEERS_FILE);
	int err;

	p->row = NULL;
	p->n = 0;
	if (text == NULL)
		return ERR_IO;
	err = state_lines(text, read_line, p);
	free(text);
	if (err != ERR_OK)
		peers_free(p);
	return err;
}

void
peers_free(struct peers *p)
{
	free(p->row);
	p->row = NULL;
	p->n = 0;
}

struct access_row *
peers_by_id(const struct peers *p, enum access_kind kind, const uint8_t id[PEERID])
{
	for (unsigned i = 0; i < p->n; i++)
		if (p->row[i].kind == kind && memcmp(p->row[i].id, id, PEERID) == 0)
			return &p->row[i];
	return NULL;
}

struct access_row *
peers_by_name(const struct peers *p, enum access_kind kind, const char *name)
{
	for (unsigned i = 0; i < p->n; i++)
		if (p->row[i].kind == kind && strcmp(p->row[i].name, name) == 0)
			return &p->row[i];
	return NULL;
}

static int
save(const struct peers *p, const char *dir)
{
	char *text = malloc((size_t)p->n * PEERS_LINE + 1);
	size_t at = 0;
	int err = ERR_OK;

	if (text == NULL)
		return ERR_NOMEM;
	text[0] = '\0';
	for (unsigned i = 0; i < p->n && err == ERR_OK; i++) {
		err = access_write(&p->row[i], text + at, PEERS_LINE - 1);
		at += strlen(text + at);
		memcpy(text + at++, "\n", 2);
	}
	if (err == ERR_OK)
		err = state_write(dir, PEERS_FILE, text);
	free(text);
	return err;
}

int
peers_change(const char *dir, int (*fn)(void *arg, struct peers *), void *arg)
{
	struct peers p;
	int err, lock = state_lock(dir, "lock", 1);

	if (lock < 0)
		return lock;
	if ((err = peers_load(&p, dir)) == ERR_OK) {
		if ((err = fn(arg, &p)) == ERR_OK)
			err = save(&p, dir);
		peers_free(&p);
	}
	close(lock);
	return err;
}

static int
put(void *arg, struct peers *p)
{
	const struct access_row *row = arg;
	struct access_row *old = peers_by_id(p, row->kind, row->id);

	if (old == NULL)
		return add(p, row);
	*old = *row;
	return ERR_OK;
}

int
peers_put(const char *dir, const struct access_row *row)
{
	struct access_row copy = *row;

	return peers_change(dir, put, &copy);
}
