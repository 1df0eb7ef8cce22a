/* SPDX-License-Identifier: ISC */
/*
 * The file `bound`: one device pattern a line, and in front of it how the device
 * is shared. No pattern begins like "as=", so it is clear where it begins.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "cmd/share.h"
#include "cmd/state.h"
#include "core/text.h"
#include "usb/bus.h"

#define SHARE_FILE "bound"
#define SHARE_AS   "as="
#define SHARE_KEEP "keep=local "
#define SHARE_MODE "mode="
#define SHARE_LINE \
	(sizeof(SHARE_AS SHARE_KEEP SHARE_MODE) + DEVINFO_NICK + 20 + PATTERN_TEXT)

static const struct share_row *
row_named(const struct share *s, const char *nick)
{
	for (unsigned i = 0; i < s->n; i++)
		if (nick[0] != '\0' && strcmp(s->row[i].nick, nick) == 0)
			return &s->row[i];
	return NULL;
}

/* What one row says of one device, it cannot say of all but one. */
static bool
makes_sense(const struct share_row *row)
{
	if (pattern_check(row->word) != ERR_OK ||
	    (row->nick[0] != '\0' && !pattern_is_nick(row->nick)))
		return false;
	return row->word[0] != '!' ||
	       (row->nick[0] == '\0' && !row->part && !row->queued && !row->read_only);
}

int
share_add(struct share *s, const struct share_row *row)
{
	if (!makes_sense(row))
		return ERR_USAGE;
	if (row_named(s, row->nick) != NULL)
		return ERR_BUSY;
	if (s->n == SHARE_MAX)
		return ERR_FULL;
	s->row[s->n++] = *row;
	return ERR_OK;
}

/* --- the file --- */

static const struct {
	const char *name;
	bool queued, read_only;
} modes[] = {
    {"exclusive", false, false},
    {"queued", true, false},
    {"readonly", false, true},
    {"queued,readonly", true, true},
};

const char *
share_mode(bool queued, bool read_only)
{
	return modes[queued + 2 * read_only].name;
}

bool
share_read_mode(struct share_row *row, const char *text)
{
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		if (strcmp(text, modes[i].name) != 0)
			continue;
		row->queued = modes[i].queued;
		row->read_only = modes[i].read_only;
		return true;
	}
	return false;
}

/* "mode=..." and the space behind it; false: not understood. */
static bool
take_mode(struct share_row *row, const char **line)
{
	char word[20];
	size_t n;

	if (strncmp(*line, SHARE_MODE, strlen(SHARE_MODE)) != 0)
		return true;
	*line += strlen(SHARE_MODE);
	n = strcspn(*line, " ");
	if (n >= sizeof(word) || (*line)[n] == '\0')
		return false;
	memcpy(word, *line, n);
	word[n] = '\0';
	*line += n + 1;
	return share_read_mode(row, word);
}

static bool
read_row(struct share_row *row, const char *line)
{
	size_t n;

	memset(row, 0, sizeof(*row));
	if (strncmp(line, SHARE_AS, strlen(SHARE_AS)) == 0) {
		line += strlen(SHARE_AS);
		n = strcspn(line, " ");
		if (n == 0 || n >= sizeof(row->nick) || line[n] == '\0')
			return false;
		memcpy(row->nick, line, n);
		line += n + 1;
	}
	if (strncmp(line, SHARE_KEEP, strlen(SHARE_KEEP)) == 0) {
		line += strlen(SHARE_KEEP);
		row->part = true;
	}
	return take_mode(row, &line) && text_copy(row->word, sizeof(row->word), line);
}

static void
write_row(struct text *t, const struct share_row *row)
{
	if (row->nick[0] != '\0') {
		text_str(t, SHARE_AS);
		text_str(t, row->nick);
		text_char(t, ' ');
	}
	if (row->part)
		text_str(t, SHARE_KEEP);
	if (row->queued || row->read_only) {
		text_str(t, SHARE_MODE);
		text_str(t, share_mode(row->queued, row->read_only));
		text_char(t, ' ');
	}
	text_str(t, row->word);
	text_char(t, '\n');
}

static int
read_line(void *arg, unsigned number, const char *line)
{
	struct share_row row;
	int err;

	if (line[0] == '\0' || line[0] == '#')
		return ERR_OK;
	err = read_row(&row, line) ? share_add(arg, &row) : ERR_USAGE;
	if (err == ERR_BUSY)
		cmd_fail(err, "%s line %u: the nickname %s stands twice", SHARE_FILE,
			 number, row.nick);
	else if (err == ERR_USAGE)
		cmd_fail(err, "%s line %u is no device: mend or remove it", SHARE_FILE,
			 number);
	return err;
}

int
share_load(struct share *s, const char *dir)
{
	char *text = state_read(dir, SHARE_FILE);
	int err;

	if (text == NULL)
		return ERR_IO;
	err = state_lines(text, read_line, s);
	free(text);
	return err;
}

static int
save(const struct share *s, const char *dir)
{
	char text[SHARE_MAX * SHARE_LINE + 1];
	struct text t;

	text_init(&t, text, sizeof(text));
	for (unsigned i = 0; i < s->n; i++)
		write_row(&t, &s->row[i]);
	return state_write(dir, SHARE_FILE, text);
}

/* --- changes --- */

static int
put(struct share *s, const void *arg)
{
	const struct share_row *row = arg, *other = row_named(s, row->nick);

	for (unsigned i = 0; i < s->n; i++) {
		if (strcmp(s->row[i].word, row->word) != 0)
			continue;
		if (!makes_sense(row))
			return ERR_USAGE;
		if (other != NULL && other != &s->row[i])
			return ERR_BUSY;
		s->row[i] = *row;
		return ERR_OK;
	}
	return share_add(s, row);
}

static int
take(struct share *s, const void *arg)
{
	const struct share_row *row = row_named(s, arg);
	unsigned at = 0;

	if (row != NULL)
		at = (unsigned)(row - s->row);
	else
		while (at < s->n && strcmp(s->row[at].word, arg) != 0)
			at++;
	if (at == s->n)
		return ERR_NODEV;
	s->n--;
	memmove(&s->row[at], &s->row[at + 1], (s->n - at) * sizeof(s->row[0]));
	return ERR_OK;
}

static int
change(const char *dir, int (*how)(struct share *, const void *), const void *arg)
{
	struct share s = {.n = 0};
	int err, lock = state_lock(dir, "lock", 1);

	if (lock < 0)
		return lock;
	if ((err = share_load(&s, dir)) == ERR_OK && (err = how(&s, arg)) == ERR_OK)
		err = save(&s, dir);
	close(lock);
	return err;
}

int
share_bind(const char *dir, const struct share_row *row)
{
	return change(dir, put, row);
}

int
share_unbind(const char *dir, const char *word)
{
	return change(dir, take, word);
}

/* --- devices --- */

bool
share_has(const struct share *s, const struct devinfo *info, bool is_virtual)
{
	const char *word[SHARE_MAX];

	for (unsigned i = 0; i < s->n; i++)
		word[i] = s->row[i].word;
	return is_virtual || pattern_list(word, s->n, info);
}

void
share_resolve(const struct share *s, char word[PATTERN_TEXT], const struct devinfo *d)
{
	static const char nowhere[] = "0-0"; /* buses count from 1 */
	char *text = word + (*word == '!');

	if (pattern_names(word, d))
		pattern_resolve(word, d);
	else if (row_named(s, text) != NULL)
		memcpy(text, nowhere, sizeof(nowhere));
}

static bool
gives(const struct share *s, const struct share_row *row, const struct devinfo *d)
{
	return row->nick[0] != '\0' && pattern_match(row->word, d) &&
	       share_has(s, d, false);
}

static bool
is_given(const struct usb_bus *bus, const char *nick)
{
	struct list *l;

	LIST_EACH (&bus->devs, l) {
		const struct usb_dev *d = CONTAINER_OF(l, struct usb_dev, link);

		if (!d->left && strcmp(d->info.nick, nick) == 0)
			return true;
	}
	return false;
}

static void
give(const struct share *s, const struct usb_bus *bus, struct devinfo *d)
{
	for (unsigned i = 0; i < s->n && d->nick[0] == '\0'; i++)
		if (gives(s, &s->row[i], d) && !is_given(bus, s->row[i].nick))
			text_copy(d->nick, sizeof(d->nick), s->row[i].nick);
}

static void
look_at(const struct share *s, struct usb_dev *d)
{
	const struct share_row *row = row_named(s, d->info.nick);

	if (row == NULL || !gives(s, row, &d->info))
		d->info.nick[0] = '\0';
	d->info.part = d->info.queued = d->info.read_only = false;
	for (unsigned i = 0; i < s->n; i++) {
		row = &s->row[i];
		if (!pattern_match(row->word, &d->info))
			continue;
		d->info.part |= row->part && !d->is_virtual;
		d->info.queued |= row->queued;
		d->info.read_only |= row->read_only;
	}
}

void
share_mark(const struct share *s, struct usb_bus *bus)
{
	struct list *l;

	LIST_EACH (&bus->devs, l)
		look_at(s, CONTAINER_OF(l, struct usb_dev, link));
	LIST_EACH (&bus->devs, l)
		give(s, bus, &CONTAINER_OF(l, struct usb_dev, link)->info);
}
